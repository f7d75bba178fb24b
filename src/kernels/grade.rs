//! A [`Grade`] in numbers that kernels compute with.

use super::dither::rank;
use crate::color::Encoding;
use crate::frame::{FrameLayout, Subsampling};
use crate::mapping::grade::{Grade, LEVEL, LEVELS, LOWEST, TONES, at_level};
use crate::matrix::{self, Vector};

/// The functions that grade rows.
#[derive(Clone, Copy, Debug)]
pub struct GradeKernels<S> {
    /// Grades a row of R', G' and B', the index of which is that of its dither.
    pub rgb: fn(&GradeTables, [&mut [S]; 3], row: usize),
    /// Grades the rows of luma that share a row of chroma, the first of which has an index, and that;
    /// without chroma, luma alone.
    #[allow(clippy::type_complexity)]
    pub ycbcr: fn(&GradeTables, &mut [&mut [S]], Option<[&mut [S]; 2]>, row: usize),
    /// Grades a row of packed pixels in memory; `None` if there is no kernel for such samples.
    pub packed: Option<PackedKernel>,
}

/// See [`GradeKernels::packed`].
pub type PackedKernel = fn(&GradeTables, &mut [u8], PackedRow, row: usize);

/// What is in the bytes of a row.
#[derive(Clone, Copy, Debug)]
pub struct PackedRow {
    /// Pixels.
    pub width: usize,
    /// How they are packed.
    pub pixels: PackedPixels,
}

/// Where the bytes of components are.
#[derive(Clone, Copy, Debug)]
pub enum PackedPixels {
    /// R', G' and B' in pixels of 3 or 4 bytes, at these places of each.
    Rgb {
        /// Bytes of a pixel.
        pixel_stride: usize,
        /// From its first byte on.
        offsets: [usize; 3],
    },
    /// Luma in every second byte, from one on; Cb and Cr in one of four, at these places.
    YCbCr {
        /// 0 or 1.
        luma: usize,
        /// The other two of each four.
        chroma: [usize; 2],
    },
}

impl PackedRow {
    /// The bytes of the row.
    pub fn bytes(&self) -> usize {
        match self.pixels {
            PackedPixels::Rgb { pixel_stride, .. } => self.width * pixel_stride,
            PackedPixels::YCbCr { .. } => self.width.div_ceil(2) * 4,
        }
    }
}

/// A grade for the samples of one layout.
#[derive(Clone, Debug)]
pub struct GradeTables {
    pub(in crate::kernels) numbers: Numbers,
    /// How the second and third component are subsampled.
    pub(in crate::kernels) chroma: Subsampling,
    /// What is added to the samples of 8 rows and 8 columns, which repeat.
    dither: Option<[[i16; 8]; 8]>,
}

#[derive(Clone, Debug)]
pub(in crate::kernels) enum Numbers {
    /// For up to 10 bits.
    Fixed(Box<FixedGrade>),
    Float(Box<FloatGrade>),
}

/// A curve of straight pieces: the value in the middle of each, and half of its rise.
#[derive(Clone, Debug)]
pub(in crate::kernels) struct Curve<const N: usize> {
    pub middle: [i16; N],
    pub half: [i16; N],
}

/// In 16 bits.
#[derive(Clone, Debug)]
pub(in crate::kernels) struct FixedGrade {
    pub depth: u32,
    pub luma: [i16; 3],
    pub luma_offset: i16,
    pub tone: Curve<64>,
    pub chroma: [[i16; 3]; 2],
    pub chroma_offset: [i16; 2],
    pub gain: Curve<32>,
    pub shift: [Curve<32>; 2],
    /// Red of Cr, less 1; green of Cb and of Cr; blue of Cb, less 1: in 2^-15.
    pub to_rgb: [i16; 4],
    /// Of Y'CbCr: black, and what is added to luma above it so that it is in levels, both in
    /// sample 2^(15 − depth).
    pub black: i16,
    pub to_levels: i16,
    /// Of each component but the luma of Y'CbCr: samples to 1/32 levels, in 2^-15, and the sample of 0.
    pub scale: [i16; 3],
    pub zero: [i16; 3],
    /// The lowest and the highest sample of each component.
    pub legal: [(i16, i16); 3],
}

