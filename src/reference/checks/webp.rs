//! WebP (RFC 9649): a RIFF file; pictures are VP8 or VP8L, and the alpha of VP8 is VP8L again.
//!
//! VP8L can have a set of five prefix codes for every block of the picture, and numbers them. The
//! decoder makes tables for all numbers up to the highest, used or not. How many there are is only
//! known once everything in front of the codes is decoded: so that is done here.

use super::{ReferenceError, check_size, too_costly, u32_le};
use crate::reference::MAX_PIXELS;

/// The most sets of prefix codes, of up to 78 KB each in the decoder. libwebp makes 2600 at most.
const MAX_CODES: u32 = 3 << 10;

/// The most pixels of the small pictures in front of the codes: blocks of 8 x 8 pixels twice over
/// the largest picture, and as many again.
const MAX_SMALL_PIXELS: u64 = 1 << 23;

/// The most pixels: the decoder takes three times as long as others do.
const MAX_WEBP_PIXELS: u64 = MAX_PIXELS / 2;

/// The most pixels of a picture that is in memory thrice, or decoded twice: animated, or with alpha
/// beside VP8.
const MAX_LAYERED_PIXELS: u64 = MAX_PIXELS / 4;

/// The most bytes of VP8: 24 MiB. A picture of the most pixels at a quality of 80 has 12 MB. Its
/// decoder doesn't look at the budget.
const MAX_LOSSY_BYTES: usize = 24 << 20;

/// The most chunks.
const MAX_CHUNKS: usize = 1 << 16;

pub(super) fn check(file: &[u8]) -> Result<(), ReferenceError> {
    let chunk = |at: usize| -> Option<(&[u8], &[u8], usize)> {
        let name = file.get(at..at + 4)?;
        let length = u32_le(file, at + 4)? as usize;
        let rest = &file[at + 8..];
        Some((name, &rest[..rest.len().min(length)], at + 8 + length.next_multiple_of(2)))
    };
    let Some((name, content, next)) = chunk(12) else { return Ok(()) };
    let u24 = |bytes: &[u8], at: usize| u32_le(&[bytes.get(at..at + 3)?, &[0]].concat(), 0);
    if name != b"VP8X" {
        return check_picture(name, content, None);
    }
    let (Some(width), Some(height)) = (u24(content, 4), u24(content, 7)) else { return Ok(()) };
    let size = (width + 1, height + 1);
    let mut canvas = size;
    check_pixels(size, MAX_WEBP_PIXELS, "WebP")?;
    let mut pictures = Vec::new();
    let mut next = next;
    let mut n_chunks = 0;
    while let Some((name, content, after)) = chunk(next) {
        n_chunks += 1;
        if n_chunks > MAX_CHUNKS {
            return too_costly(format!("the WebP has more than {MAX_CHUNKS} chunks"));
        }
        if name == b"ANMF" {
            // A frame: position, size, and chunks. Only the first counts.
            if let (Some(width), Some(height)) = (u24(content, 6), u24(content, 9)) {
                canvas = (canvas.0.min(width + 1), canvas.1.min(height + 1));
            }
            let mut at = next + 8 + 16;
            for _ in 0..2 {
                let Some((name, content, after)) = chunk(at) else { break };
                pictures.push((name, content));
                at = after;
            }
            check_pixels(size, MAX_LAYERED_PIXELS, "an animated WebP")?;
            break;
        }
        if matches!(name, b"VP8 " | b"VP8L" | b"ALPH") {
            if name == b"ALPH" {
                check_pixels(size, MAX_LAYERED_PIXELS, "a lossy WebP with alpha")?;
            }
            // Of each kind, the first counts.
            if !pictures.iter().any(|(other, _)| *other == name) {
                pictures.push((name, content));
            }
        }
        next = after;
    }
    pictures.into_iter().try_for_each(|(name, content)| check_picture(name, content, Some(canvas)))
}

fn check_pixels((width, height): (u32, u32), limit: u64, what: &str) -> Result<(), ReferenceError> {
    check_size(width, height)?;
    if u64::from(width) * u64::from(height) > limit {
        let limit = limit / 1_000_000;
        return too_costly(format!(
            "{width} x {height} pixels are more than the limit for {what}, {limit} million"
        ));
    }
    Ok(())
}

