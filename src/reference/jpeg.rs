//! JPEG (ITU-T T.81, JFIF), decoded by the crate `jpeg-decoder`.
//!
//! That decoder takes what it can't read for zeros or for the end of everything. So the coded data
//! are gone over before: what can't be read is cut out of the file in a way that it can follow, and
//! the rows of the picture that it invents there are not counted.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use image::DynamicImage;
use jpeg_decoder::{ColorTransform, Decoder};

use super::checks::{check_size, too_costly, u16_be};
use super::decoded::{Decoded, quotable};
use super::meter::{Budget, Meter};
use super::profile::{Inks, Stated};
use super::samples::{Sample, cmyk_to_rgb, picture, ycbcr_to_rgb};
use super::{MAX_PIXELS, ReferenceError};
use frame::{Colors, Frame, Process};
use scan::{Loss, Present, Scan, Tables, Walk, next_marker};

mod frame;
mod scan;

/// The most blocks of 8 x 8 samples that all scans together go over: a baseline picture of 2^27
/// pixels and three full components has 6 million, a progressive one of 2^26 with half the
/// resolution of colour and ten scans 8 million.
const MAX_BLOCKS: u64 = 9 << 20;

/// The most pixels of a progressive picture, whose coefficients are all in memory: 2^26.
const MAX_PROGRESSIVE_PIXELS: u64 = MAX_PIXELS / 2;

/// The most pixels of a picture without loss, which is in memory several times: 2^24.
const MAX_LOSSLESS_PIXELS: u64 = MAX_PIXELS / 8;

/// The largest part of the rows that may be lost. What has lost more has other colours.
const MAX_LOST: f64 = 0.1;

/// The most bytes: 64 MiB. A picture of the most pixels at a quality of 90 has 59 MB.
const MAX_BYTES: u64 = 64 << 20;

const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;

/// Decodes a file.
pub(super) fn decode(file: &[u8], budget: &Budget) -> Result<Decoded, ReferenceError> {
    let seen = look_over(file, None, &mut Work::default(), budget)?;
    let lost = seen.lost_rows()?;
    let mut samples = seen.samples(seen.colors() == Colors::YCbCr, budget)?;
    let row = samples.len() / seen.frame.height;
    for rows in lost.iter().rev() {
        samples.drain(rows.start * row..rows.end * row);
    }
    let n_lost: usize = lost.iter().map(Range::len).sum();
    let damage = match n_lost {
        0 if !seen.is_damaged => None,
        0 => Some("some of it is coarse or wrong".into()),
        n => Some(format!("{n} of its {} rows can't be read and don't count", seen.frame.height)),
    };
    let mut colors = seen.profile.stated();
    let mut inks = None;
    if matches!(seen.colors(), Colors::Cmyk | Colors::Ycck) {
        (inks, colors) = Inks::read(colors);
    }
    Ok(Decoded { picture: seen.picture(samples, inks.as_ref(), budget)?, damage, colors })
}

/// A JPEG that is a strip or tile of a TIFF.
pub(super) struct Piece {
    pub width: usize,
    pub height: usize,
    pub n_channels: usize,
    /// As they are, one pixel after the other.
    pub samples: Vec<u8>,
}

/// Decodes a piece of a TIFF, which may have no more pixels than it should.
pub(super) fn decode_piece(
    piece: &[u8],
    size: [usize; 2],
    work: &mut Work,
    budget: &Budget,
) -> Result<Piece, ReferenceError> {
    let seen = look_over(piece, Some(size), work, budget)?;
    if seen.is_damaged {
        return Err(ReferenceError::Damaged("a JPEG in the TIFF can't be read".into()));
    }
    if seen.frame.process == Process::Lossless {
        return unsupported("a TIFF of lossless JPEG");
    }
    let samples = seen.samples(false, budget)?;
    let n_channels = seen.frame.components.len();
    Ok(Piece { width: seen.frame.width, height: seen.frame.height, n_channels, samples })
}

/// What all pieces of a file take.
#[derive(Default)]
pub(super) struct Work {
    bytes: u64,
    blocks: u64,
}

impl Work {
    fn add(&mut self, bytes: u64, blocks: u64) -> Result<(), ReferenceError> {
        self.bytes += bytes;
        self.blocks += blocks;
        if self.bytes > MAX_BYTES {
            let (size, limit) = (self.bytes >> 20, MAX_BYTES >> 20);
            return too_costly(format!("{size} MiB are more than the limit for JPEG, {limit} MiB"));
        }
        if self.blocks > MAX_BLOCKS {
            return too_costly(format!(
                "the scans of the JPEG go over more than {} million blocks of 8 x 8 samples",
                MAX_BLOCKS / 1_000_000
            ));
        }
        Ok(())
    }
}

