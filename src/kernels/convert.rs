//! Steps of the conversion between the components of frames and the channels that are matched, in
//! plain Rust. They are the specification, and they are compiled once more for each instruction
//! set.
//!
//! **Chroma to pixels.** A pixel's chroma lies between the chroma samples of its row's group: it is
//! interpolated horizontally, and the same for all rows of the group.
//!
//! **To channels.** [`Affine`] for each pixel.
//!
//! **Back.** Not the channels are converted back, but their changes, and added to the components.
//! So what does not change in the channels does not change in the frame either. Chroma gets the
//! mean of the changes of the pixels around it.

use crate::color::{Affine, Encoding, FRACTION_BITS, ROUNDING};
use crate::pixels::Subsampling;
use crate::rows::{Change, Group, Line, Sample};

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
}

/// What a group is converted to, and what is needed on the way.
#[derive(Debug)]
pub struct Lines<S: Sample> {
    /// Chroma of each pixel.
    chroma: [Line<S>; 2],
    /// A row of each channel.
    channels: Vec<Line<S>>,
    /// What matching made of `channels`.
    matched: Vec<Line<S>>,
    /// For each chroma sample, the sums of the changes around it in the rows of a group, and at
    /// last their means.
    sums: Vec<Vec<S::Change>>,
}

impl<S: Sample> Lines<S> {
    /// For rows of `width` pixels.
    pub fn new(width: usize, conversion: &Conversion) -> Self {
        let samples = width.div_ceil(conversion.chroma.horizontal);
        let rows = || (0..conversion.n_channels).map(|_| Line::new(width)).collect();
        Self {
            chroma: [Line::new(width), Line::new(width)],
            channels: rows(),
            matched: rows(),
            sums: vec![vec![S::Change::default(); samples]; conversion.n_channels],
        }
    }

    /// The row of each channel.
    pub fn channels(&self) -> impl Iterator<Item = &[S]> {
        self.channels.iter().map(|row| &**row)
    }

    /// For each channel, its row and where to put what matching makes of it.
    pub fn to_match(&mut self) -> impl Iterator<Item = (&[S], &mut [S])> {
        self.channels.iter().zip(&mut self.matched).map(|(row, to)| (&**row, &mut **to))
    }
}

/// A step of a conversion.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Gives each pixel of a group its chroma.
    Upsample,
    /// Converts a row of a group to channels.
    ToChannels(usize),
    /// Adds the changes of a row to the components, of chroma perhaps only when the last row is
    /// added.
    AddChanges(usize),
}

/// Takes a step, compiled for one instruction set.
pub type TakeStep<S> = fn(Step, &Conversion, &mut Group<S>, &mut Lines<S>);

/// The parts of the steps that take the most time. All give the same bits.
pub(super) trait Ops<S: Sample> {
    /// Converts rows of three components.
    #[inline(always)]
    fn to_channels(rows: [&[S]; 3], outputs: &mut [&mut [S]], to_channels: &Affine) {
        for (i, output) in outputs.iter_mut().enumerate() {
            affine(rows, output, to_channels, i);
        }
    }

    /// Adds to a component what three channels have changed.
    #[inline(always)]
    fn add_changes(
        component: &mut [S],
        old: [&[S]; 3],
        new: [&[S]; 3],
        factors: [i32; 3],
        legal: (i32, i32),
    ) {
        let n = component.len();
        let ([a, b, c], [new_a, new_b, new_c]) =
            (old.map(|row| &row[..n]), new.map(|row| &row[..n]));
        add(component, factors, legal, |i| {
            let change = |old: &[S], new: &[S]| new[i].get() - old[i].get();
            [change(a, new_a), change(b, new_b), change(c, new_c)]
        });
    }

    /// Adds to a component the mean changes of three channels.
    #[inline(always)]
    fn add_means(
        component: &mut [S],
        means: [&[S::Change]; 3],
        factors: [i32; 3],
        legal: (i32, i32),
    ) {
        let n = component.len();
        let [a, b, c] = means.map(|means| &means[..n]);
        add(component, factors, legal, |i| [a[i].into(), b[i].into(), c[i].into()]);
    }

    /// [`add_pairs`].
    #[inline(always)]
    fn add_pairs(old: &[S], new: &[S], cosited: bool, sums: &mut [S::Change]) {
        add_pairs(old, new, cosited, sums);
    }
}

/// The specification.
pub(super) struct Plain;

impl<S: Sample> Ops<S> for Plain {}

#[inline(always)]
pub(super) fn take_step<S: Sample, O: Ops<S>>(
    step: Step,
    conversion: &Conversion,
    group: &mut Group<S>,
    lines: &mut Lines<S>,
) {
    match step {
        Step::Upsample => upsample(conversion, group, lines),
        Step::ToChannels(row) => to_channels::<S, O>(conversion, group, row, lines),
        Step::AddChanges(row) => add_changes::<S, O>(conversion, group, row, lines),
    }
}

