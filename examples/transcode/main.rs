//! Gives the films in files the histograms of a reference picture:
//!
//! ```text
//! cargo run --release --example transcode -- IN.mp4 --reference REF.png -o OUT.mkv
//! ```
//!
//! [examples/README.md](../README.md) tells more.

mod batch;
mod check;
mod colors;
mod damage;
#[path = "../common/files.rs"]
mod files;
mod film;
mod formats;
mod interruption;
mod options;
mod part;
mod probe;
#[path = "../common/property.rs"]
mod property;
mod remux;
mod screen;
mod text;
mod timecode;
mod turn;
mod video;
mod workspace;

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::{CommandFactory, FromArgMatches};
use indicatif::MultiProgress;

use batch::Pipe;
use files::{Kind, Plan, Task};
use film::{End, Progress, Recipe, Report};
use interruption::Interruption;
use options::Options;
use screen::Line;
use workspace::Workspace;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("Error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run() -> anyhow::Result<ExitCode> {
    let matches = Options::command().get_matches();
    let options = Options::from_arg_matches(&matches)?;
    gst::init()?;
    gsthistomatch::plugin_register_static()?;
    damage::listen();

    let container = options::container(&options)?;
    let recipe = options::recipe(&options, container)?;
    let interruption = Interruption::watch()?;
    if options.for_batch {
        interruption.follow_parent();
    }
    let ending = |_: &Path| container.endings[0].into();
    let plan = files::plan(&options.inputs, &options.output, &VIDEOS, options.recursive, ending)?;
    match plan {
        Plan::Single(task) if options.dry_run => describe(&[task], &recipe),
        Plan::Folder(tasks) if options.dry_run => describe(&tasks, &recipe),
        Plan::Single(task) => single(&task, &recipe, &options, &interruption),
        Plan::Folder(tasks) => {
            files::make_folders(&tasks)?;
            batch::write(tasks, &options, &options::for_each_film(&matches), &interruption)
        }
    }
}

const VIDEOS: Kind = Kind {
    name: "video",
    endings: &[
        "3g2", "3gp", "asf", "avi", "divx", "dv", "f4v", "flv", "m2t", "m2ts", "m2v", "m4v", "mkv",
        "mod", "mov", "mp4", "mpe", "mpeg", "mpg", "mts", "mxf", "ogm", "ogv", "qt", "rm", "rmvb",
        "tod", "ts", "vob", "webm", "wmv", "wtv",
    ],
};

/// Says what would be done.
fn describe(tasks: &[Task], recipe: &Recipe) -> anyhow::Result<ExitCode> {
    let mut failures = 0;
    for Task { input, output } in tasks {
        let exists = if output.exists() { ", which exists" } else { "" };
        println!("{} -> {}{exists}", input.display(), output.display());
        let text = files::check_readable(input).and_then(|()| film::describe(input, recipe));
        failures += u32::from(text.is_err());
        println!("{}", text.unwrap_or_else(|error| format!("    Error: {error:#}")));
    }
    ensure!(failures == 0, "{failures} of the files can't be converted");
    Ok(ExitCode::SUCCESS)
}

fn single(
    task: &Task,
    recipe: &Recipe,
    options: &Options,
    interruption: &Interruption,
) -> anyhow::Result<ExitCode> {
    let output = task.output.display();
    ensure!(
        options.force || !task.output.exists(),
        "'{output}' exists; choose another output, or write over it with --force"
    );
    match write(task, recipe, options, interruption)? {
        Written::Whole => return Ok(ExitCode::SUCCESS),
        Written::Damaged => return Ok(ExitCode::from(DAMAGED)),
        Written::Partly(done) => eprintln!("Interrupted: '{output}' has the first {done}"),
        Written::Nothing if options.for_batch => {}
        Written::Nothing => eprintln!("Interrupted: nothing is written"),
    }
    Ok(interruption.exit_code())
}

/// The exit code if a film was written as far as it could be read.
const DAMAGED: u8 = 3;

enum Written {
    Whole,
    /// As far as it can be read.
    Damaged,
    /// And how much of it.
    Partly(String),
    /// It was interrupted.
    Nothing,
}

fn write(
    task: &Task,
    recipe: &Recipe,
    options: &Options,
    interruption: &Interruption,
) -> anyhow::Result<Written> {
    let input = task.input.display().to_string();
    let screen = MultiProgress::new();
    let (line, pipe) = (Line::new(&screen, &input)?, Pipe { input: &input });
    let report: &dyn Report = if options.for_batch { &pipe } else { &line };
    let begin = Instant::now();
    let (written, progress) = convert(task, recipe, options, interruption, report)
        .with_context(|| format!("'{input}' wasn't converted to '{}'", task.output.display()))?;
    if let Written::Whole | Written::Damaged = written {
        let took = begin.elapsed().as_secs_f64();
        let (frames, done) = (progress.frames, text::time(progress.done));
        let s = if frames == 1 { "" } else { "s" };
        let output = task.output.display();
        report.say(&format!("{frames} frame{s}, {done} in {took:.1} s -> {output}"));
    }
    Ok(written)
}

fn convert(
    task: &Task,
    recipe: &Recipe,
    options: &Options,
    interruption: &Interruption,
    report: &dyn Report,
) -> anyhow::Result<(Written, Progress)> {
    files::check_readable(&task.input)?;
    let workspace = Workspace::new(&task.output)?;
    let written = film::write(&task.input, &workspace, recipe, &interruption.happened, report);
    let (file, end, progress) = written.map_err(|error| match workspace.room() {
        // What FFmpeg and GStreamer say then is not always that.
        ..100_000 => error.context("No room is left for it"),
        _ => error,
    })?;
    let written = match end {
        End::Whole => Written::Whole,
        End::Damaged => Written::Damaged,
        End::Interrupted if progress.frames == 0 => Written::Nothing,
        End::Interrupted => Written::Partly(text::time(progress.done)),
    };
    if !matches!(written, Written::Nothing) {
        if options.keep_times {
            copy_times(&task.input, &file)?;
        }
        files::finish(&file, &task.output)?;
    }
    Ok((written, progress))
}

fn copy_times(from: &Path, to: &Path) -> anyhow::Result<()> {
    let from = fs::metadata(from)?;
    let times = FileTimes::new().set_accessed(from.accessed()?).set_modified(from.modified()?);
    File::options().append(true).open(to)?.set_times(times)?;
    Ok(())
}
