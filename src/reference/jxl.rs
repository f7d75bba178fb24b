//! JPEG XL (ISO/IEC 18181), decoded by the crate `jxl`.
//!
//! That decoder is given little work at a time, and can be stopped in between. It holds the limits of
//! the standard's level 5 on what a file may be made of.

use std::io::{self, IoSliceMut, Read};

use ::jxl::api::{
    AlphaMode, Endianness, Event, ExtraChannel, JxlBasicInfo, JxlBitDepth, JxlBitstreamInput,
    JxlColorEncoding, JxlColorProfile, JxlColorType, JxlDataFormat, JxlDecoder, JxlDecoderOptions,
    JxlOutputBuffer, JxlParallelRunner, JxlParallelRunnerFun, JxlPixelFormat, JxlPrimaries,
    JxlTransferFunction, JxlWhitePoint,
};
use ::jxl::error::Error;

use super::ReferenceError;
use super::checks::{check_size, too_costly};
use super::decoded::{Decoded, quotable};
use super::meter::{Budget, Meter};
use super::profile::Stated;
use super::samples::picture;

/// The most samples of a frame: 2^24 pixels of three channels. Frames that others are made of, up to
/// four, are in memory as fractions of 32 bits.
const MAX_SAMPLES: usize = 3 << 24;

/// The most bytes: 64 MiB. A picture of the most pixels with noise and without loss has 38 MB.
const MAX_BYTES: usize = 64 << 20;

/// Decodes a file.
pub(super) fn decode(file: &[u8], budget: &Budget) -> Result<Decoded, ReferenceError> {
    if file.len() > MAX_BYTES {
        let (size, limit) = (file.len() >> 20, MAX_BYTES >> 20);
        return too_costly(format!("{size} MiB are more than the limit for JPEG XL, {limit} MiB"));
    }
    let mut options = JxlDecoderOptions::default();
    options.sample_limit = Some(MAX_SAMPLES + 1);
    options.alpha_mode = AlphaMode::Unpremultiplied;
    let mut steps = Steps {
        decoder: JxlDecoder::new(options),
        input: Input { file: Meter::new(file, budget), left: file.len() },
        runner: Runner(budget),
    };
    while steps.next(None)? != Event::BasicInfo {}

    let info = steps.decoder.basic_info().expect("it was read").clone();
    let (width, height) = info.size;
    check_size(width as u32, height as u32)?;
    let color_type = color_type(&steps.decoder, &info)?;
    let n_channels = color_type.samples_per_pixel();
    let format = |format| JxlPixelFormat {
        color_type,
        color_data_format: Some(format),
        extra_channel_format: vec![None; info.extra_channels.len()],
    };
    let picture = match info.bit_depth {
        JxlBitDepth::Int { bits_per_sample: ..=8 } => {
            let mut samples = vec![0_u8; width * height * n_channels];
            steps.frame(format(JxlDataFormat::U8 { bit_depth: 8 }), height, &mut samples)?;
            picture::<u8>(width, n_channels, samples)
        }
        _ => {
            let mut samples = vec![0_u16; width * height * n_channels];
            let words = JxlDataFormat::U16 { endianness: Endianness::native(), bit_depth: 16 };
            steps.frame(format(words), height, bytemuck::cast_slice_mut(&mut samples))?;
            picture::<u16>(width, n_channels, samples)
        }
    };
    Ok(Decoded { picture, damage: None, colors: stated(&steps.decoder) })
}

/// What the colours are that the decoder gives: it says all in profiles but those that have none.
fn stated(decoder: &JxlDecoder) -> Stated {
    let profile = decoder.output_color_profile().expect("it was read");
    // Of video, what profiles can't say, by the numbers of ITU-T H.273.
    let transfer = match profile.transfer_function() {
        Some(JxlTransferFunction::BT709) => 1,
        Some(JxlTransferFunction::PQ) => 16,
        Some(JxlTransferFunction::HLG) => 18,
        _ => {
            return match profile.try_as_icc() {
                Some(profile) => Stated::profile(&profile),
                None => Stated::Unusable("its colours can't be told".into()),
            };
        }
    };
    let primaries = match profile {
        JxlColorProfile::Simple(JxlColorEncoding::RgbColorSpace {
            white_point: JxlWhitePoint::D65,
            primaries,
            ..
        }) => match primaries {
            JxlPrimaries::SRGB => Some(1),
            JxlPrimaries::BT2100 => Some(9),
            JxlPrimaries::P3 => Some(12),
            JxlPrimaries::Chromaticities { .. } => None,
        },
        JxlColorProfile::Simple(JxlColorEncoding::GrayscaleColorSpace { .. }) => Some(1),
        _ => None,
    };
    match primaries {
        Some(primaries) => Stated::Coded { primaries, transfer },
        None => Stated::Unusable("it has primaries of its own, and the transfer of video".into()),
    }
}

