//! TIFF 6.0 and BigTIFF: the first picture of a file.
//!
//! The crate `tiff` reads pictures with more samples than their colours need wrong, and many common
//! ones not at all; so only the compressions are left to crates here. What takes more work than its
//! picture is refused, by name, before anything is decompressed.

use std::borrow::Cow;

use super::checks::{check_size, too_costly};
use super::decoded::Decoded;
use super::meter::Budget;
use super::profile::{Inks, Stated};
use super::samples::{Sample, cmyk_to_rgb, picture};
use super::{MAX_PIXELS, ReferenceError, jpeg};
use directory::Directory;
use pieces::{Compression, decompress};
use samples::{Coding, Kind, Predictor};

mod directory;
mod pieces;
mod samples;

/// The most strips and tiles: 64 x 64 pixels each, if it is a picture of the most pixels and more.
const MAX_PIECES: usize = 1 << 16;

/// The most that a picture may take, in bytes: a picture of the most pixels in 8 bits. What is read
/// of it is in memory beside that.
const MAX_BYTES: u64 = MAX_PIXELS * 3;

/// The most pixels of a JPEG inside, which is in memory a third time.
const MAX_JPEG_PIXELS: u64 = MAX_PIXELS / 4;

/// Rows between two looks at the budget.
const ROWS_BETWEEN_LOOKS: usize = 64;

/// What colours the samples are.
enum Colors {
    Grey,
    /// Grey whose 0 is white.
    Negative,
    Rgb,
    /// Levels of 16 bits: all of red, of green, and of blue.
    Palette(Vec<u64>),
    /// With a profile, or without.
    Cmyk(Option<Inks>),
    YCbCr(YCbCr),
}

impl Colors {
    fn n_samples(&self) -> usize {
        match self {
            Self::Grey | Self::Negative | Self::Palette(_) => 1,
            Self::Rgb | Self::YCbCr(_) => 3,
            Self::Cmyk(_) => 4,
        }
    }
}

/// What Y'CbCr is (section 21).
#[derive(Debug, PartialEq)]
struct YCbCr {
    /// The pixels that share a pair of Cb and Cr, across and down, if it is more than one.
    unit: Option<[usize; 2]>,
    /// The parts of R', G' and B' in Y'.
    luma: [f64; 3],
    /// Black and white of each.
    levels: [f64; 6],
}

impl YCbCr {
    /// That of JFIF, and what holds where a TIFF says nothing.
    const JFIF: Self = Self {
        unit: None,
        luma: [0.299, 0.587, 0.114],
        levels: [0., 255., 128., 255., 128., 255.],
    };

    fn to_rgb(&self, samples: [u64; 3]) -> [u64; 3] {
        let [red, green, blue] = self.luma;
        let full = |at: usize, range: f64| {
            let [black, white] = [self.levels[2 * at], self.levels[2 * at + 1]];
            (samples[at] as f64 - black) * range / (white - black)
        };
        let [y, cb, cr] = [full(0, 255.), full(1, 127.), full(2, 127.)];
        let (r, b) = (y + (2. - 2. * red) * cr, y + (2. - 2. * blue) * cb);
        let g = (y - red * r - blue * b) / green;
        [r, g, b].map(|level| level.round().clamp(0., 255.) as u64)
    }
}

/// What the extra sample of a pixel is that says how much of it is seen.
#[derive(Clone, Copy, Debug)]
struct Alpha {
    /// Which sample.
    at: usize,
    /// Whether the colours were multiplied by it.
    is_associated: bool,
}

struct Tiff<'a> {
    directory: Directory<'a>,
    width: usize,
    height: usize,
    colors: Colors,
    alpha: Option<Alpha>,
    /// How a row of a piece is stored.
    coding: Coding,
    compression: Compression,
    /// What all JPEGs have in common, as a JPEG without a picture; or nothing.
    jpeg_tables: Vec<u8>,
    /// Whether the bits of a byte begin at the lowest one.
    is_reversed: bool,
    /// How many pieces lie on each other, each with one sample of a pixel.
    n_planes: usize,
    n_samples: usize,
    piece_width: usize,
    piece_height: usize,
    /// Where the pieces are, and how many bytes they have.
    pieces: Vec<(u64, u64)>,
}

