//! Promise: what is done over time can be controlled while it plays, and begins afresh where the
//! stream does; messages say what was done.

use crate::common::Complaint;
use crate::common::footage::{
    FPS, HEIGHT, WIDTH, buffer, caps, graded, image, rig, show, stats, still,
};
use crate::common::frames::{FORMATS, Format, Frame, Shape, noise};
use crate::common::{self, Rig, VALUES, bytes, media};
use gst::prelude::*;
use gst_base::prelude::*;
use gst_controller::prelude::*;
use gsthistomatch::histomatch::HistoMatch;
use gsthistomatch::histomatch::stats::Stats;
use image::RgbImage;

/// An average that no cut ends.
const SMOOTH: [(&str, &str); 2] = [("smoothing", "1000000000"), ("scene-threshold", "0")];

/// Nothing of this was seen before, so it is matched by itself.
fn is_fresh(stats: &Stats) -> bool {
    stats.distance_after < 0.01
}

/// A rig that was shown the first of two scenes up to a frame's number, and the second one.
fn rig_with_scene(n: usize) -> (Rig, RgbImage) {
    let mut rig = rig(&SMOOTH);
    let first = still("astronaut.png");
    for number in 0..n {
        rig.process(buffer(&first, number));
    }
    (rig, still("chelsea.png"))
}

/// A buffer marked in some way.
fn marked(mut buffer: gst::Buffer, flags: gst::BufferFlags) -> gst::Buffer {
    buffer.get_mut().expect("nobody else has it").set_flags(flags);
    buffer
}

