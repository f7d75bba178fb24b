//! Snapshots as PNG files (ISO/IEC 15948, third edition).

use std::io::{self, Write};

use crate::colorimetry::{Colorimetry, Primaries, Transfer};

/// The numbers of ITU-T H.273 for R'G'B' in full range, where it isn't sRGB: those of PQ and HLG.
fn cicp(Colorimetry { primaries, transfer }: Colorimetry) -> Option<[u8; 4]> {
    let transfer = match transfer {
        Transfer::Sdr | Transfer::Power(_) => return None,
        Transfer::Pq => 16,
        Transfer::Hlg => 18,
    };
    let primaries = match primaries {
        Primaries::Bt709 => 1,
        Primaries::Bt2020 => 9,
        Primaries::P3 => 12,
    };
    let (identity, full_range) = (0, 1);
    Some([primaries, transfer, identity, full_range])
}

/// Writes R'G'B' in 16 bits, row by row: sRGB, PQ or HLG.
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
    let cicp = cicp(colorimetry);
    if cicp.is_none() {
        encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    }
    let mut writer = encoder.write_header()?;
    if let Some(cicp) = cicp {
        writer.write_chunk(png::chunk::cICP, &cicp)?;
    }
    let bytes: Vec<u8> = colors.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    writer.write_image_data(&bytes)?;
    Ok(writer.finish()?)
}
