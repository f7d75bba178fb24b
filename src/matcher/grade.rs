//! Frames whose colours are moved together: a sample of their pixels is looked at, and rows are
//! graded.

use std::borrow::Cow;
use std::collections::TryReserveError;
use std::fmt;
use std::sync::Arc;

use super::BandProcessor;
use super::rows::{Hidden, visible_rows};
use super::weights::{FULL, Weighed};
use crate::color::Encoding;
use crate::frame::rows::{Purpose, RowAccess, RowGroup, RowGroupViewMut};
use crate::frame::unpack::{RowSource, Unpack};
use crate::frame::{FrameLayout, FrameMut, FrameRef, SampleLayout, Subsampling};
use crate::histogram::Histogram;
use crate::kernels::grade::{GradeKernels, GradeTables, PackedKernel, PackedPixels, PackedRow};
use crate::kernels::{InstructionSet, Kernels, RowKernels, prefetch};
use crate::mapping::Mapping;
use crate::matrix::{self, Affine32, Matrix};
use crate::statistics::ColorSample;

/// How frames are graded.
#[derive(Clone, Debug)]
pub(super) struct GradePlan {
    /// Of the part of the frames that is graded.
    pub layout: FrameLayout,
    pub source: RowSource,
    pub at_most: InstructionSet,
}

impl GradePlan {
    /// `None` if there is no way to the samples.
    pub fn new(
        layout: &FrameLayout,
        at_most: InstructionSet,
        unpack: Option<Arc<dyn Unpack>>,
    ) -> Option<Self> {
        let source = RowSource::new(layout, layout.components.len(), unpack)?;
        Some(Self { layout: layout.clone(), source, at_most })
    }

    /// What works on a band of frames.
    pub fn processor(&self) -> Result<Box<dyn BandProcessor>, TryReserveError> {
        Ok(if self.layout.depth() > 8 {
            Box::new(GradeProcessor::<u16>::new(self)?)
        } else {
            Box::new(GradeProcessor::<u8>::new(self)?)
        })
    }

    /// Pixels from a grid over the visible part of a frame, of those that count.
    pub fn sample(
        &self,
        frame: &FrameRef,
        weighed: Option<&Weighed>,
    ) -> Result<ColorSample, TryReserveError> {
        let grid = Grid::new(frame, weighed);
        if let Some(sample) = self.sample_in_place(frame, &grid) {
            Ok(sample)
        } else if self.layout.depth() > 8 {
            self.sample_of::<u16>(frame, &grid)
        } else {
            self.sample_of::<u8>(frame, &grid)
        }
    }

    /// The pixels of the grid where they lie, if that is known.
    fn sample_in_place(&self, frame: &FrameRef, grid: &Grid) -> Option<ColorSample> {
        let layout = &self.layout;
        let last = layout.components.len() - 1;
        let mut components = Vec::new();
        for c in 0..3 {
            let c = c.min(last);
            let place = layout.components[c].place?;
            let shared = layout.subsampling(c);
            // Powers of two; a division for each pixel costs more than its sample.
            let horizontal = shared.horizontal.trailing_zeros();
            let places = move |columns: &[usize]| -> Vec<usize> {
                let place = |x: &usize| place.offset + (x >> horizontal) * place.pixel_stride;
                columns.iter().map(place).collect()
            };
            let all = places(&grid.columns);
            components.push((place, layout.components[c].depth, shared.vertical, places, all));
        }
        let mut samples: [Vec<f32>; 3] = Default::default();
        let n = grid.columns.len() * grid.rows.len();
        samples.iter_mut().for_each(|samples| samples.reserve(n));
        let next_rows = grid.rows.iter().skip(1).map(Some).chain([None]);
        for ((y, columns), next) in grid.rows().zip(next_rows) {
            for (samples, (place, depth, vertical, places, all)) in
                samples.iter_mut().zip(&components)
            {
                let plane = &frame.planes()[place.plane];
                let row = plane.row(y / vertical);
                // A row lies too far from the one before it for the CPU to guess.
                if let (Some(next), [first, second, .., last]) = (next, &all[..]) {
                    prefetch(&plane.row(next / vertical)[*first..=*last], second - first);
                }
                match &columns {
                    Cow::Borrowed(_) => read(row, all, place, *depth, samples),
                    Cow::Owned(some) => read(row, &places(some), place, *depth, samples),
                }
            }
        }
        to_rgb(layout).apply_all(&mut samples);
        Some(ColorSample { channels: samples })
    }

