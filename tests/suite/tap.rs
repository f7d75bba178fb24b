//! Promise: `histotap` never touches a frame, whatever it looks at; and what it publishes is what the
//! frames of its window show.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::common::frames::{FORMATS, Frame, Shape, noise};
use crate::common::live::{save, save_any, tap, tap_element};
use crate::common::oracle::Code;
use crate::common::{self, Complaint, Rig, bytes, complaints};
use gst::prelude::*;
use gst_video::VideoFormat;
use gsthistomatch::live::channel::Channel;
use image::Rgb;
use temp_dir::TempDir;

fn stats(rig: &Rig) -> gst::Structure {
    rig.element.property("stats")
}

/// How many snapshots a tap has published.
fn snapshots(rig: &Rig) -> u64 {
    stats(rig).get("snapshots").expect("a number")
}

/// The pixels of a tap's newest snapshot.
fn saved(rig: &Rig) -> image::ImageBuffer<Rgb<u16>, Vec<u16>> {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("look.png");
    save_any(rig, &file);
    common::open(&file).into_rgb16()
}

/// R'G'B' of every pixel of a frame, in 16 bits.
fn definition(frame: &Frame) -> Vec<[f64; 3]> {
    let picture = &frame.pictures()[0];
    let code = frame.code();
    let (width, height) = (frame.info.width() as usize, frame.info.height() as usize);
    let value = |c: usize, x: usize, y: usize| {
        let (h, v) = if c == 0 { (1, 1) } else { picture.shared };
        let (zero, one) = code.zero_one(c, picture.depths[c]);
        (picture.grids[c][y / v][x / h] - zero) as f64 / one as f64
    };
    let color = |x, y| match code {
        Code::Rgb { .. } => [0, 1, 2].map(|c| value(c, x, y)),
        Code::Luma { .. } => [value(0, x, y); 3],
        Code::YCbCr { kr, kb, .. } => {
            let [luma, cb, cr] = [0, 1, 2].map(|c| value(c, x, y));
            let (r, b) = (luma + 2. * (1. - kr) * cr, luma + 2. * (1. - kb) * cb);
            [r, (luma - kr * r - kb * b) / (1. - kr - kb), b]
        }
    };
    let colors = (0..height).flat_map(|y| (0..width).map(move |x| color(x, y)));
    colors.map(|rgb| rgb.map(|v| v.clamp(0., 1.) * 65535.)).collect()
}

#[test]
fn f205_frames_of_every_format_pass_untouched_and_are_seen() {
    for format in FORMATS {
        for (shape, size) in [
            (Shape::Default, (16, 9)),
            (Shape::Stride { padding: 5 }, (7, 3)),
            (Shape::OffsetShortLastRow, (33, 18)),
        ] {
            let frame = Frame::new(format.format, size.0, size.1, shape, noise(3));
            let mut tap = tap("f205", &[("window", "1")]);
            tap.harness.set_src_caps(frame.caps());
            let buffer = frame.buffer();
            // As others have it, too: a copy would show.
            let other = buffer.clone();
            let output = tap.process(buffer);
            assert_eq!(output.as_ptr(), other.as_ptr(), "{format:?}");
            assert_eq!(bytes(&output), frame.bytes, "{format:?}");

            let picture = saved(&tap);
            assert_eq!(picture.dimensions(), size, "{format:?}");
            for (seen, is) in picture.pixels().zip(definition(&frame)) {
                let off = seen.0.iter().zip(is).map(|(&a, b)| (f64::from(a) - b).abs());
                assert!(off.fold(0., f64::max) < 3., "{format:?}: {seen:?}, {is:?}");
            }
        }
    }
}

