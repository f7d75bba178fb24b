//! Promise: frames are matched to what another stream looks like, whoever comes and goes, as if that were
//! a picture file.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::common::frames::{Frame, Shape, noise};
use crate::common::live::{frame_of, later, publish, save, save_any, sequence, tap, until};
use crate::common::programs::PATIENCE;
use crate::common::{self, Rig, bytes, media, open};
use gst::prelude::*;
use gst_base::prelude::*;
use gst_video::VideoFormat;
use temp_dir::TempDir;

const CHANNEL: &str = "reference-channel";
const LOCATION: &str = "reference-location";

/// An element in PLAYING that follows a channel.
fn consumer(channel: &str, properties: &[(&str, &str)]) -> Rig {
    let (element, bus) = common::element(None);
    element.set_property(CHANNEL, channel);
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    Rig::of((element, bus))
}

fn properties(element: &gst::Element) -> [Option<String>; 2] {
    [LOCATION, CHANNEL].map(|name| element.property(name))
}

/// A small frame of a picture.
fn look(name: &str) -> Frame {
    frame_of(&open(&media(name)).into_rgb8(), "RGB", "sRGB", (96, 64))
}

/// A frame to be matched.
fn frame() -> Frame {
    Frame::new(VideoFormat::Rgbx, 32, 18, Shape::Default, noise(5))
}

/// A rig with the caps of [`frame`].
fn rig(channel: &str, properties: &[(&str, &str)]) -> Rig {
    let mut rig = consumer(channel, properties);
    rig.harness.set_src_caps(frame().caps());
    rig
}

/// What a frame becomes that is matched to the newest snapshot of a tap, as a file.
fn matched_to_file(tap: &Rig, frame: &Frame, properties: &[(&str, &str)]) -> Vec<u8> {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("look.png");
    save_any(tap, &file);
    matched(&file, frame, properties)
}

fn matched(reference: &Path, frame: &Frame, properties: &[(&str, &str)]) -> Vec<u8> {
    let (element, bus) = common::element(Some(reference));
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    let mut rig = Rig::of((element, bus));
    rig.harness.set_src_caps(frame.caps());
    bytes(&rig.process(frame.buffer()))
}

/// The states that messages told of since the last call.
fn states(rig: &Rig) -> Vec<String> {
    std::iter::from_fn(|| rig.bus.pop_filtered(&[gst::MessageType::Element]))
        .filter_map(|message| {
            let structure = message.structure()?;
            let state = structure.get("state").ok();
            state.filter(|_| structure.name() == "histomatch-reference")
        })
        .collect()
}

#[test]
fn f209_a_channel_is_matched_to_as_the_file_of_its_snapshot() {
    const PQ: &str = "bt2100-pq";
    const HLG: &str = "bt2100-hlg";
    let picture = open(&media("coffee.png")).into_rgb8();
    let taps = [
        ("RGB", "sRGB"),
        ("NV12", "bt709"),
        ("I420_10LE", "bt601"),
        ("GRAY8", "1:1:5:1"),
        ("P010_10LE", PQ),
        ("Y444_12LE", HLG),
        // Primaries of BT.2020 and P3, linear light: much of the picture is outside of sRGB.
        ("RGB", "1:1:7:7"),
        ("I420_10LE", "bt2020-10"),
        ("BGRx", "1:1:7:11"),
        ("RGB", "1:1:1:1"),
    ];
    let consumers = [
        ("BGRx", "sRGB"),
        ("I420", "bt709"),
        ("YUY2", "bt601"),
        ("GRAY16_LE", "1:1:5:1"),
        ("RGBA64_LE", "sRGB"),
        ("P010_10LE", PQ),
        ("I420_12LE", HLG),
        ("NV12", "bt2020"),
    ];
    let methods = [
        [("method", "channels"), ("colorspace", "rgb")],
        [("method", "channels"), ("colorspace", "ycbcr")],
        [("method", "channels"), ("colorspace", "luma")],
        [("method", "linear"), ("colorspace", "rgb")],
        [("method", "grade"), ("colorspace", "rgb")],
    ];
    for (n, (format, colorimetry)) in taps.into_iter().enumerate() {
        let mut tap = tap("f209", &[("window", "1")]);
        publish(&mut tap, &frame_of(&picture, format, colorimetry, (320, 200)));
        for (m, (format, colorimetry)) in consumers.into_iter().enumerate() {
            let picture = open(&media("chelsea.png")).into_rgb8();
            let frame = frame_of(&picture, format, colorimetry, (64, 48));
            for (i, method) in methods.iter().enumerate() {
                // The others are as good as those.
                if (n + m + i) % 2 == 1 && n > 0 {
                    continue;
                }
                let mut rig = consumer("f209", method);
                rig.harness.set_src_caps(frame.caps());
                let output = bytes(&rig.process(frame.buffer()));
                let expected = matched_to_file(&tap, &frame, method);
                assert!(output == expected, "{:?} {format} {method:?}", taps[n]);
                assert_ne!(output, frame.bytes);
            }
        }
    }
}

