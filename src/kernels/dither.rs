//! The ordered pattern of half a level, before levels are rounded.

use super::convert::{Conversion, ConvertedRows};
use crate::color::FACTOR_BITS;
use crate::frame::Subsampling;
use crate::frame::rows::{AlignedRow, RowGroupViewMut, Sample};
use crate::mapping::curve::Curve;

/// Places of the pattern, from 0 to 63, by row and column. It repeats every 8 rows and columns.
///
/// B. E. Bayer, "An optimum method for two-level rendition of continuous-tone pictures", ICC 1973.
pub fn rank(row: usize, column: usize) -> u8 {
    // The bits of row ^ column and of row, in turns, the lowest first.
    let bits = |bit: usize| ((column ^ row) >> bit & 1) << 1 | (row >> bit & 1);
    (0..3).fold(0, |rank, bit| rank << 2 | bits(bit)) as u8
}

/// The bits behind the point of a level: as many as a [`rank`] has.
const FRACTION: u32 = 6;

/// Levels with fractions, as they are dithered.
///
/// A sample becomes the nearest level to its own plus `(2 rank - 63) / 128`.
#[derive(Debug)]
pub struct DitheredLut {
    /// In 1/64 levels.
    levels: Vec<i32>,
}

impl From<&Curve> for DitheredLut {
    fn from(curve: &Curve) -> Self {
        let fixed = |level: &f64| (level * f64::from(1 << FRACTION)).round() as i32;
        Self { levels: curve.levels().iter().map(fixed).collect() }
    }
}

impl DitheredLut {
    /// What becomes of a level, in 1/64.
    #[inline(always)]
    fn at(&self, level: i32) -> i32 {
        self.levels[level as usize & (self.levels.len() - 1)]
    }

    /// By how much a level changes, in 1/64.
    #[inline(always)]
    fn change(&self, level: i32) -> i32 {
        self.at(level) - (level << FRACTION)
    }

    /// Replaces the samples of a row, of which every `stride` is one. The place of the first in the pattern
    /// is given. Bits above a sample stay.
    pub fn apply<S: Sample>(
        &self,
        row: &mut [S],
        stride: usize,
        (pattern_row, first_column): (usize, usize),
    ) {
        let mask = self.levels.len() as i32 - 1;
        let ranks: [i32; 8] = std::array::from_fn(|i| rank(pattern_row, first_column + i).into());
        for (i, sample) in row.iter_mut().step_by(stride).enumerate() {
            let word = sample.get();
            // All 64 ranks together give the level with its fraction; none of them leaves a whole one.
            let level = (self.at(word & mask) + ranks[i % 8]) >> FRACTION;
            *sample = S::new(word & !mask | level);
        }
    }
}

/// Adds to a group what tables change in the channels that it was converted to, as
/// [`ConversionKernels::add_changes`](super::convert::ConversionKernels::add_changes) does, and dithers
/// the components. The index of the group's first row is given.
pub fn add_changes<S: Sample>(
    conversion: &Conversion,
    group: &mut RowGroupViewMut<S>,
    rows: &mut ConvertedRows<S>,
    tables: &[DitheredLut],
    first_row: usize,
) {
    let (n_full, n_rows) = (conversion.n_full(), group.n_rows);
    // Factors of channels that are missing are 0.
    let of_channels = [0, 1, 2].map(|channel| channel.min(tables.len() - 1));
    for (c, of_component) in group.full.iter_mut().enumerate().take(n_full) {
        for (row, component) in of_component.iter_mut().enumerate().take(n_rows) {
            let channels =
                of_channels.map(|channel| (&*rows.channels[row][channel], &tables[channel]));
            add(conversion, c, component, first_row + row, 0, |x| {
                channels.map(|(samples, table)| table.change(samples[x].get()))
            });
        }
    }
    if n_full == 3 {
        return;
    }

    rows.channels.iter_mut().flatten().for_each(AlignedRow::pad);
    let Subsampling { horizontal, vertical, cosited } = conversion.chroma;
    // Of the pixels around the first of a sample of chroma, from so many before it on.
    let (before, shares) = match cosited {
        true => (horizontal - 1, (1..horizontal).chain((1..=horizontal).rev()).collect()),
        false => (0, vec![1; horizontal]),
    };
    for ((channel, table), sums) in tables.iter().enumerate().zip(&mut rows.sums) {
        sums.fill(0);
        for row in 0..n_rows {
            let times = conversion.times(row, n_rows);
            let samples =
                &rows.channels[row][channel].padded()[AlignedRow::<S>::PADDING - before..];
            for (sum, around) in
                sums.iter_mut().zip(samples.windows(shares.len()).step_by(horizontal))
            {
                let change =
                    |(&share, sample): (&usize, &S)| share as i32 * table.change(sample.get());
                *sum += times * shares.iter().zip(around).map(change).sum::<i32>();
            }
        }
    }
    for (c, of_component) in (1..).zip(&mut *group.chroma) {
        let sums = of_channels.map(|channel| &rows.sums[channel]);
        let row = first_row / vertical;
        add(conversion, c, &mut of_component[0], row, conversion.sum_bits(), |x| {
            sums.map(|sums| sums[x])
        });
    }
}

/// Adds changes to a component, which are given in 1/64 and as the sum of 2^`sum_bits` of them.
#[inline(always)]
fn add<S: Sample>(
    conversion: &Conversion,
    c: usize,
    component: &mut [S],
    pattern_row: usize,
    sum_bits: u32,
    change: impl Fn(usize) -> [i32; 3],
) {
    let ((low, high), max) = (conversion.legal[c], conversion.to_channels.max);
    let factors = conversion.to_components.factors[c].map(i64::from);
    let shift = FACTOR_BITS + sum_bits + FRACTION;
    // 1/2 + (2 rank - 63) / 128
    let rounding: [i64; 8] = std::array::from_fn(|x| {
        (2 * i64::from(rank(pattern_row, x)) + 1) << shift >> (FRACTION + 1)
    });
    for (x, sample) in component.iter_mut().enumerate() {
        let changes = change(x).map(i64::from);
        let sum: i64 = factors.iter().zip(changes).map(|(factor, change)| factor * change).sum();
        let change = ((sum + rounding[x % 8]) >> shift) as i32;
        let old = sample.get() & max;
        let new = (old + change).clamp(old.min(low), old.max(high));
        *sample = S::new(sample.get() & !max | new);
    }
}
