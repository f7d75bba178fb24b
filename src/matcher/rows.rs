//! Frames whose samples are taken out by rows, and perhaps converted.

use std::collections::TryReserveError;
use std::sync::Arc;
use std::{fmt, ops};

use super::BandProcessor;
use super::tables::Tables;
use super::weights::{Counted, Run, Weighed, WeighingCounter};
use crate::color::Channels;
use crate::frame::rows::{Purpose, RowAccess, RowGroup, RowGroupViewMut};
use crate::frame::unpack::{RowSource, Unpack};
use crate::frame::{FrameLayout, FrameMut, FrameRef, FrameView, Memory, Subsampling};
use crate::histogram::Histogram;
use crate::kernels::convert::{Conversion, ConvertedRows};
use crate::kernels::dither;
use crate::kernels::{InstructionSet, Kernels, RowKernels};
use crate::mapping::Mapping;

/// How the samples of frames are taken out, and converted.
#[derive(Clone, Debug)]
pub(super) struct RowPlan {
    /// Of the part of the frames that is matched.
    pub layout: FrameLayout,
    conversion: Option<Conversion>,
    pub source: RowSource,
    depths: Vec<u32>,
    /// How many components are taken out.
    pub n_components: usize,
    pub at_most: InstructionSet,
}

impl RowPlan {
    /// `None` if there is no way to the samples.
    pub fn new(
        layout: &FrameLayout,
        channels: &Channels,
        conversion: Option<Conversion>,
        at_most: InstructionSet,
        unpack: Option<Arc<dyn Unpack>>,
    ) -> Option<Self> {
        let n_components = match conversion {
            Some(_) => layout.components.len(),
            None => channels.depths.len(),
        };
        Some(Self {
            layout: layout.clone(),
            conversion,
            source: RowSource::new(layout, n_components, unpack)?,
            depths: channels.depths.clone(),
            n_components,
            at_most,
        })
    }

    /// What works on a band of frames.
    pub fn processor(&self) -> Result<Box<dyn BandProcessor>, TryReserveError> {
        Ok(if self.layout.depth() > 8 {
            Box::new(RowProcessor::<u16>::new(self)?)
        } else {
            Box::new(RowProcessor::<u8>::new(self)?)
        })
    }
}

impl fmt::Display for RowPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let converted = if self.conversion.is_some() { ", converted" } else { "" };
        let unpacked = if self.source.is_unpacked() { ", unpacked by GStreamer" } else { "" };
        write!(f, "by rows{converted}{unpacked}: {} kernels", self.at_most.or_less())
    }
}

/// Works on rows that are taken out of the frame.
#[derive(Debug)]
struct RowProcessor<S: RowKernels> {
    access: Box<dyn RowAccess<S>>,
    group: RowGroup<S>,
    /// How each component is subsampled.
    shared: Vec<Subsampling>,
    rows_of_group: usize,
    counters: Vec<WeighingCounter<S>>,
    depths: Vec<u32>,
    kernels: Kernels<S>,
    converter: Option<Converter<S>>,
}

#[derive(Debug)]
struct Converter<S: RowKernels> {
    conversion: Conversion,
    rows: ConvertedRows<S>,
}

impl<S: RowKernels> RowProcessor<S> {
    fn new(plan: &RowPlan) -> Result<Self, TryReserveError> {
        let RowPlan { layout, n_components, .. } = plan;
        let kernels = Kernels::<S>::select(plan.at_most);
        let purpose = match plan.conversion {
            Some(_) => Purpose::Conversion,
            None => Purpose::Matching,
        };
        let converter = |conversion: Conversion| -> Result<_, TryReserveError> {
            Ok(Converter { rows: ConvertedRows::new(layout.width, &conversion)?, conversion })
        };
        Ok(Self {
            access: plan.source.access(layout, *n_components, purpose, kernels.transfer)?,
            group: RowGroup::new(layout, *n_components)?,
            shared: (0..*n_components).map(|component| layout.subsampling(component)).collect(),
            rows_of_group: layout.rows_of_group(),
            counters: plan
                .depths
                .iter()
                .map(|&depth| WeighingCounter::new((kernels.counter)(depth)))
                .collect(),
            depths: plan.depths.clone(),
            kernels,
            converter: plan.conversion.clone().map(converter).transpose()?,
        })
    }
}

