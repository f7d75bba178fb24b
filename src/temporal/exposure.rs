//! How much brighter a frame is than the average: what flickers.
//!
//! Exposure, lamps and old film change the brightness of everything in the picture by one factor; a
//! gain of light is one of R'G'B' and luma, too, as far as their transfer is a power. So the gain
//! from a frame to the next is the median of the gains of all blocks of the picture: half of them
//! would have to be covered by something that moves before it goes astray, where a mean or a
//! quantile of the histogram follows every object that comes in.
//!
//! The product of these gains is the exposure, and what it differs by from its own exponential
//! average is flicker. Slow changes are in the average, as they are in the average of the
//! histograms, and errors that add up disappear in it.

use std::time::Duration;

use crate::survey::Thumbnail;

/// Blocks darker or brighter than that are left out: what is lost in noise or clipped says nothing.
const USABLE: std::ops::Range<f32> = 0.03..0.95;

/// The fewest blocks that a gain is taken from.
const FEWEST: usize = 16;

/// The gain's logarithm at which half is taken for noise: a hundredth. Motion makes gains of that
/// size, and they can't be seen.
const NOISE: f64 = 0.01;

/// The logarithm of a loss of light that is no flicker any more, but meant: a fade. The more there
/// is to it, the less of it counts. There is no such limit for what is brighter, a flash or a lamp:
/// it would only be blown out.
const MEANT: f64 = 0.4;

/// A frame that is darker than the average by such a logarithm, and gets darker by more than this
/// in a second, is part of a fade.
const FADING: (f64, f64) = (0.2, 0.4);

/// The exposure of the last frame and its average, as logarithms of gains since the first.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    now: f64,
    average: f64,
    last: Option<Thumbnail>,
    gains: Vec<f32>,
}

/// The exposure of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exposed {
    /// By how much brighter it is than the average, as far as that is flicker; at least 0.8.
    pub gain: f64,
    /// Whether it is part of a fade.
    pub is_fading_out: bool,
}

impl Exposure {
    /// The exposure of the next frame, some time after the last one. Unless it is part of a fade, the
    /// average takes it in with a `weight` of 0 to 1.
    pub fn follow(&mut self, frame: &Thumbnail, elapsed: Duration, weight: f64) -> Exposed {
        let step = self.last.as_ref().and_then(|last| gain(last, frame, &mut self.gains));
        self.last = Some(frame.clone());
        let mut is_fading_out = false;
        // In the dark nothing is known, and nothing changes.
        if let Some(step) = step {
            // Medians of several steps don't add up to that of them all. What differs by more than
            // the darkest and the brightest usable block do is such errors.
            let most = f64::from(USABLE.end / USABLE.start).ln();
            self.now = (self.now + step).clamp(self.average - most, self.average + most);
            is_fading_out =
                self.now - self.average < -FADING.0 && step < -FADING.1 * elapsed.as_secs_f64();
            if !is_fading_out {
                self.average += weight * (self.now - self.average);
            }
        }
        let difference = self.now - self.average;
        let is_signal = difference.powi(2) / (difference.powi(2) + NOISE.powi(2));
        let is_flicker = (-(difference.min(0.) / MEANT).powi(4)).exp();
        let gain = (difference * is_signal * is_flicker).exp();
        Exposed { gain, is_fading_out }
    }
}

/// The logarithm of the median gain of the blocks from a frame to the next, if there are enough that
/// can be told.
fn gain(last: &Thumbnail, frame: &Thumbnail, gains: &mut Vec<f32>) -> Option<f64> {
    let usable = |(last, frame): &(&f32, &f32)| USABLE.contains(last) && USABLE.contains(frame);
    gains.clear();
    let pairs = last.luma.iter().zip(&frame.luma);
    gains.extend(pairs.filter(usable).map(|(last, frame)| frame / last));
    if gains.len() < FEWEST {
        return None;
    }
    let middle = gains.len() / 2;
    Some(f64::from(*gains.select_nth_unstable_by(middle, f32::total_cmp).1).ln())
}
