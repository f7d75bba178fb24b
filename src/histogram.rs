//! Counts per level of one channel.

/// The number of levels of an 8-bit channel.
pub const LEVELS: usize = 256;

/// How often each of the [`LEVELS`] levels of one channel occurs.
///
/// The counts are 64 bits wide, so no frame or picture is large enough to make them wrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// `bins[level]` is the number of samples with that level.
    pub bins: [u64; LEVELS],
}

impl Histogram {
    /// A histogram of nothing: every bin 0.
    pub const EMPTY: Self = Self { bins: [0; LEVELS] };

    /// Counts one more sample of `level`.
    #[inline]
    pub fn add(&mut self, level: u8) {
        self.bins[usize::from(level)] += 1;
    }

    /// Counts what `other` has counted, too.
    pub fn merge(&mut self, other: &Self) {
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            *bin += more;
        }
    }

    /// The number of samples counted.
    pub fn total(&self) -> u64 {
        self.bins.iter().sum()
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::EMPTY
    }
}
