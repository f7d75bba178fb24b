//! Promise: levels with fractions are dithered as the definition says, in every layout.

use crate::common::frames::{FORMATS, Format, Frame, Shape, noise};
use crate::common::oracle::{self, Colorspace};
use gst_video::VideoFormat;
use gsthistomatch::color::ColorSpace;
use gsthistomatch::frame::{FrameMut, Scan};
use gsthistomatch::kernels::InstructionSet;
use gsthistomatch::mapping::Mapping;
use gsthistomatch::mapping::curve::Curve;
use gsthistomatch::matcher::Matcher;
use gsthistomatch::workers::Workers;

/// The matrix of Bayer's paper, of 2^n rows and columns: four of the one before, each four times as coarse.
fn bayer(n: u32) -> Vec<Vec<i64>> {
    if n == 0 {
        return vec![vec![0]];
    }
    let smaller = bayer(n - 1);
    let half = smaller.len();
    let quarter = [[0, 2], [3, 1]];
    let place = |y: usize, x: usize| 4 * smaller[y % half][x % half] + quarter[y / half][x / half];
    (0..2 * half).map(|y| (0..2 * half).map(|x| place(y, x)).collect()).collect()
}

/// A little darker, by fractions.
fn curve(n_levels: usize) -> Curve {
    Curve::identity(n_levels).after_gain(719. / 1024., 10.)
}

/// Parts of a level that the definition has.
const PARTS: i64 = 64;

fn in_parts(curve: &Curve) -> Vec<i64> {
    curve.levels().iter().map(|level| (level * PARTS as f64).round() as i64).collect()
}

const SPACES: [(ColorSpace, Colorspace); 3] = [
    (ColorSpace::Rgb, Colorspace::Rgb),
    (ColorSpace::YCbCr, Colorspace::Ycbcr),
    (ColorSpace::Luma, Colorspace::Luma),
];

fn mapped(frame: &Frame, color_space: ColorSpace, dithers: bool, n_threads: usize) -> Frame {
    let mut mapped = frame.clone();
    let (workers, _) = Workers::new(n_threads);
    let (layout, spans) = (frame.layout(), frame.spans());
    let mut matcher =
        Matcher::new(layout.clone(), color_space, InstructionSet::best(), None).expect("samples");
    let scan = match frame.pictures().len() {
        1 => Scan::Progressive,
        _ => Scan::Interleaved,
    };
    let curves: Vec<Curve> =
        matcher.channels().depths.iter().map(|depth| curve(1 << depth)).collect();
    let mapping = match dithers {
        true => Mapping::Curves(curves),
        false => Mapping::Luts(curves.iter().map(Curve::to_lut).collect()),
    };
    let view = FrameMut::new(&mut mapped.bytes, &layout, &spans).expect("a frame");
    matcher.apply(view, scan, &workers, &mapping).expect("memory");
    mapped
}

#[test]
fn every_layout_is_dithered_as_the_definition_says() {
    let bayer = bayer(3);
    for Format { format, .. } in FORMATS {
        for (space, oracle) in SPACES {
            let frame = Frame::new(format, 77, 36, Shape::OffsetShortLastRow, noise(5));
            let mut pictures = frame.pictures();
            let n = frame.code().channels(oracle).n_channels();
            let luts: Vec<Vec<i64>> = pictures[0]
                .depths
                .iter()
                .take(n)
                .map(|&depth| in_parts(&curve(1 << depth)))
                .collect();
            let rounding = |y: usize, x: usize| 2 * bayer[y % 8][x % 8] + 1;
            oracle::replace_by(&mut pictures, frame.code(), oracle, (&luts, PARTS), rounding);
            let mut expected = frame.clone();
            expected.set_pictures(&pictures);
            let dithered = mapped(&frame, space, true, 1);
            assert!(dithered.bytes == expected.bytes, "{format:?} {space:?}");
            let plain = mapped(&frame, space, false, 1);
            assert!(dithered.bytes != plain.bytes, "{format:?} {space:?}");
        }
    }
}

#[test]
fn threads_make_no_difference() {
    for format in [
        VideoFormat::Rgb,
        VideoFormat::Bgrx,
        VideoFormat::I420,
        VideoFormat::Yuy2,
        VideoFormat::I42010le,
        VideoFormat::Gray16Le,
    ] {
        // Bands are half a megabyte at least.
        let frame = Frame::new(format, 1100, 1203, Shape::OffsetShortLastRow, noise(3));
        for (color_space, _) in SPACES {
            let output = mapped(&frame, color_space, true, 1);
            for n_threads in [2, 3] {
                let other = mapped(&frame, color_space, true, n_threads);
                assert!(other.bytes == output.bytes, "{format:?}: {n_threads} threads");
            }
        }
    }
}

#[test]
fn what_is_converted_evens_out() {
    for (format, depth) in
        [(VideoFormat::I420, 8), (VideoFormat::Yuy2, 8), (VideoFormat::I42010le, 10)]
    {
        for grey in [60, 61, 62, 63, 64] {
            let mut frame = Frame::new(format, 64, 64, Shape::Default, || 0);
            let mut pictures = frame.pictures();
            for (c, grid) in pictures[0].grids.iter_mut().enumerate() {
                let sample = if c == 0 { grey } else { 128 } << (depth - 8);
                grid.iter_mut().flatten().for_each(|to| *to = sample);
            }
            frame.set_pictures(&pictures);
            let mean = |frame: &Frame| {
                let luma = &frame.pictures()[0].grids[0];
                let n = (luma.len() * luma[0].len()) as f64;
                luma.iter().flatten().sum::<i64>() as f64 / n
            };
            // Through R'G'B' and back, a level at a time.
            let levels = f64::from((1 << depth) - 1) / f64::from(219 << (depth - 8));
            let rgb = (mean(&frame) - f64::from(16 << (depth - 8))) * levels;
            let change = curve(1 << depth).at(rgb.round()) - rgb.round();
            let expected = mean(&frame) + change / levels;
            let off = (mean(&mapped(&frame, ColorSpace::Rgb, true, 1)) - expected).abs();
            assert!(off < 0.02, "{format:?}, {grey}: {off}");
        }
    }
}
