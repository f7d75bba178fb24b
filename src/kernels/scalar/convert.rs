//! The conversion between the components of frames and the channels that are matched, in plain
//! Rust. This is the specification, and it is compiled once more for each instruction set.
//!
//! **Chroma to pixels.** A pixel's chroma lies between the chroma samples of its row's group: it is
//! interpolated horizontally, and the same for all rows of the group. It is not rounded, as far as
//! 16 bits go.
//!
//! **To channels.** [`Affine`] for each pixel.
//!
//! **Back.** Only the change of each channel is converted back and added to the components. So what
//! does not change in the channels does not change in the frame either. A chroma sample gets the mean
//! change of the pixels around it. Only the result is rounded.

use std::collections::TryReserveError;

use crate::color::{Affine, Encoding, FACTOR_BITS};
use crate::frame::Subsampling;
use crate::frame::rows::{AlignedRow, RowGroupView, RowGroupViewMut, Sample, zeros};

/// A conversion between the components of a frame and channels.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// From components to channels.
    pub to_channels: Affine,
    /// From channels to components; of this, only the factors count.
    pub to_components: Affine,
    /// How the second and third component are subsampled.
    pub chroma: Subsampling,
    /// The lowest and highest legal level of each component. A sample beyond may stay where it is.
    pub legal: [(i32, i32); 3],
    /// The number of channels.
    pub n_channels: usize,
}

impl Conversion {
    /// Between components and channels, both of `depth` bits, 8 to 16.
    pub fn between(
        components: Encoding,
        channels: Encoding,
        chroma: Subsampling,
        depth: u32,
    ) -> Self {
        Self {
            to_channels: Affine::between(components, channels, depth),
            to_components: Affine::between(channels, components, depth),
            chroma,
            legal: [0, 1, 2].map(|component| {
                let (low, high) = components.legal(component, depth);
                (low.into(), high.into())
            }),
            n_channels: channels.n_channels(),
        }
    }

    /// The components with a sample for each pixel.
    pub fn n_full(&self) -> usize {
        if self.chroma == Subsampling::NONE { 3 } else { 1 }
    }

    /// How often a row of a group counts: at the bottom of a frame, the last row stands for those
    /// that are missing.
    pub(in crate::kernels) fn times(&self, row: usize, n_rows: usize) -> i32 {
        let times = if row + 1 == n_rows { self.chroma.vertical - row } else { 1 };
        times as i32
    }

    /// The binary logarithm of the weights of all changes in a chroma sample's sum.
    pub(in crate::kernels) fn sum_bits(&self) -> u32 {
        let Subsampling { horizontal, vertical, cosited } = self.chroma;
        let of_row = if cosited && horizontal > 1 { 2 } else { 1 };
        of_row * horizontal.ilog2() + vertical.ilog2()
    }
}

/// What a group is converted to.
#[derive(Debug)]
pub struct ConvertedRows<S: Sample> {
    /// The components of a row's pixels as [`Affine`] has them: `signed`.
    pub(in crate::kernels) inputs: [Vec<i16>; 3],
    /// Of each row of the group, a line of each channel.
    pub(in crate::kernels) channels: Vec<Vec<AlignedRow<S>>>,
    /// What matching made of `channels`.
    pub(in crate::kernels) matched: Vec<Vec<AlignedRow<S>>>,
    /// For each chroma sample, the sum of the changes around it in the rows of the group, of each
    /// channel.
    pub(in crate::kernels) sums: Vec<Vec<i32>>,
}

