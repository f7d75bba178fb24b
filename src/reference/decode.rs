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
use super::meter::{Budget, Stop};
use super::profile::{self, Stated};
use super::samples::{Sample, memory};
use super::{Interrupt, ReferenceError, bmp, jpeg, jxl, tiff};
use crate::colorimetry::Colorimetry;

/// Decodes the content of any picture file that can be a reference: grey or R'G'B' in samples of 8
/// or 16 bits, and alpha.
///
/// Samples are as they are stored, whatever the file says of its colours; but CMYK becomes sRGB, by its
/// profile or without one. A damaged file is an error, even if most of it can be read.
pub fn decode_picture(file: &[u8]) -> Result<DynamicImage, ReferenceError> {
    let interrupt = Interrupt::default();
    Ok(decode_whole(file, &Budget::new(&interrupt))?.0)
}

/// Decodes the content of a picture file as [`decode_picture`] does, in sRGB: where the file says that its samples
/// stand for other colours, they are converted, as those of a [`Reference`](super::Reference) are. And why
/// what it says can't be used, if that is so: then the colours count as sRGB.
pub fn decode_picture_in_srgb(
    file: &[u8],
) -> Result<(DynamicImage, Option<String>), ReferenceError> {
    let interrupt = Interrupt::default();
    let budget = Budget::new(&interrupt);
    let (mut picture, colors) = decode_whole(file, &budget)?;
    let color = picture.color();
    let n_channels = color.channel_count();
    let Some(memory) = memory(&mut picture) else {
        return Err(ReferenceError::Unsupported(format!("{color:?} samples")));
    };
    let fault = if color.bytes_per_pixel() > n_channels {
        to_srgb::<u16>(bytemuck::cast_slice_mut(memory), n_channels.into(), &colors, &budget)?
    } else {
        to_srgb::<u8>(memory, n_channels.into(), &colors, &budget)?
    };
    Ok((picture, fault))
}

/// Decodes a picture that isn't damaged, and gives also what the file says of its colours.
fn decode_whole(file: &[u8], budget: &Budget) -> Result<(DynamicImage, Stated), ReferenceError> {
    match decode(file, budget)? {
        Decoded { damage: Some(damage), .. } => Err(ReferenceError::Damaged(damage)),
        Decoded { picture, damage: None, colors } => Ok((picture, colors)),
    }
}

/// Converts pixels from what a file says of its colours to sRGB, or says why that can't be done.
fn to_srgb<S: Sample>(
    samples: &mut [S],
    n_channels: usize,
    stated: &Stated,
    budget: &Budget,
) -> Result<Option<String>, Stop> {
    if matches!(stated, Stated::Srgb) {
        return Ok(None);
    }
    // Grey is R' = G' = B'.
    let is_grey = n_channels < 3;
    let n_colors = if is_grey { 1 } else { 3 };
    let rgb = |pixel: &[S]| if is_grey { [pixel[0]; 3] } else { [pixel[0], pixel[1], pixel[2]] };
    let mut colors: Vec<S> = samples.chunks_exact(n_channels).flat_map(rgb).collect();
    let coding = match profile::coding(&mut colors, is_grey, stated, budget)? {
        Ok(coding) => coding,
        Err(fault) => return Ok(Some(fault)),
    };
    if let Some(conversion) = coding.to(Colorimetry::SRGB) {
        colors = conversion.apply(&colors);
    }
    for (pixel, color) in samples.chunks_exact_mut(n_channels).zip(colors.chunks_exact(3)) {
        pixel[..n_colors].copy_from_slice(&color[..n_colors]);
    }
    Ok(None)
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
