//! Picture files: what is read of them, and what is written.

use std::io::Cursor;
use std::path::Path;

use anyhow::bail;
use gsthistomatch::reference::decode_picture_in_srgb;
use image::codecs::bmp::BmpEncoder;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{PngDecoder, PngEncoder};
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::{WebPDecoder, WebPEncoder};
use image::metadata::Orientation;
use image::{
    AnimationDecoder, ColorType, DynamicImage, GenericImageView, ImageDecoder, ImageEncoder,
    ImageFormat, ImageReader, ImageResult,
};

use crate::exif;

/// The formats that are written.
pub const WRITTEN: [ImageFormat; 5] =
    [ImageFormat::Bmp, ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Tiff, ImageFormat::WebP];

/// What their names can end in.
pub const ENDINGS: &str = ".png, .tif, .webp, .jpg or .bmp";

/// The encoder's own default, 75, can be seen.
const JPEG_QUALITY: u8 = 95;

/// What a segment of a JPEG holds, behind its length and the word "Exif".
const MAX_EXIF_OF_JPEG: usize = 65535 - 2 - 6;

/// A picture as it is seen: upright, and in sRGB.
pub struct Picture {
    pub samples: DynamicImage,
    metadata: Metadata,
}

/// What a file has beside its samples, and their kind.
struct Metadata {
    color: ColorType,
    exif: Option<Vec<u8>>,
    /// Whether it is a TIFF whose own tags are what Exif is elsewhere.
    has_origin_in_tiff: bool,
    has_texts: bool,
    has_more_pictures: bool,
}

impl Metadata {
    fn none(color: ColorType) -> Self {
        Self {
            color,
            exif: None,
            has_origin_in_tiff: false,
            has_texts: false,
            has_more_pictures: false,
        }
    }

    fn of(decoder: &mut impl ImageDecoder) -> ImageResult<Self> {
        Ok(Self {
            color: decoder.color_type(),
            exif: decoder.exif_metadata()?,
            has_origin_in_tiff: false,
            has_texts: decoder.xmp_metadata()?.is_some() || decoder.iptc_metadata()?.is_some(),
            has_more_pictures: false,
        })
    }
}

/// Reads a picture; gives also what is to be said about it.
pub fn read(path: &Path) -> anyhow::Result<(Picture, Option<String>)> {
    let file = std::fs::read(path)?;
    // It reads kinds of JPEG, TIFF and BMP that `image` reads wrong, or not at all.
    let (mut samples, fault) = decode_picture_in_srgb(&file)?;
    let (orientation, metadata) = beside(&file)
        .unwrap_or_else(|_| (Orientation::NoTransforms, Metadata::none(samples.color())));
    let mut metadata = Metadata {
        color: samples.color(),
        has_origin_in_tiff: exif::is_in_tiff(&file),
        has_more_pictures: has_more_pictures(&file),
        ..metadata
    };

    samples.apply_orientation(orientation);
    let warning = fault.map(|why| {
        format!(
            "The colours may be wrong: the colour profile can't be used ({why}), so the picture counts \
             as sRGB."
        )
    });
    if let Some(exif) = &mut metadata.exif {
        exif::make_true(exif);
    }
    Ok((Picture { samples, metadata }, warning))
}

/// What a file has beside its samples: orientation, and the rest.
fn beside(file: &[u8]) -> ImageResult<(Orientation, Metadata)> {
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    let mut decoder = reader.into_decoder()?;
    let metadata = Metadata::of(&mut decoder)?;
    Ok((decoder.orientation()?, metadata))
}

/// Whether a file is an animation, or has pages.
fn has_more_pictures(file: &[u8]) -> bool {
    let content = Cursor::new(file);
    match image::guess_format(file) {
        Ok(ImageFormat::Gif) => GifDecoder::new(content)
            .is_ok_and(|gif| gif.into_frames().nth(1).is_some_and(|second| second.is_ok())),
        Ok(ImageFormat::Png) => {
            PngDecoder::new(content).is_ok_and(|png| png.is_apng().unwrap_or(false))
        }
        Ok(ImageFormat::WebP) => WebPDecoder::new(content).is_ok_and(|webp| webp.has_animation()),
        _ => exif::has_pages(file),
    }
}

/// The content of a file with a picture, and what it has no place for.
pub fn encode(
    mut picture: Picture,
    format: ImageFormat,
) -> anyhow::Result<(Vec<u8>, Vec<&'static str>)> {
    if matches!(format, ImageFormat::Bmp | ImageFormat::Tiff) {
        // These have no grey with alpha.
        picture.samples = match picture.samples {
            DynamicImage::ImageLumaA8(_) => picture.samples.into_rgba8().into(),
            DynamicImage::ImageLumaA16(_) => picture.samples.into_rgba16().into(),
            samples => samples,
        };
    }
    let fits = |exif: &&Vec<u8>| format != ImageFormat::Jpeg || exif.len() <= MAX_EXIF_OF_JPEG;
    let (samples, exif) = (&picture.samples, picture.metadata.exif.as_ref().filter(fits));
    let mut file = Cursor::new(Vec::new());
    match format {
        ImageFormat::Bmp => write(samples, exif, BmpEncoder::new(&mut file))?,
        ImageFormat::Jpeg => {
            write(samples, exif, JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY))?;
        }
        ImageFormat::Png => write(samples, exif, PngEncoder::new(&mut file))?,
        ImageFormat::Tiff => write(samples, exif, TiffEncoder::new(&mut file))?,
        ImageFormat::WebP => write(samples, exif, WebPEncoder::new_lossless(&mut file))?,
        _ => bail!("{format:?} is not written here; end the name in {ENDINGS}"),
    }
    let mut written =
        ImageReader::with_format(Cursor::new(file.get_ref()), format).into_decoder()?;
    let losses = losses(&picture, &Metadata::of(&mut written)?);
    drop(written);
    Ok((file.into_inner(), losses))
}

fn write(
    samples: &DynamicImage,
    exif: Option<&Vec<u8>>,
    mut encoder: impl ImageEncoder,
) -> ImageResult<()> {
    if let Some(exif) = exif {
        // Whether it was taken is seen from the file.
        let _ = encoder.set_exif_metadata(exif.clone());
    }
    samples.write_with_encoder(encoder)
}

/// What was in a picture and is not in its file.
fn losses(picture: &Picture, written: &Metadata) -> Vec<&'static str> {
    let before = &picture.metadata;
    let is_deep = |color: ColorType| color.bytes_per_pixel() > color.channel_count();
    let is_transparent = || picture.samples.pixels().any(|(_, _, pixel)| pixel.0[3] < 255);
    [
        (
            before.exif.is_some() && written.exif.is_none(),
            "Date, camera and place (Exif) are lost: they are not written in this format.",
        ),
        (
            before.has_origin_in_tiff,
            "Date, camera and place (tags of a TIFF) are lost: they are not read here.",
        ),
        (
            before.has_texts && !written.has_texts,
            "Titles and keywords (XMP, IPTC) are lost: they are not written here.",
        ),
        (
            before.has_more_pictures,
            "All pictures of the file but the first are lost: animations and pages are not written here.",
        ),
        (
            is_deep(before.color) && !is_deep(written.color),
            "16 bits have become 8: this format has no more.",
        ),
        (
            before.color.has_alpha() && !written.color.has_alpha() && is_transparent(),
            "Transparency is lost: this format has none.",
        ),
    ]
    .into_iter()
    .filter_map(|(is_lost, text)| is_lost.then_some(text))
    .collect()
}
