//! The rule of `linear` and `grade`: the [`Grade`] that moves the colours of one sample of pixels
//! towards those of another.
//!
//! - **Matrix.** The linear Monge-Kantorovich map between two Gaussians: of all maps that give the
//!   source the reference's mean and covariance, the one that moves colours least. F. Pitié, A.
//!   Kokaram, "The Linear Monge-Kantorovitch Linear Colour Mapping for Example-Based Colour Transfer",
//!   CVMP 2007. Both covariances have a little of a grey noise added, so that it never is singular.
//! - **Tone** ([`tone`]). `linear`: a shoulder for what leaves the range. `grade`: a monotone cubic through
//!   seven quantiles of luma before that.
//! - **Chroma** ([`chroma`]). `grade`: saturation and tint by luma. Both: chroma is scaled, level by
//!   level of luma, so that colours stay in the range.

pub mod chroma;
mod quantile;
pub mod tone;

use crate::cdf::Cdf;
use crate::color::{Encoding, LumaWeights};
use crate::histogram::Histogram;
use crate::kernels::{self, InstructionSet};
use crate::mapping::grade::{Grade, TONES, tone_inputs};
use crate::matrix::{self, Affine32, Matrix, Vector};
use crate::statistics::ColorSample;

use chroma::{Changes, ChromaByLuma, PixelChroma};
use quantile::Quantiles;
use tone::{QUANTILES, ToneCurve};

/// Which of the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// A matrix.
    Linear,
    /// A matrix, a tone curve, saturation and tint by luma.
    #[default]
    Grade,
}

/// How a grade is learned.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rule {
    /// By which rule.
    pub method: Method,
    /// The steepest that it may get: the matrix in any direction, from 1/`max_slope` on, and the
    /// tone curve; 0: by the rule's own limits.
    pub max_slope: f64,
    /// Whether there is luma alone.
    pub is_grey: bool,
}

/// What both covariances have added: the deviation of a grey noise, in levels.
const SIGMA: f64 = 16.;

/// The limits of the matrix in any direction.
const STRETCH: (f64, f64) = (0.2, 4.);

/// The percentages of the pixels that may leave the range at its lower and at its upper end.
const ENDS: [f64; 2] = [0.2, 99.8];

/// The integer below a value from 0 to 2^21. Conversions to integers take care of more, which costs more and
/// keeps compilers from making vectors of loops.
#[inline(always)]
fn floor(value: f32) -> u32 {
    // Where the lowest bit of a mantissa is 1, a sum is rounded to integers.
    const INTEGERS: f32 = 12_582_912.;
    const LESS_THAN_HALF: f32 = 0.49999997;
    (value - LESS_THAN_HALF + INTEGERS).to_bits() & 0x3f_ffff
}

/// The luma that frames are graded by: their own, or that of BT.709.
pub fn luma_weights(encoding: Encoding) -> LumaWeights {
    match encoding {
        Encoding::Rgb(_) => LumaWeights::BT709,
        Encoding::YCbCr(weights, _) | Encoding::Luma(weights, _) => weights,
    }
}

/// What a sample of pixels is moved towards: what is known of a reference.
#[derive(Clone, Debug)]
pub struct Goal {
    weights: LumaWeights,
    moments: Moments,
    quantiles: [f64; 7],
    chroma: ChromaByLuma,
    /// Of R', G' and B', in 8 bits.
    cdfs: [Cdf; 3],
}

impl Goal {
    /// The colours of a reference, for frames with such luma. There is at least one pixel.
    pub fn new(reference: &ColorSample, weights: LumaWeights) -> Self {
        let to_ycbcr = Affine32::new(&weights.to_ycbcr(), [0.; 3]);
        let mut channels = reference.channels.clone();
        to_ycbcr.apply_all(&mut channels);
        let [mut y, cb, cr] = channels;
        let quantiles = luma_quantiles(&bins(&y));
        y.iter_mut().for_each(|y| *y = y.clamp(0., 255.));
        Self {
            weights,
            moments: Moments::of(reference),
            quantiles: QUANTILES.map(|percent| luma_at(&quantiles, percent)),
            chroma: ChromaByLuma::of(&PixelChroma { y: &y, cb: &cb, cr: &cr }),
            cdfs: cdfs(reference.pixels()),
        }
    }

