//! PNG (ISO/IEC 15948): a list of chunks.

use super::{ReferenceError, too_costly};

/// The most chunks. The largest file in chunks of 8 KiB, which is usual, has 32,768. The decoder
/// takes time for each, and keeps each text.
const MAX_CHUNKS: u32 = 1 << 18;

pub(super) fn check(file: &[u8]) -> Result<(), ReferenceError> {
    // Behind the signature: length, name, data, checksum.
    let mut at = 8;
    for _ in 0..MAX_CHUNKS {
        let Some(length) = file.get(at..).and_then(|rest| rest.first_chunk()) else {
            return Ok(());
        };
        at += 12 + u32::from_be_bytes(*length) as usize;
    }
    too_costly(format!("the PNG has more than {MAX_CHUNKS} chunks"))
}
