//! Promise: `linear` and `grade` are what their definitions say, in every layout.

use std::sync::LazyLock;

use crate::common::frames::{FORMATS, Format, Frame, Shape, noise};
use crate::common::grading::{self, Look, Rgb};
use crate::common::oracle::Code;
use crate::common::{footage, media, open};
use gst_video::VideoFormat;
use gsthistomatch::color::LumaWeights;
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::frame::{FrameMut, Scan};
use gsthistomatch::grading::{self as product, Goal, Method, Rule};
use gsthistomatch::kernels::InstructionSet;
use gsthistomatch::mapping::Mapping;
use gsthistomatch::mapping::grade::Grade;
use gsthistomatch::matcher::Matcher;
use gsthistomatch::reference::Reference;
use gsthistomatch::statistics::ColorSample;
use gsthistomatch::workers::Workers;
use image::{DynamicImage, RgbImage};
use proptest::collection::vec;
use proptest::prelude::*;

/// Pictures, and a frame of the clip.
const PICTURES: [&str; 4] = ["chelsea.png", "coffee.png", "astronaut.png", CLIP];

const CLIP: &str = "clip";

const METHODS: [Method; 2] = [Method::Linear, Method::Grade];

const BT709: (f64, f64) = (0.2126, 0.0722);

fn weights((red, blue): (f64, f64)) -> LumaWeights {
    LumaWeights { red, blue }
}

fn sample(pixels: &[Rgb]) -> ColorSample {
    let channel = |c: usize| pixels.iter().map(|rgb| rgb[c] as f32).collect();
    ColorSample { channels: [channel(0), channel(1), channel(2)] }
}

fn rule(method: Method) -> Rule {
    Rule { method, ..Rule::default() }
}

fn picture(name: &str) -> RgbImage {
    static FRAME: LazyLock<RgbImage> = LazyLock::new(|| footage::clip().swap_remove(40));
    if name == CLIP { FRAME.clone() } else { open(&media(name)).into_rgb8() }
}

/// A picture's pixels on the grid of samples.
fn pixels(name: &str) -> Vec<Rgb> {
    grading::on_grid(&picture(name))
}

fn as_look(grade: &Grade, kr_kb: (f64, f64)) -> Look {
    Look {
        kr_kb,
        matrix: grade.matrix,
        offset: grade.offset,
        tone: grade.tone.clone(),
        gain: grade.gain.to_vec(),
        shift: grade.shift.map(|shift| shift.to_vec()),
    }
}

/// The mean and the greatest difference.
fn differences(pairs: impl IntoIterator<Item = (f64, f64)>) -> (f64, f64) {
    let (mut sum, mut greatest, mut n) = (0., 0f64, 0);
    for (a, b) in pairs {
        let difference = (a - b).abs();
        (sum, greatest, n) = (sum + difference, greatest.max(difference), n + 1);
    }
    (sum / f64::from(n.max(1)), greatest)
}

fn learn(source: &ColorSample, goal: &Goal, rule: Rule) -> Grade {
    product::learn(InstructionSet::best(), source, goal, rule).grade
}

/// What is learned by plain code, which that by every instruction set equals.
fn learned_by_all(source: &ColorSample, goal: &Goal, rule: Rule) -> Grade {
    let plain = product::learn(InstructionSet::Scalar, source, goal, rule);
    for set in InstructionSet::ALL.into_iter().filter(|set| set.is_available()) {
        assert_eq!(product::learn(set, source, goal, rule), plain, "{set}, {rule:?}");
    }
    plain.grade
}

#[test]
fn what_is_learned_equals_the_definition() {
    for source in PICTURES {
        for reference in PICTURES.iter().filter(|&&other| other != source) {
            let (source_pixels, reference_pixels) = (pixels(source), pixels(reference));
            let goal = Goal::new(&sample(&reference_pixels), weights(BT709));
            for method in METHODS {
                let learned = learned_by_all(&sample(&source_pixels), &goal, rule(method));
                let is_grade = method == Method::Grade;
                let expected = grading::learn(&source_pixels, &reference_pixels, BT709, is_grade);
                let pairs = source_pixels.iter().step_by(7).flat_map(|&rgb| {
                    learned.map(rgb).into_iter().zip(expected.map(rgb)).collect::<Vec<_>>()
                });
                let (mean, greatest) = differences(pairs);
                assert!(
                    mean < 0.1 && greatest < 2.,
                    "{source} to {reference}, {method:?}: {mean} {greatest}"
                );
            }
        }
    }
}

