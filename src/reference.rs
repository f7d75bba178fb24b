//! Reference pictures, read from files, and their distribution in the channels of any stream.
//!
//! PNG, JPEG, JPEG XL, WebP, BMP, TIFF, GIF (the first frame), PNM and QOI are read, and with the
//! feature `heif` HEIC, HEIF and AVIF. The format is guessed from the content; the file's name says
//! nothing.
//!
//! Colours count as what the file says of them, by a profile (ICC) or otherwise; where it says nothing, or
//! what can't be used ([`Reference::profile_fault`]), they are taken for sRGB. They are converted into the
//! primaries and the transfer of a stream when they are asked for in its channels, where these are others.
//! 8-bit and 16-bit samples keep their depth, but for streams in PQ, HLG or a power, for which they become
//! samples of 16 bits. Grey counts as R' = G' = B'. EXIF orientation has
//! no influence. A pixel with an alpha of 0 has no colour and is not counted; any other alpha counts in
//! full.
//!
//! The colours are kept, 3 bytes per pixel or 6, because what their histograms are in the channels
//! of a stream depends on its matrix, range and colorimetry.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use image::DynamicImage;

use crate::cdf::Cdf;
use crate::color::{self, Channels, Encoding};
use crate::colorimetry::Colorimetry;
use crate::frame::rows::Sample;
use crate::frame::{FrameLayout, FrameRef, PlaneSpan, Scan};
use crate::grading::{self, Goal};
use crate::histogram::Histogram;
use crate::kernels::{InstructionSet, RowKernels};
use crate::matcher::Matcher;
use crate::statistics::{ColorSample, SAMPLED_PIXELS};
use crate::workers::Workers;
use light::{Coding, Conversion};
use meter::Budget;
use profile::Stated;

mod bmp;
mod checks;
mod decode;
mod decoded;
mod file;
#[cfg(feature = "heif")]
mod heif;
mod interrupt;
mod jpeg;
mod jxl;
mod kinds;
mod light;
mod meter;
mod profile;
mod samples;
mod target;
mod tiff;

#[doc(hidden)]
pub use decode::quietly;
pub use decode::{decode_picture, decode_picture_in_srgb};
pub use file::{MAX_FILE_BYTES, MAX_PIXELS, ReferenceError};
pub use interrupt::Interrupt;
#[cfg(feature = "plugin")]
pub(crate) use kinds::is_named_picture;
pub(crate) use samples::memory;
pub use target::{ReferenceId, Target};

/// The distributions of a reference picture.
#[derive(Debug)]
pub struct Reference {
    id: ReferenceId,
    /// One, or several with as many pixels each.
    pictures: Vec<Picture>,
    /// What was asked for, the latest first. Who asks first counts, and others who ask meanwhile wait.
    counted: Mutex<Vec<(Channels, Arc<OnceLock<Target>>)>>,
    damage: Option<String>,
    profile_fault: Option<String>,
}

/// Decodes a picture file, as [`decode_picture`] does with its content. Only regular files are opened.
pub fn load_picture(path: &Path) -> Result<DynamicImage, ReferenceError> {
    decode_picture(&file::read(path, &Interrupt::default())?)
}

impl PartialEq for Reference {
    /// Whether they hold the same colours in the same order, and the same is wrong with them, or nothing.
    fn eq(&self, other: &Self) -> bool {
        (&self.pictures, &self.damage, &self.profile_fault)
            == (&other.pictures, &other.damage, &other.profile_fault)
    }
}

#[derive(Debug)]
struct Picture {
    colors: Colors,
    /// What they stand for.
    coding: Coding,
    /// The indices of those on the grid of a sample.
    sampled: Vec<usize>,
}

impl PartialEq for Picture {
    fn eq(&self, other: &Self) -> bool {
        (&self.colors, &self.coding) == (&other.colors, &other.coding)
    }
}

/// R', G' and B' of the pixels that count, one pixel after the other, as decoders give them: so no
/// second copy is made of them.
#[derive(Debug, PartialEq)]
enum Colors {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

impl Reference {
    /// Reads a picture file.
    ///
    /// Only regular files are opened. A file may grow or shrink meanwhile: what was read counts.
    pub fn load(path: &Path) -> Result<Self, ReferenceError> {
        Self::load_here(path, &Interrupt::default())
    }