#[test]
fn formats_that_gstreamer_unpacks_are_seen() {
    common::init();
    for format in ["v210", "UYVP", "RGB16", "BGR15"] {
        let pipeline = format!(
            "videotestsrc num-buffers=1 ! video/x-raw,width=320,height=240 ! videoconvert ! \
             video/x-raw,format={format} ! histotap name=tap channel=unpacked ! fakesink"
        );
        let pipeline = gst::parse::launch(&pipeline).expect("it parses");
        pipeline.set_state(gst::State::Playing).expect("it plays");
        let bus = pipeline.bus().expect("a bus");
        let end = [gst::MessageType::Eos, gst::MessageType::Error];
        let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &end);
        let snapshot = Channel::named("unpacked").newest();
        pipeline.set_state(gst::State::Null).expect("it stops");
        assert_eq!(message.map(|message| message.type_()), Some(gst::MessageType::Eos), "{format}");
        assert!(snapshot.is_some_and(|snapshot| snapshot.n_pixels() > 15_000), "{format}");
    }
}

/// A grey frame at a time.
fn grey(level: u8, milliseconds: u64) -> gst::Buffer {
    grey_frame(milliseconds, || level)
}

/// The same, half of which has all levels from 100 to 199, so that it isn't flat.
fn half_grey(level: u8, milliseconds: u64) -> gst::Buffer {
    let mut n = 0;
    grey_frame(milliseconds, || {
        n += 1;
        if n % 2 == 0 { level } else { 100 + (n / 2 % 100) as u8 }
    })
}

fn grey_frame(milliseconds: u64, sample: impl FnMut() -> u8) -> gst::Buffer {
    let frame = Frame::new(VideoFormat::Gray8, 20, 20, Shape::Default, sample);
    let mut buffer = frame.buffer();
    let time = gst::ClockTime::from_mseconds(milliseconds);
    buffer.get_mut().expect("nobody else has it").set_pts(time);
    buffer
}

fn grey_caps() -> gst::Caps {
    Frame::new(VideoFormat::Gray8, 20, 20, Shape::Default, || 0).caps()
}

/// How many pixels of the newest snapshot have each of some levels.
fn levels<const N: usize>(tap: &Rig, levels: [u8; N]) -> [usize; N] {
    let picture = saved(tap);
    levels.map(|level| {
        let is_level = |pixel: &&Rgb<u16>| pixel.0 == [u16::from(level) * 257; 3];
        picture.pixels().filter(is_level).count()
    })
}

#[test]
fn f206_snapshots_are_published_as_the_properties_say() {
    // 25 frames per second, for two seconds and a bit; how many were published behind each.
    let published = |properties: &[(&str, &str)]| {
        let mut tap = tap("f206", properties);
        tap.harness.set_src_caps(grey_caps());
        let count = |n: u64| {
            tap.process(half_grey(9, 40 * n));
            snapshots(&tap)
        };
        let mut counts: Vec<u64> = (0..53).map(count).collect();
        tap.harness.push_event(gst::event::Eos::new());
        counts.push(snapshots(&tap));
        counts
    };
    let at = |counts: &[u64]| -> Vec<usize> {
        let earlier = |n: usize| if n == 0 { 0 } else { counts[n - 1] };
        (0..counts.len()).filter(|&n| counts[n] > earlier(n)).collect()
    };
    // With the frame behind the one that was looked at, but for the first.
    let behind: Vec<_> = std::iter::once(0).chain((6..53).step_by(5)).collect();
    assert_eq!(at(&published(&[])), behind);
    let slower = published(&[("interval", "1000000000")]);
    assert_eq!(at(&slower), [0, 26, 51]);
    let alone = published(&[("interval", "1000000000"), ("window", "1")]);
    assert_eq!(at(&alone), [0, 26, 51]);
    // Or at the end, if no frame is behind it.
    let to_the_end = published(&[("interval", "2080000000"), ("window", "1")]);
    assert_eq!(at(&to_the_end), [0, 53]);
    let all = published(&[("interval", "0"), ("window", "0")]);
    assert_eq!(&at(&all)[..32], (0..32).collect::<Vec<_>>());
    assert_eq!(at(&published(&[("publish", "once")])), [50]);
    // It waits for something that isn't flat.
    let mut late = tap("f206_late", &[("publish", "once"), ("window", "200000000")]);
    late.harness.set_src_caps(grey_caps());
    (0..20).for_each(|n| drop(late.process(grey(9, 40 * n))));
    assert_eq!(snapshots(&late), 0);
    (20..40).for_each(|n| drop(late.process(half_grey(9, 40 * n))));
    assert_eq!(snapshots(&late), 1);
    assert_eq!(at(&published(&[("publish", "once"), ("window", "0")])), [0]);
    assert_eq!(at(&published(&[("publish", "once"), ("window", "9000000000")])), [53]);
    assert_eq!(at(&published(&[("publish", "manual")])), [0usize; 0]);
    assert_eq!(at(&published(&[("publish", "eos")])), [53]);
    // In a loop, a segment ends in place of the stream.
    let mut looped = tap("f206_loop", &[("publish", "eos")]);
    looped.harness.set_src_caps(grey_caps());
    looped.process(half_grey(9, 0));
    assert_eq!(snapshots(&looped), 0);
    looped.harness.push_event(gst::event::SegmentDone::new(gst::ClockTime::from_mseconds(40)));
    assert_eq!(snapshots(&looped), 1);
}

