//! Promise: `method=linear` and `method=grade` work in every format, and over time as `channels` does.

use crate::common::footage::{
    self, another_scene, clip, crossed, faded, flicker, flickering, mean, quantile, show, stats,
};
use crate::common::frames::{FORMATS, Frame, Shape, noise};
use crate::common::grading::{self, Look};
use crate::common::{Complaint, Rig, bytes, formats_of_template, media, open};
use gst::prelude::*;
use gst_video::{VideoFormat, VideoInfo};
use gsthistomatch::histomatch::stats::Stats;
use image::RgbImage;

const METHODS: [&str; 2] = ["linear", "grade"];

const SMOOTH: (&str, &str) = ("smoothing", "1000000000");

fn rig(reference: &str, properties: &[(&str, &str)]) -> Rig {
    let mut rig = Rig::new(Some(&media(reference)));
    for (name, value) in properties {
        rig.element.set_property_from_str(name, value);
    }
    rig.harness.play();
    rig
}

fn rgb_buffer(rig: &mut Rig, picture: &RgbImage) -> gst::Buffer {
    let (width, height) = picture.dimensions();
    let info = VideoInfo::builder(VideoFormat::Rgb, width, height).build().expect("an info");
    rig.harness.set_src_caps(info.to_caps().expect("caps"));
    let mut memory = vec![0; info.size()];
    let rows = picture.as_raw().chunks_exact(width as usize * 3);
    for (to, row) in memory.chunks_exact_mut(info.stride()[0] as usize).zip(rows) {
        to[..row.len()].copy_from_slice(row);
    }
    let mut buffer = gst::Buffer::from_mut_slice(memory);
    buffer.get_mut().expect("nobody else has it").set_pts(gst::ClockTime::ZERO);
    buffer
}

/// Of the visible bytes of an RGB buffer.
fn pixels(buffer: &gst::Buffer, picture: &RgbImage) -> Vec<u8> {
    let stride = bytes(buffer).len() / picture.height() as usize;
    let visible = picture.width() as usize * 3;
    bytes(buffer).chunks_exact(stride).flat_map(|row| row[..visible].to_vec()).collect()
}

#[test]
fn a_picture_is_graded_as_the_definition_says() {
    let reference = open(&media("astronaut.png")).into_rgb8();
    for name in ["coffee.png", "chelsea.png"] {
        let picture = open(&media(name)).into_rgb8();
        for method in METHODS {
            let mut rig = rig("astronaut.png", &[("method", method)]);
            let buffer = rgb_buffer(&mut rig, &picture);
            let output = pixels(&rig.process(buffer), &picture);
            let (source, reference) = (grading::on_grid(&picture), grading::on_grid(&reference));
            let look: Look =
                grading::learn(&source, &reference, (0.2126, 0.0722), method == "grade");
            let expected = picture.pixels().flat_map(|pixel| look.map(pixel.0.map(f64::from)));
            let off: Vec<f64> =
                output.iter().zip(expected).map(|(&a, b)| (f64::from(a) - b).abs()).collect();
            let mean = off.iter().sum::<f64>() / off.len() as f64;
            assert!(mean < 0.35, "{name} {method}: {mean}");
            assert!(quantile(&off, 0.9999) < 1.5, "{name} {method}: {}", quantile(&off, 0.9999));
        }
    }
}

#[test]
fn every_format_of_the_template_is_graded() {
    let mut rig = rig("coffee.png", &[]);
    for format in formats_of_template() {
        let info = VideoInfo::builder(format, 67, 34).build().expect("an info");
        rig.harness.set_src_caps(info.to_caps().expect("caps"));
        let mut noise = noise(5);
        let content: Vec<u8> = (0..info.size()).map(|_| noise()).collect();
        for method in METHODS {
            rig.element.set_property_from_str("method", method);
            let mut buffer = gst::Buffer::from_slice(content.clone());
            buffer.get_mut().expect("nobody else has it").set_pts(gst::ClockTime::ZERO);
            let output = rig.process(buffer);
            assert!(bytes(&output) != content, "{format} {method}: unchanged");
        }
    }
}

