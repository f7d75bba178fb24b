//! Quantiles of what was counted in bins.

/// Where a quantile, in percent, lies among bins that are 1 wide: as if what a bin counts were spread evenly
/// over it. Something was counted.
pub(super) fn place(counts: &[u32], total: u32, percent: f64) -> f64 {
    let rank = f64::from(total - 1) * percent / 100.;
    let (mut bin, mut before) = (0, 0);
    while f64::from(before + counts[bin]) <= rank {
        before += counts[bin];
        bin += 1;
    }
    let within = (rank - f64::from(before) + 0.5) / f64::from(counts[bin]);
    bin as f64 + within.min(1.)
}
