//! Promise: YUV video that is matched in R'G'B' is closer to the exact outcome, computed in double
//! precision, than what two converters around the element give; and close to it in every depth,
//! matrix, range and subsampling, with chroma beside its pixels and between them.

use std::collections::BTreeSet;

use crate::common::frames::{self, FORMATS, Shape};
use crate::common::video::{matching, play, quoted};
use crate::common::{self, Rig, bytes, media};
use gst_video::prelude::*;
use image::imageops::{FilterType, resize};
use image::{Rgb32FImage, RgbImage};

/// Kr, Kg and Kb of BT.709.
const WEIGHTS: [f64; 3] = [0.2126, 0.7152, 0.0722];

/// A plane of samples without rounding.
#[derive(Clone)]
struct Plane {
    width: usize,
    height: usize,
    samples: Vec<f64>,
}

impl Plane {
    fn new(width: usize, height: usize, sample: impl Fn(usize, usize) -> f64) -> Self {
        let rows = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Self { width, height, samples: rows.map(|(x, y)| sample(x, y)).collect() }
    }

    /// With the samples at the edge repeated beyond it.
    fn at(&self, x: isize, y: isize) -> f64 {
        let clamp = |at: isize, n: usize| at.clamp(0, n as isize - 1) as usize;
        self.samples[clamp(y, self.height) * self.width + clamp(x, self.width)]
    }

    /// At a point between the samples, by bilinear interpolation.
    fn between(&self, x: f64, y: f64) -> f64 {
        let (left, top) = (x.floor(), y.floor());
        let row = |y: f64| {
            let at = |x: f64| self.at(x as isize, y as isize);
            at(left) * (left + 1. - x) + at(left + 1.) * (x - left)
        };
        row(top) * (top + 1. - y) + row(top + 1.) * (y - top)
    }
}

/// A 4:2:0 frame.
type Frame = [Plane; 3];

fn frame(sample: &gst::Sample) -> Frame {
    let info = gst_video::VideoInfo::from_caps(sample.caps().expect("caps")).expect("video");
    let buffer = sample.buffer_owned().expect("a buffer");
    let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &info).expect("a frame");
    [0, 1, 2].map(|c| {
        let data = frame.comp_data(c).expect("data");
        let stride = frame.comp_stride(c) as usize;
        Plane::new(frame.comp_width(c) as usize, frame.comp_height(c) as usize, |x, y| {
            data[y * stride + x].into()
        })
    })
}

/// The rule for samples that are any numbers, between 0 and 255: for each, the least level `u` of
/// the reference with as large a share of samples at or below it.
fn match_plane(plane: &Plane, reference: &[u8]) -> Plane {
    let mut sorted = plane.samples.clone();
    sorted.sort_by(f64::total_cmp);
    let mut counts = [0usize; 256];
    reference.iter().for_each(|&v| counts[usize::from(v)] += 1);
    (1..256).for_each(|v| counts[v] += counts[v - 1]);
    let level = |&v: &f64| {
        // Colours that are equal but for the last bits of their numbers are equal.
        let rank = sorted.partition_point(|&other| other <= v + 1e-9);
        counts.partition_point(|count| rank * reference.len() > count * sorted.len()) as f64
    };
    Plane { samples: plane.samples.iter().map(level).collect(), ..*plane }
}

