//! The rule: the lookup table that makes one distribution look like another.

use crate::cdf::Cdf;
use crate::histogram::Histogram;
use crate::lut::Lut;

/// Histogram matching (histogram specification) in integers: the table that gives samples
/// distributed as `source` the distribution of `reference`.
///
/// ```text
/// lut[v] = the least u with  cdf_source[v] / n_source <= cdf_reference[u] / n_reference
/// ```
///
/// This is the discrete inverse-CDF rule of Gonzalez and Woods, *Digital Image Processing*,
/// section "Histogram Matching (Specification)", with the fractions compared exactly instead of
/// rounded to levels first.
///
/// It follows that `lut[v]` is a level that the reference has, for every `v` that the source has.
/// Below the darkest level of the source it is 0.
pub fn match_cdfs(source: &Cdf, reference: &Cdf) -> Lut {
    // Both sides of the rule times n_source * n_reference. A product of two u64 fits in a u128.
    let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
    let (n_source, n_reference) = (source.total(), reference.total());
    let mut u = 0;
    let level = |&count: &u64| {
        // Both CDFs rise, so the search goes on where the last level's ended. At the last level
        // the right side is n_reference * n_source, which the left side can't pass.
        while product(count, n_reference) > product(reference.counts()[u], n_source) {
            u += 1;
        }
        // 16 bits at most.
        u as u16
    };
    Lut { levels: source.counts().iter().map(level).collect() }
}

/// [`match_cdfs`] for each channel of a frame.
pub fn match_histograms(sources: &[Histogram], references: &[Cdf]) -> Vec<Lut> {
    let lut = |(source, reference)| match_cdfs(&Cdf::from(source), reference);
    sources.iter().zip(references).map(lut).collect()
}
