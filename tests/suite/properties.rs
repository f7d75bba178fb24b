//! Promise: `reference-location` can be set at any time from any thread, and what GObject declares
//! about it is true.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::common::frames::{Frame, Shape, noise};
use crate::common::oracle::Picture;
use crate::common::{self, Complaint, Rig, big_picture, bytes, media};
use gst::prelude::*;
use gst_base::prelude::*;
use gst_video::VideoFormat;
use gsthistomatch::histomatch::HistoMatch;
use temp_dir::TempDir;

const NAME: &str = "reference-location";

fn location(element: &gst::Element) -> Option<String> {
    element.property(NAME)
}

fn frame() -> Frame {
    Frame::new(VideoFormat::Rgbx, 16, 9, Shape::Default, noise(5))
}

fn expected(reference: &Path) -> Vec<u8> {
    frame().expected(&Picture::of(reference))
}

/// A rig that has seen the caps of [`frame`].
fn rig(reference: Option<&Path>) -> Rig {
    let mut rig = Rig::new(reference);
    rig.harness.set_src_caps(frame().caps());
    rig
}

/// The next frame must come out matched to a reference.
#[track_caller]
fn assert_matched(rig: &mut Rig, reference: &Path) {
    assert_eq!(bytes(&rig.process(frame().buffer())), expected(reference));
}

/// Gives the pads of an element that has been in READY or below their events again.
fn play_again(rig: &mut Rig) {
    rig.harness.play();
    rig.harness.set_src_caps(frame().caps());
}

#[test]
fn a_new_element_has_the_declared_defaults() {
    common::init();
    let element = gst::ElementFactory::make("histomatch").build().expect("the element is made");
    let own = element
        .list_properties()
        .iter()
        .filter(|property| property.owner_type() == HistoMatch::static_type())
        .map(|property| {
            let value = element.property_value(property.name());
            // What is only read has no default.
            if property.flags().contains(glib::ParamFlags::WRITABLE) {
                assert_eq!(
                    format!("{value:?}"),
                    format!("{:?}", property.default_value()),
                    "{}",
                    property.name()
                );
            }
            property.name().to_string()
        })
        .collect::<Vec<_>>();
    assert_eq!(
        own,
        [
            NAME,
            "reference-locations",
            "reference-channel",
            "reference-timeout",
            "n-threads",
            "method",
            "colorspace",
            "strength",
            "smoothing",
            "deflicker",
            "scene-threshold",
            "update-mode",
            "flat-frames",
            "ignore-borders",
            "region",
            "mask-location",
            "roi-type",
            "apply-region",
            "max-slope",
            "dither",
            "post-messages",
            "interval",
            "full-stats",
            "stats",
        ]
    );
}

/// Of numbers that can follow the stream's time.
const CONTROLLED: glib::ParamFlags =
    gst::PARAM_FLAG_CONTROLLABLE.union(gst::PARAM_FLAG_MUTABLE_PLAYING);

