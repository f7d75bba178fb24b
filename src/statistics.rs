//! What is known of a frame, and enough to decide how it is mapped.

use std::sync::Arc;

use crate::color::LumaWeights;
use crate::histogram::Histogram;

/// One frame, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Of each channel, all samples of the frame's area.
    pub histograms: Vec<Histogram>,
    /// Pixels from a grid over the frame's area, where mappings of joint colours are learned.
    pub sample: Option<Arc<ColorSample>>,
    /// The frame in small, where it is asked for
    /// ([`Settings::needs_thumbnail`](crate::temporal::Settings::needs_thumbnail)).
    pub thumbnail: Option<Thumbnail>,
}

/// Some pixels of a picture, from a grid: enough to learn a [`Grade`](crate::mapping::grade::Grade) from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColorSample {
    /// R', G' and B' of the pixels, from 0, black, to 255.
    pub channels: [Vec<f32>; 3],
}

/// About so many pixels are in a [`ColorSample`].
pub const SAMPLED_PIXELS: usize = 32_400;

impl ColorSample {
    /// The distance between pixels of the grid, in rows and columns: 1 in pictures that have no more.
    pub fn step(width: usize, height: usize) -> usize {
        let ratio = (width as f64 * height as f64 / SAMPLED_PIXELS as f64).sqrt();
        ((ratio + 0.5) as usize).max(1)
    }

    /// The columns and rows of the grid over a picture.
    pub fn grid(width: usize, height: usize) -> (usize, usize) {
        let step = Self::step(width, height);
        let n = |pixels: usize| pixels.saturating_sub(step / 2).div_ceil(step);
        (n(width), n(height))
    }

    /// How many pixels there are.
    pub fn len(&self) -> usize {
        self.channels[0].len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// R', G' and B' of each pixel.
    pub fn pixels(&self) -> impl Iterator<Item = [f32; 3]> {
        let [red, green, blue] = &self.channels;
        red.iter().zip(green).zip(blue).map(|((&red, &green), &blue)| [red, green, blue])
    }

    /// How often each luma occurs, in levels of 8 bits.
    pub fn luma_histogram(&self, weights: LumaWeights) -> Histogram {
        let mut histogram = Histogram::empty(8);
        let weights = weights.to_ycbcr()[0].map(|weight| weight as f32);
        for [red, green, blue] in self.pixels() {
            let luma = weights[0] * red + weights[1] * green + weights[2] * blue;
            histogram.bins[(luma + 0.5).clamp(0., 255.) as usize] += 1;
        }
        histogram
    }
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