    /// How far the R', G' and B' of some pixels are from the reference's, as they are and graded: means
    /// over the channels of [`Cdf::distance`].
    pub fn distances(&self, source: &ColorSample, grade: &Grade) -> [f64; 2] {
        let graded = source.pixels().map(|rgb| grade.map(rgb.map(f64::from)).map(|v| v as f32));
        [cdfs(source.pixels()), cdfs(graded)]
            .map(|own| own.iter().zip(&self.cdfs).map(|(own, goal)| own.distance(goal) / 3.).sum())
    }
}

/// The distributions of R', G' and B', in 8 bits.
fn cdfs(pixels: impl Iterator<Item = [f32; 3]>) -> [Cdf; 3] {
    let mut histograms = [(); 3].map(|()| Histogram::empty(8));
    for rgb in pixels {
        for (histogram, value) in histograms.iter_mut().zip(rgb) {
            histogram.bins[(value + 0.5).clamp(0., 255.) as usize] += 1;
        }
    }
    histograms.each_ref().map(Cdf::from)
}

/// What is learned of a sample of pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// How they are moved.
    pub grade: Grade,
    moments: Moments,
}

/// The standard deviations around the means of R', G' and B' that [`Learned::share_inside`] keeps inside the range.
const CORE: f64 = 1.4;

/// The levels by which these may leave it.
const BEYOND: f64 = 14.;

impl Learned {
    /// The share of this grade in a mixture with another one that is enough to keep these pixels about as far inside
    /// the range as this one alone does.
    ///
    /// It is about the matrices: how far the ends of R', G' and B', the mean and 1.4 standard deviations, leave the
    /// range is convex in the share, so it is no more than the mean of both, weighted by it.
    pub fn share_inside(&self, other: &Grade) -> f64 {
        let [own, others] = [&self.grade, other].map(|grade| self.moments.beyond(grade));
        let shares = others.iter().zip(own).map(|(others, own)| match others - own {
            more if more > BEYOND => 1. - BEYOND / more,
            _ => 0.,
        });
        shares.fold(0., f64::max)
    }
}

/// Learns how to move the colours of `source`, which has at least one pixel, towards `goal`; by code for no newer
/// instruction set than `at_most`, which makes no difference but in time.
pub fn learn(at_most: InstructionSet, source: &ColorSample, goal: &Goal, rule: Rule) -> Learned {
    kernels::run(at_most, Learning { source, goal, rule })
}

struct Learning<'a> {
    source: &'a ColorSample,
    goal: &'a Goal,
    rule: Rule,
}

impl kernels::Work for Learning<'_> {
    type Output = Learned;

    #[inline(always)]
    fn run(self) -> Learned {
        let Self { source, goal, rule } = self;
        let weights = goal.weights;
        let moments = Moments::of(source);
        let (matrix, offset) = transport(&moments, goal, &rule);
        let to_ycbcr = {
            let to_ycbcr = weights.to_ycbcr();
            Affine32::new(&matrix::product(&to_ycbcr, &matrix), matrix::apply(&to_ycbcr, offset))
        };
        let mut channels = source.channels.clone();
        to_ycbcr.apply_all(&mut channels);
        let [mut lumas, cb, cr] = channels;
        let bins = bins(&lumas);
        let quantiles = luma_quantiles(&bins);

        let curve = (rule.method == Method::Grade).then(|| {
            let own = QUANTILES.map(|percent| luma_at(&quantiles, percent));
            ToneCurve::between(&own, &goal.quantiles, rule.max_slope)
        });
        let curve = |y: f64| curve.as_ref().map_or(y, |curve| curve.at(y));
        let [low, high] = ENDS.map(|percent| curve(luma_at(&quantiles, percent)));
        let tone: Vec<f64> = tone_inputs().map(|y| tone::shoulder(curve(y), low, high)).collect();

        let mut grade = Grade { matrix, offset, tone, ..Grade::identity(weights) };
        if rule.is_grey {
            return Learned { grade, moments };
        }
        let of_bin = tones(&grade);
        for (luma, &bin) in lumas.iter_mut().zip(&bins) {
            *luma = of_bin[usize::from(bin) % MASKED_BINS];
        }
        let pixels = PixelChroma { y: &lumas, cb: &cb, cr: &cr };
        if rule.method == Method::Grade {
            let own = ChromaByLuma::of(&pixels);
            (grade.gain, grade.shift) = chroma::gain_and_shift(&own, &goal.chroma);
        }
        let to_rgb = weights.to_rgb().map(|[_, cb, cr]| [cb as f32, cr as f32]);
        let changes = Changes::new(&grade.gain, &grade.shift);
        let inside = chroma::inside(&pixels, &changes, to_rgb);
        chroma::keep_inside(&mut grade.gain, &mut grade.shift, &inside);
        Learned { grade, moments }
    }
}

