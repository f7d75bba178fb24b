//! How much brighter a frame is than the average: what flickers.
//!
//! Exposure, lamps and old film change the brightness of everything in the picture by one factor; a
//! gain of light is one of R'G'B' and luma, too, as far as their transfer is a power. So the gain
//! from a frame to the next is the median of the gains of all blocks of the picture: half of them
//! would have to be covered by something that moves before it goes astray, where a mean or a
//! quantile of the histogram follows every object that comes in.
//!
//! Where the camera moves, blocks change by their own slope times the motion. Gain and motion are found
//! together: motion by weighted least squares, as for optical flow (B. Lucas and T. Kanade, "An
//! Iterative Image Registration Technique", IJCAI 1981), and the gain is the median of what is left.
//! How far the blocks are then spread around it says how much it can be off. A frame that differs from
//! the average by no more than that doesn't flicker.
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

/// The least logarithm of a gain at which half is taken for noise: a level of 8 bits, which can't be
/// seen.
const NOISE: f64 = 0.004;

/// How far the median may be off, for blocks that are spread around it by 1.
const DOUBT: f64 = 0.4;

/// How often the motion is looked for, each time with less weight for blocks that don't fit.
const TURNS: usize = 2;

/// The fewest blocks that a motion is taken from. It explains the noise of fewer.
const FEWEST_MOVING: usize = 128;

/// So much is added to the sum of the squares of slopes: what is all flat has no motion.
const FLAT: f64 = 1e-3;

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

/// The share of the blocks that have all changed if a scene has.
const MOST: f64 = 0.85;

/// The exposure of the last frame and its average, as logarithms of gains since the first.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    now: f64,
    average: f64,
    /// The variance of how far the two may be off from each other.
    doubt: f64,
    last: Option<Blocks>,
    anchor: Option<Anchor>,
    /// How much blocks differ from frame to frame: the mean of the squares.
    spread: Option<f64>,
    /// The logarithms of blocks at an exposure of 0, on average.
    usual: Vec<f32>,
    room: Room,
}

/// Memory for what is computed of each pair of frames.
#[derive(Clone, Debug, Default)]
struct Room {
    changes: Vec<Change>,
    values: Vec<f32>,
}

/// How a block changes.
#[derive(Clone, Copy, Debug)]
struct Change {
    /// By how much its logarithm grows.
    log: f32,
    /// Its slopes, in the mean of both frames.
    slopes: [f32; 2],
}

/// The logarithms of a frame's blocks. Those that say nothing are no numbers.
#[derive(Clone, Debug)]
struct Blocks {
    columns: usize,
    logs: Vec<f32>,
    /// How much brighter the picture gets in a block to the right and below.
    slopes: Vec<[f32; 2]>,
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
    /// The median of the logarithms, without what the motion makes of them.
    log: f64,
    /// The median of their distances to it.
    spread: f64,
    /// By how many blocks the picture moves to the left and up.
    motion: [f64; 2],
    n_blocks: usize,
}

/// The exposure of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exposed {
    /// By how much brighter it is than the average, as far as that is flicker; at least 0.8.
    pub gain: f64,
    /// Whether it is part of a fade.
    pub is_fading_out: bool,
    /// How far its blocks are from what they usually look like, at the same exposure: the mean of
    /// the logarithms' distances, each of which counts as 1 at most. It is that of blocks that are
    /// clipped or dark in one of the two alone.
    pub unrest: f64,
    /// How far 85 % of its blocks are at least from what they usually look like, at the exposure of the
    /// average: the logarithms' distances. It is next to 0 as long as part of the scene stays.
    pub change: f64,
}

