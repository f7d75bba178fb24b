//! A mapping of levels before it is rounded to a lookup table: what tables are blended, limited and
//! moved in.

use crate::lut::Lut;

/// The most turns of an iteration that ends long before; whatever is missing then can't be seen.
const MAX_TURNS: u32 = 50;

/// The output level for each input level of one channel, with fractions. It never falls.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    levels: Vec<f64>,
}

impl From<&Lut> for Curve {
    fn from(lut: &Lut) -> Self {
        Self { levels: lut.levels.iter().map(|&level| level.into()).collect() }
    }
}

impl Curve {
    /// Every level stays as it is.
    pub fn identity(n_levels: usize) -> Self {
        Self { levels: (0..n_levels).map(|level| level as f64).collect() }
    }

    /// The output levels.
    pub fn levels(&self) -> &[f64] {
        &self.levels
    }

    /// Goes towards another curve: `weight`, from 0 to 1, of that, the rest of this.
    pub fn blend(&mut self, other: &Self, weight: f64) {
        for (level, other) in self.levels.iter_mut().zip(&other.levels) {
            // Not a weighted sum: where the two agree, nothing changes, to the last bit.
            *level += weight * (other - *level);
        }
    }

    /// Gives no level below `least`.
    pub fn raise(&mut self, least: f64) {
        self.levels.iter_mut().for_each(|level| *level = level.max(least));
    }

    /// What comes in is first moved away from `pivot`, `gain` times as far.
    pub fn after_gain(&self, gain: f64, pivot: f64) -> Self {
        let last = self.levels.len() - 1;
        let moved = |level: usize| {
            let place = (pivot + (level as f64 - pivot) * gain).clamp(0., last as f64);
            let below = (place as usize).min(last.saturating_sub(1));
            let above = (below + 1).min(last);
            let (low, high) = (self.levels[below], self.levels[above]);
            low + (place - below as f64) * (high - low)
        };
        Self { levels: (0..=last).map(moved).collect() }
    }

    /// The same mapping of `n_levels` other levels, which are these multiplied by `factor` and moved
    /// by `offset`.
    pub(crate) fn rescaled(&self, n_levels: usize, factor: f64, offset: f64) -> Self {
        let last = self.levels.len() - 1;
        let rescaled = |level: usize| {
            let place = ((level as f64 - offset) / factor).clamp(0., last as f64);
            let below = (place as usize).min(last.saturating_sub(1));
            let above = (below + 1).min(last);
            let (low, high) = (self.levels[below], self.levels[above]);
            let old = low + (place - below as f64) * (high - low);
            (factor * old + offset).clamp(0., (n_levels - 1) as f64)
        };
        Self { levels: (0..n_levels).map(rescaled).collect() }
    }

    /// Lets the levels `fixed` stay as they are. Levels within `width` of one of them are pulled towards
    /// what they were, the less the farther they are. With a `weight` below 1, that much of the way.
    pub fn pin(&mut self, fixed: &[f64], width: f64, weight: f64) {
        let mut least = 0.;
        for (v, level) in self.levels.iter_mut().enumerate() {
            let v = v as f64;
            // What is on one side of a fixed level comes out on that side.
            let sided = |level: f64, &fixed: &f64| {
                if v < fixed { level.min(fixed) } else { level.max(fixed) }
            };
            let pinned = fixed.iter().fold(*level, sided);
            let distance = fixed.iter().map(|fixed| (v - fixed).abs()).fold(width, f64::min);
            let free = (distance / width).powi(2);
            *level += weight * (v + free * (pinned - v) - *level);
            // Where a steep curve is drawn down behind a fixed level, it could fall.
            least = level.max(least);
            *level = least;
        }
    }

    /// Makes no step between neighbouring levels larger than `max_slope`, or than the mean step
    /// where that is larger. The first and the last level stay; what is taken from the steps that
    /// are too large is shared evenly by the others.
    pub fn limit_slope(&mut self, max_slope: f64) {
        let steps: Vec<f64> = self.levels.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let n_steps = steps.len() as f64;
        let rise: f64 = steps.iter().sum();
        let limit = max_slope.max(rise / n_steps);
        if steps.iter().all(|&step| step <= limit) {
            return;
        }
        // What is added to all steps before they are cut. The rise with it is concave and made of
        // straight pieces, so Newton's method gets there from below in a few turns.
        let mut added = 0.;
        for _ in 0..MAX_TURNS {
            let raised = steps.iter().map(|step| step + added);
            let n_free = raised.clone().filter(|&step| step < limit).count();
            let missing = rise - raised.map(|step| step.min(limit)).sum::<f64>();
            if n_free == 0 || missing <= rise * f64::EPSILON * n_steps {
                break;
            }
            added += missing / n_free as f64;
        }
        let (mut level, last) = (self.levels[0], self.levels[steps.len()]);
        for (to, step) in self.levels[1..].iter_mut().zip(&steps) {
            level += (step + added).min(limit);
            *to = level.min(last);
        }
    }

    /// The table of the nearest levels.
    pub fn to_lut(&self) -> Lut {
        // 16 bits at most, as those that the curve was made from, and never below 0.
        Lut { levels: self.levels.iter().map(|level| (level + 0.5) as u16).collect() }
    }
}
