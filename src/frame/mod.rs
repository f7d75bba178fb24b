//! How the samples of a frame lie in memory, and checked access to its rows.
//!
//! A [`FrameLayout`] says what a frame of a format looks like, whatever the format is called: what its
//! components mean, where their samples lie and how many bits they have. [`FrameMut`] is a frame
//! of that layout in a block of memory; making one is the only check of offsets and strides that
//! is needed.

use std::ops::{Deref, Range};

mod layout;
pub mod letterbox;
pub mod rows;
pub mod unpack;

pub use layout::*;

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
    /// A plane begins in one block of memory and ends in another.
    #[error("plane {plane} lies in more than one block of memory")]
    Split {
        /// The plane.
        plane: usize,
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

/// How the rows of a frame follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// One picture.
    Progressive,
    /// Two fields, the rows of which take turns in every plane.
    Interleaved,
}

/// The most planes that a frame has.
pub const MAX_PLANES: usize = 4;

/// Bytes of a frame that are borrowed, for reading (`&[u8]`) or for writing (`&mut [u8]`).
pub trait Memory: Deref<Target = [u8]> + Default {
    /// What is before a place, and what is from there on.
    fn cut(self, at: usize) -> (Self, Self);
}

impl Memory for &[u8] {
    fn cut(self, at: usize) -> (Self, Self) {
        self.split_at(at)
    }
}

impl Memory for &mut [u8] {
    fn cut(self, at: usize) -> (Self, Self) {
        self.split_at_mut(at)
    }
}

/// The rows of one plane, from top to bottom.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plane<M> {
    /// From the first byte of the first row on; the last row may end it.
    bytes: M,
    stride: usize,
    row_bytes: usize,
    n_rows: usize,
}

impl<M: Memory> Plane<M> {
    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The visible bytes of a row.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.bytes[y * self.stride..][..self.row_bytes]
    }

    /// The rows from one on.
    pub fn rows(&self, from: usize) -> impl Iterator<Item = &[u8]> {
        (from..self.n_rows).map(|y| self.row(y))
    }

    fn shared(&self) -> Plane<&[u8]> {
        let &Self { stride, row_bytes, n_rows, .. } = self;
        Plane { bytes: &self.bytes, stride, row_bytes, n_rows }
    }

    /// Without the rows above one, and the rows that are cut off.
    fn cut(self, y: usize) -> (Self, Self) {
        let Self { bytes, stride, row_bytes, n_rows } = self;
        let y = y.min(n_rows);
        // The last row may be shorter than the stride.
        let at = y.saturating_mul(stride).min(bytes.len());
        let (above, below) = bytes.cut(at);
        (
            Self { bytes: above, stride, row_bytes, n_rows: y },
            Self { bytes: below, stride, row_bytes, n_rows: n_rows - y },
        )
    }

    /// Some bytes of `n_rows` rows.
    fn crop(self, top: usize, n_rows: usize, bytes: Range<usize>) -> Self {
        let (_, rest) = self.cut(top);
        let (Self { bytes: memory, stride, n_rows: all, .. }, _) = rest.cut(n_rows);
        let (_, memory) = if all == 0 { (M::default(), memory) } else { memory.cut(bytes.start) };
        Self { bytes: memory, stride, row_bytes: bytes.len(), n_rows: all }
    }

    /// Every other row.
    fn field(self, first: usize) -> Self {
        let (_, Self { bytes, stride, row_bytes, n_rows }) = self.cut(first);
        Self { bytes, stride: stride.saturating_mul(2), row_bytes, n_rows: n_rows.div_ceil(2) }
    }
}

impl Plane<&mut [u8]> {
    /// The visible bytes of a row.
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.bytes[y * self.stride..][..self.row_bytes]
    }

    /// The rows from one on.
    pub fn rows_mut(&mut self, from: usize) -> impl Iterator<Item = &mut [u8]> {
        let &mut Self { stride, row_bytes, n_rows, .. } = self;
        let rest = self.bytes.get_mut(from.saturating_mul(stride)..).unwrap_or_default();
        // There are no rows of no stride.
        let rows = rest.chunks_mut(stride.max(1)).take(n_rows.saturating_sub(from));
        rows.map(move |row| &mut row[..row_bytes])
    }

    fn reborrow(&mut self) -> Plane<&mut [u8]> {
        let &mut Self { stride, row_bytes, n_rows, .. } = self;
        Plane { bytes: self.bytes, stride, row_bytes, n_rows }
    }
}

