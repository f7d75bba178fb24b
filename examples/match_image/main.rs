//! Gives a picture the histograms of another one, without GStreamer:
//!
//! ```text
//! cargo run --release --example match_image -- INPUT REFERENCE OUTPUT
//! ```
//!
//! It needs no more of the crate than `default-features = false` gives.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Parser;
use gsthistomatch::color::ColorSpace;
use gsthistomatch::picture::match_picture;
use gsthistomatch::reference::Reference;
use image::codecs::bmp::BmpEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader};

/// The encoder's own default, 75, can be seen.
const JPEG_QUALITY: u8 = 95;

/// What the name of an output can end in.
const ENDINGS: &str = ".png, .tif, .webp, .jpg or .bmp";

/// Writes a picture with the histograms of a reference picture.
#[derive(Parser)]
struct Options {
    /// The picture to match
    input: PathBuf,
    /// The picture whose histograms it is given
    reference: PathBuf,
    /// The file to write; the name's ending gives the format: .png, .tif, .webp, .jpg or .bmp
    output: PathBuf,
    /// What is matched: rgb, ycbcr or luma (which leaves colours as they are)
    #[arg(long, value_name = "CHANNELS", default_value = "rgb", value_parser = parse_color_space)]
    colorspace: ColorSpace,
    /// How far levels go from what they are (0) to what they are matched to (1)
    #[arg(long, default_value = "1", value_parser = parse_strength)]
    strength: f64,
    /// Write over OUTPUT if it exists
    #[arg(long)]
    force: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let output = options.output.display();
    if options.output.exists() && !options.force {
        bail!("'{output}' exists; give another name, or --force to write over it");
    }
    let format = ImageFormat::from_path(&options.output).with_context(|| {
        format!("Can't tell the format of '{output}'; end its name in {ENDINGS}")
    })?;
    let reference = Reference::load(&options.reference).with_context(|| {
        format!("Can't use '{}' as the reference picture", options.reference.display())
    })?;
    let (mut picture, profile) = read_picture(&options.input)
        .with_context(|| format!("Can't read '{}'", options.input.display()))?;

    match_picture(&mut picture, &reference, options.colorspace, options.strength)?;

    // Written only when it is whole, so that nothing is left of a picture that can't be encoded.
    encode(&picture, profile, format)
        .and_then(|file| Ok(std::fs::write(&options.output, file)?))
        .with_context(|| format!("Can't write '{output}'"))
}

fn parse_color_space(text: &str) -> anyhow::Result<ColorSpace> {
    match text {
        "rgb" => Ok(ColorSpace::Rgb),
        "ycbcr" => Ok(ColorSpace::YCbCr),
        "luma" => Ok(ColorSpace::Luma),
        _ => bail!("it is none of rgb, ycbcr and luma"),
    }
}

fn parse_strength(text: &str) -> anyhow::Result<f64> {
    let strength: f64 = text.parse()?;
    if !(0. ..=1.).contains(&strength) {
        bail!("it is not between 0 and 1");
    }
    Ok(strength)
}

/// A picture as it is seen, upright, and its colour profile.
fn read_picture(path: &Path) -> anyhow::Result<(DynamicImage, Option<Vec<u8>>)> {
    let mut decoder = ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
    let (orientation, profile) = (decoder.orientation()?, decoder.icc_profile()?);
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok((picture, profile))
}

/// The content of a file with a picture.
fn encode(
    picture: &DynamicImage,
    profile: Option<Vec<u8>>,
    format: ImageFormat,
) -> anyhow::Result<Vec<u8>> {
    fn write(
        picture: &DynamicImage,
        profile: Option<Vec<u8>>,
        mut encoder: impl ImageEncoder,
    ) -> anyhow::Result<()> {
        if profile.is_some_and(|profile| encoder.set_icc_profile(profile).is_err()) {
            eprintln!("The colour profile is lost: this format has no place for it.");
        }
        Ok(picture.write_with_encoder(encoder)?)
    }
    let mut file = Cursor::new(Vec::new());
    match format {
        ImageFormat::Bmp => write(picture, profile, BmpEncoder::new(&mut file))?,
        ImageFormat::Jpeg => {
            write(picture, profile, JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY))?;
        }
        ImageFormat::Png => write(picture, profile, PngEncoder::new(&mut file))?,
        ImageFormat::Tiff => write(picture, profile, TiffEncoder::new(&mut file))?,
        ImageFormat::WebP => write(picture, profile, WebPEncoder::new_lossless(&mut file))?,
        _ => bail!("{format:?} is not written here; end the name in {ENDINGS}"),
    }
    Ok(file.into_inner())
}
