//! How colours are coded into samples, and the conversion from one coding to another.
//!
//! A coding ([`Encoding`]) says what the samples of a pixel mean: R'G'B', Y'CbCr or luma alone,
//! with which luma weights, in which range (ITU-R BT.601, BT.709, BT.2020). Conversions are
//! computed in integers, so that every kernel gives the same bits: see [`Affine`].

use crate::colorimetry::Colorimetry;
use crate::matrix::{IDENTITY, Matrix, Vector};

/// The colour channels to match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorSpace {
    /// R', G' and B', whatever the frames are made of.
    #[default]
    Rgb,
    /// Y', Cb and Cr.
    YCbCr,
    /// Y' alone: colours stay.
    Luma,
}

/// Which of the codes that samples can hold stand for colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// All of them.
    Full,
    /// Those of video: 16 to 235 of 8 bits, chroma to 240; with more bits, multiples of these.
    Limited,
}

/// The shares of R' and B' in luma; the rest is the share of G'.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LumaWeights {
    /// Kr.
    pub red: f64,
    /// Kb.
    pub blue: f64,
}

impl LumaWeights {
    /// Of ITU-R BT.709.
    pub const BT709: Self = Self { red: 0.2126, blue: 0.0722 };
    /// Of ITU-R BT.601.
    pub const BT601: Self = Self { red: 0.299, blue: 0.114 };

    /// The luma of R'G'B'.
    pub fn luma(self, [red, green, blue]: Vector) -> f64 {
        self.red * red + (1. - self.red - self.blue) * green + self.blue * blue
    }

    /// From R'G'B' to Y'CbCr, both in the same unit, chroma around 0.
    pub fn to_ycbcr(self) -> Matrix {
        Encoding::YCbCr(self, Range::Full).matrix_from_rgb()
    }

    /// The other way round.
    pub fn to_rgb(self) -> Matrix {
        Encoding::YCbCr(self, Range::Full).matrix_to_rgb()
    }
}

/// What the samples of a pixel mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding {
    /// Three channels: R', G', B'.
    Rgb(Range),
    /// Three channels: Y', Cb, Cr.
    YCbCr(LumaWeights, Range),
    /// One channel: Y'.
    Luma(LumaWeights, Range),
}

impl Encoding {
    /// The number of channels.
    pub fn n_channels(self) -> usize {
        match self {
            Self::Rgb(_) | Self::YCbCr(..) => 3,
            Self::Luma(..) => 1,
        }
    }

    fn range(self) -> Range {
        match self {
            Self::Rgb(range) | Self::YCbCr(_, range) | Self::Luma(_, range) => range,
        }
    }

    /// Whether a channel is a difference of colours, so that its zero is in the middle.
    pub fn is_chroma(self, channel: usize) -> bool {
        matches!(self, Self::YCbCr(..)) && channel > 0
    }

    /// The code of zero, and how many codes make up 1, with `depth` bits (8 or more).
    pub(crate) fn quantization(self, channel: usize, depth: u32) -> (i32, i32) {
        let unit = 1 << (depth - 8);
        match (self.is_chroma(channel), self.range()) {
            (false, Range::Full) => (0, (1 << depth) - 1),
            (false, Range::Limited) => (16 * unit, 219 * unit),
            (true, Range::Full) => (128 * unit, (1 << depth) - 1),
            (true, Range::Limited) => (128 * unit, 224 * unit),
        }
    }

    /// The code of zero, and how many codes make up 1, with any `depth`: what has less than 8 bits is
    /// in full range.
    pub(crate) fn scale(self, channel: usize, depth: u32) -> (f64, f64) {
        let (zero, one) = match depth {
            ..8 => (0, (1 << depth) - 1),
            _ => self.quantization(channel, depth),
        };
        (zero.into(), one.into())
    }

    /// The lowest and the highest code that stands for a colour.
    pub fn legal(self, channel: usize, depth: u32) -> (u16, u16) {
        if depth < 8 || self.range() == Range::Full {
            return (0, ((1u32 << depth) - 1) as u16);
        }
        let top = if self.is_chroma(channel) { 240 } else { 235 };
        (16 << (depth - 8), top << (depth - 8))
    }

    /// The share of a channel in luma: of R'G'B', by BT.709.
    pub fn luma_weight(self, channel: usize) -> f64 {
        match self {
            Self::Rgb(_) => {
                Self::Luma(LumaWeights::BT709, Range::Full).matrix_from_rgb()[0][channel]
            }
            _ if channel == 0 => 1.,
            _ => 0.,
        }
    }

    /// The code of black or, for chroma, of no colour.
    pub fn zero(self, channel: usize, depth: u32) -> u16 {
        // Formats with fewer bits are R'G'B' in full range.
        if depth < 8 { 0 } else { self.quantization(channel, depth).0 as u16 }
    }

    /// From R'G'B', each 0 to 1, to the channels: luma 0 to 1, chroma -0.5 to 0.5.
    pub(crate) fn matrix_from_rgb(self) -> Matrix {
        match self {
            Self::Rgb(_) => IDENTITY,
            Self::YCbCr(weights, _) | Self::Luma(weights, _) => {
                let LumaWeights { red, blue } = weights;
                let luma = [red, 1. - red - blue, blue];
                let difference = |channel: usize, weight: f64| {
                    let own = |i| if i == channel { 1. } else { 0. };
                    [0, 1, 2].map(|i| (own(i) - luma[i]) / (2. * (1. - weight)))
                };
                match self {
                    Self::Luma(..) => [luma, [0.; 3], [0.; 3]],
                    _ => [luma, difference(2, blue), difference(0, red)],
                }
            }
        }
    }

