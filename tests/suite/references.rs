//! Promise: several files are one reference, in which each has the same weight; they are set and read as one
//! file is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::common::frames::{Frame, Shape, noise};
use crate::common::live::{frame_of, later, publish, tap};
use crate::common::programs::{python, run, text};
use crate::common::{self, Complaint, Rig, big_picture, bytes, media, open};
use gst::prelude::*;
use gst_video::VideoFormat;
use image::{DynamicImage, GenericImage, Rgb, RgbImage};
use temp_dir::TempDir;

const LOCATION: &str = "reference-location";
const LOCATIONS: &str = "reference-locations";
const CHANNEL: &str = "reference-channel";

/// The size of pictures all pixels of which count.
const WHOLE: (u32, u32) = (180, 180);

fn frame() -> Frame {
    Frame::new(VideoFormat::Rgbx, 32, 18, Shape::Default, noise(5))
}

fn set(element: &gst::Element, files: &[&Path]) {
    element.set_property(LOCATIONS, gst::Array::new(files));
}

/// What `reference-locations` reads as.
fn locations(element: &gst::Element) -> Vec<String> {
    let array: gst::Array = element.property(LOCATIONS);
    array.iter().map(|value| value.get().expect("a string")).collect()
}

fn names<'a>(files: &[&'a Path]) -> Vec<&'a str> {
    files.iter().map(|file| file.to_str().expect("UTF-8")).collect()
}

/// An element in PLAYING with several references.
fn rig(files: &[&Path], frame: &Frame, properties: &[(&str, &str)]) -> Rig {
    let (element, bus) = common::element(None);
    set(&element, files);
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    let mut rig = Rig::of((element, bus));
    rig.harness.set_src_caps(frame.caps());
    rig
}

fn matched_to_several(files: &[&Path], frame: &Frame, properties: &[(&str, &str)]) -> Vec<u8> {
    bytes(&rig(files, frame, properties).process(frame.buffer()))
}

fn matched(file: &Path, frame: &Frame, properties: &[(&str, &str)]) -> Vec<u8> {
    let (element, bus) = common::element(Some(file));
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    let mut rig = Rig::of((element, bus));
    rig.harness.set_src_caps(frame.caps());
    bytes(&rig.process(frame.buffer()))
}

/// A picture of some size, saved in a folder.
fn scaled(folder: &TempDir, name: &str, (width, height): (u32, u32)) -> PathBuf {
    let picture = open(&media(name)).into_rgb8();
    let filter = image::imageops::FilterType::Triangle;
    let path = folder.path().join(format!("{width}x{height}-{name}"));
    image::imageops::resize(&picture, width, height, filter).save(&path).expect("saved");
    path
}

/// Pictures of one width below each other, saved in a folder.
fn stacked(folder: &TempDir, files: &[&Path]) -> PathBuf {
    let pictures: Vec<RgbImage> = files.iter().map(|file| open(file).into_rgb8()).collect();
    let height = pictures.iter().map(RgbImage::height).sum();
    let mut all = RgbImage::new(pictures[0].width(), height);
    let mut top = 0;
    for picture in &pictures {
        all.copy_from(picture, 0, top).expect("it fits");
        top += picture.height();
    }
    let path = folder.path().join("stacked.png");
    all.save(&path).expect("saved");
    path
}

const METHODS: [[(&str, &str); 2]; 5] = [
    [("method", "channels"), ("colorspace", "rgb")],
    [("method", "channels"), ("colorspace", "ycbcr")],
    [("method", "channels"), ("colorspace", "luma")],
    [("method", "linear"), ("colorspace", "rgb")],
    [("method", "grade"), ("colorspace", "rgb")],
];

