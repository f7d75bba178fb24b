//! The plain kernels. They are the specification: every other kernel must equal them, bit for bit.

use super::Kernel;
use crate::histogram::Histogram;
use crate::lut::Lut;
use crate::pixels::PixelLayout;

/// The pixel layouts that there are kernels for.
pub(super) const KERNELS: &[(PixelLayout, Kernel)] =
    &[entry::<1, 0, 1>(), entry::<3, 0, 3>(), entry::<4, 0, 3>(), entry::<4, 1, 3>()];

const fn entry<const PIXEL_STRIDE: usize, const FIRST: usize, const N: usize>()
-> (PixelLayout, Kernel) {
    (
        PixelLayout { pixel_stride: PIXEL_STRIDE, first: FIRST, n_samples: N },
        Kernel {
            name: "scalar",
            count: count::<PIXEL_STRIDE, FIRST, N>,
            apply: apply::<PIXEL_STRIDE, FIRST, N>,
        },
    )
}

fn count<const PIXEL_STRIDE: usize, const FIRST: usize, const N: usize>(
    row: &[u8],
    histograms: &mut [Histogram],
) {
    let histograms: &mut [Histogram; N] = histograms.try_into().expect("one histogram per sample");
    for pixel in row.as_chunks::<PIXEL_STRIDE>().0 {
        for (sample, histogram) in pixel[FIRST..FIRST + N].iter().zip(&mut *histograms) {
            histogram.add(*sample);
        }
    }
}

fn apply<const PIXEL_STRIDE: usize, const FIRST: usize, const N: usize>(
    row: &mut [u8],
    luts: &[Lut],
) {
    let luts: &[Lut; N] = luts.try_into().expect("one table per sample");
    for pixel in row.as_chunks_mut::<PIXEL_STRIDE>().0 {
        for (sample, lut) in pixel[FIRST..FIRST + N].iter_mut().zip(luts) {
            *sample = lut.levels[usize::from(*sample)];
        }
    }
}