    /// Reads a picture file, unless it is interrupted: [`ReferenceError::Interrupted`].
    ///
    /// It comes back within a fraction of a second of the interrupt. The reading itself is done in
    /// another thread: where a decoder or a file system can't be stopped, that thread ends later,
    /// when they come back, and its outcome is dropped.
    pub fn load_until(path: &Path, interrupt: &Interrupt) -> Result<Self, ReferenceError> {
        let load = {
            let (path, interrupt) = (path.to_owned(), interrupt.clone());
            move || Self::load_here(&path, &interrupt)
        };
        apart(load, interrupt, None).unwrap_or_else(|failure| {
            Err(match failure {
                Apart::Interrupted | Apart::Late => ReferenceError::Interrupted,
                Apart::Panicked => ReferenceError::Damaged("the decoder failed".into()),
            })
        })
    }

    fn load_here(path: &Path, interrupt: &Interrupt) -> Result<Self, ReferenceError> {
        Self::decode_until(&file::read(path, interrupt)?, interrupt)
    }

    /// Reads a picture from the content of a file.
    pub fn decode(file: &[u8]) -> Result<Self, ReferenceError> {
        Self::decode_until(file, &Interrupt::default())
    }

    /// Reads a picture from the content of a file, unless it is interrupted.
    pub fn decode_until(file: &[u8], interrupt: &Interrupt) -> Result<Self, ReferenceError> {
        let budget = Budget::new(interrupt);
        let decoded = decode::decode(file, &budget)?;
        let is_grey = !decoded.picture.color().has_color();
        let mut reference = Self::of(decoded.picture, interrupt)?;
        reference.damage = decoded.damage;
        for picture in &mut reference.pictures {
            match picture.colors.coding(is_grey, &decoded.colors, &budget)? {
                Ok(coding) => picture.coding = coding,
                Err(fault) => reference.profile_fault = Some(fault),
            }
        }
        Ok(reference)
    }

    /// The distributions of a decoded picture.
    pub fn from_picture(picture: &DynamicImage) -> Result<Self, ReferenceError> {
        Self::of(picture.clone(), &Interrupt::default())
    }

    /// Colours that come from no file: R'G'B' in 16 bits. There is at least one, and no more than a
    /// [sample](ColorSample) has.
    pub fn of_colors(colors: Vec<[u16; 3]>, colorimetry: Colorimetry) -> Self {
        Self::of_pictures(vec![Picture {
            sampled: (0..colors.len()).collect(),
            coding: Coding::Known(colorimetry),
            colors: Colors::Words(colors.into_flattened()),
        }])
    }

    /// Several as one; `None` if there is none. Of each, as many pixels count ([`thinned`](Self::thinned)), but
    /// of one alone all.
    pub fn of_several(references: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut references = references.into_iter();
        let first = references.next()?;
        let Some(second) = references.next() else { return Some(first) };
        let all = [first, second].into_iter().chain(references).map(Self::thinned);
        Some(Self::of_pictures(all.flat_map(|reference| reference.pictures).collect()))
    }

    /// With as many pixels as a sample has: 32,400 that are spread over the picture. Those of smaller ones count
    /// several times.
    pub fn thinned(mut self) -> Self {
        self.pictures.iter_mut().for_each(|picture| *picture = picture.thinned());
        self
    }

    fn of(picture: DynamicImage, interrupt: &Interrupt) -> Result<Self, ReferenceError> {
        let (width, height) = (picture.width(), picture.height());
        let n_channels = usize::from(picture.color().channel_count());
        let size = (width as usize, height as usize, n_channels);
        let (colors, sampled) = match picture {
            DynamicImage::ImageLuma8(_)
            | DynamicImage::ImageLumaA8(_)
            | DynamicImage::ImageRgb8(_)
            | DynamicImage::ImageRgba8(_) => {
                let (colors, sampled) = colors(picture.into_bytes(), size, interrupt)?;
                (Colors::Bytes(colors), sampled)
            }
            DynamicImage::ImageLuma16(picture) => words(picture.into_raw(), size, interrupt)?,
            DynamicImage::ImageLumaA16(picture) => words(picture.into_raw(), size, interrupt)?,
            DynamicImage::ImageRgb16(picture) => words(picture.into_raw(), size, interrupt)?,
            DynamicImage::ImageRgba16(picture) => words(picture.into_raw(), size, interrupt)?,
            other => {
                return Err(ReferenceError::Unsupported(format!("{:?} samples", other.color())));
            }
        };
        let is_empty = match &colors {
            Colors::Bytes(colors) => colors.is_empty(),
            Colors::Words(colors) => colors.is_empty(),
        };
        if is_empty {
            return Err(match (width, height) {
                (0, _) | (_, 0) => ReferenceError::NoPixels,
                _ => ReferenceError::Transparent,
            });
        }
        Ok(Self::of_pictures(vec![Picture { colors, coding: profile::SRGB, sampled }]))
    }

