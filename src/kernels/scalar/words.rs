//! The kernels for samples of 9 to 16 bits, in plain Rust. Bits above are ignored, and kept.

use crate::histogram::Histogram;
use crate::kernels::{Counter, Lut8};

/// Levels of samples with so many bits are counted in several tables; with more, these would not
/// fit into the second-level cache.
const FEW_BITS: u32 = 12;

const FEW: usize = 1 << FEW_BITS;

/// Tables to count neighbouring samples in, because adding to a counter has to wait for the last
/// addition to the same one.
const TABLES: usize = 4;

/// Counters of one level must not lie a multiple of 4096 bytes apart: such addresses delay each
/// other.
const PADDING: usize = 16;

/// Words there can be.
const ALL: usize = 1 << 16;

#[derive(Debug)]
enum Tables {
    Few(Box<[[u32; FEW + PADDING]; TABLES]>),
    One(Box<[u32; ALL]>),
}

#[derive(Debug)]
struct WordCounter {
    depth: u32,
    tables: Tables,
    /// The samples in the tables, so that no counter wraps.
    pending: usize,
    bins: Vec<u64>,
}

pub(in crate::kernels) fn counter(depth: u32) -> Box<dyn Counter<u16>> {
    let tables = match depth {
        0..=FEW_BITS => Tables::Few(Box::new([[0; FEW + PADDING]; TABLES])),
        _ => Tables::One(Box::new([0; ALL])),
    };
    Box::new(WordCounter { depth, tables, pending: 0, bins: vec![0; 1 << depth] })
}

impl WordCounter {
    fn empty_tables(&mut self) {
        let mut add = |table: &mut [u32]| {
            for (count, bin) in table.iter_mut().zip(&mut self.bins) {
                *bin += u64::from(std::mem::take(count));
            }
        };
        match &mut self.tables {
            Tables::Few(tables) => tables.iter_mut().for_each(|table| add(table)),
            Tables::One(table) => add(&mut table[..]),
        }
        self.pending = 0;
    }
}

impl Counter<u16> for WordCounter {
    fn add(&mut self, row: &[u16]) {
        for row in row.chunks(1 << 24) {
            if self.pending + row.len() > u32::MAX as usize {
                self.empty_tables();
            }
            self.pending += row.len();
            let mask = ((1 << self.depth) - 1) as u16;
            match &mut self.tables {
                Tables::Few(tables) => {
                    // The mask has no more bits; this tells the compiler.
                    let level = |sample: u16| usize::from(sample & mask) % FEW;
                    let (groups, rest) = row.as_chunks::<TABLES>();
                    for group in groups {
                        for (table, &sample) in tables.iter_mut().zip(group) {
                            table[level(sample)] += 1;
                        }
                    }
                    rest.iter().for_each(|&sample| tables[0][level(sample)] += 1);
                }
                Tables::One(table) => {
                    row.iter().for_each(|&sample| table[usize::from(sample & mask)] += 1);
                }
            }
        }
    }

    fn finish(&mut self) -> Vec<Histogram> {
        self.empty_tables();
        let bins = std::mem::replace(&mut self.bins, vec![0; 1 << self.depth]);
        vec![Histogram { bins }]
    }
}

/// Bits of the samples that there are kernels by vectors for.
pub(in crate::kernels) const BITS_OF_VECTORS: u32 = 10;

/// What replaces words.
#[derive(Debug)]
pub enum Lut16 {
    /// A word for every one there can be, so that neither bounds are checked nor other bits put
    /// aside.
    Words(Box<[u16; ALL]>),
    /// The levels that replace those of 10 bits, in parts.
    Parts(Box<Parts>),
}

/// Levels of 10 bits in bytes: each table has an entry for a sample's lower byte.
#[derive(Debug)]
pub struct Parts {
    /// By the upper two bits of a sample, the lower byte of its level.
    pub(in crate::kernels) lower: [Lut8; 4],
    /// The upper bytes for all four of them, of two bits each, the first in the lowest ones.
    pub(in crate::kernels) upper: Lut8,
}

/// The table for `lut`, which has a power of two of levels.
pub(in crate::kernels) fn table(lut: &[u16]) -> Lut16 {
    let mut words = Box::new([0; ALL]);
    for (first, words) in (0..).step_by(lut.len()).zip(words.chunks_exact_mut(lut.len())) {
        for (word, level) in words.iter_mut().zip(lut) {
            *word = first as u16 | level;
        }
    }
    Lut16::Words(words)
}

impl Parts {
    pub(in crate::kernels) fn new(levels: &[u16]) -> Self {
        let mut parts = Self { lower: [[0; 256]; 4], upper: [0; 256] };
        for (i, of_upper) in levels.chunks_exact(256).enumerate() {
            for (j, level) in of_upper.iter().enumerate() {
                let [lower, upper] = level.to_le_bytes();
                parts.lower[i][j] = lower;
                parts.upper[j] |= upper << (2 * i);
            }
        }
        parts
    }

    fn replaced(&self, word: u16) -> u16 {
        let [lower, upper] = word.to_le_bytes();
        let (i, j) = (usize::from(upper % 4), usize::from(lower));
        let level = u16::from_le_bytes([self.lower[i][j], self.upper[j] >> (2 * i) & 3]);
        word >> BITS_OF_VECTORS << BITS_OF_VECTORS | level
    }
}

pub(in crate::kernels) fn apply(row: &mut [u16], table: &Lut16) {
    match table {
        Lut16::Words(words) => {
            row.iter_mut().for_each(|word| *word = words[usize::from(*word)]);
        }
        Lut16::Parts(parts) => row.iter_mut().for_each(|word| *word = parts.replaced(*word)),
    }
}

pub(in crate::kernels) fn apply_to(from: &[u16], to: &mut [u16], table: &Lut16) {
    let both = to.iter_mut().zip(from);
    match table {
        Lut16::Words(words) => both.for_each(|(to, &word)| *to = words[usize::from(word)]),
        Lut16::Parts(parts) => both.for_each(|(to, &word)| *to = parts.replaced(word)),
    }
}
