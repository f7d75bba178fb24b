//! What the element costs in a pipeline on each format, beside the way through R'G'B':
//! `videoconvert ! histomatch ! videoconvert`. All are measured in turns; the outcome is the table in
//! `docs/speed.md`.
//!
//! ```text
//! cargo bench --bench formats
//! ```
//!
//! `cargo test` runs one round on small frames.

mod common;

use common::Content;
use common::ring::{convert, in_turns};
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

fn main() {
    let (options, names): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    // What Cargo says to benches, and doesn't say when it tests.
    let bench = options.iter().any(|option| option == "--bench");
    let (rounds, width, height) = if bench { (41, 1920, 1080) } else { (1, 96, 54) };
    gst::init().expect("GStreamer starts");
    gsthistomatch::plugin_register_static().expect("the plugin registers");
    let set = std::env::var("HISTOMATCH_KERNELS").ok().and_then(|name| name.parse().ok());
    let set = set.unwrap_or_else(InstructionSet::best).or_less();

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
        let [rgb, ycbcr, luma, around, identity] = in_turns(elements, &caps, &bytes, rounds);
        let [rgb, ycbcr, luma, around] =
            [rgb, ycbcr, luma, around].map(|time| (time - identity).max(0.001));
        println!(
            "| `{format}` | {rgb:.2} | {ycbcr:.2} | {luma:.2} | {around:.2} | {:.1} x |",
            around / rgb
        );
    }
}
