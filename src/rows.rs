//! Rows of samples, taken out of a frame's memory and put back.

use std::collections::TryReserveError;
use std::fmt::Debug;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;

use crate::pixels::{Component, Layout, PixelsMut, PixelsRef, Place, Subsampling};

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

    /// The sum of the products of some factors with the sums of some differences of samples, by
    /// 2^`shift`, rounded to the nearest.
    fn shifted_sum(products: [(i32, i32); 3], shift: u32) -> i32;
}

/// The sum of a few samples.
pub trait Sum: Pod + Default + Debug + Send + Into<i32> {
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

/// A row of samples that begins where a line of the cache begins: vectors that are loaded from two
/// lines take twice the time.
#[derive(Debug)]
pub struct Line<S> {
    /// The row and room around it.
    samples: Vec<S>,
    start: usize,
    len: usize,
}

/// Bytes of a line of the cache, and of the longest vector.
const CACHE_LINE: usize = 64;

impl<S: Sample> Line<S> {
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

impl<S> Deref for Line<S> {
    type Target = [S];

    fn deref(&self) -> &[S] {
        &self.samples[self.start..][..self.len]
    }
}

impl<S> DerefMut for Line<S> {
    fn deref_mut(&mut self) -> &mut [S] {
        &mut self.samples[self.start..][..self.len]
    }
}

impl<S: Sample> From<&[S]> for Line<S> {
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
pub struct Group<S> {
    /// The rows of each component, each of as many samples as the layout says.
    pub components: Vec<Vec<Line<S>>>,
    /// The rows of pixels that there are: at the bottom of a frame, perhaps less than usual.
    pub n_rows: usize,
}

impl<S: Sample> Group<S> {
    /// Room for the first `n_components` of a layout.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn new(layout: &Layout, n_components: usize) -> Result<Self, TryReserveError> {
        let rows = |component| {
            let n_rows = layout.rows_of_group() / layout.subsampling(component).vertical;
            (0..n_rows).map(|_| Line::new(layout.samples(component))).collect()
        };
        let components = (0..n_components).map(rows).collect::<Result<_, _>>()?;
        Ok(Self { components, n_rows: 0 })
    }

    /// Repeats the first and the last sample of the lines of all components but the first
    /// `n_full`.
    pub fn pad_chroma(&mut self, n_full: usize) {
        self.components[n_full..].iter_mut().flatten().for_each(Line::pad);
    }

    /// The group with its first `n_full` components in [`View::full`].
    pub fn view(&self, n_full: usize) -> View<'_, S> {
        let (full, chroma) = self.components.split_at(n_full);
        let mut view = View { full: Default::default(), chroma, n_rows: self.n_rows };
        for (to, rows) in view.full.iter_mut().zip(full) {
            to.iter_mut().zip(rows).for_each(|(to, row)| *to = row);
        }
        view
    }

    /// The same to change.
    pub fn view_mut(&mut self, n_full: usize) -> ViewMut<'_, S> {
        let (full, chroma) = self.components.split_at_mut(n_full);
        let mut view = ViewMut { full: Default::default(), chroma, n_rows: self.n_rows };
        for (to, rows) in view.full.iter_mut().zip(full) {
            to.iter_mut().zip(rows).for_each(|(to, row)| *to = row);
        }
        view
    }
}

/// The most rows of a group.
const MAX_ROWS: usize = 4;

/// A group, the rows of which may lie in a frame's memory.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, S> {
    /// The rows of the components that may lie there: all but, for conversions, those that are
    /// subsampled. What lies there may have other bits above those of a sample.
    pub full: [[&'a [S]; MAX_ROWS]; 3],
    /// The lines of the other components.
    pub chroma: &'a [Vec<Line<S>>],
    /// The rows of pixels that there are.
    pub n_rows: usize,
}

/// A [`View`] to change.
#[derive(Debug)]
pub struct ViewMut<'a, S> {
    /// As in [`View`].
    pub full: [[&'a mut [S]; MAX_ROWS]; 3],
    /// The lines of the other components.
    pub chroma: &'a mut [Vec<Line<S>>],
    /// The rows of pixels that there are.
    pub n_rows: usize,
}

impl<S> ViewMut<'_, S> {
    /// The same to read.
    pub fn shared(&self) -> View<'_, S> {
        View {
            full: self.full.each_ref().map(|rows| rows.each_ref().map(|row| &**row)),
            chroma: self.chroma,
            n_rows: self.n_rows,
        }
    }
}

