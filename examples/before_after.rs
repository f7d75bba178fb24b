//! Puts one frame as it was, the reference picture, and the matched frame side by side; by several
//! methods, if wanted, or a piece of it enlarged:
//!
//! ```text
//! cargo run --release --example before_after -- INPUT REFERENCE OUTPUT.png [--at SECONDS]
//!     [--method METHOD]... [--enlarge LEFT,TOP,WIDTH,HEIGHT] [--save-lut FILE.cube]
//! ```
//!
//! It is also an example of an application that brings the element along instead of loading the
//! plugin: it depends on the crate and calls `gsthistomatch::plugin_register_static()`.

#[path = "common/frame.rs"]
mod frame;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Parser;
use gst::prelude::*;
use gst_app::AppSink;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageReader, Rgb, RgbImage};

/// Both sinks get the same frame; histomatch works on a copy of it because the tee shares it.
const PIPELINE: &str = "
    filesrc name=input ! decodebin ! videoconvert ! videoflip video-direction=auto
        ! video/x-raw,format=RGB ! tee name=frame
    frame. ! queue ! appsink name=before
    frame. ! queue ! histomatch name=histomatch ! appsink name=after";

/// Pixels between the pictures.
const GAP: u32 = 8;

/// Files that end too early can make a demuxer wait forever.
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// Writes a picture that shows a frame before and after histogram matching, and between the two
/// the reference picture.
#[derive(Parser)]
#[command(name = "before_after", version)]
struct Options {
    /// The picture or video to take the frame from
    input: PathBuf,
    /// The picture that the frame is matched to
    reference: PathBuf,
    /// The file to write; the name's ending (.png, .jpg, ...) gives the format
    output: PathBuf,
    /// Where in the video the frame is; 0 is the first frame
    #[arg(long, value_name = "SECONDS", default_value = "0", allow_negative_numbers = true)]
    #[arg(value_parser = parse_seconds)]
    at: gst::ClockTime,
    /// How the frame is matched: channels, linear or grade; may be given several times
    #[arg(long, value_name = "METHOD", default_value = "grade")]
    #[arg(value_parser = ["channels", "linear", "grade"])]
    method: Vec<String>,
    /// Also write what the frame was matched by, by the last method, as a lookup table for other programs
    #[arg(long, value_name = "FILE.cube")]
    save_lut: Option<PathBuf>,
    /// Show this piece of the frames, four times as large, and not the picture
    #[arg(long, value_name = "LEFT,TOP,WIDTH,HEIGHT", value_parser = parse_piece)]
    enlarge: Option<[u32; 4]>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    gst::init()?;
    gsthistomatch::plugin_register_static()?;

    File::open(&options.input)
        .with_context(|| format!("Can't read '{}'", options.input.display()))?;
    let mut frames = Vec::new();
    for method in &options.method {
        let (before, after) = match_frame(&options, method).with_context(|| {
            let (input, reference) = (options.input.display(), options.reference.display());
            format!("No frame of '{input}' could be matched to '{reference}'")
        })?;
        if frames.is_empty() {
            frames.push(before);
        }
        frames.push(after);
    }
    match options.enlarge {
        Some(piece) => frames.iter_mut().try_for_each(|frame| enlarge(frame, piece))?,
        None => {
            let reference = read_picture(&options.reference)
                .with_context(|| format!("Can't show '{}'", options.reference.display()))?;
            let (width, height) = frames[0].dimensions();
            // The frame's height; less if it is a strip, which would be many times as wide as the frame.
            let reference = reference.resize(4 * width, height, FilterType::Lanczos3);
            frames.insert(1, reference.into_rgb8());
        }
    }
    side_by_side(&frames)
        .save(&options.output)
        .with_context(|| format!("Can't write '{}'", options.output.display()))
}

fn parse_piece(text: &str) -> anyhow::Result<[u32; 4]> {
    let numbers: Result<Vec<u32>, _> = text.split(',').map(str::parse).collect();
    numbers?.try_into().map_err(|_| anyhow!("four numbers are needed: LEFT,TOP,WIDTH,HEIGHT"))
}

/// How much a piece is enlarged.
const SCALE: u32 = 4;

fn enlarge(frame: &mut RgbImage, [left, top, width, height]: [u32; 4]) -> anyhow::Result<()> {
    let is_inside = |start: u32, len: u32, end: u32| {
        len > 0 && start.checked_add(len).is_some_and(|stop| stop <= end)
    };
    if !is_inside(left, width, frame.width()) || !is_inside(top, height, frame.height()) {
        bail!("The piece isn't inside of the frame, which has {:?} pixels", frame.dimensions());
    }
    let piece = imageops::crop_imm(frame, left, top, width, height).to_image();
    *frame = imageops::resize(&piece, SCALE * width, SCALE * height, FilterType::Nearest);
    Ok(())
}

