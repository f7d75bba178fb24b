//! A reference picture, read from a file, and its distribution in the channels of any stream.
//!
//! Pictures are decoded by the crate `image`: PNG, JPEG, WebP, BMP, TIFF, GIF (the first frame),
//! PNM and QOI. The format is guessed from the content; the file's name says nothing.
//!
//! Samples count as they are stored: colour profiles, gamma chunks and EXIF orientation have no
//! influence. 8-bit and 16-bit samples keep their depth, and grey counts as R' = G' = B'. A pixel
//! with an alpha of 0 has no colour and is not counted; any other alpha counts in full.
//!
//! The colours are kept, 3 bytes per pixel or 6, because what their histograms are in the channels
//! of a stream depends on its matrix and range.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use image::{DynamicImage, ImageBuffer, Pixel};

use crate::cdf::Cdf;
use crate::color::{Channels, Encoding, Range};
use crate::histogram::Histogram;
use crate::kernels::convert::{Conversion, Lines};
use crate::kernels::{self, InstructionSet, RowKernels};
use crate::pixels::Subsampling;
use crate::rows::{Group, Line};

mod file;
mod interrupt;
mod meter;

pub use file::{MAX_FILE_BYTES, MAX_PIXELS, ReferenceError};
pub use interrupt::Interrupt;

/// The distributions of a reference picture.
#[derive(Debug)]
pub struct Reference {
    colors: Colors,
    /// What was asked for last.
    last: Mutex<Option<(Channels, Arc<[Cdf]>)>>,
    truncated: bool,
}

impl PartialEq for Reference {
    /// Whether they hold the same colours in the same order, and both or neither ended early.
    fn eq(&self, other: &Self) -> bool {
        (&self.colors, self.truncated) == (&other.colors, other.truncated)
    }
}

/// R', G' and B' of the pixels that count.
#[derive(Debug, PartialEq)]
enum Colors {
    Bytes([Vec<u8>; 3]),
    Words([Vec<u16>; 3]),
}

impl Reference {
    /// Reads a picture file.
    ///
    /// Only regular files are opened. A file may grow or shrink meanwhile: what was read counts.
    pub fn load(path: &Path) -> Result<Self, ReferenceError> {
        Self::load_until(path, &Interrupt::default())
    }

    /// Reads a picture file, unless it is interrupted: [`ReferenceError::Interrupted`].
    pub fn load_until(path: &Path, interrupt: &Interrupt) -> Result<Self, ReferenceError> {
        Self::decode_until(&file::read(path, interrupt)?, interrupt)
    }

    /// Reads a picture from the content of a file.
    pub fn decode(file: &[u8]) -> Result<Self, ReferenceError> {
        Self::decode_until(file, &Interrupt::default())
    }

    /// Reads a picture from the content of a file, unless it is interrupted.
    pub fn decode_until(file: &[u8], interrupt: &Interrupt) -> Result<Self, ReferenceError> {
        let decoded = file::decode(file, interrupt)?;
        let mut reference = Self::from_picture_until(&decoded.picture, interrupt)?;
        reference.truncated = decoded.is_truncated;
        Ok(reference)
    }

    /// The distributions of a decoded picture.
    pub fn from_picture(picture: &DynamicImage) -> Result<Self, ReferenceError> {
        Self::from_picture_until(picture, &Interrupt::default())
    }

    fn from_picture_until(
        picture: &DynamicImage,
        interrupt: &Interrupt,
    ) -> Result<Self, ReferenceError> {
        let colors = match picture {
            DynamicImage::ImageLuma8(picture) => Colors::Bytes(colors(picture, interrupt)?),
            DynamicImage::ImageLumaA8(picture) => Colors::Bytes(colors(picture, interrupt)?),
            DynamicImage::ImageRgb8(picture) => Colors::Bytes(colors(picture, interrupt)?),
            DynamicImage::ImageRgba8(picture) => Colors::Bytes(colors(picture, interrupt)?),
            DynamicImage::ImageLuma16(picture) => Colors::Words(colors(picture, interrupt)?),
            DynamicImage::ImageLumaA16(picture) => Colors::Words(colors(picture, interrupt)?),
            DynamicImage::ImageRgb16(picture) => Colors::Words(colors(picture, interrupt)?),
            DynamicImage::ImageRgba16(picture) => Colors::Words(colors(picture, interrupt)?),
            other => {
                return Err(ReferenceError::Unsupported(format!("{:?} samples", other.color())));
            }
        };
        let is_empty = match &colors {
            Colors::Bytes([red, ..]) => red.is_empty(),
            Colors::Words([red, ..]) => red.is_empty(),
        };
        if is_empty {
            return Err(match (picture.width(), picture.height()) {
                (0, _) | (_, 0) => ReferenceError::NoPixels,
                _ => ReferenceError::Transparent,
            });
        }
        Ok(Self { colors, last: Mutex::default(), truncated: false })
    }

