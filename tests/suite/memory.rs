//! Promise: caps cost nothing. What a frame's size decides is allocated when a buffer of that size
//! has come, a few times the buffer at most; where there is no memory for it, there is an error.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::common::frames::FORMATS;
use crate::common::programs::{self, run, text};
use crate::common::{self, media};
use gst::prelude::*;
use gst_video::VideoFormat;

/// The test that this program was started again for, in a process of its own.
const ALONE: &str = "HISTOMATCH_TEST_ALONE";

/// The most memory that this process has had, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("it is there");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("it is known");
    let kilobytes = line.split_whitespace().nth(1).expect("a number");
    kilobytes.parse::<usize>().expect("a number") << 10
}

/// What the peak has risen by. The kernel's sum over processors is approximate: without a rise, a
/// second reading can be some pages below the first.
fn risen(before: usize) -> usize {
    peak().saturating_sub(before)
}

/// Runs a test of this file in a process of its own, if this isn't it yet, perhaps with a limit on
/// its addresses.
fn alone(name: &str, limit: Option<usize>) -> bool {
    if std::env::var_os(ALONE).is_some() {
        common::init();
        return true;
    }
    let again = programs::alone(module_path!(), name);
    let limit = limit.map_or(String::new(), |bytes| format!("ulimit -v {};", bytes >> 10));
    let mut shell = Command::new("sh");
    // The shell becomes that program.
    shell.args(["-c", &format!("{limit} exec \"$0\" \"$@\"")]);
    shell.arg(again.get_program()).args(again.get_args());
    let output = run(shell.env(ALONE, ""), "/".as_ref());
    assert!(output.status.success(), "{}", text(&output));
    false
}

/// Formats of every family that rows are reached in: by kernels in place, words, conversions, and
/// GStreamer's functions.
const FAMILIES: [VideoFormat; 8] = [
    VideoFormat::Rgbx,
    VideoFormat::Gray8,
    VideoFormat::I420,
    VideoFormat::Yuy2,
    VideoFormat::P01010le,
    VideoFormat::Rgba64Le,
    VideoFormat::V210,
    VideoFormat::Rgb16,
];

/// What the caps of a size cost, without a buffer and with one of 16 bytes, by how much.
#[test]
fn f108_caps_of_any_size_cost_nothing() {
    if !alone("f108_caps_of_any_size_cost_nothing", None) {
        return;
    }
    let sizes = [(1 << 28, 1), (1 << 30, 1), (1, 1 << 24), (1 << 15, 1 << 15)];
    let of_families = FAMILIES.into_iter().map(|format| (format, &sizes[..]));
    let all = FORMATS.iter().map(|format| (format.format, &sizes[..1]));
    for (format, sizes) in of_families.chain(all) {
        for &(width, height) in sizes {
            let Ok(info) = gst_video::VideoInfo::builder(format, width, height).build() else {
                continue;
            };
            for reference in [None, Some(media("coffee.png"))] {
                let mut rig = common::Rig::new(reference.as_deref());
                for (name, value) in [("smoothing", "1000000000"), ("ignore-borders", "true")] {
                    rig.element.set_property_from_str(name, value);
                }
                let before = peak();
                rig.harness.set_src_caps(info.to_caps().expect("caps"));
                let buffer = gst::Buffer::from_mut_slice(vec![0; 16]);
                let outcome = rig.harness.push(buffer);
                assert_eq!(outcome.is_err(), reference.is_some(), "{format:?} {width} x {height}");
                let more = risen(before);
                assert!(more < 8 << 20, "{format:?} {width} x {height}: {more} bytes");
            }
        }
    }
}

/// A frame that is one pixel wide, or high: no more than twice its buffer.
#[test]
fn f108_high_frames_cost_no_more_than_their_buffers() {
    if !alone("f108_high_frames_cost_no_more_than_their_buffers", None) {
        return;
    }
    for format in [VideoFormat::Rgbx, VideoFormat::I420, VideoFormat::Rgba64Le, VideoFormat::Yuy2] {
        let info = gst_video::VideoInfo::builder(format, 1, 1 << 21).build();
        let info = info.unwrap_or_else(|error| panic!("{format:?}: {error}"));
        let mut rig = common::Rig::new(Some(&media("coffee.png")));
        rig.element.set_property("smoothing", 1_000_000_000u64);
        rig.element.set_property("ignore-borders", true);
        rig.harness.set_src_caps(info.to_caps().expect("caps"));
        let size = info.size();
        let buffer = gst::Buffer::from_mut_slice(vec![7; size]);
        let before = peak();
        rig.harness.push(buffer).expect("it is matched");
        let more = risen(before);
        assert!(more < 2 * size, "{format:?}: {more} bytes more for a buffer of {size}");
    }
}

/// With too little memory for the rows of a wide frame: an error, and the process lives.
#[test]
fn f109_too_little_memory_is_an_error() {
    const NAME: &str = "f109_too_little_memory_is_an_error";
    if !alone(NAME, Some(2 << 30)) {
        return;
    }
    // The buffer fits, rows of 16-bit conversions don't.
    let (width, height) = (1 << 27, 1);
    for format in [VideoFormat::I420, VideoFormat::Y444] {
        let info = gst_video::VideoInfo::builder(format, width, height).build().expect("valid");
        let mut rig = common::Rig::new(Some(&media("coffee.png")));
        rig.harness.set_src_caps(info.to_caps().expect("caps"));
        let buffer = gst::Buffer::with_size(info.size()).expect("there is memory for it");
        assert_eq!(rig.harness.push(buffer), Err(gst::FlowError::Error), "{format:?}");
        let complaints = rig.complaints();
        let [common::Complaint::Error(text)] = &complaints[..] else { panic!("{complaints:?}") };
        assert!(
            text.contains("There is not enough memory to match frames of 134217728 x 1 pixels")
        );
        assert!(text.contains("Scale the video down"), "{text}");
    }
}
