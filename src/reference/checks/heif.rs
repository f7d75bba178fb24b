//! HEIF (ISO/IEC 23008-12): boxes, and in one of them the list of the items that are in the file,
//! with their sizes, and which of them others are made of.
//!
//! An item can be a part of another one many times, and is then decoded as often. The library has
//! limits of its own, but they are far above ours. It also decodes kinds of items that a few bytes
//! can make large: only those that cameras and encoders write are let through.

use std::collections::BTreeMap;

use super::{ReferenceError, check_size, too_costly};

/// The most pixels of an item: phones make 48 million. They are in memory in several layouts at once.
const MAX_ITEM_PIXELS: u64 = 50_000_000;

/// The most pixels of all items, each as often as it is decoded: a picture, its tiles, and some of
/// its alpha or depth. Those of AV1 count twice.
const MAX_DECODED_PIXELS: u64 = 5 * MAX_ITEM_PIXELS / 2;

/// What an item counts at least, as each has a decoder of its own.
const MIN_PIXELS: u64 = 256 * 256;

/// How many items may be made of each other.
const MAX_DEPTH: usize = 4;

/// An item of the file.
#[derive(Default)]
struct Item {
    kind: [u8; 4],
    size: (u32, u32),
    /// What it is made of, and what belongs to it.
    parts: Vec<u32>,
}

/// How pixels are coded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::reference) enum Codec {
    Hevc,
    /// It takes twice as long.
    Av1,
}

impl Codec {
    /// The most bytes. What it takes to decode them goes by that, and nobody can stop it.
    pub fn max_bytes(self) -> usize {
        match self {
            Self::Hevc => 16 << 20,
            Self::Av1 => 8 << 20,
        }
    }
}

/// Refuses a file whose headers promise too much work, and says what codes its picture.
pub(in crate::reference) fn check(file: &[u8], name: &str) -> Result<Codec, ReferenceError> {
    let check_bytes = |codec: Codec| match codec.max_bytes() {
        max if file.len() > max => too_costly(format!(
            "{} MiB are more than the limit for {name}, {} MiB",
            file.len() >> 20,
            max >> 20
        )),
        _ => Ok(codec),
    };
    check_bytes(Codec::Hevc)?;
    let mut metas = boxes(file).filter(|(kind, _)| kind == b"meta");
    let Some((_, meta)) = metas.next() else {
        return Err(ReferenceError::Unsupported(format!("{name} without a still picture")));
    };
    let damaged = || ReferenceError::Damaged(format!("the list of what is in the {name}"));
    let (primary, items) = match metas.next() {
        None => items(meta).ok_or_else(damaged)?,
        Some(_) => return Err(damaged()),
    };
    let mut count = Count { items: &items, name, left: MAX_DECODED_PIXELS, codec: None };
    count.add(primary, MAX_DEPTH)?;
    check_bytes(count.codec.ok_or_else(damaged)?)
}

/// What is decoded for a picture.
struct Count<'a> {
    items: &'a BTreeMap<u32, Item>,
    name: &'a str,
    /// The pixels that are left.
    left: u64,
    codec: Option<Codec>,
}

impl Count<'_> {
    /// Counts an item and its parts.
    fn add(&mut self, id: u32, depth: usize) -> Result<(), ReferenceError> {
        let name = self.name;
        let damaged = |what: &str| Err(ReferenceError::Damaged(format!("{what} of the {name}")));
        let unsupported = |what: &str| Err(ReferenceError::Unsupported(format!("{name} {what}")));
        let Some(item) = self.items.get(&id) else { return damaged("an item is missing") };
        if depth == 0 {
            return damaged("items are made of each other");
        }
        let codec = match &item.kind {
            b"hvc1" => Some(Codec::Hevc),
            b"av01" => Some(Codec::Av1),
            b"grid" | b"iden" => None,
            kind => return unsupported(&format!("of the kind '{}'", kind.escape_ascii())),
        };
        self.codec = match (self.codec, codec) {
            (Some(codec), Some(other)) if codec != other => return unsupported("of two codecs"),
            (codec, other) => codec.or(other),
        };
        let (width, height) = item.size;
        let pixels = u64::from(width) * u64::from(height);
        check_size(width, height)?;
        if pixels == 0 {
            return damaged("an item without a size");
        }
        if pixels > MAX_ITEM_PIXELS {
            let limit = MAX_ITEM_PIXELS / 1_000_000;
            return too_costly(format!(
                "{width} x {height} pixels are more than the limit for {name}, {limit} million"
            ));
        }
        let work = pixels.max(MIN_PIXELS) * if codec == Some(Codec::Av1) { 2 } else { 1 };
        self.left = match self.left.checked_sub(work) {
            Some(left) => left,
            None => return too_costly(format!("the parts of the {name} are larger than it is")),
        };
        item.parts.iter().try_for_each(|&part| self.add(part, depth - 1))
    }
}