#[test]
fn blurbs_and_flags_say_what_the_properties_do() {
    common::init();
    let element = gst::ElementFactory::make("histomatch").build().expect("the element is made");
    for (name, mutable, words) in [
        (
            NAME,
            gst::PARAM_FLAG_MUTABLE_PLAYING,
            &["matched to", "file://", "unset or empty = frames pass unchanged"][..],
        ),
        (
            "reference-locations",
            gst::PARAM_FLAG_MUTABLE_PLAYING,
            &["as one reference", "same weight", "<a.png,b.png>", "unset or empty = none"],
        ),
        (
            "reference-channel",
            gst::PARAM_FLAG_MUTABLE_PLAYING,
            &["histotap", "unchanged before the first one", "unset or empty = none"],
        ),
        (
            "reference-timeout",
            gst::PARAM_FLAG_MUTABLE_PLAYING,
            &["in nanoseconds", "the last one is held", "0 = never"],
        ),
        (
            "n-threads",
            gst::PARAM_FLAG_MUTABLE_READY,
            &["work on a frame", "1 = the streaming thread alone", "0 = as many as the CPU has"],
        ),
        ("strength", CONTROLLED, &["0 = frames pass", "1 = all the way"]),
        ("smoothing", CONTROLLED, &["in nanoseconds", "0 = every frame is matched by itself"]),
        ("deflicker", CONTROLLED, &["not matched by themselves", "0 = none, 1 = all"]),
        ("scene-threshold", CONTROLLED, &["begin a new scene", "0 = no frame does"]),
        ("update-mode", gst::PARAM_FLAG_MUTABLE_PLAYING, &["learned from"]),
        ("flat-frames", gst::PARAM_FLAG_MUTABLE_PLAYING, &["next to no distribution"]),
        ("ignore-borders", gst::PARAM_FLAG_MUTABLE_PLAYING, &["black bars"]),
        (
            "region",
            gst::PARAM_FLAG_MUTABLE_PLAYING,
            &["in fractions of it", "unset or empty = all"],
        ),
        (
            "mask-location",
            gst::PARAM_FLAG_MUTABLE_PLAYING,
            &["white is learned from", "file://", "unset or empty = all"],
        ),
        (
            "roi-type",
            gst::PARAM_FLAG_MUTABLE_PLAYING,
            &["GstVideoRegionOfInterestMeta", "unset or empty = metas don't matter"],
        ),
        ("apply-region", gst::PARAM_FLAG_MUTABLE_PLAYING, &["leave the rest"]),
        ("max-slope", CONTROLLED, &["output levels per input level", "0 = no limit"]),
        ("post-messages", gst::PARAM_FLAG_MUTABLE_PLAYING, &["fields of stats"]),
        (
            "interval",
            gst::PARAM_FLAG_MUTABLE_PLAYING,
            &["in nanoseconds", "0 = one for each frame"],
        ),
        ("full-stats", gst::PARAM_FLAG_MUTABLE_PLAYING, &["all input levels", "messages stay"]),
    ] {
        let property = element.find_property(name).expect("the property exists");
        let blurb = property.blurb().expect("it has a blurb");
        for word in words {
            assert!(blurb.contains(word), "{blurb:?} says nothing of {word:?}");
        }
        let flags = property.flags();
        assert!(flags.contains(glib::ParamFlags::READWRITE | mutable), "{name}: {flags:?}");
        assert!(!flags.intersects(glib::ParamFlags::CONSTRUCT | glib::ParamFlags::CONSTRUCT_ONLY));
    }
}

#[test]
fn the_factory_reads_like_a_video_effect() {
    common::init();
    let factory = gst::ElementFactory::find("histomatch").expect("it is registered");
    assert_eq!(factory.metadata("klass"), Some("Filter/Effect/Video"));
    assert_eq!(factory.metadata("long-name"), Some("Histogram matching"));
    assert!(factory.metadata("description").expect("a description").contains("reference picture"));
    assert_eq!(factory.rank(), gst::Rank::NONE);
    let plugin = factory.plugin().expect("a plugin");
    assert_eq!(
        (plugin.plugin_name().as_str(), plugin.license().as_str()),
        ("histomatch", "MIT/X11")
    );
    let element = factory.create().build().expect("the element is made");
    assert!(element.is::<gst_video::VideoFilter>());
}

#[test]
fn f58_the_reference_may_be_set_in_every_state() {
    let chelsea = media("chelsea.png");
    let uri = glib::filename_to_uri(&chelsea, None).expect("a URI").to_string();
    for state in [gst::State::Null, gst::State::Ready, gst::State::Paused, gst::State::Playing] {
        for value in [chelsea.to_str().expect("UTF-8"), &uri] {
            let mut rig = Rig::new(None);
            rig.element.set_state(state).expect("the state is reached");
            rig.element.set_property(NAME, value);
            assert_eq!(location(&rig.element).as_deref(), Some(value));
            rig.element.set_state(gst::State::Playing).expect("it plays");
            if state < gst::State::Paused {
                // Its pads were inactive in between, and have lost their sticky events.
                rig.harness.play();
            }
            rig.harness.set_src_caps(frame().caps());
            assert_eq!(bytes(&rig.process(frame().buffer())), expected(&chelsea), "{state:?}");
        }
    }
}

