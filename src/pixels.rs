//! How the samples of a frame lie in memory, and checked access to its rows.
//!
//! A [`Layout`] says what a frame of a format looks like, whatever the format is called: what its
//! components mean, where their samples lie and how many bits they have. [`PixelsMut`] is a frame
//! of that layout in a block of memory; making one is the only check of offsets and strides that
//! is needed.

use std::ops::{Deref, Range};

use crate::color::Encoding;
use crate::rows;

/// The bytes of one pixel in one plane: 8-bit samples that stand side by side, and bytes around
/// them (padding, alpha, other components) that are neither counted nor written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PixelLayout {
    /// Bytes from one pixel to the next.
    pub pixel_stride: usize,
    /// The first byte of a pixel that holds a sample.
    pub first: usize,
    /// The number of samples, in bytes `first..first + n_samples`.
    pub n_samples: usize,
}

/// Where the samples of a component lie: in words of some bytes, one per pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The plane, as an index of [`Layout::planes`].
    pub plane: usize,
    /// Bytes from the start of a row to the first word.
    pub offset: usize,
    /// Bytes from one word to the next.
    pub pixel_stride: usize,
    /// Bytes of a word: 1, 2 or 4.
    pub bytes: usize,
    /// Whether the first byte of a word is its most significant one.
    pub big_endian: bool,
    /// Bits of a word below the sample.
    pub shift: u32,
}

/// One component of the pixels. Alpha is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Bits of a sample, 1 to 16.
    pub depth: u32,
    /// Where the samples lie; `None` if only an [`Unpack`](crate::unpack::Unpack) can tell.
    pub place: Option<Place>,
}

/// How many pixels share a sample of chroma, the second and third component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subsampling {
    /// Pixels side by side: 1, 2 or 4.
    pub horizontal: usize,
    /// Rows: 1, 2 or 4.
    pub vertical: usize,
    /// Whether the sample is that of the first of the pixels side by side, and not of the point in
    /// their middle.
    pub cosited: bool,
}

impl Subsampling {
    /// A sample for every pixel.
    pub const NONE: Self = Self { horizontal: 1, vertical: 1, cosited: false };
}

/// One plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneLayout {
    /// Which of the frame's planes this is.
    pub plane: usize,
    /// Bytes of a row, without padding.
    pub row_bytes: usize,
    /// How many rows of pixels share a row of this plane.
    pub vertical: usize,
}

/// A rectangle of pixels of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// Pixels to the left of it.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Pixels in a row; 0 if there are no pixels.
    pub width: usize,
    /// Rows; 0 if there are no pixels.
    pub height: usize,
}

impl Area {
    /// Whether there are no pixels.
    pub fn is_empty(&self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// The pixels of both; without any, the area at the first pixel.
    pub fn intersection(self, other: Self) -> Self {
        let overlap = |a: usize, a_len: usize, b: usize, b_len: usize| {
            let (start, end) = (a.max(b), a.saturating_add(a_len).min(b.saturating_add(b_len)));
            (start, end.saturating_sub(start))
        };
        let (left, width) = overlap(self.left, self.width, other.left, other.width);
        let (top, height) = overlap(self.top, self.height, other.top, other.height);
        let both = Self { left, top, width, height };
        if both.is_empty() { Self::default() } else { both }
    }

    /// As many pixels, so many farther from the left and from the top.
    pub fn moved(self, columns: usize, rows: usize) -> Self {
        Self { left: self.left + columns, top: self.top + rows, ..self }
    }

    /// The smallest area that has all pixels of both.
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let (left, top) = (self.left.min(other.left), self.top.min(other.top));
        let right = (self.left + self.width).max(other.left + other.width);
        let bottom = (self.top + self.height).max(other.top + other.height);
        Self { left, top, width: right - left, height: bottom - top }
    }
}

/// A frame's size, what its components mean and where they lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// What the components mean.
    pub encoding: Encoding,
    /// The components, `encoding.n_channels()` of them.
    pub components: Vec<Component>,
    /// How the second and third component are subsampled.
    pub chroma: Subsampling,
    /// The planes that are looked at.
    pub planes: Vec<PlaneLayout>,
}