#[test]
fn f210_before_the_first_snapshot_frames_pass_unchanged() {
    let mut rig = rig("f210", &[]);
    for _ in 0..3 {
        let buffer = frame().buffer();
        let address = buffer.as_ptr();
        let output = rig.process(buffer);
        assert_eq!((output.as_ptr(), bytes(&output)), (address, frame().bytes));
    }
    let transform = rig.element.downcast_ref::<gst_base::BaseTransform>().expect("is one");
    assert!(transform.is_passthrough());
    let mut tap = tap("f210", &[]);
    // With the tap alone, too.
    assert_eq!(bytes(&rig.process(frame().buffer())), frame().bytes);
    publish(&mut tap, &look("coffee.png"));
    // From the next frame on.
    let output = bytes(&rig.process(frame().buffer()));
    assert_eq!(output, matched_to_file(&tap, &frame(), &[]));
    assert_eq!(sequence(&rig), Some(1));
}

#[test]
fn f210_a_consumer_that_comes_later_begins_with_the_newest() {
    let mut tap = tap("f210_later", &[]);
    publish(&mut tap, &look("chelsea.png"));
    publish(&mut tap, &look("coffee.png"));
    let mut late = rig("f210_later", &[]);
    let expected = matched_to_file(&tap, &frame(), &[]);
    assert_eq!(bytes(&late.process(frame().buffer())), expected);
    // And one that is asked to while it plays.
    let mut other = rig("f210_nobody", &[]);
    assert_eq!(bytes(&other.process(frame().buffer())), frame().bytes);
    other.element.set_property(CHANNEL, "f210_later");
    assert_eq!(bytes(&other.process(frame().buffer())), expected);
    // It is what it is after a stop.
    for rig in [&mut late, &mut other] {
        rig.element.set_state(gst::State::Null).expect("it stops");
        rig.element.set_state(gst::State::Playing).expect("it plays");
        rig.harness.play();
        rig.harness.set_src_caps(frame().caps());
        assert_eq!(bytes(&rig.process(frame().buffer())), expected);
    }
}

#[test]
fn f211_newer_snapshots_are_followed() {
    let mut tap = tap("f211", &[]);
    let mut rig = rig("f211", &[]);
    for (n, name) in ["coffee.png", "chelsea.png", "astronaut.png"].into_iter().enumerate() {
        publish(&mut tap, &look(name));
        until(&mut rig, &frame(), |rig, _| sequence(rig) == Some(n as u64 + 1));
        // The window has all of them.
        let output = bytes(&rig.process(frame().buffer()));
        assert_eq!(output, matched_to_file(&tap, &frame(), &[]), "{name}");
    }
}

/// Of R', G' and B'.
fn mean(buffer: &gst::Buffer) -> f64 {
    let bytes = bytes(buffer);
    let colors = bytes.chunks(4).flat_map(|pixel| &pixel[..3]);
    colors.map(|&sample| f64::from(sample)).sum::<f64>() / (bytes.len() / 4 * 3) as f64
}

#[test]
fn f211_with_smoothing_the_look_glides() {
    let mut tap = tap("f211_glide", &[("window", "1")]);
    let mut rig = rig("f211_glide", &[("smoothing", "1000000000")]);
    let dark = Frame::new(VideoFormat::Gray8, 40, 30, Shape::Default, {
        let mut noise = noise(1);
        move || noise() / 4
    });
    let bright = Frame::new(VideoFormat::Gray8, 40, 30, Shape::Default, {
        let mut noise = noise(1);
        move || 191 + noise() / 4
    });
    publish(&mut tap, &dark);
    let before = mean(&rig.process(frame().buffer()));
    publish(&mut tap, &bright);
    let mut means = Vec::new();
    until(&mut rig, &frame(), |rig, output| {
        means.push(mean(output));
        sequence(rig) == Some(2)
    });
    means.extend((0..400).map(|_| mean(&rig.process(later(&frame())))));
    assert!(before < 64. && means[means.len() - 1] > 180., "{before} {means:?}");
    assert!(means.windows(2).all(|pair| (-0.5..12.).contains(&(pair[1] - pair[0]))), "{means:?}");
}