#[test]
fn f30_f33_time_is_known_as_far_as_it_can_be() {
    let scenes = [still("astronaut.png"), still("chelsea.png")];
    let second = gst::ClockTime::SECOND;
    let mut tables = Vec::new();
    for (fps, has_pts, duration) in [
        (25, true, Some(second / 25)),
        (25, false, None),
        (0, true, None),
        (0, false, Some(second / 25)),
        // 40 ms are what a frame is taken to last.
        (0, false, None),
    ] {
        let mut rig = rig(&SMOOTH);
        rig.harness.set_src_caps(caps(fps));
        for number in 0..8 {
            let mut buffer = buffer(&scenes[usize::from(number > 3)], number);
            let buffer_mut = buffer.get_mut().expect("nobody else has it");
            buffer_mut.set_duration(duration);
            if !has_pts {
                buffer_mut.set_pts(None);
            }
            rig.process(buffer);
        }
        let stats = stats(&rig);
        assert_eq!(stats.running_time.is_some(), has_pts);
        tables.push(stats.luts);
    }
    assert!(tables.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn f31_a_gap_leaves_no_trace() {
    let (mut rig, second) = rig_with_scene(4);
    let first = still("astronaut.png");
    let before = stats(&rig).luts;
    // Someone else has it, so it is copied, and keeps its mark.
    let gap = marked(buffer(&second, 4), gst::BufferFlags::GAP);
    let output = rig.process(gap.clone());
    assert!(output.flags().contains(gst::BufferFlags::GAP));
    assert_ne!(stats(&rig).luts, before, "it is matched");
    rig.process(buffer(&first, 5));
    assert_eq!(stats(&rig).luts, before);
}

/// Neither of what it shows nor of the time at which it does.
#[test]
fn f31_what_fills_a_gap_might_as_well_be_missing() {
    let [filled, missing] = [true, false].map(|is_filled| {
        let (mut rig, second) = rig_with_scene(4);
        if is_filled {
            rig.process(marked(buffer(&second, 4), gst::BufferFlags::GAP));
        }
        rig.process(buffer(&second, 5));
        stats(&rig).luts
    });
    assert_eq!(filled, missing);
}

/// Of a second, and of one frame at least; against the direction of play, of a frame.
#[test]
fn f118_a_discontinuity_is_a_jump_in_time() {
    // The last frame is the ninth.
    for (number, is_jump) in [
        // RTP marks the frame behind each packet that was lost.
        (10, false),
        (11, false),
        (15, false),
        (34, false),
        (36, true),
        (9, false),
        (8, true),
        (3, true),
    ] {
        let (mut rig, second) = rig_with_scene(10);
        rig.process(marked(buffer(&second, number), gst::BufferFlags::DISCONT));
        assert_eq!(is_fresh(&stats(&rig)), is_jump, "{number}");
    }
    let (mut rig, second) = rig_with_scene(10);
    rig.process(buffer(&second, 15));
    assert!(!is_fresh(&stats(&rig)), "without a mark");
    // Whatever the buffer says that it lasts.
    for (number, is_jump) in [(16, false), (60, true)] {
        let mut endless = marked(buffer(&second, number), gst::BufferFlags::DISCONT);
        let longest = gst::ClockTime::from_nseconds(u64::MAX - 1);
        endless.get_mut().expect("nobody else has it").set_duration(longest);
        rig.process(endless);
        assert_eq!(is_fresh(&stats(&rig)), is_jump, "{number}");
    }
}

#[test]
fn f118_discontinuities_at_normal_cadence_are_none() {
    let (first, second) = (still("astronaut.png"), still("chelsea.png"));
    let ms = gst::ClockTime::from_mseconds;
    for (fps, frame) in [
        (1, ms(1000)),
        (24, gst::ClockTime::SECOND / 24),
        (30, gst::ClockTime::SECOND / 30),
        (60, gst::ClockTime::SECOND / 60),
        (240, gst::ClockTime::SECOND / 240),
        // No rate is known.
        (0, ms(20)),
        (0, ms(5000)),
    ] {
        for has_pts in [true, false] {
            let mut rig = rig(&SMOOTH);
            let smoothing = (100 * frame).min(gst::ClockTime::from_seconds(60));
            rig.element.set_property("smoothing", smoothing.nseconds());
            rig.harness.set_src_caps(caps(fps));
            let mut show = |picture: &RgbImage, time: gst::ClockTime| {
                let mut buffer = marked(buffer(picture, 0), gst::BufferFlags::DISCONT);
                let buffer_mut = buffer.get_mut().expect("nobody else has it");
                buffer_mut.set_pts(has_pts.then_some(time));
                buffer_mut.set_duration(frame);
                rig.process(buffer);
                stats(&rig)
            };
            for number in 0..6 {
                show(&first, frame * number);
            }
            // One comes in time, one is missing, one comes too early.
            for time in [frame * 6, frame * 8, frame * 8 - frame / 2] {
                assert!(!is_fresh(&show(&second, time)), "{fps} {frame} {has_pts}: {time}");
            }
            if has_pts {
                assert!(is_fresh(&show(&first, frame * 11 + ms(1100))), "{fps} {frame}");
            }
        }
    }
}

/// What happens to a stream between two frames of different scenes.
type Change = (&'static str, fn(&mut Rig), fn(&RgbImage, usize) -> gst::Buffer);

fn push_segment(rig: &mut Rig, rate: f64) {
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_rate(rate);
    rig.harness.push_event(gst::event::Segment::new(&segment));
}

fn set_caps(rig: &mut Rig, format: gst_video::VideoFormat, width: u32, fps: i32) {
    let info = gst_video::VideoInfo::builder(format, width, HEIGHT)
        .fps(gst::Fraction::new(fps, 1))
        .build()
        .expect("a valid size");
    rig.harness.set_src_caps(info.to_caps().expect("caps"));
}

/// A part of the picture, as a frame of its own.
fn narrower(picture: &RgbImage, number: usize) -> gst::Buffer {
    buffer(&image::imageops::crop_imm(picture, 0, 0, WIDTH - 8, HEIGHT).to_image(), number)
}

fn in_gbr(picture: &RgbImage, number: usize) -> gst::Buffer {
    let plane = |c: usize| picture.pixels().map(move |pixel| pixel.0[c]);
    let bytes: Vec<u8> = [1, 2, 0].into_iter().flat_map(plane).collect();
    as_number(bytes, number)
}

fn in_10_bits(picture: &RgbImage, number: usize) -> gst::Buffer {
    let gbr = in_gbr(picture, number);
    let map = gbr.map_readable().expect("it is in memory");
    let words = map.iter().flat_map(|&level| (u16::from(level) << 2 | 2).to_le_bytes());
    as_number(words.collect(), number)
}

fn as_number(bytes: Vec<u8>, number: usize) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let buffer_mut = buffer.get_mut().expect("nobody else has it");
    buffer_mut.set_pts(gst::ClockTime::SECOND / FPS as u64 * number as u64);
    buffer
}

fn behind_a_gap(picture: &RgbImage, number: usize) -> gst::Buffer {
    marked(buffer(picture, number + 100), gst::BufferFlags::DISCONT)
}

fn sooner(picture: &RgbImage, number: usize) -> gst::Buffer {
    marked(buffer(picture, number / 2), gst::BufferFlags::DISCONT)
}

fn flush(rig: &mut Rig) {
    rig.harness.push_event(gst::event::FlushStart::new());
    rig.harness.push_event(gst::event::FlushStop::new(true));
    push_segment(rig, 1.);
}

/// Behind a jump, what was learned is forgotten in `frame`, learned again in `scene`, and kept in
/// `locked`, whatever happens, until it is to be learned again.
#[test]
fn f34_f35_f39_f47_f119_a_jump_means_what_the_mode_says() {
    use gst_video::VideoFormat::{Gbr, Gbr10le, Rgb};
    let goes_on: [Change; 3] = [
        ("nothing", |_| (), buffer),
        // As where pads are linked anew.
        ("the same segment", |rig| push_segment(rig, 1.), buffer),
        ("another rate of frames", |rig| set_caps(rig, Rgb, WIDTH, 30), buffer),
    ];
    let jumps: [Change; 7] = [
        ("a flush", flush, buffer),
        ("a segment", |rig| push_segment(rig, 2.), buffer),
        ("a gap", |_| (), behind_a_gap),
        ("back", |_| (), sooner),
        ("another size", |rig| set_caps(rig, Rgb, WIDTH - 8, FPS as i32), narrower),
        ("another format", |rig| set_caps(rig, Gbr, WIDTH, FPS as i32), in_gbr),
        ("another depth", |rig| set_caps(rig, Gbr10le, WIDTH, FPS as i32), in_10_bits),
    ];
    let (first, second) = (still("astronaut.png"), still("chelsea.png"));
    let all = goes_on.map(|change| (change, false)).into_iter();
    for ((name, change, frame), is_jump) in all.chain(jumps.map(|change| (change, true))) {
        for mode in ["frame", "scene", "locked"] {
            // So high that no cut is found.
            let mut rig = rig(&[SMOOTH[0], ("scene-threshold", "1"), ("update-mode", mode)]);
            push_segment(&mut rig, 1.);
            for number in 0..40 {
                rig.process(buffer(&first, number));
            }
            let before = stats(&rig).luts;
            change(&mut rig);
            rig.process(frame(&second, 40));
            let after = stats(&rig);
            let is_kept = mode == "locked" || !is_jump;
            assert_eq!(is_fresh(&after), !is_kept, "{name}, {mode}");
            let is_learned = mode == "frame" || !is_kept;
            assert_eq!(after.learned, [is_learned; 3], "{name}, {mode}");
            if !is_learned && after.depths == [8; 3] {
                assert_eq!(after.luts, before, "{name}, {mode}");
            } else if mode == "locked" {
                // In 10 bits it looks the same: the curves are of as many levels, evenly spread.
                for (before, after) in before.iter().zip(&after.luts) {
                    let off = |(v, &level): (usize, &u16)| level.abs_diff(after[v] / 4);
                    let sum: u64 = before.iter().enumerate().map(|pair| u64::from(off(pair))).sum();
                    assert!(sum < 256, "{name}: {sum}");
                }
            }
            rig.element.emit_by_name::<()>("relearn", &[]);
            rig.process(frame(&second, 41));
            assert!(is_fresh(&stats(&rig)), "{name}, {mode}");
        }
    }
}

/// What was learned in one kind of channels says nothing in another one.
#[test]
fn f36_f119_another_kind_of_channels_is_learned_again() {
    for mode in ["frame", "scene", "locked"] {
        let mut rig = rig(&[SMOOTH[0], ("scene-threshold", "1"), ("update-mode", mode)]);
        let (first, second) = (still("astronaut.png"), still("chelsea.png"));
        for number in 0..40 {
            rig.process(buffer(&first, number));
        }
        for colorspace in ["ycbcr", "rgb", "luma"] {
            rig.element.set_property_from_str("colorspace", colorspace);
            rig.process(buffer(&second, 40));
            // What was locked in it is back.
            let is_back = (mode, colorspace) == ("locked", "rgb");
            assert_eq!(is_fresh(&stats(&rig)), !is_back, "{mode} {colorspace}");
        }
    }
}

#[test]
fn a_stop_forgets_in_every_mode() {
    for mode in ["frame", "scene", "locked"] {
        let mut rig = rig(&[SMOOTH[0], ("scene-threshold", "1"), ("update-mode", mode)]);
        rig.process(buffer(&still("astronaut.png"), 0));
        rig.element.set_state(gst::State::Ready).expect("it stops");
        rig.harness.play();
        rig.harness.set_src_caps(caps(25));
        rig.process(buffer(&still("chelsea.png"), 1));
        assert!(is_fresh(&stats(&rig)), "{mode}");
    }
}

/// Each group of frames begins with a discontinuity then, and times fall.
#[test]
fn f46_backwards_is_as_smooth_as_forwards() {
    let scenes = [still("astronaut.png"), still("chelsea.png")];
    let mut backwards = rig(&SMOOTH);
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_rate(-1.);
    segment.set_stop(gst::ClockTime::SECOND);
    backwards.harness.push_event(gst::event::Segment::new(&segment));
    let mut forwards = rig(&SMOOTH);
    for number in 0..10 {
        let scene = &scenes[usize::from(number > 3)];
        let mut flags = gst::BufferFlags::empty();
        flags.set(gst::BufferFlags::DISCONT, number % 5 == 0);
        backwards.process(marked(buffer(scene, 20 - number), flags));
        forwards.process(buffer(scene, number));
        assert_eq!(stats(&backwards).luts, stats(&forwards).luts, "{number}");
    }
}

#[test]
fn f50_what_a_late_sink_skips_is_a_gap_in_time() {
    let (mut rig, second) = rig_with_scene(10);
    rig.element.set_property("qos", true);
    let running_time = gst::ClockTime::SECOND / FPS as u64 * 10;
    let late = gst::event::Qos::builder(gst::QOSType::Underflow, 2., 200_000_000);
    rig.harness.push_upstream_event(late.timestamp(running_time).build());
    let mut came = 0;
    for number in 10..30 {
        rig.harness.push(buffer(&second, number)).expect("it is taken");
        if let Some(_frame) = rig.harness.try_pull() {
            came += 1;
            assert!(!is_fresh(&stats(&rig)), "{number}");
        }
    }
    assert!((1..20).contains(&came), "{came} of 20 frames came");
}

#[test]
fn relearn_begins_afresh() {
    for mode in ["frame", "scene", "locked"] {
        let (mut rig, second) = rig_with_scene(10);
        // So high that no cut is found.
        rig.element.set_property("scene-threshold", 1.);
        rig.element.set_property_from_str("update-mode", mode);
        rig.process(buffer(&second, 10));
        assert!(!is_fresh(&stats(&rig)), "{mode}");
        rig.element.emit_by_name::<()>("relearn", &[]);
        rig.process(buffer(&second, 11));
        assert!(is_fresh(&stats(&rig)), "{mode}");
    }
}

#[test]
fn modes_change_while_playing() {
    let (mut rig, second) = rig_with_scene(50);
    rig.element.set_property_from_str("update-mode", "locked");
    rig.process(buffer(&second, 50));
    assert_eq!(stats(&rig).learned, [false; 3]);
    rig.element.set_property_from_str("update-mode", "frame");
    rig.process(buffer(&second, 51));
    assert_eq!(stats(&rig).learned, [true; 3]);
    rig.element.set_property("smoothing", 0u64);
    rig.process(buffer(&second, 52));
    assert!(is_fresh(&stats(&rig)));
}

#[test]
fn strength_0_is_passthrough() {
    let frame = still("chelsea.png");
    let mut rig = rig(&[("strength", "0")]);
    assert!(image(&rig.process(buffer(&frame, 0))) == frame);
    let element = rig.element.clone().downcast::<gst_base::BaseTransform>().expect("it is one");
    assert!(element.is_passthrough());
    rig.element.set_property("strength", 0.5);
    let half = image(&rig.process(buffer(&frame, 1)));
    rig.element.set_property("strength", 1.);
    let whole = image(&rig.process(buffer(&frame, 2)));
    for ((before, half), whole) in frame.iter().zip(half.iter()).zip(whole.iter()) {
        let middle = (f64::from(*before) + f64::from(*whole)) / 2.;
        assert!((f64::from(*half) - middle).abs() <= 0.5);
    }
}

/// Neither copied nor written, whoever else has it; and all the same it is known what would be done.
#[test]
fn f121_strength_0_leaves_buffers_alone_and_knows_them() {
    let frame = still("chelsea.png");
    for mode in ["frame", "scene", "locked"] {
        let mut rig = rig(&[
            ("strength", "0"),
            ("smoothing", "1000000000"),
            ("update-mode", mode),
            ("post-messages", "true"),
            ("interval", "0"),
        ]);
        for number in 0..3 {
            // Nobody may write to it: the buffer is shared, and its memory is.
            let mut buffer = buffer(&frame, number);
            let memory = gst::Memory::from_slice(frame.as_raw().clone());
            let buffer_mut = buffer.get_mut().expect("nobody else has it");
            buffer_mut.replace_all_memory(memory);
            let output = rig.harness.push_and_pull(buffer.clone()).expect("it passes");
            assert_eq!(output.as_ptr(), buffer.as_ptr(), "{mode}");
            assert!(image(&output) == frame);
            let stats = stats(&rig);
            assert_eq!(stats.running_time, buffer.pts(), "{mode}");
            assert_eq!(stats.learned, [true; 3]);
            let same: Vec<u16> = (0..256).collect();
            assert_eq!(stats.luts, vec![same; 3]);
            assert!(stats.distance_before > 0.05);
            assert_eq!(stats.distance_after, stats.distance_before);
            let messages = messages(&rig);
            assert_eq!(messages.iter().map(|(said, _)| said).collect::<Vec<_>>(), [&stats]);
        }
        // A buffer that can't be a frame passes, as there is nothing to be done.
        rig.harness.push_and_pull(gst::Buffer::from_slice([1, 2, 3])).expect("it passes");
        assert_eq!(rig.complaints(), []);
    }
}

#[test]
fn f121_what_is_faded_in_was_learned_before() {
    let (first, second) = (still("astronaut.png"), still("chelsea.png"));
    for mode in ["frame", "scene", "locked"] {
        let [faded_in, at_once] = [true, false].map(|is_faded_in| {
            let mut rig = rig(&[("smoothing", "400000000"), ("update-mode", mode)]);
            if is_faded_in {
                let source = gst_controller::InterpolationControlSource::new();
                source.set_mode(gst_controller::InterpolationMode::Linear);
                let binding =
                    gst_controller::DirectControlBinding::new(&rig.element, "strength", &source);
                rig.element.add_control_binding(&binding).expect("it can be controlled");
                assert!(source.set(gst::ClockTime::ZERO, 0.));
                assert!(source.set(gst::ClockTime::from_mseconds(800), 0.));
                assert!(source.set(gst::ClockTime::from_mseconds(1200), 1.));
            }
            let mut strengths = Vec::new();
            for number in 0..40 {
                rig.process(buffer(if number < 15 { &first } else { &second }, number));
                strengths.push(rig.element.property::<f64>("strength"));
            }
            assert_eq!(strengths[19], if is_faded_in { 0. } else { 1. });
            assert_eq!(strengths[39], 1.);
            stats(&rig)
        });
        assert_eq!(faded_in.luts, at_once.luts, "{mode}");
        assert_eq!(faded_in.learned, at_once.learned);
    }
}

/// In every format, with bars and without, by one thread and by several: what is learned from a frame
/// that is only read is what is learned from one that is matched.
#[test]
fn f121_reading_counts_what_matching_does() {
    let all = FORMATS.iter().map(|Format { format, .. }| (*format, (45, 27)));
    let large = [gst_video::VideoFormat::I42010le, gst_video::VideoFormat::Bgrx];
    for (format, (width, height)) in all.chain(large.map(|format| (format, (1000, 700)))) {
        let (element, bus) = common::element(Some(&media("coffee.png")));
        element.set_property_from_str("update-mode", "locked");
        element.set_property_from_str("n-threads", "3");
        let mut rig = Rig::of((element, bus));
        let frames = [3, 4]
            .map(|seed| Frame::new(format, width, height, Shape::OffsetShortLastRow, noise(seed)));
        rig.harness.set_src_caps(frames[0].caps());
        let show = |rig: &mut Rig, frame: &Frame, time: u64| {
            let mut buffer = frame.buffer();
            let buffer_mut = buffer.get_mut().expect("nobody else has it");
            buffer_mut.set_pts(gst::ClockTime::from_mseconds(time));
            rig.process(buffer)
        };
        for (colorspace, borders) in [("rgb", true), ("ycbcr", false), ("luma", true)] {
            rig.element.set_property_from_str("colorspace", colorspace);
            rig.element.set_property("ignore-borders", borders);
            let [after_0, after_1] = [0., 1.].map(|strength| {
                rig.element.emit_by_name::<()>("relearn", &[]);
                rig.element.set_property("strength", strength);
                show(&mut rig, &frames[0], 0);
                rig.element.set_property("strength", 1.);
                let output = show(&mut rig, &frames[1], 40);
                let stats = stats(&rig);
                assert_eq!(stats.learned, vec![false; stats.luts.len()]);
                (common::bytes(&output), stats.luts)
            });
            assert!(after_0 == after_1, "{format:?} {colorspace} {borders}");
        }
    }
}

#[test]
fn max_slope_limits_the_tables() {
    let low = show(&[still("chelsea.png")], &[("max-slope", "1.5")]);
    for lut in &low[0].stats.luts {
        // Levels are rounded.
        assert!(lut.windows(2).all(|pair| pair[1] - pair[0] <= 2));
    }
    let bare = show(&[still("chelsea.png")], &[]);
    assert!(bare[0].stats.luts.iter().any(|lut| lut.windows(2).any(|pair| pair[1] - pair[0] > 2)));
}

/// Less would take contrast from what is right already. It reads as it was set, all the same.
#[test]
fn f172_a_max_slope_below_1_counts_as_1() {
    let text = "max-slope below 1 counts as 1: less would take contrast from a video that is like the \
                reference already. Set 1 to 16, or 0 for no limit.";
    let frame = still("chelsea.png");
    let shown = |values: &[f64]| {
        let mut rig = rig(&[]);
        let outputs: Vec<_> = (0..)
            .zip(values)
            .map(|(number, value)| {
                rig.element.set_property("max-slope", value);
                assert_eq!(rig.element.property::<f64>("max-slope"), *value);
                image(&rig.harness.push_and_pull(buffer(&frame, number)).expect("it passes"))
            })
            .collect();
        (outputs, rig.complaints())
    };
    let (ones, complaints) = shown(&[1.]);
    assert_eq!(complaints, []);
    // Once for all values, as a slider or a controller gives them.
    let (below, complaints) = shown(&[1e-300, 0.2, 0.999]);
    assert!(below.iter().all(|output| *output == ones[0]));
    assert_eq!(complaints, [Complaint::Warning(text.into())]);
    let (others, complaints) = shown(&[0., 1.1, 16.]);
    assert!(others.iter().all(|output| *output != ones[0]));
    assert_eq!(complaints, []);
}

#[test]
fn f72_numbers_can_be_controlled_in_time() {
    let frame = still("chelsea.png");
    let numbers = ["strength", "smoothing", "deflicker", "scene-threshold", "max-slope"];
    for name in numbers {
        let mut rig = rig(&[("smoothing", "1000000"), ("update-mode", "locked")]);
        let source = gst_controller::InterpolationControlSource::new();
        source.set_mode(gst_controller::InterpolationMode::Linear);
        let binding = gst_controller::DirectControlBinding::new(&rig.element, name, &source);
        rig.element.add_control_binding(&binding).expect("it can be controlled");
        assert!(source.set(gst::ClockTime::ZERO, 0.));
        assert!(source.set(gst::ClockTime::SECOND, 1.));
        let mut last = None;
        for number in [0, 5, 10, 20] {
            rig.process(buffer(&frame, number));
            let value = rig.element.property_value(name);
            let value = value.get::<f64>().or_else(|_| value.get::<u64>().map(|v| v as f64));
            let value = value.expect("a number");
            assert!(last < Some(value), "{name}: {value}");
            last = Some(value);
        }
    }
}

#[test]
fn contradictions_are_explained_once() {
    let frame = still("chelsea.png");
    let mut rig = rig(&[("deflicker", "1")]);
    for number in 0..3 {
        rig.harness.push_and_pull(buffer(&frame, number)).expect("it passes");
    }
    let complaints = rig.complaints();
    let warning =
        |text: &str| Complaint::Warning(format!("The properties contradict each other: {text}."));
    assert_eq!(
        complaints,
        [warning(
            "deflicker has no effect where every frame is matched by itself, which removes flicker \
             and the content's own changes alike. Set smoothing, too (for example to 1000000000, a \
             second)"
        )]
    );
    rig.element.set_property("smoothing", 1_000_000_000u64);
    rig.process(buffer(&frame, 3));
    rig.element.set_property("scene-threshold", 0.);
    rig.element.set_property_from_str("update-mode", "scene");
    rig.harness.push_and_pull(buffer(&frame, 4)).expect("it passes");
    assert_eq!(
        rig.complaints(),
        [warning(
            "with scene-threshold=0 no cut is found, so update-mode=scene learns once and holds \
             that. Set scene-threshold, or update-mode=locked if that is what is wanted"
        )]
    );
}

/// The messages on a bus, each as what it says and as its structure.
fn messages(rig: &Rig) -> Vec<(Stats, gst::Structure)> {
    std::iter::from_fn(|| rig.bus.pop())
        .filter_map(|message| match message.view() {
            gst::MessageView::Element(element) => element.structure().map(|s| s.to_owned()),
            _ => None,
        })
        .map(|structure| (Stats::try_from(&*structure).expect("the typed form"), structure))
        .collect()
}

#[test]
fn messages_come_at_intervals_and_with_new_scenes() {
    let scenes = [still("astronaut.png"), still("chelsea.png")];
    for (interval, expected) in [
        ("200000000", &[0, 5, 10, 13, 18][..]),
        ("0", &(0..20).collect::<Vec<_>>()),
        ("9000000000", &[0, 13]),
    ] {
        let mut rig =
            rig(&[("smoothing", "1000000000"), ("post-messages", "true"), ("interval", interval)]);
        for number in 0..20 {
            let scene = &scenes[usize::from(number >= 13)];
            rig.harness.push_and_pull(buffer(scene, number)).expect("it passes");
        }
        let messages = messages(&rig);
        let numbers: Vec<u64> = messages
            .iter()
            .map(|(stats, _)| stats.running_time.expect("it has one").mseconds() / 40)
            .collect();
        assert_eq!(numbers, expected, "{interval}");
        for ((stats, structure), number) in messages.iter().zip(numbers) {
            assert_eq!(structure.name(), "histomatch");
            assert_eq!(stats.scene_change, number == 13);
            assert!(stats.scene_distance <= 1. && (stats.scene_distance >= 0.08) == (number == 13));
            assert!(stats.distance_before > 0.05 && stats.distance_after < stats.distance_before);
            assert_eq!(stats.learned, [true; 3]);
            assert_eq!(stats.luts.iter().map(Vec::len).collect::<Vec<_>>(), [256; 3]);
        }
    }
    // Without times of the stream, by the clock.
    let mut timeless = rig(&[("post-messages", "true"), ("interval", "60000000000")]);
    for _ in 0..20 {
        let mut buffer = buffer(&scenes[0], 0);
        buffer.make_mut().set_pts(gst::ClockTime::NONE);
        timeless.harness.push_and_pull(buffer).expect("it passes");
    }
    let [(stats, _)] = &messages(&timeless)[..] else { panic!("there is one") };
    assert_eq!(stats.running_time, None);
    let mut silent = rig(&[]);
    silent.process(buffer(&scenes[0], 0));
    assert!(messages(&silent).is_empty());
}

/// What GStreamer needs to hold a structure's content, at least.
fn bytes_of(value: &glib::SendValue) -> usize {
    let own = size_of::<glib::SendValue>();
    match value.get::<gst::Array>() {
        Ok(array) => own + array.iter().map(bytes_of).sum::<usize>(),
        Err(_) => own,
    }
}

fn size(structure: &gst::Structure) -> usize {
    structure.iter().map(|(_, value)| bytes_of(value)).sum()
}

/// As memory and as text, in every format, for every frame, with nobody reading.
#[test]
fn f125_messages_and_stats_are_small_in_every_format() {
    const MOST: usize = 64 << 10;
    for Format { format, .. } in FORMATS {
        for colorspace in ["rgb", "ycbcr", "luma"] {
            let (element, bus) = common::element(Some(&media("coffee.png")));
            element.set_property_from_str("colorspace", colorspace);
            element.set_property("post-messages", true);
            element.set_property("interval", 0u64);
            let mut rig = Rig::of((element, bus));
            let frame = Frame::new(format, 48, 26, Shape::Default, noise(3));
            rig.harness.set_src_caps(frame.caps());
            for _ in 0..3 {
                rig.harness.push_and_pull(frame.buffer()).expect("it passes");
            }
            let read: gst::Structure = rig.element.property("stats");
            let messages = messages(&rig);
            assert_eq!(messages.len(), 3);
            let all = messages.iter().map(|(_, structure)| structure).chain([&read]);
            for structure in all {
                assert!(size(structure) <= MOST, "{format:?} {colorspace}: {}", size(structure));
                assert!(structure.to_string().len() <= MOST, "{format:?} {colorspace}");
            }

            let few = stats(&rig);
            assert_eq!(messages[2].0, few);
            rig.element.set_property("full-stats", true);
            let full = stats(&rig);
            rig.harness.push_and_pull(frame.buffer()).expect("it passes");
            let said = self::messages(&rig);
            assert!(said.iter().all(|(_, structure)| size(structure) <= MOST), "{format:?}");
            assert_eq!(said.len(), 1);
            assert_eq!(Stats { luts: few.luts.clone(), ..full.clone() }, few);
            for (channel, &depth) in few.depths.iter().enumerate() {
                let (n_levels, last) = (1 << depth, u16::MAX >> (16 - depth));
                let whole: Vec<(u16, u16)> = full.points(channel).collect();
                let inputs: Vec<u16> = whole.iter().map(|(input, _)| *input).collect();
                assert_eq!(inputs, (0..=last).collect::<Vec<_>>(), "{format:?} {colorspace}");
                let points: Vec<(u16, u16)> = few.points(channel).collect();
                assert_eq!(points.len(), n_levels.min(256), "{format:?} {colorspace}");
                assert_eq!((points[0].0, points[points.len() - 1].0), (0, last));
                // As far from each other as can be.
                let step = usize::from(last) / (points.len() - 1);
                for pair in points.windows(2) {
                    assert!((step..=step + 1).contains(&usize::from(pair[1].0 - pair[0].0)));
                }
                for point in points {
                    assert_eq!(whole[usize::from(point.0)], point, "{format:?} {colorspace}");
                }
            }
        }
    }
}

#[test]
fn before_the_first_frame_full_stats_have_no_fields() {
    let rig = rig(&[("full-stats", "true")]);
    let full: gst::Structure = rig.element.property("stats");
    assert_eq!((full.name().as_str(), full.n_fields()), ("histomatch", 0));
}

#[test]
fn stats_survive_a_round_trip() {
    let mut rig = rig(&[]);
    let empty: gst::Structure = rig.element.property("stats");
    assert_eq!((empty.name().as_str(), empty.n_fields()), ("histomatch", 0));
    assert!(Stats::try_from(&*empty).is_err());
    rig.process(buffer(&still("chelsea.png"), 3));
    let known = stats(&rig);
    let structure = gst::Structure::from(&known);
    assert_eq!(Stats::try_from(&*structure).as_ref(), Ok(&known));
    // As text, too.
    let text = structure.to_string().parse::<gst::Structure>().expect("it is a structure");
    assert_eq!(Stats::try_from(&*text).expect("the typed form").luts, known.luts);
    // A frame without a time stamp.
    let timeless = Stats { running_time: None, ..known.clone() };
    assert_eq!(Stats::try_from(&*gst::Structure::from(&timeless)).as_ref(), Ok(&timeless));
    // Every field is looked for, with its type.
    for field in structure.fields().map(|field| field.to_string()).collect::<Vec<_>>() {
        let mut wrong = structure.clone();
        wrong.set(field.as_str(), gst::Fraction::new(1, 2));
        let error = Stats::try_from(&*wrong).expect_err("of another type");
        assert_eq!(error.field, field);
        assert!(error.to_string().contains(&format!("'{field}'")));
    }
    let other = gst::Structure::new_empty("level");
    assert_eq!(Stats::try_from(&*other).expect_err("another name").field, "name");
}

#[test]
fn f65_values_out_of_range_are_refused() {
    let rig = rig(&[]);
    for (name, values) in [
        ("strength", &[-0.1, 1.1, f64::NAN][..]),
        ("deflicker", &[-0.1, 1.1, f64::INFINITY]),
        ("scene-threshold", &[-0.1, 1.1]),
        ("max-slope", &[-1., 16.1, f64::NAN]),
    ] {
        let before: f64 = rig.element.property(name);
        for value in values {
            let element = rig.element.clone();
            let set = std::panic::catch_unwind(move || element.set_property(name, *value));
            assert!(set.is_err(), "{name} {value}");
            assert_eq!(rig.element.property::<f64>(name), before);
        }
        let element = rig.element.clone();
        assert!(std::panic::catch_unwind(move || element.set_property(name, "much")).is_err());
    }
}

#[test]
fn f65_times_are_a_minute_at_most() {
    let rig = rig(&[]);
    for name in ["smoothing", "interval"] {
        rig.element.set_property(name, 60_000_000_000u64);
        let element = rig.element.clone();
        let set = move || element.set_property(name, 60_000_000_001u64);
        assert!(std::panic::catch_unwind(set).is_err(), "{name}");
        assert_eq!(rig.element.property::<u64>(name), 60_000_000_000);
    }
}

/// What is kept half way by a binding between 0 and 1 does something else than either end: a range is
/// one that a slider or a keyframe can use.
#[test]
fn f150_half_way_is_a_useful_value() {
    // Two scenes as different as can be, of little contrast; the second flickers.
    let low = |grade: fn(f64) -> f64| graded(&[still("coffee.png")], |_, v| grade(v)).remove(0);
    let dark = low(|v| 20. + v / 6.);
    let bright = low(|v| 120. - v / 6.);
    let mut scene: Vec<RgbImage> = vec![dark; 20];
    scene.extend(graded(&vec![bright; 40], |t, v| v * (1. + 0.2 * (t % 2) as f64)));
    let (element, _bus) = common::element(None);
    let mut properties = element.list_properties().to_vec();
    properties.retain(|property| {
        property.owner_type() == HistoMatch::static_type()
            && property.flags().contains(gst::PARAM_FLAG_CONTROLLABLE)
    });
    let names: Vec<_> = properties.iter().map(glib::ParamSpec::name).collect();
    assert_eq!(names, ["strength", "smoothing", "deflicker", "scene-threshold", "max-slope"]);
    for name in names {
        let [start, half, end] = [0., 0.5, 1.].map(|share| {
            let mut rig = rig(&[("smoothing", "1000000000")]);
            let source = gst_controller::InterpolationControlSource::new();
            source.set_mode(gst_controller::InterpolationMode::None);
            assert!(source.set(gst::ClockTime::ZERO, share));
            let binding = gst_controller::DirectControlBinding::new(&rig.element, name, &source);
            rig.element.add_control_binding(&binding).expect("it can be controlled");
            // One in a second, as smoothing goes up to a minute.
            let frames = scene.iter().enumerate();
            let output: Vec<_> =
                frames.map(|(n, frame)| image(&rig.process(buffer(frame, n * FPS)))).collect();
            (rig.element.property_value(name), output)
        });
        println!("{name}: {:?}", half.0);
        assert!(half.1 != start.1 && half.1 != end.1, "{name}: half way is as good as an end");
    }
}

/// Below a millisecond, whoever set it took it for seconds or milliseconds.
#[test]
fn f153_a_smoothing_that_smooths_nothing_is_said() {
    let frame = still("chelsea.png");
    for (smoothing, is_said) in
        [(0, false), (1, true), (500, true), (999_999, true), (1_000_000, false)]
    {
        let mut rig = rig(&[]);
        rig.element.set_property("smoothing", smoothing as u64);
        for number in 0..3 {
            rig.harness.push_and_pull(buffer(&frame, number)).expect("it passes");
        }
        let text = format!(
            "smoothing={smoothing} smooths nothing: this is in nanoseconds. Set \
             smoothing=1000000000 for a second, or 0 for none."
        );
        let expected = is_said.then_some(Complaint::Warning(text));
        assert_eq!(rig.complaints(), Vec::from_iter(expected));
    }
}

/// Colour bars, a test card, a slide.
#[test]
fn f153_first_frames_that_cannot_be_matched_are_said() {
    let plain = |level: u8| RgbImage::from_pixel(WIDTH, HEIGHT, image::Rgb([level; 3]));
    let with = |n: u32, a: u8, b: u8| {
        RgbImage::from_fn(WIDTH, HEIGHT, |x, _| image::Rgb([if x % n == 0 { a } else { b }; 3]))
    };
    let bars = RgbImage::from_fn(WIDTH, HEIGHT, |x, _| {
        let bar = 7 - x * 8 / WIDTH;
        image::Rgb([2, 4, 1].map(|bit| if bar as u8 & bit == 0 { 0 } else { 191 }))
    });
    let film = still("chelsea.png");
    let warning = Complaint::Warning(
        "The first frames have next to no distribution, as colour bars, test cards and plain colours \
         do, so they pass unchanged until one comes that has. Set flat-frames=match to match them, too."
            .into(),
    );
    let beginning = vec![plain(0), plain(16), with(2, 0, 3), with(2, 10, 60), film.clone()];
    for (name, frames, flat_frames, is_said) in [
        ("bars", vec![bars.clone(), bars.clone(), film.clone()], "hold", true),
        ("matched bars", vec![bars.clone()], "match", false),
        ("a slide with words", vec![with(6, 20, 240)], "hold", true),
        ("grey", vec![plain(0), plain(128)], "hold", true),
        ("white", vec![plain(255)], "hold", true),
        ("matched grey", vec![plain(128)], "match", false),
        ("a word on black", vec![with(12, 255, 0), film.clone()], "hold", false),
        ("the beginning of a film", beginning, "hold", false),
        ("bars behind a film", vec![film, bars.clone()], "hold", false),
    ] {
        for colorspace in ["rgb", "luma"] {
            let mut rig = rig(&[("flat-frames", flat_frames), ("colorspace", colorspace)]);
            for (number, frame) in frames.iter().enumerate() {
                rig.harness.push_and_pull(buffer(frame, number)).expect("it passes");
            }
            let expected = Vec::from_iter(is_said.then_some(&warning));
            let complaints = rig.complaints();
            assert_eq!(complaints.iter().collect::<Vec<_>>(), expected, "{name} {colorspace}");
            // Once until it is stopped.
            rig.harness.push_and_pull(buffer(&bars, frames.len())).expect("it passes");
            assert_eq!(rig.complaints(), [], "{name} {colorspace}");
        }
    }
}

/// In any format; what is black is the beginning of a film.
#[test]
fn f173_test_pictures_that_pass_are_said() {
    common::init();
    let reference = common::video::quoted(&media("coffee.png"));
    for format in ["RGB", "BGRx", "I420", "GRAY8", "I420_10LE", "GRAY16_LE", "v210"] {
        for colorspace in ["rgb", "ycbcr", "luma"] {
            // There are enough colours in the bars for chroma.
            let is_learned = colorspace == "ycbcr" && !format.starts_with("GRAY");
            for (picture, is_said) in [
                ("smpte", !is_learned),
                ("solid-color foreground-color=0xff808080", true),
                ("white", true),
                ("black", false),
            ] {
                let pipeline = gst::parse::launch(&format!(
                    "videotestsrc num-buffers=3 pattern={picture} ! video/x-raw,format={format}
                     ! histomatch colorspace={colorspace} reference-location={reference}
                     ! fakesink sync=false"
                ));
                let pipeline = pipeline.expect("the pipeline parses");
                let bus = pipeline.bus().expect("a pipeline has one");
                pipeline.set_state(gst::State::Playing).expect("it plays");
                let messages = std::iter::from_fn(|| bus.timed_pop(gst::ClockTime::NONE));
                let types = messages.map(|message| message.type_());
                let types = types.take_while(|kind| *kind != gst::MessageType::Eos);
                let warnings = types
                    .inspect(|kind| assert_ne!(*kind, gst::MessageType::Error))
                    .filter(|kind| *kind == gst::MessageType::Warning)
                    .count();
                pipeline.set_state(gst::State::Null).expect("it stops");
                assert_eq!(warnings, usize::from(is_said), "{format} {colorspace} {picture}");
            }
        }
    }
}

/// Black is 16 in limited range, and without colour in the middle of chroma.
#[test]
fn black_stays_black_in_every_format_and_colour_space() {
    for Format { format, .. } in FORMATS {
        for colorspace in ["rgb", "ycbcr", "luma"] {
            let (element, bus) = common::element(Some(&media("coffee.png")));
            element.set_property_from_str("flat-frames", "hold");
            element.set_property_from_str("colorspace", colorspace);
            let mut rig = Rig::of((element, bus));
            let mut frame = Frame::new(format, 48, 26, Shape::Default, noise(3));
            rig.harness.set_src_caps(frame.caps());
            rig.process(frame.buffer());
            let mut pictures = frame.pictures();
            let layout = frame.layout();
            for (c, grid) in pictures[0].grids.iter_mut().enumerate() {
                let depth = layout.components[c].depth;
                let (black, _) = frame.code().zero_one(c, depth);
                grid.iter_mut().flatten().for_each(|sample| *sample = black);
            }
            frame.set_pictures(&pictures);
            let output = rig.process(frame.buffer());
            assert!(bytes(&output) == frame.bytes, "{format:?} {colorspace}");
        }
    }
}

/// In every format, everything at once; and from another thread at any time.
#[test]
fn settings_change_at_random_in_every_format() {
    for Format { format, .. } in FORMATS {
        let (element, bus) = common::element(Some(&media("coffee.png")));
        let mut rig = Rig::of((element, bus));
        let frame = Frame::new(format, 40, 26, Shape::Default, noise(3));
        rig.harness.set_src_caps(frame.caps());
        std::thread::scope(|scope| {
            let element = rig.element.clone();
            scope.spawn(move || {
                let mut random = noise(9);
                for _ in 0..60 {
                    let pick = usize::from(random());
                    // One more for the reference.
                    match VALUES.get(usize::from(random()) % (VALUES.len() + 1)) {
                        Some((name, values)) => {
                            element.set_property_from_str(name, values[pick % values.len()]);
                        }
                        None => {
                            let picture = ["chelsea.png", "coffee.png"][pick % 2];
                            element.set_property("reference-location", media(picture));
                        }
                    }
                    if random() < 20 {
                        element.emit_by_name::<()>("relearn", &[]);
                    }
                    let _: gst::Structure = element.property("stats");
                }
            });
            for _ in 0..20 {
                rig.harness.push_and_pull(frame.buffer()).expect("it passes");
            }
        });
        for complaint in rig.complaints() {
            assert!(complaint.is_of_settings(), "{format:?}: {complaint:?}");
        }
    }
}
