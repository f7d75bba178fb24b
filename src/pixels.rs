//! How the samples of a frame lie in memory, and checked access to them.
//!
//! A [`Layout`] says what a frame of a format looks like, whatever the format is called: which
//! planes hold counted channels, how many bytes a pixel takes there and which of those bytes
//! belong to which channel. [`PixelsMut`] is a frame of that layout in a block of memory; making
//! one is the only check of offsets and strides that is needed.

use std::ops::Range;

/// What the channels of a frame are, and so which channels of a reference they are matched to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorModel {
    /// Three channels: 0 is R', 1 is G', 2 is B'.
    Rgb,
    /// One channel: luma Y'.
    Gray,
}

impl ColorModel {
    /// The number of channels.
    pub fn n_channels(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Gray => 1,
        }
    }
}

/// The bytes of one pixel in one plane: 8-bit samples that stand side by side, and bytes around
/// them (padding, alpha) that are neither counted nor written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PixelLayout {
    /// Bytes from one pixel to the next.
    pub pixel_stride: usize,
    /// The first byte of a pixel that holds a sample.
    pub first: usize,
    /// The number of samples, in bytes `first..first + n_samples`.
    pub n_samples: usize,
}

/// One plane that holds samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaneLayout {
    /// Which of the frame's planes this is.
    pub plane: usize,
    /// The bytes of one pixel.
    pub pixel: PixelLayout,
    /// The channel of each sample of a pixel, in memory order; `pixel.n_samples` of them.
    pub channels: Vec<usize>,
}

/// A frame's size and the planes that hold its samples. A plane of alpha is not listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// What the channels are.
    pub color_model: ColorModel,
    /// The planes that hold samples.
    pub planes: Vec<PlaneLayout>,
}

impl Layout {
    /// The bytes of all rows, without padding.
    pub fn bytes(&self) -> usize {
        let pixel: usize = self.planes.iter().map(|plane| plane.pixel.pixel_stride).sum();
        self.width.saturating_mul(self.height).saturating_mul(pixel)
    }
}

/// Where one plane lies in a block of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneSpan {
    /// Bytes from the start of the memory to the plane's first pixel.
    pub offset: usize,
    /// Bytes from the start of one row to the start of the next.
    pub stride: isize,
}

/// Why a block of memory can't be a frame of a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// The layout has a plane that no span was given for.
    #[error("plane {plane} is missing")]
    Missing {
        /// The plane.
        plane: usize,
    },
    /// A row takes more bytes than the stride, or the stride is not positive.
    #[error("plane {plane} has a stride of {stride} bytes, but its rows take {row_bytes} bytes")]
    Stride {
        /// The plane.
        plane: usize,
        /// The stride that was given.
        stride: isize,
        /// Bytes of one row.
        row_bytes: usize,
    },
    /// The plane ends outside the memory.
    #[error(
        "plane {plane} (offset {offset}, stride {stride}, {rows} rows) does not fit into the \
         {available} bytes of the buffer"
    )]
    OutOfBounds {
        /// The plane.
        plane: usize,
        /// The offset that was given.
        offset: usize,
        /// The stride that was given.
        stride: isize,
        /// Rows of the plane.
        rows: usize,
        /// Bytes of memory.
        available: usize,
    },
    /// Two planes share bytes.
    #[error("planes {first} and {second} overlap")]
    Overlap {
        /// The plane that begins first.
        first: usize,
        /// The plane that begins inside it.
        second: usize,
    },
}

/// The rows of one plane.
#[derive(Debug)]
pub struct PlaneMut<'a> {
    bytes: &'a mut [u8],
    stride: usize,
    row_bytes: usize,
}

impl PlaneMut<'_> {
    /// The visible bytes of each row, from top to bottom.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        // The last row may end where its visible bytes end.
        let row_bytes = self.row_bytes;
        self.bytes.chunks(self.stride).map(move |row| &row[..row_bytes])
    }

    /// The visible bytes of each row, from top to bottom.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let row_bytes = self.row_bytes;
        self.bytes.chunks_mut(self.stride).map(move |row| &mut row[..row_bytes])
    }
}

impl<'a> PlaneMut<'a> {
    /// Cuts off the rows from `row` on.
    fn split_off(&mut self, row: usize) -> Self {
        let at = self.stride.saturating_mul(row).min(self.bytes.len());
        let (before, after) = std::mem::take(&mut self.bytes).split_at_mut(at);
        self.bytes = before;
        Self { bytes: after, ..*self }
    }