/// Camera A comes when B is on air.
#[test]
fn with_smoothing_the_first_snapshot_is_no_jump() {
    let bright = Frame::new(VideoFormat::Gray8, 40, 30, Shape::Default, {
        let mut noise = noise(1);
        move || 191 + noise() / 4
    });
    let frame = frame();
    for method in ["channels", "linear", "grade"] {
        let channel = format!("comes_{method}");
        let mut tap = tap(&channel, &[("window", "1")]);
        let mut rigs = ["0", "1000000000"].map(|smoothing| {
            let hold = ("flat-frames", "hold");
            rig(&channel, &[("method", method), hold, ("smoothing", smoothing)])
        });
        if method != "channels" {
            // It is there, but nothing to be matched to.
            let plain = Frame::new(VideoFormat::Gray8, 40, 30, Shape::Default, || 9);
            publish(&mut tap, &plain);
        }
        for rig in &mut rigs {
            assert_eq!(bytes(&rig.process(later(&frame))), frame.bytes, "{method}");
        }
        publish(&mut tap, &bright);
        let [at_once, mut glides] = rigs;
        let own = mean(&frame.buffer());
        let mut means = vec![own];
        means.extend((0..400).map(|_| mean(&glides.process(later(&frame)))));
        let end = mean(&{ at_once }.process(later(&frame)));
        assert!((end - means[400]).abs() < 3. && end > own + 40., "{method}: {own} {end}");
        assert!(
            means.windows(2).all(|pair| (-0.5..12.).contains(&(pair[1] - pair[0]))),
            "{means:?}"
        );
    }
}

#[test]
fn f212_when_the_tap_goes_its_last_snapshot_is_held() {
    let mut tap = tap("f212", &[]);
    publish(&mut tap, &look("coffee.png"));
    let expected = matched_to_file(&tap, &frame(), &[]);
    let mut rig = rig("f212", &[]);
    let mut assert_held = |what: &str| {
        assert_eq!(bytes(&rig.process(frame().buffer())), expected, "{what}");
    };
    assert_held("it plays");
    tap.harness.push_event(gst::event::Eos::new());
    assert_held("it has ended");
    tap.element.set_state(gst::State::Null).expect("it stops");
    assert_held("it is stopped");
    drop(tap);
    assert_held("it is gone");
    let other = common::live::tap("f212", &[]);
    assert_held("there is another one");
    other.element.set_state(gst::State::Null).expect("it stops");
    other.element.set_property("channel", "f212_other");
    assert_held("that has another name");
}

/// The light may be another one by then.
#[test]
fn f212_where_a_tap_starts_again_its_first_snapshot_is_waited_for() {
    let mut tap = tap("f212_again", &[]);
    publish(&mut tap, &look("coffee.png"));
    let mut on_air = rig("f212_again", &[]);
    let held = bytes(&on_air.process(frame().buffer()));
    assert_ne!(held, frame().bytes);
    tap.element.set_state(gst::State::Null).expect("it stops");
    drop(tap);

    let mut tap = common::live::tap("f212_again", &[]);
    let mut locked = rig("f212_again", &[("update-mode", "locked")]);
    assert_eq!(bytes(&locked.process(frame().buffer())), frame().bytes);
    assert_eq!(bytes(&on_air.process(frame().buffer())), held);
    publish(&mut tap, &look("chelsea.png"));
    let expected = matched_to_file(&tap, &frame(), &[]);
    assert_eq!(bytes(&locked.process(frame().buffer())), expected);
}

