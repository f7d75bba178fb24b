//! A grade: a matrix, a tone curve for luma, and gain and shift of chroma by luma.

use crate::color::LumaWeights;
use crate::matrix::{self, IDENTITY, Matrix, Vector};

/// The levels of Y' that chroma is changed by: so many, [`LEVEL`] apart, from 0 on.
pub const LEVELS: usize = 33;

/// The distance between two of [`LEVELS`].
pub const LEVEL: f64 = 8.;

/// The lowest Y' behind the matrix that [`Grade::tone`] has a value for.
pub const LOWEST: i32 = -256;

/// Values of [`Grade::tone`], a level apart. What lies beyond is mapped as the end is.
pub const TONES: usize = 769;

/// How colours are moved together, in R'G'B' from 0, black, to 255.
///
/// ```text
/// (y, cb, cr) = to Y'CbCr (matrix rgb + offset)
/// y'          = tone(y)
/// (cb', cr')  = gain(y') (cb, cr) + shift(y')
/// r'g'b'      = to R'G'B' (y', cb', cr'),  clamped
/// ```
///
/// Y'CbCr is in full range, with chroma around 0. Between its values, a curve is straight.
#[derive(Clone, Debug, PartialEq)]
pub struct Grade {
    /// The shares of R' and B' in Y'.
    pub weights: LumaWeights,
    /// What R', G' and B' are made of.
    pub matrix: Matrix,
    /// What is added to them.
    pub offset: Vector,
    /// New Y', from 0 to 255, of Y' from [`LOWEST`] on: [`TONES`] values that never fall.
    pub tone: Vec<f64>,
    /// What chroma is multiplied by, at each of [`LEVELS`].
    pub gain: [f64; LEVELS],
    /// What is then added to Cb and Cr.
    pub shift: [[f64; LEVELS]; 2],
    /// Whether an ordered pattern of half a sample is added before samples are rounded.
    pub dither: bool,
}

impl Grade {
    /// The grade that changes nothing.
    pub fn identity(weights: LumaWeights) -> Self {
        Self {
            weights,
            matrix: IDENTITY,
            offset: [0.; 3],
            tone: tone_inputs().map(|y| y.clamp(0., 255.)).collect(),
            gain: [1.; LEVELS],
            shift: [[0.; LEVELS]; 2],
            dither: false,
        }
    }

    /// Moves every parameter by the `share` of the way to that of another grade.
    pub fn mix(&mut self, other: &Self, share: f64) {
        let mix = |own: &mut [f64], other: &[f64]| {
            for (own, other) in own.iter_mut().zip(other) {
                *own += share * (other - *own);
            }
        };
        mix(self.matrix.as_flattened_mut(), other.matrix.as_flattened());
        mix(&mut self.offset, &other.offset);
        mix(&mut self.tone, &other.tone);
        mix(&mut self.gain, &other.gain);
        mix(self.shift.as_flattened_mut(), other.shift.as_flattened());
    }

    /// The grade for frames that are `gain` times as bright as those that it was learned from.
    pub fn after_gain(mut self, gain: f64) -> Self {
        self.matrix.as_flattened_mut().iter_mut().for_each(|entry| *entry /= gain);
        self
    }

    /// What becomes of a colour: the definition, in f64.
    pub fn map(&self, rgb: Vector) -> Vector {
        self.map_unclamped(rgb).map(|value| value.clamp(0., 255.))
    }

    /// [`map`](Self::map), with what leaves the range.
    pub fn map_unclamped(&self, rgb: Vector) -> Vector {
        let mut moved = matrix::apply(&self.matrix, rgb);
        moved.iter_mut().zip(self.offset).for_each(|(value, offset)| *value += offset);
        let [y, cb, cr] = matrix::apply(&self.weights.to_ycbcr(), moved);
        let y = self.tone_at(y);
        let gain = at_level(&self.gain, y);
        let [cb, cr] = [(cb, 0), (cr, 1)].map(|(c, i)| gain * c + at_level(&self.shift[i], y));
        matrix::apply(&self.weights.to_rgb(), [y, cb, cr])
    }

    /// The new Y' of one behind the matrix.
    pub fn tone_at(&self, y: f64) -> f64 {
        between(&self.tone, y - f64::from(LOWEST))
    }
}

/// The Y' that [`Grade::tone`] has values for.
pub fn tone_inputs() -> impl Iterator<Item = f64> {
    (0..TONES).map(|i| f64::from(LOWEST + i as i32))
}

/// A curve by luma at a Y'.
pub fn at_level(curve: &[f64; LEVELS], y: f64) -> f64 {
    between(curve, y / LEVEL)
}

/// Between the values of a curve, which begin at 0.
fn between(values: &[f64], at: f64) -> f64 {
    let at = at.clamp(0., (values.len() - 1) as f64);
    let i = (at as usize).min(values.len() - 2);
    values[i] + (values[i + 1] - values[i]) * (at - i as f64)
}