/// The matrix and the offset between two distributions.
fn transport(source: &Moments, goal: &Goal, rule: &Rule) -> (Matrix, Vector) {
    let limits = match rule.max_slope {
        0. => STRETCH,
        limit => (STRETCH.0.max(1. / limit), STRETCH.1.min(limit)),
    };
    let reference = &goal.moments;
    let (matrix, from, to) = if rule.is_grey {
        let [from, to] = [source, reference].map(|moments| moments.of_luma(goal.weights));
        let scale = (to.1 + SIGMA * SIGMA).sqrt() / (from.1 + SIGMA * SIGMA).sqrt();
        let scale = scale.clamp(limits.0, limits.1);
        (matrix::diagonal([scale; 3]), [from.0; 3], [to.0; 3])
    } else {
        let noise = matrix::diagonal([SIGMA * SIGMA; 3]);
        let root = |m: &Matrix| matrix::with_eigenvalues(m, |value| value.max(0.).sqrt());
        let spread = matrix::sum(&source.covariance, &noise);
        let a = root(&spread);
        // Not singular: the eigenvalues are at least the noise's.
        let b = matrix::with_eigenvalues(&spread, |value| 1. / value.max(SIGMA * SIGMA).sqrt());
        let goal = matrix::sum(&reference.covariance, &noise);
        let inner = root(&symmetric(&matrix::product(&matrix::product(&a, &goal), &a)));
        let map = symmetric(&matrix::product(&matrix::product(&b, &inner), &b));
        let matrix = matrix::with_eigenvalues(&map, |value| value.clamp(limits.0, limits.1));
        (matrix, source.mean, reference.mean)
    };
    let moved = matrix::apply(&matrix, from);
    (matrix, [0, 1, 2].map(|i| to[i] - moved[i]))
}

/// What rounding has made of a symmetric matrix, made symmetric again.
fn symmetric(m: &Matrix) -> Matrix {
    [0, 1, 2].map(|i| [0, 1, 2].map(|j| (m[i][j] + m[j][i]) / 2.))
}

/// The mean and the covariance (divided by the number) of pixels.
#[derive(Clone, Debug, PartialEq)]
struct Moments {
    mean: Vector,
    covariance: Matrix,
}

/// Sums side by side, in which pixels take turns.
const LANES: usize = 8;

/// Turns after which the sums in f32 are added to those in f64, so that they stay exact enough.
const TURNS: usize = 16;

/// Sums of R', G' and B', and of their squares and products.
type Terms = [f64; 9];

impl Moments {
    #[inline(always)]
    fn of(sample: &ColorSample) -> Self {
        let n = sample.len() as f64;
        let [r, g, b, rr, gg, bb, rg, rb, gb] = sums(sample).map(|sum| sum / n);
        let around = [r, g, b];
        let products = [[rr, rg, rb], [rg, gg, gb], [rb, gb, bb]];
        let covariance =
            [0, 1, 2].map(|i| [0, 1, 2].map(|j| products[i][j] - around[i] * around[j]));
        let mean = around.map(|mean| mean + f64::from(MIDDLE));
        Self { mean, covariance }
    }

    /// By how many levels the lower and the upper end of R', G' and B' leave the range behind a grade's matrix.
    fn beyond(&self, grade: &Grade) -> [f64; 6] {
        let Grade { matrix, offset, .. } = grade;
        let mean = matrix::apply(matrix, self.mean);
        let covariance = matrix::product(
            &matrix::product(matrix, &self.covariance),
            &matrix::transposed(matrix),
        );
        std::array::from_fn(|i| {
            let channel = i / 2;
            let mean = mean[channel] + offset[channel];
            let core = CORE * covariance[channel][channel].max(0.).sqrt();
            let beyond = if i % 2 == 0 { core - mean } else { mean + core - 255. };
            beyond.max(0.)
        })
    }

