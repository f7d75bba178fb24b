//! What a PNG says of its colours (ISO/IEC 15948, third edition): the coding of video counts before a
//! profile, that before sRGB, and that before chromaticities and gamma.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::{MAX_BYTES, Stated, too_large};

/// What sRGB's curve is as an exponent, in 100,000ths, and how far from it is still that curve, as
/// libpng has it: many programs say so where they mean sRGB.
const GAMMA_OF_SRGB: u32 = 45_455;
const TOLERANCE: f64 = 0.05;

/// What FFmpeg writes of pictures whose transfer is that of BT.601, BT.709 or BT.2020: in streams, these count
/// as sRGB's.
const GAMMA_OF_VIDEO: u32 = 50_994;

/// Chromaticities of red, green, blue and white: those of sRGB, in 100,000ths.
const CHROMATICITIES_OF_SRGB: [u32; 8] = [64000, 33000, 30000, 60000, 15000, 6000, 31270, 32900];

/// Those of BT.601, of 525 and of 625 lines, which count as BT.709's in streams.
const CHROMATICITIES_OF_BT601: [[u32; 8]; 2] = [
    [63000, 34000, 31000, 59500, 15500, 7000, 31270, 32900],
    [64000, 33000, 29000, 60000, 15000, 6000, 31270, 32900],
];

/// How far from them is still sRGB: many programs round.
const ROUNDING: u32 = 200;

/// What a file says. The chunks count that stand before the pixels.
pub(in super::super) fn stated(file: &[u8]) -> Stated {
    let chunk = |wanted: &[u8; 4]| {
        // Behind the signature: length, name, data, checksum.
        let mut rest = file.get(8..)?;
        loop {
            let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
            let name = rest.get(4..8)?;
            let data = &rest[8..];
            match name {
                b"IDAT" | b"IEND" => return None,
                _ if name == wanted => return Some(&data[..length.min(data.len())]),
                _ => rest = data.get(length.checked_add(4)?..)?,
            }
        }
    };
    if let Some(&[primaries, transfer, ..]) = chunk(b"cICP") {
        return Stated::Coded { primaries, transfer };
    }
    if let Some(data) = chunk(b"iCCP") {
        return profile(data);
    }
    if chunk(b"sRGB").is_some() {
        return Stated::Srgb;
    }
    let numbers = |data: &[u8]| -> Vec<u32> {
        data.as_chunks().0.iter().map(|&bytes| u32::from_be_bytes(bytes)).collect()
    };
    let gamma = chunk(b"gAMA").and_then(|data| numbers(data).first().copied());
    let is_of_video = gamma.is_some_and(|gamma| gamma.abs_diff(GAMMA_OF_VIDEO) <= 1);
    let is_srgb = |gamma: u32| {
        is_of_video || (f64::from(gamma) / f64::from(GAMMA_OF_SRGB) - 1.).abs() <= TOLERANCE
    };
    let exponent =
        gamma.filter(|&gamma| gamma > 0 && !is_srgb(gamma)).map(|gamma| 1e5 / gamma as f32);
    let measured = chunk(b"cHRM").and_then(|data| {
        // White comes first.
        let [wx, wy, rx, ry, gx, gy, bx, by] = numbers(data)[..].try_into().ok()?;
        Some([rx, ry, gx, gy, bx, by, wx, wy])
    });
    let are = |measured: &[u32; 8], others: [u32; 8]| {
        measured.iter().zip(others).all(|(a, b)| a.abs_diff(b) <= ROUNDING)
    };
    let chromaticities = measured.filter(|measured| {
        let is_bt601 = || CHROMATICITIES_OF_BT601.iter().any(|&others| are(measured, others));
        let is_srgb = are(measured, CHROMATICITIES_OF_SRGB) || is_of_video && is_bt601();
        !is_srgb
    });
    match (chromaticities, exponent) {
        (None, None) => Stated::Srgb,
        (chromaticities, exponent) => {
            let numbers = chromaticities.unwrap_or(CHROMATICITIES_OF_SRGB).map(|n| n as f32 / 1e5);
            let [rx, ry, gx, gy, bx, by, wx, wy] = numbers;
            Stated::Measured { chromaticities: [[rx, ry], [gx, gy], [bx, by], [wx, wy]], exponent }
        }
    }
}

/// The profile of a chunk: its name, a zero, how it is compressed, and that.
fn profile(chunk: &[u8]) -> Stated {
    let compressed = chunk.iter().position(|&byte| byte == 0).and_then(|end| chunk.get(end + 2..));
    let mut profile = Vec::new();
    let mut decoder = ZlibDecoder::new(compressed.unwrap_or_default()).take(MAX_BYTES as u64 + 1);
    match decoder.read_to_end(&mut profile) {
        Ok(n) if n > MAX_BYTES => too_large(),
        Ok(_) => Stated::profile(&profile),
        Err(_) => Stated::Unusable("it can't be decompressed".into()),
    }
}