    fn of_pictures(pictures: Vec<Picture>) -> Self {
        Self {
            id: ReferenceId::new(),
            pictures,
            counted: Mutex::default(),
            damage: None,
            profile_fault: None,
        }
    }

    /// The distribution of each of some channels.
    ///
    /// The picture is full-range R'G'B'. It is converted to the channels' coding in its own depth,
    /// 8 or 16 bits, as frames are ([`Affine`](crate::color::Affine)), and its histograms to theirs
    /// ([`Histogram::at_depth`]).
    ///
    /// That takes time; what was asked for lately is remembered.
    pub fn cdfs(&self, channels: &Channels) -> Arc<[Cdf]> {
        self.target(channels).cdfs
    }

    /// Which reference this is.
    pub fn id(&self) -> ReferenceId {
        self.id
    }

    /// What frames with some channels are matched to.
    ///
    /// That takes time, as [`cdfs`](Self::cdfs) does.
    pub fn target(&self, channels: &Channels) -> Target {
        let counted = {
            let mut all = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            match all.iter().find(|(other, _)| other == channels) {
                Some((_, counted)) => Arc::clone(counted),
                None => {
                    let counted = Arc::default();
                    all.truncate(REMEMBERED - 1);
                    all.insert(0, (channels.clone(), Arc::clone(&counted)));
                    counted
                }
            }
        };
        counted.get_or_init(|| self.count(channels)).clone()
    }

    fn count(&self, channels: &Channels) -> Target {
        let (histograms, samples): (Vec<_>, Vec<_>) =
            self.pictures.iter().map(|picture| picture.count(channels)).unzip();
        let of_channel = |channel: usize| histograms.iter().map(move |all| &all[channel]);
        let cdfs = (0..channels.depths.len()).map(|n| Cdf::from(&merged(of_channel(n)))).collect();
        let sample = samples.into_iter().reduce(joined).unwrap_or_default();
        let goal = Goal::new(&sample, grading::luma_weights(channels.encoding));
        Target { id: self.id, cdfs, goal: Some(Arc::new(goal)) }
    }

    /// The same, if it is remembered.
    pub fn ready_target(&self, channels: &Channels) -> Option<Target> {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, target) = counted.iter().find(|(other, _)| other == channels)?;
        target.get().cloned()
    }

    /// All of its colours, R'G'B' in 16 bits of a stream.
    pub(crate) fn words(&self, colorimetry: Colorimetry) -> Vec<u16> {
        let words = |picture: &Picture| {
            let conversion = picture.coding.to(colorimetry);
            match picture.colors.recoded(0..picture.colors.n_pixels(), conversion.as_ref()) {
                Recoded::Bytes(colors) => {
                    colors.iter().map(|&sample| 257 * u16::from(sample)).collect()
                }
                Recoded::Words(colors) => colors.into_owned(),
            }
        };
        self.pictures.iter().flat_map(words).collect()
    }

    /// How many pixels count.
    pub fn n_pixels(&self) -> usize {
        self.pictures.iter().map(|picture| picture.colors.n_pixels()).sum()
    }

    /// Some of its colours, from a grid over the picture, as R'G'B' of a stream.
    pub fn sample(&self, colorimetry: Colorimetry) -> ColorSample {
        let samples = self
            .pictures
            .iter()
            .map(|picture| picture.sample_by(picture.coding.to(colorimetry).as_ref()));
        samples.reduce(joined).unwrap_or_default()
    }

    /// Bits of the samples: 8 or 16, if those of any picture have that.
    pub fn depth(&self) -> u32 {
        let is_deep = |picture: &Picture| matches!(picture.colors, Colors::Words(_));
        if self.pictures.iter().any(is_deep) { 16 } else { 8 }
    }

    /// What of the file can't be read, if it is a damaged one that can be used nevertheless: in
    /// words that follow its name and "is damaged".
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// What is wrong with the file although it can be used: cause and cure, in sentences that follow its name.
    pub fn complaints(&self) -> impl Iterator<Item = String> {
        let damage =
            self.damage().map(|what| format!("is damaged: {what}. Save or copy it again."));
        let fault = self.profile_fault().map(|why| {
            format!(
                "has a colour profile that can't be used: {why}. Its colours count as sRGB; convert it \
                 to sRGB in a program that knows its colours."
            )
        });
        damage.into_iter().chain(fault)
    }