    /// The mean and the variance of luma.
    fn of_luma(&self, weights: LumaWeights) -> (f64, f64) {
        let variance = weights.luma(self.covariance.map(|row| weights.luma(row)));
        (weights.luma(self.mean), variance)
    }
}

/// The middle of the range: sums are of what lies around it, as these are smaller.
const MIDDLE: f32 = 128.;

/// The sums over all pixels, with the channels less [`MIDDLE`].
#[inline(always)]
fn sums(sample: &ColorSample) -> Terms {
    let mut total = [0.; 9];
    let chunks = |channel: usize| sample.channels[channel].chunks(LANES * TURNS);
    for ((r, g), b) in chunks(0).zip(chunks(1)).zip(chunks(2)) {
        let mut sums = [[0f32; LANES]; 9];
        let [(r, last_r), (g, last_g), (b, last_b)] = [r, g, b].map(|values| values.as_chunks());
        for ((r, g), b) in r.iter().zip(g).zip(b) {
            add_terms(&mut sums, [r, g, b]);
        }
        // What lies in the middle adds nothing.
        let [mut r, mut g, mut b] = [[MIDDLE; LANES]; 3];
        r[..last_r.len()].copy_from_slice(last_r);
        g[..last_g.len()].copy_from_slice(last_g);
        b[..last_b.len()].copy_from_slice(last_b);
        add_terms(&mut sums, [&r, &g, &b]);
        for (total, sums) in total.iter_mut().zip(sums) {
            *total += sums.iter().map(|&sum| f64::from(sum)).sum::<f64>();
        }
    }
    total
}

#[inline(always)]
fn add_terms(sums: &mut [[f32; LANES]; 9], [r, g, b]: [&[f32; LANES]; 3]) {
    for lane in 0..LANES {
        let (r, g, b) = (r[lane] - MIDDLE, g[lane] - MIDDLE, b[lane] - MIDDLE);
        sums[0][lane] += r;
        sums[1][lane] += g;
        sums[2][lane] += b;
        sums[3][lane] += r * r;
        sums[4][lane] += g * g;
        sums[5][lane] += b * b;
        sums[6][lane] += r * g;
        sums[7][lane] += r * b;
        sums[8][lane] += g * b;
    }
}

/// The bins of lumas.
#[inline(always)]
fn bins(lumas: &[f32]) -> Vec<u16> {
    let mut bins = vec![0; lumas.len()];
    for (bin, &luma) in bins.iter_mut().zip(lumas) {
        *bin = tone::bin(luma);
    }
    bins
}

/// As many of [`tone::BINS`] as a mask keeps places inside of.
const MASKED_BINS: usize = tone::BINS.next_power_of_two();

/// The quantiles of luma, which is given by its bins.
#[inline(always)]
fn luma_quantiles(bins: &[u16]) -> Quantiles {
    // Pixels take turns: those side by side are alike, and one would wait for the count of the other.
    let mut turns = vec![[0; MASKED_BINS]; 2];
    let [even, odd] = &mut turns[..] else { unreachable!("two") };
    let (pairs, last) = bins.as_chunks();
    for &[first, second] in pairs {
        even[usize::from(first) % MASKED_BINS] += 1;
        odd[usize::from(second) % MASKED_BINS] += 1;
    }
    last.iter().for_each(|&bin| even[usize::from(bin) % MASKED_BINS] += 1);
    Quantiles::of(even.iter().zip(&*odd).take(tone::BINS).map(|(even, odd)| even + odd))
}

/// A quantile of luma.
fn luma_at(quantiles: &Quantiles, percent: f64) -> f64 {
    tone::luma_at(quantiles.place(percent))
}

/// What becomes of the luma of each of [`tone::BINS`]; as many as a mask keeps places inside of.
#[inline(always)]
fn tones(grade: &Grade) -> Box<[f32; MASKED_BINS]> {
    let per_level = tone::BINS_TO_LEVEL as usize;
    let mut tones = Box::new([grade.tone[TONES - 1] as f32; _]);
    for (of_level, gap) in tones.chunks_exact_mut(per_level).zip(grade.tone.windows(2)) {
        let step = (gap[1] - gap[0]) / per_level as f64;
        for (i, tone) in of_level.iter_mut().enumerate() {
            *tone = (gap[0] + step * i as f64) as f32;
        }
    }
    tones
}