#[test]
fn f58_setting_it_during_state_changes_ends_with_the_last_value() {
    let (chelsea, coffee) = (media("chelsea.png"), media("coffee.png"));
    let mut rig = Rig::new(None);
    for _ in 0..20 {
        let element = rig.element.clone();
        let cycle = std::thread::spawn(move || {
            element.set_state(gst::State::Null).expect("it stops");
            element.set_state(gst::State::Playing).expect("it plays");
        });
        rig.element.set_property(NAME, &chelsea);
        rig.element.set_property(NAME, &coffee);
        cycle.join().expect("the states change");
        assert_eq!(location(&rig.element).as_deref(), coffee.to_str());
        play_again(&mut rig);
        assert_matched(&mut rig, &coffee);
        rig.element.set_property(NAME, None::<PathBuf>);
    }
}

#[test]
fn a_changed_file_is_read_again_on_the_way_to_paused() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("reference.png");
    std::fs::copy(media("chelsea.png"), &file).expect("copied");
    let mut rig = rig(Some(&file));
    assert_matched(&mut rig, &file);
    std::fs::copy(media("coffee.png"), &file).expect("copied");
    rig.element.set_state(gst::State::Null).expect("it stops");
    rig.element.set_state(gst::State::Playing).expect("it plays");
    play_again(&mut rig);
    assert_matched(&mut rig, &media("coffee.png"));
}

#[test]
fn a_bad_file_set_before_fails_the_state_change_with_one_error() {
    let (element, bus) = common::element(Some(Path::new("no/such.png")));
    assert!(element.set_state(gst::State::Paused).is_err());
    assert_eq!(
        common::complaints(&bus),
        [Complaint::Error(
            "Can't use 'no/such.png' as the reference: there is no such file; check the \
             path (a relative path starts at the working directory of the process)."
                .into()
        )]
    );
    // And it recovers.
    element.set_property(NAME, media("coffee.png"));
    element.set_state(gst::State::Playing).expect("it plays");
    let mut rig = Rig::of((element, bus));
    rig.harness.set_src_caps(frame().caps());
    assert_matched(&mut rig, &media("coffee.png"));
}

#[test]
fn f59_every_frame_is_wholly_old_or_wholly_new() {
    let pictures = [media("chelsea.png"), media("coffee.png")];
    let outcomes = pictures.each_ref().map(|picture| expected(picture));
    let mut rig = rig(Some(&pictures[0]));
    let done = Arc::new(AtomicBool::new(false));
    let setters = pictures.clone().map(|picture| {
        let (element, done) = (rig.element.clone(), done.clone());
        std::thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                element.set_property(NAME, &picture);
            }
        })
    });
    let mut seen = [0; 2];
    for _ in 0..1000 {
        let output = bytes(&rig.process(frame().buffer()));
        let which = outcomes.iter().position(|outcome| *outcome == output);
        seen[which.expect("one of the two references")] += 1;
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    done.store(true, Ordering::Relaxed);
    setters.into_iter().for_each(|setter| setter.join().expect("no panic"));
    assert!(seen.iter().all(|&times| times > 0), "{seen:?}");
}

/// While `slow` reads a big picture in a thread of its own, asks for a small one: the later
/// request must win.
fn the_later_request_wins(mut rig: Rig, slow: impl FnOnce(&gst::Element) + Send + 'static) {
    let small = media("chelsea.png");
    let element = rig.element.clone();
    let (begins, begun) = std::sync::mpsc::channel();
    let slow = std::thread::spawn(move || {
        begins.send(()).expect("the test waits");
        slow(&element);
    });
    begun.recv().expect("it begins");
    // Long enough for its request to be noted, and far from long enough for the picture.
    std::thread::sleep(std::time::Duration::from_millis(100));
    rig.element.set_property(NAME, &small);
    slow.join().expect("no panic");
    assert_eq!(location(&rig.element).as_deref(), small.to_str());
    play_again(&mut rig);
    assert_matched(&mut rig, &small);
}

#[test]
fn the_last_request_wins_however_long_each_takes() {
    let folder = TempDir::new().expect("a temporary folder");
    let big = big_picture(folder.path());
    the_later_request_wins(rig(None), move |element| element.set_property(NAME, &big));
}