/// A camera that is covered, a test card, the end of a fade.
#[test]
fn what_is_flat_is_no_reference() {
    let plain = image::RgbImage::from_pixel(96, 64, image::Rgb([9, 8, 30]));
    let [plain, picture] = [plain, open(&media("coffee.png")).into_rgb8()]
        .map(|picture| frame_of(&picture, "RGB", "sRGB", (96, 64)));
    let mut tap = tap("flat", &[("window", "1")]);
    let mut takes_all = rig("flat", &[("flat-frames", "match")]);
    let mut locked = rig("flat", &[("flat-frames", "hold"), ("update-mode", "locked")]);
    let pass = |rig: &mut Rig| {
        let output = rig.harness.push_and_pull(frame().buffer()).expect("it passes");
        (bytes(&output), states(rig))
    };
    let flat = || vec!["flat".to_string()];

    publish(&mut tap, &plain);
    assert_eq!(pass(&mut locked), (frame().bytes, flat()));
    let as_plain = matched_to_file(&tap, &frame(), &[]);
    assert_eq!(pass(&mut takes_all), (as_plain.clone(), vec!["live".to_string()]));
    publish(&mut tap, &picture);
    let as_picture = matched_to_file(&tap, &frame(), &[]);
    assert_eq!(pass(&mut locked), (as_picture.clone(), vec!["live".to_string()]));
    publish(&mut tap, &plain);
    locked.element.emit_by_name::<()>("relearn", &[]);
    assert_eq!(pass(&mut locked), (as_picture.clone(), flat()));
    assert_eq!(pass(&mut locked), (as_picture.clone(), Vec::new()));
    // One that comes now has nothing before it.
    assert_eq!(pass(&mut rig("flat", &[("flat-frames", "hold")])), (frame().bytes, flat()));

    let capture = |rig: &mut Rig| {
        rig.element.emit_by_name::<()>("capture-reference", &[]);
        let plain = Frame::new(VideoFormat::Rgbx, 32, 18, Shape::Default, || 9);
        rig.harness.push_and_pull(plain.buffer()).expect("it passes");
        let warning = rig.bus.pop_filtered(&[gst::MessageType::Warning]);
        (pass(rig).0, warning.is_some())
    };
    assert_eq!(capture(&mut locked), (as_picture, true));
    // What was taken goes when that isn't asked for any more.
    takes_all.element.set_property_from_str("flat-frames", "hold");
    assert_eq!(pass(&mut takes_all), (frame().bytes, flat()));
    takes_all.element.set_property_from_str("flat-frames", "match");
    assert_eq!(pass(&mut takes_all).0, as_plain);
    let (as_captured, is_warned) = capture(&mut takes_all);
    assert!(!is_warned && as_captured != as_plain);
}

#[test]
fn f213_messages_say_how_a_channel_is_doing() {
    let mut tap = tap("f213", &[("interval", "0")]);
    let mut rig = rig("f213", &[("reference-timeout", "1")]);
    let pass = |rig: &mut Rig| {
        rig.harness.push_and_pull(later(&frame())).expect("it passes");
        states(rig)
    };
    let states_until = |rig: &mut Rig, state: &str| {
        let mut seen = Vec::new();
        let start = std::time::Instant::now();
        while seen.last().is_none_or(|last| last != state) {
            seen.extend(pass(rig));
            assert!(start.elapsed() < Duration::from_secs(120), "{seen:?}");
        }
        seen
    };
    assert_eq!(pass(&mut rig), ["waiting"]);
    assert_eq!(pass(&mut rig), [""; 0]);
    rig.element.set_property("reference-timeout", 60_000_000_000u64);
    publish(&mut tap, &look("coffee.png"));
    assert_eq!(states_until(&mut rig, "live"), ["live"]);
    rig.element.set_property("reference-timeout", 1u64);
    assert_eq!(states_until(&mut rig, "stale"), ["stale"]);
    assert_eq!(pass(&mut rig), [""; 0]);
    assert_eq!(pass(&mut rig), [""; 0]);
    // It comes back.
    rig.element.set_property("reference-timeout", 60_000_000_000u64);
    publish(&mut tap, &look("chelsea.png"));
    assert_eq!(states_until(&mut rig, "live"), ["live"]);
    // Of a long window, new ones come seldom.
    tap.element.set_property("window", 60_000_000_000u64);
    publish(&mut tap, &look("coffee.png"));
    rig.element.set_property("reference-timeout", 1u64);
    while sequence(&rig) != Some(3) {
        assert_eq!(pass(&mut rig), [""; 0]);
    }
    // What comes but once is never late.
    tap.element.set_property_from_str("publish", "manual");
    publish(&mut tap, &look("coffee.png"));
    rig.element.set_property("reference-timeout", 1u64);
    std::thread::sleep(Duration::from_millis(5));
    while sequence(&rig) != Some(4) {
        assert_eq!(pass(&mut rig), [""; 0]);
    }
}