impl Exposure {
    /// The exposure of the next frame, some time after the last one. Unless it is part of a fade, the
    /// average takes it in with a `weight` of 0 to 1.
    pub fn follow(&mut self, frame: &Thumbnail, elapsed: Duration, weight: f64) -> Exposed {
        let blocks = Blocks::new(frame);
        let step = self.last.as_ref().and_then(|last| last.gain(&blocks, TURNS, &mut self.room));
        let mut is_fading_out = false;
        // In the dark nothing is known, and nothing changes.
        if let Some(step) = step {
            self.now += step.log;
            self.doubt += (DOUBT * step.spread).powi(2);
            take_in(&mut self.spread, step.spread.powi(2));
            self.hold_to_anchor(&blocks, step);
            // What differs by more than the darkest and the brightest usable block do is an error.
            let most = f64::from(USABLE.end / USABLE.start).ln();
            self.now = self.now.clamp(self.average - most, self.average + most);
            is_fading_out =
                self.now - self.average < -FADING.0 && step.log < -FADING.1 * elapsed.as_secs_f64();
            if !is_fading_out {
                self.average += weight * (self.now - self.average);
                self.doubt *= (1. - weight).powi(2);
            }
        }
        let change = self.change(&blocks);
        let unrest = self.unrest(&blocks, weight);
        self.last = Some(blocks);
        let difference = self.now - self.average;
        let is_signal = difference.powi(2) / (difference.powi(2) + NOISE.powi(2) + self.doubt);
        let is_flicker = (-(difference.min(0.) / MEANT).powi(4)).exp();
        let gain = (difference * is_signal * is_flicker).exp();
        Exposed { gain, is_fading_out, unrest, change }
    }

    /// The next frame shows something else, so that the exposure is what it was.
    pub fn skip(&mut self) {
        self.last = None;
    }

    /// What comes out of black may look like anything.
    pub fn forget_usual(&mut self) {
        self.usual.clear();
    }

    /// How far most blocks are from what they usually look like. What is dark or clipped says nothing.
    fn change(&mut self, blocks: &Blocks) -> f64 {
        let exposure = self.average as f32;
        let pairs = self.usual.iter().zip(&blocks.logs);
        let distances = pairs.map(|(usual, log)| (log - exposure - usual).abs());
        let values = &mut self.room.values;
        values.clear();
        values.extend(distances.filter(|distance| !distance.is_nan()));
        if values.len() < FEWEST {
            return 0.;
        }
        let least = ((1. - MOST) * values.len() as f64) as usize;
        (*values.select_nth_unstable_by(least, f32::total_cmp).1).into()
    }

    /// How far blocks are from what they usually look like, which they become part of.
    fn unrest(&mut self, blocks: &Blocks, weight: f64) -> f64 {
        let now = self.now as f32;
        if self.usual.len() != blocks.logs.len() {
            self.usual = blocks.darker_by(now).logs;
        }
        let mut sum = 0.;
        for (usual, log) in self.usual.iter_mut().zip(&blocks.logs) {
            let difference = log - now - *usual;
            if difference.is_nan() {
                sum += if log.is_nan() && usual.is_nan() { 0. } else { 1. };
            } else {
                sum += difference.abs().min(1.);
                *usual += weight as f32 * difference;
            }
            if usual.is_nan() {
                *usual = log - now;
            }
        }
        f64::from(sum) / blocks.logs.len().max(1) as f64
    }