    /// Why the colour profile of the file can't be used, if there is such a one: then the colours count
    /// as sRGB.
    pub fn profile_fault(&self) -> Option<&str> {
        self.profile_fault.as_deref()
    }
}

impl Picture {
    /// The histograms of some channels, and the colours on the grid of a sample.
    fn count(&self, channels: &Channels) -> (Vec<Histogram>, ColorSample) {
        let conversion = self.coding.to(channels.colorimetry);
        let histograms = self.colors.histograms(channels.encoding, conversion.as_ref());
        let histograms = histograms
            .iter()
            .zip(&channels.depths)
            .enumerate()
            .map(|(channel, (histogram, &depth))| {
                histogram.at_depth(depth, channels.encoding.legal(channel, depth))
            })
            .collect();
        (histograms, self.sample_by(conversion.as_ref()))
    }

    fn sample_by(&self, conversion: Option<&Conversion>) -> ColorSample {
        match self.colors.pick(&self.sampled).recoded(0..self.sampled.len(), conversion) {
            Recoded::Bytes(colors) => sample(&colors),
            Recoded::Words(colors) => sample(&colors),
        }
    }

    /// As many of its pixels as a sample has: one of each of as many stretches that are equally long, or all
    /// again and again.
    fn thinned(&self) -> Self {
        // Always the same distance may be that of columns. The parts of a golden section are spread evenly
        // and have none.
        const GOLDEN: u32 = 0x9E37_79B9;
        let n_pixels = self.colors.n_pixels() as u128;
        let pixels = (0..SAMPLED_PIXELS as u32).map(|stretch| {
            let at = u128::from(stretch) << 32 | u128::from(stretch.wrapping_mul(GOLDEN));
            ((at * n_pixels / SAMPLED_PIXELS as u128) >> 32) as usize
        });
        Self {
            colors: self.colors.pick(&pixels.collect::<Vec<_>>()),
            coding: self.coding.clone(),
            sampled: (0..SAMPLED_PIXELS).collect(),
        }
    }
}

/// Histograms of one channel as one. They are of as many pixels, but of pictures of fewer bits these are
/// counted several times ([`Histogram::at_depth`]).
fn merged<'a>(histograms: impl Iterator<Item = &'a Histogram> + Clone) -> Histogram {
    let most = histograms.clone().map(Histogram::total).max().unwrap_or_default();
    let weighted = histograms.map(|histogram| {
        let weight = most / histogram.total();
        Histogram { bins: histogram.bins.iter().map(|bin| bin * weight).collect() }
    });
    let merged = weighted.reduce(|mut all, more| {
        all.merge(&more);
        all
    });
    merged.expect("there is a picture")
}

/// Both samples as one.
fn joined(mut a: ColorSample, b: ColorSample) -> ColorSample {
    for (a, b) in a.channels.iter_mut().zip(b.channels) {
        a.extend(b);
    }
    a
}

impl Colors {
    /// What they stand for by what a file says, or what hinders that.
    fn coding(
        &mut self,
        is_grey: bool,
        stated: &Stated,
        budget: &Budget,
    ) -> Result<Result<Coding, String>, ReferenceError> {
        Ok(match self {
            Self::Bytes(colors) => profile::coding(colors, is_grey, stated, budget)?,
            Self::Words(colors) => profile::coding(colors, is_grey, stated, budget)?,
        })
    }
}

