//! What matching over time adds to the cost of a frame in a pipeline: each format with the bare rule
//! and with everything on, on a picture with and without bars around it, in turns.
//!
//! ```text
//! cargo bench --bench temporal
//! ```
//!
//! `cargo test` runs one round on small frames.

mod common;

use common::Content;
use common::ring::{convert, in_turns};

const FORMATS: [&str; 8] = ["RGB", "BGRx", "GBR", "I420", "NV12", "YUY2", "I420_10LE", "RGBA64_LE"];

const SMOOTH: &str = "histomatch name=look smoothing=1000000000 deflicker=1";

const EVERYTHING: &str = "histomatch name=look smoothing=1000000000 deflicker=1 max-slope=4 \
                          strength=0.9 ignore-borders=true";

fn main() {
    let bench = std::env::args().any(|argument| argument == "--bench");
    let (rounds, width, height) = if bench { (201, 1920, 1080) } else { (1, 96, 54) };
    gst::init().expect("GStreamer starts");
    gsthistomatch::plugin_register_static().expect("the plugin registers");

    println!("Milliseconds for a frame of {width} x {height}, one core:");
    println!();
    println!(
        "| format | bare rule | smooth | everything | adds | everything, letterboxed | adds |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let picture = Content::Natural.picture(width, height);
    let mut boxed = picture.clone();
    let bar = height as u32 / 8;
    for (_, _, pixel) in
        boxed.enumerate_pixels_mut().filter(|(_, y, _)| *y < bar || *y >= height as u32 - bar)
    {
        *pixel = image::Rgb([0; 3]);
    }
    for format in FORMATS {
        let (caps, bytes) = convert(&picture, format);
        let elements = ["histomatch name=look", SMOOTH, EVERYTHING];
        let [bare, smooth, everything] = in_turns(elements, &caps, &bytes, rounds);
        // As many pixels as are left between the bars, to compare with.
        let (_, boxed) = convert(&boxed, format);
        let elements = [
            "histomatch name=look ignore-borders=true",
            "histomatch name=look flat-frames=match",
            EVERYTHING,
        ];
        let [_, bare_boxed, boxed] = in_turns(elements, &caps, &boxed, rounds);
        println!(
            "| `{format}` | {bare:.3} | {smooth:.3} | {everything:.3} | {:.3} | {boxed:.3} | {:.3} |",
            everything - bare,
            boxed - bare_boxed,
        );
    }
}