/// The exact outcome: chroma interpolated between its samples, everything converted, matched and
/// converted back, and chroma averaged around its samples.
fn exact(frame: &Frame, cosited: bool, reference: &RgbImage) -> Frame {
    let [luma, cb, cr] = frame;
    let full = |plane: &Plane| {
        Plane::new(luma.width, luma.height, |x, y| {
            let x = if cosited { x as f64 / 2. } else { x as f64 / 2. - 0.25 };
            plane.between(x, y as f64 / 2. - 0.25)
        })
    };
    let (cb, cr) = (full(cb), full(cr));
    let [kr, kg, kb] = WEIGHTS;
    let channels = [0, 1, 2].map(|channel| {
        Plane::new(luma.width, luma.height, |x, y| {
            let i = y * luma.width + x;
            let y = (luma.samples[i] - 16.) / 219.;
            let (b, r) = ((cb.samples[i] - 128.) / 224., (cr.samples[i] - 128.) / 224.);
            let (red, blue) = (y + 2. * (1. - kr) * r, y + 2. * (1. - kb) * b);
            let rgb = [red, (y - kr * red - kb * blue) / kg, blue];
            (rgb[channel] * 255.).clamp(0., 255.)
        })
    });
    let matched: Vec<Plane> = channels
        .iter()
        .enumerate()
        .map(|(channel, plane)| {
            let levels: Vec<u8> = reference.pixels().map(|pixel| pixel.0[channel]).collect();
            match_plane(plane, &levels)
        })
        .collect();
    let back = |weights: [f64; 3], zero: f64, one: f64| {
        Plane::new(luma.width, luma.height, |x, y| {
            let i = y * luma.width + x;
            let sum: f64 = (0..3).map(|c| weights[c] * matched[c].samples[i] / 255.).sum();
            zero + one * sum
        })
    };
    let difference = |channel: usize| {
        let scale = 2. * (1. - WEIGHTS[channel]);
        let weight = |c| (if c == channel { 1. } else { 0. } - WEIGHTS[c]) / scale;
        let plane = back([0, 1, 2].map(weight), 128., 224.);
        let columns: &[(isize, f64)] =
            if cosited { &[(-1, 0.25), (0, 0.5), (1, 0.25)] } else { &[(0, 0.5), (1, 0.5)] };
        Plane::new(frame[1].width, frame[1].height, |x, y| {
            let rows = [2 * y as isize, 2 * y as isize + 1];
            let row = |y| -> f64 {
                columns.iter().map(|(dx, w)| w * plane.at(2 * x as isize + dx, y)).sum()
            };
            rows.map(row).iter().sum::<f64>() / 2.
        })
    };
    [back(WEIGHTS, 16., 219.), difference(2), difference(0)]
}

/// Peak signal-to-noise ratio of all samples of a frame, in dB.
fn psnr(a: &Frame, b: &Frame) -> f64 {
    let squares = a
        .iter()
        .zip(b)
        .flat_map(|(a, b)| a.samples.iter().zip(&b.samples).map(|(a, b)| (a - b) * (a - b)));
    let n: usize = a.iter().map(|plane| plane.samples.len()).sum();
    10. * (255. * 255. * n as f64 / squares.sum::<f64>()).log10()
}

#[test]
fn yuv_in_rgb_is_close_to_the_exact_outcome() {
    for (site, cosited) in [("mpeg2", true), ("jpeg", false)] {
        for picture in common::PICTURES {
            for reference in common::PICTURES.into_iter().filter(|&other| other != picture) {
                let element = matching(&quoted(&media(reference)));
                let caps = format!("video/x-raw,format=I420,colorimetry=bt709,chroma-site={site}");
                let [before, ours, around] = play(
                    &format!(
                        "filesrc location={} ! pngdec ! videoconvert ! {caps} ! tee name=split \
                         split. ! queue ! appsink name=before sync=false \
                         split. ! queue ! {element} ! appsink name=ours sync=false \
                         split. ! queue ! videoconvert ! video/x-raw,format=RGB ! {element} \
                         ! videoconvert ! {caps} ! appsink name=around sync=false",
                        quoted(&media(picture))
                    ),
                    ["before", "ours", "around"],
                )
                .map(|samples| frame(&samples[0]));
                let levels = image::open(media(reference)).expect("it opens").into_rgb8();
                let exact = exact(&before, cosited, &levels);
                let (ours_exact, around_exact) = (psnr(&ours, &exact), psnr(&around, &exact));
                let what = format!(
                    "{picture} to {reference}, {site}: {ours_exact:.1} dB, with converters \
                     {around_exact:.1} dB, between the two {:.1} dB",
                    psnr(&ours, &around)
                );
                println!("{what}");
                assert!(ours_exact >= 45. && ours_exact > around_exact, "{what}");
                assert!(psnr(&ours, &around) >= 40., "{what}");
            }
        }
    }
}

