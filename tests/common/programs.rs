//! Programs that load the plugin as it is built.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};

/// A folder with the plugin and nothing else.
static PLUGIN_PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    let name = format!("{DLL_PREFIX}gsthistomatch{DLL_SUFFIX}");
    let built = std::env::current_exe().expect("this test has a path").with_file_name(&name);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin");
    std::fs::create_dir_all(&folder).expect("the folder is made");
    std::fs::copy(built, folder.join(name)).expect("the plugin is built with its tests");
    // Scans all plugins of this machine once, so that what they have to say does not disturb.
    let scan = with_plugin(Command::new("gst-inspect-1.0").arg("histomatch"), &folder).output();
    assert!(scan.expect("gst-inspect-1.0 is installed").status.success());
    folder
});

fn with_plugin<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command
        .env("GST_PLUGIN_PATH", folder)
        .env("GST_PRESET_PATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("presets"))
        .env("GST_REGISTRY", Path::new(env!("CARGO_TARGET_TMPDIR")).join("registry.bin"))
}

/// One of this program's tests once more, for a process of its own: `module_path!()` and its name.
pub fn alone(module: &str, test: &str) -> Command {
    // As tests are called: without the name of the program.
    let module = module.split_once("::").map_or(String::new(), |(_, inner)| format!("{inner}::"));
    let mut again = Command::new(std::env::current_exe().expect("this test has a path"));
    again.args([&format!("{module}{test}"), "--exact", "--nocapture"]);
    again
}

/// How long a program may take that must end. It tells what hangs from what is slow, so it is long
/// enough for a machine that does much else.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// Runs a command in a folder. A warning of GLib's ends it, and so does a hang.
pub fn run(command: &mut Command, folder: &Path) -> Output {
    // With what it starts.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let child = with_plugin(command, &PLUGIN_PATH)
        .current_dir(folder)
        .env("G_DEBUG", "fatal-warnings")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let id = child.id();
    let (sender, receiver) = mpsc::channel();
    // It reads what the program prints, or that would wait for it.
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        signal(&format!("-{id}"), "KILL");
        panic!("{command:?} does not end")
    });
    output.expect("it has ended")
}

/// Sends a process or, if negative, a group of them a signal, by its name without SIG, which the
/// standard library can't.
fn signal(process: &str, name: &str) {
    // It may also have ended by itself.
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -s \"$0\" -- \"$1\"", name, process]);
    let _ = kill.stderr(Stdio::null()).status();
}

pub fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

/// A Python that has GStreamer.
pub fn python() -> Command {
    // Debian's packages are for Debian's Python, which need not be the first one.
    let python = ["/usr/bin/python3", "python3"].into_iter().find(|python| {
        let import = Command::new(python).args(["-c", "import gi"]).output();
        import.is_ok_and(|output| output.status.success())
    });
    Command::new(python.expect("Python with gi: install python3-gst-1.0"))
}

/// One of the programs in `examples/`, which `cargo test` builds unless it is told what to test.
pub fn example(name: &str) -> PathBuf {
    // target/debug/examples/that, for target/debug/deps/this.
    let this = std::env::current_exe().expect("this test has a path");
    let profile = this.ancestors().nth(2).expect("it is two folders deep");
    let path = profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{}: run `cargo build --locked --examples`", path.display());
    path
}

/// A program that runs until this is dropped.
pub struct Background {
    child: Child,
    /// What it has printed.
    log: PathBuf,
}

/// Starts a program of Linux's in a folder; a warning of GLib's ends it.
///
/// `setpriv` makes the kernel end it with the thread that started it, so it is not left over when
/// the whole test process dies, either. `env` undoes what shells do to programs in the background,
/// which is to make them ignore interrupts.
pub fn start(program: &str, set_up: impl FnOnce(&mut Command), folder: &Path) -> Background {
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", "setpriv", "--pdeathsig", "TERM", program]);
    command.env("G_DEBUG", "fatal-warnings");
    set_up(&mut command);
    let name = Path::new(program).file_name().expect("a program has a name").to_string_lossy();
    let log = (0..)
        .map(|n| folder.join(format!("{name}.{n}.log")))
        .find(|log| !log.exists())
        .expect("a number is free");
    let output = File::create(&log).expect("the log is made");
    let child = with_plugin(&mut command, &PLUGIN_PATH)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("a file can be shared"))
        .stderr(output)
        .spawn()
        .expect("the command starts");
    Background { child, log }
}

impl Background {
    /// What it has printed so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).expect("the log can be read")).into()
    }

    /// What it has printed, and how it has ended, if it has.
    pub fn story(&mut self) -> String {
        let status = self.child.try_wait().expect("it can be asked");
        let end = status.map_or("It still runs".into(), |status| status.to_string());
        format!("{end}; it has printed: {}", self.text())
    }

    /// Waits until there is what is looked for; not longer than the program lives, nor for ever.
    pub fn wait_for<T>(&mut self, mut look: impl FnMut(&Self) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Asked before, so that what it did last is seen.
            let status = self.child.try_wait().expect("it can be asked");
            let found = look(self);
            if found.is_some() || status.is_some() || Instant::now() > deadline {
                return found;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends it a signal, by its name without SIG.
    pub fn signal(&self, name: &str) {
        signal(&self.child.id().to_string(), name);
    }

    /// Waits until it has ended; gives whether it did, and without an error.
    pub fn succeeds(&mut self) -> bool {
        self.wait_for(|_| None::<()>);
        let status = self.child.try_wait().expect("it can be asked");
        status.is_some_and(|status| status.success())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // First in a way that lets it clean up.
        self.signal("TERM");
        let deadline = Instant::now() + Duration::from_secs(2);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says so and gives true if something that a test needs is not installed.
pub fn skipped(programs: &[&str], elements: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let no_program =
        |name: &&&str| !std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    let no_element = |name: &&&str| {
        // Not its --exists, for which a plugin with a lower version than GStreamer's doesn't.
        let mut inspect = Command::new("gst-inspect-1.0");
        !run(inspect.arg(name), Path::new("/")).status.success()
    };
    let missing: Vec<&str> = programs
        .iter()
        .filter(no_program)
        .chain(elements.iter().filter(no_element))
        .copied()
        .collect();
    missing_is_said(&missing)
}

/// The same for modules of [`python`].
pub fn skipped_modules(modules: &[&str]) -> bool {
    let no_module = |name: &&&str| {
        let output = python().args(["-c", &format!("import {name}")]).output();
        !output.expect("Python starts").status.success()
    };
    missing_is_said(&modules.iter().filter(no_module).copied().collect::<Vec<_>>())
}

fn missing_is_said(missing: &[&str]) -> bool {
    if !missing.is_empty() {
        println!("skipped: not installed: {}", missing.join(", "));
    }
    !missing.is_empty()
}
