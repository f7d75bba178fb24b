//! JPEG (ITU-T T.81): a list of segments, and coded data behind each scan's header.

use super::{ReferenceError, check_size, too_costly, u16_be};

/// The most blocks of 8 x 8 samples that all scans together go over: a baseline picture of 2^27
/// pixels and three full components has 6 million, a progressive one of 2^26 with half the
/// resolution of colour and ten scans 8 million.
const MAX_BLOCKS: u64 = 9 << 20;

/// The most pixels of a progressive picture, whose coefficients are all in memory: 2^26.
const MAX_PROGRESSIVE_PIXELS: u64 = 1 << 26;

/// The most bytes: 96 MiB. A picture of the most pixels at a quality of 95 has 84 MB.
const MAX_BYTES: u64 = 96 << 20;

const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;

/// What the headers up to the end of the image say.
#[derive(Default)]
pub(super) struct Headers {
    pub width: u16,
    pub height: u16,
    pub is_progressive: bool,
    /// How many blocks are gone over.
    pub blocks: u64,
    pub scans: u32,
    pub frames: u32,
    pub has_end: bool,
}

pub(super) fn check(file: &[u8]) -> Result<(), ReferenceError> {
    let headers = headers(file);
    check_headers(&headers)?;
    let (width, height) = (headers.width, headers.height);
    let pixels = u64::from(width) * u64::from(height);
    if headers.is_progressive && pixels > MAX_PROGRESSIVE_PIXELS {
        return too_costly(format!(
            "{width} x {height} pixels are more than the limit for a progressive JPEG, {} million",
            MAX_PROGRESSIVE_PIXELS / 1_000_000
        ));
    }
    check_work(headers.blocks, headers.scans, file.len() as u64)
}

/// Refuses what these checks would otherwise take for another picture than the decoder does, and
/// too many pixels.
pub(super) fn check_headers(headers: &Headers) -> Result<(), ReferenceError> {
    if headers.frames > 1 {
        return Err(ReferenceError::Unsupported("a JPEG of several frames".into()));
    }
    check_size(headers.width.into(), headers.height.into())
}

/// Refuses too many blocks or bytes. The decoder doesn't look at the budget, so there is no other
/// end to what it does.
pub(super) fn check_work(blocks: u64, scans: u32, bytes: u64) -> Result<(), ReferenceError> {
    if bytes > MAX_BYTES {
        let (size, limit) = (bytes >> 20, MAX_BYTES >> 20);
        return too_costly(format!("{size} MiB are more than the limit for JPEG, {limit} MiB"));
    }
    if blocks > MAX_BLOCKS {
        return too_costly(format!(
            "the {scans} scans of the JPEG go over {} million blocks of 8 x 8 samples, more than \
             the limit of {} million",
            blocks / 1_000_000,
            MAX_BLOCKS / 1_000_000
        ));
    }
    Ok(())
}

/// Whether it reaches its end-of-image marker (B.1.1). Decoders take a file that was cut off in the
/// middle for a whole one, with grey where the data is missing.
pub fn has_end(file: &[u8]) -> bool {
    headers(file).has_end
}

/// A component of the frame: its number, and its blocks.
struct Component {
    id: u8,
    blocks: u64,
}

pub(super) fn headers(file: &[u8]) -> Headers {
    let mut headers = Headers::default();
    let mut components = Vec::new();
    let mut at = 2;
    loop {
        // The next marker: in front of it may stand fill bytes or, after a scan header, coded data,
        // in which FF 00 is a byte and FF D0 to FF D7 are restart markers.
        let Some(found) = file.get(at..).and_then(|rest| {
            rest.windows(2)
                .position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF))
        }) else {
            return headers;
        };
        at += found + 2;
        let marker = file[at - 1];
        if marker == END_OF_IMAGE {
            headers.has_end = true;
            return headers;
        }
        // Every other marker begins a segment that carries its own length.
        let Some(length) = u16_be(file, at).map(usize::from) else { return headers };
        let segment = file.get(at..).unwrap_or_default();
        let segment = &segment[..segment.len().min(length)];
        match marker {
            // A frame; C4, C8 and CC are other segments.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                headers.frames += 1;
                if let Some(found) = frame(segment, &mut headers) {
                    headers.is_progressive |= matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE);
                    components = found;
                }
            }
            START_OF_SCAN => {
                headers.scans += 1;
                let n = usize::from(*segment.get(2).unwrap_or(&0));
                let ids = segment.get(3..).unwrap_or_default().chunks_exact(2).take(n);
                for id in ids.map(|entry| entry[0]) {
                    // Numbers may be wrong or there twice; then it is not less than this.
                    let of_id =
                        components.iter().filter(|component: &&Component| component.id == id);
                    let largest = components.iter().map(|component| component.blocks).max();
                    let blocks = of_id.map(|component| component.blocks).max().or(largest);
                    headers.blocks += blocks.unwrap_or_default();
                }
            }
            _ => {}
        }
        at += length;
    }
}

/// Reads a frame's header (B.2.2).
fn frame(segment: &[u8], headers: &mut Headers) -> Option<Vec<Component>> {
    (headers.height, headers.width) = (u16_be(segment, 3)?, u16_be(segment, 5)?);
    let n = usize::from(*segment.get(7)?);
    let entries: Vec<[u8; 3]> = segment[8..].as_chunks().0.iter().take(n).copied().collect();
    let factors = |sampling: u8| (u64::from(sampling >> 4).max(1), u64::from(sampling & 15).max(1));
    let h_max = entries.iter().map(|entry| factors(entry[1]).0).max()?;
    let v_max = entries.iter().map(|entry| factors(entry[1]).1).max()?;
    // Blocks come in whole units of all components.
    let units = u64::from(headers.width).div_ceil(8 * h_max)
        * u64::from(headers.height).div_ceil(8 * v_max);
    let component = |entry: [u8; 3]| {
        let (h, v) = factors(entry[1]);
        Component { id: entry[0], blocks: units * h * v }
    };
    Some(entries.into_iter().map(component).collect())
}
