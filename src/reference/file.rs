//! Picture files: reading them, and why they can't be used.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{Interrupt, kinds};

/// The largest file that is read, in bytes: 256 MiB.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// The largest picture that is decoded, in pixels: 2^27, about 134 million.
pub const MAX_PIXELS: u64 = 1 << 27;

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
    /// There is no such file, and its path begins with `~`.
    #[error(
        "there is no such file; the '~' at its start was not expanded, which is what a shell does, and \
         only where a word begins: write the whole path, or \"$HOME\" instead of '~'"
    )]
    Tilde,
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
        "its content is not a picture in a known format; convert it to PNG, JPEG, JPEG XL, \
         WebP, BMP, TIFF, GIF, PNM or QOI"
    )]
    UnknownFormat,
    /// The picture has no pixels.
    #[error("the picture has no pixels; give another picture")]
    NoPixels,
    /// Every pixel is fully transparent.
    #[error(
        "every pixel of the picture is fully transparent (of an animation, the first frame \
         counts), so it has no colours; give a picture with visible pixels"
    )]
    Transparent,
    /// The picture is of a kind of its format that is not read.
    #[error("this kind of picture is not supported ({0}); convert it to an 8- or 16-bit PNG")]
    Unsupported(String),
    /// It is a film, or a file of sound.
    #[error(
        "it is a film or sound, not a picture; take a frame of the film, for example by \
         'ffmpeg -i FILM -frames:v 1 REF.png'"
    )]
    Film,
    /// The content is damaged.
    #[error("the picture is damaged ({0}); save or copy it again")]
    Damaged(String),
    /// It was asked to stop: [`Interrupt`].
    #[error("the loading was interrupted; load it again")]
    Interrupted,
}

/// The content of a picture file.
pub(super) fn read(path: &Path, interrupt: &Interrupt) -> Result<Vec<u8>, ReferenceError> {
    let io_error = |error| match io_error(error) {
        ReferenceError::NotFound if path.as_os_str().as_encoded_bytes().starts_with(b"~") => {
            ReferenceError::Tilde
        }
        error => error,
    };
    // Looked at before it is opened, because opening a device or a pipe can have effects or wait
    // for ever, and again after, because it may have been replaced in between.
    check_regular(&path.metadata().map_err(io_error)?)?;
    let file = open(path).map_err(io_error)?;
    let metadata = file.metadata().map_err(io_error)?;
    check_regular(&metadata)?;
    let is_too_large = metadata.len() > MAX_FILE_BYTES;
    let reserved = if is_too_large { READ_AT_ONCE } else { metadata.len() + 1 };
    let mut content = Vec::with_capacity(reserved as usize);
    let mut file = file.take(MAX_FILE_BYTES + 1);
    loop {
        if interrupt.is_interrupted() {
            return Err(ReferenceError::Interrupted);
        }
        if file.by_ref().take(READ_AT_ONCE).read_to_end(&mut content).map_err(io_error)? == 0 {
            break;
        }
        // A film may be large, and its name is at its start.
        if content.len() as u64 == READ_AT_ONCE {
            use ReferenceError::{Film, Unsupported};
            if let Err(error @ (Film | Unsupported(_))) = kinds::kind(&content) {
                return Err(error);
            }
            if is_too_large {
                return Err(ReferenceError::FileTooLarge);
            }
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
