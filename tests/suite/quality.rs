//! Promise: YUV video that is matched in R'G'B' is closer to the exact outcome, computed in double
//! precision, than what two converters around the element give.

use crate::common;
use crate::common::media;
use crate::common::video::{matching, play, quoted};
use gst_video::prelude::*;
use image::RgbImage;

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
