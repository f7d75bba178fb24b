//! The directory of a TIFF or BigTIFF: its tags and their values.

use super::super::ReferenceError;
use super::super::checks::too_costly;

/// The longest values of a tag that are read, in bytes. Every strip and tile has 8 or 4.
const MAX_VALUES: u64 = 1 << 20;

pub(super) struct Directory<'a> {
    file: &'a [u8],
    is_big_endian: bool,
    entries: Vec<Entry>,
}

struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// Where the values are.
    at: u64,
}

impl<'a> Directory<'a> {
    /// The first directory of a file. `None` if it ends before that.
    pub fn read(file: &'a [u8]) -> Option<Self> {
        let mut directory =
            Self { file, is_big_endian: file.starts_with(b"MM"), entries: Vec::new() };
        // Offsets have 8 bytes in a BigTIFF, and otherwise 4.
        let is_large = directory.number(2, 2)? == 43;
        let (at, size) = if is_large { (8, 8) } else { (4, 4) };
        let start = directory.number(at, size)?;
        let size_of_count = if is_large { 8 } else { 2 };
        let n_entries = directory.number(start, size_of_count)?.min(1 << 16);
        let first = start.checked_add(size_of_count)?;
        for at in (0..n_entries).map(|n| first + n * (4 + 2 * size)) {
            let (tag, kind) =
                (directory.number(at, 2)? as u16, directory.number(at + 2, 2)? as u16);
            let count = directory.number(at + 4, size)?;
            let is_inside = count.saturating_mul(size_of_kind(kind)) <= size;
            let at = at + 4 + size;
            let at = if is_inside { at } else { directory.number(at, size)? };
            directory.entries.push(Entry { tag, kind, count, at });
        }
        Some(directory)
    }

    pub fn is_big_endian(&self) -> bool {
        self.is_big_endian
    }

    fn bytes(&self, at: u64, size: u64) -> Option<&'a [u8]> {
        let at = usize::try_from(at).ok()?;
        self.file.get(at..at.checked_add(size as usize)?)
    }

    fn number(&self, at: u64, size: u64) -> Option<u64> {
        let bytes = self.bytes(at, size)?.iter();
        let append = |number, &byte| number << 8 | u64::from(byte);
        Some(match self.is_big_endian {
            true => bytes.fold(0, append),
            false => bytes.rev().fold(0, append),
        })
    }

    /// The values of a tag, if it is there: whole numbers without sign.
    pub fn values(&self, tag: u16) -> Result<Option<Vec<u64>>, ReferenceError> {
        // Of two, the last counts.
        let Some(entry) = self.entries.iter().rfind(|entry| entry.tag == tag) else {
            return Ok(None);
        };
        let size = size_of_kind(entry.kind);
        let length = entry.count.saturating_mul(size);
        if length > MAX_VALUES {
            return too_costly(format!("the TIFF has {length} bytes of values for its tag {tag}"));
        }
        if !matches!(entry.kind, 1 | 3 | 4 | 7 | 13 | 16 | 18) {
            return Err(ReferenceError::Damaged(format!("the TIFF's tag {tag} is no number")));
        }
        let value = |i| self.number(entry.at.checked_add(i * size)?, size);
        let values: Option<Vec<_>> = (0..entry.count).map(value).collect();
        match values {
            Some(values) if !values.is_empty() => Ok(Some(values)),
            _ => Err(ReferenceError::Damaged(format!("the TIFF's tag {tag} has no values"))),
        }
    }

    /// The first value of a tag, or what holds if it isn't there.
    pub fn value(&self, tag: u16, default: u64) -> Result<u64, ReferenceError> {
        Ok(self.values(tag)?.map_or(default, |values| values[0]))
    }

    /// The values of a tag, if it is there: so many quotients.
    pub fn ratios<const N: usize>(&self, tag: u16) -> Result<Option<[f64; N]>, ReferenceError> {
        let Some(entry) = self.entries.iter().rfind(|entry| entry.tag == tag) else {
            return Ok(None);
        };
        let ratio = |i| {
            let at = entry.at.checked_add(i * 8)?;
            let (above, below) = (self.number(at, 4)?, self.number(at.checked_add(4)?, 4)?);
            (below > 0).then_some(above as f64 / below as f64)
        };
        let ratios: Option<Vec<_>> = (0..entry.count.min(N as u64)).map(ratio).collect();
        match ratios.and_then(|ratios| ratios.try_into().ok()) {
            Some(ratios) => Ok(Some(ratios)),
            None => Err(ReferenceError::Damaged(format!("the TIFF's tag {tag} has no values"))),
        }
    }

    /// The bytes of a tag, if it is there: as many as the file has.
    pub fn bytes_of(&self, tag: u16) -> Option<&'a [u8]> {
        let entry = self.entries.iter().rfind(|entry| entry.tag == tag)?;
        let length = entry.count.saturating_mul(size_of_kind(entry.kind));
        Some(self.piece(entry.at, length).unwrap_or_default())
    }

    /// Whether a tag is there.
    pub fn has(&self, tag: u16) -> bool {
        self.entries.iter().any(|entry| entry.tag == tag)
    }

    /// Bytes of the file.
    pub fn n_bytes(&self) -> u64 {
        self.file.len() as u64
    }

    /// The part of the file that a strip or tile is in.
    pub fn piece(&self, at: u64, length: u64) -> Option<&'a [u8]> {
        let at = usize::try_from(at).ok()?;
        let rest = self.file.get(at..)?;
        Some(&rest[..rest.len().min(usize::try_from(length).ok()?)])
    }
}

fn size_of_kind(kind: u16) -> u64 {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 1,
    }
}
