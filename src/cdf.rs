//! Cumulative distribution of one channel.

use crate::histogram::Histogram;

/// A cumulative histogram in counts: not divided by the total, so nothing is rounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cdf {
    counts: Vec<u64>,
}

/// The total of a mixture: fine enough that no level of a frame is lost in it, and coarse enough
/// that a share of it is exact in an `f64`.
const MIXTURE_TOTAL: u64 = 1 << 40;

impl Cdf {
    /// The number of samples at or below each level; it never falls from one level to the next.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The number of samples counted.
    pub fn total(&self) -> u64 {
        self.counts.last().copied().unwrap_or_default()
    }

    /// The lowest level that a sample has; 0 if nothing was counted.
    pub fn least_level(&self) -> usize {
        self.counts.iter().position(|&count| count > 0).unwrap_or_default()
    }

    /// The lowest level that at least half of the samples are at or below; 0 if nothing was counted.
    pub fn median(&self) -> usize {
        // Half of it, rounded up.
        let half = self.total().div_ceil(2);
        self.counts.partition_point(|&count| count < half)
    }

    /// The share of the samples at or below each level, from 0 to 1; all 0 if nothing was counted.
    pub fn shares(&self) -> impl ExactSizeIterator<Item = f64> {
        let total = self.total().max(1) as f64;
        self.counts.iter().map(move |&count| count as f64 / total)
    }

    /// By how much of the full scale the samples of one distribution have to move, on average, to
    /// become the other: 0 if they are equal, 1 if one is all black and the other all white. Where
    /// nothing was counted, nothing has to move.
    ///
    /// This is the Wasserstein distance of order 1 (the "earth mover's distance"), in one dimension
    /// the area between the two CDFs.
    ///
    /// # Panics
    ///
    /// The two have different numbers of levels.
    pub fn distance(&self, other: &Self) -> f64 {
        assert_eq!(self.counts.len(), other.counts.len(), "distributions of one depth");
        if self.total() == 0 || other.total() == 0 {
            return 0.;
        }
        let area: f64 = self.shares().zip(other.shares()).map(|(a, b)| (a - b).abs()).sum();
        area / (self.counts.len() - 1) as f64
    }

    /// The mixture of the two distributions: `weight`, from 0 to 1, of the other one, the rest of
    /// this.
    ///
    /// Its total is 2^40, whatever theirs are, and its counts are rounded to integers.
    ///
    /// # Panics
    ///
    /// The two have different numbers of levels.
    pub fn mix(&self, other: &Self, weight: f64) -> Self {
        assert_eq!(self.counts.len(), other.counts.len(), "distributions of one depth");
        let (own, others) = ((1. - weight) * MIXTURE_TOTAL as f64, weight * MIXTURE_TOTAL as f64);
        // Every step of this rises with both shares, rounding included, so the mixture does too.
        // Rounded to the nearest; the function for it is a call on many CPUs.
        let mixed = |(a, b): (f64, f64)| (a * own + b * others + 0.5) as u64;
        Self { counts: self.shares().zip(other.shares()).map(mixed).collect() }
    }
}

impl Cdf {
    /// The distribution when every level is multiplied by `factor`, which is positive, and moved by
    /// `offset`; what is then below or above all levels has the lowest or the highest one.
    ///
    /// The samples of a level are spread evenly from half a level below it to half a level above. The
    /// total is 2^40, and counts are rounded to integers.
    pub(crate) fn rescaled(&self, factor: f64, offset: f64) -> Self {
        let (n, total) = (self.counts.len(), self.total());
        // Half a level below the lowest one is 0 here.
        let up_to = |place: f64| {
            let place = place.clamp(0., n as f64);
            let level = (place as usize).min(n - 1);
            let below = if level == 0 { 0 } else { self.counts[level - 1] };
            below as f64 + (place - level as f64) * (self.counts[level] - below) as f64
        };
        let scaled = |level: usize| {
            if level == n - 1 {
                return if total == 0 { 0 } else { MIXTURE_TOTAL };
            }
            let count = up_to((level as f64 + 0.5 - offset) / factor + 0.5);
            (count / total.max(1) as f64 * MIXTURE_TOTAL as f64 + 0.5) as u64
        };
        Self { counts: (0..n).map(scaled).collect() }
    }

    /// The distribution with a total of 2^40 at most, rounded down. A count that is a share of so many
    /// stays exact.
    pub(crate) fn limited(self) -> Self {
        let total = u128::from(self.total());
        if total <= MIXTURE_TOTAL.into() {
            return self;
        }
        let scaled = |&count: &u64| (u128::from(count) * u128::from(MIXTURE_TOTAL) / total) as u64;
        Self { counts: self.counts.iter().map(scaled).collect() }
    }
}

impl From<&Histogram> for Cdf {
    fn from(histogram: &Histogram) -> Self {
        let mut sum = 0;
        let counts = histogram
            .bins
            .iter()
            .map(|bin| {
                sum += bin;
                sum
            })
            .collect();
        Self { counts }
    }
}

impl From<&Cdf> for Histogram {
    fn from(cdf: &Cdf) -> Self {
        let mut before = 0;
        let bin = |&count: &u64| count - std::mem::replace(&mut before, count);
        Self { bins: cdf.counts().iter().map(bin).collect() }
    }
}
