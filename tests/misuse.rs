//! Promise: an application that breaks GStreamer's rules gets GStreamer's complaint, not a crash.

mod common;

use std::path::PathBuf;

use common::frames::{Frame, Shape, noise};
use common::oracle::Picture;
use common::programs::{self, run, text};
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

/// Names what a process of its own is to do: registration is for good.
const REGISTRATION: &str = "HISTOMATCH_TESTS_REGISTRATION";

/// Runs a test of this file once more in a process of its own, which can find the plugin's file, and
/// which a warning of GLib's ends. Gives what it said.
fn alone(test: &str) -> String {
    let mut again = programs::alone(module_path!(), test);
    let output = run(again.env(REGISTRATION, "").env("GST_DEBUG", "1"), "/".as_ref());
    let said = text(&output);
    assert!(output.status.success() && said.contains("1 passed"), "{}: {said}", output.status);
    assert!(!said.contains("panicked"), "{said}");
    said
}

fn is_alone() -> bool {
    std::env::var_os(REGISTRATION).is_some()
}

/// Where the plugins are that are called so: `None` for one that is linked in.
fn plugins() -> Vec<Option<PathBuf>> {
    let plugins = gst::Registry::get().plugins();
    let named = plugins.iter().filter(|plugin| plugin.plugin_name() == "histomatch");
    named.map(gst::Plugin::filename).collect()
}

/// Makes an element and works with it. Gives the file of the plugin that it is from.
fn try_out() -> Option<PathBuf> {
    let element = gst::ElementFactory::make("histomatch").build().expect("it is made");
    element.set_property_from_str("colorspace", "luma");
    let factory = element.factory().expect("it has one");
    assert_eq!(factory.metadata("author"), element.metadata("author"));
    element.set_state(gst::State::Paused).expect("it starts");
    element.set_state(gst::State::Null).expect("it stops");
    factory.plugin().expect("it is a plugin's").filename()
}

#[test]
fn f126_registered_twice_it_is_registered_once() {
    if !is_alone() {
        alone("f126_registered_twice_it_is_registered_once");
        return;
    }
    gst::init().expect("GStreamer starts");
    let register = || gsthistomatch::plugin_register_static().expect("it registers");
    register();
    assert_eq!(try_out(), None);
    let element = gst::ElementFactory::make("histomatch").build().expect("it is made");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(register);
        }
    });
    assert_eq!(try_out(), None);
    assert_eq!(element.factory(), gst::ElementFactory::find("histomatch"));
    assert_eq!(plugins().iter().filter(|file| file.is_none()).count(), 1, "{:?}", plugins());
}

/// A typed element is made without registration, and there is nothing wrong with one later.
#[test]
fn f126_registered_late_it_is_registered() {
    if !is_alone() {
        alone("f126_registered_late_it_is_registered");
        return;
    }
    gst::init().expect("GStreamer starts");
    let element = glib::Object::new::<gsthistomatch::histomatch::HistoMatch>();
    gsthistomatch::plugin_register_static().expect("it registers");
    assert_eq!(try_out(), None);
    drop(element);
}

#[test]
fn f126_registered_beside_a_loaded_plugin_it_is_refused() {
    if !is_alone() {
        alone("f126_registered_beside_a_loaded_plugin_it_is_refused");
        return;
    }
    gst::init().expect("GStreamer starts");
    let file = try_out().expect("it is loaded from a file");
    for _ in 0..2 {
        let error = gsthistomatch::plugin_register_static().expect_err("there is another one");
        assert_eq!(
            error.message,
            format!(
                "histomatch is in this process already, loaded from '{}'. There can be only one: \
                 use that, or take it out of GStreamer's plugin path",
                file.display()
            )
        );
        assert_eq!(try_out().as_ref(), Some(&file));
    }
}

#[test]
fn f126_loaded_beside_a_registered_plugin_it_is_refused() {
    if !is_alone() {
        let said = alone("f126_loaded_beside_a_registered_plugin_it_is_refused");
        let reason = "histomatch is in this process already, linked into the application. There can \
                      be only one: take the plugin's file out of GStreamer's plugin path, or don't \
                      register the other one";
        assert!(said.contains(reason), "{said}");
        return;
    }
    gst::init().expect("GStreamer starts");
    // GStreamer knows the file, and has not loaded it.
    let [Some(file)] = &plugins()[..] else { panic!("{:?}", plugins()) };
    gsthistomatch::plugin_register_static().expect("it registers");
    assert_eq!(try_out(), None);
    gst::Plugin::load_file(file).expect_err("there is another one");
    assert_eq!(try_out(), None);
    // GStreamer takes a file that failed for loaded, from then on.
    let _ = gst::Plugin::load_file(file);
    assert_eq!(try_out(), None);
    gsthistomatch::plugin_register_static().expect("it registers");
    assert_eq!(try_out(), None);
}