#[test]
fn f206_a_capture_is_published_with_the_next_frame() {
    for publish in ["continuous", "once", "manual", "eos"] {
        let mut tap = tap("f206_capture", &[("publish", publish), ("window", "1")]);
        tap.harness.set_src_caps(grey_caps());
        tap.process(half_grey(1, 0));
        let before = snapshots(&tap);
        tap.element.emit_by_name::<()>("capture", &[]);
        assert_eq!(snapshots(&tap), before);
        tap.process(half_grey(2, 40));
        assert_eq!(snapshots(&tap), before + 1, "{publish}");
        assert_eq!(levels(&tap, [1, 2]), [0, 200]);
        tap.process(half_grey(3, 80));
        // It is none of a whole window, which is still to come.
        let of_window = u64::from(publish == "once");
        assert_eq!(snapshots(&tap), before + 1 + of_window, "{publish}");
        tap.process(half_grey(4, 120));
        assert_eq!(snapshots(&tap), before + 1 + of_window, "{publish}");
    }
}

#[test]
fn f203_another_name_is_taken_up_at_the_next_start() {
    let (element, bus) = tap_element("f203_early");
    let name = || element.property::<String>("channel");
    for nothing in [None, Some("")] {
        element.set_property("channel", nothing);
        assert_eq!(name(), "default");
    }
    element.set_property("channel", "f203_early");
    element.set_state(gst::State::Paused).expect("it starts");
    element.set_property("channel", "f203_early");
    assert_eq!(complaints(&bus), []);
    element.set_property("channel", "f203_late");
    let in_use = || {
        let stats = element.property::<gst::Structure>("stats");
        stats.get::<String>("channel").expect("a name")
    };
    assert_eq!((name(), in_use()), ("f203_late".into(), "f203_early".into()));
    let warnings = complaints(&bus);
    let [Complaint::Warning(text)] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(
        text.starts_with("The histotap goes on publishing in the channel 'f203_early'"),
        "{text}"
    );
    element.set_state(gst::State::Ready).expect("it stops");
    element.set_state(gst::State::Paused).expect("it starts");
    assert_eq!(in_use(), "f203_late");
    element.set_state(gst::State::Null).expect("it stops");
    assert_eq!(complaints(&bus), []);
}