#[test]
fn f220_several_are_as_one_that_has_them_all() {
    let folder = TempDir::new().expect("a temporary folder");
    let [a, b] = ["coffee.png", "astronaut.png"].map(|name| scaled(&folder, name, WHOLE));
    let both = stacked(&folder, &[&a, &b]);
    let picture = open(&media("chelsea.png")).into_rgb8();
    for (format, colorimetry) in [
        ("BGRx", "sRGB"),
        ("I420", "bt709"),
        ("YUY2", "bt601"),
        ("GRAY16_LE", "1:1:5:1"),
        ("I420_10LE", "bt709"),
        ("P010_10LE", "bt2100-pq"),
        ("NV12", "bt2020"),
    ] {
        let frame = frame_of(&picture, format, colorimetry, (64, 48));
        for method in &METHODS {
            let output = matched_to_several(&[&a, &b], &frame, method);
            assert_ne!(output, frame.bytes);
            assert!(output == matched(&both, &frame, method), "{format} {method:?}");
        }
    }
}

/// The share of the samples of a grey stream that are dark, where frames are noise.
fn share_of_dark(files: &[&Path], format: VideoFormat) -> f64 {
    let frame = Frame::new(format, 256, 256, Shape::Default, noise(7));
    let output = matched_to_several(files, &frame, &[]);
    let samples: Vec<u8> = match format {
        VideoFormat::Gray8 => output,
        _ => output.chunks(2).map(|sample| sample[1]).collect(),
    };
    samples.iter().filter(|&&sample| sample < 128).count() as f64 / samples.len() as f64
}

#[test]
fn f221_each_has_the_same_weight_whatever_its_size_and_depth() {
    let folder = TempDir::new().expect("a temporary folder");
    let plain = |name: &str, (width, height), depth, level: u16| {
        let path = folder.path().join(name);
        let picture = match depth {
            8 => DynamicImage::from(RgbImage::from_pixel(width, height, Rgb([level as u8; 3]))),
            _ => {
                let pixel = Rgb([level; 3]);
                DynamicImage::from(image::ImageBuffer::from_pixel(width, height, pixel))
            }
        };
        picture.save(&path).expect("saved");
        path
    };
    let dark = [
        plain("large.png", (1000, 700), 8, 20),
        plain("small.png", (7, 3), 8, 20),
        plain("pixel.png", (1, 1), 8, 20),
        plain("deep.png", (300, 200), 16, 20 << 8),
        plain("long.png", (40_000, 1), 8, 20),
    ];
    let bright = plain("bright.png", (50, 40), 8, 230);
    let deep = plain("bright_deep.png", (50, 40), 16, 230 << 8);
    for format in [VideoFormat::Gray8, VideoFormat::Gray16Le] {
        for (n, dark) in dark.iter().enumerate() {
            let share = share_of_dark(&[dark, &bright], format);
            assert!((share - 0.5).abs() < 0.01, "{format:?} {n}: {share}");
            let share = share_of_dark(&[&deep, dark, &bright, &deep], format);
            assert!((share - 0.25).abs() < 0.01, "{format:?} {n}: {share}");
        }
    }
}

#[test]
fn f221_what_is_thinned_is_spread_over_the_picture() {
    let folder = TempDir::new().expect("a temporary folder");
    // Of eight pixels one counts, and stripes are four apart.
    let size = (648, 400);
    let striped = RgbImage::from_fn(size.0, size.1, |x, _| match x % 4 {
        0 => Rgb([20; 3]),
        _ => Rgb([230; 3]),
    });
    let half = RgbImage::from_fn(size.0, size.1, |_, y| match y < size.1 / 4 {
        true => Rgb([20; 3]),
        false => Rgb([230; 3]),
    });
    for (name, picture) in [("striped.png", striped), ("half.png", half)] {
        let path = folder.path().join(name);
        picture.save(&path).expect("saved");
        let share = share_of_dark(&[&path, &path], VideoFormat::Gray8);
        assert!((share - 0.25).abs() < 0.01, "{name}: {share}");
    }
}

