//! Programs that load the plugin as it is built.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
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
        .env("GST_REGISTRY", Path::new(env!("CARGO_TARGET_TMPDIR")).join("registry.bin"))
}

/// Runs a command in a folder. A warning of GLib's ends it, and so does a minute and a half.
pub fn run(command: &mut Command, folder: &Path) -> Output {
    let mut child = with_plugin(command, &PLUGIN_PATH)
        .current_dir(folder)
        .env("G_DEBUG", "fatal-warnings")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let deadline = Instant::now() + Duration::from_secs(90);
    while child.try_wait().expect("it can be asked").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("it can be killed");
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("it has ended")
}

pub fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}
