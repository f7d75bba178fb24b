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

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use image::error::{LimitError, LimitErrorKind};
use image::{
    DynamicImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Pixel,
};

use crate::cdf::Cdf;
use crate::color::{Channels, Encoding, Range};
use crate::histogram::Histogram;
use crate::kernels::convert::{Conversion, Lines};
use crate::kernels::{self, InstructionSet, RowKernels};
use crate::pixels::Subsampling;
use crate::rows::{Group, Line};

/// The largest file that is read, in bytes: 256 MiB.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// The largest picture that is decoded, in pixels: 2^27, about 134 million.
pub const MAX_PIXELS: u64 = 1 << 27;

/// What decoding may allocate, in bytes: [`MAX_PIXELS`] at the deepest pixel, 16-bit RGBA.
const MAX_DECODED_BYTES: u64 = MAX_PIXELS * 8;

/// What the metadata and one row of a PNG may take together, in bytes: 64 MiB. A colour profile
/// can be a thousand times the size of its chunk.
const MAX_METADATA_BYTES: u64 = 64 << 20;

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

/// Why a file can't be a reference picture: the cause, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// There is no such file.
    #[error(
        "there is no such file; check the path (a relative path starts at the working directory \
         of the process)"
    )]
    NotFound,
    /// The file can't be opened or read.
    #[error(
        "the file can't be read ({0}); check the path, and the permissions of the file and its \
         folders"
    )]
    Io(#[source] io::Error),
    /// It is a directory, pipe, socket or device.
    #[error("it is {0}, not a regular file; give the path of a picture file")]
    NotAFile(&'static str),
    /// The file has no bytes.
    #[error("the file is empty; give the path of a picture file")]
    Empty,
    /// The file is larger than [`MAX_FILE_BYTES`].
    #[error(
        "the file is larger than {} MiB; scale the picture down or save it compressed \
         (a smaller copy has the same colours)",
        MAX_FILE_BYTES >> 20
    )]
    FileTooLarge,
    /// The picture has more than [`MAX_PIXELS`] pixels.
    #[error(
        "the picture claims {width} x {height} pixels, more than the limit of {} million; scale \
         it down (a smaller copy has the same colours)",
        MAX_PIXELS / 1_000_000
    )]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Decoding would take more memory than a picture of [`MAX_PIXELS`] needs.
    #[error("decoding it takes too much memory; scale it down, or save it again without metadata")]
    TooMuchMemory,
    /// The content is of no format that is read.
    #[error(
        "its content is not a picture in a known format; convert it to PNG, JPEG, WebP, BMP, \
         TIFF, GIF, PNM or QOI"
    )]
    UnknownFormat,
    /// The picture has no pixels.
    #[error("the picture has no pixels; give another picture")]
    NoPixels,
    /// Every pixel is fully transparent.
    #[error(
        "every pixel of the picture is fully transparent, so it has no colours; give a picture \
         with visible pixels"
    )]
    Transparent,
    /// The picture is of a kind of its format that is not read.
    #[error("this kind of picture is not supported ({0}); convert it to an 8- or 16-bit PNG")]
    Unsupported(String),
    /// The content is damaged.
    #[error("the picture is damaged ({0}); save or copy it again")]
    Damaged(String),
}

impl Reference {
    /// Reads a picture file.
    ///
    /// Only regular files are opened. A file may grow or shrink meanwhile: what was read counts.
    pub fn load(path: &Path) -> Result<Self, ReferenceError> {
        Self::decode(&read_file(path)?)
    }

    /// Reads a picture from the content of a file.
    pub fn decode(file: &[u8]) -> Result<Self, ReferenceError> {
        // A decoder that panics on a damaged file must not take the application with it.
        let (picture, format) = catch_unwind(AssertUnwindSafe(|| decode_picture(file)))
            .unwrap_or_else(|_| Err(ReferenceError::Damaged("the decoder failed".into())))?;
        let mut reference = Self::from_picture(&picture)?;
        reference.truncated = format == ImageFormat::Jpeg && !jpeg_has_end(file);
        Ok(reference)
    }