#[test]
fn f214_the_last_reference_that_was_set_holds() {
    let coffee = media("coffee.png");
    let coffee = coffee.to_str().expect("UTF-8");
    let nothing = None::<String>;
    for playing in [false, true] {
        let (element, bus) = common::element(None);
        if playing {
            element.set_state(gst::State::Playing).expect("it plays");
        }
        let notified = std::sync::Arc::new(Mutex::new(Vec::new()));
        for name in [LOCATION, CHANNEL] {
            let log = notified.clone();
            element.connect_notify(Some(name), move |_, property| {
                log.lock().expect("no panic").push(property.name().to_owned());
            });
        }
        let assert_reads = |location: Option<&str>, channel: Option<&str>, notifies: &[&str]| {
            let expected = [location, channel].map(|value| value.map(String::from));
            assert_eq!(properties(&element), expected);
            // Of what is notified in a setter, GObject has its own order.
            let mut notified = std::mem::take(&mut *notified.lock().expect("no panic"));
            notified.sort_unstable_by(|a, b| b.cmp(a));
            assert_eq!(notified, notifies);
        };
        element.set_property(LOCATION, coffee);
        assert_reads(Some(coffee), None, &[LOCATION]);
        // Unsetting what does not hold changes nothing.
        element.set_property(CHANNEL, &nothing);
        element.set_property(CHANNEL, "");
        assert_reads(Some(coffee), None, &[]);
        element.set_property(CHANNEL, "f214");
        assert_reads(None, Some("f214"), &[LOCATION, CHANNEL]);
        element.set_property(CHANNEL, "f214");
        element.set_property(LOCATION, &nothing);
        element.set_property(LOCATION, "");
        assert_reads(None, Some("f214"), &[]);
        element.set_property(LOCATION, coffee);
        assert_reads(Some(coffee), None, &[LOCATION, CHANNEL]);
        element.set_property(LOCATION, &nothing);
        assert_reads(None, None, &[LOCATION]);
        element.set_property(CHANNEL, "f214");
        element.set_property(CHANNEL, "");
        assert_reads(None, None, &[CHANNEL, CHANNEL]);
        element.set_state(gst::State::Null).expect("it stops");
        assert_eq!(common::complaints(&bus), []);
    }
}

#[test]
fn f214_what_holds_is_what_frames_are_matched_to() {
    let mut tap = tap("f214_frames", &[]);
    publish(&mut tap, &look("coffee.png"));
    let live = matched_to_file(&tap, &frame(), &[]);
    let chelsea = media("chelsea.png");
    let picture = matched(&chelsea, &frame(), &[]);
    let mut rig = rig("f214_frames", &[]);
    let assert_comes = |rig: &mut Rig, expected: &[u8], what: &str| {
        assert_eq!(bytes(&rig.process(frame().buffer())), expected, "{what}");
    };
    assert_comes(&mut rig, &live, "the channel");
    rig.element.set_property(LOCATION, &chelsea);
    assert_comes(&mut rig, &picture, "the picture");
    // What nobody has published in yet: never back to unchanged.
    rig.element.set_property(CHANNEL, "f214_nobody");
    assert_comes(&mut rig, &picture, "the old one stays");
    rig.element.set_property(CHANNEL, "f214_frames");
    assert_comes(&mut rig, &live, "the channel again");
    rig.element.set_property(CHANNEL, None::<String>);
    assert_comes(&mut rig, &frame().bytes, "nothing");
}

/// A frame with other colours than [`frame`].
fn other_frame() -> Frame {
    frame_of(&open(&media("astronaut.png")).into_rgb8(), "RGBx", "sRGB", (32, 18))
}

#[test]
fn f215_a_frame_of_the_stream_can_be_the_reference() {
    for (reference, what) in [(None, "nothing"), (Some(media("coffee.png")), "a picture")] {
        let mut rig = Rig::new(reference.as_deref());
        rig.harness.set_src_caps(frame().caps());
        rig.process(frame().buffer());
        rig.element.emit_by_name::<()>("capture-reference", &[]);
        // A gap has no frame.
        let mut gap = frame().buffer();
        gap.get_mut().expect("nobody else has it").set_flags(gst::BufferFlags::GAP);
        rig.process(gap);
        let output = bytes(&rig.process(other_frame().buffer()));
        // It is like itself.
        assert_eq!(output, other_frame().bytes, "{what}");
        assert_eq!(properties(&rig.element), [None, None]);
        let stats = rig.element.property::<gst::Structure>("stats");
        assert_eq!(stats.get("reference"), Ok("captured"));

        // As from a file of 16 bits with its colours.
        let mut tap = tap("f215", &[("window", "1")]);
        publish(&mut tap, &other_frame());
        let expected = matched_to_file(&tap, &frame(), &[]);
        assert_eq!(bytes(&rig.process(frame().buffer())), expected, "{what}");
        // It is held through a stop.
        rig.element.set_state(gst::State::Null).expect("it stops");
        rig.element.set_state(gst::State::Playing).expect("it plays");
        rig.harness.play();
        rig.harness.set_src_caps(frame().caps());
        assert_eq!(bytes(&rig.process(frame().buffer())), expected, "{what}");
        // And given up as any other.
        rig.element.set_property(LOCATION, None::<String>);
        assert_eq!(bytes(&rig.process(frame().buffer())), frame().bytes);
    }
}