/// Decodes a file.
pub(super) fn decode(file: &[u8], budget: &Budget) -> Result<Decoded, ReferenceError> {
    let damaged = || ReferenceError::Damaged("the TIFF's directory is missing".into());
    let mut tiff = Tiff::read(Directory::read(file).ok_or_else(damaged)?)?;
    let mut colors = tiff.directory.bytes_of(PROFILE).map_or(Stated::Srgb, Stated::profile);
    if let Colors::Cmyk(inks) = &mut tiff.colors {
        (*inks, colors) = Inks::read(colors);
    }
    let picture = match tiff.depth() {
        8 => picture::<u8>(tiff.width, tiff.n_channels(), tiff.pixels(budget)?),
        _ => picture::<u16>(tiff.width, tiff.n_channels(), tiff.pixels(budget)?),
    };
    Ok(Decoded { picture, damage: None, colors })
}

/// The tag of an ICC profile.
const PROFILE: u16 = 34675;

fn unsupported<T>(what: impl Into<String>) -> Result<T, ReferenceError> {
    Err(ReferenceError::Unsupported(what.into()))
}

fn damaged<T>(what: &str) -> Result<T, ReferenceError> {
    Err(ReferenceError::Damaged(what.into()))
}

impl<'a> Tiff<'a> {
    fn read(directory: Directory<'a>) -> Result<Self, ReferenceError> {
        let (width, height) = (directory.value(256, 0)?, directory.value(257, 0)?);
        if width == 0 || height == 0 {
            return Err(ReferenceError::NoPixels);
        }
        // None is larger than 32 bits.
        check_size(width as u32, height as u32)?;
        if directory.value(254, 0)? & 1 == 1 || directory.has(50706) {
            return unsupported(
                "a raw picture of a camera, or another TIFF that begins with a preview",
            );
        }
        let compression = Compression::read(directory.value(259, 1)?)?;
        let n_samples = directory.value(277, 1)? as usize;
        let all_bits = directory.values(258)?.unwrap_or(vec![1]);
        let bits = all_bits[0] as u32;
        let kind = match directory.value(339, 1)? {
            1 | 4 => Kind::Uint,
            3 => Kind::Float,
            2 => return unsupported("a TIFF of numbers with sign"),
            _ => return unsupported("a TIFF of complex numbers"),
        };
        if all_bits.iter().any(|other| *other != u64::from(bits)) {
            return unsupported("a TIFF whose samples differ in bits");
        }
        if !matches!((kind, bits), (Kind::Uint, 1..=16 | 32) | (Kind::Float, 16 | 32 | 64)) {
            return unsupported(format!("a TIFF of {bits} bits"));
        }
        let colors = colors(&directory, compression, bits)?;
        if !(colors.n_samples()..=16).contains(&n_samples) {
            return damaged("the TIFF has too few samples in a pixel, or too many");
        }
        let extra = match directory.values(338)? {
            Some(extra) => extra,
            // Many programs don't say it of R'G'B' with one sample more.
            None if matches!((&colors, n_samples), (Colors::Rgb, 4)) => vec![2],
            None => Vec::new(),
        };
        let alpha = extra
            .iter()
            .position(|kind| matches!(kind, 1 | 2))
            .map(|at| Alpha { at: colors.n_samples() + at, is_associated: extra[at] == 1 });
        let alpha = alpha.filter(|alpha| alpha.at < n_samples);
        let n_planes = if directory.value(284, 1)? == 2 { n_samples } else { 1 };
        let predictor = match (directory.value(317, 1)?, kind) {
            (1, _) => Predictor::None,
            (2, _) if matches!(bits, 8 | 16 | 32 | 64) => Predictor::Horizontal,
            (3, Kind::Float) => Predictor::Float,
            (other, _) => return unsupported(format!("a TIFF with the predictor {other}")),
        };
        if matches!(colors, Colors::YCbCr(YCbCr { unit: Some(_), .. }))
            && (n_planes > 1 || n_samples > 3 || predictor != Predictor::None)
        {
            return unsupported("a TIFF of subsampled Y'CbCr in planes, or with a predictor");
        }
        if compression == Compression::Jpeg && (kind, bits) != (Kind::Uint, 8) {
            return unsupported(format!("a TIFF of JPEG of {bits} bits"));
        }
        let (width, height) = (width as usize, height as usize);
        let is_tiled = directory.has(322);
        let (piece_width, piece_height) = match is_tiled {
            true => (directory.value(322, 0)?, directory.value(323, 0)?),
            false => (width as u64, directory.value(278, u64::MAX)?.min(height as u64)),
        };
        if piece_width == 0 || piece_height == 0 {
            return damaged("the TIFF has strips or tiles without pixels");
        }
        // Strips end with the picture; tiles are as large as they are.
        let padded = |size: usize, piece: u64| (size as u64).div_ceil(piece).saturating_mul(piece);
        let pixels = padded(width, piece_width).saturating_mul(match is_tiled {
            true => padded(height, piece_height),
            false => height as u64,
        });
        let bytes_of = |pixels: u64| {
            pixels.saturating_mul(u64::from(bits)).saturating_mul(n_samples as u64) / 8
        };
        let bytes = bytes_of(width as u64 * height as u64);
        if bytes > MAX_BYTES {
            return too_costly(format!(
                "the picture takes {} MiB, more than the limit for a TIFF of {}",
                bytes >> 20,
                MAX_BYTES >> 20
            ));
        }
        if compression == Compression::Jpeg && pixels > MAX_JPEG_PIXELS {
            return too_costly(format!(
                "the TIFF holds JPEGs of more than {} million pixels",
                MAX_JPEG_PIXELS / 1_000_000
            ));
        }
        if pixels > MAX_PIXELS || bytes_of(pixels) > 2 * MAX_BYTES {
            return too_costly(format!(
                "the TIFF has tiles of {piece_width} x {piece_height} pixels for a picture of \
                 {width} x {height}"
            ));
        }
        let missing =
            || ReferenceError::Damaged("the TIFF doesn't say where its pixels are".into());
        let (offsets, lengths) = if is_tiled { (324, 325) } else { (273, 279) };
        let offsets = directory.values(offsets)?.ok_or_else(missing)?;
        let lengths = directory.values(lengths)?.ok_or_else(missing)?;
        if offsets.len() > MAX_PIECES {
            let n = offsets.len();
            return too_costly(format!("the TIFF is in {n} pieces, more than {MAX_PIECES}"));
        }
        if lengths.iter().fold(0_u64, |sum, length| sum.saturating_add(*length))
            > 2 * directory.n_bytes()
        {
            return too_costly("the pieces of the TIFF share their data".into());
        }
        let n_pieces = (width as u64).div_ceil(piece_width)
            * (height as u64).div_ceil(piece_height)
            * n_planes as u64;
        if (offsets.len().min(lengths.len()) as u64) < n_pieces {
            return damaged("the TIFF has fewer strips or tiles than its picture needs");
        }
        Ok(Self {
            width,
            height,
            alpha,
            coding: Coding {
                kind,
                bits,
                predictor,
                is_big_endian: directory.is_big_endian(),
                n_channels: if n_planes > 1 { 1 } else { n_samples },
            },
            compression,
            is_reversed: directory.value(266, 1)? == 2 && compression != Compression::Jpeg,
            n_planes,
            n_samples,
            piece_width: piece_width as usize,
            piece_height: piece_height as usize,
            pieces: offsets.into_iter().zip(lengths).collect(),
            jpeg_tables: match compression {
                Compression::Jpeg => directory.values(347)?.unwrap_or_default(),
                _ => Vec::new(),
            }
            .into_iter()
            .map(|byte| byte as u8)
            .collect(),
            colors,
            directory,
        })
    }