/// How far the mean and 1.4 standard deviations leave the range behind a grade's matrix, in R', G' and B'.
fn beyond(pixels: &[Rgb], grade: &Grade) -> Vec<f64> {
    let n = pixels.len() as f64;
    let ends = |channel: usize| {
        let row = grade.matrix[channel];
        let value =
            |rgb: &Rgb| (0..3).map(|c| row[c] * rgb[c]).sum::<f64>() + grade.offset[channel];
        let mean = pixels.iter().map(value).sum::<f64>() / n;
        let variance = pixels.iter().map(|rgb| (value(rgb) - mean).powi(2)).sum::<f64>() / n;
        let core = 1.4 * variance.sqrt();
        [core - mean, mean + core - 255.]
    };
    (0..3).flat_map(ends).map(|end| end.max(0.)).collect()
}

#[test]
fn a_share_of_their_own_grade_keeps_pixels_inside() {
    let mut shares = Vec::new();
    for source in PICTURES {
        let own_pixels = pixels(source);
        for reference in PICTURES {
            let goal = Goal::new(&sample(&pixels(reference)), weights(BT709));
            for other in PICTURES {
                for light in [0.3, 0.7, 1.] {
                    let others: Vec<Rgb> =
                        pixels(other).iter().map(|rgb| rgb.map(|v| v * light)).collect();
                    let best = InstructionSet::best();
                    let [own, other] = [&own_pixels, &others].map(|pixels| {
                        product::learn(best, &sample(pixels), &goal, rule(Method::Linear))
                    });
                    let share = own.share_inside(&other.grade);
                    let mut mixed = other.grade.clone();
                    mixed.mix(&own.grade, share);
                    let pairs = beyond(&own_pixels, &mixed).into_iter();
                    for (mixed, own) in pairs.zip(beyond(&own_pixels, &own.grade)) {
                        assert!(mixed < own + 14.01, "{source}, {reference}: {mixed}, {own}");
                    }
                    let pairs = beyond(&own_pixels, &other.grade).into_iter();
                    let mut pairs = pairs.zip(beyond(&own_pixels, &own.grade));
                    let is_inside = pairs.all(|(other, own)| other < own + 13.99);
                    assert_eq!(share == 0., is_inside, "{source}, {reference}: {share}");
                    shares.push(share);
                }
            }
        }
    }
    let some = shares.iter().filter(|&&share| share > 0.).count();
    assert!(some > 30 && some < shares.len() - 30, "{some} of {}", shares.len());
}

fn luma(rgb: &Rgb) -> f64 {
    grading::to_ycbcr(BT709, *rgb)[0]
}

/// A picture in black and white, or toned by a color.
fn toned(pixels: &[Rgb], color: Rgb) -> Vec<Rgb> {
    let tone = |rgb: &Rgb| color.map(|channel| channel * luma(rgb) / 255.);
    pixels.iter().map(tone).collect()
}

#[test]
fn a_reference_without_colors_of_its_own_leaves_none() {
    for (source, reference, color) in [
        ("astronaut.png", "coffee.png", [255.; 3]),
        ("coffee.png", "chelsea.png", [255.; 3]),
        ("chelsea.png", "astronaut.png", [255., 230., 190.]),
        // Next to none, and as the grade is without that.
        ("chelsea.png", "astronaut.png", [255., 252., 250.]),
    ] {
        let source_pixels = pixels(source);
        let reference_pixels = toned(&pixels(reference), color);
        let goal = Goal::new(&sample(&reference_pixels), weights(BT709));
        let learned = learned_by_all(&sample(&source_pixels), &goal, rule(Method::Grade));
        let expected = grading::learn(&source_pixels, &reference_pixels, BT709, true);
        let mut worst: f64 = 0.;
        for &rgb in source_pixels.iter().step_by(7) {
            let [new, oracle] = [learned.map(rgb), expected.map(rgb)];
            let scale = luma(&new) / luma(&color);
            for c in 0..3 {
                assert!((new[c] - oracle[c]).abs() < 2., "{source}: {new:?} {oracle:?}");
                // Brighter colors of such a tone leave the range.
                if luma(&new) < 200. {
                    worst = worst.max((new[c] - color[c] * scale).abs());
                }
            }
        }
        assert!(worst < 3., "{source} to {reference}: {worst}");
    }
}

#[test]
fn a_reference_is_sampled_on_the_grid() {
    for name in PICTURES {
        let picture = DynamicImage::from(picture(name));
        let reference = Reference::from_picture(&picture).expect("a picture");
        assert_eq!(reference.sample(Colorimetry::SRGB), sample(&pixels(name)), "{name}");
    }
}

