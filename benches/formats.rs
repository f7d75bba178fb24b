//! What the element costs in a pipeline on each format, beside the way through R'G'B':
//! `videoconvert ! histomatch ! videoconvert`. All are measured in turns; the outcome is the README's
//! table.
//!
//! ```text
//! cargo bench --bench formats
//! ```
//!
//! `cargo test` runs one round on small frames.

mod common;

use std::time::{Duration, Instant};

use common::Content;
use common::ring::{Resting, Ring};
use gst::prelude::*;
use gsthistomatch::kernels::InstructionSet;

const FORMATS: [&str; 16] = [
    "RGB",
    "BGRx",
    "I420",
    "NV12",
    "YUY2",
    "UYVY",
    "Y42B",
    "Y444",
    "GRAY8",
    "I420_10LE",
    "P010_10LE",
    "I422_10LE",
    "GBR_10LE",
    "RGBA64_LE",
    "RGB10A2_LE",
    "v210",
];

/// A picture as a frame of some format.
fn convert(picture: &image::RgbImage, format: &str) -> (gst::Caps, Vec<u8>) {
    let (width, height) = (picture.width() as i32, picture.height() as i32);
    let pipeline = gst::parse::launch(&format!(
        "appsrc name=source format=time ! videoconvert \
         ! video/x-raw,format={format},colorimetry={} ! appsink name=sink sync=false",
        if format.contains("GB") { "sRGB" } else { "bt709" },
    ))
    .expect("the pipeline parses")
    .downcast::<gst::Pipeline>()
    .expect("a pipeline");
    let source = pipeline.by_name("source").and_downcast::<gst_app::AppSrc>().expect("appsrc");
    let sink = pipeline.by_name("sink").and_downcast::<gst_app::AppSink>().expect("appsink");
    let caps = gst_video::VideoCapsBuilder::new()
        .format(gst_video::VideoFormat::Rgb)
        .width(width)
        .height(height)
        .framerate(gst::Fraction::new(25, 1))
        .build();
    source.set_caps(Some(&caps));
    pipeline.set_state(gst::State::Playing).expect("the pipeline runs");
    source.push_buffer(gst::Buffer::from_slice(picture.as_raw().clone())).expect("pushed");
    let sample = sink.pull_sample().expect("a frame");
    let bytes = sample.buffer().expect("a buffer").map_readable().expect("readable").to_vec();
    let caps = sample.caps_owned().expect("caps");
    pipeline.set_state(gst::State::Null).expect("the pipeline stops");
    (caps, bytes)
}

/// Milliseconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn main() {
    let (options, names): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    // What Cargo says to benches, and doesn't say when it tests.
    let bench = options.iter().any(|option| option == "--bench");
    let (rounds, width, height) = if bench { (41, 1920, 1080) } else { (1, 96, 54) };
    gst::init().expect("GStreamer starts");
    gsthistomatch::plugin_register_static().expect("the plugin registers");
    let set = std::env::var("HISTOMATCH_KERNELS").ok().and_then(|name| name.parse().ok());
    let set = set.unwrap_or(InstructionSet::Avx512).or_less();

    println!("Milliseconds for a frame of {width} x {height}, one core, {set} kernels:");
    println!();
    println!(
        "| format | `rgb` | `ycbcr` | `luma` | converted to BGRx and back | as against `rgb` |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    let picture = Content::Natural.picture(width, height);
    for format in FORMATS {
        if !names.is_empty() && !names.iter().any(|name| name == format) {
            continue;
        }
        let (caps, bytes) = convert(&picture, format);
        let around = format!(
            "videoconvert n-threads=1 ! video/x-raw,format=BGRx ! histomatch name=look \
             ! videoconvert n-threads=1 ! {caps}"
        );
        let elements = [
            "histomatch name=look colorspace=rgb",
            "histomatch name=look colorspace=ycbcr",
            "histomatch name=look colorspace=luma",
            &around,
            "identity",
        ];
        let mut rings = elements.map(|element| Resting::new(Ring::new(element, &caps, &bytes)));
        let mut times = [(); 5].map(|()| Vec::new());
        for _ in 0..rounds {
            for (ring, times) in rings.iter_mut().zip(&mut times) {
                let start = Instant::now();
                ring.frame();
                times.push(start.elapsed());
            }
        }
        let [rgb, ycbcr, luma, around, identity] = times.map(|mut times| median(&mut times));
        let [rgb, ycbcr, luma, around] =
            [rgb, ycbcr, luma, around].map(|time| (time - identity).max(0.001));
        println!(
            "| `{format}` | {rgb:.2} | {ycbcr:.2} | {luma:.2} | {around:.2} | {:.1} x |",
            around / rgb
        );
    }
}
