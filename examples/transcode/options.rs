//! What the user asks for.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, Parser};
use gst::prelude::*;

use crate::film::{Audio, Recipe};
use crate::formats::{self, Container, Quality};
use crate::{files, property, text};

/// Makes videos look like a reference picture, and keeps their sound, subtitles, time stamps
/// and orientation.
#[derive(Parser)]
#[command(name = "transcode", version)]
pub struct Options {
    /// Videos, or folders of videos
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
    /// The picture that the frames are made to look like
    #[arg(long, value_name = "PICTURE")]
    pub reference: PathBuf,
    /// The file to write, or a folder; in a folder, files that exist are skipped
    #[arg(short, long)]
    pub output: PathBuf,
    /// Write over files that exist
    #[arg(long)]
    pub force: bool,
    /// Begin here, in seconds or as H:MM:SS
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = text::parse_time)]
    #[arg(allow_hyphen_values = true)]
    pub from: gst::ClockTime,
    /// End here
    #[arg(long, value_name = "TIME", value_parser = text::parse_time, allow_hyphen_values = true)]
    pub to: Option<gst::ClockTime>,
    /// mkv, mp4, mov or webm [default: as the output is named; mkv in a folder]
    #[arg(long, value_parser = formats::container)]
    pub container: Option<&'static Container>,
    /// h264, h265, vp8, vp9, av1 or ffv1 [default: vp9 in webm, h264 elsewhere]
    #[arg(long, value_name = "CODEC")]
    pub video: Option<String>,
    /// auto for hardware where it works, or the name of GStreamer's element [default: a program]
    #[arg(long, value_name = "NAME")]
    pub encoder: Option<String>,
    /// copy, none, aac, flac, mp3, opus or vorbis; copy converts what the container can't hold
    #[arg(long, value_name = "CODEC", default_value = "copy")]
    pub audio: String,
    /// How much of the video's quality is kept
    #[arg(long, value_enum, default_value = "high")]
    pub quality: Quality,
    /// Convert and leave out nothing: what the container can't hold is an error, as is lost transparency
    #[arg(long)]
    pub strict: bool,
    /// A property of the element, as smoothing=0 or max-slope=4; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Also the films in the folders of folders, each into a folder of the same name
    #[arg(long)]
    pub recursive: bool,
    /// Give what is written the times of the input's file
    #[arg(long)]
    pub keep_times: bool,
    /// Say what would be done with each stream, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Files at once [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = parse_jobs, allow_hyphen_values = true)]
    pub jobs: Option<NonZeroUsize>,
    /// How long there may be no data before a file is given up
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_seconds)]
    pub patience: Duration,
    /// Write one film for the same program, which reads how far it is from the standard output, and
    /// ends it by closing the standard input
    #[arg(long, hide = true)]
    pub for_batch: bool,
}

/// Those that hold for every film of a batch, as they were given.
pub fn for_each_film(matches: &ArgMatches) -> Vec<OsString> {
    const OF_BATCH: [&str; 7] =
        ["inputs", "output", "force", "recursive", "dry_run", "jobs", "for_batch"];
    let mut arguments = Vec::new();
    for option in Options::command().get_arguments() {
        let id = option.get_id().as_str();
        let is_given = matches.value_source(id) == Some(ValueSource::CommandLine);
        let Some(name) = option.get_long().filter(|_| is_given && !OF_BATCH.contains(&id)) else {
            continue;
        };
        if !option.get_action().takes_values() {
            arguments.push(format!("--{name}").into());
            continue;
        }
        for value in matches.get_raw(id).into_iter().flatten() {
            let mut argument = OsString::from(format!("--{name}="));
            argument.push(value);
            arguments.push(argument);
        }
    }
    arguments
}

fn parse_jobs(text: &str) -> anyhow::Result<NonZeroUsize> {
    text.parse().context("write a whole number, 1 or more")
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

pub fn container(options: &Options) -> anyhow::Result<&'static Container> {
    let is_file = !files::goes_into_folder(&options.inputs, &options.output);
    let ending = options.output.extension().map(|ending| ending.to_string_lossy());
    match (options.container, ending) {
        (Some(container), Some(ending)) if is_file => {
            // Other endings may be part of a name.
            let named = formats::container(&ending).unwrap_or(container);
            ensure!(
                named.format == container.format,
                "'{}' is named as .{ending}, but --container says {}: leave one of them out",
                options.output.display(),
                container.endings[0]
            );
            Ok(container)
        }
        (Some(container), _) => Ok(container),
        (None, Some(ending)) if !options.output.is_dir() => formats::container(&ending),
        (None, None) if is_file => bail!(
            "The name '{0}' doesn't say the container: write {0}.mkv or --container, or {0}/ for a \
             folder",
            options.output.display()
        ),
        _ => formats::container("mkv"),
    }
}

pub fn recipe(options: &Options, container: &'static Container) -> anyhow::Result<Recipe> {
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
        video: codec.video(options.quality, options.encoder.as_deref())?,
        audio: match options.audio.as_str() {
            "none" => Audio::None,
            "copy" => Audio::Copy,
            name => Audio::Encode(formats::audio_encoder(name)?),
        },
        strict: options.strict,
        // What is not whole is begun again by the next run of a batch.
        keeps_parts: !options.for_batch,
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
    // GLib takes both for the same.
    let name = &name.replace('_', "-");
    ensure!(!name.starts_with("reference-"), "the reference is what --reference says");
    ensure!(!["name", "parent"].contains(&name.as_str()), "it says nothing of the look");
    let value = property::value(element, name, text)?;
    element.set_property_from_value(name, &value);
    // What can't be isn't taken.
    let [wanted, taken] = [value, element.property_value(name)]
        .map(|value| value.get::<Option<String>>().ok().flatten().unwrap_or_default());
    let is_taken = wanted.is_empty() || !taken.is_empty();
    ensure!(is_taken, "'{text}' is no value for it, or there is no such file");
    Ok(())
}