    fn n_rows(&self) -> usize {
        self.bytes.len().div_ceil(self.stride)
    }
}

/// A frame of a [`Layout`] in memory, checked: every row of every plane lies inside it, and no
/// two planes share a byte.
#[derive(Debug)]
pub struct PixelsMut<'a> {
    planes: Vec<PlaneMut<'a>>,
}

impl<'a> PixelsMut<'a> {
    /// The frame of `layout` in `memory` whose planes lie at `spans`, indexed by
    /// [`PlaneLayout::plane`].
    ///
    /// Bytes between and after the rows are not part of the frame, and the last row of a plane
    /// needs no padding.
    pub fn new(
        memory: &'a mut [u8],
        layout: &Layout,
        spans: &[PlaneSpan],
    ) -> Result<Self, SpanError> {
        // (range of bytes, index in layout.planes, stride, row_bytes)
        let mut places = Vec::with_capacity(layout.planes.len());
        for (index, plane_layout) in layout.planes.iter().enumerate() {
            let plane = plane_layout.plane;
            let span = *spans.get(plane).ok_or(SpanError::Missing { plane })?;
            let row_bytes = layout.width.saturating_mul(plane_layout.pixel.pixel_stride);
            let range = checked_range(plane, span, row_bytes, layout.height, memory.len())?;
            places.push((range, index, span.stride.unsigned_abs(), row_bytes));
        }

        // Planes may come in any order in memory. Cutting them off one after the other, from the
        // front, shows that they are disjoint.
        places.sort_by_key(|(range, ..)| range.start);
        let mut planes: Vec<Option<PlaneMut>> = places.iter().map(|_| None).collect();
        let (mut rest, mut at, mut previous) = (memory, 0, 0);
        for (range, index, stride, row_bytes) in places {
            let plane = layout.planes[index].plane;
            let skip = range
                .start
                .checked_sub(at)
                .ok_or(SpanError::Overlap { first: previous, second: plane })?;
            let (bytes, after) = rest[skip..].split_at_mut(range.len());
            planes[index] = Some(PlaneMut { bytes, stride, row_bytes });
            (rest, at, previous) = (after, range.end, plane);
        }
        Ok(Self { planes: planes.into_iter().flatten().collect() })
    }

    /// Cuts the frame into `n` bands, from top to bottom: in each plane, bands of rows that differ
    /// by one row at most. A frame of few rows has empty bands.
    pub fn bands(mut self, n: usize) -> Vec<Self> {
        // From the last one to the first: each takes its share of the rows that are left.
        let mut bands: Vec<_> = (1..=n)
            .rev()
            .map(|left| {
                let cut = |plane: &mut PlaneMut<'a>| {
                    let rows = plane.n_rows();
                    plane.split_off(rows - rows / left)
                };
                Self { planes: self.planes.iter_mut().map(cut).collect() }
            })
            .collect();
        bands.reverse();
        bands
    }

    /// The planes, in the order of [`Layout::planes`].
    pub fn planes(&self) -> &[PlaneMut<'a>] {
        &self.planes
    }

    /// The planes, in the order of [`Layout::planes`].
    pub fn planes_mut(&mut self) -> &mut [PlaneMut<'a>] {
        &mut self.planes
    }
}

/// The bytes from the first visible one of a plane to the last.
fn checked_range(
    plane: usize,
    PlaneSpan { offset, stride }: PlaneSpan,
    row_bytes: usize,
    rows: usize,
    available: usize,
) -> Result<Range<usize>, SpanError> {
    let positive = usize::try_from(stride)
        .ok()
        .filter(|&stride| stride > 0 && stride >= row_bytes)
        .ok_or(SpanError::Stride { plane, stride, row_bytes })?;
    let out_of_bounds = SpanError::OutOfBounds { plane, offset, stride, rows, available };
    let end = if rows == 0 {
        Some(offset)
    } else {
        positive
            .checked_mul(rows - 1)
            .and_then(|bytes| bytes.checked_add(row_bytes))
            .and_then(|bytes| bytes.checked_add(offset))
    };
    end.filter(|&end| end <= available).map(|end| offset..end).ok_or(out_of_bounds)
}