#[test]
fn f221_one_alone_is_as_reference_location() {
    let file = media("coffee.png");
    for method in &METHODS {
        let expected = matched(&file, &frame(), method);
        assert_eq!(matched_to_several(&[&file], &frame(), method), expected, "{method:?}");
        // What is empty is none.
        let with_empty = [Path::new(""), &file, Path::new("")];
        assert_eq!(matched_to_several(&with_empty, &frame(), method), expected, "{method:?}");
    }
}

#[test]
fn f222_the_last_reference_that_was_set_holds() {
    let [coffee, chelsea] = ["coffee.png", "chelsea.png"].map(media);
    let both: [&Path; 2] = [&coffee, &chelsea];
    for playing in [false, true] {
        let (element, bus) = common::element(None);
        if playing {
            element.set_state(gst::State::Playing).expect("it plays");
        }
        let notified = Arc::new(Mutex::new(Vec::new()));
        for name in [LOCATION, LOCATIONS, CHANNEL] {
            let log = notified.clone();
            element.connect_notify(Some(name), move |_, property| {
                log.lock().expect("no panic").push(property.name().to_owned());
            });
        }
        let assert_reads =
            |one: Option<&Path>, several: &[&Path], channel: Option<&str>, notifies: &[&str]| {
                assert_eq!(element.property::<Option<PathBuf>>(LOCATION).as_deref(), one);
                assert_eq!(locations(&element), names(several));
                assert_eq!(element.property::<Option<String>>(CHANNEL).as_deref(), channel);
                let mut notified = std::mem::take(&mut *notified.lock().expect("no panic"));
                notified.sort_unstable();
                assert_eq!(notified, notifies);
            };
        set(&element, &both);
        assert_reads(None, &both, None, &[LOCATIONS]);
        set(&element, &both);
        assert_reads(None, &both, None, &[]);
        // Unsetting what does not hold changes nothing.
        element.set_property(LOCATION, None::<String>);
        element.set_property(LOCATION, "");
        element.set_property(CHANNEL, "");
        assert_reads(None, &both, None, &[]);
        element.set_property(LOCATION, &coffee);
        assert_reads(Some(&coffee), &[], None, &[LOCATION, LOCATIONS]);
        set(&element, &[]);
        set(&element, &[Path::new("")]);
        assert_reads(Some(&coffee), &[], None, &[]);
        set(&element, &both[..1]);
        assert_reads(None, &both[..1], None, &[LOCATION, LOCATIONS]);
        element.set_property(CHANNEL, "f222");
        assert_reads(None, &[], Some("f222"), &[CHANNEL, LOCATIONS]);
        set(&element, &[]);
        assert_reads(None, &[], Some("f222"), &[]);
        set(&element, &both);
        assert_reads(None, &both, None, &[CHANNEL, LOCATIONS]);
        set(&element, &[]);
        assert_reads(None, &[], None, &[LOCATIONS]);
        element.set_state(gst::State::Null).expect("it stops");
        assert_eq!(common::complaints(&bus), []);
    }
}

