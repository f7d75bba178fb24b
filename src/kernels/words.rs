//! The kernels for samples of 9 to 16 bits, in plain Rust.

use super::Counter;
use crate::histogram::Histogram;

/// Tables to count neighbouring samples in, because adding to a counter has to wait for the last
/// addition to the same one.
const TABLES: usize = 4;

/// With more bits, all tables together don't fit into the second-level cache any more.
const MAX_BITS_OF_TABLES: u32 = 12;

#[derive(Debug)]
struct WordCounter {
    depth: u32,
    /// [`TABLES`] tables or a single one, side by side.
    counts: Vec<u32>,
    n_tables: usize,
    /// The samples in the tables, so that no counter wraps.
    pending: usize,
    bins: Vec<u64>,
}

pub(super) fn counter(depth: u32) -> Box<dyn Counter<u16>> {
    let n_tables = if depth <= MAX_BITS_OF_TABLES { TABLES } else { 1 };
    Box::new(WordCounter {
        depth,
        counts: vec![0; n_tables << depth],
        n_tables,
        pending: 0,
        bins: vec![0; 1 << depth],
    })
}

impl WordCounter {
    fn empty_tables(&mut self) {
        for table in self.counts.chunks_mut(1 << self.depth) {
            for (count, bin) in table.iter_mut().zip(&mut self.bins) {
                *bin += u64::from(std::mem::take(count));
            }
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
            let levels = 1 << self.depth;
            if self.n_tables == 1 {
                row.iter().for_each(|&sample| self.counts[usize::from(sample)] += 1);
                continue;
            }
            let (ab, cd) = self.counts.split_at_mut(2 * levels);
            let ((a, b), (c, d)) = (ab.split_at_mut(levels), cd.split_at_mut(levels));
            let (groups, rest) = row.as_chunks::<TABLES>();
            for group in groups {
                let [i, j, k, l] = group.map(usize::from);
                a[i] += 1;
                b[j] += 1;
                c[k] += 1;
                d[l] += 1;
            }
            rest.iter().for_each(|&sample| a[usize::from(sample)] += 1);
        }
    }

    fn finish(&mut self) -> Vec<Histogram> {
        self.empty_tables();
        let bins = std::mem::replace(&mut self.bins, vec![0; 1 << self.depth]);
        vec![Histogram { bins }]
    }
}

pub(super) fn apply(row: &mut [u16], tables: &[Vec<u16>]) {
    let [levels] = tables else { panic!("one table per row") };
    for sample in row {
        *sample = levels[usize::from(*sample)];
    }
}