impl<S: Sample> ConvertedRows<S> {
    /// For rows of `width` pixels.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    pub fn new(width: usize, conversion: &Conversion) -> Result<Self, TryReserveError> {
        let Conversion { n_channels, chroma, .. } = conversion;
        let rows = || {
            let row = || (0..*n_channels).map(|_| AlignedRow::new(width)).collect();
            (0..chroma.vertical).map(|_| row()).collect::<Result<_, _>>()
        };
        let sums = || zeros(width.div_ceil(chroma.horizontal));
        Ok(Self {
            inputs: [zeros(width)?, zeros(width)?, zeros(width)?],
            channels: rows()?,
            matched: rows()?,
            sums: (0..*n_channels).map(|_| sums()).collect::<Result<_, _>>()?,
        })
    }

    /// The line of each channel, of some row of the group.
    pub fn channels(&self, row: usize) -> impl Iterator<Item = &[S]> {
        self.channels[row].iter().map(|line| &**line)
    }

    /// For each channel, its line and where to put what matching makes of it.
    pub fn to_match(&mut self, row: usize) -> impl Iterator<Item = (&[S], &mut [S])> {
        let lines = self.channels[row].iter().zip(&mut self.matched[row]);
        lines.map(|(line, to)| (&**line, &mut **to))
    }
}

/// The steps of a conversion, compiled for one instruction set.
#[derive(Clone, Copy, Debug)]
pub struct ConversionKernels<S: Sample> {
    /// Converts the rows of a group to channels. The ends of its chroma must be padded.
    pub to_channels: fn(&Conversion, &RowGroupView<S>, &mut ConvertedRows<S>),
    /// Adds to a group what matching has changed in the channels.
    pub add_changes: fn(&Conversion, &mut RowGroupViewMut<S>, &mut ConvertedRows<S>),
}

impl<S: Sample> ConversionKernels<S> {
    /// In plain Rust, for every CPU.
    pub fn plain() -> Self {
        Self {
            to_channels: |conversion, group, lines| to_channels(Plain, conversion, group, lines),
            add_changes: |conversion, group, lines| add_changes(Plain, conversion, group, lines),
        }
    }
}

/// The parts of the conversions that are written for vectors. Each does as many pixels from the left as it
/// can, and gives their number; the plain code does the rest. All give the same bits.
pub(in crate::kernels) trait Ops<S: Sample>: Sized {
    #[inline(always)]
    fn to_channels(self, _: &Conversion, _: &RowGroupView<S>, _: &mut ConvertedRows<S>) -> usize {
        0
    }

    #[inline(always)]
    fn add_changes(
        self,
        _: &Conversion,
        _: &mut RowGroupViewMut<S>,
        _: &ConvertedRows<S>,
    ) -> usize {
        0
    }
}

/// The specification.
struct Plain;

impl<S: Sample> Ops<S> for Plain {}

#[inline(always)]
pub(in crate::kernels) fn to_channels<S: Sample>(
    ops: impl Ops<S>,
    conversion: &Conversion,
    group: &RowGroupView<S>,
    lines: &mut ConvertedRows<S>,
) {
    let from = ops.to_channels(conversion, group, lines);
    if from == group.full[0][0].len() {
        return;
    }

    let ConvertedRows { inputs, channels, .. } = lines;
    let affine = &conversion.to_channels;
    if conversion.n_full() == 1 {
        for (rows, input) in group.chroma.iter().zip(&mut inputs[1..]) {
            upsample(conversion, &rows[0], input, from);
        }
    }
    for (row, channels) in channels.iter_mut().enumerate().take(group.n_rows) {
        let full = group.full.iter().zip(&mut *inputs).take(conversion.n_full());
        for (component, input) in full {
            for (to, sample) in input[from..].iter_mut().zip(&component[row][from..]) {
                *to = signed(sample.get(), affine.depth);
            }
        }
        let inputs = inputs.each_ref().map(|input| &input[from..]);
        for (i, channel) in channels.iter_mut().enumerate() {
            convert_row(inputs, &mut channel[from..], affine, i);
        }
    }
}

/// A sample as [`Affine`] has it.
#[inline(always)]
fn signed(sample: i32, depth: u32) -> i16 {
    ((sample - (1 << (depth - 1))) << (16 - depth)) as i16
}