    /// Bits of the picture's samples: 8 or 16.
    fn depth(&self) -> u32 {
        match &self.colors {
            Colors::Palette(levels) if levels.iter().any(|level| level >> 8 != level & 255) => 16,
            Colors::Palette(_) => 8,
            _ if self.coding.depth() > 8 => 16,
            _ => 8,
        }
    }

    fn n_channels(&self) -> usize {
        let n_colors = match self.colors {
            Colors::Grey | Colors::Negative => 1,
            _ => 3,
        };
        n_colors + usize::from(self.alpha.is_some())
    }
}

/// A strip or tile, which can be read row by row.
enum Piece {
    Rows {
        bytes: Vec<u8>,
        n_bytes: usize,
    },
    /// Rows of units: so many Y', across and down, with one Cb and one Cr.
    Units {
        bytes: Vec<u8>,
        n_bytes: usize,
        factors: [usize; 2],
    },
    Jpeg(jpeg::Piece),
}

impl Tiff<'_> {
    /// The samples of all pixels, one after the other.
    fn pixels<S: Sample>(&self, budget: &Budget) -> Result<Vec<S>, ReferenceError> {
        let n_channels = self.n_channels();
        let mut pixels = vec![S::default(); self.width * self.height * n_channels];
        let across = self.width.div_ceil(self.piece_width);
        let n_pieces = across * self.height.div_ceil(self.piece_height);
        let mut samples = vec![0; self.piece_width * self.n_samples];
        let mut plane = vec![0; self.piece_width * self.coding.n_channels];
        let mut work = jpeg::Work::default();
        for i in 0..n_pieces {
            let (left, top) = (i % across * self.piece_width, i / across * self.piece_height);
            let n_rows = self.piece_height.min(self.height - top);
            let n_columns = self.piece_width.min(self.width - left);
            let pieces = (0..self.n_planes).map(|plane| plane * n_pieces + i);
            let pieces: Vec<Piece> = pieces
                .map(|i| self.piece(self.pieces[i], n_rows, n_columns, &mut work, budget))
                .collect::<Result<_, _>>()?;
            for y in 0..n_rows {
                // A piece can be all there is, in rows of a pixel.
                if y % ROWS_BETWEEN_LOOKS == 0 {
                    budget.check()?;
                }
                match &pieces[..] {
                    [piece] => self.read_row(piece, y, &mut samples),
                    pieces => {
                        for (at, piece) in pieces.iter().enumerate() {
                            self.read_row(piece, y, &mut plane);
                            let places = samples[at..].iter_mut().step_by(self.n_samples);
                            places.zip(&plane).for_each(|(place, &sample)| *place = sample);
                        }
                    }
                }
                let at = ((top + y) * self.width + left) * n_channels;
                self.convert(&samples, &mut pixels[at..at + n_columns * n_channels]);
            }
        }
        Ok(pixels)
    }

    fn piece(
        &self,
        (at, length): (u64, u64),
        n_rows: usize,
        n_columns: usize,
        work: &mut jpeg::Work,
        budget: &Budget,
    ) -> Result<Piece, ReferenceError> {
        budget.check()?;
        let stored = |length| {
            let behind = || {
                ReferenceError::Damaged("a strip or tile of the TIFF lies behind its end".into())
            };
            self.directory.piece(at, length).ok_or_else(behind)
        };
        if self.compression == Compression::Jpeg {
            let piece = stored(length)?;
            // Without the end of the tables, and the start of what follows them.
            let file = match self.jpeg_tables.strip_suffix(&[0xFF, 0xD9]) {
                Some(tables) if tables.len() >= 2 => {
                    [tables, piece.get(2..).unwrap_or_default()].concat()
                }
                _ => piece.to_vec(),
            };
            let size = [self.piece_width, self.piece_height.min(self.height)];
            let piece = jpeg::decode_piece(&file, size, work, budget)?;
            if piece.n_channels != self.coding.n_channels
                || piece.width < n_columns
                || piece.height < n_rows
            {
                return damaged("a JPEG in the TIFF has fewer samples than it should");
            }
            return Ok(Piece::Jpeg(piece));
        }
        let decompress = |n_rows, n_bytes| {
            // What isn't compressed is as long as it is, whatever some programs write.
            let piece = match self.compression {
                Compression::None => stored((n_rows * n_bytes) as u64)?,
                _ => stored(length)?,
            };
            let piece: Cow<[u8]> = match self.is_reversed {
                true => piece.iter().map(|byte| byte.reverse_bits()).collect(),
                false => piece.into(),
            };
            decompress(self.compression, &piece, n_rows, n_bytes, self.piece_width, budget)
        };
        if let Colors::YCbCr(YCbCr { unit: Some(factors), .. }) = self.colors {
            let [h, v] = factors;
            let n_bytes = self.piece_width.div_ceil(h) * (h * v + 2);
            let bytes = decompress(n_rows.div_ceil(v), n_bytes)?;
            return Ok(Piece::Units { bytes, n_bytes, factors });
        }
        let n_bytes = self.coding.n_bytes(self.piece_width * self.coding.n_channels);
        Ok(Piece::Rows { bytes: decompress(n_rows, n_bytes)?, n_bytes })
    }

    /// Reads a row of a piece.
    fn read_row(&self, piece: &Piece, y: usize, samples: &mut [u64]) {
        match piece {
            Piece::Rows { bytes, n_bytes } => {
                self.coding.read(&bytes[y * n_bytes..(y + 1) * n_bytes], samples);
            }
            Piece::Units { bytes, n_bytes, factors: [h, v] } => {
                let row = &bytes[y / v * n_bytes..(y / v + 1) * n_bytes];
                for (x, pixel) in samples.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                    let unit = &row[x / h * (h * v + 2)..];
                    let places = [y % v * h + x % h, h * v, h * v + 1];
                    *pixel = places.map(|at| unit[at].into());
                }
            }
            Piece::Jpeg(jpeg::Piece { width, n_channels, samples: all, .. }) => {
                let row = all[y * width * n_channels..].iter().take(width * n_channels);
                samples.iter_mut().zip(row).for_each(|(sample, &byte)| *sample = byte.into());
            }
        }
    }

    /// Makes pixels of a row of samples.
    fn convert<S: Sample>(&self, samples: &[u64], pixels: &mut [S]) {
        let largest = (1 << self.coding.depth()) - 1;
        match &self.colors {
            Colors::Grey => self.fill(samples, pixels, largest, |pixel| [pixel[0]; 3]),
            Colors::Negative => {
                self.fill(samples, pixels, largest, |pixel| [largest - pixel[0]; 3])
            }
            Colors::Rgb => {
                self.fill(samples, pixels, largest, |pixel| [pixel[0], pixel[1], pixel[2]])
            }
            Colors::Palette(levels) => self.fill(samples, pixels, 65535, |pixel| {
                [0, 1, 2].map(|channel| levels[channel * levels.len() / 3 + pixel[0] as usize])
            }),
            Colors::Cmyk(Some(inks)) => {
                let before = samples.chunks_exact(self.n_samples);
                let colors =
                    inks.to_rgb(before.map(|pixel| [0, 1, 2, 3].map(|i| pixel[i])), largest);
                // In the place of the inks, so that alpha stays where it is.
                let mut samples = samples.to_vec();
                for (pixel, color) in samples.chunks_exact_mut(self.n_samples).zip(colors) {
                    pixel[..3].copy_from_slice(&color.map(u64::from));
                }
                let full = u16::MAX.into();
                self.fill(&samples, pixels, full, |pixel| [pixel[0], pixel[1], pixel[2]])
            }
            Colors::Cmyk(None) => self.fill(samples, pixels, largest, |pixel| {
                cmyk_to_rgb([pixel[0], pixel[1], pixel[2], pixel[3]], largest)
            }),
            Colors::YCbCr(ycbcr) => self.fill(samples, pixels, largest, |pixel| {
                ycbcr.to_rgb([pixel[0], pixel[1], pixel[2]])
            }),
        }
    }

    /// Makes pixels of a row of samples, by a conversion to levels up to a largest one.
    #[inline]
    fn fill<S: Sample>(
        &self,
        samples: &[u64],
        pixels: &mut [S],
        full: u64,
        convert: impl Fn(&[u64]) -> [u64; 3],
    ) {
        let n_channels = self.n_channels();
        let n_colors = n_channels - usize::from(self.alpha.is_some());
        let largest = (1 << self.coding.depth()) - 1;
        let pixels = pixels.chunks_exact_mut(n_channels);
        for (samples, pixel) in samples.chunks_exact(self.n_samples).zip(pixels) {
            let mut colors = convert(samples);
            if let Some(Alpha { at, is_associated }) = self.alpha {
                let alpha = samples[at];
                if is_associated && alpha > 0 {
                    colors = colors.map(|color| ((color * largest + alpha / 2) / alpha).min(full));
                }
                pixel[n_colors] = S::of(alpha, largest);
            }
            let places = pixel[..n_colors].iter_mut();
            places.zip(colors).for_each(|(place, color)| *place = S::of(color, full));
        }
    }
}

