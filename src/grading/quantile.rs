//! Quantiles of what was counted in bins that are 1 wide, as if what a bin counts were spread evenly over it.

/// What was counted.
pub(super) struct Quantiles {
    /// How many there are up to the end of each bin.
    cumulative: Vec<u32>,
}

impl Quantiles {
    pub fn of(counts: impl Iterator<Item = u32>) -> Self {
        let mut total = 0;
        let up_to = |count| {
            total += count;
            total
        };
        Self { cumulative: counts.map(up_to).collect() }
    }

    /// Where a quantile, in percent, lies. Something was counted.
    pub fn place(&self, percent: f64) -> f64 {
        let total = self.cumulative.last().copied().unwrap_or(0);
        let rank = f64::from(total - 1) * percent / 100.;
        let bin = self.cumulative.partition_point(|&up_to| f64::from(up_to) <= rank);
        let before = if bin == 0 { 0 } else { self.cumulative[bin - 1] };
        let within = (rank - f64::from(before) + 0.5) / f64::from(self.cumulative[bin] - before);
        bin as f64 + within.min(1.)
    }
}
