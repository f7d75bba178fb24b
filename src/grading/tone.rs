//! The tone curve: luma through the quantiles of both sides, and what would leave the range bent
//! back into it.

use crate::grading::floor;
use crate::mapping::grade;

/// Quantiles in percent that the curve goes through.
pub const QUANTILES: [f64; 7] = [1., 10., 25., 50., 75., 90., 99.];

/// The index of the median.
const MEDIAN: usize = 3;

/// The least and the greatest slope between two quantiles.
pub const SLOPES: (f64, f64) = (0.4, 2.);

/// Added to both distances of a slope, so that flat pictures say little.
const STIFFNESS: f64 = 2.;

/// What of the range may bend what lies beyond it.
const ROOM: f64 = 0.12 * 255.;

/// Keeps quantiles that are the same apart.
const APART: f64 = 1e-3;

/// A monotone cubic (PCHIP) through seven points; slope 1 beyond the ends.
///
/// F. N. Fritsch, R. E. Carlson, "Monotone Piecewise Cubic Interpolation", SIAM Journal on Numerical
/// Analysis 17(2), 1980, with the weighted harmonic means of F. N. Fritsch, J. Butland, 1984; at
/// the ends, the slope of the gap.
#[derive(Clone, Debug)]
pub struct ToneCurve {
    x: [f64; QUANTILES.len()],
    y: [f64; QUANTILES.len()],
    slopes: [f64; QUANTILES.len()],
}

impl ToneCurve {
    /// From the quantiles of the source to those of the reference: the slope of each gap is limited
    /// to [`SLOPES`], or to `max_slope` if that isn't 0, and the median lands where it is wanted.
    pub fn between(source: &[f64; 7], reference: &[f64; 7], max_slope: f64) -> Self {
        let highest = if max_slope > 0. { max_slope } else { SLOPES.1 };
        let x: [f64; 7] = std::array::from_fn(|i| source[i] + APART * (i as f64 - MEDIAN as f64));
        let mut y = [0.; 7];
        for i in 1..7 {
            let (goal, own) = (reference[i] - reference[i - 1], source[i] - source[i - 1]);
            let slope = (goal + STIFFNESS) / (own + STIFFNESS);
            y[i] = y[i - 1] + slope.max(SLOPES.0).min(highest) * (x[i] - x[i - 1]);
        }
        let moved = reference[MEDIAN] - y[MEDIAN];
        y.iter_mut().for_each(|y| *y += moved);

        let h: [f64; 6] = std::array::from_fn(|i| x[i + 1] - x[i]);
        let d: [f64; 6] = std::array::from_fn(|i| (y[i + 1] - y[i]) / h[i]);
        let slopes = std::array::from_fn(|i| match i {
            0 => d[0],
            6 => d[5],
            _ => {
                let (w1, w2) = (2. * h[i] + h[i - 1], h[i] + 2. * h[i - 1]);
                (w1 + w2) / (w1 / d[i - 1] + w2 / d[i])
            }
        });
        Self { x, y, slopes }
    }

    /// The value at a luma.
    pub fn at(&self, v: f64) -> f64 {
        let Self { x, y, slopes } = self;
        if v < x[0] {
            return y[0] + v - x[0];
        }
        if v > x[6] {
            return y[6] + v - x[6];
        }
        let i = x[1..6].iter().take_while(|&&x| x < v).count();
        let h = x[i + 1] - x[i];
        let u = (v - x[i]) / h;
        let w = 1. - u;
        y[i] * (1. + 2. * u) * w * w + slopes[i] * h * u * w * w + y[i + 1] * u * u * (3. - 2. * u)
            - slopes[i + 1] * h * u * u * w
    }
}

/// The identity in the middle; what lies beyond the range is bent into it, so that `low` and `high`
/// land on 0 and 255.
pub fn shoulder(v: f64, low: f64, high: f64) -> f64 {
    let mut v = v;
    if high > 255. && v > 255. - ROOM {
        v = 255. - bent(255. - v, 255. - high);
    }
    if low < 0. && v < ROOM {
        v = bent(v, low);
    }
    v.clamp(0., 255.)
}

/// The lower end: `low`, which is less than 0, lands on 0, and what is [`ROOM`] above 0 stays.
fn bent(v: f64, low: f64) -> f64 {
    let distance = ROOM - low;
    let t = (ROOM - v) / distance;
    ROOM - distance * t / (1. + (distance / ROOM - 1.) * t)
}

/// How finely luma is counted: bins to a level.
pub const BINS_TO_LEVEL: i32 = 8;

/// The middle of the lowest bin.
pub const LOWEST: i32 = grade::LOWEST;

/// Bins from the lowest to the highest luma.
pub const BINS: usize = (grade::TONES - 1) * BINS_TO_LEVEL as usize + 1;

/// The bin of a luma; the middle of bin `i` is `LOWEST + i / BINS_TO_LEVEL`.
#[inline(always)]
pub fn bin(luma: f32) -> u16 {
    let at = (luma - LOWEST as f32) * BINS_TO_LEVEL as f32 + 0.5;
    let at = if at > 0. { at } else { 0. };
    floor(if at < (BINS - 1) as f32 { at } else { (BINS - 1) as f32 }) as u16
}

/// The luma at a place among the bins, which are 1 wide there.
pub fn luma_at(place: f64) -> f64 {
    f64::from(LOWEST) + (place - 0.5) / f64::from(BINS_TO_LEVEL)
}
