//! Rows of samples, taken out of a frame's memory and put back.

use std::collections::TryReserveError;
use std::fmt::Debug;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;

use super::{FrameLayout, FrameMut, FrameRef, Subsampling, WordKind, Words};

/// A sample in a row: a byte for up to 8 bits, two for more.
pub trait Sample: Pod + Default + Ord + Debug + Send + Sync {
    /// The bits that it has.
    const BITS: u32;

    /// The sum of a few samples.
    type Sum: Sum;

    /// The value.
    fn get(self) -> i32;

    /// The sample of a value, the lower bits of which count.
    fn new(value: i32) -> Self;

    /// The sum of three products, divided by 2^`shift` and rounded to the nearest. A product is a factor
    /// and a sum of differences of samples.
    fn shifted_sum(products: [(i32, i32); 3], shift: u32) -> i32;
}

/// The sum of a few samples.
pub trait Sum: Pod + Default + Debug + Send + Sync + Into<i32> {
    /// The sum of a value, which must be small enough.
    fn new(value: i32) -> Self;
}

impl Sum for i16 {
    #[inline(always)]
    fn new(value: i32) -> Self {
        value as i16
    }
}

impl Sum for i32 {
    #[inline(always)]
    fn new(value: i32) -> Self {
        value
    }
}

impl Sample for u8 {
    const BITS: u32 = 8;

    type Sum = i16;

    #[inline(always)]
    fn get(self) -> i32 {
        self.into()
    }

    #[inline(always)]
    fn new(value: i32) -> Self {
        value as u8
    }

    #[inline(always)]
    fn shifted_sum(products: [(i32, i32); 3], shift: u32) -> i32 {
        let sum: i32 = products.into_iter().map(|(a, b)| a * b).sum();
        (sum + (1 << shift >> 1)) >> shift
    }
}

impl Sample for u16 {
    const BITS: u32 = 16;

    type Sum = i32;

    #[inline(always)]
    fn get(self) -> i32 {
        self.into()
    }

    #[inline(always)]
    fn new(value: i32) -> Self {
        value as u16
    }

    #[inline(always)]
    fn shifted_sum(products: [(i32, i32); 3], shift: u32) -> i32 {
        let sum: i64 = products.into_iter().map(|(a, b)| i64::from(a) * i64::from(b)).sum();
        ((sum + (1 << shift >> 1)) >> shift) as i32
    }
}

/// A row of samples that begins at a cache line: a vector that is loaded from two cache lines takes twice
/// the time.
#[derive(Debug)]
pub struct AlignedRow<S> {
    /// The row and room around it.
    samples: Vec<S>,
    start: usize,
    len: usize,
}

/// Bytes of a cache line, and of the longest vector.
const CACHE_LINE: usize = 64;

impl<S: Sample> AlignedRow<S> {
    /// Samples that can be repeated at each end: as many as a filter looks at beyond it.
    pub(crate) const PADDING: usize = 4;

    /// A row of zeros.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn new(len: usize) -> Result<Self, TryReserveError> {
        let room = CACHE_LINE / size_of::<S>();
        let samples: Vec<S> = zeros(Self::PADDING + room + len + Self::PADDING)?;
        let aligned = samples[Self::PADDING..].as_ptr().align_offset(CACHE_LINE);
        Ok(Self { samples, start: Self::PADDING + aligned.min(room), len })
    }

    /// The row with [`Self::PADDING`] samples at each end.
    pub(crate) fn padded(&self) -> &[S] {
        &self.samples[self.start - Self::PADDING..][..self.len + 2 * Self::PADDING]
    }

    /// Repeats the first and the last sample.
    pub(crate) fn pad(&mut self) {
        let (start, end) = (self.start, self.start + self.len);
        let (first, last) = (self.samples[start], self.samples[end - 1]);
        self.samples[start - Self::PADDING..start].fill(first);
        self.samples[end..end + Self::PADDING].fill(last);
    }
}

impl<S> Deref for AlignedRow<S> {
    type Target = [S];

