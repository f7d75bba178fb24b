//! A mapping of levels before it is rounded to a lookup table: what tables are blended, limited and
//! moved in.

use crate::lut::Lut;

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

    /// The output between two levels; beyond the ends, what it is there.
    pub fn at(&self, level: f64) -> f64 {
        let last = self.levels.len() - 1;
        let place = level.clamp(0., last as f64);
        let below = (place as usize).min(last.saturating_sub(1));
        let above = (below + 1).min(last);
        let (low, high) = (self.levels[below], self.levels[above]);
        low + (place - below as f64) * (high - low)
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
        let moved = |level: usize| self.at(pivot + (level as f64 - pivot) * gain);
        Self { levels: (0..self.levels.len()).map(moved).collect() }
    }

    /// The same mapping of `n_levels` other levels, which are these multiplied by `factor` and moved
    /// by `offset`.
    pub(crate) fn rescaled(&self, n_levels: usize, factor: f64, offset: f64) -> Self {
        let rescaled = |level: usize| {
            let old = self.at((level as f64 - offset) / factor);
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

    /// Makes no step between neighbouring levels larger than `max_slope`. The level `anchor` stays as
    /// it is. From there, up and down, the new curve follows the old one, and where that is too steep,
    /// a straight line, until it meets the old one again. So it is the nearest curve with that slope
    /// that doesn't cross the old one.
    ///
    /// # Panics
    ///
    /// There is no level `anchor`.
    pub fn limit_slope(&mut self, max_slope: f64, anchor: usize) {
        let (below, above) = self.levels.split_at_mut(anchor);
        let mut last = above[0];
        for level in below.iter_mut().rev() {
            last = level.max(last - max_slope);
            *level = last;
        }
        let mut last = above[0];
        for level in above {
            last = level.min(last + max_slope);
            *level = last;
        }
    }

    /// The table of the nearest levels.
    pub fn to_lut(&self) -> Lut {
        // 16 bits at most, as those that the curve was made from, and never below 0.
        Lut { levels: self.levels.iter().map(|level| (level + 0.5) as u16).collect() }
    }
}