/// The rows of a component that are visible, relative to the group that begins at row `first_row` of
/// pixels.
pub(super) fn visible_rows<M: Memory>(
    pixels: &FrameView<M>,
    shared: Subsampling,
    first_row: usize,
) -> ops::Range<usize> {
    let first = first_row / shared.vertical;
    let ops::Range { start, end } = pixels.visible_rows(shared);
    start.saturating_sub(first)..end.saturating_sub(first)
}

/// The samples of a group that are hidden, to be put back.
pub(super) struct Hidden<S>(Vec<Vec<Vec<S>>>);

impl<S: RowKernels> Hidden<S> {
    pub fn of(view: &RowGroupViewMut<S>, n_full: usize) -> Self {
        let full =
            view.full[..n_full].iter().map(|rows| rows.iter().map(|row| row.to_vec()).collect());
        let chroma = view.chroma.iter().map(|rows| rows.iter().map(|row| row.to_vec()).collect());
        Self(full.chain(chroma).collect())
    }

    /// Puts back all samples of a group but those in the visible rows and columns of each component.
    pub fn put_back(
        &self,
        view: &mut RowGroupViewMut<S>,
        n_full: usize,
        visible: impl Fn(usize) -> (ops::Range<usize>, ops::Range<usize>),
    ) {
        for (c, saved) in self.0.iter().enumerate() {
            let (rows, columns) = visible(c);
            for (y, saved) in saved.iter().enumerate() {
                let row: &mut [S] = match c.checked_sub(n_full) {
                    None => view.full[c][y],
                    Some(c) => &mut view.chroma[c][y],
                };
                let columns = if rows.contains(&y) { columns.clone() } else { 0..0 };
                let (start, end) = (columns.start.min(row.len()), columns.end.min(row.len()));
                row[..start].copy_from_slice(&saved[..start]);
                row[end..].copy_from_slice(&saved[end..]);
            }
        }
    }
}

impl<S: RowKernels> BandProcessor for RowProcessor<S> {
    fn count(&mut self, bands: &[FrameRef], weighed: Option<&Weighed>) -> Vec<Histogram> {
        let Self { access, group, counters, depths, kernels, converter, shared, rows_of_group } =
            self;
        for (field, pixels) in bands.iter().enumerate() {
            let counted_of = |shared| Counted::new(weighed, bands, field, shared);
            let counted_pixels = counted_of(Subsampling::NONE);
            let counted: Vec<Counted> = shared.iter().map(|&shared| counted_of(shared)).collect();
            for index in 0..access.n_groups(pixels) {
                access.load(pixels, index, group);
                let first_row = index * *rows_of_group;
                let pixel_rows = visible_rows(pixels, Subsampling::NONE, first_row);
                match converter {
                    None => {
                        let view = access.view(pixels, index, group, counters.len());
                        for (c, counter) in counters.iter_mut().enumerate() {
                            let make = || (kernels.counter)(depths[c]);
                            let first = first_row / shared[c].vertical;
                            let visible = visible_rows(pixels, shared[c], first_row);
                            let rows = view.full[c].iter().take(view.n_rows).take(visible.end);
                            let rows = rows.enumerate().skip(visible.start);
                            for (y, row) in rows.filter(|(_, row)| !row.is_empty()) {
                                for Run { columns, weight } in counted[c].row(first + y) {
                                    counter.add(&row[columns.clone()], *weight, make);
                                }
                            }
                        }
                    }
                    Some(Converter { conversion, rows }) => {
                        group.pad_chroma(conversion.n_full());
                        let view = access.view(pixels, index, group, conversion.n_full());
                        (kernels.conversion.to_channels)(conversion, &view, rows);
                        for row in pixel_rows.start..pixel_rows.end.min(view.n_rows) {
                            let channels = rows.channels(row).zip(&mut *counters).zip(&*depths);
                            for ((samples, counter), &depth) in channels {
                                let make = || (kernels.counter)(depth);
                                for Run { columns, weight } in counted_pixels.row(first_row + row) {
                                    counter.add(&samples[columns.clone()], *weight, make);
                                }
                            }
                        }
                    }
                }
            }
        }
        let histogram = |(counter, &depth): (&mut WeighingCounter<S>, &u32)| {
            let mut histogram = counter.finish().pop().expect("one channel");
            histogram.bins.truncate(1 << depth);
            histogram
        };
        counters.iter_mut().zip(&*depths).map(histogram).collect()
    }

