//! A decoded picture, and the formats that are left to the crate `image`.

use image::error::{LimitError, LimitErrorKind};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::meter::{Budget, Meter};
use super::profile::{self, Stated};
use super::{MAX_PIXELS, ReferenceError, checks};

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
    /// What the file says of its colours, if they aren't converted yet.
    pub colors: Stated,
}

impl From<DynamicImage> for Decoded {
    fn from(picture: DynamicImage) -> Self {
        Self { picture, damage: None, colors: Stated::Srgb }
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
    let colors = match format {
        ImageFormat::Png => profile::png::stated(file),
        ImageFormat::WebP => profile::webp::stated(file),
        _ => Stated::Srgb,
    };
    Ok(Decoded { picture, damage: None, colors })
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
