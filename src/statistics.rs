//! What is known of a frame, and enough to decide how it is mapped.

use crate::histogram::Histogram;

/// One frame, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Of each channel, all samples of the frame's area.
    pub histograms: Vec<Histogram>,
    /// The frame in small, where it is asked for
    /// ([`Settings::needs_thumbnail`](crate::temporal::Settings::needs_thumbnail)).
    pub thumbnail: Option<Thumbnail>,
}

/// A frame in small: the mean luma of the blocks of a grid.
///
/// Column `i` of `n` is made of the pixels from `i * width / n` to `(i + 1) * width / n`, rounded
/// down; rows alike, in groups that share chroma. Of the groups of a row of blocks, two that are
/// spread evenly count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thumbnail {
    /// Blocks side by side.
    pub columns: usize,
    /// The luma of each block, row by row: 0 is black and 1 white. That of R'G'B' is by BT.709.
    pub luma: Vec<f32>,
}
