//! Saturation and tint by luma, and the gamut.

use super::quantile;
use crate::mapping::grade::{LEVEL, LEVELS};

/// A Gaussian of so many levels, from its middle on; beyond, it is next to nothing.
type Blur = [f64; 7];

/// exp(-x² / (2 σ²)) for σ of 0.7.
const NARROW: Blur = blur([
    1.,
    0.36044778859782095,
    0.016879884148789895,
    0.00010270256461965522,
    8.118538349144025e-08,
    8.337947094201132e-12,
    1.1125643881294098e-16,
]);

/// For σ of 1.
const MIDDLE: Blur = blur([
    1.,
    0.6065306597126334,
    0.1353352832366127,
    0.011108996538242306,
    0.00033546262790251185,
    3.726653172078671e-06,
    1.522997974471263e-08,
]);

/// For σ of 1.5.
const WIDE: Blur = blur([
    1.,
    0.8007374029168081,
    0.41111229050718745,
    0.1353352832366127,
    0.028565500784550377,
    0.0038659201394728076,
    0.00033546262790251185,
]);

/// The weights with a sum of 1.
const fn blur(weights: Blur) -> Blur {
    let mut sum = weights[0];
    let mut i = 1;
    while i < weights.len() {
        sum += 2. * weights[i];
        i += 1;
    }
    let mut blur = weights;
    let mut i = 0;
    while i < weights.len() {
        blur[i] = weights[i] / sum;
        i += 1;
    }
    blur
}

/// Smoothed over the levels; the first and the last are repeated.
fn blurred(levels: &[f64; LEVELS], blur: &Blur) -> [f64; LEVELS] {
    std::array::from_fn(|i| {
        let pair = |d: usize| levels[i.saturating_sub(d)] + levels[(i + d).min(LEVELS - 1)];
        let sides: f64 = (1..blur.len()).map(|d| blur[d] * pair(d)).sum();
        blur[0] * levels[i] + sides
    })
}

/// The level that is nearest to a Y' from 0 to 255.
#[inline(always)]
fn level_of(y: f32) -> usize {
    (y * (1. / LEVEL as f32) + 0.5) as usize
}

/// Luma from 0 to 255, and chroma: of all pixels of a sample, one component after the other.
#[derive(Clone, Copy, Debug)]
pub struct PixelChroma<'a> {
    /// Luma.
    pub y: &'a [f32],
    /// Of as many pixels.
    pub cb: &'a [f32],
    /// Of as many pixels.
    pub cr: &'a [f32],
}

/// The chroma of pixels near each level of luma.
#[derive(Clone, Debug)]
pub struct ChromaByLuma {
    /// The share of the pixels.
    share: [f64; LEVELS],
    /// The means of Cb and Cr.
    means: [[f64; LEVELS]; 2],
    /// The standard deviation from these.
    deviation: [f64; LEVELS],
}

impl ChromaByLuma {
    /// Of some pixels, smoothed over the levels.
    pub fn of(pixels: &PixelChroma) -> Self {
        // Of each level: the pixels, their Cb and Cr, and the squares of both. Pixels take turns, so that
        // one needn't wait for the sums of its neighbour.
        let mut turns = [[[0f64; 4]; LEVELS]; 2];
        let chroma = pixels.cb.iter().zip(pixels.cr);
        for (i, (y, (&cb, &cr))) in pixels.y.iter().zip(chroma).enumerate() {
            let (cb, cr) = (f64::from(cb), f64::from(cr));
            let terms = [1., cb, cr, cb * cb + cr * cr];
            for (sum, term) in turns[i % 2][level_of(*y)].iter_mut().zip(terms) {
                *sum += term;
            }
        }
        let smooth = |term: usize| {
            let [a, b] = &turns;
            blurred(&std::array::from_fn(|level| a[level][term] + b[level][term]), &WIDE)
        };
        // So that levels without pixels have no chroma, and no share.
        let count = smooth(0).map(|count| count + 1e-9);
        let mean = |term: usize| -> [f64; LEVELS] {
            let sums = smooth(term);
            std::array::from_fn(|i| sums[i] / count[i])
        };
        let means = [mean(1), mean(2)];
        let squares = mean(3);
        let total = pixels.y.len().max(1) as f64;
        Self {
            share: count.map(|count| count / total),
            deviation: std::array::from_fn(|i| {
                let [cb, cr] = means.map(|means| means[i]);
                (squares[i] - (cb * cb + cr * cr)).max(0.).sqrt()
            }),
            means,
        }
    }
}

/// The share of pixels that counts half.
const HALF_SHARE: f64 = 0.003;

/// Added to deviations, so that grey pictures say little.
const STIFFNESS: f64 = 2.;

/// The least and the greatest gain.
const GAINS: (f64, f64) = (0.6, 1.5);

/// The strongest tint.
const TINT: f64 = 16.;