/// In f32.
#[derive(Clone, Debug)]
pub(in crate::kernels) struct FloatGrade {
    pub max: i32,
    pub luma: [f32; 3],
    pub luma_offset: f32,
    /// The value at each place, and the rise to the next; behind the last one there is room, so that an
    /// index of so many bits is always inside.
    pub tone: [[f32; 2]; TONES.next_power_of_two()],
    /// Added to luma, for its place in `tone`.
    pub tone_from: f32,
    pub chroma: [[f32; 3]; 2],
    pub chroma_offset: [f32; 2],
    /// Of luma, for its place in `chroma_by_luma`.
    pub per_level: f32,
    /// Gain, and the shifts of Cb and of Cr.
    pub chroma_by_luma: [FloatCurve; 3],
    /// Red of Cr; green of Cb and of Cr; blue of Cb.
    pub to_rgb: [f32; 4],
    /// Of each component: the sample of 0, how many samples are a level, and the legal ones.
    pub zero: [f32; 3],
    pub scale: [f32; 3],
    pub legal: [(u16, u16); 3],
}

/// The lines between [`LEVELS`].
pub(in crate::kernels) const LINES: usize = LEVELS - 1;

/// A curve by luma, which is at most 255, for look-up by vectors: where each line begins, and its rise.
#[derive(Clone, Debug)]
pub(in crate::kernels) struct FloatCurve {
    pub value: [f32; LINES],
    pub rise: [f32; LINES],
}

/// The deepest samples that are computed in 16 bits.
const FIXED_DEPTH: u32 = 10;

/// How the samples of a pixel become Y', Cb and Cr behind the grade's matrix, and how these
/// become samples.
struct Codes {
    encoding: Encoding,
    depth: u32,
    /// `factors sample + offset`.
    factors: [Vector; 3],
    offset: Vector,
}

impl Codes {
    fn new(grade: &Grade, encoding: Encoding, depth: u32) -> Self {
        let to_ycbcr = grade.weights.to_ycbcr();
        let moved = matrix::product(&to_ycbcr, &grade.matrix);
        let from = match encoding {
            Encoding::Rgb(_) => moved,
            Encoding::YCbCr(..) => matrix::product(&moved, &grade.weights.to_rgb()),
            // Grey is R' = G' = B'.
            Encoding::Luma(..) => moved.map(|[r, g, b]| [r + g + b, 0., 0.]),
        };
        let offset = matrix::apply(&to_ycbcr, grade.offset);
        let mut codes = Self { encoding, depth, factors: from, offset };
        for row in 0..3 {
            for component in 0..3 {
                codes.factors[row][component] /= codes.one(component);
                codes.offset[row] -= codes.factors[row][component] * codes.zero(component);
            }
        }
        codes
    }

    /// The sample of 0.
    fn zero(&self, component: usize) -> f64 {
        f64::from(self.encoding.quantization(component, self.depth).0)
    }

    /// Samples to a level of 255.
    fn one(&self, component: usize) -> f64 {
        f64::from(self.encoding.quantization(component, self.depth).1) / 255.
    }

    fn legal(&self, component: usize) -> (u16, u16) {
        self.encoding.legal(component, self.depth)
    }

    fn max(&self) -> f64 {
        f64::from((1u32 << self.depth) - 1)
    }

    /// The lowest and the highest that a row of the matrix can give, of any samples.
    fn reach(&self, row: usize) -> (f64, f64) {
        let ends = self.factors[row].map(|factor| factor * self.max());
        let sum = |pick: fn(f64, f64) -> f64| {
            self.offset[row] + ends.into_iter().map(|end| pick(end, 0.)).sum::<f64>()
        };
        (sum(f64::min), sum(f64::max))
    }
}

impl GradeTables {
    /// Of a grade for frames of a layout.
    pub fn new(grade: &Grade, layout: &FrameLayout) -> Self {
        // What has less is made to look as if it had 8 bits.
        let depth = layout.depth().max(8);
        let codes = Codes::new(grade, layout.encoding, depth);
        Self {
            numbers: if depth <= FIXED_DEPTH {
                Numbers::Fixed(Box::new(FixedGrade::new(grade, &codes)))
            } else {
                Numbers::Float(Box::new(FloatGrade::new(grade, &codes)))
            },
            chroma: layout.chroma,
            dither: grade.dither.then(|| ordered_dither(depth)),
        }
    }

    /// What is added to the samples of a row.
    pub(in crate::kernels) fn dither_row(&self, row: usize) -> [i16; 8] {
        self.dither.map_or([0; 8], |rows| rows[row % 8])
    }
}

fn ordered_dither(depth: u32) -> [[i16; 8]; 8] {
    // In 1/128 samples, or in the units of `FixedGrade`.
    let value = |rank: i16| match depth {
        ..=FIXED_DEPTH => (2 * rank - 63) << (13 - depth) >> 7,
        _ => 2 * rank - 63,
    };
    std::array::from_fn(|y| std::array::from_fn(|x| value(rank(y, x).into())))
}