/// A frame with the colours of a picture, as far as it has them, and noise between them.
fn natural(format: VideoFormat, colorimetry: &str, name: &str) -> Frame {
    crate::common::init();
    let (width, height) = (93, 62);
    let info = gst_video::VideoInfo::builder(format, width, height);
    let colorimetry: gst_video::VideoColorimetry = colorimetry.parse().expect("a colorimetry");
    let info = info.colorimetry(&colorimetry).build().expect("an info");
    let mut frame = Frame::of(info, Shape::Stride { padding: 3 }, noise(1));
    let picture = picture(name);
    let pixel = |x: usize, y: usize| {
        let x = (x * picture.width() as usize / width as usize).min(picture.width() as usize - 1);
        let y =
            (y * picture.height() as usize / height as usize).min(picture.height() as usize - 1);
        picture.get_pixel(x as u32, y as u32).0.map(|v| f64::from(v) / 255.)
    };
    let code = frame.code();
    let mut pictures = frame.pictures();
    let mut noise = noise(2);
    for picture in &mut pictures {
        let shared = picture.shared;
        let depth = picture.depths[0];
        for (c, grid) in picture.grids.iter_mut().enumerate() {
            let (zero, one) = code.zero_one(c, depth);
            for (y, row) in grid.iter_mut().enumerate() {
                for (x, sample) in row.iter_mut().enumerate() {
                    let (h, v) = if c == 0 { (1, 1) } else { shared };
                    let [r, g, b] = pixel(x * h, y * v);
                    let value = match code {
                        Code::Rgb { .. } => [r, g, b][c],
                        Code::Luma { kr, kb, .. } | Code::YCbCr { kr, kb, .. } => {
                            let y = kr * r + (1. - kr - kb) * g + kb * b;
                            [y, (b - y) / (2. - 2. * kb), (r - y) / (2. - 2. * kr)][c]
                        }
                    };
                    let (low, high) = code.legal(c, depth);
                    *sample = (zero + (value * one as f64).round() as i64).clamp(low, high);
                    if noise() < 3 {
                        *sample = low + i64::from(noise()) * (high - low) / 255;
                    }
                }
            }
        }
    }
    frame.set_pictures(&pictures);
    frame
}

fn kr_kb(code: Code) -> (f64, f64) {
    match code {
        Code::Rgb { .. } => BT709,
        Code::YCbCr { kr, kb, .. } | Code::Luma { kr, kb, .. } => (kr, kb),
    }
}

fn matcher(frame: &Frame, at_most: InstructionSet) -> Matcher {
    Matcher::grading(frame.layout(), at_most, None).expect("a way to the samples")
}

fn scan(frame: &Frame) -> Scan {
    match frame.pictures().len() {
        1 => Scan::Progressive,
        _ => Scan::Interleaved,
    }
}

fn graded(frame: &Frame, grade: &Grade, at_most: InstructionSet, n_threads: usize) -> Frame {
    let mut graded = frame.clone();
    let (workers, _) = Workers::new(n_threads);
    let (layout, spans) = (frame.layout(), frame.spans());
    let view = FrameMut::new(&mut graded.bytes, &layout, &spans).expect("a frame");
    let mapping = Mapping::from(grade.clone());
    matcher(frame, at_most).apply(view, scan(frame), &workers, &mapping).expect("memory");
    graded
}

/// Formats with each depth, order and subsampling, in both ranges.
const CODINGS: [(VideoFormat, &str); 19] = [
    (VideoFormat::Rgb, "sRGB"),
    (VideoFormat::Rgb, "2:1:7:1"),
    (VideoFormat::Bgrx, "sRGB"),
    (VideoFormat::Gbr, "sRGB"),
    (VideoFormat::Gbr10le, "sRGB"),
    (VideoFormat::Gbr12le, "sRGB"),
    (VideoFormat::Rgba64Le, "sRGB"),
    (VideoFormat::I420, "bt709"),
    (VideoFormat::I420, "1:4:0:0"),
    (VideoFormat::Nv12, "bt601"),
    (VideoFormat::Yuy2, "bt709"),
    (VideoFormat::Y444, "bt709"),
    (VideoFormat::Y41b, "bt601"),
    (VideoFormat::Yuv9, "bt601"),
    (VideoFormat::I42010le, "bt709"),
    (VideoFormat::P01010le, "bt2020"),
    (VideoFormat::Y44412le, "bt709"),
    (VideoFormat::Gray8, "1:4:0:0"),
    (VideoFormat::Gray16Le, "1:4:0:0"),
];