#[test]
fn f58_a_request_during_the_change_to_paused_wins() {
    let folder = TempDir::new().expect("a temporary folder");
    let rig = rig(None);
    rig.element.set_state(gst::State::Null).expect("it stops");
    rig.element.set_property(NAME, big_picture(folder.path()));
    the_later_request_wins(rig, |element| {
        element.set_state(gst::State::Playing).expect("it plays");
    });
}

#[test]
fn f61_null_or_empty_passes_frames_unchanged() {
    let chelsea = media("chelsea.png");
    for nothing in [None, Some("")] {
        let mut rig = rig(Some(&chelsea));
        assert_matched(&mut rig, &chelsea);
        rig.element.set_property(NAME, nothing);
        assert_eq!(location(&rig.element).as_deref(), nothing);
        let buffer = frame().buffer();
        let address = buffer.as_ptr();
        let output = rig.process(buffer);
        assert_eq!((output.as_ptr(), bytes(&output)), (address, frame().bytes));
        let transform = rig.element.downcast_ref::<gst_base::BaseTransform>().expect("is one");
        assert!(transform.is_passthrough());
        rig.element.set_property(NAME, &chelsea);
        assert_matched(&mut rig, &chelsea);
    }
}

#[test]
fn f62_f63_f64_it_may_be_set_and_read_in_callbacks() {
    let (chelsea, coffee) = (media("chelsea.png"), media("coffee.png"));
    let mut rig = rig(Some(&chelsea));

    // Read in a notify handler.
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    rig.element.connect_notify(Some(NAME), move |element, _| {
        log.lock().expect("no panic").push(location(element));
    });
    // Set in a bus sync handler, in answer to the warning.
    let (element, good) = (rig.element.clone(), coffee.clone());
    rig.bus.set_sync_handler(move |_, message| {
        if message.type_() == gst::MessageType::Warning {
            element.set_property(NAME, &good);
        }
        gst::BusSyncReply::Drop
    });
    rig.element.set_property(NAME, "no/such.png");
    assert_matched(&mut rig, &coffee);
    assert!(seen.lock().expect("no panic").contains(&coffee.to_str().map(String::from)));

    // Set in a pad probe.
    let (element, back) = (rig.element.clone(), chelsea.clone());
    rig.element
        .static_pad("sink")
        .expect("a sink pad")
        .add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            element.set_property(NAME, &back);
            gst::PadProbeReturn::Ok
        })
        .expect("the probe is added");
    assert_matched(&mut rig, &chelsea);
}

/// How often a property has notified.
fn count_of_notifications(element: &gst::Element) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    element.connect_notify(Some(NAME), move |_, _| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    count
}

/// The reference in use, if a frame was matched.
fn in_use(element: &gst::Element) -> Option<String> {
    element.property::<gst::Structure>("stats").get("reference").ok()
}

/// Whatever is asked for reads back and notifies once, if it is something else; what is in use is told
/// by `stats`.
#[test]
fn f149_what_cannot_be_read_reads_back_as_it_was_set() {
    let folder = TempDir::new().expect("a temporary folder");
    let [chelsea, coffee] = ["chelsea.png", "coffee.png"].map(media);
    let [good, other] = [&chelsea, &coffee].map(|path| path.to_str().expect("UTF-8"));
    let text = folder.path().join("text");
    std::fs::write(&text, "no picture").expect("written");
    let bad = ["/", "/no", "no/such.png", text.to_str().expect("UTF-8"), "http://host/a.png"];

    let mut rig = rig(Some(&chelsea));
    let notified = count_of_notifications(&rig.element);
    assert_matched(&mut rig, &chelsea);
    for (n, value) in bad.into_iter().enumerate() {
        for _ in 0..2 {
            rig.element.set_property(NAME, value);
            assert_eq!(location(&rig.element).as_deref(), Some(value));
            assert_eq!(notified.load(Ordering::SeqCst), n + 1, "{value}");
            let complaints = rig.complaints();
            let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
            let start = format!("Can't use '{value}' as the reference: ");
            assert!(text.starts_with(&start), "{text}");
            assert_matched(&mut rig, &chelsea);
            assert_eq!(in_use(&rig.element).as_deref(), Some(good));
        }
    }
    for _ in 0..2 {
        rig.element.set_property(NAME, other);
        assert_eq!(notified.load(Ordering::SeqCst), bad.len() + 1);
        assert_matched(&mut rig, &coffee);
        assert_eq!(in_use(&rig.element).as_deref(), Some(other));
    }

    // What was asked for last holds for the next start, too.
    rig.element.set_property(NAME, bad[0]);
    rig.complaints();
    rig.element.set_state(gst::State::Ready).expect("it stops");
    assert_eq!(in_use(&rig.element), None);
    assert!(rig.element.set_state(gst::State::Paused).is_err());
    assert_eq!(location(&rig.element).as_deref(), Some(bad[0]));
    rig.complaints();
    rig.element.set_property(NAME, good);
    rig.element.set_state(gst::State::Playing).expect("it plays");
    play_again(&mut rig);
    assert_matched(&mut rig, &chelsea);
    assert_eq!(notified.load(Ordering::SeqCst), bad.len() + 3);
}

