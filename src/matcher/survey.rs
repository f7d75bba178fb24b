//! A frame in small, and black bars around it: from a few rows, before the frame is counted.

use std::collections::TryReserveError;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use crate::frame::rows::{AlignedRow, Purpose, RowAccess, RowGroup, Sample, Sum, zeros};
use crate::frame::unpack::{RowSource, Unpack};
use crate::frame::{Area, FrameLayout, FrameRef, Subsampling};
use crate::kernels::{InstructionSet, Kernels, RowKernels};
use crate::statistics::Thumbnail;

/// Columns of a [`Thumbnail`], of frames that have as many pixels in a row.
pub const COLUMNS: usize = 32;

/// Rows of a [`Thumbnail`], of frames that have as many groups of rows.
pub const ROWS: usize = 18;

/// Groups of rows that are looked at for each row of a [`Thumbnail`].
const SURVEYED: usize = 2;

/// What was seen of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Surveyed {
    /// All of it.
    pub thumbnail: Thumbnail,
    /// The frame without black bars around it, as far as the layout's [grid](FrameLayout::grid) allows;
    /// empty if all of it is black.
    ///
    /// A sample is black if it is at most 8/255 of full scale above the lowest legal level, or, of
    /// chroma, away from the middle. The bar at the top: from the
    /// top down, the surveyed rows are black up to some row; below the last of these, the bar ends at
    /// the first row that isn't all black. The bar at the bottom likewise. The bars at the sides are
    /// what is black in all surveyed rows. If all of these are black, the whole frame is taken for
    /// black.
    pub active_picture: Area,
}

/// Why frames of a layout can't be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SurveyError {
    /// The places of the samples are not known, and there is no [`Unpack`].
    #[error("the places of the samples are not known")]
    Unknown,
    /// There is no memory for rows of this width.
    #[error(transparent)]
    Memory(#[from] TryReserveError),
}

/// Looks at frames of one layout.
#[derive(Debug)]
pub struct Survey(Box<dyn Look>);

impl Survey {
    /// For frames of `layout`, with what this CPU has but nothing beyond `at_most`, and through
    /// `unpack` if the samples can't be reached otherwise.
    ///
    /// # Errors
    ///
    /// They can't be reached at all, or there is no memory for rows of this width.
    pub fn new(
        layout: &FrameLayout,
        at_most: InstructionSet,
        unpack: Option<Arc<dyn Unpack>>,
    ) -> Result<Self, SurveyError> {
        Ok(Self(if layout.depth() > 8 {
            Box::new(Surveyor::<u16>::new(layout, at_most, unpack)?)
        } else {
            Box::new(Surveyor::<u8>::new(layout, at_most, unpack)?)
        }))
    }

    /// Looks at a whole frame, and for black `borders` if wanted; otherwise all of it is the active picture.
    pub fn look(&mut self, pixels: &FrameRef, borders: bool) -> Surveyed {
        self.0.look(pixels, borders)
    }
}

trait Look: Debug + Send + Sync {
    fn look(&mut self, pixels: &FrameRef, borders: bool) -> Surveyed;
}

#[derive(Debug)]
struct Surveyor<S: Sample> {
    layout: FrameLayout,
    access: Box<dyn RowAccess<S>>,
    group: RowGroup<S>,
    /// Of each component.
    parts: Vec<ComponentSurvey<S>>,
}

/// How a component is looked at.
#[derive(Debug)]
struct ComponentSurvey<S: Sample> {
    shared: Subsampling,
    /// Its share in luma.
    weight: f64,
    /// The levels of black and white.
    legal: (u16, u16),
    /// The lowest and the highest level that is black.
    black: (S, S),
    /// The samples of each column of blocks; none of chroma.
    blocks: Vec<Range<usize>>,
    /// The sums of the samples above each other in a row of blocks: of two groups of four rows at
    /// most.
    sums: Vec<S::Sum>,
    /// The rows in the sums.
    n_rows: usize,
}

