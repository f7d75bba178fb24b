//! Promise: an application that breaks GStreamer's rules gets GStreamer's complaint, not a crash.

mod common;

use common::frames::{Frame, Shape, noise};
use common::oracle::Picture;
use common::{Rig, bytes, complaints, element, media};
use gst::prelude::*;
use gst_video::VideoFormat;

/// GStreamer's warnings of misuse are not fatal here, unlike in all other tests.
fn init() {
    common::init();
    glib::log_set_always_fatal(glib::LogLevels::LEVEL_ERROR);
}

fn frame() -> Frame {
    Frame::new(VideoFormat::Rgbx, 16, 9, Shape::Default, noise(5))
}

/// An element in PLAYING and a pad that is linked to it, on which nothing was pushed yet.
fn linked(with_reference: bool) -> (gst::Pad, gst::Element, gst::Bus) {
    let coffee = media("coffee.png");
    let (element, bus) = element(with_reference.then_some(&coffee));
    let source = gst::Pad::builder(gst::PadDirection::Src).name("source").build();
    source.link(&element.static_pad("sink").expect("it has one")).expect("linked");
    element.set_state(gst::State::Playing).expect("it plays");
    source.set_active(true).expect("active");
    (source, element, bus)
}

fn segment() -> gst::Event {
    gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())
}

#[test]
fn f44_a_buffer_before_caps_is_not_negotiated() {
    init();
    for order in [&["stream", "segment"][..], &["stream"], &[]] {
        let (source, element, bus) = linked(true);
        for event in order {
            assert!(source.push_event(match *event {
                "stream" => gst::event::StreamStart::new("stream"),
                _ => segment(),
            }));
        }
        assert_eq!(source.push(frame().buffer()), Err(gst::FlowError::NotNegotiated), "{order:?}");
        // What pushed it has the word, as in every pipeline.
        assert_eq!(complaints(&bus), []);
        element.set_state(gst::State::Null).expect("it stops");
    }
}

#[test]
fn f45_a_buffer_before_a_segment_is_matched() {
    init();
    let coffee = media("coffee.png");
    let mut rig = Rig::new(Some(&coffee));
    rig.element.set_property("smoothing", 1_000_000_000u64);
    // The harness has a segment of its own, and a flush takes it away.
    rig.harness.set_src_caps(frame().caps());
    rig.harness.push_event(gst::event::FlushStart::new());
    rig.harness.push_event(gst::event::FlushStop::new(true));
    assert_eq!(bytes(&rig.process(frame().buffer())), frame().expected(&Picture::of(&coffee)));
    assert!(rig.harness.push_event(segment()));
    assert_eq!(bytes(&rig.process(frame().buffer())), frame().expected(&Picture::of(&coffee)));
}

#[test]
fn f70_what_is_dropped_while_it_plays_does_no_harm() {
    init();
    for n_threads in [1u32, 3] {
        let (source, element, _bus) = linked(true);
        element.set_state(gst::State::Ready).expect("it stops");
        element.set_property("n-threads", n_threads);
        element.set_state(gst::State::Playing).expect("it plays");
        source.push_event(gst::event::StreamStart::new("stream"));
        source.push_event(gst::event::Caps::new(&frame().caps()));
        source.push_event(segment());
        let _ = source.push(frame().buffer());
        drop(element);
        let _ = source.push(frame().buffer());
        drop(source);
    }
    let pipeline = gst::parse::launch("videotestsrc ! histomatch ! fakesink").expect("it parses");
    pipeline.set_state(gst::State::Playing).expect("it plays");
    drop(pipeline);

    let mut rig = Rig::new(Some(&media("coffee.png")));
    rig.harness.set_src_caps(frame().caps());
    rig.process(frame().buffer());
}
