//! Formats whose samples are packed in ways that are not known here: they are read by an unpack
//! function, and written by a pack function.

use std::collections::TryReserveError;
use std::fmt::Debug;
use std::sync::Arc;

use super::rows::{DirectRows, Purpose, RowAccess, RowGroup, RowTransfer, Sample, zeros};
use super::{Component, FrameLayout, FrameMut, FrameRef, PlaneLayout, Words};

/// Reads and writes rows of a format, as pixels of four samples: alpha, and the three components.
///
/// With [`Unpack::bits`] of 8 a sample is a byte, otherwise it is two in the machine's order. What
/// has fewer bits is in the upper ones. Chroma is given for every pixel; of what is written, that
/// of the first pixel and the first row of those that share it counts.
pub trait Unpack: Debug + Send + Sync {
    /// Bits of an unpacked sample: 8 or 16.
    fn bits(&self) -> u32;

    /// Pixels in a row of what the other functions are given. A layout may be of a part of it, or of nothing.
    fn width(&self) -> usize;

    /// The bytes from one row of one of the layout's planes to the next in what the other functions
    /// are given.
    fn stride(&self, plane: usize) -> usize;

    /// Unpacks row `row` of a group.
    fn unpack(&self, planes: &[Vec<u8>], row: usize, pixels: &mut [u8]);

    /// Packs row `row` of a group.
    fn pack(&self, pixels: &[u8], planes: &mut [Vec<u8>], row: usize);
}

/// Where the samples of a layout's components come from.
#[derive(Clone, Debug)]
pub(crate) enum RowSource {
    /// Memory: the plane and the words of each component.
    Direct(Vec<(usize, Words)>),
    /// What only an [`Unpack`] can read.
    Unpacked(Arc<dyn Unpack>),
}

impl RowSource {
    /// Of the first `n_components`; through `unpack` if they can't be reached otherwise.
    pub fn new(
        layout: &FrameLayout,
        n_components: usize,
        unpack: Option<Arc<dyn Unpack>>,
    ) -> Option<Self> {
        let direct = |component: &Component| Some((component.place?.plane, component.words()?));
        let components = layout.components[..n_components].iter().map(direct).collect();
        Option::map(components, Self::Direct).or(unpack.map(Self::Unpacked))
    }

    /// Whether the samples are read by an [`Unpack`].
    pub fn is_unpacked(&self) -> bool {
        matches!(self, Self::Unpacked(_))
    }

    /// Access to the first `n_components`. For conversions and grades, samples of less than 8 bits are
    /// then made to look as if they had 8.
    ///
    /// # Errors
    ///
    /// There is no memory for rows of this width.
    pub fn access<S: Sample>(
        &self,
        layout: &FrameLayout,
        n_components: usize,
        purpose: Purpose,
        transfer: RowTransfer<S>,
    ) -> Result<Box<dyn RowAccess<S>>, TryReserveError> {
        Ok(match self {
            Self::Direct(components) => {
                Box::new(DirectRows::new(layout, components, purpose, transfer))
            }
            Self::Unpacked(unpack) => {
                let widen = matches!(purpose, Purpose::Conversion | Purpose::Grading);
                Box::new(UnpackedRows::new(layout, n_components, widen, Arc::clone(unpack))?)
            }
        })
    }
}

/// What may be read or written behind the last pixel or row by code that works on several at once.
const SLACK: usize = 256;

/// A plane of a group, out of the frame.
#[derive(Debug)]
struct PackedPlane {
    rows_of_group: usize,
    row_bytes: usize,
    stride: usize,
}

/// Access through an [`Unpack`].
#[derive(Debug)]
pub struct UnpackedRows {
    unpack: Arc<dyn Unpack>,
    width: usize,
    rows_of_group: usize,
    planes: Vec<PackedPlane>,
    /// Of each component: bits, and pixels side by side that share a sample.
    components: Vec<(u32, usize)>,
    /// Whether samples of less than 8 bits are to look as if they had 8.
    widen: bool,
    /// A group's rows of each plane, out of the frame.
    packed: Vec<Vec<u8>>,
    /// Of these bytes, the bits that are some sample's.
    sampled: Vec<Vec<u8>>,
    /// A group's rows of pixels.
    unpacked: Vec<Vec<u8>>,
}

impl UnpackedRows {
    /// To the first `n_components`.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn new(
        layout: &FrameLayout,
        n_components: usize,
        widen: bool,
        unpack: Arc<dyn Unpack>,
    ) -> Result<Self, TryReserveError> {
        let rows_of_group = layout.rows_of_group();
        let plane = |(index, plane): (usize, &PlaneLayout)| PackedPlane {
            rows_of_group: rows_of_group / plane.vertical,
            row_bytes: plane.row_bytes,
            stride: unpack.stride(index),
        };
        let planes: Vec<PackedPlane> = layout.planes.iter().enumerate().map(plane).collect();
        let row_bytes = unpack.width() * unpack.bits() as usize / 2 + SLACK;
        let group = || {
            let plane = |plane: &PackedPlane| zeros(rows_of_group * plane.stride + SLACK);
            planes.iter().map(plane).collect::<Result<Vec<Vec<u8>>, _>>()
        };
        let mut unpacked: Vec<Vec<u8>> =
            (0..rows_of_group).map(|_| zeros(row_bytes)).collect::<Result<_, _>>()?;
        // What packing makes of the lowest and of the highest samples differs in these bits.
        let (mut sampled, mut lowest) = (group()?, group()?);
        for (planes, level) in [(&mut lowest, 0), (&mut sampled, u8::MAX)] {
            for (row, pixels) in unpacked.iter_mut().enumerate() {
                pixels.fill(level);
                unpack.pack(pixels, planes, row);
            }
        }
        for (sampled, lowest) in sampled.iter_mut().flatten().zip(lowest.iter().flatten()) {
            *sampled ^= lowest;
        }
        Ok(Self {
            width: layout.width,
            rows_of_group,
            packed: group()?,
            planes,
            sampled,
            components: (0..n_components)
                .map(|c| (layout.components[c].depth, layout.subsampling(c).horizontal))
                .collect(),
            widen,
            unpacked,
            unpack,
        })
    }
}

