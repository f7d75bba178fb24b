//! The kernels for samples of 9 to 16 bits, in plain Rust.

use super::Counter;
use crate::histogram::Histogram;

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

/// Of any sample.
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

pub(super) fn counter(depth: u32) -> Box<dyn Counter<u16>> {
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
            match &mut self.tables {
                Tables::Few(tables) => {
                    // Samples have no more bits; this tells the compiler.
                    let level = |sample: u16| usize::from(sample) % FEW;
                    let (groups, rest) = row.as_chunks::<TABLES>();
                    for group in groups {
                        for (table, &sample) in tables.iter_mut().zip(group) {
                            table[level(sample)] += 1;
                        }
                    }
                    rest.iter().for_each(|&sample| tables[0][level(sample)] += 1);
                }
                Tables::One(table) => {
                    row.iter().for_each(|&sample| table[usize::from(sample)] += 1);
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

/// A level for every sample there can be.
pub type WordTable = Box<[u16; ALL]>;

pub(super) fn table(levels: &[u16]) -> WordTable {
    let mut table = Box::new([0; ALL]);
    table[..levels.len()].copy_from_slice(levels);
    table
}

pub(super) fn apply(row: &mut [u16], tables: &[WordTable]) {
    let [table] = tables else { panic!("one table per row") };
    for sample in row {
        *sample = table[usize::from(*sample)];
    }
}

pub(super) fn apply_to(from: &[u16], to: &mut [u16], table: &WordTable) {
    for (to, &sample) in to.iter_mut().zip(from) {
        *to = table[usize::from(sample)];
    }
}