    fn deref(&self) -> &[S] {
        &self.samples[self.start..][..self.len]
    }
}

impl<S> DerefMut for AlignedRow<S> {
    fn deref_mut(&mut self) -> &mut [S] {
        &mut self.samples[self.start..][..self.len]
    }
}

impl<S: Sample> From<&[S]> for AlignedRow<S> {
    /// # Panics
    ///
    /// There is no memory for it.
    fn from(samples: &[S]) -> Self {
        let mut line = Self::new(samples.len()).expect("as much memory again as the samples take");
        line.copy_from_slice(samples);
        line
    }
}

/// Memory for some zeros, if there is any. What the width of frames decides may be too much.
pub(crate) fn zeros<T: Pod>(len: usize) -> Result<Vec<T>, TryReserveError> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(len)?;
    zeros.resize(len, T::zeroed());
    Ok(zeros)
}

/// The components of the rows of pixels that share rows of chroma; all rows of a frame that isn't
/// subsampled vertically are such groups.
#[derive(Debug)]
pub struct RowGroup<S> {
    /// The rows of each component, each of as many samples as the layout says.
    pub components: Vec<Vec<AlignedRow<S>>>,
    /// The rows of pixels that there are: at the bottom of a frame, perhaps less than usual.
    pub n_rows: usize,
}

impl<S: Sample> RowGroup<S> {
    /// Room for the first `n_components` of a layout.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn new(layout: &FrameLayout, n_components: usize) -> Result<Self, TryReserveError> {
        let rows = |component| {
            let n_rows = layout.rows_of_group() / layout.subsampling(component).vertical;
            (0..n_rows).map(|_| AlignedRow::new(layout.samples(component))).collect()
        };
        let components = (0..n_components).map(rows).collect::<Result<_, _>>()?;
        Ok(Self { components, n_rows: 0 })
    }

    /// Repeats the first and the last sample of the rows of all components but the first
    /// `n_full`.
    pub fn pad_chroma(&mut self, n_full: usize) {
        self.components[n_full..].iter_mut().flatten().for_each(AlignedRow::pad);
    }

    /// The group with its first `n_full` components in [`RowGroupView::full`].
    pub fn view(&self, n_full: usize) -> RowGroupView<'_, S> {
        let (full, chroma) = self.components.split_at(n_full);
        let mut view = RowGroupView { full: Default::default(), chroma, n_rows: self.n_rows };
        for (to, rows) in view.full.iter_mut().zip(full) {
            to.iter_mut().zip(rows).for_each(|(to, row)| *to = row);
        }
        view
    }

    /// The same, mutable.
    pub fn view_mut(&mut self, n_full: usize) -> RowGroupViewMut<'_, S> {
        let (full, chroma) = self.components.split_at_mut(n_full);
        let mut view = RowGroupViewMut { full: Default::default(), chroma, n_rows: self.n_rows };
        for (to, rows) in view.full.iter_mut().zip(full) {
            to.iter_mut().zip(rows).for_each(|(to, row)| *to = row);
        }
        view
    }
}

/// The most rows of a group.
const MAX_ROWS: usize = 4;

/// A group whose rows may lie in the frame's memory.
#[derive(Clone, Copy, Debug)]
pub struct RowGroupView<'a, S> {
    /// The rows of the components that may lie there: all but, for conversions, those that are
    /// subsampled. What lies there may have other bits above those of a sample.
    pub full: [[&'a [S]; MAX_ROWS]; 3],
    /// The rows of the other components.
    pub chroma: &'a [Vec<AlignedRow<S>>],
    /// The rows of pixels that there are.
    pub n_rows: usize,
}

/// A mutable [`RowGroupView`].
#[derive(Debug)]
pub struct RowGroupViewMut<'a, S> {
    /// As in [`RowGroupView`].
    pub full: [[&'a mut [S]; MAX_ROWS]; 3],
    /// The rows of the other components.
    pub chroma: &'a mut [Vec<AlignedRow<S>>],
    /// The rows of pixels that there are.
    pub n_rows: usize,
}

impl<S> RowGroupViewMut<'_, S> {
    /// The same to read.
    pub fn shared(&self) -> RowGroupView<'_, S> {
        RowGroupView {
            full: self.full.each_ref().map(|rows| rows.each_ref().map(|row| &**row)),
            chroma: self.chroma,
            n_rows: self.n_rows,
        }
    }
}

