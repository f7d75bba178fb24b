//! A cheap look at a frame before it is counted.

/// A frame in small: the mean brightness of the blocks of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Thumbnail {
    /// Blocks in a row.
    pub columns: usize,
    /// R', G' and B', or luma alone, of each block, row by row: 0 is black and 1 white.
    pub planes: Vec<Vec<f32>>,
}

impl Thumbnail {
    /// The luma of each block.
    pub fn luma(&self) -> Vec<f32> {
        match &self.planes[..] {
            [red, green, blue] => {
                let pixels = red.iter().zip(green).zip(blue);
                pixels.map(|((r, g), b)| 0.2126 * r + 0.7152 * g + 0.0722 * b).collect()
            }
            planes => planes[0].clone(),
        }
    }
}