fn check_picture(
    name: &[u8],
    content: &[u8],
    canvas: Option<(u32, u32)>,
) -> Result<(), ReferenceError> {
    let damaged = |what: &str| Err(ReferenceError::Damaged(what.into()));
    match (name, canvas) {
        (b"VP8 ", canvas) => {
            // Behind the frame's tag and start code: 14 bits each.
            let Some(size) = u32_le(content, 6) else { return Ok(()) };
            let size = (size & 0x3FFF, size >> 16 & 0x3FFF);
            if canvas.is_some_and(|canvas| canvas != size) {
                return damaged("the WebP's picture has another size than its header says");
            }
            if content.len() > MAX_LOSSY_BYTES {
                let (found, limit) = (content.len() >> 20, MAX_LOSSY_BYTES >> 20);
                return too_costly(format!(
                    "{found} MiB are more than the limit for lossy WebP, {limit} MiB"
                ));
            }
            check_pixels(size, MAX_WEBP_PIXELS, "WebP")
        }
        (b"VP8L", _) => {
            let mut bits = Bits { bytes: content, at: 8 };
            let size = bits.read(14).zip(bits.read(14));
            let Some((width, height)) = size.map(|(width, height)| (width + 1, height + 1)) else {
                return Ok(());
            };
            check_pixels((width, height), MAX_WEBP_PIXELS, "WebP")?;
            bits.at += 4;
            check_lossless(bits, width, height)
        }
        (b"ALPH", Some((width, height))) if content.first().is_some_and(|byte| byte & 3 == 1) => {
            check_lossless(Bits { bytes: content, at: 8 }, width, height)
        }
        _ => Ok(()),
    }
}

fn check_lossless(bits: Bits, width: u32, height: u32) -> Result<(), ReferenceError> {
    match count_codes(bits, width, height) {
        Ok(n) if n > MAX_CODES => too_costly(format!(
            "the WebP has {n} sets of prefix codes, more than the limit of {MAX_CODES}"
        )),
        Ok(_) => Ok(()),
        Err(Failed::TooMany) => {
            too_costly("the WebP has settings of its own for nearly every pixel".into())
        }
        Err(Failed::Damaged) => {
            Err(ReferenceError::Damaged("the WebP's lossless data ends early or is wrong".into()))
        }
    }
}

enum Failed {
    TooMany,
    Damaged,
}

impl From<()> for Failed {
    fn from((): ()) -> Self {
        Self::Damaged
    }
}

/// How many sets of prefix codes a lossless picture has.
fn count_codes(mut bits: Bits, mut width: u32, height: u32) -> Result<u32, Failed> {
    let mut small_pixels = 0;
    let mut read_small = |bits: &mut Bits, width: u32, height: u32| {
        small_pixels += u64::from(width) * u64::from(height);
        match small_pixels > MAX_SMALL_PIXELS {
            true => Err(Failed::TooMany),
            false => small_picture(bits, width, height).ok_or(Failed::Damaged),
        }
    };
    // Transforms, each at most once.
    let mut seen = [false; 4];
    while bits.read(1).ok_or(())? == 1 {
        let kind = bits.read(2).ok_or(())?;
        if std::mem::replace(&mut seen[kind as usize], true) {
            return Err(Failed::Damaged);
        }
        match kind {
            0 | 1 => {
                let block = 1 << (bits.read(3).ok_or(())? + 2);
                read_small(&mut bits, width.div_ceil(block), height.div_ceil(block))?;
            }
            3 => {
                let n_colors = bits.read(8).ok_or(())? + 1;
                read_small(&mut bits, n_colors, 1)?;
                // Several pixels in one.
                width = width.div_ceil(match n_colors {
                    ..=2 => 8,
                    3..=4 => 4,
                    5..=16 => 2,
                    _ => 1,
                });
            }
            _ => {}
        }
    }
    // The size of the cache of colours, and whether there are several sets.
    if bits.read(1).ok_or(())? == 1 {
        bits.read(4).ok_or(())?;
    }
    if bits.read(1).ok_or(())? == 0 {
        return Ok(1);
    }
    let block = 1 << (bits.read(3).ok_or(())? + 2);
    Ok(read_small(&mut bits, width.div_ceil(block), height.div_ceil(block))? + 1)
}

/// Goes over a picture that is coded without blocks of its own. The result is the highest number
/// in its red and green; pixels that are copied from others change nothing about that.
fn small_picture(bits: &mut Bits, width: u32, height: u32) -> Option<u32> {
    let n_cached = match bits.read(1)? {
        0 => 0,
        _ => 1 << bits.read(4)?.min(11),
    };
    let mut codes = Vec::new();
    for n_symbols in [256 + 24 + n_cached, 256, 256, 256, 40] {
        codes.push(Code::read(bits, n_symbols)?);
    }
    let n_pixels = u64::from(width) * u64::from(height);
    let (mut done, mut highest) = (0, 0);
    while done < n_pixels {
        match codes[0].symbol(bits)? {
            green @ 0..256 => {
                let red = codes[1].symbol(bits)?;
                codes[2].symbol(bits)?;
                codes[3].symbol(bits)?;
                highest = highest.max(u32::from(red) << 8 | u32::from(green));
                done += 1;
            }
            length @ 256..280 => {
                done += u64::from(prefixed(bits, length - 256)?);
                let distance = codes[4].symbol(bits)?;
                prefixed(bits, distance)?;
            }
            _ => done += 1,
        }
    }
    Some(highest)
}