/// Some colours in the coding of a stream.
enum Recoded<'a> {
    Bytes(Cow<'a, [u8]>),
    Words(Cow<'a, [u16]>),
}

impl Colors {
    /// Some of the pixels. Converted ones keep their depth as far as that has levels for it.
    fn recoded(&self, pixels: Range<usize>, conversion: Option<&Conversion>) -> Recoded<'_> {
        let samples = 3 * pixels.start..3 * pixels.end;
        match (self, conversion) {
            (Self::Bytes(colors), None) => Recoded::Bytes(Cow::Borrowed(&colors[samples])),
            (Self::Words(colors), None) => Recoded::Words(Cow::Borrowed(&colors[samples])),
            (Self::Bytes(colors), Some(conversion)) if conversion.is_to_sdr() => {
                Recoded::Bytes(conversion.apply(&colors[samples]).into())
            }
            (Self::Bytes(colors), Some(conversion)) => {
                Recoded::Words(conversion.apply(&colors[samples]).into())
            }
            (Self::Words(colors), Some(conversion)) => {
                Recoded::Words(conversion.apply(&colors[samples]).into())
            }
        }
    }

    /// Those with some indices.
    fn pick(&self, pixels: &[usize]) -> Self {
        fn pick<S: Copy>(colors: &[S], pixels: &[usize]) -> Vec<S> {
            pixels.iter().flat_map(|&pixel| &colors[3 * pixel..][..3]).copied().collect()
        }
        match self {
            Self::Bytes(colors) => Self::Bytes(pick(colors, pixels)),
            Self::Words(colors) => Self::Words(pick(colors, pixels)),
        }
    }

    fn n_pixels(&self) -> usize {
        match self {
            Self::Bytes(colors) => colors.len() / 3,
            Self::Words(colors) => colors.len() / 3,
        }
    }

    /// The histograms in the channels of a stream. Pieces are converted one after the other, so that no
    /// second copy is made of all.
    fn histograms(&self, encoding: Encoding, conversion: Option<&Conversion>) -> Vec<Histogram> {
        let n_pixels = self.n_pixels();
        let pieces = (0..n_pixels).step_by(PIXELS_OF_PIECE).map(|start| {
            let pixels = start..(start + PIXELS_OF_PIECE).min(n_pixels);
            match self.recoded(pixels, conversion) {
                Recoded::Bytes(colors) => histograms(&colors, encoding),
                Recoded::Words(colors) => histograms(&colors, encoding),
            }
        });
        let merged = pieces.reduce(|mut all, more| {
            all.iter_mut().zip(&more).for_each(|(all, more)| all.merge(more));
            all
        });
        merged.expect("there is a pixel")
    }
}

/// Why nothing came of what was done [apart].
pub(crate) enum Apart {
    Interrupted,
    Late,
    Panicked,
}

/// Does what may not be stoppable in a thread of its own. If it is interrupted, or not done until the deadline,
/// that thread ends later, and its outcome is dropped.
pub(crate) fn apart<T: Send + 'static>(
    load: impl FnOnce() -> T + Clone + Send + 'static,
    interrupt: &Interrupt,
    deadline: Option<Instant>,
) -> Result<T, Apart> {
    let is_late = || deadline.is_some_and(|deadline| Instant::now() > deadline);
    let (sender, outcome) = mpsc::channel();
    let loader = {
        let load = load.clone();
        // Nobody may be waiting any more.
        move || drop(sender.send(load()))
    };
    let Ok(loader) = thread::Builder::new().name("load-reference".into()).spawn(loader) else {
        // No thread to be had: then it is interrupted where it looks for that.
        return Ok(load());
    };
    loop {
        match outcome.recv_timeout(BETWEEN_LOOKS) {
            Ok(outcome) => {
                // It has nothing left to do; no thread outlives a load that wasn't interrupted.
                let _ = loader.join();
                return Ok(outcome);
            }
            Err(RecvTimeoutError::Timeout) if interrupt.is_interrupted() => {
                return Err(Apart::Interrupted);
            }
            Err(RecvTimeoutError::Timeout) if is_late() => return Err(Apart::Late),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Apart::Panicked),
        }
    }
}

fn words(
    samples: Vec<u16>,
    size: (usize, usize, usize),
    interrupt: &Interrupt,
) -> Result<(Colors, Vec<usize>), ReferenceError> {
    let (colors, sampled) = colors(samples, size, interrupt)?;
    Ok((Colors::Words(colors), sampled))
}

/// The colours of a picture of some width, height and number of channels, and which of them are on the
/// grid of a sample.
fn colors<S: Sample>(
    samples: Vec<S>,
    (width, height, n_channels): (usize, usize, usize),
    interrupt: &Interrupt,
) -> Result<(Vec<S>, Vec<usize>), ReferenceError> {
    let step = ColorSample::step(width, height);
    let is_on_grid = |n: usize| n % step == step / 2;
    let has_alpha = n_channels.is_multiple_of(2);
    let mut sampled = Vec::new();
    // Of opaque pixels.
    let mut index = 0;
    for (y, row) in samples.chunks_exact((width * n_channels).max(1)).enumerate() {
        if !has_alpha && !is_on_grid(y) {
            index += width;
            continue;
        }
        for (x, pixel) in row.chunks_exact(n_channels).enumerate() {
            if !has_alpha || pixel[n_channels - 1] != S::default() {
                if is_on_grid(y) && is_on_grid(x) {
                    sampled.push(index);
                }
                index += 1;
            }
        }
    }
    let colors = opaque_colors(samples, n_channels, interrupt)?;
    if sampled.is_empty() {
        // What is opaque lies between the pixels of the grid.
        let n_pixels = colors.len() / 3;
        sampled.extend((0..n_pixels).step_by((n_pixels / SAMPLED_PIXELS).max(1)));
    }
    Ok((colors, sampled))
}