#[test]
fn every_layout_is_graded_as_the_definition_says() {
    for (format, colorimetry) in CODINGS {
        for (source, reference) in [
            (CLIP, "astronaut.png"),
            ("coffee.png", CLIP),
            ("astronaut.png", "chelsea.png"),
            ("chelsea.png", "coffee.png"),
        ] {
            for method in METHODS {
                let frame = natural(format, colorimetry, source);
                let (code, depth) = (frame.code(), Format::of(format).depth());
                let goal = Goal::new(&sample(&pixels(reference)), weights(kr_kb(code)));
                let is_grey = matches!(code, Code::Luma { .. });
                let grade =
                    learn(&sample(&pixels(source)), &goal, Rule { is_grey, ..rule(method) });
                let output = graded(&frame, &grade, InstructionSet::Scalar, 1).pictures();
                let look = as_look(&grade, kr_kb(code));
                let expected: Vec<f64> = frame
                    .pictures()
                    .iter()
                    .zip(&output)
                    .flat_map(|(picture, output)| look.map_picture(picture, output, code))
                    .flatten()
                    .flatten()
                    .collect();
                let output = output.iter().flat_map(|p| p.grids.iter().flatten().flatten());
                // In levels of 8 bits.
                let unit = f64::from(1u32 << (depth - 8));
                let off: Vec<f64> =
                    output.zip(&expected).map(|(&a, b)| (a as f64 - b).abs() / unit).collect();
                let mean = off.iter().sum::<f64>() / off.len() as f64;
                let greatest = off.iter().copied().fold(0., f64::max);
                let bounds = if depth <= 10 { (0.3, 1.2) } else { (0.125, 0.125) };
                assert!(
                    mean <= bounds.0 && greatest <= bounds.1,
                    "{format:?} {colorimetry} {source} {reference} {method:?}: {mean} {greatest}"
                );
            }
        }
    }
}

#[test]
fn a_frame_is_sampled_on_the_grid() {
    for (format, colorimetry) in CODINGS {
        let frame = natural(format, colorimetry, "coffee.png");
        let (layout, spans) = (frame.layout(), frame.spans());
        let mut bytes = frame.bytes.clone();
        let view = FrameMut::new(&mut bytes, &layout, &spans).expect("a frame");
        let workers = Workers::default();
        let statistics = matcher(&frame, InstructionSet::best())
            .count(view.shared(), scan(&frame), &workers)
            .expect("memory");
        let sampled = statistics.sample.expect("a sample");
        let (code, picture) = (frame.code(), &frame.pictures()[0]);
        let depth = Format::of(format).depth();
        let value = |c: usize, x: usize, y: usize| {
            let (h, v) = if c == 0 { (1, 1) } else { picture.shared };
            let (zero, one) = code.zero_one(c, depth);
            (picture.grids[c][y / v][x / h] - zero) as f64 * 255. / one as f64
        };
        // All pixels of a frame of this size.
        let (width, height) = (picture.grids[0][0].len(), picture.grids[0].len());
        assert_eq!(sampled.len(), width * height);
        for (i, rgb) in sampled.pixels().enumerate() {
            let (x, y) = (i % width, i / width);
            let expected = match code {
                Code::Rgb { .. } => [value(0, x, y), value(1, x, y), value(2, x, y)],
                Code::Luma { .. } => [value(0, x, y); 3],
                Code::YCbCr { kr, kb, .. } => {
                    let [y, cb, cr] = [0, 1, 2].map(|c| value(c, x, y));
                    let (r, b) = (y + 2. * (1. - kr) * cr, y + 2. * (1. - kb) * cb);
                    [r, (y - kr * r - kb * b) / (1. - kr - kb), b]
                }
            };
            for (a, b) in rgb.into_iter().zip(expected) {
                assert!(
                    (f64::from(a) - b).abs() < 1e-3,
                    "{format:?} {x} {y}: {rgb:?} {expected:?}"
                );
            }
        }
    }
}

#[test]
fn the_source_as_reference_changes_nothing() {
    for (format, colorimetry) in CODINGS {
        for method in METHODS {
            let frame = natural(format, colorimetry, "astronaut.png");
            let code = frame.code();
            let own = sample(&pixels("astronaut.png"));
            let goal = Goal::new(&own, weights(kr_kb(code)));
            let is_grey = matches!(code, Code::Luma { .. });
            let grade = learn(&own, &goal, Rule { is_grey, ..rule(method) });
            for at_most in [InstructionSet::Scalar, InstructionSet::best()] {
                let same = graded(&frame, &grade, at_most, 1);
                // The noise in the frame has colours that leave the range of R'G'B'.
                let (old, new) = (frame.pictures(), same.pictures());
                let samples = |pictures: &[crate::common::oracle::Components]| -> Vec<i64> {
                    pictures.iter().flat_map(|p| p.grids.concat().concat()).collect()
                };
                let unit = 1 << (Format::of(format).depth() - 8);
                let (old, new) = (samples(&old), samples(&new));
                let changed = old.iter().zip(&new).filter(|(a, b)| (*a - *b).abs() > unit / 2);
                let share = changed.count() as f64 / old.len() as f64;
                assert!(share < 0.01, "{format:?} {colorimetry} {method:?}: {share}");
            }
        }
    }
}