#[test]
fn f222_what_holds_is_what_frames_are_matched_to() {
    let [coffee, chelsea, astronaut] = ["coffee.png", "chelsea.png", "astronaut.png"].map(media);
    let both: [&Path; 2] = [&coffee, &chelsea];
    let several = matched_to_several(&both, &frame(), &[]);
    let one = matched(&astronaut, &frame(), &[]);
    let mut rig = rig(&both, &frame(), &[]);
    let assert_comes = |rig: &mut Rig, expected: &[u8], what: &str| {
        assert_eq!(bytes(&rig.process(frame().buffer())), expected, "{what}");
    };
    assert_comes(&mut rig, &several, "several");
    let stats = rig.element.property::<gst::Structure>("stats");
    assert_eq!(stats.get::<String>("reference"), Ok(names(&both).join(", ")));
    rig.element.set_property(LOCATION, &astronaut);
    assert_comes(&mut rig, &one, "one");
    set(&rig.element, &both);
    assert_comes(&mut rig, &several, "several again");
    // Nothing was published there yet.
    rig.element.set_property(CHANNEL, "f222_frames");
    assert_comes(&mut rig, &several, "the old one stays");
    let mut tap = tap("f222_frames", &[]);
    publish(&mut tap, &frame_of(&open(&astronaut).into_rgb8(), "RGB", "sRGB", (96, 64)));
    let live = bytes(&rig.process(frame().buffer()));
    assert_ne!(live, several);
    set(&rig.element, &both);
    assert_comes(&mut rig, &several, "and again");
    rig.element.emit_by_name::<()>("capture-reference", &[]);
    assert_comes(&mut rig, &frame().bytes, "itself");
    assert_eq!(locations(&rig.element), [""; 0]);
    set(&rig.element, &[]);
    assert_comes(&mut rig, &frame().bytes, "the capture is given up");
    assert!(rig.element.property::<gst::Structure>("stats").get::<String>("reference").is_err());
    set(&rig.element, &both);
    // They are what they are after a stop.
    rig.element.set_state(gst::State::Null).expect("it stops");
    rig.element.set_state(gst::State::Playing).expect("it plays");
    rig.harness.play();
    rig.harness.set_src_caps(frame().caps());
    assert_comes(&mut rig, &several, "after a stop");
}

