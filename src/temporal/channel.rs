//! What is kept of one channel over time, and the table that follows from it.

use std::time::Duration;

use super::{Report, Settings, UpdateMode, weight};
use crate::cdf::Cdf;
use crate::color::Channels;
use crate::histogram::Histogram;
use crate::lut::Lut;
use crate::mapping::curve::Curve;
use crate::matching::match_cdfs;

/// How much of a frame is learned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    /// How much of its time it counts for: 1, or less if it says less about its scene.
    pub trust: f64,
    /// How much a new scene begins: from 0, the scene goes on, to 1, it is a cut.
    pub novelty: f64,
    /// How much most of the picture is something else than what was learned of, whatever made it so: from 0,
    /// part of it is as it was, to 1.
    pub change: f64,
}

/// How far what frames have in common was learned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Learning {
    /// Whether it is of another scene, so that the next frame takes its place.
    pub is_stale: bool,
    /// For how long it was learned.
    learned: Duration,
    /// The time that frames counted for, in seconds.
    counted: f64,
}

impl Learning {
    /// The share that a frame has in it, from 0, it is held, to 1. The first one has all. What is held
    /// later is the mean over time of all that it is learned from, and otherwise the average forgets.
    pub fn share(
        &mut self,
        has_learned: bool,
        elapsed: Duration,
        Update { trust, novelty, .. }: Update,
        settings: &Settings,
    ) -> f64 {
        if !has_learned || self.is_stale {
            *self = Self::default();
            return 1.;
        }
        let time = trust * elapsed.as_secs_f64();
        // Nobody knows how long the first one was shown.
        let first = if self.learned.is_zero() { elapsed.as_secs_f64() } else { 0. };
        self.counted += first + time;
        self.learned = self.learned.saturating_add(elapsed);
        let share = match settings.update_mode {
            UpdateMode::Frame => trust * weight(elapsed, settings.smoothing),
            _ if self.learned > settings.smoothing || time == 0. => 0.,
            _ => time / self.counted,
        };
        share + (1. - share) * novelty
    }
}

/// What is kept of a channel from frame to frame.
#[derive(Clone, Debug, Default)]
pub(super) struct ChannelState {
    /// What frames looked like, if there was one that wasn't flat.
    pub source: Option<Cdf>,
    pub learning: Learning,
    /// What the source was last mapped by.
    pub shown: Option<Curve>,
    /// What the source was mapped by when the reference changed, and how much of that is left.
    pub outgoing: Option<(Curve, f64)>,
}

/// What the levels of a channel become.
#[derive(Debug)]
pub(super) enum Levels {
    Whole(Lut),
    Fractional(Curve),
}

impl Levels {
    pub fn is_fractional(&self) -> bool {
        matches!(self, Self::Fractional(_))
    }

    pub fn into_lut(self) -> Lut {
        match self {
            Self::Whole(lut) => lut,
            Self::Fractional(curve) => curve.to_lut(),
        }
    }

    pub fn into_curve(self) -> Curve {
        match self {
            Self::Whole(lut) => Curve::from(&lut),
            Self::Fractional(curve) => curve,
        }
    }
}

/// What is left of an old reference when it is forgotten: less than a level of 16 bits.
pub(super) const FORGOTTEN: f64 = 1e-5;

impl ChannelState {
    /// Whether something was learned.
    pub fn is_learned(&self) -> bool {
        self.source.is_some()
    }

    /// Takes a frame into the source, if it is time to. Whether it was.
    pub fn learn(
        &mut self,
        histogram: &Histogram,
        elapsed: Duration,
        update: Update,
        settings: &Settings,
    ) -> bool {
        let share = self.learning.share(self.is_learned(), elapsed, update, settings);
        if share > 0. {
            let frame = Cdf::from(histogram);
            self.source = Some(match self.source.take() {
                Some(old) if share < 1. => old.mix(&frame, share),
                _ => frame,
            });
        }
        share > 0.
    }

    /// The levels for a frame, and what they would be at full strength if they are weaker. `flatness` says
    /// how flat the frame's channel is.
    pub fn levels(
        &mut self,
        reference: &Cdf,
        levels: &ChannelLevels,
        flatness: f64,
        weight: f64,
        report: &Report,
        settings: &Settings,
    ) -> (Levels, Option<Curve>) {
        let n_levels = reference.counts().len();
        let Some(source) = &self.source else {
            return (Levels::Whole(Curve::identity(n_levels).to_lut()), None);
        };
        let lut = match_cdfs(source, reference);
        let is_exact = flatness == 0.
            && settings.is_frame_by_frame()
            && settings.strength == 1.
            && settings.max_slope == 0.;
        if is_exact {
            return (Levels::Whole(lut), None);
        }

        let mut curve = Curve::from(&lut);
        // Levels that the source doesn't have may be in the frame.
        curve.raise(reference.least_level() as f64);
        if let Some((old, left)) = &mut self.outgoing {
            *left *= 1. - weight;
            curve.blend(old, *left);
            if *left < FORGOTTEN {
                self.outgoing = None;
            }
        }
        if !settings.smoothing.is_zero() {
            self.shown = Some(curve.clone());
        }
        let gain = report.gain.powf(-settings.deflicker);
        if settings.max_slope > 0. {
            // The gain makes it that much steeper. What is flat is pinned to black all the same.
            curve.limit_slope(settings.max_slope.max(1.) / gain, source.median());
        }
        if flatness > 0. {
            curve.pin(&levels.fixed, levels.pinned_width, flatness);
        }
        if gain != 1. {
            curve = curve.after_gain(gain, levels.zero);
        }
        if settings.strength == 1. {
            return (Levels::Fractional(curve), None);
        }
        let mut weaker = Curve::identity(n_levels);
        weaker.blend(&curve, settings.strength);
        (Levels::Fractional(weaker), Some(curve))
    }
}

/// What the levels of a channel mean.
#[derive(Debug)]
pub(super) struct ChannelLevels {
    is_chroma: bool,
    /// The level of black, or of no colour.
    zero: f64,
    /// The levels that a flat channel keeps: black and white, or no colour.
    fixed: Vec<f64>,
    /// How near to one of them levels are drawn along.
    pinned_width: f64,
}

impl ChannelLevels {
    pub fn new(Channels { encoding, depths, .. }: &Channels, index: usize) -> Self {
        let depth = depths[index];
        let zero = f64::from(encoding.zero(index, depth));
        let white = f64::from(encoding.legal(index, depth).1);
        let is_chroma = encoding.is_chroma(index);
        Self {
            is_chroma,
            zero,
            fixed: if is_chroma { vec![zero] } else { vec![zero, white] },
            pinned_width: f64::from(1u32 << depth) / 16.,
        }
    }

    /// How many times as many levels there are as are enough for a distribution.
    pub fn spread(&self, histogram: &Histogram) -> f64 {
        super::spread(histogram, self.is_chroma)
    }
}
