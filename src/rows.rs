//! Rows of samples, taken out of a frame's memory and put back.

use std::fmt::Debug;

use crate::pixels::{Component, Layout, PixelsMut, Place};

/// A sample in a row: a byte for up to 8 bits, two for more.
pub trait Sample: Copy + Default + Ord + Debug + Send + Sync + 'static {
    /// The bits that it has.
    const BITS: u32;

    /// What two samples can differ by, and the sum of some such differences.
    type Change: Change;

    /// The value.
    fn get(self) -> i32;

    /// The sample of a value, the lower bits of which count.
    fn new(value: i32) -> Self;
}

/// What samples can differ by.
pub trait Change: Copy + Default + Debug + Send + Into<i32> + 'static {
    /// The change of a value, which must be small enough.
    fn new(value: i32) -> Self;
}

impl Change for i16 {
    #[inline(always)]
    fn new(value: i32) -> Self {
        value as i16
    }
}

impl Change for i32 {
    #[inline(always)]
    fn new(value: i32) -> Self {
        value
    }
}

impl Sample for u8 {
    const BITS: u32 = 8;

    // 255 times the 16 shares of the widest filter is less than 2^15.
    type Change = i16;

    #[inline(always)]
    fn get(self) -> i32 {
        self.into()
    }

    #[inline(always)]
    fn new(value: i32) -> Self {
        value as u8
    }
}

impl Sample for u16 {
    const BITS: u32 = 16;

    type Change = i32;

    #[inline(always)]
    fn get(self) -> i32 {
        self.into()
    }

    #[inline(always)]
    fn new(value: i32) -> Self {
        value as u16
    }
}

/// The components of the rows of pixels that share rows of chroma; all rows of a frame that isn't
/// subsampled vertically are such groups.
#[derive(Debug)]
pub struct Group<S> {
    /// The rows of each component, each of as many samples as the layout says.
    pub components: Vec<Vec<Vec<S>>>,
    /// The rows of pixels that there are: at the bottom of a frame, perhaps less than usual.
    pub n_rows: usize,
}

impl<S: Sample> Group<S> {
    /// Room for the first `n_components` of a layout.
    pub fn new(layout: &Layout, n_components: usize) -> Self {
        let rows = |component| {
            let row = vec![S::default(); layout.samples(component)];
            vec![row; layout.rows_of_group() / layout.subsampling(component).vertical]
        };
        Self { components: (0..n_components).map(rows).collect(), n_rows: 0 }
    }
}

/// Takes groups of rows out of a frame and puts them back.
pub trait Access<S>: Debug + Send {
    /// The groups of a frame or a part of one.
    fn n_groups(&self, pixels: &PixelsMut) -> usize;

    /// Takes out a group.
    fn load(&mut self, pixels: &PixelsMut, index: usize, group: &mut Group<S>);

    /// Puts back the group that was taken out last.
    fn store(&mut self, pixels: &mut PixelsMut, index: usize, group: &Group<S>);
}

/// Access to samples whose places are known.
#[derive(Clone, Debug)]
pub struct Placed {
    components: Vec<(Place, u32)>,
    rows_of_group: usize,
    /// Rows of pixels to a row, of each component.
    vertical: Vec<usize>,
}

impl Placed {
    /// To the first `n_components`; `None` if the place of one isn't known.
    pub fn new(layout: &Layout, n_components: usize) -> Option<Self> {
        let place = |&Component { place, depth }: &Component| Some((place?, depth));
        Some(Self {
            components: layout.components[..n_components]
                .iter()
                .map(place)
                .collect::<Option<_>>()?,
            rows_of_group: layout.rows_of_group(),
            vertical: (0..n_components).map(|c| layout.subsampling(c).vertical).collect(),
        })
    }
}

impl<S: Sample> Access<S> for Placed {
    fn n_groups(&self, pixels: &PixelsMut) -> usize {
        let (place, _) = self.components[0];
        pixels.planes()[place.plane].len().div_ceil(self.rows_of_group)
    }

    fn load(&mut self, pixels: &PixelsMut, index: usize, group: &mut Group<S>) {
        let components = self.components.iter().zip(&self.vertical).zip(&mut group.components);
        for (c, (((place, depth), vertical), rows)) in components.enumerate() {
            let from = &pixels.planes()[place.plane][index * self.rows_of_group / vertical..];
            if c == 0 {
                group.n_rows = from.len().min(self.rows_of_group);
            }
            for (row, from) in rows.iter_mut().zip(from) {
                load_row(place, *depth, from, row);
            }
        }
    }

