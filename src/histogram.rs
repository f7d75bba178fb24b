//! Counts per level of one channel.

/// How often each level of one channel occurs.
///
/// The counts are 64 bits wide, so no frame or picture is large enough to make them wrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// `bins[level]` is the number of samples with that level; 2 to the power of the channel's
    /// bits of them.
    pub bins: Vec<u64>,
}

impl Histogram {
    /// A histogram of nothing, with samples of `depth` bits: every bin 0.
    pub fn empty(depth: u32) -> Self {
        Self { bins: vec![0; 1 << depth] }
    }

    /// Counts what `other` has counted, too.
    ///
    /// # Panics
    ///
    /// The two have different numbers of levels.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.bins.len(), other.bins.len(), "histograms of one depth");
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            *bin += more;
        }
    }

    /// The same distribution with samples of `depth` bits.
    ///
    /// A level stands for all levels of more bits that begin with its bits. So with fewer bits,
    /// levels that begin alike become one. With more bits, each bin is spread evenly over the
    /// levels that it stands for, except those outside `legal`; counts are 2^(bits more) times as
    /// large then, so that nothing is rounded.
    pub fn at_depth(&self, depth: u32, legal: (u16, u16)) -> Self {
        let own_depth = self.bins.len().ilog2();
        let mut histogram = Self::empty(depth);
        if depth <= own_depth {
            for (level, bin) in self.bins.iter().enumerate() {
                histogram.bins[level >> (own_depth - depth)] += bin;
            }
            return histogram;
        }
        let more_bits = depth - own_depth;
        let (low, high) = (usize::from(legal.0), usize::from(legal.1));
        for (level, &bin) in self.bins.iter().enumerate() {
            let first = level << more_bits;
            let last = first + (1 << more_bits) - 1;
            // An illegal level is spread over illegal ones.
            let (first, last) = match (first.max(low), last.min(high)) {
                (first, last) if first <= last => (first, last),
                _ => (first, last),
            };
            // Either all levels or a single one, because the lowest and highest legal levels are
            // multiples of the same power of two.
            let share = (bin << more_bits) / (last - first + 1) as u64;
            histogram.bins[first..=last].fill(share);
        }
        histogram
    }

    /// How many levels of 256 would hold the samples evenly, if they were as hard to guess: 2 to the
    /// power of the distribution's entropy in bits (its "perplexity"). From 1, if all samples have
    /// one level, to 256; 0 if nothing was counted. Of more than 8 bits, the upper 8 count; a level
    /// of fewer stands for all that begin with its bits.
    pub fn effective_levels(&self) -> f64 {
        if self.bins.len() > 256 {
            return self.at_depth(8, (0, 255)).effective_levels();
        }
        let total = self.total() as f64;
        if total == 0. {
            return 0.;
        }
        // The entropy is log2 n - (sum of c log2 c) / n.
        let weighted = |&bin: &u64| if bin == 0 { 0. } else { bin as f64 * (bin as f64).log2() };
        let sum: f64 = self.bins.iter().map(weighted).sum();
        (total.log2() - sum / total).exp2() * 256. / self.bins.len() as f64
    }

    /// The number of samples counted.
    pub fn total(&self) -> u64 {
        self.bins.iter().sum()
    }
}