    /// The distribution of each of some channels.
    ///
    /// The picture is full-range R'G'B'. It is converted to the channels' coding in its own depth,
    /// 8 or 16 bits, as frames are ([`Affine`](crate::color::Affine)), and its histograms to theirs
    /// ([`Histogram::at_depth`]).
    ///
    /// That takes time; what was asked for last is remembered.
    pub fn cdfs(&self, channels: &Channels) -> Arc<[Cdf]> {
        let lock = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((last, cdfs)) = &*lock()
            && last == channels
        {
            return cdfs.clone();
        }
        let histograms = match &self.colors {
            Colors::Bytes(colors) => histograms(colors, channels.encoding),
            Colors::Words(colors) => histograms(colors, channels.encoding),
        };
        let cdfs: Arc<[Cdf]> = histograms
            .iter()
            .zip(&channels.depths)
            .enumerate()
            .map(|(channel, (histogram, &depth))| {
                let legal = channels.encoding.legal(channel, depth);
                Cdf::from(&histogram.at_depth(depth, legal))
            })
            .collect();
        *lock() = Some((channels.clone(), cdfs.clone()));
        cdfs
    }

    /// Bits of the picture's samples: 8 or 16.
    pub fn depth(&self) -> u32 {
        match self.colors {
            Colors::Bytes(_) => 8,
            Colors::Words(_) => 16,
        }
    }

    /// Whether the file was a JPEG that ends early: the missing part counted as whatever the
    /// decoder put there.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }
}

/// R', G' and B' of the pixels that aren't fully transparent.
fn colors<P>(
    picture: &ImageBuffer<P, Vec<P::Subpixel>>,
    interrupt: &Interrupt,
) -> Result<[Vec<P::Subpixel>; 3], ReferenceError>
where
    P: Pixel<Subpixel: Default>,
{
    let n = picture.pixels().len();
    let mut colors = [(); 3].map(|()| Vec::with_capacity(n));
    for (at, pixel) in picture.pixels().enumerate() {
        if at % PIXELS_BETWEEN_LOOKS == 0 && interrupt.is_interrupted() {
            return Err(ReferenceError::Interrupted);
        }
        let [r, g, b, alpha] = pixel.to_rgba().0;
        if alpha != P::Subpixel::default() {
            colors.iter_mut().zip([r, g, b]).for_each(|(color, sample)| color.push(sample));
        }
    }
    Ok(colors)
}

/// Pixels between two looks at the interrupt: a few milliseconds.
const PIXELS_BETWEEN_LOOKS: usize = 1 << 20;

/// Pixels that are converted together.
const ROW: usize = 4096;

/// The histograms of full-range R'G'B' in another coding, with as many bits.
fn histograms<S: RowKernels>(colors: &[Vec<S>; 3], encoding: Encoding) -> Vec<Histogram> {
    let at_most = InstructionSet::best();
    let finish = |counters: Vec<Box<dyn kernels::Counter<S>>>| {
        counters.into_iter().flat_map(|mut counter| counter.finish()).collect()
    };
    let rgb = Encoding::Rgb(Range::Full);
    let mut counters: Vec<_> =
        (0..encoding.n_channels()).map(|_| S::counter(S::BITS, at_most)).collect();
    if encoding == rgb {
        for (counter, color) in counters.iter_mut().zip(colors) {
            counter.add(color);
        }
        return finish(counters);
    }
    let conversion = Conversion::between(rgb, encoding, Subsampling::NONE, S::BITS);
    let to_channels = S::steps(at_most).to_channels;
    let row = || vec![Line::new(ROW)];
    let mut group = Group { components: vec![row(), row(), row()], n_rows: 1 };
    let mut lines = Lines::new(ROW, &conversion);
    let mut start = 0;
    while start < colors[0].len() {
        let n = ROW.min(colors[0].len() - start);
        for (component, color) in group.components.iter_mut().zip(colors) {
            component[0][..n].copy_from_slice(&color[start..start + n]);
        }
        to_channels(&conversion, &group.view(3), &mut lines);
        for (counter, channel) in counters.iter_mut().zip(lines.channels(0)) {
            counter.add(&channel[..n]);
        }
        start += n;
    }
    finish(counters)
}