    /// Draws the exposure to what the anchor says, which is made anew if things have moved.
    fn hold_to_anchor(&mut self, blocks: &Blocks, step: Gain) {
        let usual = (self.spread.unwrap_or_default() + EVEN.powi(2)).sqrt();
        if let Some(anchor) = &mut self.anchor
            && let Some(gain) = anchor.blocks.gain(blocks, 0, &mut self.room)
            && 2 * gain.n_blocks >= step.n_blocks
        {
            take_in(&mut anchor.spread, gain.spread.powi(2));
            if anchor.spread.unwrap_or_default() + EVEN.powi(2) <= (MOVED * usual).powi(2) {
                let moved = (gain.spread.powi(2) + EVEN.powi(2)).sqrt() / usual;
                let pull = 1. / (1. + moved.powi(4));
                self.now += pull * (gain.log - self.now);
                self.doubt *= (1. - pull).powi(2);
                self.doubt += (pull * DOUBT * gain.spread).powi(2);
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
        let logs: Vec<f32> = luma.iter().map(log).collect();
        let columns = (*columns).max(1);
        let at = |i: Option<usize>| i.and_then(|i| logs.get(i)).copied().unwrap_or(f32::NAN);
        let slopes = |i: usize| {
            let left = (!i.is_multiple_of(columns)).then(|| i - 1);
            let right = (!(i + 1).is_multiple_of(columns)).then_some(i + 1);
            let (above, below) = (i.checked_sub(columns), Some(i + columns));
            let slope = |before, behind| slope(at(before), logs[i], at(behind));
            [slope(left, right), slope(above, below)]
        };
        let slopes = (0..logs.len()).map(slopes).collect();
        Self { columns, logs, slopes }
    }

    /// What they would be at so much less exposure.
    fn darker_by(&self, log: f32) -> Self {
        let logs = self.logs.iter().map(|own| own - log).collect();
        Self { columns: self.columns, logs, slopes: self.slopes.clone() }
    }

    /// By how much another frame is brighter, if there are enough blocks that can be told. The motion
    /// is looked for in so many turns.
    fn gain(&self, other: &Self, turns: usize, room: &mut Room) -> Option<Gain> {
        if (self.columns, self.logs.len()) != (other.columns, other.logs.len()) {
            return None;
        }
        let logs = self.logs.iter().zip(&other.logs).map(|(own, other)| other - own);
        let slopes = self.slopes.iter().zip(&other.slopes);
        let slopes = slopes.map(|([x, y], [other_x, other_y])| [x + other_x, y + other_y]);
        let changes = logs.zip(slopes).map(|(log, slopes)| {
            let slopes = slopes.map(|sum| sum / 2.);
            Change { log, slopes }
        });
        room.changes.clear();
        room.changes.extend(changes.filter(|change| !change.log.is_nan()));
        if room.changes.len() < FEWEST {
            return None;
        }
        let mut gain = room.gain([0.; 2]);
        for _ in 0..turns {
            if gain.spread < EVEN || gain.n_blocks < FEWEST_MOVING {
                break;
            }
            let moved = room.gain(room.motion(gain));
            if moved.spread >= gain.spread {
                break;
            }
            gain = moved;
        }
        Some(gain)
    }
}

/// The slope at a block between two others, which may be no numbers.
fn slope(before: f32, own: f32, behind: f32) -> f32 {
    match (before.is_nan(), behind.is_nan()) {
        (false, false) => (behind - before) / 2.,
        (true, false) if !own.is_nan() => behind - own,
        (false, true) if !own.is_nan() => own - before,
        _ => 0.,
    }
}

impl Change {
    /// What is left of it without a motion.
    fn without(&self, [x, y]: [f64; 2]) -> f32 {
        self.log - x as f32 * self.slopes[0] - y as f32 * self.slopes[1]
    }
}

impl Room {
    /// The gain that all blocks have in common but for a motion.
    fn gain(&mut self, motion: [f64; 2]) -> Gain {
        self.values.clear();
        self.values.extend(self.changes.iter().map(|change| change.without(motion)));
        let log = median(&mut self.values);
        self.values.iter_mut().for_each(|value| *value = (*value - log).abs());
        let spread = median(&mut self.values);
        Gain { log: log.into(), spread: spread.into(), motion, n_blocks: self.changes.len() }
    }

    /// The motion that, together with a gain, explains the changes best. What is far from the gain
    /// found so far counts for little (the weights are those of a Cauchy distribution).
    fn motion(&self, found: Gain) -> [f64; 2] {
        let (log, scale) = (found.log as f32, 2. * found.spread as f32);
        // Weighted sums: of ones, slopes and logarithms, and of their products.
        let (mut n, mut sx, mut sy, mut sl) = (0., 0., 0., 0.);
        let (mut xx, mut xy, mut yy, mut xl, mut yl) = (0., 0., 0., 0., 0.);
        for change in &self.changes {
            let away = (change.without(found.motion) - log) / scale;
            let weight = 1. / (1. + away * away);
            let ([x, y], log) = (change.slopes, change.log);
            let (wx, wy) = (weight * x, weight * y);
            (n, sx, sy, sl) = (n + weight, sx + wx, sy + wy, sl + weight * log);
            (xx, xy, yy) = (xx + wx * x, xy + wx * y, yy + wy * y);
            (xl, yl) = (xl + wx * log, yl + wy * log);
        }
        // The gain is eliminated.
        let less = |sum: f32, a: f32, b: f32| f64::from(sum - a * b / n);
        let (xx, xy, yy) = (less(xx, sx, sx), less(xy, sx, sy), less(yy, sy, sy));
        let (x, y) = (less(xl, sx, sl), less(yl, sy, sl));
        let (xx, yy) = (xx + FLAT, yy + FLAT);
        let determinant = xx * yy - xy * xy;
        [(yy * x - xy * y) / determinant, (xx * y - xy * x) / determinant]
    }
}

impl Anchor {
    fn new(blocks: &Blocks, exposure: f64) -> Self {
        Self { blocks: blocks.darker_by(exposure as f32), n_frames: 1, spread: None }
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