/// What groups of rows are for, by which some may be left in a frame's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be looked at, none is.
    Survey,
    /// To be matched as they are, all are that have nothing between their samples.
    Matching,
    /// For conversions, of these those that have a sample for each pixel.
    Conversion,
}

/// Takes groups of rows out of a frame and puts them back.
pub trait Access<S: Sample>: Debug + Send {
    /// The groups of a frame or a part of one.
    fn n_groups(&self, pixels: &PixelsRef) -> usize;

    /// Takes out a group.
    fn load(&mut self, pixels: &PixelsRef, index: usize, group: &mut Group<S>);

    /// The group that was taken out last, with rows of the frame's memory where they are left
    /// there, and its first `n_full` components in [`View::full`].
    fn view<'a>(
        &self,
        _pixels: &'a PixelsRef,
        _index: usize,
        group: &'a Group<S>,
        n_full: usize,
    ) -> View<'a, S> {
        group.view(n_full)
    }

    /// The same to change.
    fn view_mut<'a>(
        &self,
        _pixels: &'a mut PixelsMut,
        _index: usize,
        group: &'a mut Group<S>,
        n_full: usize,
    ) -> ViewMut<'a, S> {
        group.view_mut(n_full)
    }

    /// Puts back the group that was taken out last.
    fn store(&mut self, pixels: &mut PixelsMut, index: usize, group: &Group<S>);
}

/// Takes the samples at some places of a row out of memory, and puts them back. Bits around them
/// stay as they are.
#[derive(Clone, Copy, Debug)]
pub struct Transfer<S> {
    /// From memory to samples.
    pub load: fn(&Place, u32, &[u8], &mut [S]),
    /// From samples to memory.
    pub store: fn(&Place, u32, &[S], &mut [u8]),
}

impl<S: Sample> Transfer<S> {
    /// In plain Rust, for every CPU.
    pub fn plain() -> Self {
        Self { load: load_row, store: store_row }
    }
}

/// Access to samples whose places are known.
#[derive(Clone, Debug)]
pub struct Placed<S> {
    transfer: Transfer<S>,
    components: Vec<PlacedComponent>,
    rows_of_group: usize,
}

#[derive(Clone, Copy, Debug)]
struct PlacedComponent {
    place: Place,
    depth: u32,
    /// Rows of pixels to a row.
    vertical: usize,
    /// Whether its samples, with bits around them, are those of a [`View`], if aligned.
    is_plain: bool,
    /// Whether those of the group that was taken out last are left where they are.
    is_left: bool,
}

impl<S: Sample> Placed<S> {
    /// To the first `n_components`; `None` if the place of one isn't known.
    pub fn new(
        layout: &Layout,
        n_components: usize,
        purpose: Purpose,
        transfer: Transfer<S>,
    ) -> Option<Self> {
        // Conversions take the components to be as deep as the deepest.
        let deepest = layout.components.iter().map(|component| component.depth).max();
        let component = |c: usize| {
            let Component { place, depth } = layout.components[c];
            let (place, subsampling) = (place?, layout.subsampling(c));
            let in_words = (place.bytes, place.pixel_stride, place.shift)
                == (size_of::<S>(), size_of::<S>(), 0)
                && (place.bytes == 1 || place.big_endian == cfg!(target_endian = "big"));
            let as_it_is = match purpose {
                Purpose::Survey => false,
                Purpose::Matching => true,
                Purpose::Conversion => subsampling == Subsampling::NONE && Some(depth) == deepest,
            };
            Some(PlacedComponent {
                place,
                depth,
                vertical: subsampling.vertical,
                is_plain: in_words && as_it_is,
                is_left: false,
            })
        };
        Some(Self {
            transfer,
            components: (0..n_components).map(component).collect::<Option<_>>()?,
            rows_of_group: layout.rows_of_group(),
        })
    }
}

impl<S: Sample> Placed<S> {
    /// The component, of the first `n_full`, whose rows are left in a plane. A plane that is left
    /// has one component.
    fn left_in(&self, plane: usize, n_full: usize) -> Option<usize> {
        let of_plane = |c: &PlacedComponent| c.is_left && c.place.plane == plane;
        self.components[..n_full].iter().position(of_plane)
    }
}

impl<S: Sample> Access<S> for Placed<S> {
    fn n_groups(&self, pixels: &PixelsRef) -> usize {
        let PlacedComponent { place, .. } = self.components[0];
        pixels.planes()[place.plane].n_rows().div_ceil(self.rows_of_group)
    }