#[test]
fn f207_a_flush_or_a_seek_empties_the_window_and_not_the_channel() {
    let flush = |tap: &mut Rig| {
        tap.harness.push_event(gst::event::FlushStart::new());
        tap.harness.push_event(gst::event::FlushStop::new(true));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        tap.harness.push_event(gst::event::Segment::new(&segment));
    };
    let seek = |tap: &mut Rig| {
        let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
        segment.set_base(gst::ClockTime::from_seconds(1));
        tap.harness.push_event(gst::event::Segment::new(&segment));
    };
    let caps = |tap: &mut Rig| {
        tap.harness
            .set_src_caps("video/x-raw,format=RGB,width=20,height=20".parse().expect("caps"));
        tap.harness.set_src_caps(grey_caps());
    };
    let rate = |tap: &mut Rig| {
        let mut caps = grey_caps();
        caps.make_mut().set("framerate", gst::Fraction::new(50, 1));
        tap.harness.set_src_caps(caps);
    };
    let same = |tap: &mut Rig| {
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        tap.harness.push_event(gst::event::Segment::new(&segment));
    };
    /// What is done to a tap.
    type Jump<'a> = &'a dyn Fn(&mut Rig);

    let emptied: [(&str, Jump, bool); 5] = [
        ("flush", &flush, true),
        ("seek", &seek, true),
        ("caps", &caps, true),
        ("rate", &rate, false),
        ("same", &same, false),
    ];
    for (what, jump, is_emptied) in emptied {
        let mut tap = tap("f207", &[]);
        tap.harness.set_src_caps(grey_caps());
        tap.process(grey(1, 0));
        jump(&mut tap);
        assert_eq!(levels(&tap, [1, 2]), [400, 0], "the channel stays: {what}");
        tap.process(grey(2, 500));
        let expected = if is_emptied { [0, 400] } else { [200, 200] };
        assert_eq!(levels(&tap, [1, 2]), expected, "{what}");
    }
}

#[test]
fn what_is_looked_at_can_be_a_part_without_borders() {
    // The left half is 1, the right half 2, between black bars.
    let frame = || {
        let mut n = 0;
        Frame::new(VideoFormat::Gray8, 80, 60, Shape::Default, || {
            let (x, y) = (n % 80, n / 80);
            n += 1;
            match (x, y) {
                (_, ..12 | 48..) => 0,
                (..40, _) => 101,
                _ => 202,
            }
        })
    };
    let look = |properties: &[(&str, &str)]| {
        let mut tap = tap("part", properties);
        tap.harness.set_src_caps(frame().caps());
        tap.process(frame().buffer());
        levels(&tap, [0, 101, 202])
    };
    assert_eq!(look(&[]), [24 * 80, 36 * 40, 36 * 40]);
    assert_eq!(look(&[("ignore-borders", "true")]), [0, 36 * 40, 36 * 40]);
    assert_eq!(look(&[("region", "0,0,0.5,0.5")]), [12 * 40, 18 * 40, 0]);
    assert_eq!(look(&[("region", "0.25, 0, 0.5, 1")]), [24 * 40, 36 * 20, 36 * 20]);
    let both = [("region", "0.75,0,0.25,1"), ("ignore-borders", "true")];
    assert_eq!(look(&both), [0, 0, 36 * 20]);
    assert_eq!(look(&[("region", "1,1,1e-9,1e-9")]), [1, 0, 0]);
}

/// As `gst-launch-1.0` does it: properties are set before the element has anybody to tell.
#[test]
fn f208_a_region_that_was_set_before_anybody_listens_is_warned_of_at_the_start() {
    let (element, bus) = tap_element("f208-early");
    element.set_bus(None);
    element.set_property("region", "0,0,2,1");
    element.set_bus(Some(&bus));
    assert_eq!(complaints(&bus), []);
    element.set_state(gst::State::Paused).expect("it starts");
    let complaints = complaints(&bus);
    let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(text.starts_with("The region '0,0,2,1' is not used: it leaves the picture"), "{text}");
    assert!(text.contains("There is no old one"), "{text}");
    element.set_state(gst::State::Null).expect("it stops");
}

#[test]
fn f208_a_region_that_cannot_be_is_warned_of_and_changes_nothing() {
    let (element, bus) = tap_element("f208");
    element.set_property("region", "0,0,0.5,0.5");
    for (region, cause) in [
        ("a", "it isn't four numbers"),
        ("0,0,1", "it isn't four numbers"),
        ("0,0,1,1,1", "it isn't four numbers"),
        ("0,0,nan,1", "it isn't four numbers"),
        ("0,0,inf,1", "it isn't four numbers"),
        ("0,0,0,1", "it has no area"),
        ("0,0,1,-1", "it has no area"),
        ("0.5,0,0.6,1", "it leaves the picture"),
        ("-0.1,0,0.5,1", "it leaves the picture"),
    ] {
        element.set_property("region", region);
        assert_eq!(element.property::<Option<String>>("region").as_deref(), Some("0,0,0.5,0.5"));
        let complaints = complaints(&bus);
        let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
        let start = format!("The region '{region}' is not used: {cause}");
        assert!(text.starts_with(&start), "{text}");
    }
    for nothing in [None, Some("")] {
        element.set_property("region", "0,0,0.5,0.5");
        element.set_property("region", nothing);
        assert_eq!(element.property::<Option<String>>("region"), None);
    }
    assert_eq!(complaints(&bus), []);
}

