//! Gives the films in files the histograms of a reference picture:
//!
//! ```text
//! cargo run --release --example transcode -- IN.mp4 --reference REF.png -o OUT.mkv
//! ```
//!
//! [examples/README.md](../README.md) tells more.

mod check;
mod colors;
#[path = "../common/files.rs"]
mod files;
mod film;
mod formats;
mod probe;
mod remux;
mod text;
mod turn;
mod video;
mod workspace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use gst::glib;
use gst::prelude::*;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use files::{Kind, Plan, Task};
use film::{Audio, End, Progress, Recipe, Report};
use formats::{Container, Quality};
use workspace::Workspace;

/// Gives videos the histograms of a reference picture, and keeps their sound, subtitles, time stamps
/// and orientation.
#[derive(Parser)]
struct Options {
    /// Videos, or folders of videos
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// The picture whose histograms the frames are given
    #[arg(long, value_name = "PICTURE")]
    reference: PathBuf,
    /// The file to write, or a folder; in a folder, files that exist are skipped
    #[arg(short, long)]
    output: PathBuf,
    /// Write over files that exist
    #[arg(long)]
    force: bool,
    /// Begin here, in seconds or as H:MM:SS
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = text::parse_time)]
    from: gst::ClockTime,
    /// End here
    #[arg(long, value_name = "TIME", value_parser = text::parse_time)]
    to: Option<gst::ClockTime>,
    /// mkv, mp4, mov or webm [default: as the output is named; mkv in a folder]
    #[arg(long, value_parser = formats::container)]
    container: Option<&'static Container>,
    /// h264, h265, vp8, vp9, av1 or ffv1 [default: vp9 in webm, h264 elsewhere]
    #[arg(long, value_name = "CODEC")]
    video: Option<String>,
    /// copy, none, aac, flac, mp3, opus or vorbis; copy converts what the container can't hold
    #[arg(long, value_name = "CODEC", default_value = "copy")]
    audio: String,
    /// How much of the video's quality is kept
    #[arg(long, value_enum, default_value = "high")]
    quality: Quality,
    /// Convert and leave out nothing: what the container can't hold is an error
    #[arg(long)]
    strict: bool,
    /// A property of the element, as smoothing=0 or max-slope=4; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Files at once [default: as many as there are cores]
    #[arg(long, value_name = "N")]
    jobs: Option<std::num::NonZeroUsize>,
    /// How long there may be no data before a file is given up
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_seconds)]
    patience: Duration,
}

fn parse_seconds(text: &str) -> anyhow::Result<Duration> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}

/// For a film, as the preset `film` has it.
const LOOK_OF_FILMS: [(&str, &str); 5] = [
    ("method", "grade"),
    ("smoothing", "2000000000"),
    ("ignore-borders", "true"),
    ("dither", "true"),
    ("qos", "false"),
];

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    gst::init()?;
    gsthistomatch::plugin_register_static()?;

    let container = container(&options)?;
    let recipe = recipe(&options, container)?;
    let interruption = Interruption::watch()?;
    let screen = MultiProgress::new();
    let ending = |_: &Path| container.endings[0].into();
    match files::plan(&options.inputs, &options.output, &VIDEOS, ending)? {
        Plan::Single(task) => single(&task, &recipe, options.force, &interruption, &screen),
        Plan::Folder(tasks) => folder(tasks, &recipe, &options, &interruption, &screen),
    }
}

const VIDEOS: Kind = Kind {
    name: "video",
    endings: &[
        "3gp", "asf", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts",
        "mxf", "ogv", "ts", "vob", "webm", "wmv",
    ],
};

fn container(options: &Options) -> anyhow::Result<&'static Container> {
    let ending = options.output.extension().map(|ending| ending.to_string_lossy());
    match (options.container, ending) {
        (Some(container), _) => Ok(container),
        (None, Some(ending)) if !options.output.is_dir() => formats::container(&ending),
        (None, None) if options.inputs.len() == 1 && !is_folder(options) => bail!(
            "The name '{0}' doesn't say the container: write {0}.mkv or --container, or {0}/ for a \
             folder",
            options.output.display()
        ),
        _ => formats::container("mkv"),
    }
}

fn is_folder(options: &Options) -> bool {
    let output = &options.output;
    let is_named_so = output.as_os_str().as_encoded_bytes().ends_with(b"/");
    is_named_so || output.is_dir() || options.inputs[0].is_dir()
}