    fn store(&mut self, pixels: &mut PixelsMut, index: usize, group: &Group<S>) {
        let components = self.components.iter().zip(&self.vertical).zip(&group.components);
        for (((place, depth), vertical), rows) in components {
            let to = &mut pixels.planes_mut()[place.plane][index * self.rows_of_group / vertical..];
            for (row, to) in rows.iter().zip(to) {
                store_row(place, *depth, row, to);
            }
        }
    }
}

/// Calls a macro with the bytes of words and from word to word as constants, where compilers make
/// good code of it, and a general one elsewhere.
macro_rules! with_constants {
    ($place:expr, $function:ident ( $($argument:expr),* )) => {
        match ($place.bytes, $place.pixel_stride) {
            (1, 1) => $function::<S, 1, 1>($($argument),*),
            (1, 2) => $function::<S, 1, 2>($($argument),*),
            (1, 3) => $function::<S, 1, 3>($($argument),*),
            (1, 4) => $function::<S, 1, 4>($($argument),*),
            (2, 2) => $function::<S, 2, 2>($($argument),*),
            (2, 4) => $function::<S, 2, 4>($($argument),*),
            (2, 8) => $function::<S, 2, 8>($($argument),*),
            (4, 4) => $function::<S, 4, 4>($($argument),*),
            _ => unreachable!("no such words: {:?}", $place),
        }
    };
}

/// Whether there is code for words in such places.
pub fn is_supported(place: &Place) -> bool {
    matches!((place.bytes, place.pixel_stride), (1, 1..=4) | (2, 2 | 4 | 8) | (4, 4))
}

fn load_row<S: Sample>(place: &Place, depth: u32, from: &[u8], row: &mut [S]) {
    with_constants!(place, load_words(place, depth, &from[place.offset..], row));
}

fn store_row<S: Sample>(place: &Place, depth: u32, row: &[S], to: &mut [u8]) {
    with_constants!(place, store_words(place, depth, row, &mut to[place.offset..]));
}

fn load_words<S: Sample, const BYTES: usize, const STRIDE: usize>(
    place: &Place,
    depth: u32,
    from: &[u8],
    row: &mut [S],
) {
    let (shift, mask) = (place.shift, (1u32 << depth) - 1);
    let sample = |word: &[u8; BYTES]| {
        let value = if BYTES == 1 { u32::from(word[0]) } else { to_word(word, place.big_endian) };
        S::new((value >> shift & mask) as i32)
    };
    let (pixels, rest) = from.as_chunks::<STRIDE>();
    let n = row.len().min(pixels.len());
    for (to, pixel) in row[..n].iter_mut().zip(pixels) {
        *to = sample(pixel.first_chunk().expect("a word is no longer than a pixel"));
    }
    // The last word need not be followed by a whole stride.
    if let [last] = &mut row[n..] {
        *last = sample(rest.first_chunk().expect("the row was checked"));
    }
}

fn store_words<S: Sample, const BYTES: usize, const STRIDE: usize>(
    place: &Place,
    depth: u32,
    row: &[S],
    to: &mut [u8],
) {
    let (shift, mask) = (place.shift, ((1u32 << depth) - 1) << place.shift);
    let store = |word: &mut [u8; BYTES], sample: S| {
        let value = (sample.get() as u32) << shift;
        if BYTES == 1 {
            word[0] = value as u8;
        } else {
            let others = to_word(word, place.big_endian) & !mask;
            from_word(word, others | value, place.big_endian);
        }
    };
    let (pixels, rest) = to.as_chunks_mut::<STRIDE>();
    let n = row.len().min(pixels.len());
    for (&sample, pixel) in row.iter().zip(&mut pixels[..n]) {
        store(pixel.first_chunk_mut().expect("a word is no longer than a pixel"), sample);
    }
    if let [last] = row[n..] {
        store(rest.first_chunk_mut().expect("the row was checked"), last);
    }
}

#[inline(always)]
fn to_word<const BYTES: usize>(bytes: &[u8; BYTES], big_endian: bool) -> u32 {
    let mut word = [0; 4];
    if big_endian {
        word[4 - BYTES..].copy_from_slice(bytes);
        u32::from_be_bytes(word)
    } else {
        word[..BYTES].copy_from_slice(bytes);
        u32::from_le_bytes(word)
    }
}

#[inline(always)]
fn from_word<const BYTES: usize>(bytes: &mut [u8; BYTES], word: u32, big_endian: bool) {
    if big_endian {
        bytes.copy_from_slice(&word.to_be_bytes()[4 - BYTES..]);
    } else {
        bytes.copy_from_slice(&word.to_le_bytes()[..BYTES]);
    }
}
