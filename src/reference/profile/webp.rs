//! What a WebP says of its colours (RFC 9649): a profile, or nothing.

use super::super::checks::u32_le;
use super::Stated;

/// In the flags of the header.
const HAS_PROFILE: u8 = 0x20;

/// What a file says. The profile stands behind the header, before the picture.
pub(in super::super) fn stated(file: &[u8]) -> Stated {
    let has_profile = file.get(12..16) == Some(b"VP8X")
        && file.get(20).is_some_and(|flags| flags & HAS_PROFILE != 0);
    let Some(size) = u32_le(file, 16).filter(|_| has_profile) else { return Stated::Srgb };
    let at = (size as usize).next_multiple_of(2).saturating_add(20);
    match (file.get(at..at.saturating_add(4)), u32_le(file, at.saturating_add(4))) {
        (Some(b"ICCP"), Some(size)) => {
            let content = &file[at + 8..];
            Stated::profile(&content[..content.len().min(size as usize)])
        }
        _ => Stated::Unusable("it is missing".into()),
    }
}