fn recipe(options: &Options, container: &'static Container) -> anyhow::Result<Recipe> {
    probe::check_installed()?;
    let codec = formats::video_codec(options.video.as_deref().unwrap_or(container.video))?;
    codec.check_fits(container)?;
    if let Some(to) = options.to {
        ensure!(options.from < to, "--from must be before --to");
    }
    gsthistomatch::reference::Reference::load(&options.reference).with_context(|| {
        format!("Can't use '{}' as the reference picture", options.reference.display())
    })?;
    Ok(Recipe {
        reference: options.reference.clone(),
        properties: properties(&options.set)?,
        container,
        video: codec.video(options.quality)?,
        audio: match options.audio.as_str() {
            "none" => Audio::None,
            "copy" => Audio::Copy,
            name => Audio::Encode(formats::audio_encoder(name)?),
        },
        strict: options.strict,
        from: options.from,
        to: options.to,
        patience: options.patience,
    })
}

/// The element's properties; each is known to be legal.
fn properties(set: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let mut properties: Vec<_> =
        LOOK_OF_FILMS.map(|(name, value)| (name.to_string(), value.to_string())).into();
    let element = gst::ElementFactory::make("histomatch").build()?;
    for text in set {
        let (name, value) = text
            .split_once('=')
            .with_context(|| format!("--set {text}: write NAME=VALUE, as smoothing=0"))?;
        check_property(&element, name, value)
            .with_context(|| format!("--set {text} can't be done"))?;
        properties.push((name.to_string(), value.to_string()));
    }
    Ok(properties)
}

fn check_property(element: &gst::Element, name: &str, text: &str) -> anyhow::Result<()> {
    let property = element
        .find_property(name)
        .filter(|property| property.flags().contains(glib::ParamFlags::WRITABLE))
        .with_context(|| format!("histomatch has no property '{name}' that can be set; {LIST}"))?;
    let value = glib::Value::deserialize_with_pspec(text, &property).ok();
    let legal = value.is_some_and(|value| in_range(&property, &value));
    ensure!(legal, "'{text}' is no value for it; {LIST}");
    Ok(())
}

const LIST: &str = "the README's section Properties lists them, and gst-inspect-1.0 does";

fn in_range(property: &glib::ParamSpec, value: &glib::Value) -> bool {
    if let Some(property) = property.downcast_ref::<glib::ParamSpecDouble>() {
        let range = property.minimum()..=property.maximum();
        return value.get().is_ok_and(|value: f64| range.contains(&value));
    }
    if let Some(property) = property.downcast_ref::<glib::ParamSpecUInt>() {
        let range = property.minimum()..=property.maximum();
        return value.get().is_ok_and(|value: u32| range.contains(&value));
    }
    true
}

/// SIGINT and SIGTERM: the first one ends the files so that they can be played, the second one ends
/// the program.
struct Interruption {
    happened: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interruption {
    fn watch() -> anyhow::Result<Self> {
        let new = Self { happened: Arc::default(), signal: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 128 + signal, new.happened.clone())?;
            flag::register_usize(signal, new.signal.clone(), signal as usize)?;
            flag::register(signal, new.happened.clone())?;
        }
        Ok(new)
    }

    fn happened(&self) -> bool {
        self.happened.load(Relaxed)
    }

    /// As shells have it.
    fn exit_code(&self) -> ExitCode {
        ExitCode::from(128 + self.signal.load(Relaxed) as u8)
    }
}

fn single(
    task: &Task,
    recipe: &Recipe,
    force: bool,
    interruption: &Interruption,
    screen: &MultiProgress,
) -> anyhow::Result<ExitCode> {
    let output = task.output.display();
    ensure!(
        force || !task.output.exists(),
        "'{output}' exists; choose another output, or write over it with --force"
    );
    match write(task, recipe, true, interruption, screen)? {
        Written::Whole => Ok(ExitCode::SUCCESS),
        Written::Damaged => Ok(ExitCode::from(DAMAGED)),
        Written::Partly(done) => {
            eprintln!("Interrupted: '{output}' has the first {done}");
            Ok(interruption.exit_code())
        }
        Written::Nothing => {
            eprintln!("Interrupted: nothing is written");
            Ok(interruption.exit_code())
        }
    }
}

/// The exit code if a film was written as far as it could be read.
const DAMAGED: u8 = 3;

