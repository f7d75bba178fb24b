//! What a tap costs a stream: each frame of a second with `histotap` and with `identity`, in turns.
//!
//! ```text
//! cargo bench --bench tap
//! ```
//!
//! `cargo test` runs one round on small frames.

mod common;

use std::time::Instant;

use common::ring::convert;
use common::{Content, ROTATING};

const FORMATS: [&str; 9] =
    ["I420", "NV12", "YUY2", "RGB", "BGRx", "GBR", "I420_10LE", "P010_10LE", "RGBA64_LE"];

/// Frames of a second, of which the tap looks at some.
const FPS: usize = 30;

/// The least time of each frame of a second in an element, in some rounds, in microseconds.
struct Track {
    harness: gst_check::Harness,
    buffers: Vec<gst::Buffer>,
    n_frames: usize,
    least: [f64; FPS],
}

impl Track {
    fn new(element: &str, caps: &gst::Caps, bytes: &[u8]) -> Self {
        let element = gst::ElementFactory::make(element).build().expect("the element is made");
        let mut harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
        harness.set_src_caps(caps.clone());
        let buffers = (0..ROTATING).map(|_| gst::Buffer::from_mut_slice(bytes.to_vec()));
        Self { harness, buffers: buffers.collect(), n_frames: 0, least: [f64::MAX; FPS] }
    }

    fn frame(&mut self) {
        let mut buffer = self.buffers.remove(0);
        let pts = gst::ClockTime::SECOND * self.n_frames as u64 / FPS as u64;
        buffer.make_mut().set_pts(pts);
        let start = Instant::now();
        self.harness.push(buffer).expect("it is taken");
        let time = start.elapsed().as_secs_f64() * 1e6;
        self.buffers.push(self.harness.pull().expect("it comes out"));
        let least = &mut self.least[self.n_frames % FPS];
        *least = least.min(time);
        self.n_frames += 1;
    }

    /// The mean and the most of a second.
    fn mean_and_most(&self) -> (f64, f64) {
        let mean = self.least.iter().sum::<f64>() / FPS as f64;
        (mean, self.least.iter().copied().fold(0., f64::max))
    }
}

fn main() {
    let bench = std::env::args().any(|argument| argument == "--bench");
    let (seconds, width, height) = if bench { (40, 1920, 1080) } else { (1, 96, 54) };
    gst::init().expect("GStreamer starts");
    gsthistomatch::plugin_register_static().expect("the plugin registers");

    println!(
        "Microseconds for a frame of {width} x {height} at {FPS} a second, the least of {seconds} seconds:"
    );
    println!();
    println!("| format | identity, mean | histotap, mean | histotap, at most |");
    println!("| --- | --- | --- | --- |");
    let picture = Content::Natural.picture(width, height);
    for format in FORMATS {
        let (caps, bytes) = convert(&picture, format);
        let mut tracks = ["identity", "histotap"].map(|element| Track::new(element, &caps, &bytes));
        for _ in 0..seconds * FPS {
            tracks.iter_mut().for_each(Track::frame);
        }
        let [(identity, _), (mean, most)] = tracks.each_ref().map(Track::mean_and_most);
        println!("| `{format}` | {identity:.0} | {mean:.0} | {most:.0} |");
    }
}
