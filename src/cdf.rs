//! Cumulative distribution of one channel.

use crate::histogram::Histogram;

/// A cumulative histogram in counts: not divided by the total, so nothing is rounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cdf {
    counts: Vec<u64>,
}

impl Cdf {
    /// The number of samples at or below each level; it never falls from one level to the next.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The number of samples counted.
    pub fn total(&self) -> u64 {
        self.counts.last().copied().unwrap_or_default()
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
