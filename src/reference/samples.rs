//! From the samples of a file to R'G'B'.

use image::{DynamicImage, ImageBuffer, Luma, LumaA, Pixel, Rgb, Rgba};

use crate::frame::rows;

/// A picture of samples: grey, grey and alpha, R'G'B', or R'G'B' and alpha.
pub(super) fn picture<S>(width: usize, n_channels: usize, samples: Vec<S>) -> DynamicImage
where
    DynamicImage: From<ImageBuffer<Luma<S>, Vec<S>>>
        + From<ImageBuffer<LumaA<S>, Vec<S>>>
        + From<ImageBuffer<Rgb<S>, Vec<S>>>
        + From<ImageBuffer<Rgba<S>, Vec<S>>>,
    Luma<S>: Pixel<Subpixel = S>,
    LumaA<S>: Pixel<Subpixel = S>,
    Rgb<S>: Pixel<Subpixel = S>,
    Rgba<S>: Pixel<Subpixel = S>,
{
    fn of<P: Pixel>(width: usize, samples: Vec<P::Subpixel>) -> DynamicImage
    where
        DynamicImage: From<ImageBuffer<P, Vec<P::Subpixel>>>,
    {
        let height = samples.len() / width / usize::from(P::CHANNEL_COUNT);
        let picture = ImageBuffer::from_raw(width as u32, height as u32, samples);
        picture.expect("as many samples as pixels have").into()
    }
    match n_channels {
        1 => of::<Luma<S>>(width, samples),
        2 => of::<LumaA<S>>(width, samples),
        3 => of::<Rgb<S>>(width, samples),
        _ => of::<Rgba<S>>(width, samples),
    }
}

/// The samples in the byte order of this machine; `None` in floating point.
pub(crate) fn memory(picture: &mut DynamicImage) -> Option<&mut [u8]> {
    Some(match picture {
        DynamicImage::ImageLuma8(picture) => picture,
        DynamicImage::ImageLumaA8(picture) => picture,
        DynamicImage::ImageRgb8(picture) => picture,
        DynamicImage::ImageRgba8(picture) => picture,
        DynamicImage::ImageLuma16(picture) => bytemuck::cast_slice_mut(picture),
        DynamicImage::ImageLumaA16(picture) => bytemuck::cast_slice_mut(picture),
        DynamicImage::ImageRgb16(picture) => bytemuck::cast_slice_mut(picture),
        DynamicImage::ImageRgba16(picture) => bytemuck::cast_slice_mut(picture),
        _ => return None,
    })
}

/// Full-range Y'CbCr of BT.601 as R'G'B' (JFIF 1.02, "Conversion to and from RGB").
pub(super) fn ycbcr_to_rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let [y, cb, cr] = [f32::from(y), f32::from(cb) - 128., f32::from(cr) - 128.];
    [y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb]
        .map(|level| level.round() as u8)
}

/// The light that inks leave, of samples up to a largest one (as everybody does who has no profile).
pub(super) fn cmyk_to_rgb([c, m, y, k]: [u64; 4], largest: u64) -> [u64; 3] {
    [c, m, y].map(|ink| ((largest - ink) * (largest - k) + largest / 2) / largest)
}

/// A sample of 8 or 16 bits.
pub(super) trait Sample: rows::Sample {
    /// The largest sample.
    const LARGEST: u64 = (1 << <Self as rows::Sample>::BITS) - 1;

    /// A sample of other bits as one of these: 0 stays 0, and the largest becomes the largest.
    fn of(sample: u64, largest: u64) -> Self;

    /// The nearest sample to a signal; what is outside of 0 to 1 is clamped.
    fn of_signal(signal: f32) -> Self;
}

impl Sample for u8 {
    fn of(sample: u64, largest: u64) -> Self {
        scale(sample, largest, Self::MAX.into()) as Self
    }

    #[inline]
    fn of_signal(signal: f32) -> Self {
        (signal * f32::from(Self::MAX) + 0.5) as Self
    }
}

impl Sample for u16 {
    fn of(sample: u64, largest: u64) -> Self {
        scale(sample, largest, Self::MAX.into()) as Self
    }

    #[inline]
    fn of_signal(signal: f32) -> Self {
        (signal * f32::from(Self::MAX) + 0.5) as Self
    }
}

#[inline]
fn scale(sample: u64, largest: u64, to: u64) -> u64 {
    if largest == to { sample } else { (sample * to + largest / 2) / largest }
}