/// A length or distance, by its prefix.
fn prefixed(bits: &mut Bits, prefix: u16) -> Option<u32> {
    let prefix = u32::from(prefix);
    if prefix < 4 {
        return Some(prefix + 1);
    }
    let n_extra = (prefix - 2) >> 1;
    Some(((2 + (prefix & 1)) << n_extra) + bits.read(n_extra)? + 1)
}

/// Bits, lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    #[inline]
    fn read(&mut self, n: u32) -> Option<u32> {
        let mut value = 0;
        for i in 0..n {
            let byte = self.bytes.get(self.at / 8)?;
            value |= u32::from(byte >> (self.at % 8) & 1) << i;
            self.at += 1;
        }
        Some(value)
    }
}

const MAX_LENGTH: usize = 15;

/// A canonical prefix code.
struct Code {
    /// How many symbols have codes of each length.
    counts: [u16; MAX_LENGTH + 1],
    /// Those symbols, by length.
    symbols: Vec<u16>,
}

impl Code {
    fn read(bits: &mut Bits, n_symbols: usize) -> Option<Self> {
        if bits.read(1)? == 1 {
            let has_two = bits.read(1)? == 1;
            let n_bits = if bits.read(1)? == 1 { 8 } else { 1 };
            let first = bits.read(n_bits)? as u16;
            if !has_two {
                return Some(Self::only(first));
            }
            let mut counts = [0; MAX_LENGTH + 1];
            counts[1] = 2;
            // Not sorted: the first has the code 0.
            return Some(Self { counts, symbols: vec![first, bits.read(8)? as u16] });
        }
        const ORDER: [usize; 19] =
            [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let mut lengths = [0; 19];
        let n_lengths = 4 + bits.read(4)? as usize;
        for &place in ORDER.get(..n_lengths)? {
            lengths[place] = bits.read(3)? as u8;
        }
        let of_lengths = Self::from_lengths(&lengths)?;
        let mut left = n_symbols;
        if bits.read(1)? == 1 {
            let n_bits = 2 + 2 * bits.read(3)?;
            left = 2 + bits.read(n_bits)? as usize;
            if left > n_symbols {
                return None;
            }
        }
        let mut lengths = Vec::with_capacity(n_symbols);
        let mut previous = 8;
        while lengths.len() < n_symbols && left > 0 {
            left -= 1;
            let (length, n) = match of_lengths.symbol(bits)? as u8 {
                16 => (previous, 3 + bits.read(2)?),
                17 => (0, 3 + bits.read(3)?),
                18 => (0, 11 + bits.read(7)?),
                length => (length, 1),
            };
            if length != 0 {
                previous = length;
            }
            lengths.extend(std::iter::repeat_n(length, n as usize));
        }
        if lengths.len() > n_symbols {
            return None;
        }
        Self::from_lengths(&lengths)
    }

    /// A code of no bits, for one symbol.
    fn only(symbol: u16) -> Self {
        let mut counts = [0; MAX_LENGTH + 1];
        counts[0] = 1;
        Self { counts, symbols: vec![symbol] }
    }

    fn from_lengths(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0; MAX_LENGTH + 1];
        let mut symbols: Vec<u16> =
            (0..lengths.len() as u16).filter(|&symbol| lengths[usize::from(symbol)] > 0).collect();
        if let [symbol] = symbols[..] {
            return Some(Self::only(symbol));
        }
        symbols.sort_by_key(|&symbol| lengths[usize::from(symbol)]);
        for &symbol in &symbols {
            counts[usize::from(lengths[usize::from(symbol)])] += 1;
        }
        // Neither too many codes nor too few.
        let used: u32 =
            (1..=MAX_LENGTH).map(|length| u32::from(counts[length]) << (MAX_LENGTH - length)).sum();
        (used == 1 << MAX_LENGTH).then_some(Self { counts, symbols })
    }

    #[inline]
    fn symbol(&self, bits: &mut Bits) -> Option<u16> {
        if self.counts[0] == 1 {
            return Some(self.symbols[0]);
        }
        // The codes of a length are numbers in a row, which begin behind those of the last length.
        let (mut code, mut first, mut index) = (0u32, 0u32, 0u32);
        for &count in &self.counts[1..] {
            code |= bits.read(1)?;
            let count = u32::from(count);
            if code < first + count {
                return self.symbols.get((index + code - first) as usize).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}