impl Layout {
    /// Pixels side by side in one plane, as pictures are kept in memory: 1 to 4 `samples` to a
    /// pixel, of 1 or 2 `bytes` each, in the byte order of this machine. Samples behind those of
    /// the `encoding`, such as alpha, are no components.
    pub fn packed(
        width: usize,
        height: usize,
        encoding: Encoding,
        samples: usize,
        bytes: usize,
    ) -> Self {
        let pixel_stride = samples * bytes;
        let place = |offset| Place {
            plane: 0,
            offset,
            pixel_stride,
            bytes,
            big_endian: cfg!(target_endian = "big"),
            shift: 0,
        };
        let component = |c| Component { depth: 8 * bytes as u32, place: Some(place(c * bytes)) };
        Self {
            width,
            height,
            encoding,
            components: (0..encoding.n_channels()).map(component).collect(),
            chroma: Subsampling::NONE,
            planes: vec![PlaneLayout { plane: 0, row_bytes: width * pixel_stride, vertical: 1 }],
        }
    }

    /// The bytes of all rows, without padding.
    pub fn bytes(&self) -> usize {
        let plane = |plane: &PlaneLayout| {
            plane.row_bytes.saturating_mul(self.height.div_ceil(plane.vertical))
        };
        self.planes.iter().map(plane).fold(0, usize::saturating_add)
    }

    /// How a component is subsampled.
    pub fn subsampling(&self, component: usize) -> Subsampling {
        if component == 0 { Subsampling::NONE } else { self.chroma }
    }

    /// The samples of a component in a row.
    pub fn samples(&self, component: usize) -> usize {
        self.width.div_ceil(self.subsampling(component).horizontal)
    }

    /// The rows of pixels that can't be taken apart, because they share a row of a plane.
    pub fn rows_of_group(&self) -> usize {
        self.planes.iter().map(|plane| plane.vertical).max().unwrap_or(1)
    }

    /// The whole frame.
    pub fn area(&self) -> Area {
        Area { left: 0, top: 0, width: self.width, height: self.height }
    }

    /// The columns and rows between places where a frame can be cut: pixels that share chroma stay
    /// together, in each of two fields, too. Rows of pixels that only an
    /// [`Unpack`](crate::unpack::Unpack) can reach are never cut.
    pub fn grid(&self) -> (usize, usize) {
        let columns = if self.components.iter().all(rows::is_supported) {
            self.chroma.horizontal
        } else {
            self.width.max(1)
        };
        let rows = match self.rows_of_group() {
            1 => 1,
            rows => 2 * rows,
        };
        (columns, rows)
    }

    /// The smallest area on the [grid](Self::grid), or up to the edges of the frame, that has all
    /// pixels of `area` that the frame has.
    pub fn on_grid(&self, area: Area) -> Area {
        let (columns, rows) = self.grid();
        let outwards = |start: usize, len: usize, cell: usize, end: usize| {
            let (start, stop) = (start.min(end), start.saturating_add(len).min(end));
            let first = start / cell * cell;
            if start == stop { 0..0 } else { first..stop.next_multiple_of(cell).min(end) }
        };
        let x = outwards(area.left, area.width, columns, self.width);
        let y = outwards(area.top, area.height, rows, self.height);
        if x.is_empty() || y.is_empty() {
            return Area::default();
        }
        Area { left: x.start, top: y.start, width: x.len(), height: y.len() }
    }

    /// The layout of an area by itself, which is put on the grid.
    pub fn crop(&self, area: Area) -> Self {
        let area = self.on_grid(area);
        let plane = |(index, plane): (usize, &PlaneLayout)| PlaneLayout {
            row_bytes: self.bytes_of(index, area).len(),
            ..*plane
        };
        Self {
            width: area.width,
            height: area.height,
            planes: self.planes.iter().enumerate().map(plane).collect(),
            ..self.clone()
        }
    }

    /// Whether some plane of a frame begins in one block of memory and ends in another: of blocks of
    /// these sizes that follow each other. Planes that lie in none of them do not.
    pub fn is_split(&self, spans: &[PlaneSpan], blocks: &[usize]) -> bool {
        let available = blocks.iter().sum();
        let mut ends = blocks.iter().scan(0, |end, size| {
            *end += size;
            Some(*end)
        });
        let inside = |plane: &PlaneLayout| {
            let rows = self.height.div_ceil(plane.vertical);
            let span = spans.get(plane.plane)?;
            checked_range(plane.plane, *span, plane.row_bytes, rows, available).ok()
        };
        let planes: Vec<Range<usize>> = self.planes.iter().filter_map(inside).collect();
        ends.any(|end| planes.iter().any(|plane| plane.start < end && end < plane.end))
    }