#[test]
fn luma_gets_the_same_tone_in_every_format() {
    let formats = [
        VideoFormat::Y444,
        VideoFormat::I42010le,
        VideoFormat::Y44412le,
        VideoFormat::Nv12,
        VideoFormat::Yuy2,
        VideoFormat::Y44416le,
    ];
    // A ramp of greys, and the new luma of its middle.
    let tones = formats.map(|format| {
        let colorimetry: gst_video::VideoColorimetry = "bt709".parse().expect("one");
        let info = VideoInfo::builder(format, 256, 64).colorimetry(&colorimetry);
        let mut frame = Frame::of(info.build().expect("an info"), Shape::Default, || 128);
        let (code, mut pictures) = (frame.code(), frame.pictures());
        let depth = pictures[0].depths[0];
        for (c, grid) in pictures[0].grids.iter_mut().enumerate() {
            let (zero, one) = code.zero_one(c, depth);
            for row in grid {
                for (x, sample) in row.iter_mut().enumerate() {
                    let value = if c == 0 { x as f64 / 255. } else { 0. };
                    *sample = zero + (value * one as f64).round() as i64;
                }
            }
        }
        frame.set_pictures(&pictures);
        let mut rig = rig("astronaut.png", &[("method", "grade")]);
        rig.harness.set_src_caps(frame.caps());
        frame.bytes = bytes(&rig.process(frame.buffer()));
        let (zero, one) = code.zero_one(0, depth);
        (frame.pictures()[0].grids[0][32][128] - zero) as f64 * 255. / one as f64
    });
    let (low, high) = tones
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), &tone| (low.min(tone), high.max(tone)));
    assert!(high - low < 1.5, "{tones:?}");
}

#[test]
fn the_method_changes_while_frames_come() {
    let frame = Frame::new(VideoFormat::Rgb, 90, 50, Shape::Default, noise(7));
    let alone = |method: &str| {
        let mut rig = rig("coffee.png", &[("method", method)]);
        rig.harness.set_src_caps(frame.caps());
        bytes(&rig.process(frame.buffer()))
    };
    let mut rig = rig("coffee.png", &[]);
    rig.harness.set_src_caps(frame.caps());
    for method in ["channels", "grade", "linear", "channels", "linear", "grade", "channels"] {
        rig.element.set_property_from_str("method", method);
        let output = bytes(&rig.process(frame.buffer()));
        assert!(output == alone(method), "{method}");
        let stats = stats(&rig);
        let is_graded = method != "channels";
        assert_eq!((stats.grade.is_some(), stats.luts.is_empty()), (is_graded, is_graded));
        assert_eq!(stats.learned, [true; 3]);
        assert!(stats.distance_after < stats.distance_before, "{stats:?}");
        let structure = gst::Structure::from(&stats);
        assert_eq!(Stats::try_from(&*structure), Ok(stats));
    }
    assert_eq!(rig.complaints(), []);
}

#[test]
fn a_colorspace_says_nothing_of_grades_and_is_warned_of() {
    let frame = Frame::new(VideoFormat::Rgb, 90, 50, Shape::Default, noise(7));
    let mut rig = rig("coffee.png", &[("method", "grade"), ("colorspace", "luma")]);
    rig.harness.set_src_caps(frame.caps());
    for _ in 0..2 {
        rig.harness.push_and_pull(frame.buffer()).expect("it passes");
    }
    let complaints = rig.complaints();
    assert!(
        matches!(&complaints[..], [Complaint::Warning(text)] if text.contains("method=channels")),
        "{complaints:?}"
    );
}

#[test]
fn strength_is_the_way_to_the_look() {
    let picture = open(&media("chelsea.png")).into_rgb8();
    let with = |strength: &str| {
        let mut rig = rig("coffee.png", &[("method", "grade"), ("strength", strength)]);
        let buffer = rgb_buffer(&mut rig, &picture);
        pixels(&rig.process(buffer), &picture)
    };
    let (whole, half) = (with("1"), with("0.5"));
    let off: Vec<f64> = (0..whole.len())
        .map(|i| {
            f64::from(whole[i]) / 2. + f64::from(picture.as_raw()[i]) / 2. - f64::from(half[i])
        })
        .map(f64::abs)
        .collect();
    // A curve half of the way is not a sum, as it comes behind the matrix.
    assert!(quantile(&off, 0.5) < 4., "{}", quantile(&off, 0.5));
    assert!(with("0") == picture.into_raw());
}

#[test]
fn alpha_and_what_lies_around_the_samples_stay() {
    for format in FORMATS {
        let frame = Frame::new(format.format, 37, 22, Shape::OffsetShortLastRow, noise(11));
        for method in ["grade", "channels"] {
            let settings = [("method", method), ("dither", "true"), ("strength", "0.7")];
            let mut rig = rig("coffee.png", &settings);
            rig.harness.set_src_caps(frame.caps());
            let mut output = frame.clone();
            output.bytes = bytes(&rig.process(frame.buffer()));
            let mut samples_alone = frame.clone();
            samples_alone.set_pictures(&output.pictures());
            assert!(output.bytes == samples_alone.bytes, "{:?} {method}", format.format);
        }
    }
}