#[test]
fn f203_a_second_tap_of_a_name_is_an_error_that_says_who_has_it() {
    let first = tap("f203_tap", &[]);
    let (second, bus) = tap_element("f203_tap");
    assert!(second.set_state(gst::State::Paused).is_err());
    let complaints_of_second = complaints(&bus);
    let [Complaint::Error(text)] = &complaints_of_second[..] else {
        panic!("{complaints_of_second:?}")
    };
    let path = first.element.path_string();
    let expected = format!(
        "The channel 'f203_tap' has a histotap already: {path}. Give this one another name \
         (channel=...), or stop the other one first."
    );
    assert_eq!(*text, expected);
    second.set_state(gst::State::Null).expect("it stops");

    // When the first one stops, or the second has another name, it starts.
    first.element.set_state(gst::State::Ready).expect("it stops");
    second.set_state(gst::State::Paused).expect("it starts");
    assert!(first.element.set_state(gst::State::Paused).is_err());
    first.element.set_state(gst::State::Null).expect("it stops");
    first.element.set_property("channel", "f203_other");
    first.element.set_state(gst::State::Playing).expect("it starts");
    second.set_state(gst::State::Null).expect("it stops");
    assert_eq!(complaints(&bus), []);
}

#[test]
fn stats_say_what_was_published() {
    let mut tap = tap("stats", &[]);
    let structure = stats(&tap);
    assert_eq!(structure.name(), "histotap");
    assert_eq!(structure.get("channel"), Ok("stats"));
    assert_eq!((structure.get("snapshots"), structure.get("consumers")), (Ok(0u64), Ok(0u32)));
    assert!(["sequence", "age", "pixels"].iter().all(|field| !structure.has_field(*field)));
    tap.harness.set_src_caps(grey_caps());
    tap.process(grey(1, 0));
    let structure = stats(&tap);
    assert_eq!((structure.get("snapshots"), structure.get("sequence")), (Ok(1u64), Ok(1u64)));
    assert_eq!(structure.get("pixels"), Ok(400u32));
    assert!(structure.get::<u64>("age").expect("a number") > 0);
}

#[test]
fn what_cannot_be_saved_is_warned_of() {
    let mut tap = tap("unsaved", &[]);
    assert!(!save(&tap, "look.png".as_ref()));
    let path = std::path::Path::new("/no/such/folder/look.png");
    let complaints = tap.complaints();
    let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(
        text.starts_with("The snapshot 'look.png' is not written: there is none yet."),
        "{text}"
    );
    tap.harness.set_src_caps(grey_caps());
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("look.png");
    tap.process(grey(1, 0));
    assert!(!save(&tap, &file) && !file.exists());
    let complaints = tap.complaints();
    let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(text.contains("is not written: it has next to no distribution"), "{text}");
    tap.process(half_grey(1, 5000));
    assert!(!save(&tap, path));
    let complaints = tap.complaints();
    let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
    let start = "The snapshot '/no/such/folder/look.png' can't be written: ";
    assert!(text.starts_with(start), "{text}");

    // What is no file stays.
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is there").success());
    assert!(!save(&tap, &pipe));
    let complaints = tap.complaints();
    let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(text.contains("it is a pipe, socket or device, and not a file"), "{text}");
    assert!(!pipe.metadata().expect("it is there").is_file());
}