/// The nearest that 16 bits can hold.
fn word(value: f64) -> i16 {
    value.round().clamp(-32768., 32767.) as i16
}

/// What new luma keeps away from the ends of the range, in 1/128 levels, so that rounding can't take it
/// beyond them.
const MARGIN: f64 = 2.;

impl FixedGrade {
    fn new(grade: &Grade, codes: &Codes) -> Self {
        let depth = codes.depth as i32;
        let is_rgb = matches!(codes.encoding, Encoding::Rgb(_));
        let [luma_row, ..] = codes.factors;
        // What 64 pieces of tone have to cover: what can be there, and isn't all the same.
        let reach = codes.reach(0);
        let (low, high) = changing(&grade.tone);
        let (low, high) = (low.max(reach.0), high.min(reach.1));
        let (low, high) = if high - low < 16. {
            ((low + high) / 2. - 8., (low + high) / 2. + 8.)
        } else {
            (low, high)
        };
        let centre = (low + high) / 2.;
        // Units to a level. Half of a sum must not overflow, nor a factor.
        let beyond = (reach.1 - centre).max(centre - reach.0);
        let strongest = luma_row.iter().fold(0f64, |a, b| a.max(b.abs()));
        let unit = (65536. / (high - low))
            .min(65400. / beyond)
            .min(32767. / (strongest * power(depth - 2)));
        let middle = power(depth - 1);
        let luma_offset =
            codes.offset[0] + luma_row.iter().map(|factor| factor * middle).sum::<f64>();

        let tone = {
            let (zero, one) = match is_rgb {
                true => (0., 128.),
                false => (codes.zero(0) * power(15 - depth), codes.one(0) * power(15 - depth)),
            };
            let limits = (zero + MARGIN, zero + 255. * one - MARGIN);
            let knot = |k: f64| zero + one * grade.tone_at(centre + k * 1024. / unit);
            let mut highest = limits.0;
            let fitted = nearest_pieces(|at| knot(at - 32.)).map(|knot| {
                highest = knot.clamp(highest, limits.1);
                highest
            });
            Curve::through(|k| fitted[k])
        };

        let strongest = |row: usize| {
            let [first, second, third] = codes.factors[row].map(f64::abs);
            let first = if is_rgb { first } else { 2. * first };
            first.max(second).max(third)
        };
        let farthest = |row: usize| {
            let (low, high) = codes.reach(row);
            high.max(-low)
        };
        let scale = [1, 2].into_iter().fold(1f64, |scale, row| {
            scale
                .min(32700. / (64. * farthest(row)).max(1.))
                .min(32700. / (strongest(row) * power(depth + 5)).max(1.))
        });
        let chroma = [1, 2].map(|row| {
            let factors = codes.factors[row];
            let first = if is_rgb { depth + 5 } else { depth + 6 };
            [
                word(factors[0] * scale * power(first)),
                word(factors[1] * scale * power(depth + 5)),
                word(factors[2] * scale * power(depth + 5)),
            ]
        });
        let chroma_offset = [1, 2].map(|row| {
            let [first, second, third] = codes.factors[row];
            let first = if is_rgb { first * middle } else { 0. };
            word(64. * scale * (codes.offset[row] + first + (second + third) * middle))
        });

        let luma_at = |k: usize| k as f64 * LEVEL;
        let gain = Curve::through(|k| at_level(&grade.gain, luma_at(k)) * power(14) / scale);
        let shift = [0, 1].map(|i| Curve::through(|k| at_level(&grade.shift[i], luma_at(k)) * 32.));
        let [[_, _, red_cr], [_, green_cb, green_cr], [_, blue_cb, _]] = grade.weights.to_rgb();
        Self {
            depth: codes.depth,
            luma: luma_row.map(|factor| word(factor * unit * power(depth - 2))),
            luma_offset: word((luma_offset - centre) * unit / 2.),
            tone,
            chroma,
            chroma_offset,
            gain,
            shift,
            to_rgb: [red_cr - 1., green_cb, green_cr, blue_cb - 1.]
                .map(|factor| word(factor * power(15))),
            black: word(codes.zero(0) * power(15 - depth)),
            to_levels: word((power(depth - 8) / codes.one(0) - 1.) * power(15)),
            scale: [0, 1, 2].map(|c| word(codes.one(c) * power(10))),
            zero: [0, 1, 2].map(|c| word(codes.zero(c))),
            legal: [0, 1, 2].map(|c| {
                let (low, high) = codes.legal(c);
                (low as i16, high as i16)
            }),
        }
    }
}