    fn load(&mut self, pixels: &PixelsRef, index: usize, group: &mut Group<S>) {
        let first_row = index * self.rows_of_group;
        let components = self.components.iter_mut().zip(&mut group.components);
        for (c, (component, rows)) in components.enumerate() {
            let PlacedComponent { place, depth, vertical, .. } = *component;
            let plane = &pixels.planes()[place.plane];
            let from = || plane.rows(first_row / vertical);
            if c == 0 {
                group.n_rows = (plane.n_rows() - first_row).min(self.rows_of_group);
            }
            let is_aligned = |row: &[u8]| row[place.offset..].as_ptr().cast::<S>().is_aligned();
            component.is_left = component.is_plain && from().take(rows.len()).all(is_aligned);
            if component.is_left {
                continue;
            }
            for (row, from) in rows.iter_mut().zip(from()) {
                (self.transfer.load)(&place, depth, from, row);
            }
        }
    }

    fn view<'a>(
        &self,
        pixels: &'a PixelsRef,
        index: usize,
        group: &'a Group<S>,
        n_full: usize,
    ) -> View<'a, S> {
        let first_row = index * self.rows_of_group;
        let mut view = group.view(n_full);
        for (plane, rows) in pixels.planes().iter().enumerate() {
            let Some(c) = self.left_in(plane, n_full) else { continue };
            let PlacedComponent { place, vertical, .. } = self.components[c];
            let rows = rows.rows(first_row / vertical).take(self.rows_of_group / vertical);
            for (to, row) in view.full[c].iter_mut().zip(rows) {
                *to = bytemuck::cast_slice(&row[place.offset..][..size_of_val(*to)]);
            }
        }
        view
    }

    fn view_mut<'a>(
        &self,
        pixels: &'a mut PixelsMut,
        index: usize,
        group: &'a mut Group<S>,
        n_full: usize,
    ) -> ViewMut<'a, S> {
        let first_row = index * self.rows_of_group;
        let mut view = group.view_mut(n_full);
        for (plane, rows) in pixels.planes_mut().iter_mut().enumerate() {
            let Some(c) = self.left_in(plane, n_full) else { continue };
            let PlacedComponent { place, vertical, .. } = self.components[c];
            let rows = rows.rows_mut(first_row / vertical).take(self.rows_of_group / vertical);
            for (to, row) in view.full[c].iter_mut().zip(rows) {
                let bytes = &mut row[place.offset..][..size_of_val(*to)];
                *to = bytemuck::cast_slice_mut(bytes);
            }
        }
        view
    }

    fn store(&mut self, pixels: &mut PixelsMut, index: usize, group: &Group<S>) {
        let first_row = index * self.rows_of_group;
        let components = self.components.iter().zip(&group.components);
        for (&PlacedComponent { place, depth, vertical, .. }, rows) in
            components.filter(|(component, _)| !component.is_left)
        {
            let to = pixels.planes_mut()[place.plane].rows_mut(first_row / vertical);
            for (row, to) in rows.iter().zip(to) {
                (self.transfer.store)(&place, depth, row, to);
            }
        }
    }
}

/// A word of memory that holds a sample, and perhaps other bits.
trait Word: Copy {
    /// The word in bytes, as many as it has, in the order of the machine or, if they are to be
    /// swapped, in the other one.
    fn read(bytes: &[u8], swapped: bool) -> Self;

    fn write(self, bytes: &mut [u8], swapped: bool);

    /// The sample of `depth` bits above `shift` others.
    fn sample(self, shift: u32, depth: u32) -> i32;

    /// The word with another sample.
    fn with_sample(self, sample: i32, shift: u32, depth: u32) -> Self;
}

/// A byte is a sample.
impl Word for u8 {
    #[inline(always)]
    fn read(bytes: &[u8], _swapped: bool) -> Self {
        bytes[0]
    }

    #[inline(always)]
    fn write(self, bytes: &mut [u8], _swapped: bool) {
        bytes[0] = self;
    }

    #[inline(always)]
    fn sample(self, _shift: u32, _depth: u32) -> i32 {
        self.into()
    }

    #[inline(always)]
    fn with_sample(self, sample: i32, _shift: u32, _depth: u32) -> Self {
        sample as u8
    }
}