    /// The distributions of a decoded picture.
    pub fn from_picture(picture: &DynamicImage) -> Result<Self, ReferenceError> {
        let colors = match picture {
            DynamicImage::ImageLuma8(picture) => Colors::Bytes(colors(picture)),
            DynamicImage::ImageLumaA8(picture) => Colors::Bytes(colors(picture)),
            DynamicImage::ImageRgb8(picture) => Colors::Bytes(colors(picture)),
            DynamicImage::ImageRgba8(picture) => Colors::Bytes(colors(picture)),
            DynamicImage::ImageLuma16(picture) => Colors::Words(colors(picture)),
            DynamicImage::ImageLumaA16(picture) => Colors::Words(colors(picture)),
            DynamicImage::ImageRgb16(picture) => Colors::Words(colors(picture)),
            DynamicImage::ImageRgba16(picture) => Colors::Words(colors(picture)),
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
fn colors<P>(picture: &ImageBuffer<P, Vec<P::Subpixel>>) -> [Vec<P::Subpixel>; 3]
where
    P: Pixel<Subpixel: Default>,
{
    let n = picture.pixels().len();
    let mut colors = [(); 3].map(|()| Vec::with_capacity(n));
    for pixel in picture.pixels() {
        let [r, g, b, alpha] = pixel.to_rgba().0;
        if alpha != P::Subpixel::default() {
            colors.iter_mut().zip([r, g, b]).for_each(|(color, sample)| color.push(sample));
        }
    }
    colors
}

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

fn read_file(path: &Path) -> Result<Vec<u8>, ReferenceError> {
    // Looked at before it is opened, because opening a device or a pipe can have effects or wait
    // for ever, and again after, because it may have been replaced in between.
    check_regular(&path.metadata().map_err(io_error)?)?;
    let file = open(path).map_err(io_error)?;
    let metadata = file.metadata().map_err(io_error)?;
    check_regular(&metadata)?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err(ReferenceError::FileTooLarge);
    }
    let mut content = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content).map_err(io_error)?;
    match content.len() as u64 {
        0 => Err(ReferenceError::Empty),
        1..=MAX_FILE_BYTES => Ok(content),
        _ => Err(ReferenceError::FileTooLarge),
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // A pipe that took the file's place in the meantime must not block.
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn check_regular(metadata: &std::fs::Metadata) -> Result<(), ReferenceError> {
    if metadata.is_file() {
        Ok(())
    } else if metadata.is_dir() {
        Err(ReferenceError::NotAFile("a directory"))
    } else {
        Err(ReferenceError::NotAFile("a pipe, socket or device"))
    }
}

fn io_error(error: io::Error) -> ReferenceError {
    match error.kind() {
        io::ErrorKind::NotFound => ReferenceError::NotFound,
        _ => ReferenceError::Io(error),
    }
}

fn decode_picture(file: &[u8]) -> Result<(DynamicImage, ImageFormat), ReferenceError> {
    let mut reader =
        ImageReader::new(Cursor::new(file)).with_guessed_format().map_err(ReferenceError::Io)?;
    let format = reader.format().ok_or(ReferenceError::UnknownFormat)?;
    // Making the decoder reads metadata, which a PNG can compress.
    reader.limits(limits(MAX_METADATA_BYTES));
    let mut decoder = reader.into_decoder().map_err(image_error)?;
    decoder.set_limits(limits(MAX_DECODED_BYTES)).map_err(image_error)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ReferenceError::TooManyPixels { width, height });
    }
    Ok((DynamicImage::from_decoder(decoder).map_err(image_error)?, format))
}

fn limits(bytes: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(bytes);
    limits
}

fn image_error(error: ImageError) -> ReferenceError {
    match error {
        ImageError::Limits(limit) => limit_error(&limit),
        ImageError::Unsupported(unsupported) => ReferenceError::Unsupported(quotable(&unsupported)),
        other => ReferenceError::Damaged(quotable(&other)),
    }
}

/// What a decoder says, which can be as long as a line of the file and hold any of its characters.
fn quotable(error: &dyn std::error::Error) -> String {
    const MAX_CHARS: usize = 200;
    let text = error.to_string().replace(|c: char| c.is_control(), " ");
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

fn limit_error(limit: &LimitError) -> ReferenceError {
    match limit.kind() {
        LimitErrorKind::InsufficientMemory => ReferenceError::TooMuchMemory,
        _ => ReferenceError::Unsupported(quotable(limit)),
    }
}

/// Whether a JPEG reaches its end-of-image marker (ITU-T T.81, B.1.1). Decoders take a file that
/// was cut off in the middle for a whole one, with grey where the data is missing.
fn jpeg_has_end(file: &[u8]) -> bool {
    const END_OF_IMAGE: u8 = 0xD9;
    let mut at = 2;
    loop {
        // The next marker: in front of it may stand fill bytes or, after a scan header, coded data,
        // in which FF 00 is a byte and FF D0 to FF D7 are restart markers.
        let Some(found) = file.get(at..).and_then(|rest| {
            rest.windows(2)
                .position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF))
        }) else {
            return false;
        };
        at += found + 2;
        if file[at - 1] == END_OF_IMAGE {
            return true;
        }
        // Every other marker begins a segment that carries its own length.
        let Some(&[high, low]) = file.get(at..at + 2).and_then(|bytes| bytes.first_chunk()) else {
            return false;
        };
        at += usize::from(u16::from_be_bytes([high, low]));
    }
}