// ---- Every depth, matrix, range and subsampling ----

/// Kr and Kb, with the number that GStreamer's colorimetry has for the matrix: FCC, BT.709, BT.601,
/// SMPTE 240M and BT.2020.
const MATRICES: [(u32, f64, f64); 5] = [
    (2, 0.30, 0.11),
    (3, 0.2126, 0.0722),
    (4, 0.299, 0.114),
    (5, 0.212, 0.087),
    (6, 0.2627, 0.0593),
];

/// The least peak signal-to-noise ratio to the exact outcome, in dB, for the bits of a sample.
const LEAST: [(u32, f64); 4] = [(8, 46.), (10, 59.), (12, 70.), (16, 85.)];

/// How samples of a depth stand for Y' from 0 to 1 and Cb, Cr from -1/2 to 1/2.
#[derive(Clone, Copy)]
struct Code {
    depth: u32,
    limited: bool,
    kr: f64,
    kb: f64,
}

impl Code {
    fn max(self) -> f64 {
        f64::from((1u32 << self.depth) - 1)
    }

    /// The sample of 0, and from there to that of 1.
    fn zero_one(self, c: usize) -> (f64, f64) {
        let unit = f64::from(1u32 << (self.depth - 8));
        let zero = if c > 0 { 128. * unit } else { 0. };
        match (self.limited, c) {
            (false, _) => (zero, self.max()),
            (true, 0) => (16. * unit, 219. * unit),
            (true, _) => (zero, 224. * unit),
        }
    }

    fn legal(self, c: usize) -> (f64, f64) {
        let unit = f64::from(1u32 << (self.depth - 8));
        match (self.limited, c) {
            (false, _) => (0., self.max()),
            (true, 0) => (16. * unit, 235. * unit),
            (true, _) => (16. * unit, 240. * unit),
        }
    }

    /// R'G'B' from 0 to 1 as Y', Cb and Cr.
    fn ycbcr(self, [red, green, blue]: [f64; 3]) -> [f64; 3] {
        let luma = self.kr * red + (1. - self.kr - self.kb) * green + self.kb * blue;
        [luma, (blue - luma) / (2. * (1. - self.kb)), (red - luma) / (2. * (1. - self.kr))]
    }

    fn rgb(self, [luma, cb, cr]: [f64; 3]) -> [f64; 3] {
        let (red, blue) = (luma + 2. * (1. - self.kr) * cr, luma + 2. * (1. - self.kb) * cb);
        [red, (luma - self.kr * red - self.kb * blue) / (1. - self.kr - self.kb), blue]
    }
}

/// The pixels that a sample of chroma is the mean of, from the first of those that share it on, with
/// their weights: those, or as many to both sides of the first.
fn around(n: usize, cosited: bool) -> Vec<(isize, f64)> {
    let n = n as isize;
    match cosited {
        true => (1 - n..n).map(|x| (x, (n - x.abs()) as f64 / (n * n) as f64)).collect(),
        false => (0..n).map(|x| (x, 1. / n as f64)).collect(),
    }
}

/// A plane of one for each sample of chroma: the weighted mean of the pixels around it.
fn shared(plane: &Plane, (h, v): (usize, usize), cosited: bool) -> Plane {
    let (columns, rows) = (around(h, cosited), around(v, false));
    Plane::new(plane.width.div_ceil(h), plane.height.div_ceil(v), |x, y| {
        let at = |dx, dy| plane.at((h * x) as isize + dx, (v * y) as isize + dy);
        let row = |dy| columns.iter().map(|(dx, weight)| weight * at(*dx, dy)).sum::<f64>();
        rows.iter().map(|(dy, weight)| weight * row(*dy)).sum()
    })
}