/// A JPEG that was gone over.
struct Seen<'a> {
    /// Up to its end-of-image marker, or where that should be.
    file: &'a [u8],
    frame: Frame,
    is_jfif: bool,
    /// The number of Adobe's colour transform.
    adobe: Option<u8>,
    profile: Pieces<'a>,
    losses: Vec<Loss>,
    is_damaged: bool,
}

/// The pieces of an ICC profile (ICC.1, annex B.4): their numbers, from 1 on, how many there are, and
/// what they hold.
#[derive(Default)]
struct Pieces<'a>(Vec<(u8, u8, &'a [u8])>);

impl<'a> Pieces<'a> {
    /// Takes a piece, if the segment is one.
    fn read(&mut self, segment: &'a [u8]) {
        if let Some(&[number, n, ref piece @ ..]) = segment.strip_prefix(b"ICC_PROFILE\0") {
            self.0.push((number, n, piece));
        }
    }

    /// What they are together.
    fn stated(&self) -> Stated {
        let Some(&(_, n, _)) = self.0.first() else { return Stated::Srgb };
        let mut pieces = self.0.clone();
        pieces.sort_by_key(|&(number, ..)| number);
        let are_there = pieces.iter().map(|&(number, ..)| number).eq(1..=n);
        match are_there && pieces.iter().all(|&(_, other, _)| other == n) {
            true => Stated::profile(
                &pieces.iter().map(|&(.., piece)| piece).collect::<Vec<_>>().concat(),
            ),
            false => Stated::Unusable("some of its pieces are missing, or there twice".into()),
        }
    }
}

/// Goes over a file, up to where its picture is whole. As a piece of a TIFF, it may have no more
/// pixels than that.
fn look_over<'a>(
    file: &'a [u8],
    piece: Option<[usize; 2]>,
    work: &mut Work,
    budget: &Budget,
) -> Result<Seen<'a>, ReferenceError> {
    work.add(file.len() as u64, 0)?;
    let mut frame: Option<(Frame, Present)> = None;
    let (mut is_jfif, mut adobe, mut profile) = (false, None, Pieces::default());
    // Motion JPEG may leave out the tables of the standard.
    let mut has_own_tables = true;
    let mut tables = Tables::default();
    let mut restart_interval = 0;
    // The coefficients of each component that are there in full.
    let mut whole = [0_u64; 4];
    let mut losses = Vec::new();
    let mut is_damaged = false;
    // Behind the start-of-image marker.
    let mut at = 2;
    let end = loop {
        budget.check()?;
        let place = next_marker(file, at);
        let Some(&marker) = file.get(place + 1) else {
            is_damaged = true;
            break file.len();
        };
        match marker {
            END_OF_IMAGE => break place,
            0x01 | 0xD0..=0xD7 => {
                at = place + 2;
                continue;
            }
            _ => {}
        }
        let length = u16_be(file, place + 2).map_or(0, usize::from);
        let segment = match file.get(place + 2..place + 2 + length) {
            Some(segment) if length >= 2 && marker != START_OF_IMAGE => segment,
            _ => {
                is_damaged = true;
                break place;
            }
        };
        at = place + 2 + length;
        match marker {
            0xC4 => drop(tables.read(&segment[2..])),
            0xCC => return unsupported("a JPEG with arithmetic coding"),
            0xDC => return unsupported("a JPEG that says its height behind the picture (DNL)"),
            0xDE | 0xDF => return unsupported("a hierarchical JPEG"),
            0xF7 => return unsupported("JPEG-LS"),
            0xC0..=0xCF if marker != 0xC8 => match frame {
                None => {
                    let found = Frame::read(marker, segment)?;
                    check_pixels(&found, piece)?;
                    let present = Present::new(&found);
                    frame = Some((found, present));
                }
                // A marker that isn't one.
                Some(_) if is_damaged => break place,
                Some(_) => return unsupported("a JPEG of several frames"),
            },
            0xDD => restart_interval = u16_be(segment, 2).unwrap_or(0).into(),
            0xE0 => {
                is_jfif |= segment[2..].starts_with(b"JFIF\0");
                has_own_tables &= !segment[2..].starts_with(b"AVI1");
            }
            0xE2 => profile.read(&segment[2..]),
            0xEE if segment[2..].starts_with(b"Adobe") => adobe = segment.get(13).copied(),
            START_OF_SCAN => {
                let Some((frame, present)) = &mut frame else {
                    return Err(ReferenceError::Damaged("the JPEG's frame is missing".into()));
                };
                let Some(scan) = Scan::read(segment, frame) else {
                    is_damaged = true;
                    break place;
                };
                if frame.process == Process::Lossless
                    && scan.components.len() < frame.components.len()
                {
                    return unsupported("a lossless JPEG in several scans");
                }
                work.add(0, scan.n_blocks(frame))?;
                let is_first = scan.band.start == 0 && !scan.is_refinement;
                let mut has_more = false;
                if has_own_tables || frame.process != Process::Sequential {
                    let mut walk = Walk {
                        file,
                        frame,
                        scan: &scan,
                        tables: &tables,
                        restart_interval,
                        present,
                        budget,
                    };
                    let walked = walk.run(at)?;
                    at = walked.end;
                    has_more = walked.has_more;
                    is_damaged |= !walked.losses.is_empty();
                    losses.extend(walked.losses.into_iter().map(|loss| match is_first {
                        true => loss,
                        // The picture is coarser there.
                        false => Loss { rows: 0..0, ..loss },
                    }));
                }
                if scan.is_last {
                    for &(component, ..) in &scan.components {
                        whole[component] |= scan.band.clone().map(|at| 1 << at).sum::<u64>();
                    }
                }
                let band = if frame.process == Process::Lossless { 1 } else { !0 };
                let is_whole =
                    whole.iter().take(frame.components.len()).all(|&there| there == band);
                // What follows a whole picture without an end may be anything.
                is_damaged |= has_more && (!is_whole || file.get(at + 1) == Some(&END_OF_IMAGE));
                if is_whole {
                    break at;
                }
            }
            _ => {}
        }
    };
    let Some((frame, _)) = frame else {
        return Err(ReferenceError::Damaged("the JPEG's frame is missing".into()));
    };
    if whole.iter().take(frame.components.len()).any(|there| there & 1 == 0) {
        return Err(ReferenceError::Damaged("it ends before any row is whole".into()));
    }
    Ok(Seen { file: &file[..end], frame, is_jfif, adobe, profile, losses, is_damaged })
}