impl<S: Sample> ComponentSurvey<S> {
    fn new(layout: &FrameLayout, component: usize) -> Result<Self, TryReserveError> {
        let depth = layout.components[component].depth;
        let near = 8 * ((1 << depth) - 1) / 255;
        let is_chroma = layout.encoding.is_chroma(component);
        let legal = layout.encoding.legal(component, depth);
        let (low, high) = if is_chroma {
            let middle = 1 << (depth - 1);
            (middle - near, middle + near)
        } else {
            (0, i32::from(legal.0) + near)
        };
        let n = COLUMNS.min(layout.width);
        let first = |column: usize| column * layout.width / n;
        let (n, samples) = if is_chroma { (0, 0) } else { (n, layout.width) };
        Ok(Self {
            shared: layout.subsampling(component),
            weight: layout.encoding.luma_weight(component),
            legal,
            black: (S::new(low), S::new(high)),
            blocks: (0..n).map(|column| first(column)..first(column + 1)).collect(),
            sums: zeros(samples)?,
            n_rows: 0,
        })
    }

    /// The component's rows in a group.
    fn rows<'a>(&self, group: &RowGroup<S>, rows: &'a [AlignedRow<S>]) -> &'a [AlignedRow<S>] {
        &rows[..group.n_rows.div_ceil(self.shared.vertical)]
    }

    fn add(&mut self, rows: &[AlignedRow<S>]) {
        for row in rows {
            for (sum, &sample) in self.sums.iter_mut().zip(&**row) {
                *sum = S::Sum::new((*sum).into() + sample.get());
            }
        }
        self.n_rows += rows.len();
    }

    /// Adds its share in the luma of a row of blocks, which is then forgotten.
    fn take_means(&mut self, luma: &mut [f32]) {
        let (black, white) = (f64::from(self.legal.0), f64::from(self.legal.1));
        for (luma, block) in luma.iter_mut().zip(&self.blocks) {
            let mean = sum(&self.sums[block.clone()]) as f64 / (self.n_rows * block.len()) as f64;
            *luma += (self.weight * (mean - black) / (white - black)) as f32;
        }
        self.sums.fill(S::Sum::default());
        self.n_rows = 0;
    }

    /// Whether all of some samples are black.
    fn is_black(&self, row: &[S]) -> bool {
        let (low, high) = self.black;
        // What is lower wraps around, and is very high.
        let above = |sample: S| S::new(sample.get() - low.get());
        let highest = row.iter().fold(S::default(), |highest, &sample| highest.max(above(sample)));
        highest <= above(high)
    }

    /// Makes room in a range of columns for all samples that aren't black.
    fn widen(&self, row: &[S], columns: &mut Range<usize>, width: usize) {
        let horizontal = self.shared.horizontal;
        let is_content = |sample: &S| !self.is_black(&[*sample]);
        let left = &row[..columns.start.div_ceil(horizontal)];
        // Mostly they are black, and this is faster.
        if !self.is_black(left) {
            let x = left.iter().position(is_content).unwrap_or_default();
            columns.start = x * horizontal;
        }
        let right = &row[columns.end.div_ceil(horizontal)..];
        if !self.is_black(right) {
            let after = right.iter().rev().position(is_content).unwrap_or_default();
            columns.end = ((row.len() - after) * horizontal).min(width);
        }
    }
}

impl<S: RowKernels> Surveyor<S> {
    fn new(
        layout: &FrameLayout,
        at_most: InstructionSet,
        unpack: Option<Arc<dyn Unpack>>,
    ) -> Result<Self, SurveyError> {
        let n_components = layout.components.len();
        let source = RowSource::new(layout, n_components, unpack).ok_or(SurveyError::Unknown)?;
        let transfer = Kernels::<S>::select(at_most).transfer;
        let part = |component| ComponentSurvey::new(layout, component);
        Ok(Self {
            layout: layout.clone(),
            access: source.access(layout, n_components, Purpose::Survey, transfer)?,
            group: RowGroup::new(layout, n_components)?,
            parts: (0..n_components).map(part).collect::<Result<_, _>>()?,
        })
    }

