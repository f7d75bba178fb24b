//! Cumulative distribution of one channel.

use crate::histogram::{Histogram, LEVELS};

/// A cumulative histogram in counts: not divided by the total, so nothing is rounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cdf {
    /// `counts[level]` is the number of samples at or below `level`.
    counts: [u64; LEVELS],
}

impl Cdf {
    /// The number of samples at or below each level; it never falls from one level to the next.
    pub fn counts(&self) -> &[u64; LEVELS] {
        &self.counts
    }

    /// The number of samples counted.
    pub fn total(&self) -> u64 {
        self.counts[LEVELS - 1]
    }
}

impl From<&Histogram> for Cdf {
    fn from(histogram: &Histogram) -> Self {
        let mut sum = 0;
        let counts = histogram.bins.map(|bin| {
            sum += bin;
            sum
        });
        Self { counts }
    }
}
