//! Decoding pictures, within limits of size, time and memory.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

use image::DynamicImage;

use super::decoded::{Decoded, decode_with_image};
#[cfg(feature = "heif")]
use super::heif;
use super::kinds::{self, Kind};
use super::meter::Budget;
use super::{Interrupt, ReferenceError, bmp, jpeg, jxl, tiff};

/// Decodes the content of any picture file that can be a reference: grey or R'G'B' in samples of 8
/// or 16 bits, and alpha.
///
/// Samples are as they are stored, whatever the file says of its colours; but CMYK becomes sRGB, by its
/// profile or without one. A damaged file is an error, even if most of it can be read.
pub fn decode_picture(file: &[u8]) -> Result<DynamicImage, ReferenceError> {
    let interrupt = Interrupt::default();
    match decode(file, &Budget::new(&interrupt))? {
        Decoded { damage: Some(damage), .. } => Err(ReferenceError::Damaged(damage)),
        Decoded { picture, damage: None, .. } => Ok(picture),
    }
}

/// Decodes the content of a picture file.
pub(super) fn decode(file: &[u8], budget: &Budget) -> Result<Decoded, ReferenceError> {
    let outcome = quietly(|| decode_kind(file, budget))
        .unwrap_or_else(|| Err(ReferenceError::Damaged("the decoder failed".into())));
    // Some decoders go on where nothing can be read, or call it damaged.
    match budget.stopped() {
        Some(stop) => Err(stop.into()),
        None => outcome,
    }
}

/// Runs a decoder: if it panics on a damaged file, that must neither take the application with it
/// nor write into its output. Then there is no outcome.
pub fn quietly<T>(decode: impl FnOnce() -> T) -> Option<T> {
    thread_local! {
        static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // One of `jpeg_decoder`, whose own panic tells of it.
            let is_worker = |name: &str| name.starts_with("worker thread for component");
            if !IS_QUIET.get() && !thread::current().name().is_some_and(is_worker) {
                hook(info);
            }
        }));
    });
    let was_quiet = IS_QUIET.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(decode));
    IS_QUIET.set(was_quiet);
    outcome.ok()
}

fn decode_kind(file: &[u8], budget: &Budget) -> Result<Decoded, ReferenceError> {
    match kinds::kind(file)? {
        Kind::Bmp => bmp::decode(file, budget),
        #[cfg(feature = "heif")]
        Kind::Heif(name) => heif::decode(file, name, budget),
        // The first program is in Debian's package `libheif-examples`.
        #[cfg(not(feature = "heif"))]
        Kind::Heif(name) => Err(ReferenceError::Unsupported(format!(
            "{name}, of which 'heif-convert FILE REF.png', or of a sequence 'ffmpeg -i FILE \
             -frames:v 1 REF.png', makes a PNG, and which a build with '--features heif' reads"
        ))),
        Kind::Jpeg => jpeg::decode(file, budget),
        Kind::Jxl => jxl::decode(file, budget),
        Kind::Tiff => tiff::decode(file, budget),
        Kind::Other(format) => decode_with_image(file, format, budget),
    }
}