/// A sample of `depth` bits out of the upper ones of `bits`.
fn narrow<S: Sample>(value: i32, depth: u32, bits: u32, widen: bool) -> S {
    if widen && depth < 8 { S::new(value) } else { S::new(value >> (bits - depth)) }
}

/// The other way round; a sample that was widened is rounded.
fn place<S: Sample>(sample: S, depth: u32, bits: u32, widen: bool) -> i32 {
    let value = if widen && depth < 8 {
        let max = (1 << depth) - 1;
        (sample.get() * max + 127) / 255
    } else {
        sample.get()
    };
    value << (bits - depth)
}

impl<S: Sample> RowAccess<S> for UnpackedRows {
    fn n_groups(&self, pixels: &FrameRef) -> usize {
        pixels.planes()[0].n_rows().div_ceil(self.rows_of_group)
    }

    fn load(&mut self, pixels: &FrameRef, index: usize, group: &mut RowGroup<S>) {
        for ((rows, plane), packed) in
            pixels.planes().iter().zip(&self.planes).zip(&mut self.packed)
        {
            let &PackedPlane { rows_of_group, row_bytes, stride } = plane;
            let rows = rows.rows(index * rows_of_group).take(rows_of_group);
            for (row, packed) in rows.zip(packed.chunks_mut(stride)) {
                packed[..row_bytes].copy_from_slice(row);
            }
        }
        // The first plane holds a row for each row of pixels.
        let left = pixels.planes()[0].n_rows() - index * self.rows_of_group;
        group.n_rows = left.min(self.rows_of_group);
        for (row, unpacked) in self.unpacked.iter_mut().take(group.n_rows).enumerate() {
            self.unpack.unpack(&self.packed, row, unpacked);
        }
        let bits = self.unpack.bits();
        let sample_bytes = bits as usize / 8;
        for (c, rows) in group.components.iter_mut().enumerate() {
            let (depth, horizontal) = self.components[c];
            // Chroma is the same in all rows of a group.
            for (row, unpacked) in rows.iter_mut().zip(&self.unpacked) {
                let samples = unpacked[(1 + c) * sample_bytes..]
                    .chunks(4 * sample_bytes * horizontal)
                    .map(|pixel| sample_of(pixel, sample_bytes));
                for (sample, value) in row.iter_mut().zip(samples) {
                    *sample = narrow(value, depth, bits, self.widen);
                }
            }
        }
    }

    fn store(&mut self, pixels: &mut FrameMut, index: usize, group: &RowGroup<S>) {
        let bits = self.unpack.bits();
        let sample_bytes = bits as usize / 8;
        for (c, rows) in group.components.iter().enumerate() {
            let (depth, horizontal) = self.components[c];
            for (y, unpacked) in self.unpacked.iter_mut().take(group.n_rows).enumerate() {
                let row = &rows[y.min(rows.len() - 1)];
                let pixels = unpacked.chunks_mut(4 * sample_bytes).take(self.width);
                for (x, pixel) in pixels.enumerate() {
                    let value = place(row[x / horizontal], depth, bits, self.widen);
                    let bytes = &mut pixel[(1 + c) * sample_bytes..][..sample_bytes];
                    match bytes {
                        [byte] => *byte = value as u8,
                        word => word.copy_from_slice(&(value as u16).to_ne_bytes()),
                    }
                }
            }
        }
        for (row, pixels) in self.unpacked.iter().take(group.n_rows).enumerate() {
            self.unpack.pack(pixels, &mut self.packed, row);
        }
        // What is hidden stays as it is, with all bits.
        let is_partly_hidden = pixels.is_partly_hidden();
        for (((rows, plane), packed), sampled) in
            pixels.planes_mut().iter_mut().zip(&self.planes).zip(&self.packed).zip(&self.sampled)
        {
            let &PackedPlane { rows_of_group, row_bytes, stride } = plane;
            let rows = rows.rows_mut(index * rows_of_group).take(rows_of_group);
            for ((row, packed), sampled) in
                rows.zip(packed.chunks(stride)).zip(sampled.chunks(stride))
            {
                if is_partly_hidden {
                    for ((byte, new), sampled) in row.iter_mut().zip(packed).zip(sampled) {
                        *byte = *byte & !sampled | new & sampled;
                    }
                } else {
                    row.copy_from_slice(&packed[..row_bytes]);
                }
            }
        }
    }
}

fn sample_of(bytes: &[u8], sample_bytes: usize) -> i32 {
    match sample_bytes {
        1 => bytes[0].into(),
        _ => u16::from_ne_bytes([bytes[0], bytes[1]]).into(),
    }
}
