//! Pictures with a colour profile, in sRGB.

use anyhow::{Context, bail};
use image::{ColorType, DynamicImage, ImageBuffer};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// A picture in sRGB: the same colours, by samples of the same kind. `None` if the profile is one of
/// sRGB: then they are what they should be.
pub fn convert(picture: &DynamicImage, profile: &[u8]) -> anyhow::Result<Option<DynamicImage>> {
    let profile = ColorProfile::new_from_slice(profile)?;
    let color = picture.color();
    let (layout, samples) = match (profile.color_space, color.has_color(), color.has_alpha()) {
        (DataColorSpace::Rgb, _, false) => (Layout::Rgb, picture.to_rgb16().into_raw()),
        (DataColorSpace::Rgb, _, true) => (Layout::Rgba, picture.to_rgba16().into_raw()),
        (DataColorSpace::Gray, false, false) => (Layout::Gray, picture.to_luma16().into_raw()),
        (DataColorSpace::Gray, false, true) => {
            (Layout::GrayAlpha, picture.to_luma_alpha16().into_raw())
        }
        // It was decoded by its profile.
        (DataColorSpace::Cmyk, ..) => return Ok(None),
        (other, ..) => bail!("it is of the kind {other:?}"),
    };
    if is_srgb(&profile)? {
        return Ok(None);
    }
    let samples = transform(&profile, layout, &samples)?;
    let (width, height) = (picture.width(), picture.height());
    let converted = match color.has_alpha() {
        true => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgba16),
        false => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgb16),
    };
    of_kind(converted.context("it loses pixels")?, color).map(Some)
}

/// What samples of 16 bits are in sRGB: R', G', B' and, where there was one, alpha.
fn transform(profile: &ColorProfile, layout: Layout, samples: &[u16]) -> anyhow::Result<Vec<u16>> {
    let (n_channels, target, n_of_target) = match layout {
        Layout::Gray => (1, Layout::Rgb, 3),
        Layout::GrayAlpha => (2, Layout::Rgba, 4),
        Layout::Rgba => (4, Layout::Rgba, 4),
        _ => (3, Layout::Rgb, 3),
    };
    let srgb = ColorProfile::new_srgb();
    let transform =
        profile.create_transform_16bit(layout, &srgb, target, TransformOptions::default())?;
    let mut converted = vec![0; samples.len() / n_channels * n_of_target];
    transform.transform(samples, &mut converted)?;
    Ok(converted)
}

/// Whether a profile of R'G'B' moves no colour by more than one of 256 levels: there are many of sRGB,
/// and they differ by less.
fn is_srgb(profile: &ColorProfile) -> anyhow::Result<bool> {
    if profile.color_space != DataColorSpace::Rgb {
        return Ok(false);
    }
    let levels = || (0..=u16::MAX).step_by(usize::from(u16::MAX) / 15);
    let colors: Vec<u16> = levels()
        .flat_map(|r| levels().flat_map(move |g| levels().flat_map(move |b| [r, g, b])))
        .collect();
    let converted = transform(profile, Layout::Rgb, &colors)?;
    Ok(colors.iter().zip(&converted).all(|(a, b)| a.abs_diff(*b) <= u16::MAX / 255))
}

fn of_kind(picture: DynamicImage, color: ColorType) -> anyhow::Result<DynamicImage> {
    Ok(match color {
        ColorType::L8 => picture.into_luma8().into(),
        ColorType::La8 => picture.into_luma_alpha8().into(),
        ColorType::Rgb8 => picture.into_rgb8().into(),
        ColorType::Rgba8 => picture.into_rgba8().into(),
        ColorType::L16 => picture.into_luma16().into(),
        ColorType::La16 => picture.into_luma_alpha16().into(),
        ColorType::Rgb16 => picture.into_rgb16().into(),
        ColorType::Rgba16 => picture.into_rgba16().into(),
        other => bail!("the picture has {other:?} samples"),
    })
}
