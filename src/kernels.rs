//! The row functions that read and write samples, and the table they are chosen from.
//!
//! A kernel knows how many bytes a pixel has and which of them to skip, never a format's name or
//! a channel's. Samples are therefore counted, and lookup tables given, in memory order.

mod scalar;

use crate::histogram::Histogram;
use crate::lut::Lut;
use crate::pixels::PixelLayout;

/// Adds the samples of `row` to `histograms`: one histogram per sample of a pixel, in memory
/// order.
pub type CountRow = fn(row: &[u8], histograms: &mut [Histogram]);

/// Replaces the samples of `row` through `luts`: one table per sample of a pixel, in memory order.
pub type ApplyRow = fn(row: &mut [u8], luts: &[Lut]);

/// The functions for one [`PixelLayout`].
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// The name in logs.
    pub name: &'static str,
    /// Counts a row.
    pub count: CountRow,
    /// Rewrites a row.
    pub apply: ApplyRow,
}

/// The kernel for a pixel layout, or `None` if there is none.
pub fn select(pixel: PixelLayout) -> Option<Kernel> {
    scalar::KERNELS.iter().find(|(layout, _)| *layout == pixel).map(|&(_, kernel)| kernel)
}
