//! The kernels for bytes.

use crate::histogram::Histogram;
use crate::kernels::{Counter, Lut8, MakePixelKernels, PixelKernels};

/// Needs nothing of the CPU.
pub(in crate::kernels) struct Scalar;

impl MakePixelKernels for Scalar {
    fn make<const STRIDE: usize, const FIRST: usize, const N: usize>(self) -> PixelKernels {
        PixelKernels {
            counter: || Box::new(SubTables::<STRIDE, FIRST, N>::new()),
            apply: apply::<STRIDE, FIRST, N>,
        }
    }
}

/// Neighbouring pixels are counted in different tables, because adding to a counter has to wait
/// for the last addition to the same one.
const MAX_TABLES: usize = 8;

/// More counters than levels, so that counters of one level don't lie a multiple of 4096 bytes
/// apart: such addresses delay each other.
const PADDED_LEVELS: usize = 256 + 8;

/// Aligned to pages, so that its place in the cache isn't another in every process.
#[repr(align(4096))]
#[derive(Debug)]
struct Tables<const N: usize>([[[u64; PADDED_LEVELS]; N]; MAX_TABLES]);

#[derive(Debug)]
pub(in crate::kernels) struct SubTables<const STRIDE: usize, const FIRST: usize, const N: usize> {
    tables: Box<Tables<N>>,
}

impl<const STRIDE: usize, const FIRST: usize, const N: usize> SubTables<STRIDE, FIRST, N> {
    /// Pixels side by side that go to different tables: as many as keep about a dozen counters
    /// busy, so that all tables together stay in the first-level cache.
    const TABLES: usize = if N == 1 { MAX_TABLES } else { 4 };

    pub(in crate::kernels) fn new() -> Self {
        Self { tables: Box::new(Tables([[[0; PADDED_LEVELS]; N]; MAX_TABLES])) }
    }
}

impl<const STRIDE: usize, const FIRST: usize, const N: usize> Counter
    for SubTables<STRIDE, FIRST, N>
{
    fn add(&mut self, row: &[u8]) {
        let tables = &mut self.tables.0;
        let mut groups = row.chunks_exact(STRIDE * Self::TABLES);
        for group in &mut groups {
            for (pixel, table) in group.as_chunks::<STRIDE>().0.iter().zip(&mut *tables) {
                count_pixel::<STRIDE, FIRST, N>(pixel, table);
            }
        }
        for pixel in groups.remainder().as_chunks::<STRIDE>().0 {
            count_pixel::<STRIDE, FIRST, N>(pixel, &mut tables[0]);
        }
    }

    fn finish(&mut self) -> Vec<Histogram> {
        let mut histograms = vec![Histogram::empty(8); N];
        for tables in &mut self.tables.0 {
            for (table, histogram) in tables.iter_mut().zip(&mut histograms) {
                for (counter, bin) in table.iter_mut().zip(&mut histogram.bins) {
                    *bin += std::mem::take(counter);
                }
            }
        }
        histograms
    }
}

#[inline(always)]
fn count_pixel<const STRIDE: usize, const FIRST: usize, const N: usize>(
    pixel: &[u8; STRIDE],
    tables: &mut [[u64; PADDED_LEVELS]; N],
) {
    for (sample, table) in pixel[FIRST..FIRST + N].iter().zip(tables) {
        table[usize::from(*sample)] += 1;
    }
}

pub(in crate::kernels) fn apply<const STRIDE: usize, const FIRST: usize, const N: usize>(
    row: &mut [u8],
    tables: &[Lut8],
) {
    let tables: &[Lut8; N] = tables.try_into().expect("one table per sample");
    for pixel in row.as_chunks_mut::<STRIDE>().0 {
        for (sample, table) in pixel[FIRST..FIRST + N].iter_mut().zip(tables) {
            *sample = table[usize::from(*sample)];
        }
    }
}

/// Counts rows of one channel.
pub(in crate::kernels) fn plane_counter() -> Box<dyn Counter> {
    Box::new(SubTables::<1, 0, 1>::new())
}

pub(in crate::kernels) fn apply_row(row: &mut [u8], table: &Lut8) {
    apply::<1, 0, 1>(row, std::slice::from_ref(table));
}

pub(in crate::kernels) fn apply_to(from: &[u8], to: &mut [u8], table: &Lut8) {
    for (to, &sample) in to.iter_mut().zip(from) {
        *to = table[usize::from(sample)];
    }
}