/// What rows are read for. It decides which rows need no copy and stay in the frame's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be looked at: all are copied.
    Survey,
    /// To be matched as they are: rows without anything between their samples stay.
    Matching,
    /// To be graded: as for matching, but samples of less than 8 bits are to look as if they had 8.
    Grading,
    /// To be converted: of these, only the rows of components with a sample for each pixel stay.
    Conversion,
}

/// Takes groups of rows out of a frame and puts them back.
pub trait RowAccess<S: Sample>: Debug + Send + Sync {
    /// The groups of a frame or a part of one.
    fn n_groups(&self, pixels: &FrameRef) -> usize;

    /// Takes out a group.
    fn load(&mut self, pixels: &FrameRef, index: usize, group: &mut RowGroup<S>);

    /// The group that was taken out last, with rows of the frame's memory where they are left
    /// there, and its first `n_full` components in [`RowGroupView::full`].
    fn view<'a>(
        &self,
        _pixels: &'a FrameRef,
        _index: usize,
        group: &'a RowGroup<S>,
        n_full: usize,
    ) -> RowGroupView<'a, S> {
        group.view(n_full)
    }

    /// The same, mutable.
    fn view_mut<'a>(
        &self,
        _pixels: &'a mut FrameMut,
        _index: usize,
        group: &'a mut RowGroup<S>,
        n_full: usize,
    ) -> RowGroupViewMut<'a, S> {
        group.view_mut(n_full)
    }

    /// Puts back the group that was taken out last.
    fn store(&mut self, pixels: &mut FrameMut, index: usize, group: &RowGroup<S>);
}

/// Takes the samples of a row out of memory, and puts them back. Bits around them stay as they are.
#[derive(Clone, Copy, Debug)]
pub struct RowTransfer<S> {
    /// From memory to samples.
    pub load: fn(&Words, from: &[u8], row: &mut [S]),
    /// From samples to memory.
    pub store: fn(&Words, row: &[S], to: &mut [u8]),
}

/// Access to samples in words that there is code for.
#[derive(Clone, Debug)]
pub struct DirectRows<S> {
    transfer: RowTransfer<S>,
    components: Vec<DirectComponent>,
    rows_of_group: usize,
}

#[derive(Clone, Copy, Debug)]
struct DirectComponent {
    plane: usize,
    words: Words,
    /// Rows of pixels to a row.
    vertical: usize,
    /// Whether its samples, with bits around them, are those of a [`RowGroupView`], if aligned.
    is_plain: bool,
    /// Whether those of the group that was taken out last are left where they are.
    is_left: bool,
}

impl<S: Sample> DirectRows<S> {
    /// To the first components of a layout: the plane and the words of each.
    pub(crate) fn new(
        layout: &FrameLayout,
        components: &[(usize, Words)],
        purpose: Purpose,
        transfer: RowTransfer<S>,
    ) -> Self {
        // Conversions take the components to be as deep as the deepest.
        let component = |(c, &(plane, words)): (usize, &(usize, Words))| {
            let subsampling = layout.subsampling(c);
            let own_words = if size_of::<S>() == 1 { WordKind::Byte } else { WordKind::Word };
            let is_own = words.kind == own_words && words.shift == 0;
            let as_it_is = match purpose {
                Purpose::Survey => false,
                Purpose::Matching | Purpose::Grading => true,
                Purpose::Conversion => {
                    subsampling == Subsampling::NONE && words.depth == layout.depth()
                }
            };
            DirectComponent {
                plane,
                words,
                vertical: subsampling.vertical,
                is_plain: is_own && as_it_is,
                is_left: false,
            }
        };
        Self {
            transfer,
            components: components.iter().enumerate().map(component).collect(),
            rows_of_group: layout.rows_of_group(),
        }
    }
}

