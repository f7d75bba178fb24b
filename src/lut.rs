//! A lookup table for the levels of one channel.

use crate::histogram::Histogram;

/// A lookup table: the output level for each input level of one channel. It never falls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lut {
    /// `levels[v]` replaces a sample of level `v`.
    pub levels: Vec<u16>,
}

impl Lut {
    /// The table for samples in bytes. Levels that 8 bits or less can't hold stay as they are.
    ///
    /// # Panics
    ///
    /// The table has more than 256 levels.
    pub fn to_bytes(&self) -> [u8; 256] {
        assert!(self.levels.len() <= 256, "a table for bytes");
        let mut bytes = std::array::from_fn(|v| v as u8);
        for (byte, &level) in bytes.iter_mut().zip(&self.levels) {
            *byte = level as u8;
        }
        bytes
    }

    /// The histogram of samples with this one, behind the table.
    ///
    /// # Panics
    ///
    /// The two have different numbers of levels.
    pub fn map(&self, histogram: &Histogram) -> Histogram {
        assert_eq!(self.levels.len(), histogram.bins.len(), "a table of as many levels");
        let mut mapped = Histogram { bins: vec![0; histogram.bins.len()] };
        for (bin, &level) in histogram.bins.iter().zip(&self.levels) {
            mapped.bins[usize::from(level)] += bin;
        }
        mapped
    }
}