/// What samples a pixel has.
fn color_type(decoder: &JxlDecoder, info: &JxlBasicInfo) -> Result<JxlColorType, ReferenceError> {
    let unsupported = |what: &str| Err(ReferenceError::Unsupported(what.into()));
    let has = |kind| info.extra_channels.iter().any(|channel| channel.ec_type == kind);
    let profile = decoder.embedded_color_profile().expect("it was read");
    if has(ExtraChannel::Black) || profile.is_cmyk() {
        return unsupported("a JPEG XL of CMYK");
    }
    if has(ExtraChannel::CFA) {
        return unsupported("a raw picture of a camera, as JPEG XL");
    }
    Ok(match (profile.channels(), has(ExtraChannel::Alpha)) {
        (1, false) => JxlColorType::Grayscale,
        (1, true) => JxlColorType::GrayscaleAlpha,
        (_, false) => JxlColorType::Rgb,
        (_, true) => JxlColorType::Rgba,
    })
}

/// A decoder, and what it needs to go on.
struct Steps<'a> {
    decoder: JxlDecoder,
    input: Input<'a>,
    runner: Runner<'a>,
}

impl Steps<'_> {
    fn next(&mut self, output: Option<&mut [JxlOutputBuffer]>) -> Result<Event, ReferenceError> {
        match self.decoder.process(&mut self.input, output, Some(&mut self.runner)) {
            Ok(Event::NeedMoreInput { .. }) => {
                Err(ReferenceError::Damaged("the JPEG XL ends early".into()))
            }
            Ok(event) => Ok(event),
            Err(error) => Err(reference_error(error)),
        }
    }

    /// The first frame, in samples of some format.
    fn frame(
        &mut self,
        format: JxlPixelFormat,
        height: usize,
        samples: &mut [u8],
    ) -> Result<(), ReferenceError> {
        self.decoder.set_pixel_format(format).map_err(reference_error)?;
        let row = samples.len() / height;
        loop {
            let output = JxlOutputBuffer::new(samples, height, row);
            match self.next(Some(&mut [output]))? {
                Event::FrameComplete { .. } => return Ok(()),
                Event::Complete => {
                    return Err(ReferenceError::Damaged("the JPEG XL has no frame".into()));
                }
                _ => {}
            }
        }
    }
}

fn reference_error(error: Error) -> ReferenceError {
    match error {
        Error::ImageSizeTooLarge(width, height) => match check_size(width as u32, height as u32) {
            Err(error) => error,
            Ok(()) => ReferenceError::TooCostly(format!(
                "{width} x {height} pixels are more than the limit for JPEG XL, {} million \
                     samples",
                MAX_SAMPLES / 1_000_000
            )),
        },
        Error::ImageDimensionTooLarge(side) => {
            ReferenceError::TooCostly(format!("a JPEG XL with {side} pixels in a row or column"))
        }
        Error::LevelLimitExceeded { .. } => {
            ReferenceError::TooCostly(format!("of the JPEG XL: {}", quotable(&error)))
        }
        Error::OutOfMemory(_) | Error::ImageOutOfMemory(..) => ReferenceError::TooMuchMemory,
        error => ReferenceError::Damaged(quotable(&error)),
    }
}

/// The content of a file.
struct Input<'a> {
    file: Meter<'a>,
    /// How many bytes are left.
    left: usize,
}

impl JxlBitstreamInput for Input<'_> {
    fn available_bytes(&mut self) -> io::Result<usize> {
        Ok(self.left)
    }

    fn read(&mut self, buffers: &mut [IoSliceMut]) -> io::Result<usize> {
        let before = self.left;
        for buffer in buffers {
            let n = buffer.len().min(self.left);
            self.file.read_exact(&mut buffer[..n])?;
            self.left -= n;
        }
        Ok(before - self.left)
    }
}

/// Does one thing after the other, as long as there is a budget.
struct Runner<'a>(&'a Budget<'a>);

impl JxlParallelRunner for Runner<'_> {
    fn run(&mut self, n: usize, task: &JxlParallelRunnerFun<'_>) -> ::jxl::error::Result<()> {
        (0..n).try_for_each(|i| {
            self.0.check().map_err(|_| io::Error::other("stopped"))?;
            task(i)
        })
    }

    fn num_threads(&self) -> usize {
        1
    }

    fn run_ordered(
        &mut self,
        n: usize,
        _: Option<usize>,
        task: &JxlParallelRunnerFun<'_>,
    ) -> ::jxl::error::Result<()> {
        self.run(n, task)
    }
}
