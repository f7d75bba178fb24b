//! BMP: the kinds that the crate `image` reads otherwise than other programs.

use image::{DynamicImage, ImageFormat};

use super::ReferenceError;
use super::checks::{check_size, u32_le};
use super::decoded::{Decoded, decode_with_image};
use super::meter::Budget;
use super::profile::Stated;
use super::samples::picture;

/// Bytes of the headers of OS/2 2.x and of Windows, which begin in the same way.
const SIZE_OF_OS2: u32 = 64;
const SIZE_OF_INFO: u32 = 40;
const SIZE_OF_FIFTH: u32 = 124;

/// Decodes a file.
pub(super) fn decode(file: &[u8], budget: &Budget) -> Result<Decoded, ReferenceError> {
    let size = u32_le(file, 14).unwrap_or(0);
    let compression = u32_le(file, 30).unwrap_or(0);
    if size >= SIZE_OF_INFO && matches!(compression, 1 | 2) {
        let picture = decode_runs(file, size as usize)?;
        return Ok(Decoded { picture, damage: None, colors: stated(file, size) });
    }
    let decoded = if size == SIZE_OF_OS2 {
        if compression != 0 {
            return Err(ReferenceError::Unsupported("a compressed BMP of OS/2".into()));
        }
        decode_with_image(&with_info(file), ImageFormat::Bmp, budget)?
    } else {
        decode_with_image(file, ImageFormat::Bmp, budget)?
    };
    let picture = match decoded.picture {
        // Programs that say there is alpha, but write none.
        DynamicImage::ImageRgba8(picture) if picture.pixels().all(|pixel| pixel[3] == 0) => {
            DynamicImage::from(picture).into_rgb8().into()
        }
        picture => picture,
    };
    Ok(Decoded { picture, damage: None, colors: stated(file, size) })
}

/// What a file says of its colours: from its fifth version on, it can have a profile.
fn stated(file: &[u8], size: u32) -> Stated {
    let space = file.get(70..74).filter(|_| size >= SIZE_OF_FIFTH);
    match (space, u32_le(file, 126), u32_le(file, 130)) {
        // "MBED", as a number.
        (Some(b"DEBM"), Some(at), Some(size)) => {
            // From the header on.
            let profile = file.get(14..).and_then(|rest| rest.get(at as usize..));
            let profile = profile.unwrap_or_default();
            Stated::profile(&profile[..profile.len().min(size as usize)])
        }
        (Some(b"KNIL"), ..) => {
            Stated::Unusable("it is in another file, and only the picture is read".into())
        }
        _ => Stated::Srgb,
    }
}

/// A file of OS/2 2.x with a header of Windows.
fn with_info(file: &[u8]) -> Vec<u8> {
    let less = SIZE_OF_OS2 - SIZE_OF_INFO;
    let offset = u32_le(file, 10).unwrap_or(0).saturating_sub(less).to_le_bytes();
    let (info, rest) = (file.get(18..54).unwrap_or_default(), file.get(78..).unwrap_or_default());
    [&file[..10], &offset, &SIZE_OF_INFO.to_le_bytes(), info, rest].concat()
}

/// Decodes runs of colours of a palette, in 4 or 8 bits. Pixels that are left out have its first
/// one, and what passes the end of a row is dropped.
fn decode_runs(file: &[u8], size_of_header: usize) -> Result<DynamicImage, ReferenceError> {
    let damaged = |what: &str| ReferenceError::Damaged(format!("the BMP {what}"));
    let number = |at| u32_le(file, at).ok_or_else(|| damaged("ends in its header"));
    let (width, height) = (number(18)?, number(22)?);
    let (offset, bits, n_colors) = (number(10)? as usize, number(28)? & 0xFFFF, number(46)?);
    if width == 0 || height == 0 {
        return Err(ReferenceError::NoPixels);
    }
    check_size(width, height)?;
    if !matches!((number(30)?, bits), (1, 8) | (2, 4)) {
        return Err(damaged("has runs of other than 4 or 8 bits"));
    }
    let palette = file.get(14 + size_of_header..).unwrap_or_default();
    let n_colors = if n_colors == 0 { 1 << bits } else { n_colors.min(1 << bits) as usize };
    let palette = &palette.as_chunks::<4>().0;
    let palette = palette.get(..n_colors).ok_or_else(|| damaged("ends in its palette"))?;

    let (width, height) = (width as usize, height as usize);
    let mut places = vec![0; width * height];
    // From the lowest row upwards.
    let (mut x, mut y) = (0, 0);
    let mut put = |x: usize, y: usize, place: u8| {
        if x < width && y < height {
            places[(height - 1 - y) * width + x] = place;
        }
    };
    let nibble = |byte: u8, i: usize| if i.is_multiple_of(2) { byte >> 4 } else { byte & 15 };
    let mut rest = file.get(offset..).unwrap_or_default();
    loop {
        let Some((&[count, value], tail)) = rest.split_first_chunk() else {
            // The mark of the end is left out by some.
            if y >= height || (y == height - 1 && x >= width) {
                break;
            }
            return Err(damaged("ends early"));
        };
        rest = tail;
        match (count, value) {
            (0, 0) => (x, y) = (0, y + 1),
            (0, 1) => break,
            (0, 2) => {
                let (&[right, up], tail) =
                    rest.split_first_chunk().ok_or_else(|| damaged("ends early"))?;
                rest = tail;
                (x, y) = (x + usize::from(right), y + usize::from(up));
            }
            (0, n) => {
                let n = usize::from(n);
                let n_bytes = if bits == 4 { n.div_ceil(2) } else { n };
                let (bytes, tail) =
                    rest.split_at_checked(n_bytes).ok_or_else(|| damaged("ends early"))?;
                // To an even number of bytes.
                rest = tail.get(n_bytes % 2..).unwrap_or_default();
                for i in 0..n {
                    put(x + i, y, if bits == 4 { nibble(bytes[i / 2], i) } else { bytes[i] });
                }
                x += n;
            }
            (n, value) => {
                let n = usize::from(n);
                for i in 0..n {
                    put(x + i, y, if bits == 4 { nibble(value, i) } else { value });
                }
                x += n;
            }
        }
    }
    let color =
        |place: u8| palette.get(usize::from(place)).map_or([0; 3], |&[b, g, r, _]| [r, g, b]);
    Ok(picture(width, 3, places.into_iter().flat_map(color).collect()))
}