    /// The bytes of an area on the grid in a row of a plane.
    fn bytes_of(&self, plane: usize, area: Area) -> Range<usize> {
        // What lies in one plane has as many bytes to a cell of the grid.
        let bytes = |x| {
            let of_plane = |(c, component): (usize, &Component)| {
                let place = component.place.filter(|place| place.plane == plane)?;
                Some(x / self.subsampling(c).horizontal * place.pixel_stride)
            };
            self.components.iter().enumerate().find_map(of_plane).unwrap_or_default()
        };
        let row_bytes = self.planes[plane].row_bytes;
        let right = area.left + area.width;
        let end = if right == self.width { row_bytes } else { bytes(right) };
        bytes(area.left)..end
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

/// A frame of a [`Layout`] in memory, or a part of its rows, checked: every row of every plane
/// lies inside it, and no two share a byte.
#[derive(Clone, Debug)]
pub struct Pixels<M> {
    planes: [Plane<M>; MAX_PLANES],
    n_planes: usize,
    /// Pixels in a row, and rows.
    size: (usize, usize),
    /// What of these pixels is counted and changed.
    visible: Area,
}

/// A frame to read.
pub type PixelsRef<'a> = Pixels<&'a [u8]>;

/// A frame to change.
pub type PixelsMut<'a> = Pixels<&'a mut [u8]>;

impl<M: Memory> Pixels<M> {
    /// The frame of `layout` in `memory` whose planes lie at `spans`, indexed by
    /// [`PlaneLayout::plane`].
    ///
    /// Bytes between and after the rows are not part of the frame, and the last row of a plane
    /// needs no padding.
    pub fn new(memory: M, layout: &Layout, spans: &[PlaneSpan]) -> Result<Self, SpanError> {
        Self::in_blocks([memory], layout, spans)
    }

    /// The same in memory that is made of several blocks. Offsets are those from the start of the
    /// first block, as if the blocks followed each other. Each plane lies in one of them.
    pub fn in_blocks(
        blocks: impl IntoIterator<Item = M>,
        layout: &Layout,
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
        })
    }

    /// The planes, in the order of [`Layout::planes`].
    pub fn planes(&self) -> &[Plane<M>] {
        &self.planes[..self.n_planes]
    }

    /// The same to read.
    pub fn shared(&self) -> PixelsRef<'_> {
        let &Self { n_planes, size, visible, .. } = self;
        Pixels { planes: self.planes.each_ref().map(Plane::shared), n_planes, size, visible }
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
    /// [grid](Layout::grid), but is hidden.
    pub fn crop(self, layout: &Layout, area: Area) -> Self {
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
        Self { planes, size, visible: Area { left, top, ..area }, ..self }
    }

    /// The rows of one of two fields.
    pub fn field(self, first: usize) -> Self {
        let of_field = |rows: usize| rows.saturating_sub(first).div_ceil(2);
        let Area { top, height, .. } = self.visible;
        let (start, end) = (of_field(top), of_field(top + height));
        let visible = Area { top: start, height: end - start, ..self.visible };
        let size = (self.size.0, of_field(self.size.1));
        Self { planes: self.planes.map(|plane| plane.field(first)), size, visible, ..self }
    }

    /// Cuts the frame into `n` bands, from top to bottom, that differ by as many rows as can't be
    /// taken apart. That are the rows that share rows of a plane, and if there are `fields`, twice
    /// as many. A frame of few rows has empty bands.
    pub fn bands(self, layout: &Layout, n: usize, fields: bool) -> Vec<Self> {
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
    fn cut(self, layout: &Layout, y: usize) -> (Self, Self) {
        let Self { planes, n_planes, size: (width, height), visible } = self;
        let y = y.min(height);
        let mut above = [(); MAX_PLANES].map(|()| Plane::default());
        let mut below = [(); MAX_PLANES].map(|()| Plane::default());
        for (index, plane) in planes.into_iter().enumerate().take(n_planes) {
            let row = y.div_ceil(layout.planes[index].vertical);
            (above[index], below[index]) = plane.cut(row);
        }
        let rows = visible.top..visible.top + visible.height;
        let part = |planes, rows: Range<usize>, height| Self {
            planes,
            n_planes,
            size: (width, height),
            visible: Area { top: rows.start, height: rows.len(), ..visible },
        };
        (
            part(above, rows.start.min(y)..rows.end.min(y), y),
            part(below, rows.start.max(y) - y..rows.end.max(y) - y, height - y),
        )
    }
}

impl<'a> PixelsMut<'a> {
    /// The planes, in the order of [`Layout::planes`].
    pub fn planes_mut(&mut self) -> &mut [Plane<&'a mut [u8]>] {
        &mut self.planes[..self.n_planes]
    }

    /// The same for a while.
    pub fn reborrow(&mut self) -> PixelsMut<'_> {
        let &mut Self { n_planes, size, visible, .. } = self;
        Pixels { planes: self.planes.each_mut().map(Plane::reborrow), n_planes, size, visible }
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
