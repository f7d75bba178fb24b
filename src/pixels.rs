//! How the samples of a frame lie in memory, and checked access to its rows.
//!
//! A [`Layout`] says what a frame of a format looks like, whatever the format is called: what its
//! components mean, where their samples lie and how many bits they have. [`PixelsMut`] is a frame
//! of that layout in a block of memory; making one is the only check of offsets and strides that
//! is needed.

use std::ops::Range;

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

/// A frame of a [`Layout`] in memory, or a part of its rows, checked: every row of every plane
/// lies inside it, and no two share a byte.
#[derive(Debug)]
pub struct PixelsMut<'a> {
    /// The visible bytes of each row, from top to bottom, of each of the layout's planes.
    planes: Vec<Vec<&'a mut [u8]>>,
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
        // (range of bytes, index in layout.planes, stride)
        let mut places = Vec::with_capacity(layout.planes.len());
        for (index, &PlaneLayout { plane, row_bytes, vertical }) in layout.planes.iter().enumerate()
        {
            let span = *spans.get(plane).ok_or(SpanError::Missing { plane })?;
            let rows = layout.height.div_ceil(vertical);
            let range = checked_range(plane, span, row_bytes, rows, memory.len())?;
            places.push((range, index, span.stride.unsigned_abs()));
        }

        // Planes may come in any order in memory. Cutting them off one after the other, from the
        // front, shows that they are disjoint.
        places.sort_by_key(|(range, ..)| range.start);
        let mut planes: Vec<Vec<&mut [u8]>> = places.iter().map(|_| Vec::new()).collect();
        let (mut rest, mut at, mut previous) = (memory, 0, 0);
        for (range, index, stride) in places {
            let PlaneLayout { plane, row_bytes, .. } = layout.planes[index];
            let skip = range
                .start
                .checked_sub(at)
                .ok_or(SpanError::Overlap { first: previous, second: plane })?;
            let (bytes, after) = rest[skip..].split_at_mut(range.len());
            // The last row may end where its visible bytes end.
            planes[index] = bytes.chunks_mut(stride).map(|row| &mut row[..row_bytes]).collect();
            (rest, at, previous) = (after, range.end, plane);
        }
        Ok(Self { planes })
    }

    /// The pixels of an area of the frame, which is put on the layout's grid.
    pub fn crop(self, layout: &Layout, area: Area) -> Self {
        let area = layout.on_grid(area);
        let crop = |(index, rows): (usize, Vec<&'a mut [u8]>)| {
            let vertical = layout.planes[index].vertical;
            let bytes = layout.bytes_of(index, area);
            let n_rows = area.height.div_ceil(vertical);
            let rows = rows.into_iter().skip(area.top / vertical).take(n_rows);
            rows.map(|row| &mut row[bytes.clone()]).collect()
        };
        Self { planes: self.planes.into_iter().enumerate().map(crop).collect() }
    }

    /// Takes the rows of the two fields apart.
    pub fn fields(self) -> [Self; 2] {
        let [mut top, mut bottom] = [(); 2].map(|()| Vec::with_capacity(self.planes.len()));
        for plane in self.planes {
            let mut rows = [Vec::new(), Vec::new()];
            plane.into_iter().enumerate().for_each(|(y, row)| rows[y % 2].push(row));
            let [of_top, of_bottom] = rows;
            top.push(of_top);
            bottom.push(of_bottom);
        }
        [Self { planes: top }, Self { planes: bottom }]
    }

    /// Cuts the frame into `n` bands, from top to bottom, that differ by one group of rows at most.
    /// A frame of few rows has empty bands.
    pub fn bands(mut self, layout: &Layout, n: usize) -> Vec<Self> {
        let rows_of_group = layout.rows_of_group();
        let rows_in_group = |plane: &PlaneLayout| rows_of_group / plane.vertical;
        let groups_of =
            |(rows, plane): (&Vec<_>, &PlaneLayout)| rows.len().div_ceil(rows_in_group(plane));
        let mut groups =
            self.planes.iter().zip(&layout.planes).map(groups_of).max().unwrap_or_default();
        // From the last one to the first: each takes its share of the rows that are left.
        let mut bands: Vec<_> = (1..=n)
            .rev()
            .map(|left| {
                groups -= groups / left;
                let cut = |(rows, plane): (&mut Vec<&'a mut [u8]>, &PlaneLayout)| {
                    rows.split_off((groups * rows_in_group(plane)).min(rows.len()))
                };
                Self { planes: self.planes.iter_mut().zip(&layout.planes).map(cut).collect() }
            })
            .collect();
        bands.reverse();
        bands
    }

    /// The rows of each plane, in the order of [`Layout::planes`].
    pub fn planes(&self) -> &[Vec<&'a mut [u8]>] {
        &self.planes
    }

    /// The rows of each plane, in the order of [`Layout::planes`].
    pub fn planes_mut(&mut self) -> &mut [Vec<&'a mut [u8]>] {
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