impl<const N: usize> Curve<N> {
    /// Through the values at the ends of its pieces.
    fn through(knot: impl Fn(usize) -> f64) -> Self {
        Self {
            middle: std::array::from_fn(|k| word((knot(k) + knot(k + 1)) / 2.)),
            half: std::array::from_fn(|k| word((knot(k + 1) - knot(k)) / 2.)),
        }
    }
}

/// Places at which a piece is compared with the curve.
const PLACES: usize = 8;

/// The ends of the 64 straight pieces that are nearest to a curve, of all that hang together: by least
/// squares. Piece `k` goes from `k` to `k + 1`.
fn nearest_pieces(curve: impl Fn(f64) -> f64) -> [f64; 65] {
    // Each place says what a share of the end before it and a share of the next should give: the
    // normal equations have three diagonals.
    let (mut own, mut next, mut goal) = ([0.; 65], [0.; 65], [0.; 65]);
    for k in 0..64 {
        for i in 0..PLACES {
            let u = (i as f64 + 0.5) / PLACES as f64;
            let (w, value) = (1. - u, curve(k as f64 + u));
            own[k] += w * w;
            next[k] += w * u;
            own[k + 1] += u * u;
            goal[k] += w * value;
            goal[k + 1] += u * value;
        }
    }
    // Thomas's algorithm.
    for k in 1..65 {
        let factor = next[k - 1] / own[k - 1];
        own[k] -= factor * next[k - 1];
        goal[k] -= factor * goal[k - 1];
    }
    let mut ends = goal;
    ends[64] = goal[64] / own[64];
    for k in (0..64).rev() {
        ends[k] = (goal[k] - next[k] * ends[k + 1]) / own[k];
    }
    ends
}

/// Less than this is the same tone: a corner of the curve inside a piece would cost more.
const SAME: f64 = 0.2;

/// The luma between which a tone curve isn't all the same.
fn changing(tone: &[f64]) -> (f64, f64) {
    let (first, last) = (tone[0], tone[TONES - 1]);
    let low = tone.iter().rposition(|&value| value <= first + SAME).unwrap_or(0);
    let high = tone.iter().position(|&value| value >= last - SAME).unwrap_or(TONES - 1);
    let level = |i: usize| f64::from(LOWEST) + i as f64;
    if low < high { (level(low), level(high)) } else { (0., 255.) }
}

/// A power of two.
fn power(exponent: i32) -> f64 {
    match exponent {
        0.. => f64::from(1u32 << exponent),
        _ => 1. / f64::from(1u32 << -exponent),
    }
}

impl FloatGrade {
    fn new(grade: &Grade, codes: &Codes) -> Self {
        let single = |values: Vector| values.map(|value| value as f32);
        let components = |value: &dyn Fn(usize) -> f64| single([0, 1, 2].map(value));
        let [[_, _, red_cr], [_, green_cb, green_cr], [_, blue_cb, _]] = grade.weights.to_rgb();
        Self {
            max: (1 << codes.depth) - 1,
            luma: single(codes.factors[0]),
            luma_offset: codes.offset[0] as f32,
            tone: with_rises(&grade.tone),
            tone_from: -LOWEST as f32,
            chroma: [single(codes.factors[1]), single(codes.factors[2])],
            chroma_offset: [codes.offset[1] as f32, codes.offset[2] as f32],
            per_level: (1. / LEVEL) as f32,
            chroma_by_luma: [&grade.gain, &grade.shift[0], &grade.shift[1]].map(|curve| {
                let lines: [_; LINES] = with_rises(curve);
                FloatCurve {
                    value: lines.map(|[value, _]| value),
                    rise: lines.map(|[_, rise]| rise),
                }
            }),
            to_rgb: [red_cr, green_cb, green_cr, blue_cb].map(|factor| factor as f32),
            zero: components(&|c| codes.zero(c)),
            scale: components(&|c| codes.one(c)),
            legal: [0, 1, 2].map(|c| codes.legal(c)),
        }
    }
}

/// Values, each with the rise to the next; then zeros.
fn with_rises<const N: usize>(values: &[f64]) -> [[f32; 2]; N] {
    let mut curve = [[0.; 2]; N];
    let next = values.iter().skip(1).chain(values.last());
    for ((to, &value), &next) in curve.iter_mut().zip(values).zip(next) {
        *to = [value as f32, (next - value) as f32];
    }
    curve
}