/// A frame of a [`FrameLayout`] in memory, or a part of its rows, checked: every row of every plane
/// lies inside it, and no two share a byte.
#[derive(Clone, Debug)]
pub struct FrameView<M> {
    planes: [Plane<M>; MAX_PLANES],
    n_planes: usize,
    /// Pixels in a row, and rows.
    size: (usize, usize),
    /// What of these pixels is counted and changed.
    visible: Area,
    /// The rows of the frame above these.
    top: usize,
}

/// A frame to read.
pub type FrameRef<'a> = FrameView<&'a [u8]>;

/// A frame to change.
pub type FrameMut<'a> = FrameView<&'a mut [u8]>;

impl<M: Memory> FrameView<M> {
    /// The frame of `layout` in `memory` whose planes lie at `spans`, indexed by
    /// [`PlaneLayout::plane`].
    ///
    /// Bytes between and after the rows are not part of the frame, and the last row of a plane
    /// needs no padding.
    pub fn new(memory: M, layout: &FrameLayout, spans: &[PlaneSpan]) -> Result<Self, SpanError> {
        Self::in_blocks([memory], layout, spans)
    }

    /// The same in memory that is made of several blocks. Offsets are those from the start of the
    /// first block, as if the blocks followed each other. Each plane lies in one of them.
    pub fn in_blocks(
        blocks: impl IntoIterator<Item = M>,
        layout: &FrameLayout,
        spans: &[PlaneSpan],
    ) -> Result<Self, SpanError> {
        let blocks: Vec<M> = blocks.into_iter().collect();
        let available = blocks.iter().map(|block| block.len()).sum();
        // (range of bytes, index in layout.planes, stride)
        let mut places = Vec::with_capacity(layout.planes.len());
        for (index, &PlaneLayout { plane, row_bytes, vertical }) in layout.planes.iter().enumerate()
        {
            let span = *spans.get(plane).ok_or(SpanError::Missing { plane })?;
            let rows = layout.height.div_ceil(vertical);
            let range = checked_range(plane, span, row_bytes, rows, available)?;
            places.push((range, index, span.stride.unsigned_abs()));
        }

        // Planes may come in any order in memory. Cutting them off one after the other, from the
        // front, shows that they are disjoint.
        places.sort_by_key(|(range, ..)| range.start);
        let mut planes = [(); MAX_PLANES].map(|()| Plane::default());
        let mut blocks = blocks.into_iter();
        let (mut rest, mut at, mut previous) = (blocks.next().unwrap_or_default(), 0, 0);
        for (range, index, stride) in places {
            let PlaneLayout { plane, row_bytes, vertical } = layout.planes[index];
            if range.start < at {
                return Err(SpanError::Overlap { first: previous, second: plane });
            }
            while range.start - at >= rest.len()
                && let Some(next) = blocks.next()
            {
                at += rest.len();
                rest = next;
            }
            if range.end - at > rest.len() {
                return Err(SpanError::Split { plane });
            }
            let (_, from) = rest.cut(range.start - at);
            let (bytes, after) = from.cut(range.len());
            let n_rows = layout.height.div_ceil(vertical);
            planes[index] = Plane { bytes, stride, row_bytes, n_rows };
            (rest, at, previous) = (after, range.end, plane);
        }
        Ok(Self {
            planes,
            n_planes: layout.planes.len(),
            size: (layout.width, layout.height),
            visible: layout.area(),
            top: 0,
        })
    }

    /// The planes, in the order of [`FrameLayout::planes`].
    pub fn planes(&self) -> &[Plane<M>] {
        &self.planes[..self.n_planes]
    }