#[test]
fn the_identity_changes_no_sample() {
    for (format, colorimetry) in CODINGS {
        let frame = natural(format, colorimetry, "astronaut.png");
        let grade = Grade::identity(weights(kr_kb(frame.code())));
        let same = graded(&frame, &grade, InstructionSet::best(), 2);
        assert!(same.bytes == frame.bytes, "{format:?} {colorimetry}");
    }
}

#[test]
fn nothing_but_samples_is_written_and_threads_make_no_difference() {
    let goal = Goal::new(&sample(&pixels("astronaut.png")), LumaWeights::BT601);
    for Format { format, .. } in FORMATS {
        let frame = Frame::new(format, 700, 401, Shape::OffsetShortLastRow, noise(3));
        let mut grade = learn(&sample(&pixels("coffee.png")), &goal, rule(Method::Grade));
        for dither in [false, true] {
            grade.dither = dither;
            let output = graded(&frame, &grade, InstructionSet::best(), 1);
            let mut samples_alone = frame.clone();
            samples_alone.set_pictures(&output.pictures());
            assert!(output.bytes == samples_alone.bytes, "{format:?}: beside samples");
            assert!(output.bytes != frame.bytes, "{format:?}: unchanged");
            for n_threads in [2, 3] {
                let other = graded(&frame, &grade, InstructionSet::best(), n_threads);
                assert!(other.bytes == output.bytes, "{format:?}: {n_threads} threads");
            }
        }
    }
}

/// Colours that make covariances singular, and others.
fn few_colors() -> impl Strategy<Value = Vec<Rgb>> {
    let level = || prop_oneof![Just(0.), Just(255.), Just(128.), -20f64..275.];
    let color = (level(), level(), level()).prop_map(|(r, g, b)| [r, g, b]);
    (vec(color, 1..5), 1..40usize)
        .prop_map(|(colors, n)| colors.iter().cycle().take(n.max(colors.len())).copied().collect())
}

proptest! {
    #[test]
    fn what_is_learned_of_any_colors_is_a_number(
        source in few_colors(),
        reference in few_colors(),
        max_slope in prop_oneof![Just(0.), 1f64..16.],
        is_grey in any::<bool>(),
    ) {
        let goal = Goal::new(&sample(&reference), LumaWeights::BT709);
        for method in METHODS {
            let rule = Rule { method, max_slope, is_grey };
            let grade = learned_by_all(&sample(&source), &goal, rule);
            prop_assert!(grade.tone.is_sorted(), "{:?}", grade.tone);
            prop_assert!(grade.tone.iter().all(|y| (0. ..=255.).contains(y)));
            let numbers = grade.matrix.as_flattened().iter().chain(&grade.offset);
            let numbers = numbers.chain(&grade.gain).chain(grade.shift.as_flattened());
            prop_assert!(numbers.clone().all(|v| v.is_finite() && v.abs() < 2000.), "{grade:?}");
            prop_assert!(grade.gain.iter().all(|gain| (0. ..=1.6).contains(gain)));
            let distances = goal.distances(&sample(&source), &grade);
            prop_assert!(distances.iter().all(|d| (0. ..=1.).contains(d)));
        }
    }
}

#[test]
fn dither_is_half_a_level_and_evens_out() {
    // Half a level darker than what there is.
    let mut grade = Grade::identity(LumaWeights::BT709);
    grade.offset = [-0.5; 3];
    grade.dither = true;
    for format in [VideoFormat::Rgb, VideoFormat::Gray8] {
        let frame = Frame::new(format, 64, 64, Shape::Default, || 100);
        let samples = |grade: &Grade| -> Vec<u8> {
            graded(&frame, grade, InstructionSet::best(), 1).channels()[0].clone()
        };
        let dithered = samples(&grade);
        let mean = dithered.iter().map(|&v| f64::from(v)).sum::<f64>() / dithered.len() as f64;
        assert!((mean - 99.5).abs() < 0.05, "{format:?}: {mean}");
        assert!(dithered.iter().all(|v| (99..=100).contains(v)));
        let plain = Grade { dither: false, ..grade.clone() };
        assert!(samples(&plain).windows(2).all(|pair| pair[0] == pair[1]));
    }
}