    /// From the channels to R'G'B'. A change of luma alone changes all three alike.
    pub(crate) fn matrix_to_rgb(self) -> Matrix {
        match self {
            Self::Rgb(_) => IDENTITY,
            Self::Luma(..) => [[1., 0., 0.]; 3],
            Self::YCbCr(LumaWeights { red, blue }, _) => {
                let green = 1. - red - blue;
                let (from_cb, from_cr) = (2. * (1. - blue), 2. * (1. - red));
                [
                    [1., 0., from_cr],
                    [1., -blue * from_cb / green, -red * from_cr / green],
                    [1., from_cb, 0.],
                ]
            }
        }
    }
}

/// The channels that are matched, how they are coded, and in how many bits each.
#[derive(Clone, Debug, PartialEq)]
pub struct Channels {
    /// What they mean.
    pub encoding: Encoding,
    /// Bits of each, `encoding.n_channels()` of them.
    pub depths: Vec<u32>,
    /// What R'G'B' stands for.
    pub colorimetry: Colorimetry,
}

/// Bits behind the binary point of the factors of an [`Affine`].
pub const FACTOR_BITS: u32 = 13;

/// A conversion of samples in integers, such that 16 bits are enough for samples of 8 to 10:
///
/// ```text
/// signed[j]  = (input[j] - 2^(depth - 1)) * 2^(16 - depth)
/// term[i][j] = (factors[i][j] * signed[j]  +  2^(shift - 1)) >> shift
/// output[i]  = clamp((sum over j of term[i][j]  +  offsets[i]) >> fraction_bits,  0,  max)
/// ```
///
/// The factors are those of the codings times 2^13, rounded to the nearest integer; where the
/// input is R'G'B', that of G' takes up what rounding did to the others, so that grey stays grey.
/// Terms and offsets have `fraction_bits` behind the binary point. Up to 10 bits, that is `14 - depth`,
/// so that they fit in 16 bits, and `shift` is 15. Deeper samples are computed in 32 bits, with 6 bits
/// behind the point, and `shift` is `23 - depth`. The offsets are the codes of zero, less what the factors make
/// of the input's codes of zero, and a half to round to the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affine {
    /// `factors[output][input]`, in units of 2^-13.
    pub factors: [[i32; 3]; 3],
    /// Of each output, in units of 2^-`fraction_bits`, with the half for rounding in it.
    pub offsets: [i32; 3],
    /// The largest output.
    pub max: i32,
    /// Bits of a sample.
    pub depth: u32,
    /// Bits behind the binary point of terms and offsets.
    pub fraction_bits: u32,
    /// By how much terms are more precise before they are rounded.
    pub shift: u32,
    /// Whether the inputs are R'G'B'. Otherwise all outputs have the same share of the first
    /// input, the first output has none of the second, and the third none of the third.
    pub from_rgb: bool,
}

impl Affine {
    /// From samples in one coding to another, both of `depth` bits, 8 to 16.
    pub fn between(from: Encoding, to: Encoding, depth: u32) -> Self {
        let (decode, encode) = (from.matrix_to_rgb(), to.matrix_from_rgb());
        let fraction_bits = if depth <= 10 { 14 - depth } else { 6 };
        let mut affine = Self {
            factors: [[0; 3]; 3],
            offsets: [0; 3],
            max: (1 << depth) - 1,
            depth,
            fraction_bits,
            shift: 16 - depth + FACTOR_BITS - fraction_bits,
            from_rgb: matches!(from, Encoding::Rgb(_)),
        };
        for (output, encode) in encode.iter().enumerate().take(to.n_channels()) {
            let (zero, one) = to.quantization(output, depth);
            // Without rounding.
            let exact = [0, 1, 2].map(|input| {
                let factor: f64 = (0..3).map(|i| encode[i] * decode[i][input]).sum();
                let input_one = from.quantization(input, depth).1;
                factor * f64::from(one) / f64::from(input_one) * f64::from(1 << FACTOR_BITS)
            });
            let mut factors = exact.map(|factor| factor.round() as i32);
            if affine.from_rgb {
                let sum = exact.iter().sum::<f64>().round() as i32;
                factors[1] = sum - factors[0] - factors[2];
            }
            // What becomes of the middle of the inputs.
            let middle = (0..3)
                .map(|input| {
                    factors[input] * ((1 << (depth - 1)) - from.quantization(input, depth).0)
                })
                .sum::<i32>()
                + (zero << FACTOR_BITS);
            affine.factors[output] = factors;
            affine.offsets[output] =
                round_shift(middle, FACTOR_BITS - fraction_bits) + (1 << (fraction_bits - 1));
        }
        affine
    }
}

/// `value / 2^shift`, rounded to the nearest; halves up.
fn round_shift(value: i32, shift: u32) -> i32 {
    (value + (1 << shift >> 1)) >> shift
}