fn folder(
    tasks: Vec<Task>,
    recipe: &Recipe,
    options: &Options,
    interruption: &Interruption,
    screen: &MultiProgress,
) -> anyhow::Result<ExitCode> {
    let (done, tasks): (Vec<_>, Vec<_>) =
        tasks.into_iter().partition(|task| !options.force && task.output.exists());
    for task in done {
        eprintln!("{}: skipped, as '{}' exists", task.input.display(), task.output.display());
    }
    let cores = std::thread::available_parallelism()?;
    let jobs = options.jobs.unwrap_or(cores).get().min(tasks.len());

    let all = screen
        .add(ProgressBar::new(tasks.len() as u64).with_style(ProgressStyle::with_template(ALL)?));
    let queue = Mutex::new(tasks.into_iter());
    let next = || queue.lock().ok()?.next().filter(|_| !interruption.happened());
    let failures = AtomicUsize::new(0);
    let damaged = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(task) = next() {
                    // What is not whole is begun again by the next run.
                    match write(&task, recipe, false, interruption, screen) {
                        Ok(Written::Damaged) => {
                            damaged.fetch_add(1, Relaxed);
                        }
                        Ok(_) => {}
                        Err(error) => {
                            failures.fetch_add(1, Relaxed);
                            screen.suspend(|| eprintln!("Error: {error:#}"));
                        }
                    }
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
    if damaged.into_inner() > 0 {
        return Ok(ExitCode::from(DAMAGED));
    }
    Ok(ExitCode::SUCCESS)
}

enum Written {
    Whole,
    /// As far as it can be read.
    Damaged,
    /// And how much of it.
    Partly(String),
    /// It was interrupted.
    Nothing,
}

/// Writes a film; what is not whole gets its name if parts are kept.
fn write(
    task: &Task,
    recipe: &Recipe,
    keeps_parts: bool,
    interruption: &Interruption,
    screen: &MultiProgress,
) -> anyhow::Result<Written> {
    let input = task.input.display().to_string();
    let line = Line::new(screen, &input)?;
    let begin = Instant::now();
    let result = convert(task, recipe, keeps_parts, interruption, &line)
        .with_context(|| format!("'{input}' wasn't converted to '{}'", task.output.display()));
    line.bar.finish_and_clear();
    screen.remove(&line.bar);
    let (written, progress) = result?;
    if let Written::Whole | Written::Damaged = written {
        let took = begin.elapsed().as_secs_f64();
        let (frames, done) = (progress.frames, text::time(progress.done));
        screen.suspend(|| {
            eprintln!(
                "{input}: {frames} frame{}, {done} in {took:.1} s -> {}",
                if frames == 1 { "" } else { "s" },
                task.output.display()
            );
        });
    }
    Ok(written)
}

fn convert(
    task: &Task,
    recipe: &Recipe,
    keeps_parts: bool,
    interruption: &Interruption,
    line: &Line,
) -> anyhow::Result<(Written, Progress)> {
    files::check_readable(&task.input)?;
    let workspace = Workspace::new(&task.output)?;
    let (file, end, progress) =
        film::write(&task.input, &workspace, recipe, &interruption.happened, line)?;
    let written = match end {
        End::Whole => Written::Whole,
        End::Damaged => Written::Damaged,
        End::Interrupted if progress.frames == 0 || !keeps_parts => Written::Nothing,
        End::Interrupted => Written::Partly(text::time(progress.done)),
    };
    if !matches!(written, Written::Nothing) {
        files::finish(&file, &task.output)?;
    }
    Ok((written, progress))
}

const ALL: &str = "{pos} of {len} files";
const BAR: &str = "{wide_bar} {percent:>3} % {msg}, {eta} left  {prefix}";
const NO_DURATION: &str = "{spinner} {msg}  {prefix}";

/// A file's line on the screen.
struct Line<'a> {
    screen: &'a MultiProgress,
    bar: ProgressBar,
    input: &'a str,
    begin: Instant,
}

impl<'a> Line<'a> {
    fn new(screen: &'a MultiProgress, input: &'a str) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template(NO_DURATION)?;
        let bar = screen.add(ProgressBar::no_length().with_style(style));
        let name = Path::new(input).file_name().unwrap_or_default().to_string_lossy();
        bar.set_prefix(name.into_owned());
        Ok(Self { screen, bar, input, begin: Instant::now() })
    }
}

impl Report for Line<'_> {
    fn progress(&self, progress: &Progress) {
        if let (Some(total), None) = (progress.total, self.bar.length()) {
            self.bar.set_length(total.mseconds());
            if let Ok(style) = ProgressStyle::with_template(BAR) {
                self.bar.set_style(style);
            }
        }
        let took = self.begin.elapsed().as_secs_f64();
        let per_second = progress.frames as f64 / took;
        let speed = progress.done.seconds_f64() / took;
        self.bar.set_position(progress.done.mseconds());
        self.bar.set_message(format!("{per_second:.0} frames/s ({speed:.1}x)"));
    }

    fn warning(&self, text: &str) {
        self.screen.suspend(|| eprintln!("{}: {text}", self.input));
    }
}