/// One output of an [`Affine`].
#[inline(always)]
fn convert_row<S: Sample>([a, b, c]: [&[i16]; 3], to: &mut [S], affine: &Affine, output: usize) {
    let &Affine { factors, offsets, max, fraction_bits, shift, .. } = affine;
    let [fa, fb, fc] = factors[output];
    let term = |factor: i32, input: i16| (factor * i32::from(input) + (1 << shift >> 1)) >> shift;
    for (((to, &a), &b), &c) in to.iter_mut().zip(a).zip(b).zip(c) {
        let sum = term(fa, a) + term(fb, b) + term(fc, c) + offsets[output];
        *to = S::new((sum >> fraction_bits).clamp(0, max));
    }
}

/// The chroma of pixels, from one of them on, as [`Affine`] has it.
#[inline(always)]
fn upsample<S: Sample>(
    conversion: &Conversion,
    samples: &AlignedRow<S>,
    pixels: &mut [i16],
    from: usize,
) {
    let (Subsampling { horizontal, cosited, .. }, depth) =
        (conversion.chroma, conversion.to_channels.depth);
    let padded = &samples.padded()[AlignedRow::<S>::PADDING - 1 + from / horizontal..];
    let pixels = &mut pixels[from..];
    match (horizontal, cosited) {
        (1, _) => interpolate(padded, pixels, [[0, 8, 0]], depth),
        (2, true) => interpolate(padded, pixels, [[0, 8, 0], [0, 4, 4]], depth),
        (2, false) => interpolate(padded, pixels, [[2, 6, 0], [0, 6, 2]], depth),
        (_, true) => {
            interpolate(padded, pixels, [[0, 8, 0], [0, 6, 2], [0, 4, 4], [0, 2, 6]], depth)
        }
        (_, false) => {
            interpolate(padded, pixels, [[3, 5, 0], [1, 7, 0], [0, 7, 1], [0, 5, 3]], depth)
        }
    }
}

/// Linear interpolation: `weights`, in eighths, of the samples before, at and after each of the
/// pixels that share one.
#[inline(always)]
fn interpolate<S: Sample, const N: usize>(
    padded: &[S],
    pixels: &mut [i16],
    weights: [[i32; 3]; N],
    depth: u32,
) {
    let pixel = |[before, at, after]: [i32; 3], a: S, b: S, c: S| {
        let eighths = before * a.get() + at * b.get() + after * c.get() - (4 << depth);
        // A sample of more than 13 bits leaves no room for eighths.
        let scaled = (eighths << (16 - depth)) + 4;
        (scaled >> 3) as i16
    };
    let (shared, rest) = pixels.as_chunks_mut::<N>();
    let n = shared.len();
    let (before, at, after) = (&padded[..n], &padded[1..][..n], &padded[2..][..n]);
    for (((to, &a), &b), &c) in shared.iter_mut().zip(before).zip(at).zip(after) {
        *to = std::array::from_fn(|i| pixel(weights[i], a, b, c));
    }
    for (to, weights) in rest.iter_mut().zip(weights) {
        *to = pixel(weights, padded[n], padded[n + 1], padded[n + 2]);
    }
}

