//! HEIC, HEIF and AVIF (ISO/IEC 23008-12), decoded by the system's libheif, if built with the feature
//! `heif`.
//!
//! It turns and mirrors the picture as the file says, and makes R'G'B' of Y'CbCr by the coding that
//! the file names. It can be stopped only where it reads, which is between the tiles of a picture.

use std::sync::LazyLock;

use libheif_rs::{
    ColorSpace, CompressionFormat, DecodingOptions, HeifContext, HeifError, HeifErrorCode,
    HeifErrorSubCode, Image, ImageHandle, LibHeif, RgbChroma, StreamReader,
};

use super::ReferenceError;
use super::checks::heif::{self, Codec};
use super::checks::too_costly;
use super::decoded::{Decoded, quotable};
use super::meter::{Budget, Meter};
use super::profile::Stated;
use super::samples::{Sample, picture};

/// The most pixels of samples of more than 8 bits, which take twice the memory.
const MAX_DEEP_PIXELS: u64 = 25_000_000;

/// How many bytes may be read more often than once: 4 MiB. Tiles can be used again and again.
const MAX_REREAD: u64 = 4 << 20;

/// More than libheif has for a format.
const MAX_DECODERS: usize = 16;

/// The library, with its decoders. It is never given back: they might not like to be loaded again.
static LIBHEIF: LazyLock<LibHeif> = LazyLock::new(LibHeif::new);

/// Decodes a file, which is known by some name.
pub(super) fn decode(file: &[u8], name: &str, budget: &Budget) -> Result<Decoded, ReferenceError> {
    let codec = heif::check(file, name)?;
    let error = |error| reference_error(error, name);
    let (format, decoder, package) = match codec {
        Codec::Hevc => (CompressionFormat::Hevc, "libde265", "libheif-plugin-libde265"),
        Codec::Av1 => (CompressionFormat::Av1, "aom", "libheif-plugin-aomdec"),
    };
    let decoders = LIBHEIF.decoder_descriptors(MAX_DECODERS, Some(format));
    if decoders.iter().all(|other| other.id() != decoder) {
        return Err(ReferenceError::Unsupported(format!(
            "{name}, for which libheif's decoder '{decoder}' is missing, in Debian's package {package}"
        )));
    }
    let reader = StreamReader::new(
        Meter::new(file, budget).up_to(codec.max_bytes() as u64 + MAX_REREAD),
        file.len() as u64,
    );
    let mut context = HeifContext::read_from_reader(Box::new(reader)).map_err(error)?;
    // Tiles are decoded one after the other, in this thread.
    context.set_max_decoding_threads(0);
    let handle = context.primary_image_handle().map_err(error)?;
    let is_deep = handle.luma_bits_per_pixel().max(handle.chroma_bits_per_pixel()) > 8;
    let (width, height) = (handle.width(), handle.height());
    if is_deep && u64::from(width) * u64::from(height) > MAX_DEEP_PIXELS {
        return too_costly(format!(
            "{width} x {height} pixels are more than the limit for {name} of more than 8 bits, {} \
             million",
            MAX_DEEP_PIXELS / 1_000_000
        ));
    }
    let has_alpha = handle.has_alpha_channel();
    let layout = match (is_deep, has_alpha) {
        (false, false) => RgbChroma::Rgb,
        (false, true) => RgbChroma::Rgba,
        (true, false) => RgbChroma::HdrRgbLe,
        (true, true) => RgbChroma::HdrRgbaLe,
    };
    let mut options = DecodingOptions::new().ok_or(ReferenceError::TooMuchMemory)?;
    // What can't be read is an error, not a warning.
    options.set_strict_decoding(true);
    // Of the others, dav1d and FFmpeg write what is wrong with a file to the standard error.
    options.set_decoder_id(Some(decoder)).map_err(error)?;
    let image = LIBHEIF.decode(&handle, ColorSpace::Rgb(layout), Some(options)).map_err(error)?;

    let n_channels = 3 + usize::from(has_alpha);
    let is_multiplied = has_alpha && handle.is_premultiplied_alpha();
    let width = image.width() as usize;
    let picture = match is_deep {
        false => {
            let samples = samples(&image, n_channels, is_multiplied, u8::from_le_bytes)?;
            picture::<u8>(width, n_channels, samples)
        }
        true => {
            let samples = samples(&image, n_channels, is_multiplied, u16::from_le_bytes)?;
            picture::<u16>(width, n_channels, samples)
        }
    };
    Ok(Decoded { picture, damage: None, colors: stated(&handle) })
}

/// What a picture says of its colours: a profile counts before the coding of video.
fn stated(handle: &ImageHandle) -> Stated {
    let profile = handle.color_profile_raw().filter(|profile| !profile.data.is_empty());
    match (profile, handle.color_profile_nclx()) {
        (Some(profile), _) => Stated::profile(&profile.data),
        (None, Some(coding)) => Stated::Coded {
            primaries: coding.color_primaries() as u8,
            transfer: coding.transfer_characteristics() as u8,
        },
        (None, None) => Stated::Srgb,
    }
}

/// All samples of a decoded picture, row after row.
fn samples<S: Sample + Into<u64>, const BYTES: usize>(
    image: &Image,
    n_channels: usize,
    is_multiplied: bool,
    number: fn([u8; BYTES]) -> S,
) -> Result<Vec<S>, ReferenceError> {
    let Some(plane) = image.planes().interleaved else {
        return Err(ReferenceError::Damaged("it has no pixels".into()));
    };
    let (width, height) = (plane.width as usize, plane.height as usize);
    let largest = (1 << plane.bits_per_pixel) - 1;
    let row = width * n_channels * BYTES;
    let mut samples = Vec::with_capacity(width * height * n_channels);
    for bytes in plane.data.chunks(plane.stride).take(height) {
        let row = bytes[..row].as_chunks().0;
        samples.extend(row.iter().map(|&bytes| S::of(number(bytes).into(), largest)));
    }
    if is_multiplied {
        let full = S::of(1, 1).into();
        for pixel in samples.chunks_exact_mut(n_channels) {
            let (colors, alpha) = pixel.split_at_mut(3);
            let alpha = alpha[0].into().max(1);
            for color in colors {
                let level = ((*color).into() * full + alpha / 2) / alpha;
                *color = S::of(level.min(full), full);
            }
        }
    }
    Ok(samples)
}

fn reference_error(error: HeifError, name: &str) -> ReferenceError {
    match (error.code, error.sub_code) {
        (_, HeifErrorSubCode::SecurityLimitExceeded) => {
            ReferenceError::TooCostly(format!("of the {name}: {}", quotable(&error.message)))
        }
        (HeifErrorCode::MemoryAllocationError, _) => ReferenceError::TooMuchMemory,
        (HeifErrorCode::UnsupportedFeature | HeifErrorCode::UnsupportedFileType, _) => {
            ReferenceError::Unsupported(format!("of the {name}: {}", quotable(&error.message)))
        }
        _ => ReferenceError::Damaged(quotable(&error.message)),
    }
}