/// As an editor does, which sets the property at each key, and shows what it reads when it is told.
#[test]
fn f149_a_path_can_be_typed() {
    let coffee = media("coffee.png");
    let mut rig = rig(Some(&media("chelsea.png")));
    let shown = Arc::new(Mutex::new(None));
    let entry = shown.clone();
    rig.element.connect_notify(Some(NAME), move |element, _| {
        *entry.lock().expect("no panic") = location(element);
    });
    let typed = coffee.to_str().expect("UTF-8");
    for end in 0..=typed.len() {
        rig.element.set_property(NAME, &typed[..end]);
        assert_eq!(shown.lock().expect("no panic").as_deref(), Some(&typed[..end]));
    }
    rig.complaints();
    assert_matched(&mut rig, &coffee);
}

#[test]
fn f149_before_it_starts_it_notifies_too() {
    let (element, bus) = common::element(None);
    let notified = count_of_notifications(&element);
    let values = [None, Some("no/such.png"), Some("no/such.png"), Some(""), None, None];
    for (value, times) in values.into_iter().zip([0, 1, 1, 2, 3, 3]) {
        element.set_property(NAME, value);
        assert_eq!(location(&element).as_deref(), value);
        assert_eq!(notified.load(Ordering::SeqCst), times, "{value:?}");
    }
    assert_eq!(common::complaints(&bus), []);
}

#[test]
fn f151_null_comes_through_a_binding_and_unsets() {
    let chelsea = media("chelsea.png");
    let (other, _bus) = common::element(None);
    let mut rig = rig(None);
    let binding = other.bind_property(NAME, &rig.element, NAME).sync_create().build();
    for value in [Some(&chelsea), None, Some(&chelsea), None] {
        other.set_property(NAME, value);
        assert_eq!(location(&rig.element).as_deref(), value.and_then(|path| path.to_str()));
        let output = bytes(&rig.process(frame().buffer()));
        assert_eq!(output, value.map_or(frame().bytes, |path| expected(path)));
        assert_eq!(in_use(&rig.element).is_some(), value.is_some());
    }
    binding.unbind();
}

/// In a language that has a word for it.
#[test]
fn f151_none_is_a_value_in_python() {
    let script = "\
import sys
import gi
gi.require_version('Gst', '1.0')
from gi.repository import Gst
Gst.init(None)
look = Gst.ElementFactory.make('histomatch')
notified = []
look.connect('notify::reference-location', lambda *_: notified.append(1))
for value in [sys.argv[1], None, sys.argv[1]]:
    look.set_property('reference-location', value)
    assert look.get_property('reference-location') == value
look.props.reference_location = None
assert look.props.reference_location is None
assert len(notified) == 4
";
    let mut python = common::programs::python();
    python.args(["-c", script]).arg(media("coffee.png"));
    let output = common::programs::run(&mut python, Path::new("/"));
    assert!(output.status.success(), "{}", common::programs::text(&output));
}