/// Gain and shifts by luma that give the chroma of `source` means and deviation of `goal`.
pub fn gain_and_shift(
    source: &ChromaByLuma,
    goal: &ChromaByLuma,
) -> ([f64; LEVELS], [[f64; LEVELS]; 2]) {
    let weight: [f64; LEVELS] = std::array::from_fn(|i| {
        let share = source.share[i].min(goal.share[i]);
        share / (share + HALF_SHARE)
    });
    let gain = std::array::from_fn(|i| {
        let ratio = (goal.deviation[i] + STIFFNESS) / (source.deviation[i] + STIFFNESS);
        1. + (ratio.clamp(GAINS.0, GAINS.1) - 1.) * weight[i]
    });
    let gain = blurred(&gain, &MIDDLE);
    let shift = [0, 1].map(|c| {
        let (source, goal) = (&source.means[c], &goal.means[c]);
        let tint = std::array::from_fn(|i| ((goal[i] - source[i]) * weight[i]).clamp(-TINT, TINT));
        let tint = blurred(&tint, &MIDDLE);
        std::array::from_fn(|i| source[i] * (1. - gain[i]) + tint[i])
    });
    (gain, shift)
}

/// Pixels that are looked at together, so that compilers make vectors of each step.
const CHUNK: usize = 64;

/// Steps between a scale of chroma of 0 and of 1.
const SCALES: usize = 256;

/// The percentage of a level's pixels that may leave the range.
const OUTSIDE: f64 = 2.5;

/// The share of pixels at a level that counts half.
const HALF_SHARE_OF_GAMUT: f64 = 0.0003;

/// At most this much of a channel's difference from grey counts as none: colours that are next to grey
/// leave the range by less than a level, whatever is done.
const NEXT_TO_GREY: f32 = 1.;

/// The scale of chroma at each level of luma that keeps all but some of the pixels inside the range, behind
/// some changes; `to_rgb` is what R', G' and B' have of Cb and of Cr.
pub fn inside(pixels: &PixelChroma, changes: &Changes, to_rgb: [[f32; 2]; 3]) -> [f64; LEVELS] {
    // Of each level, how often each scale occurs.
    let mut counts = vec![[0; SCALES + 1]; LEVELS];
    let chroma = pixels.cb.chunks(CHUNK).zip(pixels.cr.chunks(CHUNK));
    for (y, (cb, cr)) in pixels.y.chunks(CHUNK).zip(chroma) {
        let mut changed = [[0f32; CHUNK]; 2];
        let [new_cb, new_cr] = &mut changed;
        let old = y.iter().zip(cb).zip(cr);
        for ((new_cb, new_cr), ((y, cb), cr)) in new_cb.iter_mut().zip(new_cr).zip(old) {
            [*new_cb, *new_cr] = changes.at(*y, [*cb, *cr]);
        }
        let mut scales = [1f32; CHUNK];
        let [cb, cr] = &changed;
        for ((scale, y), (cb, cr)) in scales.iter_mut().zip(y).zip(cb.iter().zip(cr)) {
            for [from_cb, from_cr] in to_rgb {
                let difference = from_cb * cb + from_cr * cr;
                let room = if difference > 0. { 255. - y } else { -y };
                let own = if difference.abs() > NEXT_TO_GREY { room / difference } else { 1. };
                *scale = if own < *scale { own } else { *scale };
            }
        }
        for (y, scale) in y.iter().zip(scales) {
            let step = (scale.max(0.) * SCALES as f32) as usize;
            counts[level_of(*y)][step.min(SCALES)] += 1;
        }
    }
    let inside = std::array::from_fn(|level| {
        let counts = &counts[level];
        let count: u32 = counts.iter().sum();
        if count == 0 {
            return 1.;
        }
        let share = f64::from(count) / pixels.y.len() as f64;
        let scale = (quantile::place(counts, count, OUTSIDE) / SCALES as f64).min(1.);
        1. + (scale - 1.) * share / (share + HALF_SHARE_OF_GAMUT)
    });
    blurred(&inside, &NARROW)
}

/// Multiplies chroma behind `gain` and `shift` by `inside`.
pub fn keep_inside(
    gain: &mut [f64; LEVELS],
    shift: &mut [[f64; LEVELS]; 2],
    inside: &[f64; LEVELS],
) {
    for curve in [gain].into_iter().chain(shift) {
        curve.iter_mut().zip(inside).for_each(|(value, inside)| *value *= inside);
    }
}

/// Gain and shifts of chroma in f32, for the pixels of samples: of each, the value at a level, and the rise
/// to the next.
#[derive(Clone, Debug)]
pub struct Changes([[[f32; 2]; 3]; LEVELS]);

impl Changes {
    /// Of gain and shifts.
    pub fn new(gain: &[f64; LEVELS], [cb, cr]: &[[f64; LEVELS]; 2]) -> Self {
        Self(std::array::from_fn(|i| {
            let next = (i + 1).min(LEVELS - 1);
            [gain, cb, cr].map(|curve| [curve[i] as f32, (curve[next] - curve[i]) as f32])
        }))
    }

    /// The chroma of a pixel behind gain and shift, by its luma from 0 to 255.
    #[inline(always)]
    fn at(&self, y: f32, [cb, cr]: [f32; 2]) -> [f32; 2] {
        let place = y * (1. / LEVEL as f32);
        let i = place as usize;
        let [gain, cb_shift, cr_shift] = self.0[i.min(LEVELS - 1)];
        let within = place - i as f32;
        let value = |[value, rise]: [f32; 2]| value + rise * within;
        [value(gain) * cb + value(cb_shift), value(gain) * cr + value(cr_shift)]
    }
}