    /// The same to read.
    pub fn shared(&self) -> FrameRef<'_> {
        let &Self { n_planes, size, visible, top, .. } = self;
        let planes = self.planes.each_ref().map(Plane::shared);
        FrameView { planes, n_planes, size, visible, top }
    }

    /// Copies the bytes of the planes.
    pub fn save(&self, copies: &mut [Vec<u8>; MAX_PLANES]) {
        for (copy, plane) in copies.iter_mut().zip(&self.planes) {
            copy.clear();
            copy.extend_from_slice(&plane.bytes);
        }
    }

    /// The same rows of planes that were [saved](Self::save).
    pub fn saved<'a>(&self, copies: &'a [Vec<u8>; MAX_PLANES]) -> FrameRef<'a> {
        let &Self { n_planes, size, visible, top, .. } = self;
        let planes = std::array::from_fn(|index| {
            let &Plane { stride, row_bytes, n_rows, .. } = &self.planes[index];
            Plane { bytes: &copies[index][..], stride, row_bytes, n_rows }
        });
        FrameView { planes, n_planes, size, visible, top }
    }

    /// The rows of the frame, or of the area or the field of it, above these.
    pub fn top(&self) -> usize {
        self.top
    }

    /// Whether some pixels are neither counted nor changed.
    pub fn is_partly_hidden(&self) -> bool {
        let (width, height) = self.size;
        self.visible != Area { left: 0, top: 0, width, height }
    }

    /// The visible samples in a row of a component. What is shared by a visible pixel and others
    /// is visible.
    pub fn visible_columns(&self, shared: Subsampling) -> Range<usize> {
        let Area { left, width, .. } = self.visible;
        covering(left, width, shared.horizontal)
    }

    /// The rows of a component that have visible samples.
    pub fn visible_rows(&self, shared: Subsampling) -> Range<usize> {
        let Area { top, height, .. } = self.visible;
        covering(top, height, shared.vertical)
    }

    /// An area of the frame, and around it what belongs to the same cells of the layout's
    /// [grid](FrameLayout::grid), but is hidden.
    pub fn crop(self, layout: &FrameLayout, area: Area) -> Self {
        let area = area.intersection(layout.area());
        let cells = layout.on_grid(area);
        let mut index = 0;
        let planes = self.planes.map(|plane| {
            let Some(&PlaneLayout { vertical, .. }) = layout.planes.get(index) else {
                return plane;
            };
            let bytes = layout.bytes_of(index, cells);
            index += 1;
            plane.crop(cells.top / vertical, cells.height.div_ceil(vertical), bytes)
        });
        let (left, top) = (area.left - cells.left, area.top - cells.top);
        let size = (cells.width, cells.height);
        Self { planes, size, visible: Area { left, top, ..area }, top: 0, ..self }
    }

    /// The rows of one of two fields.
    pub fn field(self, first: usize) -> Self {
        let of_field = |rows: usize| rows.saturating_sub(first).div_ceil(2);
        let Area { top, height, .. } = self.visible;
        let (start, end) = (of_field(top), of_field(top + height));
        let visible = Area { top: start, height: end - start, ..self.visible };
        let size = (self.size.0, of_field(self.size.1));
        let planes = self.planes.map(|plane| plane.field(first));
        Self { planes, size, visible, top: of_field(self.top), ..self }
    }

    /// Cuts the frame into `n` bands, from top to bottom, of nearly the same height: they differ by at most
    /// the rows that can't be taken apart, which share a row of a plane (with `fields`, twice as many). A
    /// frame of few rows has empty bands.
    pub fn bands(self, layout: &FrameLayout, n: usize, fields: bool) -> Vec<Self> {
        let rows_of_cell = layout.rows_of_group() << u32::from(fields);
        let mut cells = self.size.1.div_ceil(rows_of_cell);
        let mut bands = Vec::with_capacity(n);
        let mut rest = self;
        for bands_left in (2..=n).rev() {
            let taken = cells.div_ceil(bands_left);
            cells -= taken;
            let (band, below) = rest.cut(layout, taken * rows_of_cell);
            bands.push(band);
            rest = below;
        }
        bands.push(rest);
        bands
    }

    /// What is above a row, and what is from there on.
    fn cut(self, layout: &FrameLayout, y: usize) -> (Self, Self) {
        let Self { planes, n_planes, size: (width, height), visible, top } = self;
        let y = y.min(height);
        let mut above = [(); MAX_PLANES].map(|()| Plane::default());
        let mut below = [(); MAX_PLANES].map(|()| Plane::default());
        for (index, plane) in planes.into_iter().enumerate().take(n_planes) {
            let row = y.div_ceil(layout.planes[index].vertical);
            (above[index], below[index]) = plane.cut(row);
        }
        let rows = visible.top..visible.top + visible.height;
        let part = |planes, rows: Range<usize>, height, top| Self {
            planes,
            n_planes,
            size: (width, height),
            visible: Area { top: rows.start, height: rows.len(), ..visible },
            top,
        };
        (
            part(above, rows.start.min(y)..rows.end.min(y), y, top),
            part(below, rows.start.max(y) - y..rows.end.max(y) - y, height - y, top + y),
        )
    }
}

impl<'a> FrameMut<'a> {
    /// The planes, in the order of [`FrameLayout::planes`].
    pub fn planes_mut(&mut self) -> &mut [Plane<&'a mut [u8]>] {
        &mut self.planes[..self.n_planes]
    }

    /// The same for a while.
    pub fn reborrow(&mut self) -> FrameMut<'_> {
        let &mut Self { n_planes, size, visible, top, .. } = self;
        let planes = self.planes.each_mut().map(Plane::reborrow);
        FrameView { planes, n_planes, size, visible, top }
    }
}

/// The samples that cover some pixels, of which several share one.
fn covering(first: usize, len: usize, shared: usize) -> Range<usize> {
    if len == 0 { 0..0 } else { first / shared..(first + len).div_ceil(shared) }
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
