//! What telling of a frame costs: each format with a message for every frame and without, and what
//! one read of `stats` takes, without and with `full-stats`.
//!
//! ```text
//! cargo bench --bench messages
//! ```
//!
//! Of what a message adds, the streaming thread's part is what one read of `stats` takes.
//!
//! `cargo test` runs one round on small frames.

mod common;

use std::time::{Duration, Instant};

use common::Content;
use common::ring::{Resting, Ring, convert, in_turns};
use gst::prelude::*;

const FORMATS: [&str; 5] = ["BGRx", "I420", "I420_10LE", "GBR_12LE", "RGBA64_LE"];

fn main() {
    let bench = std::env::args().any(|argument| argument == "--bench");
    let (rounds, width, height) = if bench { (101, 1920, 1080) } else { (1, 96, 54) };
    gst::init().expect("GStreamer starts");
    gsthistomatch::plugin_register_static().expect("the plugin registers");

    println!("Milliseconds, frames of {width} x {height}, one core:");
    println!();
    println!("| format | frame | with a message | adds | `stats` | with `full-stats` |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let picture = Content::Natural.picture(width, height);
    for format in FORMATS {
        let (caps, bytes) = convert(&picture, format);
        let elements =
            ["histomatch name=look", "histomatch name=look post-messages=true interval=0"];
        let [bare, telling] = in_turns(elements, &caps, &bytes, rounds);
        let mut ring = Resting::new(Ring::new(elements[0], &caps, &bytes));
        ring.frame();
        let look = ring.look();
        let [stats, full] = [false, true].map(|is_full| {
            look.set_property("full-stats", is_full);
            median(rounds, || drop(look.property::<gst::Structure>("stats")))
        });
        println!(
            "| `{format}` | {bare:.3} | {telling:.3} | {:.3} | {stats:.3} | {full:.3} |",
            telling - bare
        );
    }
}

fn median(rounds: usize, read: impl Fn()) -> f64 {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            read();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[rounds / 2].as_secs_f64() * 1e3
}
