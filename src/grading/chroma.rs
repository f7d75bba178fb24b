//! Saturation and tint by luma, and the gamut.

use super::floor;
use super::quantile::Quantiles;
use crate::mapping::grade::{LEVEL, LEVELS, at_level};

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
fn level_of(y: f32) -> u32 {
    floor(y * (1. / LEVEL as f32) + 0.5)
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

/// Pixels that are looked at together, so that compilers make vectors of each step.
const CHUNK: usize = 64;

/// What pixels are added to, a chunk at a time. A trait, because closures that are called in two places are
/// functions of their own, which are not compiled for an instruction set.
trait Counts {
    /// Adds the first `n` pixels of a chunk.
    fn add(&mut self, pixels: [&[f32; CHUNK]; 3], n: usize);
}

impl PixelChroma<'_> {
    #[inline(always)]
    fn add_to(&self, counts: &mut impl Counts) {
        let [(y, last_y), (cb, last_cb), (cr, last_cr)] =
            [self.y, self.cb, self.cr].map(|values| values.as_chunks());
        for ((y, cb), cr) in y.iter().zip(cb).zip(cr) {
            counts.add([y, cb, cr], CHUNK);
        }
        let mut last = [[0.; CHUNK]; 3];
        for (last, values) in last.iter_mut().zip([last_y, last_cb, last_cr]) {
            last[..values.len()].copy_from_slice(values);
        }
        counts.add(last.each_ref(), last_y.len());
    }
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
    #[inline(always)]
    pub fn of(pixels: &PixelChroma) -> Self {
        let mut sums = SumsByLevel([[[0.; 4]; _]; 4]);
        pixels.add_to(&mut sums);
        let smooth = |term: usize| {
            let sum = |level: usize| sums.0.iter().map(|sums| sums[level][term]).sum();
            blurred(&std::array::from_fn(sum), &WIDE)
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

    /// The root of the mean square, over all pixels.
    fn mean_deviation(&self) -> f64 {
        let squares = self.share.iter().zip(&self.deviation).map(|(share, it)| share * it * it);
        (squares.sum::<f64>() / self.share.iter().sum::<f64>()).sqrt()
    }
}

/// Of each level, in as many places as a mask keeps inside: the pixels, their Cb and Cr, and the squares of
/// both. Pixels take turns, so that one needn't wait for the sums of its neighbour.
struct SumsByLevel([[[f64; 4]; LEVELS.next_power_of_two()]; 4]);

impl Counts for SumsByLevel {
    #[inline(always)]
    fn add(&mut self, [y, cb, cr]: [&[f32; CHUNK]; 3], n: usize) {
        let mut levels = [0; CHUNK];
        let mut terms = [[0.; 4]; CHUNK];
        for i in 0..CHUNK {
            levels[i] = level_of(y[i]);
            let (cb, cr) = (f64::from(cb[i]), f64::from(cr[i]));
            terms[i] = [1., cb, cr, cb * cb + cr * cr];
        }
        for i in 0..n.min(CHUNK) {
            let sums = &mut self.0[i % 4][levels[i] as usize % LEVELS.next_power_of_two()];
            for term in 0..4 {
                sums[term] += terms[i][term];
            }
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

/// Up to the first share of the source's deviation, the reference has no colours of its own; from the second one
/// on, it has.
const COLORLESS: (f64, f64) = (0.2, 0.4);

/// Gain and shifts by luma that give the chroma of `source` means and deviation of `goal`. Where that has next to no
/// deviation, as black and white and sepia, its means are all that is left.
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
    let colors = goal.mean_deviation() / source.mean_deviation().max(f64::MIN_POSITIVE);
    let colors = ((colors - COLORLESS.0) / (COLORLESS.1 - COLORLESS.0)).clamp(0., 1.);
    let shift = [0, 1].map(|c| {
        let (source, goal) = (&source.means[c], &goal.means[c]);
        let tint = std::array::from_fn(|i| ((goal[i] - source[i]) * weight[i]).clamp(-TINT, TINT));
        let tint = blurred(&tint, &MIDDLE);
        std::array::from_fn(|i| {
            let shift = source[i] * (1. - gain[i]) + tint[i];
            shift * colors + goal[i] * (1. - colors)
        })
    });
    (gain.map(|gain| gain * colors), shift)
}

/// Steps between a scale of chroma of 0 and of 1.
const SCALES: usize = 256;

/// Scales that are told apart.
const STEPS: usize = SCALES + 1;

/// The percentage of a level's pixels that may leave the range.
const OUTSIDE: f64 = 2.5;

/// The share of pixels at a level that counts half.
const HALF_SHARE_OF_GAMUT: f64 = 0.0003;

/// At most this much of a channel's difference from grey counts as none: colours that are next to grey
/// leave the range by less than a level, whatever is done.
const NEXT_TO_GREY: f32 = 1.;

/// The scale of chroma at each level of luma that keeps all but some of the pixels inside the range, behind
/// some changes; `to_rgb` is what R', G' and B' have of Cb and of Cr.
#[inline(always)]
pub fn inside(pixels: &PixelChroma, changes: &Changes, to_rgb: [[f32; 2]; 3]) -> [f64; LEVELS] {
    let turns = [vec![0; LEVELS * STEPS], vec![0; LEVELS * STEPS]];
    let mut counts = ScaleCounts { turns, changes, to_rgb };
    pixels.add_to(&mut counts);
    let [even, odd] = &counts.turns;
    let inside = std::array::from_fn(|level| {
        let of_level = level * STEPS..(level + 1) * STEPS;
        let counts = even[of_level.clone()].iter().zip(&odd[of_level]).map(|(a, b)| a + b);
        let count: u32 = counts.clone().sum();
        if count == 0 {
            return 1.;
        }
        let share = f64::from(count) / pixels.y.len() as f64;
        let scale = (Quantiles::of(counts).place(OUTSIDE) / SCALES as f64).min(1.);
        1. + (scale - 1.) * share / (share + HALF_SHARE_OF_GAMUT)
    });
    blurred(&inside, &NARROW)
}

/// Of each level, how often each scale of chroma occurs. Pixels take turns.
struct ScaleCounts<'a> {
    turns: [Vec<u32>; 2],
    changes: &'a Changes,
    to_rgb: [[f32; 2]; 3],
}

impl Counts for ScaleCounts<'_> {
    #[inline(always)]
    fn add(&mut self, [y, cb, cr]: [&[f32; CHUNK]; 3], n: usize) {
        let scales = scales(y, self.changes.of([y, cb, cr]), self.to_rgb);
        let mut places = [0; CHUNK];
        for i in 0..CHUNK {
            places[i] = level_of(y[i]) * STEPS as u32 + floor(scales[i] * SCALES as f32);
        }
        let [even, odd] = self.turns.each_mut().map(Vec::as_mut_slice);
        let (pairs, last) = places[..n].as_chunks();
        for &[first, second] in pairs {
            even[first as usize] += 1;
            odd[second as usize] += 1;
        }
        last.iter().for_each(|&place| even[place as usize] += 1);
    }
}

/// The largest scales, from 0 to 1, that keep pixels with this luma and chroma inside the range.
#[inline(always)]
fn scales(y: &[f32; CHUNK], [cb, cr]: [[f32; CHUNK]; 2], to_rgb: [[f32; 2]; 3]) -> [f32; CHUNK] {
    // How far the channels lie above luma, and below.
    let (mut above, mut below) = ([NEXT_TO_GREY; CHUNK], [NEXT_TO_GREY; CHUNK]);
    for [from_cb, from_cr] in to_rgb {
        for i in 0..CHUNK {
            let difference = from_cb * cb[i] + from_cr * cr[i];
            above[i] = if difference > above[i] { difference } else { above[i] };
            below[i] = if -difference > below[i] { -difference } else { below[i] };
        }
    }
    let mut scales = [1f32; CHUNK];
    for i in 0..CHUNK {
        // Divisions first: none of them is skipped where all are done at once.
        let (upper, lower) = ((255. - y[i]) / above[i], y[i] / below[i]);
        let upper = if above[i] > NEXT_TO_GREY { upper } else { 1. };
        let lower = if below[i] > NEXT_TO_GREY { lower } else { 1. };
        let least = if upper < lower { upper } else { lower };
        scales[i] = if least < 1. { least } else { 1. };
    }
    scales
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

/// How finely [`Changes`] follows luma: values to a level of 255. What lies between is as good as the nearest.
const FINENESS: usize = 4;

/// Places in a table for luma from 0 to 255, in so many that a mask keeps places inside: then nothing is
/// checked, and compilers make vectors of reads.
const PLACES: usize = (256 * FINENESS).next_power_of_two();

/// Gain and shifts of Cb and Cr in f32, for the pixels of samples, by luma.
#[derive(Clone, Debug)]
pub struct Changes {
    gain: Box<[f32; PLACES]>,
    shift: [Box<[f32; PLACES]>; 2],
}

impl Changes {
    /// Of gain and shifts.
    pub fn new(gain: &[f64; LEVELS], shift: &[[f64; LEVELS]; 2]) -> Self {
        let table = |curve: &[f64; LEVELS]| {
            let value = |i: usize| at_level(curve, i as f64 / FINENESS as f64) as f32;
            Box::new(std::array::from_fn(|i| value(i.min(255 * FINENESS))))
        };
        Self { gain: table(gain), shift: shift.each_ref().map(table) }
    }

    /// The chroma of pixels behind gain and shift, by their luma from 0 to 255.
    #[inline(always)]
    fn of(&self, [y, cb, cr]: [&[f32; CHUNK]; 3]) -> [[f32; CHUNK]; 2] {
        let mut new = [[0.; CHUNK]; 2];
        for i in 0..CHUNK {
            let place = floor(y[i] * FINENESS as f32 + 0.5) as usize % PLACES;
            let gain = self.gain[place];
            new[0][i] = gain * cb[i] + self.shift[0][place];
            new[1][i] = gain * cr[i] + self.shift[1][place];
        }
        new
    }
}
