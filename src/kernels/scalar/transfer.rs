//! Samples out of a frame's memory and back, in plain Rust. Bits around a sample stay as they are.

use crate::frame::rows::Sample;
use crate::frame::{WordKind, Words};

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

/// Calls a function for the kind of words, so that there is good code for each.
macro_rules! for_words_of {
    ($kind:expr, $function:ident ( $($argument:expr),* )) => {
        match $kind {
            WordKind::Byte => $function::<S, u8, 1, false>($($argument),*),
            WordKind::ByteOf2 => $function::<S, u8, 2, false>($($argument),*),
            WordKind::ByteOf3 => $function::<S, u8, 3, false>($($argument),*),
            WordKind::ByteOf4 => $function::<S, u8, 4, false>($($argument),*),
            WordKind::Word => $function::<S, u16, 2, false>($($argument),*),
            WordKind::WordOf4 => $function::<S, u16, 4, false>($($argument),*),
            WordKind::WordOf6 => $function::<S, u16, 6, false>($($argument),*),
            WordKind::WordOf8 => $function::<S, u16, 8, false>($($argument),*),
            WordKind::DoubleWord => $function::<S, u32, 4, false>($($argument),*),
            WordKind::SwappedWord => $function::<S, u16, 2, true>($($argument),*),
            WordKind::SwappedWordOf4 => $function::<S, u16, 4, true>($($argument),*),
            WordKind::SwappedWordOf6 => $function::<S, u16, 6, true>($($argument),*),
            WordKind::SwappedWordOf8 => $function::<S, u16, 8, true>($($argument),*),
            WordKind::SwappedDoubleWord => $function::<S, u32, 4, true>($($argument),*),
        }
    };
}

/// Loads the samples of a row.
#[inline(always)]
pub(in crate::kernels) fn load_row<S: Sample>(words: &Words, from: &[u8], row: &mut [S]) {
    for_words_of!(words.kind, load_words(words, &from[words.offset..], row));
}

/// Stores the samples of a row.
#[inline(always)]
pub(in crate::kernels) fn store_row<S: Sample>(words: &Words, row: &[S], to: &mut [u8]) {
    for_words_of!(words.kind, store_words(words, row, &mut to[words.offset..]));
}

#[inline(always)]
fn load_words<S: Sample, W: Word, const STRIDE: usize, const SWAPPED: bool>(
    &Words { shift, depth, .. }: &Words,
    from: &[u8],
    row: &mut [S],
) {
    let sample = |word: &[u8]| S::new(W::read(word, SWAPPED).sample(shift, depth));
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
    &Words { shift, depth, .. }: &Words,
    row: &[S],
    to: &mut [u8],
) {
    let store = |word: &mut [u8], sample: S| {
        let old = W::read(word, SWAPPED);
        old.with_sample(sample.get(), shift, depth).write(word, SWAPPED);
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
