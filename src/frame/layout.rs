//! How the samples of a frame lie in memory.

use std::ops::Range;

use super::{PlaneSpan, checked_range};
use crate::color::Encoding;
use crate::colorimetry::Colorimetry;

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
pub struct SampleLayout {
    /// The plane, as an index of [`FrameLayout::planes`].
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
    /// Where the samples lie; `None` if only an [`Unpack`](super::unpack::Unpack) can tell.
    pub place: Option<SampleLayout>,
}

impl Component {
    /// The words that the samples lie in, if there is code to load and store such.
    pub fn words(&self) -> Option<Words> {
        let SampleLayout { offset, pixel_stride, bytes, big_endian, shift, .. } = self.place?;
        let is_swapped = bytes > 1 && big_endian != cfg!(target_endian = "big");
        let kind = match (bytes, pixel_stride, is_swapped) {
            (1, 1, _) => WordKind::Byte,
            (1, 2, _) => WordKind::ByteOf2,
            (1, 3, _) => WordKind::ByteOf3,
            (1, 4, _) => WordKind::ByteOf4,
            (2, 2, false) => WordKind::Word,
            (2, 4, false) => WordKind::WordOf4,
            (2, 6, false) => WordKind::WordOf6,
            (2, 8, false) => WordKind::WordOf8,
            (4, 4, false) => WordKind::DoubleWord,
            (2, 2, true) => WordKind::SwappedWord,
            (2, 4, true) => WordKind::SwappedWordOf4,
            (2, 6, true) => WordKind::SwappedWordOf6,
            (2, 8, true) => WordKind::SwappedWordOf8,
            (4, 4, true) => WordKind::SwappedDoubleWord,
            _ => return None,
        };
        let depth = self.depth;
        let fits = match bytes {
            1 => depth == 8 && shift == 0,
            _ => depth <= 16 && depth + shift <= 8 * bytes as u32,
        };
        fits.then_some(Words { kind, offset, shift, depth })
    }
}

/// The words that a component's samples lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Their bytes.
    pub(crate) kind: WordKind,
    /// Bytes from the start of a row to the first word.
    pub(crate) offset: usize,
    /// Bits of a word below the sample.
    pub(crate) shift: u32,
    /// Bits of a sample.
    pub(crate) depth: u32,
}

/// Bytes of a word, bytes from one word to the next, and whether they are in the other order than
/// this machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WordKind {
    Byte,
    ByteOf2,
    ByteOf3,
    ByteOf4,
    Word,
    WordOf4,
    WordOf6,
    WordOf8,
    DoubleWord,
    SwappedWord,
    SwappedWordOf4,
    SwappedWordOf6,
    SwappedWordOf8,
    SwappedDoubleWord,
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
pub struct FrameLayout {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// What the components mean.
    pub encoding: Encoding,
    /// What R'G'B' stands for.
    pub colorimetry: Colorimetry,
    /// The components, `encoding.n_channels()` of them.
    pub components: Vec<Component>,
    /// How the second and third component are subsampled.
    pub chroma: Subsampling,
    /// The planes that are looked at.
    pub planes: Vec<PlaneLayout>,
}

impl FrameLayout {
    /// Pixels side by side in one plane, as pictures are kept in memory: 1 to 4 `samples` to a
    /// pixel, of 1 or 2 `bytes` each, in the byte order of this machine. Samples behind those of
    /// the `encoding`, such as alpha, are no components. R'G'B' is sRGB's.
    pub fn packed(
        width: usize,
        height: usize,
        encoding: Encoding,
        samples: usize,
        bytes: usize,
    ) -> Self {
        let pixel_stride = samples * bytes;
        let place = |offset| SampleLayout {
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
            colorimetry: Colorimetry::SRGB,
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

    /// Bits of the deepest component.
    pub fn depth(&self) -> u32 {
        self.components.iter().map(|component| component.depth).max().unwrap_or_default()
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
    /// [`Unpack`](super::unpack::Unpack) can reach are never cut.
    pub fn grid(&self) -> (usize, usize) {
        let columns = if self.components.iter().all(|component| component.words().is_some()) {
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
    pub(super) fn bytes_of(&self, plane: usize, area: Area) -> Range<usize> {
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
