//! Many films: each in a process of its own, so that a decoder that crashes costs one film.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::DAMAGED;
use crate::files::Task;
use crate::film::{Progress, Report};
use crate::interruption::Interruption;
use crate::options::Options;
use crate::screen::Line;
use crate::workspace::Workspace;

const ALL: &str = "{pos} of {len} files";

/// Writes those films that aren't there; `arguments` are given to the process of each.
pub fn write(
    tasks: Vec<Task>,
    options: &Options,
    arguments: &[OsString],
    interruption: &Interruption,
) -> anyhow::Result<ExitCode> {
    let (done, tasks): (Vec<_>, Vec<_>) =
        tasks.into_iter().partition(|task| !options.force && task.output.exists());
    for task in done {
        eprintln!("{}: skipped, as '{}' exists", task.input.display(), task.output.display());
    }
    let cores = thread::available_parallelism()?;
    let jobs = options.jobs.unwrap_or(cores).get().min(tasks.len());

    let screen = MultiProgress::new();
    let all = screen
        .add(ProgressBar::new(tasks.len() as u64).with_style(ProgressStyle::with_template(ALL)?));
    let queue = Mutex::new(tasks.into_iter());
    let next = || queue.lock().ok()?.next().filter(|_| !interruption.happened());
    let [failures, damaged] = [(); 2].map(|()| AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(task) = next() {
                    let end = in_process(&task, arguments, interruption, &screen);
                    let end = end.unwrap_or_else(|error| {
                        screen.suspend(|| eprintln!("Error: {error:#}"));
                        End::Failed
                    });
                    match end {
                        End::Whole => 0,
                        End::Damaged => damaged.fetch_add(1, Relaxed),
                        End::Failed => failures.fetch_add(1, Relaxed),
                    };
                    all.inc(1);
                }
            });
        }
    });
    all.finish_and_clear();
    if interruption.happened() {
        eprintln!("Interrupted; the same command goes on with the files that are missing");
        return Ok(interruption.exit_code());
    }
    let failures = failures.into_inner();
    if failures > 0 {
        bail!("{failures} of the files failed; the lines above say why");
    }
    Ok(if damaged.into_inner() > 0 { ExitCode::from(DAMAGED) } else { ExitCode::SUCCESS })
}

enum End {
    Whole,
    Damaged,
    /// It was said why.
    Failed,
}

fn in_process(
    task: &Task,
    arguments: &[OsString],
    interruption: &Interruption,
    screen: &MultiProgress,
) -> anyhow::Result<End> {
    let cant = || {
        let [input, output] = [&task.input, &task.output].map(|path| path.display());
        format!("'{input}' wasn't converted to '{output}'")
    };
    let mut output = OsString::from("--output=");
    output.push(&task.output);
    let mut command = Command::new(std::env::current_exe().with_context(cant)?);
    command.args(arguments).args(["--for-batch", "--force"]).arg(output).arg("--");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.arg(&task.input).spawn().with_context(cant)?;
    follow(&mut child, &task.input, interruption, screen).with_context(cant)?;
    let status = child.wait().with_context(cant)?;
    match status.code() {
        Some(0) => Ok(End::Whole),
        Some(code) if code == i32::from(DAMAGED) => Ok(End::Damaged),
        Some(_) => Ok(End::Failed),
        None => {
            // What it left is deleted.
            drop(Workspace::new(&task.output));
            let why = "by a decoder or an encoder that crashes, or for want of memory";
            bail!("{}: its process was killed ({status}), as {why}", cant())
        }
    }
}

/// Shows what a process says until it ends.
fn follow(
    child: &mut Child,
    input: &Path,
    interruption: &Interruption,
    screen: &MultiProgress,
) -> anyhow::Result<()> {
    enum Said {
        Progress(Progress),
        Text(String),
    }
    let input = input.display().to_string();
    let line = Line::new(screen, &input)?;
    let (sender, said) = mpsc::channel();
    let output = child.stdout.take().context("It is piped")?;
    send_lines(output, &sender, |text| parse(&text).map(Said::Progress));
    let errors = child.stderr.take().context("It is piped")?;
    send_lines(errors, &sender, |text| Some(Said::Text(text)));
    drop(sender);
    loop {
        match said.recv_timeout(Duration::from_millis(100)) {
            Ok(Said::Progress(progress)) => line.progress(&progress),
            Ok(Said::Text(text)) => line.print(&text),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if interruption.happened() {
            drop(child.stdin.take());
        }
    }
}

fn send_lines<T: Send + 'static>(
    pipe: impl Read + Send + 'static,
    sender: &Sender<T>,
    parse: impl Fn(String) -> Option<T> + Send + 'static,
) {
    let sender = sender.clone();
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            parse(line).map(|said| sender.send(said));
        }
    });
}

/// How the process of one film tells the one of all of them.
pub struct Pipe<'a> {
    pub input: &'a str,
}

impl Report for Pipe<'_> {
    fn progress(&self, progress: &Progress) {
        let Progress { frames, done, total } = progress;
        let total = total.map_or(String::new(), |total| total.nseconds().to_string());
        // If nobody reads it any more, an interruption is on its way.
        let _ = writeln!(std::io::stdout(), "{frames} {} {total}", done.nseconds());
    }

    fn say(&self, text: &str) {
        eprintln!("{}: {text}", self.input);
    }
}

fn parse(line: &str) -> Option<Progress> {
    let mut numbers = line.split(' ').map(|number| number.parse::<u64>().ok());
    let (frames, done, total) = (numbers.next()??, numbers.next()??, numbers.next()?);
    let total = total.map(gst::ClockTime::from_nseconds);
    Some(Progress { frames, done: gst::ClockTime::from_nseconds(done), total })
}