#[inline(always)]
pub(in crate::kernels) fn add_changes<S: Sample>(
    ops: impl Ops<S>,
    conversion: &Conversion,
    group: &mut RowGroupViewMut<S>,
    lines: &mut ConvertedRows<S>,
) {
    let from = ops.add_changes(conversion, group, lines);
    if from == group.full[0][0].len() {
        return;
    }
    let n_full = conversion.n_full();
    if n_full == 1 {
        let rows = lines.channels.iter_mut().chain(&mut lines.matched);
        rows.flatten().for_each(AlignedRow::pad);
    }

    let ConvertedRows { channels, matched, sums, .. } = lines;
    let (n_rows, max) = (group.n_rows, conversion.to_channels.max);
    // Factors of channels that are missing are 0.
    let of_channels = [0, 1, 2].map(|channel| channel.min(conversion.n_channels - 1));
    for (c, rows) in group.full.iter_mut().enumerate().take(n_full) {
        let (factors, legal) = (conversion.to_components.factors[c], conversion.legal[c]);
        for (row, component) in rows.iter_mut().enumerate().take(n_rows) {
            let component = &mut component[from..];
            let n = component.len();
            let [a, b, c] = of_channels.map(|channel| &channels[row][channel][from..][..n]);
            let [x, y, z] = of_channels.map(|channel| &matched[row][channel][from..][..n]);
            let change = |old: S, new: S| new.get() - old.get();
            add(component, factors, legal, (max, 0), |i| {
                [change(a[i], x[i]), change(b[i], y[i]), change(c[i], z[i])]
            });
        }
    }
    if n_full == 3 {
        return;
    }

    let Subsampling { horizontal, cosited, .. } = conversion.chroma;
    let from = from / horizontal;
    for (channel, sums) in sums.iter_mut().enumerate() {
        let sums = &mut sums[from..];
        sums.fill(0);
        for row in 0..n_rows {
            let (old, new) = (channels[row][channel].padded(), matched[row][channel].padded());
            let times = conversion.times(row, n_rows);
            match (horizontal, cosited) {
                (1, _) => sum_around::<_, 1, 1>(old, new, sums, times, from, (0, [1])),
                (2, true) => sum_around::<_, 2, 3>(old, new, sums, times, from, (-1, [1, 2, 1])),
                (2, false) => sum_around::<_, 2, 2>(old, new, sums, times, from, (0, [1, 1])),
                (_, true) => {
                    let shares = (-3, [1, 2, 3, 4, 3, 2, 1]);
                    sum_around::<_, 4, 7>(old, new, sums, times, from, shares);
                }
                (_, false) => {
                    sum_around::<_, 4, 4>(old, new, sums, times, from, (0, [1, 1, 1, 1]));
                }
            }
        }
    }
    let sum_bits = conversion.sum_bits();
    for (c, rows) in (1..).zip(&mut *group.chroma) {
        let (factors, legal) = (conversion.to_components.factors[c], conversion.legal[c]);
        let component = &mut rows[0][from..];
        let [a, b, c] = of_channels.map(|channel| &sums[channel][from..][..component.len()]);
        add(component, factors, legal, (max, sum_bits), |i| [a[i], b[i], c[i]]);
    }
}

/// Adds to a component the changes of the channels, by the factors of the conversion back. A change is
/// given as the sum of 2^`sum_bits` changes. The result is clamped to legal levels. Bits beyond the
/// largest level stay.
#[inline(always)]
fn add<S: Sample>(
    component: &mut [S],
    [fa, fb, fc]: [i32; 3],
    (low, high): (i32, i32),
    (max, sum_bits): (i32, u32),
    change: impl Fn(usize) -> [i32; 3],
) {
    let shift = FACTOR_BITS + sum_bits;
    for (i, sample) in component.iter_mut().enumerate() {
        let [a, b, c] = change(i);
        let change = S::shifted_sum([(fa, a), (fb, b), (fc, c)], shift);
        let old = sample.get() & max;
        let new = (old + change).clamp(old.min(low), old.max(high));
        *sample = S::new(sample.get() & !max | new);
    }
}

/// Adds, for each chroma sample from `from` on, the weighted changes around its first pixel. `shares` is
/// where these begin, relative to that pixel, and their weights.
#[inline(always)]
fn sum_around<S: Sample, const HORIZONTAL: usize, const N: usize>(
    old: &[S],
    new: &[S],
    sums: &mut [i32],
    times: i32,
    from: usize,
    (first, shares): (isize, [i32; N]),
) {
    // From the chunk before the pixels of the first chroma sample on.
    let (n, start) = (sums.len(), AlignedRow::<S>::PADDING + from * HORIZONTAL - HORIZONTAL);
    let old = &old[start..].as_chunks::<HORIZONTAL>().0[..n + 1];
    let new = &new[start..].as_chunks::<HORIZONTAL>().0[..n + 1];
    for (i, sum) in sums.iter_mut().enumerate() {
        let mut total = 0;
        for (k, share) in shares.into_iter().enumerate() {
            let place = HORIZONTAL.wrapping_add_signed(first) + k;
            let (chunk, place) = (i + place / HORIZONTAL, place % HORIZONTAL);
            total += share * (new[chunk][place].get() - old[chunk][place].get());
        }
        *sum += times * total;
    }
}