impl<S: Sample> DirectRows<S> {
    /// The component, of the first `n_full`, whose rows are left in a plane. A plane that is left
    /// has one component.
    fn left_in(&self, plane: usize, n_full: usize) -> Option<usize> {
        let of_plane = |c: &DirectComponent| c.is_left && c.plane == plane;
        self.components[..n_full].iter().position(of_plane)
    }
}

impl<S: Sample> RowAccess<S> for DirectRows<S> {
    fn n_groups(&self, pixels: &FrameRef) -> usize {
        let DirectComponent { plane, .. } = self.components[0];
        pixels.planes()[plane].n_rows().div_ceil(self.rows_of_group)
    }

    fn load(&mut self, pixels: &FrameRef, index: usize, group: &mut RowGroup<S>) {
        let first_row = index * self.rows_of_group;
        let components = self.components.iter_mut().zip(&mut group.components);
        for (c, (component, rows)) in components.enumerate() {
            let DirectComponent { plane, words, vertical, .. } = *component;
            let plane = &pixels.planes()[plane];
            let from = || plane.rows(first_row / vertical);
            if c == 0 {
                group.n_rows = (plane.n_rows() - first_row).min(self.rows_of_group);
            }
            let is_aligned = |row: &[u8]| row[words.offset..].as_ptr().cast::<S>().is_aligned();
            component.is_left = component.is_plain && from().take(rows.len()).all(is_aligned);
            if component.is_left {
                continue;
            }
            for (row, from) in rows.iter_mut().zip(from()) {
                (self.transfer.load)(&words, from, row);
            }
        }
    }

    fn view<'a>(
        &self,
        pixels: &'a FrameRef,
        index: usize,
        group: &'a RowGroup<S>,
        n_full: usize,
    ) -> RowGroupView<'a, S> {
        let first_row = index * self.rows_of_group;
        let mut view = group.view(n_full);
        for (plane, rows) in pixels.planes().iter().enumerate() {
            let Some(c) = self.left_in(plane, n_full) else { continue };
            let DirectComponent { words, vertical, .. } = self.components[c];
            let rows = rows.rows(first_row / vertical).take(self.rows_of_group / vertical);
            for (to, row) in view.full[c].iter_mut().zip(rows) {
                *to = bytemuck::cast_slice(&row[words.offset..][..size_of_val(*to)]);
            }
        }
        view
    }

    fn view_mut<'a>(
        &self,
        pixels: &'a mut FrameMut,
        index: usize,
        group: &'a mut RowGroup<S>,
        n_full: usize,
    ) -> RowGroupViewMut<'a, S> {
        let first_row = index * self.rows_of_group;
        let mut view = group.view_mut(n_full);
        for (plane, rows) in pixels.planes_mut().iter_mut().enumerate() {
            let Some(c) = self.left_in(plane, n_full) else { continue };
            let DirectComponent { words, vertical, .. } = self.components[c];
            let rows = rows.rows_mut(first_row / vertical).take(self.rows_of_group / vertical);
            for (to, row) in view.full[c].iter_mut().zip(rows) {
                let bytes = &mut row[words.offset..][..size_of_val(*to)];
                *to = bytemuck::cast_slice_mut(bytes);
            }
        }
        view
    }

    fn store(&mut self, pixels: &mut FrameMut, index: usize, group: &RowGroup<S>) {
        let first_row = index * self.rows_of_group;
        let components = self.components.iter().zip(&group.components);
        for (DirectComponent { plane, words, vertical, .. }, rows) in
            components.filter(|(component, _)| !component.is_left)
        {
            let to = pixels.planes_mut()[*plane].rows_mut(first_row / vertical);
            for (row, to) in rows.iter().zip(to) {
                (self.transfer.store)(words, row, to);
            }
        }
    }
}
