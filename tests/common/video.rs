//! Pipelines of real video through the element, and how far the colours that come out are from the
//! reference's.

use std::path::Path;

use gst::prelude::*;

/// The picture whose histograms are given.
pub const REFERENCE: &str = "coffee.png";

/// The element as it stands in a pipeline's text.
pub fn matching(reference: &str) -> String {
    format!("histomatch reference-location={reference} qos=false")
}

/// A path as it stands in a pipeline's text.
pub fn quoted(path: &Path) -> String {
    let text = path.to_str().expect("the tests' paths are UTF-8");
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Plays a pipeline to its end; gives what came to its appsinks of these names.
pub fn play<const N: usize>(pipeline: &str, sinks: [&str; N]) -> [Vec<gst::Sample>; N] {
    play_with(pipeline, sinks, |_| {})
}

/// The same for a pipeline that something is done to before it plays.
pub fn play_with<const N: usize>(
    pipeline: &str,
    sinks: [&str; N],
    set_up: impl FnOnce(&gst::Pipeline),
) -> [Vec<gst::Sample>; N] {
    super::init();
    let text = pipeline;
    let pipeline = gst::parse::launch(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .downcast::<gst::Pipeline>()
        .expect("several elements are a pipeline");
    let sinks = sinks.map(|name| {
        let sink = pipeline.by_name(name).expect("it is in the pipeline");
        sink.downcast::<gst_app::AppSink>().expect("it is an appsink")
    });
    for sink in &sinks {
        sink.set_sync(false);
        // What came is pulled after the end.
        sink.set_wait_on_eos(false);
    }
    set_up(&pipeline);

    let bus = pipeline.bus().expect("a pipeline has a bus");
    // Not its result: the bus knows what went wrong.
    let _ = pipeline.set_state(gst::State::Playing);
    let types = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Warning];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(300), &types);
    let samples = sinks
        .map(|sink| std::iter::from_fn(|| sink.try_pull_sample(gst::ClockTime::ZERO)).collect());
    // Before anything can fail: one that is dropped while it plays aborts the tests.
    pipeline.set_state(gst::State::Null).expect("it stops");
    let message = message.unwrap_or_else(|| panic!("{text} does not end"));
    assert_eq!(message.type_(), gst::MessageType::Eos, "{text}: {message:?}");
    samples
}

/// R', G', B' of each pixel.
pub type Pixels = Vec<[u8; 3]>;

/// Of memory in the format RGBx or, with `[2, 1, 0]`, BGRx; the rows of both have no padding.
pub fn pixels(memory: &[u8], places: [usize; 3]) -> Pixels {
    memory.chunks_exact(4).map(|pixel| places.map(|place| pixel[place])).collect()
}

/// A picture of these pixels.
pub fn to_picture(pixels: Pixels, width: u32, height: u32) -> image::RgbImage {
    image::RgbImage::from_raw(width, height, pixels.concat()).expect("it has this size")
}

/// The pixels of samples in the format RGBx.
pub fn pixels_of_all(samples: &[gst::Sample]) -> Vec<Pixels> {
    let buffer = |sample: &gst::Sample| sample.buffer_owned().expect("a sample has a buffer");
    samples.iter().map(|sample| pixels(&super::bytes(&buffer(sample)), [0, 1, 2])).collect()
}

/// The pixels of the reference.
pub fn reference() -> Pixels {
    let picture = super::open(&super::media(REFERENCE)).into_rgb8();
    picture.pixels().map(|pixel| pixel.0).collect()
}

/// The share of the pixels at or below each level, for each of R', G', B'.
fn cdfs(pixels: &[[u8; 3]]) -> [Vec<f64>; 3] {
    [0, 1, 2].map(|channel| {
        let mut counts = [0u32; 256];
        pixels.iter().for_each(|pixel| counts[usize::from(pixel[channel])] += 1);
        let sums = counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(f64::from(*sum) / pixels.len() as f64)
        });
        sums.collect()
    })
}

/// By how many levels the samples of one picture would have to move, on average, to have the
/// histograms of the other: the mean absolute difference of the CDFs, over all levels of R', G'
/// and B', in 256ths.
pub fn distance(a: &[[u8; 3]], b: &[[u8; 3]]) -> f64 {
    let (a, b) = (cdfs(a).concat(), cdfs(b).concat());
    let sum: f64 = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum();
    sum / 3.
}

/// What encoders lose included, a frame must be five times as close to the reference as before.
pub fn assert_closer(reference: &[[u8; 3]], before: &[[u8; 3]], after: &[[u8; 3]], what: &str) {
    let [before, after] = [before, after].map(|frame| distance(frame, reference));
    assert!(after < before / 5., "{what}: from {before} to {after} levels from the reference");
}