    fn sample_of<S: RowKernels>(
        &self,
        frame: &FrameRef,
        grid: &Grid,
    ) -> Result<ColorSample, TryReserveError> {
        let Self { layout, source, at_most } = self;
        let n_components = layout.components.len();
        let transfer = Kernels::<S>::select(*at_most).transfer;
        let mut access = source.access(layout, n_components, Purpose::Survey, transfer)?;
        let mut group = RowGroup::<S>::new(layout, n_components)?;
        let rows_of_group = layout.rows_of_group();
        let mut samples: [Vec<f32>; 3] = Default::default();
        let mut loaded = None;
        for (y, columns) in grid.rows() {
            let index = y / rows_of_group;
            if loaded.replace(index) != Some(index) {
                access.load(frame, index, &mut group);
            }
            let row: [&[S]; 3] = std::array::from_fn(|c| {
                let c = c.min(n_components - 1);
                let shared = layout.subsampling(c);
                &*group.components[c][y % rows_of_group / shared.vertical]
            });
            for &x in &*columns {
                for (c, samples) in samples.iter_mut().enumerate() {
                    let shared = layout.subsampling(c.min(n_components - 1));
                    samples.push(row[c][x / shared.horizontal].get() as f32);
                }
            }
        }
        to_rgb(layout).apply_all(&mut samples);
        Ok(ColorSample { channels: samples })
    }
}

/// Appends the samples whose bytes begin at some places of a row.
fn read(row: &[u8], places: &[usize], layout: &SampleLayout, depth: u32, samples: &mut Vec<f32>) {
    let SampleLayout { bytes, big_endian, shift, .. } = *layout;
    let mask = (1 << depth) - 1;
    // What is captured by value stays in registers.
    let sample = move |word: u32| (word >> shift & mask) as i32 as f32;
    let places = places.iter().copied();
    match bytes {
        1 => samples.extend(places.map(move |at| sample(row[at].into()))),
        2 => {
            let word = if big_endian { u16::from_be_bytes } else { u16::from_le_bytes };
            samples.extend(places.map(move |at| sample(word([row[at], row[at + 1]]).into())));
        }
        _ => samples.extend(places.map(move |at| {
            let word = row[at..at + bytes].iter().enumerate();
            let byte = |(i, &byte): (usize, &u8)| {
                u32::from(byte) << (8 * if big_endian { bytes - 1 - i } else { i })
            };
            sample(word.map(byte).sum())
        })),
    }
}

/// Where the pixels of a [`ColorSample`] are.
struct Grid<'a> {
    columns: Vec<usize>,
    rows: Vec<usize>,
    weighed: Option<&'a Weighed>,
}

impl<'a> Grid<'a> {
    fn new(frame: &FrameRef, weighed: Option<&'a Weighed>) -> Self {
        let (columns, rows) =
            (frame.visible_columns(Subsampling::NONE), frame.visible_rows(Subsampling::NONE));
        let step = ColorSample::step(columns.len(), rows.len());
        Self {
            columns: columns.skip(step / 2).step_by(step).collect(),
            rows: rows.skip(step / 2).step_by(step).collect(),
            weighed,
        }
    }

    /// Each row, with the columns of its pixels. What doesn't count in full takes turns: of seven pixels
    /// side by side, as many are taken as their weight says; in every row, the turns begin elsewhere.
    fn rows(&self) -> impl Iterator<Item = (usize, Cow<'_, [usize]>)> {
        /// Has no factor in common with the length of a turn.
        const SHIFT_OF_ROWS: usize = 3;
        self.rows.iter().enumerate().map(|(j, &y)| {
            let Some(weighed) = self.weighed else { return (y, Cow::Borrowed(&self.columns[..])) };
            let weights = &weighed.pixels().rows_from(y)[0];
            let is_taken = |&(i, &x): &(usize, &usize)| {
                usize::from(weights[x]) > (i + SHIFT_OF_ROWS * j) % usize::from(FULL)
            };
            let taken = self.columns.iter().enumerate().filter(is_taken).map(|(_, &x)| x);
            (y, Cow::Owned(taken.collect()))
        })
    }
}

impl fmt::Display for GradePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unpacked = if self.source.is_unpacked() { ", unpacked by GStreamer" } else { "" };
        write!(f, "graded by rows{unpacked}: {} kernels", self.at_most.or_less())
    }
}

/// From the samples of a pixel to R'G'B' from 0 to 255.
fn to_rgb(layout: &FrameLayout) -> Affine32 {
    let encoding = layout.encoding;
    let matrix: Matrix = match encoding {
        Encoding::Rgb(_) => matrix::IDENTITY,
        Encoding::YCbCr(weights, _) => weights.to_rgb(),
        Encoding::Luma(..) => [[1., 0., 0.]; 3],
    };
    let zero_and_one = [0, 1, 2].map(|c| {
        let depth = layout.components[c.min(layout.components.len() - 1)].depth;
        let (zero, one) = encoding.scale(c, depth);
        (zero, one / 255.)
    });
    let scaled = matrix.map(|row| [0, 1, 2].map(|c| row[c] / zero_and_one[c].1));
    Affine32::new(&scaled, matrix::apply(&scaled, zero_and_one.map(|(zero, _)| -zero)))
}

