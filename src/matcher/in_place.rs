//! Frames whose channels are components in bytes: matched in their memory.

use std::{fmt, ops};

use super::BandProcessor;
use super::tables::Tables;
use super::weights::{Counted, Run, Weighed, WeighingCounter};
use crate::frame::{FrameLayout, FrameMut, FrameRef, PixelLayout, Subsampling};
use crate::histogram::Histogram;
use crate::kernels::{InstructionSet, Kernels, PixelKernels};
use crate::lut::Lut;
use crate::mapping::Mapping;

/// Samples in one plane that one kernel handles.
#[derive(Clone, Debug)]
pub(super) struct PlaneKernels {
    /// As an index of the layout's planes.
    plane: usize,
    /// How its samples are subsampled.
    shared: Subsampling,
    pixel: PixelLayout,
    kernels: PixelKernels,
    pub instruction_set: InstructionSet,
    /// The channel of each sample of a pixel, in memory order.
    channels: Vec<usize>,
}

/// The kernels for channels that are components in bytes; `None` if there is none for some.
pub(super) fn plane_kernels(
    layout: &FrameLayout,
    n_channels: usize,
    at_most: InstructionSet,
) -> Option<Vec<PlaneKernels>> {
    /// Plane, pixel stride, pixels that share a sample, byte of a pixel, channel.
    type Sample = (usize, usize, usize, usize, usize);

    let kernels = Kernels::<u8>::select(at_most);
    let mut places: Vec<Sample> = Vec::new();
    for (channel, component) in layout.components[..n_channels].iter().enumerate() {
        let place = component.place.filter(|place| place.bytes == 1 && component.depth == 8)?;
        let Subsampling { horizontal, .. } = layout.subsampling(channel);
        places.push((place.plane, place.pixel_stride, horizontal, place.offset, channel));
    }
    places.sort_unstable();
    let side_by_side = |a: &Sample, b: &Sample| (a.0, a.1, a.2, a.3 + 1) == (b.0, b.1, b.2, b.3);
    places
        .chunk_by(side_by_side)
        .map(|places| {
            let (plane, pixel_stride, _, first, channel) = places[0];
            let pixel = PixelLayout { pixel_stride, first, n_samples: places.len() };
            Some(PlaneKernels {
                plane,
                shared: layout.subsampling(channel),
                pixel,
                kernels: (kernels.pixels)(pixel)?,
                instruction_set: kernels.instruction_set,
                channels: places.iter().map(|place| place.4).collect(),
            })
        })
        .collect()
}

/// Works in the frame's memory.
#[derive(Debug)]
pub(super) struct InPlaceProcessor {
    sets: Vec<(PlaneKernels, WeighingCounter<u8>)>,
    n_channels: usize,
}

impl InPlaceProcessor {
    pub fn new(sets: Vec<PlaneKernels>, n_channels: usize) -> Self {
        let with_counter = |set: PlaneKernels| {
            let counter = WeighingCounter::new((set.kernels.counter)());
            (set, counter)
        };
        Self { sets: sets.into_iter().map(with_counter).collect(), n_channels }
    }
}

impl fmt::Display for PlaneKernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plane, pixel, channels, instruction_set: set, .. } = self;
        write!(f, "plane {plane}, {pixel:?}, channels {channels:?}: {set} kernels")
    }
}

impl PlaneKernels {
    /// The bytes of a row in some columns.
    fn bytes_of(&self, columns: &ops::Range<usize>) -> ops::Range<usize> {
        columns.start * self.pixel.pixel_stride..columns.end * self.pixel.pixel_stride
    }
}

impl BandProcessor for InPlaceProcessor {
    fn count(&mut self, bands: &[FrameRef], weighed: Option<&Weighed>) -> Vec<Histogram> {
        let mut histograms = vec![Histogram { bins: Vec::new() }; self.n_channels];
        for (set, counter) in &mut self.sets {
            for (field, pixels) in bands.iter().enumerate() {
                let counted = Counted::new(weighed, bands, field, set.shared);
                let plane = &pixels.planes()[set.plane];
                for y in pixels.visible_rows(set.shared) {
                    for Run { columns, weight } in counted.row(y) {
                        let row = &plane.row(y)[set.bytes_of(columns)];
                        counter.add(row, *weight, set.kernels.counter);
                    }
                }
            }
            for (&channel, histogram) in set.channels.iter().zip(counter.finish()) {
                histograms[channel] = histogram;
            }
        }
        histograms
    }

    fn apply(&mut self, pixels: &mut FrameMut, mapping: &Mapping) {
        let top = pixels.top();
        for (set, _) in &self.sets {
            let PlaneKernels { pixel, shared, .. } = set;
            let (rows, columns) = (pixels.visible_rows(*shared), pixels.visible_columns(*shared));
            let bytes = set.bytes_of(&columns);
            let plane = &mut pixels.planes_mut()[set.plane];
            let rows_of_plane = plane.rows_mut(rows.start).take(rows.len());
            let rows_of_plane = rows_of_plane.map(|row| &mut row[bytes.clone()]);
            match Tables::new(mapping, set.channels.iter().copied(), Lut::to_bytes) {
                Tables::Whole(tables) => {
                    rows_of_plane.for_each(|row| (set.kernels.apply)(row, &tables));
                }
                Tables::Dithered(tables) => {
                    let first_row = top / shared.vertical + rows.start;
                    for (y, row) in rows_of_plane.enumerate() {
                        for (i, table) in tables.iter().enumerate() {
                            let place = (first_row + y, columns.start);
                            table.apply(&mut row[pixel.first + i..], pixel.pixel_stride, place);
                        }
                    }
                }
            }
        }
    }
}