fn unsupported<T>(what: &str) -> Result<T, ReferenceError> {
    Err(ReferenceError::Unsupported(what.into()))
}

fn check_pixels(frame: &Frame, piece: Option<[usize; 2]>) -> Result<(), ReferenceError> {
    let [own_width, own_height] = [frame.width, frame.height];
    // Up to a whole unit of blocks.
    if let Some([width, height]) = piece
        && (own_width > width.next_multiple_of(32) || own_height > height.next_multiple_of(32))
    {
        return too_costly(format!(
            "the TIFF holds a JPEG of {own_width} x {own_height} pixels in a piece of {width} x \
             {height}"
        ));
    }
    check_size(frame.width as u32, frame.height as u32)?;
    let (kind, limit) = match frame.process {
        Process::Sequential => return Ok(()),
        Process::Progressive => ("progressive", MAX_PROGRESSIVE_PIXELS),
        Process::Lossless => ("lossless", MAX_LOSSLESS_PIXELS),
    };
    match frame.width as u64 * frame.height as u64 > limit {
        true => too_costly(format!(
            "{} x {} pixels are more than the limit for a {kind} JPEG, {} million",
            frame.width,
            frame.height,
            limit / 1_000_000
        )),
        false => Ok(()),
    }
}

impl Seen<'_> {
    /// As libjpeg decides it.
    fn colors(&self) -> Colors {
        let ids: Vec<_> = self.frame.components.iter().map(|component| component.id).collect();
        match (ids.len(), self.adobe) {
            (1, _) => Colors::Grey,
            (3, _) if self.is_jfif => Colors::YCbCr,
            (3, Some(0)) => Colors::Rgb,
            (3, None) if ids == *b"RGB" || self.frame.process == Process::Lossless => Colors::Rgb,
            (3, _) => Colors::YCbCr,
            (_, None | Some(0)) => Colors::Cmyk,
            _ => Colors::Ycck,
        }
    }

    /// The rows that can't be read, in order. The colours of the rows beside them may be mixed with
    /// theirs.
    fn lost_rows(&self) -> Result<Vec<Range<usize>>, ReferenceError> {
        let Frame { height, v_max, .. } = self.frame;
        let beside = if v_max > 1 { v_max } else { 0 };
        let mut is_lost = vec![false; height];
        for rows in self.losses.iter().map(|loss| &loss.rows).filter(|rows| !rows.is_empty()) {
            is_lost[rows.start.saturating_sub(beside)..(rows.end + beside).min(height)].fill(true);
        }
        let n_lost = is_lost.iter().filter(|&&lost| lost).count();
        if n_lost as f64 > height as f64 * MAX_LOST {
            return Err(ReferenceError::Damaged(format!(
                "{n_lost} of its {height} rows can't be read"
            )));
        }
        let mut start = 0;
        let runs = is_lost.chunk_by(|a, b| a == b).map(|run| {
            start += run.len();
            (run[0], start - run.len()..start)
        });
        Ok(runs.filter(|(lost, _)| *lost).map(|(_, rows)| rows).collect())
    }

    /// The samples of all pixels and components, or R'G'B' in the place of Y'CbCr. Those of more
    /// than 8 bits are native words.
    fn samples(&self, is_ycbcr: bool, budget: &Budget) -> Result<Vec<u8>, ReferenceError> {
        let file = self.readable();
        let end: &[u8] = &[0xFF, END_OF_IMAGE];
        let mut decoder = Decoder::new(Meter::new(&file, budget).chain(end));
        decoder.set_color_transform(match self.frame.components.len() {
            1 => ColorTransform::Grayscale,
            3 if is_ycbcr => ColorTransform::YCbCr,
            // No change; `ColorTransform::None` mixes the components up.
            3 => ColorTransform::RGB,
            // Light in the place of ink, which is taken back.
            _ => ColorTransform::CMYK,
        });
        let mut samples = decoder.decode().map_err(|error| match error {
            jpeg_decoder::Error::Unsupported(what) => {
                ReferenceError::Unsupported(format!("{what:?} in a JPEG"))
            }
            error => ReferenceError::Damaged(quotable(&error)),
        })?;
        if self.frame.components.len() == 4 && self.frame.process != Process::Lossless {
            samples.iter_mut().for_each(|sample| *sample = 255 - *sample);
        }
        Ok(samples)
    }

    /// The file without what can't be read, in which every scan has the restarts that it should.
    fn readable(&self) -> Cow<'_, [u8]> {
        if self.losses.is_empty() {
            return self.file.into();
        }
        let (mut readable, mut at) = (Vec::with_capacity(self.file.len()), 0);
        for Loss { bytes, restarts: (first, n), .. } in &self.losses {
            readable.extend_from_slice(&self.file[at..bytes.start]);
            readable.extend((*first..first + n).flat_map(|i| [0xFF, 0xD0 + (i % 8) as u8]));
            at = bytes.end;
        }
        readable.extend_from_slice(&self.file[at..]);
        readable.into()
    }

    /// A picture of the samples of some of its rows.
    fn picture(
        &self,
        mut samples: Vec<u8>,
        profile: Option<&Inks>,
        budget: &Budget,
    ) -> Result<DynamicImage, ReferenceError> {
        let Frame { precision, width, .. } = self.frame;
        let colors = self.colors();
        let is_lossless = self.frame.process == Process::Lossless;
        if self.frame.components.len() == 4 {
            if precision != 8 {
                return unsupported("a lossless JPEG of CMYK and more than 8 bits");
            }
            let inks = |&[c, m, y, k]: &[u8; 4]| {
                let inks = match colors {
                    Colors::Ycck => ycbcr_to_rgb([c, m, y]).map(|light| 255 - light),
                    _ => [c, m, y],
                };
                // As Adobe's programs do, all store how much is left of an ink's light.
                [inks[0], inks[1], inks[2], k].map(|left| 255 - u64::from(left))
            };
            let mut pixels = Vec::with_capacity(samples.len() / 4 * 3);
            for row in samples.as_chunks().0.chunks(width) {
                budget.check()?;
                match profile {
                    None => {
                        let colors = row.iter().flat_map(|pixel| cmyk_to_rgb(inks(pixel), 255));
                        pixels.extend(colors.map(|level| level as u8));
                    }
                    Some(profile) => {
                        let colors = profile.to_rgb(row.iter().map(inks), 255);
                        let levels = colors.as_flattened().iter();
                        pixels.extend(levels.map(|&level| u8::of(level.into(), u16::MAX.into())));
                    }
                }
            }
            return Ok(picture(width, 3, pixels));
        }
        // The decoder changes no colours here.
        if is_lossless && colors == Colors::YCbCr {
            if precision != 8 {
                return unsupported("a lossless JPEG of Y'CbCr and more than 8 bits");
            }
            let pixels = samples.as_chunks_mut().0;
            pixels.iter_mut().for_each(|pixel| *pixel = ycbcr_to_rgb(*pixel));
        }
        let n_channels = self.frame.components.len();
        if precision == 8 {
            return Ok(picture(width, n_channels, samples));
        }
        let largest = (1 << precision) - 1;
        let words = samples.as_chunks().0.iter().map(|&bytes| u16::from_ne_bytes(bytes));
        let words = words.map(|sample| u16::of(sample.into(), largest)).collect();
        Ok(picture::<u16>(width, n_channels, words))
    }
}
