//! Promise: every format, size and shape of memory gives what the oracle gives, and no byte but
//! samples is written.

mod common;

use std::collections::BTreeSet;

use common::frames::{FORMATS, Frame, Shape, noise};
use common::oracle::Samples;
use common::{Rig, bytes, media};
use gst::prelude::*;
use gst_video::VideoFormat;

const SHAPES: [Shape; 5] = [
    Shape::Default,
    Shape::Stride { padding: 0 },
    Shape::Stride { padding: 1 },
    Shape::Stride { padding: 64 },
    Shape::OffsetShortLastRow,
];

/// The frame in each shape of memory through one element.
fn check(rig: &mut Rig, samples: &Samples, format: VideoFormat, (width, height): (u32, u32)) {
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        let frame = Frame::new(format, width, height, shape, noise(seed as u32 + width + height));
        rig.harness.set_src_caps(frame.caps());
        let output = rig.process(frame.buffer());
        assert!(
            bytes(&output) == frame.expected(samples),
            "{format:?} {width} x {height} {shape:?} differs from the oracle"
        );
    }
}

fn check_sizes(sizes: &[(u32, u32)]) {
    let reference = media("coffee.png");
    let samples = Samples::of(&reference);
    let mut rig = Rig::new(Some(&reference));
    for (format, _) in FORMATS {
        for &size in sizes {
            check(&mut rig, &samples, format, size);
        }
    }
}

#[test]
fn f02_f10_f11_f26_all_formats_and_shapes_equal_the_oracle() {
    check_sizes(&[(3, 5), (17, 9), (64, 2), (385, 289)]);
}

#[test]
fn f07_one_pixel_in_every_format() {
    check_sizes(&[(1, 1)]);
}

#[test]
fn f08_one_row_or_column_in_every_format() {
    check_sizes(&[(1, 7), (7, 1), (1, 300), (300, 1)]);
}

#[test]
fn flat_black_and_white_frames_equal_the_oracle() {
    let reference = media("astronaut.png");
    let samples = Samples::of(&reference);
    let mut rig = Rig::new(Some(&reference));
    for (format, _) in FORMATS {
        for level in [0, 1, 127, 255] {
            let frame = Frame::new(format, 6, 4, Shape::Default, || level);
            rig.harness.set_src_caps(frame.caps());
            assert_eq!(bytes(&rig.process(frame.buffer())), frame.expected(&samples));
        }
    }
}

#[test]
fn the_pad_templates_promise_just_these_formats() {
    let rig = Rig::new(None);
    let promised: BTreeSet<&str> =
        FORMATS.iter().map(|(format, _)| format.to_str().as_str()).collect();
    for pad in ["sink", "src"] {
        let caps = rig.element.pad_template(pad).expect("the pad has a template").caps().clone();
        assert_eq!(caps.size(), 1);
        let structure = caps.structure(0).expect("one structure");
        assert_eq!(structure.name(), "video/x-raw");
        let formats = structure.get::<gst::List>("format").expect("a list of formats");
        let formats: BTreeSet<&str> =
            formats.iter().map(|format| format.get().expect("a string")).collect();
        assert_eq!(formats, promised);
    }
}

#[test]
fn f23_f24_impossible_caps_are_not_negotiated() {
    for caps in [
        "video/x-raw, format=RGB, width=65536, height=65536, framerate=1/1",
        "video/x-raw, format=RGB, width=2147483647, height=2147483647, framerate=1/1",
        "video/x-raw, format=RGB, width=0, height=4, framerate=1/1",
        "video/x-raw, width=4, height=4, framerate=1/1",
        "video/x-raw, format=I420, width=4, height=4, framerate=1/1",
        "video/x-raw, format=NONSENSE, width=4, height=4, framerate=1/1",
        "video/x-raw(memory:GLMemory), format=RGBA, width=4, height=4, framerate=1/1",
        "video/x-raw(memory:DMABuf), format=RGBA, width=4, height=4, framerate=1/1",
        "video/x-raw(format:Interlaced), format=RGB, width=4, height=4, framerate=1/1, \
         interlace-mode=alternate",
    ] {
        let mut rig = Rig::new(Some(&media("coffee.png")));
        rig.harness.set_src_caps(caps.parse().expect("the caps parse"));
        let outcome = rig.harness.push(gst::Buffer::with_size(48).expect("a small buffer"));
        assert_eq!(outcome, Err(gst::FlowError::NotNegotiated), "{caps}");
    }
}

#[test]
fn f25_an_8k_frame_counts_exactly() {
    let reference = media("chelsea.png");
    let samples = Samples::of(&reference);
    let mut rig = Rig::new(Some(&reference));
    for format in [VideoFormat::Bgrx, VideoFormat::Gray8] {
        let mut content = noise(8);
        // Far more than 2^24 samples of one level, and some of each other.
        let frame = Frame::new(format, 7680, 4320, Shape::Default, || match content() {
            0..=199 => 77,
            level => level.wrapping_mul(37),
        });
        assert!(frame.channels()[0].iter().filter(|&&v| v == 77).count() > 1 << 24);
        rig.harness.set_src_caps(frame.caps());
        assert!(bytes(&rig.process(frame.buffer())) == frame.expected(&samples), "{format:?}");
    }
}
