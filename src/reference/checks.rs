//! What can be seen of a file's cost before anything is decoded.
//!
//! The decoders limit what the picture takes, not what it is made of: tiles larger than the
//! picture, a hundred passes over it, millions of empty chunks. These checks walk over the headers
//! and refuse by name what no program writes. They are not there to say whether a file is right:
//! where they can't follow, the decoder says what is wrong.

use image::ImageFormat;

use super::{MAX_PIXELS, ReferenceError};

#[cfg(feature = "heif")]
pub(super) mod heif;
mod png;
mod webp;

/// Refuses a file whose headers promise too much work.
pub(super) fn check(file: &[u8], format: ImageFormat) -> Result<(), ReferenceError> {
    match format {
        ImageFormat::Png => png::check(file),
        ImageFormat::WebP => webp::check(file),
        _ => Ok(()),
    }
}

/// Refuses too many pixels for any format. The decoders see that, too; but what is checked behind
/// this holds only for less.
pub(super) fn check_size(width: u32, height: u32) -> Result<(), ReferenceError> {
    match u64::from(width) * u64::from(height) > MAX_PIXELS {
        true => Err(ReferenceError::TooManyPixels { width, height }),
        false => Ok(()),
    }
}

pub(super) fn too_costly<T>(what: String) -> Result<T, ReferenceError> {
    Err(ReferenceError::TooCostly(what))
}

/// A big-endian number of 16 bits.
pub(super) fn u16_be(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

/// A little-endian number of 32 bits.
pub(super) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}