/// For each pixel: chroma interpolated in its row, the nearest row.
fn interpolated(plane: &Plane, luma: &Plane, (h, v): (usize, usize), cosited: bool) -> Plane {
    let h = h as f64;
    let first = if cosited { 0. } else { (h - 1.) / 2. };
    Plane::new(luma.width, luma.height, |x, y| {
        plane.between((x as f64 - first) / h, (y / v) as f64)
    })
}

/// How many samples of a reference have each level of a depth or one below it. A level of 8 bits
/// stands for all that begin with its bits.
fn cumulated(reference: &RgbImage, channel: usize, depth: u32) -> Vec<usize> {
    let mut counts = [0; 256];
    reference.pixels().for_each(|pixel| counts[usize::from(pixel.0[channel])] += 1);
    let mut counts: Vec<usize> =
        (0..1 << depth).map(|level| counts[level >> (depth - 8)]).collect();
    (1..counts.len()).for_each(|level| counts[level] += counts[level - 1]);
    counts
}

/// What of each sample of a channel, from 0 to 1, is changed by the rule.
fn changes(plane: &Plane, cumulated: &[usize]) -> Plane {
    let mut sorted = plane.samples.clone();
    sorted.sort_by(f64::total_cmp);
    let (n, max) = (cumulated[cumulated.len() - 1], (cumulated.len() - 1) as f64);
    let change = |&v: &f64| {
        let rank = sorted.partition_point(|&other| other <= v + 1e-9);
        let level = cumulated.partition_point(|count| rank * n > count * sorted.len());
        level as f64 / max - v
    };
    Plane { samples: plane.samples.iter().map(change).collect(), ..*plane }
}

/// The exact outcome of Y', Cb and Cr: what is changed in R'G'B', converted back and added.
fn outcome(frame: &Frame, code: Code, by: (usize, usize), cosited: bool, to: &RgbImage) -> Frame {
    let luma = &frame[0];
    let full = [1, 2].map(|c| interpolated(&frame[c], luma, by, cosited));
    let part = |c: usize, sample: f64| (sample - code.zero_one(c).0) / code.zero_one(c).1;
    let rgb: Vec<[f64; 3]> = (0..luma.samples.len())
        .map(|i| [luma.samples[i], full[0].samples[i], full[1].samples[i]])
        .map(|pixel| code.rgb([0, 1, 2].map(|c| part(c, pixel[c]))))
        .collect();
    let changes = [0, 1, 2].map(|channel| {
        let samples = rgb.iter().map(|pixel| pixel[channel].clamp(0., 1.)).collect();
        changes(&Plane { samples, ..*luma }, &cumulated(to, channel, code.depth))
    });
    [0, 1, 2].map(|c| {
        let change = |i: usize| code.ycbcr([0, 1, 2].map(|channel| changes[channel].samples[i]))[c];
        let samples = (0..luma.samples.len()).map(change).collect();
        let plane = Plane { samples, ..*luma };
        let plane = if c == 0 { plane } else { shared(&plane, by, cosited) };
        let (low, high) = code.legal(c);
        let sample = |(before, change): (&f64, &f64)| {
            // What was legal stays so.
            (before + code.zero_one(c).1 * change).clamp(low.min(*before), high.max(*before))
        };
        let samples = frame[c].samples.iter().zip(&plane.samples).map(sample).collect();
        Plane { samples, ..plane }
    })
}

/// A picture as Y', Cb and Cr, rounded to samples.
fn coded(picture: &Rgb32FImage, code: Code, by: (usize, usize), cosited: bool) -> Frame {
    let (width, height) = picture.dimensions();
    let pixel = |x: usize, y: usize| picture.get_pixel(x as u32, y as u32).0;
    [0, 1, 2].map(|c| {
        let plane = Plane::new(width as usize, height as usize, |x, y| {
            code.ycbcr(pixel(x, y).map(f64::from))[c]
        });
        let mut plane = if c == 0 { plane } else { shared(&plane, by, cosited) };
        let (zero, one) = code.zero_one(c);
        let round = |part: f64| (zero + one * part).round().clamp(0., code.max());
        plane.samples.iter_mut().for_each(|sample| *sample = round(*sample));
        plane
    })
}

