//! How much the pixels of a frame count, in eight steps: from not at all to in full.
//!
//! A sample of a pixel of weight *w* is counted *w* times. Of chroma that pixels share, the largest of
//! their weights counts.

use std::ops::Range;

use crate::frame::{Area, FrameLayout, FrameView, Memory, Subsampling};
use crate::histogram::Histogram;
use crate::kernels::Counter;

/// The weight of a pixel that counts in full.
pub const FULL: u8 = 7;

/// How much the pixels of an area of a frame count. All others don't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    area: Area,
    /// From 0 to [`FULL`], row by row.
    weights: Vec<u8>,
}

impl Weights {
    /// No pixel of the area counts.
    pub fn none(area: Area) -> Self {
        Self { area, weights: vec![0; area.width * area.height] }
    }

    /// The weights of some pixels side by side, which must be in the area.
    pub fn row_mut(&mut self, y: usize, columns: Range<usize>) -> &mut [u8] {
        let Area { left, top, width, .. } = self.area;
        &mut self.weights[(y - top) * width..][columns.start - left..columns.end - left]
    }

    /// The smallest area that has all pixels that count.
    pub fn bounds(&self) -> Area {
        let mut columns = self.area.width..0;
        let mut rows = self.area.height..0;
        for (y, row) in self.weights.chunks_exact(self.area.width.max(1)).enumerate() {
            let Some(first) = row.iter().position(|&weight| weight > 0) else { continue };
            let last = row.iter().rposition(|&weight| weight > 0).unwrap_or(first);
            columns = columns.start.min(first)..columns.end.max(last + 1);
            rows = rows.start.min(y)..y + 1;
        }
        if columns.is_empty() {
            return Area::default();
        }
        let area =
            Area { left: columns.start, top: rows.start, width: columns.len(), height: rows.len() };
        area.moved(self.area.left, self.area.top)
    }

    /// Whether all pixels of a part of the area count in full.
    pub fn are_full(&self, part: Area) -> bool {
        let Area { left, top, width, .. } = self.area;
        let row = |y: usize| &self.weights[(y - top) * width..][part.left - left..][..part.width];
        (part.top..part.top + part.height).all(|y| row(y).iter().all(|&weight| weight == FULL))
    }

    /// Those of some pixels of the frame side by side.
    fn row(&self, y: usize, columns: Range<usize>) -> Vec<u8> {
        let mut row = vec![0; columns.len()];
        let part = Area { left: columns.start, top: y, width: columns.len(), height: 1 };
        let part = part.intersection(self.area);
        if !part.is_empty() {
            let first = (y - self.area.top) * self.area.width + part.left - self.area.left;
            let weights = &self.weights[first..][..part.width];
            row[part.left - columns.start..][..part.width].copy_from_slice(weights);
        }
        row
    }
}

/// Samples side by side that count alike.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub columns: Range<usize>,
    /// From 1 to [`FULL`].
    pub weight: u8,
}

/// The weights of the samples of one plane.
#[derive(Clone, Debug, Default)]
pub(super) struct WeighedPlane {
    weights: Vec<Vec<u8>>,
    /// Of each row, those that count.
    runs: Vec<Vec<Run>>,
}

impl WeighedPlane {
    fn new(weights: Vec<Vec<u8>>) -> Self {
        let runs = |row: &Vec<u8>| {
            let mut end = 0;
            let run = |run: &[u8]| {
                let start = end;
                end += run.len();
                Run { columns: start..end, weight: run[0] }
            };
            row.chunk_by(|a, b| a == b).map(run).filter(|run| run.weight > 0).collect()
        };
        Self { runs: weights.iter().map(runs).collect(), weights }
    }

    /// The weight of each sample, of the rows from one on.
    pub fn rows_from(&self, first: usize) -> &[Vec<u8>] {
        self.weights.get(first..).unwrap_or_default()
    }
}

/// [`Weights`] in the cells of the grid that an area covers.
#[derive(Clone, Debug)]
pub(super) struct Weighed {
    pixels: WeighedPlane,
    /// Of chroma that pixels share.
    chroma: WeighedPlane,
    /// The same where the rows of two fields take turns.
    chroma_of_fields: WeighedPlane,
}