/// What was asked for last holds, though a frame comes later.
#[test]
fn f215_a_frame_that_was_asked_for_gives_way_to_what_is_set_later() {
    let mut tap = tap("f215_later", &[("window", "1")]);
    publish(&mut tap, &look("coffee.png"));
    let coffee = media("coffee.png");
    for (name, value) in [
        (LOCATION, coffee.to_str().expect("UTF-8")),
        ("reference-locations", &format!("<\"{}\">", coffee.display())),
        (CHANNEL, "f215_later"),
    ] {
        for state in [gst::State::Null, gst::State::Playing] {
            let (element, bus) = common::element(None);
            let set = || {
                element.emit_by_name::<()>("capture-reference", &[]);
                element.set_property_from_str(name, value);
            };
            if state == gst::State::Null {
                set();
            }
            let mut rig = Rig::of((element.clone(), bus));
            if state == gst::State::Playing {
                set();
            }
            rig.harness.set_src_caps(frame().caps());
            rig.process(frame().buffer());
            let stats = element.property::<gst::Structure>("stats");
            let reference = stats.get::<String>("reference").expect("a text");
            assert_ne!(reference, "captured", "{name} {state:?}");
        }
    }
}

/// What is locked is there again when frames of its kind, its method or its channels are.
#[test]
fn f216_a_locked_mapping_comes_back() {
    let info = |format, colorimetry: &str| {
        gst_video::VideoInfo::builder(format, 32, 18)
            .colorimetry(&colorimetry.parse().expect("a colorimetry"))
            .build()
            .expect("an info")
    };
    let set = |name: &'static str, values: [&'static str; 2]| {
        move |rig: &mut Rig, there: bool| {
            rig.element.set_property_from_str(name, values[usize::from(there)]);
        }
    };
    let caps = |format, colorimetry: &'static str| {
        move |rig: &mut Rig, there: bool| {
            let info =
                if there { info(format, colorimetry) } else { info(VideoFormat::Nv12, "bt709") };
            rig.harness.set_src_caps(info.to_caps().expect("caps"));
        }
    };
    /// What is done to go there, and back.
    type Change<'a> = &'a dyn Fn(&mut Rig, bool);

    let ways: [(&str, Change); 6] = [
        ("bt2020", &caps(VideoFormat::Nv12, "bt2020")),
        ("pq", &caps(VideoFormat::P01010le, "bt2100-pq")),
        ("grey", &caps(VideoFormat::Gray8, "1:1:5:1")),
        ("rgb", &caps(VideoFormat::Rgb, "sRGB")),
        ("colorspace", &set("colorspace", ["rgb", "ycbcr"])),
        ("method", &set("method", ["channels", "grade"])),
    ];
    let of = |picture: &str, format, colorimetry: &str| {
        frame_of(&open(&media(picture)).into_rgb8(), format, colorimetry, (32, 18))
    };
    let [learned, other] =
        ["astronaut.png", "chelsea.png"].map(|picture| of(picture, "NV12", "bt709"));
    for method in ["channels", "linear", "grade"] {
        for smoothing in ["0", "200000000"] {
            for (what, change) in ways {
                if method != "channels" && ["colorspace", "method"].contains(&what) {
                    continue;
                }
                let what = format!("{method} {smoothing} {what}");
                let (element, bus) = common::element(Some(&media("coffee.png")));
                for (name, value) in
                    [("method", method), ("smoothing", smoothing), ("update-mode", "locked")]
                {
                    element.set_property_from_str(name, value);
                }
                let mut rig = Rig::of((element, bus));
                change(&mut rig, false);
                rig.harness.set_src_caps(learned.caps());
                // As long as it learns.
                (0..20).for_each(|_| drop(rig.process(later(&learned))));
                let expected = bytes(&rig.process(later(&other)));
                for _ in 0..2 {
                    change(&mut rig, true);
                    let caps = rig.harness.sinkpad().and_then(|pad| pad.current_caps());
                    let info =
                        gst_video::VideoInfo::from_caps(&caps.expect("caps")).expect("an info");
                    let buffer = gst::Buffer::from_mut_slice(vec![90; info.size()]);
                    rig.process(buffer);
                    change(&mut rig, false);
                    let output = bytes(&rig.process(later(&other)));
                    assert!(output == expected, "{what}");
                }
                // Until it is to learn afresh.
                change(&mut rig, true);
                rig.element.emit_by_name::<()>("relearn", &[]);
                change(&mut rig, false);
                assert!(bytes(&rig.process(later(&other))) != expected, "{what}");
            }
        }
    }
}

