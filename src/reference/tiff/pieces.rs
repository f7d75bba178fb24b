//! The strips and tiles of a TIFF, decompressed.

use std::convert::Infallible;
use std::io::Read;

use fax::Color;
use fax::decoder::{self, DecodeStatus, Group3Decoder, Group4Decoder};

use super::super::ReferenceError;
use super::super::meter::Budget;

/// How pieces are compressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Group3,
    Group4,
    Jpeg,
}

impl Compression {
    pub fn read(number: u64) -> Result<Self, ReferenceError> {
        let name = match number {
            1 => return Ok(Self::None),
            3 => return Ok(Self::Group3),
            4 => return Ok(Self::Group4),
            5 => return Ok(Self::Lzw),
            7 => return Ok(Self::Jpeg),
            8 | 32946 => return Ok(Self::Deflate),
            32773 => return Ok(Self::PackBits),
            2 => "CCITT Huffman compression",
            6 => "JPEG compression of the old kind",
            34661 => "JBIG compression",
            34712 | 33003 | 33004 | 33005 => "JPEG 2000 compression",
            34887 => "LERC compression",
            34892 => "the lossy JPEG compression of DNG",
            34925 => "LZMA compression",
            34933 => "PNG compression",
            50000 => "Zstandard compression",
            50001 => "WebP compression",
            50002 | 52546 => "JPEG XL compression",
            _ => {
                let what = format!("a TIFF with the compression {number}");
                return Err(ReferenceError::Unsupported(what));
            }
        };
        Err(ReferenceError::Unsupported(format!("a TIFF with {name}")))
    }
}

/// What is decompressed between two looks at the budget, in bytes.
const BETWEEN_LOOKS: usize = 1 << 20;

/// Decompresses a piece: rows of some bytes. For fax, of black and white pixels, as many as their
/// width; not for JPEG.
pub(super) fn decompress(
    compression: Compression,
    piece: &[u8],
    n_rows: usize,
    n_bytes: usize,
    width: usize,
    budget: &Budget,
) -> Result<Vec<u8>, ReferenceError> {
    let mut bytes = vec![0; n_rows * n_bytes];
    let mut rest = piece;
    match compression {
        Compression::None => {
            let there = piece.get(..bytes.len()).ok_or_else(too_short)?;
            bytes.copy_from_slice(there);
        }
        Compression::Deflate => {
            let mut zlib = flate2::bufread::ZlibDecoder::new(piece);
            for bytes in bytes.chunks_mut(BETWEEN_LOOKS) {
                budget.check()?;
                zlib.read_exact(bytes).map_err(|_| too_short())?;
            }
        }
        Compression::Lzw => {
            let mut lzw = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
            for mut bytes in bytes.chunks_mut(BETWEEN_LOOKS) {
                budget.check()?;
                while !bytes.is_empty() {
                    let done = lzw.decode_bytes(rest, bytes);
                    rest = &rest[done.consumed_in..];
                    bytes = &mut bytes[done.consumed_out..];
                    if done.status.is_err() || done.consumed_in + done.consumed_out == 0 {
                        return Err(too_short());
                    }
                }
            }
        }
        Compression::PackBits => {
            let mut at = 0;
            while at < bytes.len() {
                let [count, tail @ ..] = rest else { return Err(too_short()) };
                rest = tail;
                let is_run = *count > 128;
                let n = if is_run { 257 - usize::from(*count) } else { usize::from(*count) + 1 };
                if *count == 128 {
                    continue;
                }
                let (from, tail) =
                    rest.split_at_checked(if is_run { 1 } else { n }).ok_or_else(too_short)?;
                rest = tail;
                let to = &mut bytes[at..];
                let n = n.min(to.len());
                match is_run {
                    true => to[..n].fill(from[0]),
                    false => to[..n].copy_from_slice(&from[..n]),
                }
                at += n;
            }
        }
        Compression::Group3 | Compression::Group4 => {
            let width = u16::try_from(width).map_err(|_| {
                ReferenceError::Unsupported("a TIFF of fax that is wider than 65535".into())
            })?;
            let mut rows = bytes.chunks_exact_mut(n_bytes);
            fax(compression, piece, width, |changes| {
                budget.check()?;
                if let Some(row) = rows.next() {
                    // White is 0.
                    for (at, color) in decoder::pels(changes, width).enumerate() {
                        row[at / 8] |= u8::from(color == Color::Black) << (7 - at % 8);
                    }
                }
                Ok(rows.len() > 0)
            })?;
            if rows.len() > 0 {
                return Err(too_short());
            }
        }
        Compression::Jpeg => unreachable!("has samples, not bytes"),
    }
    Ok(bytes)
}

/// Reads rows of fax while they are wanted: where each changes its colour.
fn fax(
    compression: Compression,
    piece: &[u8],
    width: u16,
    mut row: impl FnMut(&[u16]) -> Result<bool, ReferenceError>,
) -> Result<(), ReferenceError> {
    let bytes = piece.iter().map(|&byte| Ok::<_, Infallible>(byte));
    if compression == Compression::Group4 {
        let Ok(mut decoder) = Group4Decoder::new(bytes, width);
        while let Ok(DecodeStatus::Incomplete) = decoder.advance() {
            if !row(decoder.transition())? {
                break;
            }
        }
    } else {
        // The decoder wants an end of the last row, too.
        let end = [0, 1].map(Ok);
        let mut decoder = Group3Decoder::new(bytes.chain(end)).map_err(|_| too_short())?;
        while decoder.advance().is_ok() && row(decoder.transitions())? {}
    }
    Ok(())
}

fn too_short() -> ReferenceError {
    ReferenceError::Damaged("a strip or tile of the TIFF ends early or can't be read".into())
}