/// A link goes on leading to what it led to.
#[test]
fn a_snapshot_is_saved_where_a_link_leads() {
    let mut tap = tap("linked", &[]);
    tap.harness.set_src_caps(grey_caps());
    tap.process(half_grey(1, 0));
    let (folder, other) = (TempDir::new().expect("a folder"), TempDir::new().expect("another"));
    let (link, file) = (folder.path().join("look.png"), other.path().join("shared.png"));
    std::fs::write(&file, "old").expect("written");
    std::os::unix::fs::symlink(&file, &link).expect("linked");
    assert!(save(&tap, &link));
    assert_eq!(link.read_link().expect("a link"), file);
    assert_eq!(image::open(&file).expect("a picture").to_rgb16(), saved(&tap));
    assert_eq!(tap.complaints(), []);
}

/// `framerate` need not be there; behind the tap, it is.
#[test]
fn f205_frames_without_a_rate_pass_untouched() {
    let mut tap = tap("f205_rate", &[]);
    let mut caps = grey_caps();
    caps.make_mut().structure_mut(0).expect("a structure").remove_field("framerate");
    tap.harness.set_src_caps(caps);
    let buffer = grey(7, 0);
    let address = buffer.as_ptr();
    assert_eq!(tap.process(buffer).as_ptr(), address);
    assert_eq!(levels(&tap, [7]), [400]);
}

#[test]
fn f205_what_cannot_be_looked_at_passes_and_is_said_once() {
    let mut tap = tap("f205_odd", &[]);
    tap.harness.set_src_caps(grey_caps());
    for n in 0..3 {
        let mut buffer = gst::Buffer::from_mut_slice(vec![n; 7]);
        buffer.get_mut().expect("nobody else has it").set_pts(gst::ClockTime::ZERO);
        let output = tap.harness.push_and_pull(buffer).expect("it passes");
        assert_eq!(bytes(&output), [n; 7]);
        let complaints = tap.complaints();
        match &complaints[..] {
            [Complaint::Warning(text)] if n == 0 => {
                assert!(text.starts_with("Frames can't be looked at: plane 0"), "{text}");
            }
            [] if n > 0 => {}
            _ => panic!("{n}: {complaints:?}"),
        }
    }
    assert_eq!(snapshots(&tap), 0);
    // Fills of gaps don't count either.
    let mut gap = grey(5, 0);
    gap.get_mut().expect("nobody else has it").set_flags(gst::BufferFlags::GAP);
    let output = tap.process(gap);
    assert!(output.flags().contains(gst::BufferFlags::GAP));
    assert_eq!(snapshots(&tap), 0);
}

#[test]
fn f205_gst_launch_sets_everything_and_a_pipeline_ends() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut launch = std::process::Command::new("gst-launch-1.0");
    let line = "videotestsrc num-buffers=3 ! histotap channel=a publish=eos interval=100000000 window=0 \
                region=0,0,1,0.5 ignore-borders=true ! fakesink";
    launch.args(line.split_whitespace());
    let output = common::programs::run(&mut launch, folder.path());
    assert!(output.status.success(), "{}", common::programs::text(&output));
}

/// What is made of it is decided upstream and downstream, as if it weren't there.
#[test]
fn latency_is_what_it_is_without() {
    common::init();
    let latency = |taps: &str| {
        let line = format!(
            "videotestsrc is-live=true ! video/x-raw,framerate=25/1 {taps} ! fakesink sync=true"
        );
        let pipeline = gst::parse::launch(&line).expect("it parses");
        pipeline.set_state(gst::State::Playing).expect("it plays");
        let (outcome, ..) = pipeline.state(gst::ClockTime::from_seconds(30));
        outcome.expect("it plays");
        let mut query = gst::query::Latency::new();
        assert!(pipeline.query(&mut query));
        pipeline.set_state(gst::State::Null).expect("it stops");
        query.result()
    };
    assert_eq!(latency("! histotap channel=latency"), latency(""));
}

