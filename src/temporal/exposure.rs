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
//! histograms.
//!
//! A product of medians goes astray in time: each has an error of its own. So the exposure is also
//! measured directly, against an earlier frame of the scene, the *anchor*, and drawn to what that
//! says. How far depends on how much the blocks agree: as long as they do so as well as from frame to
//! frame, nothing has moved, and the exposure can't drift, however long the scene is. Where things
//! have moved, the frame becomes the next anchor, and gains from frame to frame are what is left.

use std::time::Duration;

use crate::statistics::Thumbnail;

/// Blocks darker or brighter than that are left out: what is lost in noise or clipped says nothing.
const USABLE: std::ops::Range<f32> = 0.03..0.95;

/// The fewest blocks that a gain is taken from.
const FEWEST: usize = 16;

/// The gain's logarithm at which half is taken for noise: a hundredth. Motion makes gains of that
/// size, and they can't be seen.
const NOISE: f64 = 0.01;

/// The logarithm of a loss of light that is probably meant, a fade, and no flicker. The more it is, the
/// less of it is corrected. There is no such limit for what is brighter, a flash or a lamp:
/// it would only be blown out.
const MEANT: f64 = 0.4;

/// A frame that is darker than the average by such a logarithm, and gets darker by more than this
/// in a second, is part of a fade.
const FADING: (f64, f64) = (0.2, 0.4);

/// How much blocks may differ in their logarithms, whatever the noise is, without having moved: a
/// level of 8 bits.
const EVEN: f64 = 0.004;

/// How much more blocks differ from the anchor than from the last frame when the anchor is replaced.
const MOVED: f64 = 2.;

/// The frames that the anchor is the mean of.
const ANCHOR_FRAMES: u32 = 16;

/// The weight of a frame in what is known of how much blocks differ.
const SPREAD_WEIGHT: f64 = 1. / 16.;

/// The exposure of the last frame and its average, as logarithms of gains since the first.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    now: f64,
    average: f64,
    last: Option<Blocks>,
    anchor: Option<Anchor>,
    /// How much blocks differ from frame to frame: the mean of the squares.
    spread: Option<f64>,
    differences: Vec<f32>,
}

/// The logarithms of a frame's blocks. Those that say nothing are no numbers.
#[derive(Clone, Debug)]
struct Blocks {
    columns: usize,
    logs: Vec<f32>,
}

/// What the scene looks like at an exposure of 0.
#[derive(Clone, Debug)]
struct Anchor {
    blocks: Blocks,
    n_frames: u32,
    /// How much blocks differ from it: the mean of the squares.
    spread: Option<f64>,
}

/// By how much the blocks of a frame are brighter than others.
#[derive(Clone, Copy, Debug)]
struct Gain {
    /// The median of the logarithms.
    log: f64,
    /// The median of their distances to it.
    spread: f64,
    n_blocks: usize,
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
        let blocks = Blocks::new(frame);
        let step = self.last.as_ref().and_then(|last| last.gain(&blocks, &mut self.differences));
        let mut is_fading_out = false;
        // In the dark nothing is known, and nothing changes.
        if let Some(step) = step {
            self.now += step.log;
            take_in(&mut self.spread, step.spread.powi(2));
            self.hold_to_anchor(&blocks, step);
            // What differs by more than the darkest and the brightest usable block do is an error.
            let most = f64::from(USABLE.end / USABLE.start).ln();
            self.now = self.now.clamp(self.average - most, self.average + most);
            is_fading_out =
                self.now - self.average < -FADING.0 && step.log < -FADING.1 * elapsed.as_secs_f64();
            if !is_fading_out {
                self.average += weight * (self.now - self.average);
            }
        }
        self.last = Some(blocks);
        let difference = self.now - self.average;
        let is_signal = difference.powi(2) / (difference.powi(2) + NOISE.powi(2));
        let is_flicker = (-(difference.min(0.) / MEANT).powi(4)).exp();
        let gain = (difference * is_signal * is_flicker).exp();
        Exposed { gain, is_fading_out }
    }

    /// Draws the exposure to what the anchor says, which is made anew if things have moved.
    fn hold_to_anchor(&mut self, blocks: &Blocks, step: Gain) {
        let usual = (self.spread.unwrap_or_default() + EVEN.powi(2)).sqrt();
        if let Some(anchor) = &mut self.anchor
            && let Some(gain) = anchor.blocks.gain(blocks, &mut self.differences)
            && 2 * gain.n_blocks >= step.n_blocks
        {
            take_in(&mut anchor.spread, gain.spread.powi(2));
            if anchor.spread.unwrap_or_default() + EVEN.powi(2) <= (MOVED * usual).powi(2) {
                let moved = (gain.spread.powi(2) + EVEN.powi(2)).sqrt() / usual;
                self.now += (gain.log - self.now) / (1. + moved.powi(4));
                anchor.take_in(blocks, self.now);
                return;
            }
        }
        self.anchor = Some(Anchor::new(blocks, self.now));
    }
}

/// Takes a value into a mean that forgets.
fn take_in(mean: &mut Option<f64>, value: f64) {
    let old = mean.unwrap_or(value);
    *mean = Some(old + SPREAD_WEIGHT * (value - old));
}

impl Blocks {
    fn new(Thumbnail { columns, luma }: &Thumbnail) -> Self {
        let log = |luma: &f32| if USABLE.contains(luma) { luma.ln() } else { f32::NAN };
        Self { columns: *columns, logs: luma.iter().map(log).collect() }
    }

    /// By how much another frame is brighter, if there are enough blocks that can be told.
    fn gain(&self, other: &Self, differences: &mut Vec<f32>) -> Option<Gain> {
        if (self.columns, self.logs.len()) != (other.columns, other.logs.len()) {
            return None;
        }
        differences.clear();
        let pairs = self.logs.iter().zip(&other.logs);
        differences.extend(pairs.map(|(own, other)| other - own).filter(|log| !log.is_nan()));
        if differences.len() < FEWEST {
            return None;
        }
        let log = median(differences);
        differences.iter_mut().for_each(|difference| *difference = (*difference - log).abs());
        Some(Gain {
            log: log.into(),
            spread: median(differences).into(),
            n_blocks: differences.len(),
        })
    }
}

impl Anchor {
    fn new(blocks: &Blocks, exposure: f64) -> Self {
        let mut blocks = blocks.clone();
        blocks.logs.iter_mut().for_each(|log| *log -= exposure as f32);
        Self { blocks, n_frames: 1, spread: None }
    }

    /// Makes a frame part of the mean, if it has not enough yet. A mean that went on and on would
    /// drift with the errors of all exposures.
    fn take_in(&mut self, blocks: &Blocks, exposure: f64) {
        if self.n_frames == ANCHOR_FRAMES {
            return;
        }
        self.n_frames += 1;
        let weight = 1. / self.n_frames as f32;
        for (mean, log) in self.blocks.logs.iter_mut().zip(&blocks.logs) {
            let log = log - exposure as f32;
            if mean.is_nan() {
                *mean = log;
            } else if !log.is_nan() {
                *mean += weight * (log - *mean);
            }
        }
    }
}

/// The mean of the two values in the middle, or the one that is there. Either alone would be off to
/// one side, and add up.
fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    let is_even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    if !is_even {
        return upper;
    }
    let lower = below.iter().copied().max_by(f32::total_cmp).unwrap_or(upper);
    (lower + upper) / 2.
}