/// The text of `gst-launch-1.0` with a property of the element.
fn launch(property: &str, folder: &TempDir) -> String {
    let mut launch = Command::new("gst-launch-1.0");
    launch.args("videotestsrc num-buffers=2 pattern=smpte75 ! histomatch name=look".split(' '));
    launch.args([property, "!", "fakesink"]).env("GST_DEBUG", "histomatch:4");
    launch.env("GST_DEBUG_NO_COLOR", "1");
    let output = run(&mut launch, folder.path());
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

#[test]
fn f222_they_can_be_set_on_command_lines() {
    let folder = TempDir::new().expect("a temporary folder");
    for name in ["a.png", "1", "with space.png"] {
        std::fs::copy(media("coffee.png"), folder.path().join(name)).expect("copied");
    }
    for property in [
        "reference-locations=<a.png,1,\"with\\ space.png\">",
        "reference-locations=\"<a.png, 1, \\\"with space.png\\\">\"",
    ] {
        let text = launch(property, &folder);
        for name in ["a.png", "1", "with space.png"] {
            assert!(text.contains(&format!("Read the reference '{name}'")), "{text}");
        }
    }
}

#[test]
fn f222_they_can_be_set_in_python_and_by_presets() {
    let script = "\
import sys
import gi
gi.require_version('Gst', '1.0')
from gi.repository import Gst
Gst.init(None)
look = Gst.ElementFactory.make('histomatch')
Gst.util_set_object_arg(look, 'reference-locations', '<' + ','.join(sys.argv[1:]) + '>')
assert list(look.get_property('reference-locations')) == sys.argv[1:]
look.set_property('reference-locations', Gst.ValueArray(sys.argv[2:]))
assert list(look.get_property('reference-locations')) == sys.argv[2:]
assert look.save_preset('mine')
look.set_property('reference-locations', Gst.ValueArray([]))
assert list(look.get_property('reference-locations')) == []
assert look.load_preset('mine')
assert list(look.get_property('reference-locations')) == sys.argv[2:]
";
    let folder = TempDir::new().expect("a temporary folder");
    let mut python = python();
    // Presets are saved there.
    python.env("XDG_DATA_HOME", folder.path());
    python.args(["-c", script]).args(["coffee.png", "chelsea.png"].map(media));
    let output = run(&mut python, Path::new("/"));
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn f223_the_one_that_fails_is_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let no_picture = folder.path().join("text");
    std::fs::write(&no_picture, "no picture").expect("written");
    let [coffee, chelsea] = ["coffee.png", "chelsea.png"].map(media);
    let bad = [Path::new("no/such.png"), &no_picture, Path::new("http://host/a.png")];
    let good: [&Path; 2] = [&coffee, &chelsea];
    let expected = matched_to_several(&good, &frame(), &[]);
    let mut rig = rig(&good, &frame(), &[]);
    for bad in bad {
        let files: [&Path; 3] = [&coffee, bad, &chelsea];
        let start = format!("Can't use '{}' as the reference: ", bad.display());
        // While it plays, the old ones stay.
        set(&rig.element, &files);
        assert_eq!(locations(&rig.element), names(&files));
        let complaints = rig.complaints();
        let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
        assert!(text.starts_with(&start), "{text}");
        assert_eq!(bytes(&rig.process(frame().buffer())), expected);
        // Before, it does not start.
        let (element, bus) = common::element(None);
        set(&element, &files);
        assert!(element.set_state(gst::State::Paused).is_err());
        let complaints = common::complaints(&bus);
        let [Complaint::Error(text)] = &complaints[..] else { panic!("{complaints:?}") };
        assert!(text.starts_with(&start), "{text}");
        element.set_state(gst::State::Null).expect("it stops");
    }
}

#[test]
fn f223_what_is_wrong_with_each_is_warned_of() {
    let folder = TempDir::new().expect("a temporary folder");
    let cut = folder.path().join("cut.jpg");
    std::fs::write(&cut, common::jpeg::cut_off()).expect("written");
    let twice: [&Path; 3] = [&cut, &media("coffee.png"), &cut];
    let rig = rig(&twice, &frame(), &[]);
    let complaints = rig.complaints();
    let is_of_it = |complaint: &Complaint| {
        let start = format!("The reference picture '{}' is damaged: ", cut.display());
        matches!(complaint, Complaint::Warning(text) if text.starts_with(&start))
    };
    assert!(complaints.len() == 2 && complaints.iter().all(is_of_it), "{complaints:?}");
}

#[test]
fn f224_the_last_request_wins_however_long_each_takes() {
    let folder = TempDir::new().expect("a temporary folder");
    let big = big_picture(folder.path());
    let [coffee, chelsea] = ["coffee.png", "chelsea.png"].map(media);
    let expected = matched_to_several(&[&coffee, &chelsea], &frame(), &[]);
    let mut rig = rig(&[], &frame(), &[]);
    let element = rig.element.clone();
    let slow = std::thread::spawn(move || set(&element, &[&big, &big, &big]));
    std::thread::sleep(std::time::Duration::from_millis(100));
    set(&rig.element, &[&coffee, &chelsea]);
    slow.join().expect("no panic");
    assert_eq!(bytes(&rig.process(frame().buffer())), expected);
}

#[test]
fn f224_a_stop_ends_the_reading() {
    let folder = TempDir::new().expect("a temporary folder");
    let big = big_picture(folder.path());
    let (element, bus) = common::element(None);
    set(&element, &vec![big.as_path(); 1000]);
    // They are still read when it has come to PAUSED, which would take minutes.
    element.set_state(gst::State::Paused).expect("it is patient");
    element.set_state(gst::State::Null).expect("it stops");
    assert_eq!(common::complaints(&bus), []);
}

#[test]
fn f224_locked_takes_up_what_is_set() {
    let [coffee, chelsea, astronaut] = ["coffee.png", "chelsea.png", "astronaut.png"].map(media);
    let mut rig = rig(&[&coffee, &chelsea], &frame(), &[("update-mode", "locked")]);
    let first = bytes(&rig.process(later(&frame())));
    assert_eq!(first, matched_to_several(&[&coffee, &chelsea], &frame(), &[]));
    set(&rig.element, &[&astronaut, &chelsea]);
    let second = matched_to_several(&[&astronaut, &chelsea], &frame(), &[]);
    assert_eq!(bytes(&rig.process(later(&frame()))), second);
    rig.element.emit_by_name::<()>("relearn", &[]);
    assert_eq!(bytes(&rig.process(later(&frame()))), second);
}
