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

use crate::survey::Thumbnail;

/// Blocks darker or brighter than that are left out: what is lost in noise or clipped says nothing.
const USABLE: std::ops::Range<f32> = 0.03..0.95;

/// The fewest blocks that a gain is taken from.
const FEWEST: usize = 16;

/// The gain's logarithm at which half is taken for noise: a hundredth. Motion makes gains of that
/// size, and they can't be seen.
const NOISE: f64 = 0.01;

/// The logarithm of a gain that is no flicker any more, but a fade or a flash, and meant. The more
/// there is to it, the less of it counts.
const MEANT: f64 = 0.4;

/// The exposure of the last frame and its average, as logarithms of gains since the first.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    now: f64,
    average: f64,
    last: Option<Thumbnail>,
    gains: Vec<f32>,
}

impl Exposure {
    /// By how much brighter the next frame is than the average; that takes it in with a `weight`
    /// of 0 to 1.
    pub fn follow(&mut self, frame: &Thumbnail, weight: f64) -> f64 {
        if let Some(last) = &self.last {
            self.now += gain(last, frame, &mut self.gains).ln();
            self.average += weight * (self.now - self.average);
        }
        self.last = Some(frame.clone());
        // A fade doesn't leave the average far behind.
        self.average = self.average.clamp(self.now - MEANT, self.now + MEANT);
        let difference = self.now - self.average;
        let is_signal = difference.powi(2) / (difference.powi(2) + NOISE.powi(2));
        let is_flicker = (-(difference / MEANT).powi(4)).exp();
        (difference * is_signal * is_flicker).exp()
    }
}

/// The median gain of the blocks from a frame to the next; 1 if there are too few that can be told.
fn gain(last: &Thumbnail, frame: &Thumbnail, gains: &mut Vec<f32>) -> f64 {
    gains.clear();
    for (last, frame) in last.planes.iter().zip(&frame.planes) {
        let usable = |(last, frame): &(&f32, &f32)| USABLE.contains(last) && USABLE.contains(frame);
        gains.extend(last.iter().zip(frame).filter(usable).map(|(last, frame)| frame / last));
    }
    if gains.len() < FEWEST {
        return 1.;
    }
    let middle = gains.len() / 2;
    (*gains.select_nth_unstable_by(middle, f32::total_cmp).1).into()
}