/// Grades rows.
#[derive(Debug)]
struct GradeProcessor<S: RowKernels> {
    layout: FrameLayout,
    access: Box<dyn RowAccess<S>>,
    group: RowGroup<S>,
    kernels: GradeKernels<S>,
    /// Where pixels are graded in memory: the plane, and how.
    packed: Option<(usize, PackedRow, PackedKernel)>,
}

impl<S: RowKernels> GradeProcessor<S> {
    fn new(plan: &GradePlan) -> Result<Self, TryReserveError> {
        let GradePlan { layout, source, at_most } = plan;
        let n_components = layout.components.len();
        let kernels = Kernels::<S>::select(*at_most);
        Ok(Self {
            access: source.access(layout, n_components, Purpose::Grading, kernels.transfer)?,
            group: RowGroup::new(layout, n_components)?,
            layout: layout.clone(),
            packed: packed_row(layout)
                .zip(kernels.grade.packed)
                .map(|((plane, row), kernel)| (plane, row, kernel)),
            kernels: kernels.grade,
        })
    }
}

/// The plane that holds all components in bytes, and where these are in a row, if it is packed as kernels
/// take it.
fn packed_row(layout: &FrameLayout) -> Option<(usize, PackedRow)> {
    let [first, second, third] = &layout.components[..] else { return None };
    let places = [first.place?, second.place?, third.place?];
    let plane = places[0].plane;
    if layout.depth() != 8 || places.iter().any(|place| place.bytes != 1 || place.plane != plane) {
        return None;
    }
    let (strides, offsets) =
        (places.map(|place| place.pixel_stride), places.map(|place| place.offset));
    let pixels = match (layout.encoding, strides) {
        (Encoding::Rgb(_), [3, 3, 3] | [4, 4, 4]) => {
            PackedPixels::Rgb { pixel_stride: strides[0], offsets }
        }
        (Encoding::YCbCr(..), [2, 4, 4]) if layout.chroma.vertical == 1 => {
            PackedPixels::YCbCr { luma: offsets[0], chroma: [offsets[1], offsets[2]] }
        }
        _ => return None,
    };
    let begins = offsets.iter().zip(strides).all(|(offset, stride)| *offset < stride);
    begins.then_some((plane, PackedRow { width: layout.width, pixels }))
}

/// Grades the rows of a group.
fn grade<S: RowKernels>(
    kernels: &GradeKernels<S>,
    layout: &FrameLayout,
    tables: &GradeTables,
    view: &mut RowGroupViewMut<S>,
    first_row: usize,
) {
    let n_rows = view.n_rows;
    let [first, second, third] = &mut view.full;
    match layout.encoding {
        Encoding::Rgb(_) => {
            for row in 0..n_rows {
                let rows = [&mut *first[row], &mut *second[row], &mut *third[row]];
                (kernels.rgb)(tables, rows, first_row + row);
            }
        }
        Encoding::Luma(..) => (kernels.ycbcr)(tables, &mut first[..n_rows], None, first_row),
        Encoding::YCbCr(..) => {
            let shared = layout.chroma.vertical;
            for (index, lumas) in first[..n_rows].chunks_mut(shared).enumerate() {
                let chroma = [&mut *second[index], &mut *third[index]];
                (kernels.ycbcr)(tables, lumas, Some(chroma), first_row + index * shared);
            }
        }
    }
}

impl<S: RowKernels> BandProcessor for GradeProcessor<S> {
    fn count(&mut self, _bands: &[FrameRef], _weighed: Option<&Weighed>) -> Vec<Histogram> {
        // Grades are learned from samples.
        Vec::new()
    }

    fn apply(&mut self, pixels: &mut FrameMut, mapping: &Mapping) {
        let Self { layout, access, group, kernels, packed } = self;
        let tables = &GradeTables::new(mapping.grade(), layout);
        let n_components = layout.components.len();
        let rows_of_group = layout.rows_of_group();
        let is_partly_hidden = pixels.is_partly_hidden();
        let top = pixels.top();
        if let Some((plane, packed, kernel)) = *packed
            && !is_partly_hidden
        {
            let rows = pixels.planes_mut()[plane].rows_mut(0);
            rows.enumerate().for_each(|(y, row)| kernel(tables, row, packed, top + y));
            return;
        }
        for index in 0..access.n_groups(&pixels.shared()) {
            access.load(&pixels.shared(), index, group);
            let first_row = index * rows_of_group;
            let visible_in = |c| {
                let shared = layout.subsampling(c);
                (visible_rows(pixels, shared, first_row), pixels.visible_columns(shared))
            };
            let visible = is_partly_hidden.then(|| [0, 1, 2].map(visible_in));
            let mut view = access.view_mut(pixels, index, group, n_components);
            let hidden = visible.map(|visible| (Hidden::of(&view, n_components), visible));
            grade(kernels, layout, tables, &mut view, top + first_row);
            if let Some((hidden, visible)) = hidden {
                hidden.put_back(&mut view, n_components, |c| visible[c].clone());
            }
            access.store(pixels, index, group);
        }
    }
}
