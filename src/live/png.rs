//! Snapshots as PNG files (ISO/IEC 15948, third edition).

use std::io::{self, Write};

use png::{ScaledFloat, SourceChromaticities, SrgbRenderingIntent};

use crate::colorimetry::{Colorimetry, D65, Primaries, Transfer};

/// Writes R'G'B' in 16 bits, row by row. What isn't sRGB is told by the numbers of ITU-T H.273, if it has some.
pub(super) fn write(
    to: &mut dyn Write,
    columns: usize,
    colors: &[u16],
    colorimetry: Colorimetry,
) -> io::Result<()> {
    let rows = colors.len() / 3 / columns;
    let mut encoder = png::Encoder::new(to, columns as u32, rows as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Sixteen);
    let codes = colorimetry.codes().filter(|_| colorimetry != Colorimetry::SRGB);
    if codes.is_none() {
        encoder.set_source_srgb(SrgbRenderingIntent::Perceptual);
    } else if let Some(gamma) = gamma(colorimetry.transfer) {
        // For programs that don't know `cICP`.
        encoder.set_source_gamma(gamma);
        encoder.set_source_chromaticities(chromaticities(colorimetry.primaries));
    }
    let mut writer = encoder.write_header()?;
    if let Some([primaries, transfer]) = codes {
        let (identity, full_range) = (0, 1);
        let coding = [primaries, transfer, identity, full_range];
        writer.write_chunk(png::chunk::cICP, &coding)?;
    }
    let bytes: Vec<u8> = colors.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    writer.write_image_data(&bytes)?;
    Ok(writer.finish()?)
}

/// Which power of light a signal is, if it is next to one.
fn gamma(transfer: Transfer) -> Option<ScaledFloat> {
    match transfer {
        Transfer::Sdr => Some(scaled(1. / 2.2)),
        Transfer::Power(exponent) => Some(scaled(1. / exponent)),
        Transfer::Pq | Transfer::Hlg => None,
    }
}

fn chromaticities(primaries: Primaries) -> SourceChromaticities {
    let pair = |[x, y]: [f64; 2]| (scaled(x), scaled(y));
    let [red, green, blue] = primaries.chromaticities().map(pair);
    SourceChromaticities { white: pair(D65), red, green, blue }
}

/// The number of 100,000ths that is nearest.
fn scaled(value: f64) -> ScaledFloat {
    ScaledFloat::from_scaled((value * 1e5).round() as u32)
}