    /// Whether all of the loaded group is black.
    fn is_black(&self) -> bool {
        let Self { group, parts, .. } = self;
        parts
            .iter()
            .zip(&group.components)
            .all(|(part, rows)| part.rows(group, rows).iter().all(|row| part.is_black(row)))
    }

    /// Whether something of a group isn't black.
    fn is_content(&mut self, pixels: &FrameRef, index: usize) -> bool {
        self.access.load(pixels, index, &mut self.group);
        !self.is_black()
    }

    /// What isn't black of a frame. The columns come from the surveyed groups: `surveyed` has the index
    /// of each, and whether something of it isn't black. The first and the last row are then searched
    /// for in the groups between them.
    fn active_picture(
        &mut self,
        pixels: &FrameRef,
        surveyed: &[(usize, bool)],
        columns: Range<usize>,
    ) -> Area {
        let n_groups = self.access.n_groups(pixels);
        let first = surveyed.iter().position(|&(_, is_content)| is_content);
        let last = surveyed.iter().rposition(|&(_, is_content)| is_content);
        let Some((first, last)) = first.zip(last) else { return Area::default() };
        let above = surveyed[..first].last().map_or(0, |&(index, _)| index + 1)..surveyed[first].0;
        let below = surveyed[last].0 + 1
            ..surveyed[last + 1..].first().map_or(n_groups, |&(index, _)| index);
        let (first, last) = (above.end, below.start);
        let mut find = |index: &usize| self.is_content(pixels, *index);
        let top = { above }.find(&mut find).unwrap_or(first);
        let end = below.rev().find(find).map_or(last, |index| index + 1);
        let rows_of_group = self.layout.rows_of_group();
        self.layout.on_grid(Area {
            left: columns.start,
            top: top * rows_of_group,
            width: columns.len(),
            height: (end - top) * rows_of_group,
        })
    }
}

impl<S: RowKernels> Look for Surveyor<S> {
    fn look(&mut self, pixels: &FrameRef, borders: bool) -> Surveyed {
        let n_groups = self.access.n_groups(pixels);
        let (columns, rows) = (COLUMNS.min(self.layout.width), ROWS.min(n_groups));
        let mut luma = vec![0.; columns * rows];
        let mut surveyed = Vec::with_capacity(SURVEYED * rows);
        // Of samples that aren't black; at first there are none.
        let mut content = self.layout.width..0;
        for row in 0..rows {
            let first = row * n_groups / rows;
            let len = (row + 1) * n_groups / rows - first;
            let n = SURVEYED.min(len);
            for index in (0..n).map(|i| first + (2 * i + 1) * len / (2 * n)) {
                self.access.load(pixels, index, &mut self.group);
                let is_content = borders && !self.is_black();
                surveyed.push((index, is_content));
                let Self { layout, group, parts, .. } = self;
                for (part, rows) in parts.iter_mut().zip(&group.components) {
                    let rows = part.rows(group, rows);
                    if part.weight > 0. {
                        part.add(rows);
                    }
                    if is_content {
                        rows.iter().for_each(|row| part.widen(row, &mut content, layout.width));
                    }
                }
            }
            let luma = &mut luma[row * columns..][..columns];
            self.parts.iter_mut().for_each(|part| part.take_means(luma));
        }
        let active_picture = if borders {
            self.active_picture(pixels, &surveyed, content)
        } else {
            self.layout.area()
        };
        Surveyed { thumbnail: Thumbnail { columns, luma }, active_picture }
    }
}

/// The sum of some sums of eight samples at most.
fn sum<T: Sum>(sums: &[T]) -> i64 {
    const LANES: usize = 8;
    // As many sums as fit.
    let part = |sums: &[T]| {
        let (vectors, rest) = sums.as_chunks::<LANES>();
        let mut lanes = [0; LANES];
        for vector in vectors {
            for (lane, &sum) in lanes.iter_mut().zip(vector) {
                *lane += sum.into();
            }
        }
        i64::from(lanes.iter().sum::<i32>())
            + i64::from(rest.iter().map(|&sum| sum.into()).sum::<i32>())
    };
    sums.chunks(1 << 12).map(part).sum()
}