/// R'G'B' of pixels.
fn sample<S: Sample>(colors: &[S]) -> ColorSample {
    let scale = 255. / ((1u32 << S::BITS) - 1) as f32;
    let pixels = colors.as_chunks::<3>().0;
    let channel = |c: usize| pixels.iter().map(|pixel| pixel[c].get() as f32 * scale).collect();
    ColorSample { channels: [channel(0), channel(1), channel(2)] }
}

/// R', G' and B' of the pixels that aren't fully transparent, of samples of grey (1), grey and
/// alpha (2), R'G'B' (3), or R'G'B' and alpha (4).
fn opaque_colors<S: Copy + Default + PartialEq>(
    mut samples: Vec<S>,
    n_channels: usize,
    interrupt: &Interrupt,
) -> Result<Vec<S>, ReferenceError> {
    let transparent = S::default();
    let n_pixels = samples.len() / n_channels;
    let pieces =
        (0..n_pixels).step_by(PIXELS_BETWEEN_LOOKS).map(|start| match interrupt.is_interrupted() {
            true => Err(ReferenceError::Interrupted),
            false => Ok(start..(start + PIXELS_BETWEEN_LOOKS).min(n_pixels)),
        });
    match n_channels {
        3 => {}
        4 => {
            let mut end = 0;
            for piece in pieces {
                for pixel in piece? {
                    let [r, g, b, alpha] = [0, 1, 2, 3].map(|channel| samples[pixel * 4 + channel]);
                    if alpha != transparent {
                        // Where it was read, or before that.
                        samples[end..end + 3].copy_from_slice(&[r, g, b]);
                        end += 3;
                    }
                }
            }
            samples.truncate(end);
            samples.shrink_to_fit();
        }
        _ => {
            let mut colors = Vec::with_capacity(n_pixels * 3);
            for piece in pieces {
                let piece = piece?;
                let piece = &samples[piece.start * n_channels..piece.end * n_channels];
                for pixel in piece.chunks_exact(n_channels) {
                    if n_channels == 1 || pixel[1] != transparent {
                        colors.extend_from_slice(&[pixel[0]; 3]);
                    }
                }
            }
            return Ok(colors);
        }
    }
    Ok(samples)
}

/// The time between two looks at the interrupt while another thread loads.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Pixels between two looks at the interrupt: a few milliseconds.
const PIXELS_BETWEEN_LOOKS: usize = 1 << 20;

/// The kinds of channels whose distributions are remembered: those of all methods, of several
/// streams.
const REMEMBERED: usize = 16;

/// Pixels that are converted at once: whole rows.
const PIXELS_OF_PIECE: usize = 256 * ROW;

/// Pixels of a row, where colours are counted as a frame.
const ROW: usize = 4096;

/// The histograms of full-range R'G'B' in another coding, with as many bits.
fn histograms<S: RowKernels>(colors: &[S], encoding: Encoding) -> Vec<Histogram> {
    let (rows, rest) = colors.split_at(colors.len() / (3 * ROW) * (3 * ROW));
    let mut histograms = count(rows, ROW, encoding);
    for (histogram, rest) in histograms.iter_mut().zip(count(rest, rest.len() / 3, encoding)) {
        histogram.merge(&rest);
    }
    histograms
}

/// The same of as many rows of some width as there are.
fn count<S: RowKernels>(colors: &[S], width: usize, encoding: Encoding) -> Vec<Histogram> {
    let height = colors.len() / (3 * width).max(1);
    let rgb = Encoding::Rgb(color::Range::Full);
    let layout = FrameLayout::packed(width, height, rgb, 3, size_of::<S>());
    let spans = [PlaneSpan { offset: 0, stride: layout.planes[0].row_bytes.max(1) as isize }];
    let frame = FrameRef::new(bytemuck::cast_slice(colors), &layout, &spans);
    let frame = frame.expect("rows behind each other");
    let mut matcher =
        Matcher::with_encoding(layout.clone(), encoding, InstructionSet::best(), None)
            .expect("samples are side by side");
    let counted = matcher.count(frame, Scan::Progressive, &Workers::default());
    counted.expect("memory for a row").histograms
}