/// A pipeline is ready with the first frame.
#[test]
fn preroll_takes_no_frame_more_than_without() {
    common::init();
    let frames = |taps: &str| {
        let line = format!("videotestsrc name=source {taps} ! fakesink name=sink sync=true");
        let pipeline = gst::parse::launch(&line).expect("it parses");
        let pipeline = pipeline.downcast::<gst::Pipeline>().expect("several elements");
        let counts = ["source", "sink"].map(|name| {
            let element = pipeline.by_name(name).expect("it is there");
            let count = Arc::new(AtomicU64::new(0));
            let seen = count.clone();
            element.pads()[0].add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                seen.fetch_add(1, Relaxed);
                gst::PadProbeReturn::Ok
            });
            count
        });
        pipeline.set_state(gst::State::Paused).expect("it can be");
        pipeline.state(gst::ClockTime::from_seconds(30)).0.expect("it is ready");
        let counts = counts.map(|count| count.load(Relaxed));
        pipeline.set_state(gst::State::Null).expect("it stops");
        counts
    };
    assert_eq!(frames("! histotap channel=preroll"), frames(""));
    assert_eq!(frames("! histotap channel=preroll publish=eos window=0"), [1, 1]);
}

/// What comes out at either side of an element, and what is answered there, when all kinds of events and
/// queries come in at the other. Whether caps are accepted is left out: a tap looks into its template for that.
fn passed(element: &gst::Element) -> Vec<String> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let say = {
        let log = log.clone();
        move |text: String| {
            // Without addresses.
            let parts = text
                .split("0x")
                .map(|part| part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
            log.lock().expect("no panic").push(parts.collect::<String>());
        }
    };
    let pad = |direction| {
        let (event, query) = (say.clone(), say.clone());
        gst::Pad::builder(direction)
            .event_function(move |pad, _, it| {
                event(format!("{}: {:?} {:?}", pad.name(), it.type_(), it.structure()));
                true
            })
            .query_function(move |pad, _, it| {
                if let gst::QueryViewMut::AcceptCaps(it) = it.view_mut() {
                    it.set_result(true);
                    return true;
                }
                query(format!("{}: {:?}", pad.name(), it.type_()));
                let time = gst::ClockTime::from_mseconds;
                match it.view_mut() {
                    gst::QueryViewMut::Latency(it) => it.set(true, time(5), time(80)),
                    gst::QueryViewMut::Position(it) => it.set(time(7)),
                    gst::QueryViewMut::Duration(it) => it.set(time(9000)),
                    gst::QueryViewMut::Seeking(it) => it.set(true, time(0), time(9000)),
                    gst::QueryViewMut::Allocation(it) => {
                        it.add_allocation_meta::<gst_video::VideoMeta>(None);
                        it.add_allocation_pool(None::<&gst::BufferPool>, 100, 2, 3);
                    }
                    gst::QueryViewMut::Caps(it) => {
                        let filter = it.filter_owned().unwrap_or_else(gst::Caps::new_any);
                        it.set_result(&filter);
                    }
                    gst::QueryViewMut::Uri(it) => it.set_uri("file:///a"),
                    gst::QueryViewMut::Custom(it) => it.structure_mut().set("answer", 42),
                    _ => return false,
                }
                true
            })
    };
    let source = pad(gst::PadDirection::Src).name("source").build();
    let sink = pad(gst::PadDirection::Sink).name("sink");
    let sink = sink.chain_function(|_, _, _| Ok(gst::FlowSuccess::Ok)).build();
    source.link(&element.static_pad("sink").expect("it has one")).expect("they fit");
    element.static_pad("src").expect("it has one").link(&sink).expect("they fit");
    sink.set_active(true).expect("it can be");
    element.set_state(gst::State::Playing).expect("it plays");
    source.set_active(true).expect("it can be");

    let caps = grey_caps();
    let own = || gst::Structure::new_empty("own");
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    let seek = gst::event::Seek::new(
        1.,
        gst::SeekFlags::FLUSH,
        gst::SeekType::Set,
        gst::ClockTime::SECOND,
        gst::SeekType::None,
        gst::ClockTime::NONE,
    );
    let qos = gst::event::Qos::new(gst::QOSType::Underflow, 2., 3, Some(gst::ClockTime::SECOND));
    let upstream = || {
        [
            seek.clone(),
            qos.clone(),
            gst::event::Latency::new(gst::ClockTime::SECOND),
            gst::event::Navigation::new(own()),
            gst::event::CustomUpstream::new(own()),
            gst::event::CustomBoth::new(own()),
            gst::event::CustomBothOob::new(own()),
            gst::event::Step::new(gst::format::Default::from_u64(1), 1., true, false),
            gst::event::Reconfigure::new(),
        ]
    };
    let queries = || {
        let time = gst::Format::Time;
        let queries: Vec<gst::Query> = vec![
            gst::query::Latency::new().into(),
            gst::query::Position::new(time).into(),
            gst::query::Duration::new(time).into(),
            gst::query::Seeking::new(time).into(),
            gst::query::Segment::new(time).into(),
            gst::query::Formats::new().into(),
            gst::query::Convert::new(gst::ClockTime::SECOND, gst::Format::Bytes).into(),
            gst::query::Uri::new().into(),
            gst::query::Scheduling::new().into(),
            gst::query::Buffering::new(time).into(),
            gst::query::Drain::new().into(),
            gst::query::Context::new("own").into(),
            gst::query::Custom::new(own()).into(),
            gst::query::Caps::new(Some(&caps)).into(),
            gst::query::Allocation::new(Some(&caps), true).into(),
        ];
        queries
    };
    let ask_and_tell = || {
        for pad in [&source, &sink] {
            let goes_there = |query: &gst::Query| match pad.direction() {
                gst::PadDirection::Src => query.is_downstream(),
                _ => query.is_upstream(),
            };
            for mut query in queries().into_iter().filter(goes_there) {
                let query = query.get_mut().expect("nobody else has it");
                let is_answered = pad.peer_query(query);
                let answer = match query.view() {
                    gst::QueryView::Allocation(it) => {
                        let pools =
                            it.allocation_pools().map(|(_, size, min, max)| (size, min, max));
                        let metas = it.allocation_metas().map(|(of, _)| of);
                        format!("{:?} {:?}", metas.collect::<Vec<_>>(), pools.collect::<Vec<_>>())
                    }
                    _ => format!("{:?}", query.structure()),
                };
                say(format!("{}: {is_answered} {answer}", pad.name()));
            }
        }
        for event in upstream() {
            say(format!("{}", sink.push_event(event)));
        }
    };
    // Before the caps, and behind them.
    source.push_event(gst::event::StreamStart::new("own"));
    ask_and_tell();
    let downstream: Vec<gst::Event> = vec![
        gst::event::Caps::new(&caps),
        gst::event::Segment::new(&segment),
        gst::event::Tag::new(gst::TagList::new()),
        gst::event::CustomDownstream::new(own()),
        gst::event::CustomDownstreamOob::new(own()),
        gst::event::CustomDownstreamSticky::new(own()),
        gst::event::CustomBoth::new(own()),
        gst::event::Gap::new(gst::ClockTime::ZERO, gst::ClockTime::SECOND),
        gst::event::SinkMessage::new("own", &gst::message::Latency::new()),
        gst::event::FlushStart::new(),
        gst::event::FlushStop::new(true),
        gst::event::Segment::new(&segment),
        gst::event::SegmentDone::new(gst::ClockTime::SECOND),
    ];
    for event in downstream {
        say(format!("{}", source.push_event(event)));
    }
    source.push(grey(9, 0)).expect("it passes");
    ask_and_tell();
    say(format!("{}", source.push_event(gst::event::Eos::new())));
    ask_and_tell();
    element.set_state(gst::State::Null).expect("it stops");
    let log = log.lock().expect("no panic");
    log.clone()
}

#[test]
fn f205_events_and_queries_pass_as_through_identity() {
    common::init();
    let [tap, identity] =
        ["histotap", "identity"].map(|name| gst::ElementFactory::make(name).build());
    let tap = passed(&tap.expect("it is registered"));
    let identity = passed(&identity.expect("it is part of GStreamer"));
    assert!(identity.len() > 150, "{identity:#?}");
    for (n, (tap, identity)) in tap.iter().zip(&identity).enumerate() {
        assert_eq!(tap, identity, "{n}");
    }
    assert_eq!(tap.len(), identity.len());
}