impl Weighed {
    pub fn new(weights: &Weights, area: Area, layout: &FrameLayout) -> Self {
        let cells = layout.on_grid(area);
        let row = |y| weights.row(y, cells.left..cells.left + cells.width);
        let pixels: Vec<Vec<u8>> = (cells.top..cells.top + cells.height).map(row).collect();
        let Subsampling { horizontal, vertical, .. } = layout.chroma;
        // The largest of some rows and columns of pixels.
        let chroma = |rows: &dyn Fn(usize, usize) -> usize| {
            let row = |y: usize| {
                let rows: Vec<&Vec<u8>> =
                    (0..vertical).filter_map(|i| pixels.get(rows(y, i))).collect();
                let sample = |x: usize| {
                    let end = cells.width.min(x + horizontal);
                    rows.iter().flat_map(|row| &row[x..end]).copied().max().unwrap_or_default()
                };
                (0..cells.width).step_by(horizontal).map(sample).collect()
            };
            WeighedPlane::new((0..cells.height.div_ceil(vertical)).map(row).collect())
        };
        let is_shared = horizontal * vertical > 1;
        let with_fields = |y: usize, i: usize| 2 * (y / 2 * vertical + i) + y % 2;
        Self {
            chroma: match is_shared {
                true => chroma(&|y, i| y * vertical + i),
                false => WeighedPlane::default(),
            },
            chroma_of_fields: match vertical {
                1 => WeighedPlane::default(),
                _ => chroma(&with_fields),
            },
            pixels: WeighedPlane::new(pixels),
        }
    }

    /// The weights of pixels.
    pub fn pixels(&self) -> &WeighedPlane {
        &self.pixels
    }

    /// The weights of samples that so many pixels share.
    pub fn plane(&self, shared: Subsampling, has_fields: bool) -> &WeighedPlane {
        match (shared.horizontal * shared.vertical, shared.vertical) {
            (1, _) => &self.pixels,
            (_, 2..) if has_fields => &self.chroma_of_fields,
            _ => &self.chroma,
        }
    }
}

/// The samples of a component that are counted.
pub(super) struct Counted<'a> {
    weighed: Option<&'a WeighedPlane>,
    /// The row of the plane that is the first one of these, and how far apart they are.
    rows: (usize, usize),
    /// Those of a row where all visible ones count alike.
    visible: [Run; 1],
}

impl<'a> Counted<'a> {
    /// In a band of a frame or, of several, in a field.
    pub fn new<M: Memory>(
        weighed: Option<&'a Weighed>,
        bands: &[FrameView<M>],
        field: usize,
        shared: Subsampling,
    ) -> Self {
        let n = bands.len();
        let band = &bands[field];
        Self {
            weighed: weighed.map(|weighed| weighed.plane(shared, n > 1)),
            rows: (band.top() / shared.vertical * n + field, n),
            visible: [Run { columns: band.visible_columns(shared), weight: 1 }],
        }
    }

    /// Those of a row of the component.
    pub fn row(&self, y: usize) -> &[Run] {
        let (first, step) = self.rows;
        self.weighed.map_or(&self.visible, |weighed| &weighed.runs[first + y * step])
    }
}

/// Counts samples as often as they weigh.
#[derive(Debug)]
pub(super) struct WeighingCounter<S> {
    /// One for each weight that there was so far, from 1 on.
    counters: Vec<Box<dyn Counter<S>>>,
}

impl<S> WeighingCounter<S> {
    pub fn new(counter: Box<dyn Counter<S>>) -> Self {
        Self { counters: vec![counter] }
    }

    /// Counts samples of a weight, by a counter that is made if there was none like that yet.
    pub fn add(&mut self, row: &[S], weight: u8, make: impl Fn() -> Box<dyn Counter<S>>) {
        while self.counters.len() < usize::from(weight) {
            self.counters.push(make());
        }
        self.counters[usize::from(weight) - 1].add(row);
    }

    /// What was counted since the last call, as [`Counter::finish`] gives it.
    pub fn finish(&mut self) -> Vec<Histogram> {
        let mut counted = self.counters.iter_mut().zip(1..).map(|(counter, weight)| {
            let mut histograms = counter.finish();
            let bins = histograms.iter_mut().flat_map(|histogram| &mut histogram.bins);
            bins.for_each(|bin| *bin *= weight);
            histograms
        });
        let mut all = counted.next().unwrap_or_default();
        for histograms in counted {
            all.iter_mut().zip(&histograms).for_each(|(all, histogram)| all.merge(histogram));
        }
        all
    }
}