/// The number of the primary item, and all items by their numbers.
fn items(meta: &[u8]) -> Option<(u32, BTreeMap<u32, Item>)> {
    // Behind its version.
    let children = || boxes(meta.get(4..).unwrap_or_default());
    // One of each, or it would be a matter of taste which one counts.
    let only = |kind: &[u8; 4]| {
        let mut found = children().filter(|(other, _)| other == kind).map(|(_, content)| content);
        let first = found.next();
        found.next().is_none().then_some(first.unwrap_or_default())
    };
    let mut items = BTreeMap::<u32, Item>::new();

    let mut infos = Fields(only(b"iinf")?);
    let version = infos.version()?.0;
    infos.take(if version == 0 { 2 } else { 4 })?;
    for (kind, content) in boxes(infos.0) {
        let mut info = Fields(content);
        if kind != *b"infe" {
            continue;
        }
        let id = match info.version()?.0 {
            2 => info.take(2)?,
            3 => info.take(4)?,
            _ => continue,
        };
        info.take(2)?;
        items.entry(id).or_default().kind = info.take(4)?.to_be_bytes();
    }

    let properties = only(b"iprp")?;
    let mut sizes = Vec::new();
    for (kind, content) in
        boxes(properties).filter(|(kind, _)| kind == b"ipco").flat_map(|(_, list)| boxes(list))
    {
        let mut size = Fields(content);
        sizes.push(match &kind {
            b"ispe" => {
                size.version()?;
                Some((size.take(4)?, size.take(4)?))
            }
            _ => None,
        });
    }
    for (_, content) in boxes(properties).filter(|(kind, _)| kind == b"ipma") {
        let mut owners = Fields(content);
        let (version, flags) = owners.version()?;
        for _ in 0..owners.take(4)? {
            let id = owners.take(if version == 0 { 2 } else { 4 })?;
            for _ in 0..owners.take(1)? {
                // Without the bit that says whether it must be understood.
                let at = match flags & 1 {
                    0 => owners.take(1)? & 0x7F,
                    _ => owners.take(2)? & 0x7FFF,
                };
                let size = (at as usize).checked_sub(1).and_then(|at| *sizes.get(at)?);
                if let Some(size) = size {
                    items.entry(id).or_default().size = size;
                }
            }
        }
    }

    let mut references = Fields(only(b"iref")?);
    if !references.0.is_empty() {
        let n_bytes = if references.version()?.0 == 0 { 2 } else { 4 };
        for (kind, content) in boxes(references.0) {
            let mut reference = Fields(content);
            let from = reference.take(n_bytes)?;
            for _ in 0..reference.take(2)? {
                let to = reference.take(n_bytes)?;
                match &kind {
                    b"dimg" => items.entry(from).or_default().parts.push(to),
                    // An alpha, or a depth, which isn't decoded, but small.
                    b"auxl" => items.entry(to).or_default().parts.push(from),
                    _ => {}
                }
            }
        }
    }

    let mut primary = Fields(only(b"pitm")?);
    let version = primary.version()?.0;
    Some((primary.take(if version == 0 { 2 } else { 4 })?, items))
}

/// The boxes that lie behind each other: what they are, and what is in them.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = Fields(bytes);
    std::iter::from_fn(move || {
        let size = rest.take(4)? as usize;
        let kind = rest.take(4)?.to_be_bytes();
        let length = match size {
            0 => rest.0.len(),
            1 => {
                let high = u64::from(rest.take(4)?) << 32;
                usize::try_from(high | u64::from(rest.take(4)?)).ok()?.checked_sub(16)?
            }
            _ => size.checked_sub(8)?,
        };
        let (content, behind) = rest.0.split_at(length.min(rest.0.len()));
        rest.0 = behind;
        Some((kind, content))
    })
}

/// Big-endian numbers behind each other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// The next number, of up to four bytes.
    fn take(&mut self, n_bytes: usize) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(n_bytes)?;
        self.0 = rest;
        Some(number.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    /// The version of a box, and its flags.
    fn version(&mut self) -> Option<(u32, u32)> {
        Some((self.take(1)?, self.take(3)?))
    }
}