/// How far the frames' own colours move from one frame to the next: by what each of two frames is
/// mapped by, in levels.
fn movement(frames: &[RgbImage], shown: &[footage::Shown]) -> Vec<f64> {
    let look = |stats: &Stats| {
        let grade = stats.grade.as_ref().expect("a grade");
        let row = |i: usize| [0, 1, 2].map(|j| grade.matrix[3 * i + j]);
        let mut tone = vec![grade.tone[0]; 256];
        tone.extend(&grade.tone);
        tone.resize(769, grade.tone[255]);
        Look {
            kr_kb: (0.2126, 0.0722),
            matrix: [row(0), row(1), row(2)],
            offset: [0, 1, 2].map(|i| grade.offset[i]),
            tone,
            gain: grade.gain.clone(),
            shift: [grade.shift_cb.clone(), grade.shift_cr.clone()],
        }
    };
    shown
        .windows(2)
        .zip(&frames[1..])
        .map(|(pair, frame)| {
            let [before, now] = [&pair[0], &pair[1]].map(|shown| look(&shown.stats));
            let pixels: Vec<_> = frame.pixels().step_by(31).collect();
            let change = |pixel: &&image::Rgb<u8>| {
                let rgb = pixel.0.map(f64::from);
                let (a, b) = (before.map(rgb), now.map(rgb));
                (0..3).map(|c| (a[c] - b[c]).abs()).sum::<f64>() / 3.
            };
            pixels.iter().map(change).sum::<f64>() / pixels.len() as f64
        })
        .collect()
}

#[test]
fn grades_are_steady() {
    let frames = crossed(&clip());
    for method in METHODS {
        let of = |properties: &[(&str, &str)]| {
            let shown = show(&frames, &[properties, &[("method", method)]].concat());
            let movement = movement(&frames, &shown);
            (quantile(&movement, 0.5), quantile(&movement, 0.95))
        };
        let (frame, smooth) = (of(&[]), of(&[SMOOTH]));
        println!("{method}: {smooth:.3?} of {frame:.3?}");
        assert!(smooth.0 <= 0.36 * frame.0 && smooth.1 <= 0.25 * frame.1, "{method}");
    }
}

#[test]
fn flicker_is_removed_from_grades() {
    let frames = flickering(&clip());
    for method in METHODS {
        let of = |properties: &[(&str, &str)]| {
            let shown = show(&frames, &[properties, &[("method", method)]].concat());
            flicker(shown.iter().map(|shown| &shown.frame))
        };
        let (smooth, steady) = (of(&[SMOOTH]), of(&[SMOOTH, ("deflicker", "1")]));
        println!("{method}: input {:.2} smooth {smooth:.2} steady {steady:.2}", flicker(&frames));
        assert!(steady < smooth / 4., "{method}");
    }
}

#[test]
fn a_new_scene_is_graded_by_itself() {
    let (clip, other) = (clip(), another_scene());
    let frames: Vec<RgbImage> = clip[..10].iter().chain(&other[..10]).cloned().collect();
    for method in METHODS {
        let shown = show(&frames, &[SMOOTH, ("method", method)]);
        let alone = show(&other[..10], &[SMOOTH, ("method", method)]);
        assert!(shown[10].stats.scene_change, "{method}");
        assert!(shown[10].frame == alone[0].frame, "{method}");
    }
}

#[test]
fn black_stays_black_in_fades() {
    let frames = faded(&clip());
    for method in METHODS {
        for smoothing in ["0", "1000000000"] {
            let shown = show(&frames, &[("smoothing", smoothing), ("method", method)]);
            let (darkest, _) = frames
                .iter()
                .enumerate()
                .min_by(|a, b| mean(a.1).total_cmp(&mean(b.1)))
                .expect("frames");
            assert!(mean(&shown[darkest].frame) < 3., "{method}: {}", mean(&shown[darkest].frame));
        }
    }
}