#[inline(always)]
fn upsample<S: Sample>(conversion: &Conversion, group: &mut Group<S>, lines: &mut Lines<S>) {
    let Subsampling { horizontal, cosited, .. } = conversion.chroma;
    if conversion.chroma == Subsampling::NONE {
        return;
    }
    for (component, pixels) in group.components[1..].iter_mut().zip(&mut lines.chroma) {
        let samples = &mut component[0];
        samples.pad();
        let padded = &samples.padded()[Line::<S>::PADDING - 1..];
        match (horizontal, cosited) {
            (1, _) => pixels.copy_from_slice(samples),
            (2, true) => upsample_row(padded, pixels, [[0, 8, 0], [0, 4, 4]]),
            (2, false) => upsample_row(padded, pixels, [[2, 6, 0], [0, 6, 2]]),
            (_, true) => upsample_row(padded, pixels, [[0, 8, 0], [0, 6, 2], [0, 4, 4], [0, 2, 6]]),
            (_, false) => {
                upsample_row(padded, pixels, [[3, 5, 0], [1, 7, 0], [0, 7, 1], [0, 5, 3]])
            }
        }
    }
}

/// Linear interpolation: `weights`, in eighths, of the samples before, at and after each of the
/// pixels that share one.
#[inline(always)]
fn upsample_row<S: Sample, const N: usize>(padded: &[S], pixels: &mut [S], weights: [[i32; 3]; N]) {
    let pixel = |[before, at, after]: [i32; 3], a: S, b: S, c: S| {
        S::new((before * a.get() + at * b.get() + after * c.get() + 4) >> 3)
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

/// The rows of the three components, chroma for each pixel.
#[inline(always)]
fn full_rows<'a, S: Sample>(
    conversion: &Conversion,
    group: &'a Group<S>,
    row: usize,
    chroma: &'a [Line<S>; 2],
) -> [&'a [S]; 3] {
    if conversion.chroma == Subsampling::NONE {
        [0, 1, 2].map(|c| &group.components[c][row][..])
    } else {
        [&group.components[0][row], &chroma[0], &chroma[1]]
    }
}

#[inline(always)]
fn to_channels<S: Sample, O: Ops<S>>(
    conversion: &Conversion,
    group: &Group<S>,
    row: usize,
    lines: &mut Lines<S>,
) {
    let rows = full_rows(conversion, group, row, &lines.chroma);
    match &mut *lines.channels {
        [a, b, c] => {
            let outputs = &mut [&mut **a, &mut **b, &mut **c];
            O::to_channels(rows, outputs, &conversion.to_channels);
        }
        [a] => O::to_channels(rows, &mut [&mut **a], &conversion.to_channels),
        _ => unreachable!("one channel or three"),
    }
}

/// One output of an [`Affine`].
#[inline(always)]
pub(super) fn affine<S: Sample>(
    [a, b, c]: [&[S]; 3],
    output: &mut [S],
    affine: &Affine,
    index: usize,
) {
    let (max, offset) = (affine.max, affine.offsets[index]);
    let [fa, fb, fc] = affine.factors[index];
    for (((to, a), b), c) in output.iter_mut().zip(a).zip(b).zip(c) {
        let sum = fa * a.get() + fb * b.get() + fc * c.get() + offset;
        *to = S::new((sum >> FRACTION_BITS).clamp(0, max));
    }
}

#[inline(always)]
fn add_changes<S: Sample, O: Ops<S>>(
    conversion: &Conversion,
    group: &mut Group<S>,
    row: usize,
    lines: &mut Lines<S>,
) {
    let Lines { channels, matched, sums, .. } = lines;
    let factors = &conversion.to_components.factors;
    let full = if conversion.chroma == Subsampling::NONE { 3 } else { 1 };
    for (c, component) in group.components.iter_mut().enumerate().take(full) {
        let (component, legal) = (&mut component[row], conversion.legal[c]);
        match (&**channels, &**matched) {
            ([a, b, c_], [new_a, new_b, new_c]) => {
                let (old, new) = ([a, b, c_], [new_a, new_b, new_c]);
                let (old, new) = (old.map(|row| &**row), new.map(|row| &**row));
                O::add_changes(component, old, new, factors[c], legal);
            }
            ([old], [new]) => {
                let (old, new) = (&old[..component.len()], &new[..component.len()]);
                add(component, factors[c], legal, |i| [new[i].get() - old[i].get(), 0, 0]);
            }
            _ => unreachable!("one channel or three"),
        }
    }
    if full == 3 {
        return;
    }

    let Subsampling { vertical, horizontal, cosited } = conversion.chroma;
    let is_last = row + 1 == group.n_rows;
    // At the bottom, the last row stands for those that are missing.
    let times = if is_last { vertical - row } else { 1 };
    for ((old, new), sums) in channels.iter_mut().zip(matched).zip(&mut *sums) {
        old.pad();
        new.pad();
        let (old, new) = (old.padded(), new.padded());
        if row == 0 {
            sums.fill(S::Change::default());
        }
        let padding = Line::<S>::PADDING;
        for _ in 0..times {
            match (horizontal, cosited) {
                (1, _) => add_around::<_, 1>(old, new, sums, &[(0, 1)]),
                (2, _) => O::add_pairs(&old[padding - 1..], &new[padding - 1..], cosited, sums),
                (_, true) => add_around::<_, 4>(
                    old,
                    new,
                    sums,
                    &[(-3, 1), (-2, 2), (-1, 3), (0, 4), (1, 3), (2, 2), (3, 1)],
                ),
                (_, false) => {
                    add_around::<_, 4>(old, new, sums, &[(0, 1), (1, 1), (2, 1), (3, 1)]);
                }
            }
        }
    }
    if !is_last {
        return;
    }

    let shift = match cosited && horizontal > 1 {
        true => 2 * horizontal.ilog2(),
        false => horizontal.ilog2(),
    } + vertical.ilog2();
    for sums in &mut *sums {
        for sum in sums {
            *sum = Change::new(((*sum).into() + ((1 << shift) >> 1)) >> shift);
        }
    }
    for (c, component) in group.components.iter_mut().enumerate().skip(1) {
        let (component, legal) = (&mut component[0], conversion.legal[c]);
        match &**sums {
            [x, y, z] => O::add_means(component, [x, y, z], factors[c], legal),
            [x] => add(component, factors[c], legal, |i| [x[i].into(), 0, 0]),
            _ => unreachable!("one channel or three"),
        }
    }
}

/// Adds what changes of the channels are for a component, and keeps the sum legal.
#[inline(always)]
pub(super) fn add<S: Sample>(
    component: &mut [S],
    [fa, fb, fc]: [i32; 3],
    (low, high): (i32, i32),
    change: impl Fn(usize) -> [i32; 3],
) {
    for (i, sample) in component.iter_mut().enumerate() {
        let [a, b, c] = change(i);
        let change = (fa * a + fb * b + fc * c + ROUNDING) >> FRACTION_BITS;
        let old = sample.get();
        *sample = S::new((old + change).clamp(old.min(low), old.max(high)));
    }
}

/// Adds, for each chroma sample of two pixels, their changes; and if it is cosited, once more that
/// of the first and that of the pixel before. The rows begin with that one.
#[inline(always)]
pub(super) fn add_pairs<S: Sample>(old: &[S], new: &[S], cosited: bool, sums: &mut [S::Change]) {
    let n = sums.len();
    let (old_before, new_before) = (&old.as_chunks::<2>().0[..n], &new.as_chunks::<2>().0[..n]);
    let (old_own, new_own) = (&old[1..].as_chunks::<2>().0[..n], &new[1..].as_chunks::<2>().0[..n]);
    let change =
        |[a, b]: [S; 2], [new_a, new_b]: [S; 2]| new_a.get() + new_b.get() - a.get() - b.get();
    for (i, sum) in sums.iter_mut().enumerate() {
        let mut total = (*sum).into() + change(old_own[i], new_own[i]);
        if cosited {
            total += change(old_before[i], new_before[i]);
        }
        *sum = Change::new(total);
    }
}

/// Adds, for each chroma sample, the changes around its first pixel: `shares` are places relative
/// to that and how often they count.
#[inline(always)]
fn add_around<S: Sample, const HORIZONTAL: usize>(
    old: &[S],
    new: &[S],
    sums: &mut [S::Change],
    shares: &[(isize, i32)],
) {
    // From the chunk before a chroma sample's own pixels on.
    let (n, start) = (sums.len(), Line::<S>::PADDING - HORIZONTAL);
    let old = &old[start..].as_chunks::<HORIZONTAL>().0[..n + 1];
    let new = &new[start..].as_chunks::<HORIZONTAL>().0[..n + 1];
    for (i, sum) in sums.iter_mut().enumerate() {
        let mut total = (*sum).into();
        for &(at, share) in shares {
            let place = HORIZONTAL.wrapping_add_signed(at);
            let (chunk, place) = (i + place / HORIZONTAL, place % HORIZONTAL);
            total += share * (new[chunk][place].get() - old[chunk][place].get());
        }
        *sum = Change::new(total);
    }
}