    fn apply(&mut self, pixels: &mut FrameMut, mapping: &Mapping) {
        let Self { access, group, kernels, converter, shared, rows_of_group, depths, .. } = self;
        let n_channels = depths.len();
        let tables = Tables::new(mapping, 0..n_channels, kernels.table);
        let columns_of: Vec<ops::Range<usize>> =
            shared.iter().map(|&shared| pixels.visible_columns(shared)).collect();
        let is_partly_hidden = pixels.is_partly_hidden();
        let top = pixels.top();
        for index in 0..access.n_groups(&pixels.shared()) {
            access.load(&pixels.shared(), index, group);
            let first_row = top + index * *rows_of_group;
            let rows_of: [ops::Range<usize>; 3] = std::array::from_fn(|c| {
                let shared = shared.get(c).copied().unwrap_or(Subsampling::NONE);
                visible_rows(pixels, shared, index * *rows_of_group)
            });
            match converter {
                None => {
                    let mut view = access.view_mut(pixels, index, group, n_channels);
                    for (c, rows) in view.full.iter_mut().take(n_channels).enumerate() {
                        let first = first_row / shared[c].vertical;
                        let rows = rows.iter_mut().take(view.n_rows).take(rows_of[c].end);
                        let rows = rows.enumerate().skip(rows_of[c].start);
                        for (y, row) in rows.filter(|(_, row)| !row.is_empty()) {
                            let columns = columns_of[c].clone();
                            let place = (first + y, columns.start);
                            match &tables {
                                Tables::Whole(tables) => {
                                    (kernels.apply)(&mut row[columns], &tables[c]);
                                }
                                Tables::Dithered(tables) => {
                                    tables[c].apply(&mut row[columns], 1, place);
                                }
                            }
                        }
                    }
                }
                Some(Converter { conversion, rows }) => {
                    group.pad_chroma(conversion.n_full());
                    let n_full = conversion.n_full();
                    let mut view = access.view_mut(pixels, index, group, n_full);
                    (kernels.conversion.to_channels)(conversion, &view.shared(), rows);
                    let hidden = is_partly_hidden.then(|| Hidden::of(&view, n_full));
                    match &tables {
                        Tables::Whole(tables) => {
                            for row in 0..view.n_rows {
                                for ((samples, matched), table) in rows.to_match(row).zip(tables) {
                                    (kernels.apply_to)(samples, matched, table);
                                }
                            }
                            (kernels.conversion.add_changes)(conversion, &mut view, rows);
                        }
                        Tables::Dithered(tables) => {
                            dither::add_changes(conversion, &mut view, rows, tables, first_row);
                        }
                    }
                    if let Some(hidden) = hidden {
                        hidden.put_back(&mut view, n_full, |c| {
                            (rows_of[c].clone(), columns_of[c].clone())
                        });
                    }
                }
            }
            access.store(pixels, index, group);
        }
    }
}
