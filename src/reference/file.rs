//! Picture files: reading them, within limits of size, time and memory.

use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::error::{LimitError, LimitErrorKind};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::meter::{Budget, Meter};
use super::{Interrupt, checks};

/// The largest file that is read, in bytes: 256 MiB.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// The largest picture that is decoded, in pixels: 2^27, about 134 million.
pub const MAX_PIXELS: u64 = 1 << 27;

/// What decoding may allocate, in bytes: [`MAX_PIXELS`] at 16-bit RGB.
const MAX_DECODED_BYTES: u64 = MAX_PIXELS * 6;

/// What the metadata and one row of a PNG may take together, in bytes: 64 MiB. A colour profile
/// can be a thousand times the size of its chunk.
const MAX_METADATA_BYTES: u64 = 64 << 20;

/// What is read of a file between two looks at the interrupt, in bytes.
const READ_AT_ONCE: u64 = 1 << 20;

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
    /// Decoding takes longer than any picture within the limits should.
    #[error(
        "decoding it takes too long; save it again as an 8-bit PNG, scaled down if it is large \
         (a smaller copy has the same colours)"
    )]
    TooSlow,
    /// The file is built so that decoding takes far more time or memory than its picture needs.
    #[error(
        "decoding it takes too much time or memory: {0}; save it again as an 8-bit PNG, scaled \
         down if it is large (a smaller copy has the same colours)"
    )]
    TooCostly(String),
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
    /// It was asked to stop: [`Interrupt`].
    #[error("the loading was interrupted; load it again")]
    Interrupted,
}

/// A picture, decoded.
pub(super) struct Decoded {
    pub picture: DynamicImage,
    /// Whether it was a JPEG that ends early.
    pub is_truncated: bool,
}

/// Decodes the content of a picture file.
pub(super) fn decode(file: &[u8], interrupt: &Interrupt) -> Result<Decoded, ReferenceError> {
    let budget = Budget::new(interrupt);
    // A decoder that panics on a damaged file must not take the application with it.
    let outcome = catch_unwind(AssertUnwindSafe(|| decode_picture(file, &budget)))
        .unwrap_or_else(|_| Err(ReferenceError::Damaged("the decoder failed".into())));
    // Some decoders go on where nothing can be read, or call it damaged.
    if let Some(stop) = budget.stopped() {
        return Err(stop.into());
    }
    let (picture, format) = outcome?;
    let is_truncated = format == ImageFormat::Jpeg && !checks::jpeg::has_end(file);
    Ok(Decoded { picture, is_truncated })
}

/// The content of a picture file.
pub(super) fn read(path: &Path, interrupt: &Interrupt) -> Result<Vec<u8>, ReferenceError> {
    // Looked at before it is opened, because opening a device or a pipe can have effects or wait
    // for ever, and again after, because it may have been replaced in between.
    check_regular(&path.metadata().map_err(io_error)?)?;
    let file = open(path).map_err(io_error)?;
    let metadata = file.metadata().map_err(io_error)?;
    check_regular(&metadata)?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err(ReferenceError::FileTooLarge);
    }
    let mut content = Vec::with_capacity(metadata.len() as usize + 1);
    let mut file = file.take(MAX_FILE_BYTES + 1);
    loop {
        if interrupt.is_interrupted() {
            return Err(ReferenceError::Interrupted);
        }
        if file.by_ref().take(READ_AT_ONCE).read_to_end(&mut content).map_err(io_error)? == 0 {
            break;
        }
    }
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

fn decode_picture(
    file: &[u8],
    budget: &Budget,
) -> Result<(DynamicImage, ImageFormat), ReferenceError> {
    let meter = Meter::new(file, budget);
    let mut reader = ImageReader::new(meter).with_guessed_format().map_err(ReferenceError::Io)?;
    let format = reader.format().ok_or(ReferenceError::UnknownFormat)?;
    checks::check(file, format)?;
    // Making the decoder reads metadata, which a PNG can compress.
    reader.limits(limits(MAX_METADATA_BYTES));
    let mut decoder = reader.into_decoder().map_err(image_error)?;
    decoder.set_limits(limits(MAX_DECODED_BYTES)).map_err(image_error)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ReferenceError::TooManyPixels { width, height });
    }
    // Not every decoder counts the picture itself.
    if decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(ReferenceError::TooMuchMemory);
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