/// Of a day that dawns; a picture behind black is another matter.
#[test]
fn what_gets_lighter_by_and_by_goes_over_to_the_look() {
    let day = clip().swap_remove(0);
    let lit = |gain: f64| {
        let mut frame = day.clone();
        frame.iter_mut().for_each(|level| *level = (f64::from(*level) * gain) as u8);
        frame
    };
    let dawn: Vec<RgbImage> =
        (0..150).map(|t| lit(0.02 * 50f64.powf(f64::from(t) / 149.))).collect();
    let mut fade_in: Vec<RgbImage> = (0..=25).map(|t| lit(f64::from(t) / 25.)).collect();
    fade_in.extend(vec![day.clone(); 50]);
    let behind_black = [lit(0.), day.clone()];
    for method in ["channels"].into_iter().chain(METHODS) {
        let shown = |frames: &[RgbImage]| show(frames, &[SMOOTH, ("method", method)]);
        let most = |frames: &[RgbImage], properties: &[(&str, &str)]| {
            let shown = show(frames, &[properties, &[SMOOTH, ("method", method)]].concat());
            let means: Vec<f64> = shown.iter().map(|shown| mean(&shown.frame)).collect();
            let steps = means.windows(2).map(|pair| (pair[1] - pair[0]).abs());
            (means[0], steps.fold(0., f64::max))
        };
        let (first, step) = most(&dawn, &[]);
        assert!(first < 3. && step < 6., "{method}: {step}");
        for properties in [&[][..], &[("deflicker", "1")], &[("update-mode", "locked")]] {
            let (first, step) = most(&fade_in, properties);
            assert!(first < 1. && step < 12., "{method} {properties:?}: {step}");
        }
        assert!(shown(&behind_black)[1].frame == shown(&behind_black[1..])[0].frame, "{method}");
    }
}

/// A camera at night, in a look whose black is grey.
#[test]
fn what_is_next_to_black_does_not_pump() {
    let day = clip().swap_remove(0);
    let chelsea = media("chelsea.png");
    let chelsea = chelsea.to_str().expect("UTF-8");
    let mut frames = vec![day.clone()];
    frames.extend((0..100).map(|t| {
        let mut frame = day.clone();
        let gain = 0.2 - 0.002 * f64::from(t);
        frame.iter_mut().for_each(|level| *level = (f64::from(*level) * gain) as u8);
        frame
    }));
    for method in METHODS {
        for mode in [("smoothing", "1000000000"), ("update-mode", "locked")] {
            let shown = show(&frames, &[("method", method), mode, ("reference-location", chelsea)]);
            let means: Vec<f64> = shown[1..].iter().map(|shown| mean(&shown.frame)).collect();
            assert!(means[0] > 50. && means[99] < 3., "{method} {mode:?}: {means:?}");
            let steps = means.windows(2).map(|pair| (pair[1] - pair[0]).abs());
            let most = steps.fold(0., f64::max);
            assert!(most < 3., "{method} {mode:?}: {most}");
        }
    }
}

#[test]
fn what_is_locked_is_learned_again_for_another_reference() {
    let frames = clip();
    for method in METHODS {
        let mut rig = footage::rig(&[("method", method), ("update-mode", "locked")]);
        rig.process(footage::buffer(&frames[0], 0));
        let locked = stats(&rig).grade;
        rig.process(footage::buffer(&frames[60], 1));
        assert!(!stats(&rig).learned[0] && stats(&rig).grade == locked, "{method}");
        rig.element.set_property("reference-location", media("chelsea.png"));
        rig.process(footage::buffer(&frames[60], 2));
        let other = stats(&rig).grade;
        assert!(other != locked, "{method}");
        // As if it had been that reference from the beginning.
        let mut fresh = footage::rig(&[("method", method), ("update-mode", "locked")]);
        fresh.element.set_property("reference-location", media("chelsea.png"));
        fresh.process(footage::buffer(&frames[0], 0));
        assert!(stats(&fresh).grade == other, "{method}");
        rig.element.emit_by_name::<()>("relearn", &[]);
        rig.process(footage::buffer(&frames[60], 3));
        assert!(stats(&rig).learned[0] && stats(&rig).grade != other, "{method}");
    }
}

#[test]
fn black_bars_stay_and_are_not_learned_from() {
    let frames = clip();
    let boxed = footage::boxed(&frames[..3], 40, 0);
    for method in METHODS {
        let shown = show(&boxed, &[("method", method), ("ignore-borders", "true")]);
        let frame = &shown[2].frame;
        assert!(frame.rows().take(30).flatten().all(|pixel| pixel.0 == [0; 3]), "{method}");
        assert!(frame != &boxed[2]);
    }
}