macro_rules! impl_word {
    ($word:ident) => {
        impl Word for $word {
            #[inline(always)]
            fn read(bytes: &[u8], swapped: bool) -> Self {
                let bytes = bytes.first_chunk().expect("a word is no longer than a pixel");
                let word = Self::from_ne_bytes(*bytes);
                if swapped { word.swap_bytes() } else { word }
            }

            #[inline(always)]
            fn write(self, bytes: &mut [u8], swapped: bool) {
                let word = if swapped { self.swap_bytes() } else { self };
                let bytes = bytes.first_chunk_mut().expect("a word is no longer than a pixel");
                *bytes = word.to_ne_bytes();
            }

            #[inline(always)]
            fn sample(self, shift: u32, depth: u32) -> i32 {
                (self >> shift & (Self::MAX >> (Self::BITS - depth))) as i32
            }

            #[inline(always)]
            fn with_sample(self, sample: i32, shift: u32, depth: u32) -> Self {
                let mask = Self::MAX >> (Self::BITS - depth) << shift;
                self & !mask | (sample as Self) << shift
            }
        }
    };
}

impl_word!(u16);
impl_word!(u32);

/// Calls a function for the type of words and the bytes from one to the next, and whether their
/// bytes are swapped, so that there is good code for each.
macro_rules! for_words_of {
    ($place:expr, $function:ident ( $($argument:expr),* )) => {{
        let swapped = $place.bytes > 1 && $place.big_endian != cfg!(target_endian = "big");
        match ($place.bytes, $place.pixel_stride, swapped) {
            (1, 1, _) => $function::<S, u8, 1, false>($($argument),*),
            (1, 2, _) => $function::<S, u8, 2, false>($($argument),*),
            (1, 3, _) => $function::<S, u8, 3, false>($($argument),*),
            (1, 4, _) => $function::<S, u8, 4, false>($($argument),*),
            (2, 2, false) => $function::<S, u16, 2, false>($($argument),*),
            (2, 4, false) => $function::<S, u16, 4, false>($($argument),*),
            (2, 6, false) => $function::<S, u16, 6, false>($($argument),*),
            (2, 8, false) => $function::<S, u16, 8, false>($($argument),*),
            (4, 4, false) => $function::<S, u32, 4, false>($($argument),*),
            (2, 2, true) => $function::<S, u16, 2, true>($($argument),*),
            (2, 4, true) => $function::<S, u16, 4, true>($($argument),*),
            (2, 6, true) => $function::<S, u16, 6, true>($($argument),*),
            (2, 8, true) => $function::<S, u16, 8, true>($($argument),*),
            (4, 4, true) => $function::<S, u32, 4, true>($($argument),*),
            _ => unreachable!("no such words: {:?}", $place),
        }
    }};
}

/// Whether there is code for samples in such places.
pub fn is_supported(&Component { depth, place }: &Component) -> bool {
    place.is_some_and(|place| match (place.bytes, place.pixel_stride) {
        (1, 1..=4) => depth == 8 && place.shift == 0,
        (2, 2 | 4 | 6 | 8) | (4, 4) => depth <= 16 && depth + place.shift <= 8 * place.bytes as u32,
        _ => false,
    })
}

#[inline(always)]
pub(crate) fn load_row<S: Sample>(place: &Place, depth: u32, from: &[u8], row: &mut [S]) {
    for_words_of!(place, load_words(place, depth, &from[place.offset..], row));
}

#[inline(always)]
pub(crate) fn store_row<S: Sample>(place: &Place, depth: u32, row: &[S], to: &mut [u8]) {
    for_words_of!(place, store_words(place, depth, row, &mut to[place.offset..]));
}

#[inline(always)]
fn load_words<S: Sample, W: Word, const STRIDE: usize, const SWAPPED: bool>(
    place: &Place,
    depth: u32,
    from: &[u8],
    row: &mut [S],
) {
    let sample = |word: &[u8]| S::new(W::read(word, SWAPPED).sample(place.shift, depth));
    let (pixels, rest) = from.as_chunks::<STRIDE>();
    let n = row.len().min(pixels.len());
    for (to, pixel) in row[..n].iter_mut().zip(pixels) {
        *to = sample(pixel);
    }
    // The last word need not be followed by a whole stride.
    if let [last] = &mut row[n..] {
        *last = sample(rest);
    }
}

#[inline(always)]
fn store_words<S: Sample, W: Word, const STRIDE: usize, const SWAPPED: bool>(
    place: &Place,
    depth: u32,
    row: &[S],
    to: &mut [u8],
) {
    let store = |word: &mut [u8], sample: S| {
        let old = W::read(word, SWAPPED);
        old.with_sample(sample.get(), place.shift, depth).write(word, SWAPPED);
    };
    let (pixels, rest) = to.as_chunks_mut::<STRIDE>();
    let n = row.len().min(pixels.len());
    for (&sample, pixel) in row.iter().zip(&mut pixels[..n]) {
        store(pixel, sample);
    }
    if let [last] = row[n..] {
        store(rest, last);
    }
}