#[test]
fn f153_a_tilde_that_no_shell_has_seen_is_named() {
    let tilde = "there is no such file; the '~' at its start was not expanded, which is what a shell \
                 does, and only where a word begins: write the whole path, or \"$HOME\" instead of '~'";
    for (value, is_named) in [("~/no/such.png", true), ("~no.png", true), ("no/~/such.png", false)]
    {
        let (element, bus) = common::element(Some(Path::new(value)));
        assert!(element.set_state(gst::State::Paused).is_err());
        element.set_state(gst::State::Null).expect("it stops");
        let complaints = common::complaints(&bus);
        let [Complaint::Error(text)] = &complaints[..] else { panic!("{complaints:?}") };
        let expected = format!("Can't use '{value}' as the reference: {tilde}.");
        assert_eq!(*text == expected, is_named, "{text}");
    }
    // A file that is called so is read.
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::copy(media("coffee.png"), folder.path().join("~.png")).expect("copied");
    let mut launch = std::process::Command::new("gst-launch-1.0");
    launch.args(
        "videotestsrc num-buffers=1 ! histomatch reference-location=~.png ! fakesink".split(' '),
    );
    let output = common::programs::run(&mut launch, folder.path());
    assert!(output.status.success(), "{}", common::programs::text(&output));
}

#[test]
fn f71_fifty_elements_share_one_file() {
    common::init();
    let coffee = media("coffee.png");
    let element = format!("histomatch qos=false reference-location=\"{}\"", coffee.display());
    let chain = vec![element; 50].join(" ! ");
    let mut harness = gst_check::Harness::new_parse(&chain);
    harness.set_src_caps(frame().caps());
    let output = harness.push_and_pull(frame().buffer()).expect("it passes");
    // After the first, a frame has the levels of the reference; the others go on from there.
    let samples = Picture::of(&coffee);
    let mut frame = frame();
    (0..50).for_each(|_| frame.bytes = frame.expected(&samples));
    assert_eq!(bytes(&output), frame.bytes);
}

#[test]
fn linked_into_an_application_it_has_typed_accessors() {
    common::init();
    let element = glib::Object::new::<HistoMatch>();
    assert_eq!(element.reference_location(), None);
    element.set_reference_location(Some(Path::new("a picture.png")));
    assert_eq!(element.reference_location(), Some(PathBuf::from("a picture.png")));
}

/// From C it can be anything. As a name of a file it counts as it is.
#[test]
fn texts_need_not_be_utf_8() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let mut rig = rig(Some(&media("coffee.png")));
    for name in ["roi-type", "reference-channel"] {
        rig.element.set_property(name, path(b"caf\xe9"));
        assert_eq!(rig.element.property::<String>(name), "caf\u{fffd}");
        rig.element.set_property(name, None::<PathBuf>);
    }
    rig.element.set_property("region", path(b"\xe9"));
    assert_eq!(rig.element.property::<Option<String>>("region"), None);
    let complaints = rig.complaints();
    let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(text.starts_with("The region '\u{fffd}' is not used"), "{text}");

    rig.element.set_property(NAME, media("coffee.png"));
    rig.process(frame().buffer());
    let cube = folder.path().join(path(b"caf\xe9.cube"));
    assert!(rig.element.emit_by_name::<bool>("save-lut", &[&cube, &true]) && cube.exists());

    let pipeline = gst::parse::launch(
        "videotestsrc num-buffers=50 pattern=snow ! video/x-raw,format=RGB,width=64,height=64,framerate=25/1 ! \
         histotap name=tap ! fakesink",
    );
    let pipeline = pipeline.expect("it parses").downcast::<gst::Pipeline>().expect("a pipeline");
    let tap = pipeline.by_name("tap").expect("it is there");
    tap.set_property("channel", path(b"\xe9"));
    assert_eq!(tap.property::<String>("channel"), "\u{fffd}");
    tap.set_property("region", path(b"\xe9"));
    assert_eq!(tap.property::<Option<String>>("region"), None);
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let end =
        pipeline.bus().expect("a bus").timed_pop_filtered(gst::ClockTime::from_seconds(60), &end);
    assert_eq!(end.expect("it ends").type_(), gst::MessageType::Eos);
    let snapshot = folder.path().join(path(b"caf\xe9.png"));
    assert!(tap.emit_by_name::<bool>("save", &[&snapshot]) && snapshot.exists());
    pipeline.set_state(gst::State::Null).expect("it stops");
}