#[test]
fn yuv_of_every_depth_matrix_range_and_subsampling_is_close_to_the_exact_outcome() {
    common::init();
    // Means of many pixels: hardly two are the same, and what is nearly so has a rank by chance.
    let picture = common::open(&media("chelsea.png")).into_rgb32f();
    let picture = resize(&picture, 96, 66, FilterType::Triangle);
    let path = media("coffee.png");
    let reference = common::open(&path).into_rgb8();
    let mut rig = Rig::new(Some(&path));
    let mut seen = BTreeSet::new();
    for format in FORMATS.iter().filter(|format| format.places.len() == 3) {
        let info = gst_video::VideoInfo::builder(format.format, 96, 66).build().expect("valid");
        let (depth, by) = (format.depth(), format.shared);
        if !info.is_yuv() || !seen.insert((depth, by)) {
            continue;
        }
        let sites: &[_] = if by.0 > 1 { &["mpeg2", "jpeg"] } else { &[""] };
        for (((matrix, kr, kb), range), site) in MATRICES
            .into_iter()
            .flat_map(|matrix| [1, 2].map(|range| (matrix, range)))
            .flat_map(|coding| sites.iter().map(move |site| (coding, site)))
        {
            let code = Code { depth, limited: range == 2, kr, kb };
            let cosited = *site == "mpeg2";
            // With the reference's primaries: by the matrix of BT.2020 alone, its own would be taken.
            let mut caps = format!(
                "video/x-raw,format={},width=96,height=66,framerate=25/1,\
                 colorimetry={range}:{matrix}:0:1",
                format.format.to_str()
            );
            if by.0 > 1 {
                caps += &format!(",chroma-site={site}");
            }
            let caps: gst::Caps = caps.parse().expect("caps");
            let info = gst_video::VideoInfo::from_caps(&caps).expect("info");
            let mut frame = frames::Frame::of(info, Shape::Default, || 0);
            let before = coded(&picture, code, by, cosited);
            let mut pictures = frame.pictures();
            for (grid, plane) in pictures[0].grids.iter_mut().zip(&before) {
                let samples = grid.iter_mut().flatten().zip(&plane.samples);
                samples.for_each(|(to, from)| *to = *from as i64);
            }
            frame.set_pictures(&pictures);
            rig.harness.set_src_caps(caps.clone());
            frame.bytes = bytes(&rig.harness.push_and_pull(frame.buffer()).expect("it passes"));
            let after = frame.pictures();
            let found = [0, 1, 2].map(|c| {
                let samples = after[0].grids[c].iter().flatten().map(|&v| v as f64).collect();
                Plane { samples, ..before[c] }
            });
            let exact = outcome(&before, code, by, cosited, &reference);
            // Peaks are those of 8 bits there.
            let decibels = psnr(&found, &exact) + 20. * (code.max() / 255.).log10();
            let least = LEAST.into_iter().find(|least| least.0 == depth).expect("a depth").1;
            println!("{decibels:.1} dB: {caps}");
            assert!(decibels >= least, "{decibels:.1} dB, not {least}: {caps}");
        }
    }
    let depths: BTreeSet<u32> = seen.iter().map(|(depth, _)| *depth).collect();
    assert_eq!(depths.into_iter().collect::<Vec<_>>(), [8, 10, 12, 16]);
    let subsamplings: BTreeSet<_> = seen.iter().map(|(_, by)| *by).collect();
    assert_eq!(
        subsamplings.into_iter().collect::<Vec<_>>(),
        [(1, 1), (2, 1), (2, 2), (4, 1), (4, 4)]
    );
}