fn colors(
    directory: &Directory,
    compression: Compression,
    bits: u32,
) -> Result<Colors, ReferenceError> {
    Ok(match directory.value(262, u64::MAX)? {
        0 => Colors::Negative,
        1 => Colors::Grey,
        2 => Colors::Rgb,
        3 => {
            let mut levels = directory.values(320)?.unwrap_or_default();
            if bits > 16 || levels.len() != 3 << bits {
                return damaged("the TIFF's palette has not as many colours as it should");
            }
            // Some programs write bytes, or bytes in the higher half.
            if levels.iter().all(|level| *level < 256) {
                levels.iter_mut().for_each(|level| *level *= 257);
            } else if levels.iter().all(|level| level & 255 == 0) {
                levels.iter_mut().for_each(|level| *level += *level >> 8);
            }
            Colors::Palette(levels)
        }
        5 if directory.value(332, 1)? == 1 => Colors::Cmyk(None),
        5 => return unsupported("a TIFF of other inks than CMYK"),
        6 => {
            if bits != 8 {
                return unsupported(format!("a TIFF of Y'CbCr of {bits} bits"));
            }
            // Its decoder gives all samples, of JFIF.
            if compression == Compression::Jpeg {
                return Ok(Colors::YCbCr(YCbCr::JFIF));
            }
            let unit = match directory.values(530)?.as_deref() {
                None => Some([2, 2]),
                Some([1, 1]) => None,
                Some(&[h @ (1 | 2 | 4), v @ (1 | 2 | 4)]) => Some([h as usize, v as usize]),
                _ => return damaged("the TIFF's subsampling is wrong"),
            };
            let (luma, levels) = (directory.ratios(529)?, directory.ratios(532)?);
            let (luma, levels) =
                (luma.unwrap_or(YCbCr::JFIF.luma), levels.unwrap_or(YCbCr::JFIF.levels));
            if levels.as_chunks::<2>().0.iter().any(|[black, white]| black == white)
                || luma[1] == 0.
            {
                return damaged("the TIFF's Y'CbCr has no levels");
            }
            Colors::YCbCr(YCbCr { unit, luma, levels })
        }
        4 => return unsupported("a TIFF of a mask"),
        8..=10 => return unsupported("a TIFF of CIE L*a*b*"),
        32844 | 32845 => return unsupported("a TIFF of CIE LogL or LogLuv"),
        32803 | 34892 => return unsupported("a raw picture of a camera"),
        u64::MAX => return damaged("the TIFF doesn't say what its colours are"),
        other => return unsupported(format!("a TIFF of the colours {other}")),
    })
}