#[test]
fn f216_a_locked_mapping_holds_the_reference_too() {
    let mut tap = tap("f216", &[("window", "1")]);
    publish(&mut tap, &look("coffee.png"));
    let locked = [("update-mode", "locked")];
    let mut rig = rig("f216", &locked);
    let expected = bytes(&rig.process(later(&frame())));
    assert_eq!(bytes(&rig.process(later(&frame()))), expected);
    publish(&mut tap, &look("chelsea.png"));
    let assert_held = |rig: &mut Rig, what: &str| {
        for _ in 0..50 {
            assert_eq!(bytes(&rig.process(later(&frame()))), expected, "{what}");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(sequence(rig), Some(1), "{what}");
    };
    assert_held(&mut rig, "a newer snapshot");
    let segment = |base: u64| {
        let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
        segment.set_base(gst::ClockTime::from_seconds(base));
        gst::event::Segment::new(&segment)
    };
    rig.harness.push_event(segment(3));
    assert_held(&mut rig, "another segment");
    let rate = gst_video::VideoInfo::builder(VideoFormat::Rgbx, 32, 18).fps((50, 1)).build();
    rig.harness.set_src_caps(rate.expect("an info").to_caps().expect("caps"));
    assert_held(&mut rig, "other caps");
    tap.element.set_state(gst::State::Null).expect("it stops");
    assert_held(&mut rig, "the tap is dead");

    // Learned afresh: the frame, and the newest snapshot, at once.
    let second = {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("look.png");
        assert!(save(&tap, &file));
        matched(&file, &other_frame(), &[])
    };
    rig.element.emit_by_name::<()>("relearn", &[]);
    assert_eq!(bytes(&rig.process(later(&other_frame()))), second);
    assert_eq!(sequence(&rig), Some(2));
    assert_eq!(bytes(&rig.process(later(&other_frame()))), second);
}

#[test]
fn f216_a_reference_that_is_set_anew_is_learned_at_once_with_the_source_as_held() {
    let mut taps = ["f216_a", "f216_b"].map(|channel| tap(channel, &[("window", "1")]));
    publish(&mut taps[0], &look("coffee.png"));
    publish(&mut taps[1], &look("chelsea.png"));
    for method in ["channels", "grade"] {
        let locked = [("update-mode", "locked"), ("method", method)];
        let mut rig = rig("f216_a", &locked);
        rig.process(later(&frame()));
        rig.process(later(&frame()));
        rig.element.set_property(CHANNEL, "f216_b");
        // The source that is held is the first frame, so that it comes out as if it alone were there.
        let output = bytes(&rig.process(later(&other_frame())));
        assert_ne!(output, matched_to_file(&taps[1], &other_frame(), &[("method", method)]));
        let output = bytes(&rig.process(later(&frame())));
        assert_eq!(output, matched_to_file(&taps[1], &frame(), &[("method", method)]), "{method}");
        // And held again.
        publish(&mut taps[1], &look("astronaut.png"));
        for _ in 0..20 {
            assert_eq!(bytes(&rig.process(later(&frame()))), output);
            std::thread::sleep(Duration::from_millis(1));
        }
        publish(&mut taps[1], &look("chelsea.png"));
    }
}

#[test]
fn f217_a_tap_behind_its_own_consumer_is_warned_of() {
    common::init();
    for (line, is_loop) in [
        ("histomatch reference-channel=f217 ! queue ! histotap channel=f217", true),
        ("histotap channel=f217 ! queue ! histomatch reference-channel=f217", false),
        ("histomatch reference-channel=f217_other ! queue ! histotap channel=f217", false),
        ("histomatch ! histotap channel=f217", false),
    ] {
        let line = format!(
            "videotestsrc num-buffers=3 ! video/x-raw,width=64,height=48 ! {line} ! fakesink"
        );
        let pipeline = gst::parse::launch(&line).expect("it parses");
        let bus = pipeline.bus().expect("a bus");
        pipeline.set_state(gst::State::Playing).expect("it plays");
        let mut warnings = Vec::new();
        for message in bus.iter_timed(gst::ClockTime::from_seconds(60)) {
            match message.view() {
                gst::MessageView::Warning(warning) => warnings.push(warning.error().to_string()),
                gst::MessageView::Eos(_) => break,
                gst::MessageView::Error(error) => panic!("{error:?}"),
                _ => {}
            }
        }
        pipeline.set_state(gst::State::Null).expect("it stops");
        warnings.retain(|text| text.contains("matched to its own output"));
        assert_eq!(warnings.len(), usize::from(is_loop), "{line}: {warnings:?}");
    }
}

#[test]
fn f217_a_tap_is_warned_of_whenever_its_own_consumer_comes() {
    common::init();
    let line = "videotestsrc is-live=true ! video/x-raw,width=64,height=48 ! histomatch name=look ! queue ! \
                histotap name=tap channel=f217_late interval=0 ! fakesink";
    let pipeline = gst::parse::launch(line).expect("it parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let bus = pipeline.bus().expect("a bus");
    let element = |name| pipeline.by_name(name).expect("it is there");
    let (look, tap) = (element("look"), element("tap"));
    let n_snapshots = || {
        let stats = tap.property::<gst::Structure>("stats");
        stats.get::<u64>("snapshots").expect("a number")
    };
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let mut warnings = Vec::new();
    let mut wait_for_more = || {
        let (n, start) = (n_snapshots(), Instant::now());
        while n_snapshots() < n + 2 {
            assert!(start.elapsed() < PATIENCE, "nothing is published");
            std::thread::sleep(Duration::from_millis(10));
        }
        while let Some(message) = bus.pop_filtered(&[gst::MessageType::Warning]) {
            let gst::MessageView::Warning(warning) = message.view() else { unreachable!() };
            let text = warning.error().to_string();
            warnings.extend(text.contains("matched to its own output").then_some(text));
        }
        warnings.len()
    };
    let mut found = vec![wait_for_more()];
    for _ in 0..2 {
        look.set_property(CHANNEL, "f217_late");
        // Once for each that comes.
        found.extend([wait_for_more(), wait_for_more()]);
        look.set_property(CHANNEL, None::<String>);
        found.push(wait_for_more());
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
    assert_eq!(found, [0, 1, 1, 1, 2, 2, 2]);
}

#[test]
fn f218_clocks_rates_and_formats_of_the_two_streams_are_their_own() {
    common::init();
    let play = |line: &str| {
        let pipeline = gst::parse::launch(line).expect("it parses");
        let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
        pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        pipeline
    };
    let tap = play(
        "videotestsrc is-live=true pattern=ball ! video/x-raw,format=NV12,framerate=25/1,width=320,height=180 ! \
         histotap channel=f218 interval=40000000 ! fakesink sync=true",
    );
    let consumer = play(
        "videotestsrc is-live=true pattern=smpte ! video/x-raw,format=BGRx,framerate=60/1,width=320,height=180 ! \
         histomatch name=look reference-channel=f218 flat-frames=match method=grade ! fakesink sync=true",
    );
    let look = consumer.by_name("look").expect("it is there");
    for pipeline in [&consumer, &tap] {
        pipeline.set_state(gst::State::Playing).expect("it plays");
    }
    let start = std::time::Instant::now();
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 5 {
        let stats = look.property::<gst::Structure>("stats");
        seen.extend(stats.get::<u64>("reference-sequence"));
        assert!(start.elapsed() < Duration::from_secs(120), "{seen:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    for pipeline in [&tap, &consumer] {
        pipeline.set_state(gst::State::Null).expect("it stops");
    }
}

#[test]
fn stats_say_which_snapshot_it_was() {
    let mut tap = tap("stats_of_consumer", &[]);
    let mut rig = rig("stats_of_consumer", &[]);
    publish(&mut tap, &look("coffee.png"));
    rig.process(frame().buffer());
    let structure = rig.element.property::<gst::Structure>("stats");
    assert_eq!(structure.get("reference"), Ok("stats_of_consumer"));
    assert_eq!(structure.get("reference-sequence"), Ok(1u64));
    let stats = gsthistomatch::histomatch::stats::Stats::try_from(&*structure).expect("stats");
    let live = stats.live.expect("a snapshot");
    assert_eq!(live.sequence, 1);
    assert!(live.age > 0);
    let tap_stats = tap.element.property::<gst::Structure>("stats");
    assert_eq!(tap_stats.get("consumers"), Ok(1u32));
}
