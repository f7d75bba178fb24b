//! TIFF 6.0: a directory of tags; the picture in strips or tiles.

use super::{ReferenceError, check_size, jpeg, too_costly};
use crate::reference::MAX_PIXELS;

/// The most strips and tiles: 64 x 64 pixels each, if it is a picture of the most pixels and more.
/// The decoder begins anew with each.
const MAX_CHUNKS: usize = 1 << 16;

/// The most that a picture may take, in bytes: a picture of the most pixels in 8 bits, with alpha.
/// The decoder has it in memory twice.
const MAX_BYTES: u64 = MAX_PIXELS * 4;

/// The most pixels of a JPEG inside, which is in memory a third time.
const MAX_JPEG_PIXELS: u64 = MAX_PIXELS / 4;

/// The longest values of a tag that are read, in bytes. Every strip and tile has 8 or 4.
const MAX_VALUES: u64 = 1 << 20;

struct Tiff<'a> {
    file: &'a [u8],
    is_big_endian: bool,
}

struct Entry {
    tag: u16,
    kind: u16,
    count: u32,
    /// Where the values are.
    at: usize,
}

impl Tiff<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.file.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.file.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn entry(&self, at: usize) -> Option<Entry> {
        let (tag, kind, count) = (self.u16(at)?, self.u16(at + 2)?, self.u32(at + 4)?);
        let is_inside = u64::from(count) * u64::from(size_of_kind(kind)) <= 4;
        let at = if is_inside { at + 8 } else { self.u32(at + 8)? as usize };
        Some(Entry { tag, kind, count, at })
    }

    /// The first values of a tag.
    fn values(&self, entry: &Entry, n: usize) -> Vec<u64> {
        let value = |i: usize| match entry.kind {
            1 => self.file.get(entry.at + i).copied().map(u64::from),
            3 => self.u16(entry.at + 2 * i).map(u64::from),
            _ => self.u32(entry.at + 4 * i).map(u64::from),
        };
        (0..n.min(entry.count as usize)).map_while(value).collect()
    }
}

fn size_of_kind(kind: u16) -> u32 {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 1,
    }
}

pub(super) fn check(file: &[u8]) -> Result<(), ReferenceError> {
    let tiff = Tiff { file, is_big_endian: file.starts_with(b"MM") };
    let Some(directory) = tiff.u32(4).map(|at| at as usize) else { return Ok(()) };
    let Some(n_entries) = tiff.u16(directory).map(usize::from) else { return Ok(()) };
    let entries: Vec<Entry> = (0..n_entries)
        .map_while(|n| tiff.entry(directory + 2 + n * 12))
        // The decoder skips what it doesn't know.
        .filter(|entry| matches!(entry.kind, 1..=13 | 16..=18))
        .collect();
    // Of two, the decoder takes the last.
    let find = |tag: u16| entries.iter().rfind(|entry| entry.tag == tag);
    let number = |tag: u16| find(tag).and_then(|entry| tiff.values(entry, 1).first().copied());

    for entry in &entries {
        let length = u64::from(entry.count) * u64::from(size_of_kind(entry.kind));
        if is_read(entry.tag) && length > MAX_VALUES {
            let tag = entry.tag;
            return too_costly(format!("the TIFF has {length} bytes of values for its tag {tag}"));
        }
        // Numbers are read in these alone here; the tables of a JPEG are no numbers.
        if is_read(entry.tag) && entry.tag != 347 && !matches!(entry.kind, 1 | 3 | 4) {
            let tag = entry.tag;
            return Err(ReferenceError::Damaged(format!("the TIFF's tag {tag} is no number")));
        }
    }
    let (Some(width), Some(height)) = (number(256), number(257)) else { return Ok(()) };
    // None is larger than 32 bits.
    check_size(width as u32, height as u32)?;
    let n_samples = number(277).unwrap_or(1);
    let bytes_of = |pixels: u64| {
        let bits = number(258).unwrap_or(1).saturating_mul(n_samples);
        pixels.saturating_mul(bits) / 8
    };
    if bytes_of(width * height) > MAX_BYTES {
        return too_costly(format!(
            "the picture takes {} MiB, more than the limit for a TIFF of {}",
            bytes_of(width * height) >> 20,
            MAX_BYTES >> 20
        ));
    }

    // Strips are as wide as the picture, and what is below it isn't read; tiles are read in their
    // whole width.
    let (chunk_width, chunk_height) = match (number(322), number(323)) {
        (Some(tile_width), Some(tile_height)) => (tile_width, tile_height),
        _ => (width, number(278).unwrap_or(height)),
    };
    let padded = width.div_ceil(chunk_width.max(1)).saturating_mul(chunk_width);
    let pixels = padded.saturating_mul(height);
    if pixels > MAX_PIXELS || bytes_of(pixels) > 2 * MAX_BYTES {
        return too_costly(format!(
            "the TIFF has tiles of {chunk_width} x {chunk_height} pixels for a picture of {width} x \
             {height}"
        ));
    }
    let offsets = find(324).or(find(273)).map(|entry| tiff.values(entry, usize::MAX));
    let lengths = find(325).or(find(279)).map(|entry| tiff.values(entry, usize::MAX));
    let (Some(offsets), Some(lengths)) = (offsets, lengths) else { return Ok(()) };
    if offsets.len() > MAX_CHUNKS {
        let n = offsets.len();
        return too_costly(format!("the TIFF is in {n} pieces, more than {MAX_CHUNKS}"));
    }
    if lengths.iter().sum::<u64>() > 2 * file.len() as u64 {
        return too_costly("the pieces of the TIFF share their data".into());
    }
    if number(259) == Some(7) {
        check_jpegs(file, offsets.iter().zip(&lengths), chunk_width, chunk_height.min(height))?;
    }
    Ok(())
}

/// Whether the decoder reads a tag of that number. It looks up no other.
fn is_read(tag: u16) -> bool {
    matches!(tag, 256..=259 | 262 | 273 | 277..=279 | 284 | 317 | 322..=325 | 338 | 339 | 347 | 530)
}

/// Each piece is a JPEG, whose header has a size of its own.
fn check_jpegs<'a>(
    file: &[u8],
    pieces: impl Iterator<Item = (&'a u64, &'a u64)>,
    width: u64,
    height: u64,
) -> Result<(), ReferenceError> {
    let (mut blocks, mut scans, mut bytes) = (0, 0, 0);
    for (&offset, &length) in pieces {
        let rest = file.get(offset as usize..).unwrap_or_default();
        let piece = &rest[..rest.len().min(length as usize)];
        let headers = jpeg::headers(piece);
        let (own_width, own_height) = (u64::from(headers.width), u64::from(headers.height));
        // Up to a whole unit of blocks.
        if own_width > width.next_multiple_of(32) || own_height > height.next_multiple_of(32) {
            return too_costly(format!(
                "the TIFF holds a JPEG of {own_width} x {own_height} pixels in a piece of {width} \
                 x {height}"
            ));
        }
        jpeg::check_headers(&headers)?;
        if own_width * own_height > MAX_JPEG_PIXELS {
            return too_costly(format!(
                "the TIFF holds a JPEG of more than {} million pixels",
                MAX_JPEG_PIXELS / 1_000_000
            ));
        }
        if headers.is_progressive {
            return Err(ReferenceError::Unsupported("a progressive JPEG inside a TIFF".into()));
        }
        blocks += headers.blocks;
        scans += headers.scans;
        bytes += length;
    }
    jpeg::check_work(blocks, scans, bytes)
}