fn parse_seconds(text: &str) -> anyhow::Result<gst::ClockTime> {
    Ok(gst::ClockTime::try_from_seconds_f64(text.parse()?)?)
}

/// A frame of a picture or video, as it was and matched.
fn match_frame(
    Options { input, reference, at, save_lut, .. }: &Options,
    method: &str,
) -> anyhow::Result<(RgbImage, RgbImage)> {
    let pipeline = gst::parse::launch(PIPELINE)?
        .downcast::<gst::Pipeline>()
        .map_err(|_| anyhow!("'{PIPELINE}' is not a pipeline"))?;
    // Set here and not in PIPELINE, where spaces and quotes in a path would need escapes.
    element(&pipeline, "input")?.set_property("location", input);
    let histomatch = element(&pipeline, "histomatch")?;
    histomatch.set_property("reference-location", reference);
    histomatch.set_property_from_str("method", method);

    let frames = preroll(&pipeline, *at).and_then(|frames| {
        if let Some(path) = save_lut {
            save(&histomatch, path)?;
        }
        Ok(frames)
    });
    pipeline.set_state(gst::State::Null)?;
    frames
}

/// Writes what the last frame was matched by.
fn save(histomatch: &gst::Element, path: &Path) -> anyhow::Result<()> {
    let path = path.to_str().context("The path of the LUT isn't UTF-8")?;
    if histomatch.emit_by_name("save-lut", &[&path, &true]) {
        return Ok(());
    }
    // The element has posted why.
    let bus = histomatch.bus().context("It is in no pipeline")?;
    match bus.pop_filtered(&[gst::MessageType::Warning]).as_deref().map(gst::MessageRef::view) {
        Some(gst::MessageView::Warning(warning)) => bail!("{}", warning.error()),
        _ => bail!("The LUT '{path}' can't be written"),
    }
}

/// Takes the pipeline up to the frame that would be shown first, and that frame out of it.
fn preroll(pipeline: &gst::Pipeline, at: gst::ClockTime) -> anyhow::Result<(RgbImage, RgbImage)> {
    let [before, after] = ["before", "after"].map(|name| element(pipeline, name));
    let (before, after) = (before?, after?);

    // Not its result, which only says that there was an error: the bus knows which.
    let _ = pipeline.set_state(gst::State::Paused);
    wait(pipeline)?;
    if at > gst::ClockTime::ZERO {
        // One sink asks for both: the seek travels up to the demuxer, and the tee sends what comes
        // of it to either.
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        before
            .seek_simple(flags, at)
            .context("Can't go to a time in the input; leave --at away to get its first frame")?;
        wait(pipeline)?;
    }
    Ok((take_frame(&before)?, take_frame(&after)?))
}

/// Waits until every sink has a frame or knows that there is none, or for the first error: it is
/// the cause, those after it are what comes of it.
fn wait(pipeline: &gst::Pipeline) -> anyhow::Result<()> {
    let bus = pipeline.bus().context("The pipeline has no bus")?;
    let types = [gst::MessageType::Error, gst::MessageType::AsyncDone];
    match bus.timed_pop_filtered(TIMEOUT, &types).as_deref().map(gst::MessageRef::view) {
        Some(gst::MessageView::Error(error)) => {
            // What decodebin has no link for is sound or text.
            if error.debug().is_some_and(|debug| debug.contains("not-linked")) {
                bail!("The input has neither video nor a picture");
            }
            bail!("{}", error.error())
        }
        Some(_) => Ok(()),
        None => bail!("No frame within {} s; is the file complete?", TIMEOUT.seconds()),
    }
}

fn take_frame(sink: &gst::Element) -> anyhow::Result<RgbImage> {
    let sink = sink.downcast_ref::<AppSink>().context("Not an appsink")?;
    let sample = sink
        .pull_preroll()
        .map_err(|_| anyhow!("The input has no frame at that time; give an earlier one as --at"))?;
    frame::to_picture(&sample)
}

fn element(pipeline: &gst::Pipeline, name: &str) -> anyhow::Result<gst::Element> {
    pipeline.by_name(name).with_context(|| format!("The pipeline has no '{name}'"))
}

fn read_picture(path: &Path) -> anyhow::Result<DynamicImage> {
    let mut decoder = ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn side_by_side(pictures: &[RgbImage]) -> RgbImage {
    let height = pictures.iter().map(RgbImage::height).max().unwrap_or_default();
    let width = pictures.iter().map(|picture| picture.width() + GAP).sum::<u32>() - GAP;
    let mut canvas = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    let mut left = 0;
    for picture in pictures {
        let top = (height - picture.height()) / 2;
        imageops::replace(&mut canvas, picture, left.into(), top.into());
        left += picture.width() + GAP;
    }
    canvas
}
