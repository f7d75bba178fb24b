//! Decoding pictures, within limits of size, time and memory.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

use image::error::{LimitError, LimitErrorKind};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

#[cfg(feature = "heif")]
use super::heif;
use super::kinds::{self, Kind};
use super::meter::{Budget, Meter};
use super::{Interrupt, MAX_PIXELS, ReferenceError, bmp, checks, jpeg, jxl, tiff};

/// What decoding may allocate, in bytes: [`MAX_PIXELS`] at 16-bit RGB.
const MAX_DECODED_BYTES: u64 = MAX_PIXELS * 6;

/// What the metadata and one row of a PNG may take together, in bytes: 64 MiB. A colour profile
/// can be a thousand times the size of its chunk.
const MAX_METADATA_BYTES: u64 = 64 << 20;

/// A picture, decoded.
pub(super) struct Decoded {
    pub picture: DynamicImage,
    /// What of it can't be read, in words that follow its name and "is damaged".
    pub damage: Option<String>,
}

impl From<DynamicImage> for Decoded {
    fn from(picture: DynamicImage) -> Self {
        Self { picture, damage: None }
    }
}

/// Decodes the content of any picture file that can be a reference: grey or R'G'B' in samples of 8
/// or 16 bits, and alpha.
///
/// A damaged file is an error, even if most of it can be read.
pub fn decode_picture(file: &[u8]) -> Result<DynamicImage, ReferenceError> {
    match decode(file, &Interrupt::default())? {
        Decoded { damage: Some(damage), .. } => Err(ReferenceError::Damaged(damage)),
        Decoded { picture, damage: None } => Ok(picture),
    }
}

/// Decodes the content of a picture file.
pub(super) fn decode(file: &[u8], interrupt: &Interrupt) -> Result<Decoded, ReferenceError> {
    let budget = Budget::new(interrupt);
    let outcome = quietly(|| decode_kind(file, &budget))
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
    IS_QUIET.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(decode));
    IS_QUIET.set(false);
    outcome.ok()
}

fn decode_kind(file: &[u8], budget: &Budget) -> Result<Decoded, ReferenceError> {
    match kinds::kind(file)? {
        Kind::Bmp => bmp::decode(file, budget),
        #[cfg(feature = "heif")]
        Kind::Heif(name) => heif::decode(file, name, budget),
        // The program is in Debian's package `libheif-examples`.
        #[cfg(not(feature = "heif"))]
        Kind::Heif(name) => Err(ReferenceError::Unsupported(format!(
            "{name}, of which 'heif-convert FILE REF.png' makes a PNG, and which a build with \
             '--features heif' reads"
        ))),
        Kind::Jpeg => jpeg::decode(file, budget),
        Kind::Jxl => jxl::decode(file, budget),
        Kind::Tiff => tiff::decode(file, budget),
        Kind::Other(format) => decode_with_image(file, format, budget),
    }
}

/// Leaves it to the crate `image`.
pub(super) fn decode_with_image(
    file: &[u8],
    format: ImageFormat,
    budget: &Budget,
) -> Result<Decoded, ReferenceError> {
    checks::check(file, format)?;
    let mut reader = ImageReader::with_format(Meter::new(file, budget), format);
    // Making the decoder reads metadata, which a PNG can compress.
    reader.limits(limits(MAX_METADATA_BYTES));
    let mut decoder = reader.into_decoder().map_err(image_error)?;
    decoder.set_limits(limits(MAX_DECODED_BYTES)).map_err(image_error)?;
    let (width, height) = decoder.dimensions();
    checks::check_size(width, height)?;
    // Not every decoder counts the picture itself.
    if decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(ReferenceError::TooMuchMemory);
    }
    let picture = DynamicImage::from_decoder(decoder).map_err(image_error)?;
    Ok(picture.into())
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
pub(super) fn quotable(error: &dyn std::fmt::Display) -> String {
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
