//! What files say of their colours, foremost colour profiles (ICC.1).
//!
//! The crate `moxcms` reads profiles. Those of a matrix and three curves, and those of a grey curve, say what
//! light samples are ([`Light`]), from which they are converted for each stream; with the same result on
//! every machine. Those of tables are applied by `moxcms` and become sRGB; results may differ by a level of
//! 16 bits between instruction sets. The intent is relative colorimetric, without black point compensation.

use std::sync::Arc;

use moxcms::{
    Chromaticity, CmsError, ColorPrimaries, ColorProfile, DataColorSpace, Layout, ParsingOptions,
    RenderingIntent, ToneReprCurve, Transform16BitExecutor, TransformOptions, Xyzd,
};

use crate::colorimetry::{Colorimetry, D65, Primaries};
use crate::matrix::{IDENTITY, Matrix};

use super::decode::quietly;
use super::decoded::quotable;
use super::light::{Coding, Conversion, Light};
use super::meter::{Budget, Stop};
use super::samples::Sample;

pub(super) mod png;
pub(super) mod webp;

/// The largest profile, in bytes: 8 MiB. Those of printers, with tables for three intents, have three.
pub(super) const MAX_BYTES: usize = 8 << 20;

/// The most values of a curve: one for each sample of 16 bits.
const MAX_CURVE: usize = 1 << 16;

/// Pixels between two looks at the budget.
const PIECE: usize = 1 << 14;

/// How far a profile may move a sample and be one of sRGB: less than a level of 8 bits. And how far its
/// primaries may be from those of sRGB, as parts of a matrix. There are many profiles of sRGB, which
/// differ by their rounding.
const ROUNDING: u16 = 257;
const ROUNDING_OF_PRIMARIES: f64 = 0.002;

/// What a file says of its colours.
#[derive(Debug, Default)]
pub(super) enum Stated {
    /// Nothing, or that they are sRGB's.
    #[default]
    Srgb,
    /// An ICC profile.
    Profile(Vec<u8>),
    /// Numbers of ITU-T H.273.
    Coded { primaries: u8, transfer: u8 },
    /// The chromaticities of red, green, blue and white, and the exponent of light, if it isn't sRGB's
    /// curve.
    Measured { chromaticities: [[f32; 2]; 4], exponent: Option<f32> },
    /// What can't be read, and why: in words that follow "its colour profile can't be used".
    Unusable(String),
}

impl Stated {
    /// A profile of a file, or why it is none.
    pub fn profile(bytes: &[u8]) -> Self {
        match bytes.len() {
            0 => Self::Unusable("it is empty".into()),
            n if n > MAX_BYTES => too_large(),
            _ => Self::Profile(bytes.to_vec()),
        }
    }
}

pub(super) fn too_large() -> Stated {
    Stated::Unusable(format!("it has more than {} MiB", MAX_BYTES >> 20))
}

/// What R'G'B' stands for by what a file says, or what hinders that. What is told by tables becomes sRGB.
pub(super) fn coding<S: Sample>(
    samples: &mut [S],
    is_grey: bool,
    stated: &Stated,
    budget: &Budget,
) -> Result<Result<Coding, String>, Stop> {
    let space = if is_grey { "grey" } else { "R'G'B'" };
    let fits = |profile: &ColorProfile| match profile.color_space {
        DataColorSpace::Rgb => true,
        DataColorSpace::Gray => is_grey,
        _ => false,
    };
    Ok(match Meaning::read(stated, space, fits) {
        Ok(Meaning::Coding(coding)) => Ok(coding),
        Ok(Meaning::Tables(tables)) => {
            if !tables.are_of_srgb(budget)? {
                tables.apply(samples, budget)?;
            }
            Ok(SRGB)
        }
        Err(fault) => Err(fault),
    })
}

pub(super) const SRGB: Coding = Coding::Known(Colorimetry::SRGB);

/// What a file says, read.
enum Meaning {
    Coding(Coding),
    Tables(Tables),
}

/// The way from the colours of a profile to sRGB.
struct Tables(Arc<Transform16BitExecutor>);

impl Meaning {
    /// Of what a file says, if that fits a picture of some colour space.
    fn read(
        stated: &Stated,
        space: &str,
        fits: impl Fn(&ColorProfile) -> bool,
    ) -> Result<Self, String> {
        let read = || {
            let (profile, srgb) = match stated {
                Stated::Srgb => return Ok(Self::Coding(SRGB)),
                Stated::Coded { primaries, transfer } => {
                    let colorimetry = Colorimetry::from_codes(*primaries, *transfer);
                    let colorimetry = colorimetry.map_err(|what| format!("it has {what}"))?;
                    return Ok(Self::Coding(Coding::Known(colorimetry)));
                }
                Stated::Profile(bytes) => (profile(bytes)?, srgb()),
                // Adapted to the same white by the same program.
                Stated::Measured { chromaticities, exponent } => {
                    (measured(*chromaticities, *exponent), measured(chromaticities_of_srgb(), None))
                }
                Stated::Unusable(why) => return Err(why.clone()),
            };
            if !fits(&profile) {
                let other = match profile.color_space {
                    DataColorSpace::Gray => "grey".into(),
                    DataColorSpace::Rgb => "R'G'B'".into(),
                    DataColorSpace::Cmyk => "CMYK".into(),
                    other => format!("{other:?}"),
                };
                return Err(format!("it is of {other}, and the picture is in {space}"));
            }
            Self::of(&profile, &srgb).map_err(unreadable)
        };
        quietly(read).unwrap_or_else(|| Err("it is damaged".into()))
    }

    fn of(profile: &ColorProfile, srgb: &ColorProfile) -> Result<Self, CmsError> {
        let curves = |tables, to_bt709: Matrix| {
            // A curve or a matrix of zeros, for instance.
            if to_bt709.iter().flatten().any(|part| !part.is_finite()) {
                return Err(CmsError::InvalidProfile);
            }
            let light = Light { tables, shown: None, to_bt709 };
            Ok(Self::Coding(if is_of_srgb(&light) { SRGB } else { Coding::Profile(light) }))
        };
        let is_of_curves =
            profile.lut_a_to_b_colorimetric.is_none() && profile.pcs == DataColorSpace::Xyz;
        match profile.color_space {
            DataColorSpace::Gray if is_of_curves => {
                let light = profile.build_gray_linearize_table::<u16, { 1 << 16 }, 16>()?;
                curves([light.clone(), light.clone(), light], IDENTITY)
            }
            DataColorSpace::Rgb if is_of_curves && profile.is_matrix_shaper() => {
                let light = [
                    profile.build_r_linearize_table::<u16, { 1 << 16 }, 16>(false)?,
                    profile.build_g_linearize_table::<u16, { 1 << 16 }, 16>(false)?,
                    profile.build_b_linearize_table::<u16, { 1 << 16 }, 16>(false)?,
                ];
                curves(light, profile.transform_matrix(srgb).v)
            }
            DataColorSpace::Rgb | DataColorSpace::Cmyk
                if profile.lut_a_to_b_colorimetric.is_some() =>
            {
                let layout = match profile.color_space {
                    DataColorSpace::Rgb => Layout::Rgb,
                    _ => Layout::Rgba,
                };
                let options = TransformOptions {
                    rendering_intent: RenderingIntent::RelativeColorimetric,
                    allow_use_cicp_transfer: false,
                    prefer_fixed_point: false,
                    ..TransformOptions::default()
                };
                let transform =
                    profile.create_transform_16bit(layout, srgb, Layout::Rgb, options)?;
                Ok(Self::Tables(Tables(transform)))
            }
            _ => Err(CmsError::UnsupportedProfileConnection),
        }
    }
}

/// Whether light is next to that of sRGB.
fn is_of_srgb(light: &Light) -> bool {
    let mut parts = light.to_bt709.as_flattened().iter().zip(IDENTITY.as_flattened());
    if !parts.all(|(a, b)| (a - b).abs() < ROUNDING_OF_PRIMARIES) {
        return false;
    }
    let to_srgb = Conversion::new(light, Colorimetry::SRGB);
    let is_near = |(sample, &light): (u16, &f32)| {
        sample.abs_diff(u16::of_signal(to_srgb.signal(light))) < ROUNDING
    };
    light.tables.iter().all(|table| (0..=u16::MAX).zip(table.iter()).all(is_near))
}

impl Tables {
    /// Whether they change next to nothing.
    fn are_of_srgb(&self, budget: &Budget) -> Result<bool, Stop> {
        let levels = || (0..=u16::MAX).step_by(usize::from(u16::MAX) / 15);
        let colors: Vec<u16> = levels()
            .flat_map(|r| levels().flat_map(move |g| levels().flat_map(move |b| [r, g, b])))
            .collect();
        let mut converted = colors.clone();
        self.apply(&mut converted, budget)?;
        Ok(colors.iter().zip(&converted).all(|(a, b)| a.abs_diff(*b) < ROUNDING))
    }

    /// Converts R'G'B'.
    fn apply<S: Sample>(&self, samples: &mut [S], budget: &Budget) -> Result<(), Stop> {
        let (mut before, mut after) = (vec![0; 3 * PIECE], vec![0; 3 * PIECE]);
        for piece in samples.chunks_mut(3 * PIECE) {
            budget.check()?;
            let (before, after) = (&mut before[..piece.len()], &mut after[..piece.len()]);
            let wide = |sample: S| u16::of(sample.get() as u64, S::LARGEST);
            before.iter_mut().zip(&*piece).for_each(|(to, &from)| *to = wide(from));
            self.0.transform(before, after).expect("pixels are whole");
            let narrow = |sample: u16| S::of(sample.into(), u16::MAX.into());
            piece.iter_mut().zip(&*after).for_each(|(to, &from)| *to = narrow(from));
        }
        Ok(())
    }
}

/// The way from the inks of a CMYK picture to sRGB, by its profile.
pub(super) struct Inks(Tables);

impl Inks {
    /// Of what a file says, and what remains to be said: nothing, or what can't be used.
    pub fn read(stated: Stated) -> (Option<Self>, Stated) {
        let is_cmyk = |profile: &ColorProfile| profile.color_space == DataColorSpace::Cmyk;
        match Meaning::read(&stated, "CMYK", is_cmyk) {
            Ok(Meaning::Tables(tables)) => (Some(Self(tables)), Stated::Srgb),
            Ok(_) => (None, Stated::Srgb),
            Err(fault) => (None, Stated::Unusable(fault)),
        }
    }

    /// R'G'B' in 16 bits of inks up to a largest one, which is all of it.
    pub fn to_rgb(&self, inks: impl Iterator<Item = [u64; 4]>, largest: u64) -> Vec<[u16; 3]> {
        let inks: Vec<_> = inks.map(|inks| inks.map(|ink| u16::of(ink, largest))).collect();
        let mut colors = vec![[0; 3]; inks.len()];
        let transformed = self.0.0.transform(inks.as_flattened(), colors.as_flattened_mut());
        transformed.expect("there are as many");
        colors
    }
}

/// Reads an ICC profile.
fn profile(bytes: &[u8]) -> Result<ColorProfile, String> {
    let needed = needed(bytes)?;
    let options = ParsingOptions {
        max_profile_size: MAX_BYTES + 1,
        max_allowed_trc_size: MAX_CURVE,
        ..ParsingOptions::default()
    };
    ColorProfile::new_from_slice_with_options(&needed, options).map_err(unreadable)
}

fn unreadable(error: CmsError) -> String {
    format!("it is damaged, or of a kind that isn't read ({})", quotable(&error))
}

/// sRGB, as exact as its colours adapted to D50 are known: `moxcms` has another D50 than profiles do,
/// with which greys would take a tint.
fn srgb() -> ColorProfile {
    let xyz = |x, y, z| Xyzd { x, y, z };
    let mut srgb = ColorProfile::new_srgb();
    srgb.red_colorant = xyz(0.4360412516, 0.2224845402, 0.0139201875);
    srgb.green_colorant = xyz(0.3851129108, 0.7169050786, 0.0970672387);
    srgb.blue_colorant = xyz(0.1430458376, 0.0606103812, 0.7139125738);
    srgb
}

/// An ICC profile with nothing but the tags that count, each once: what is wrong in others doesn't
/// matter, and none is read again and again.
fn needed(bytes: &[u8]) -> Result<Vec<u8>, String> {
    const HEADER: usize = 132;
    const ENTRY: usize = 12;
    let header = bytes.get(..HEADER).ok_or("it ends in its header")?;
    let word = |bytes: &[u8]| bytes.first_chunk().copied().map_or(0, u32::from_be_bytes) as usize;
    let n_channels = match &header[16..20] {
        b"GRAY" => 1,
        b"RGB " => 3,
        b"CMYK" => 4,
        _ => 0,
    };
    match &header[12..16] {
        b"scnr" | b"mntr" | b"prtr" | b"spac" => {}
        b"nmcl" => return Err("it is of named colours".into()),
        b"link" => return Err("it leads from one device to another".into()),
        _ => return Err("it is damaged, or of an unknown kind".into()),
    }
    if !(2..=4).contains(&header[8]) {
        return Err(format!("it is of version {}", header[8]));
    }
    let mut needed = bytes.to_vec();
    let n_tags = word(&header[128..]).min((bytes.len() - HEADER) / ENTRY);
    let mut tags: Vec<[u8; ENTRY]> = Vec::new();
    for tag in bytes[HEADER..].as_chunks::<ENTRY>().0.iter().take(n_tags) {
        let is_needed = match &tag[..4] {
            b"rXYZ" | b"gXYZ" | b"bXYZ" | b"rTRC" | b"gTRC" | b"bTRC" | b"kTRC" => true,
            b"A2B0" | b"A2B1" => n_channels > 1,
            _ => false,
        };
        if is_needed && tags.iter().all(|other| other[..4] != tag[..4]) {
            tags.push(*tag);
        }
    }
    // The table of perceptual colours stands in for that of relative ones.
    let is_relative = |tag: &[u8; ENTRY]| tag.starts_with(b"A2B1");
    if tags.iter().any(is_relative) {
        tags.retain(|tag| !tag.starts_with(b"A2B0"));
    }
    for tag in &mut tags {
        if tag.starts_with(b"A2B") {
            tag[3] = b'1';
            let at = word(&tag[4..]);
            if bytes.get(at..).and_then(|table| table.get(8..10)) != Some(&[n_channels, 3]) {
                return Err("its table is of another number of colours".into());
            }
            // What L*a*b* is in a table depends on its kind (10.10 and 10.11). `moxcms` goes by the
            // version.
            needed[8] = if bytes[at..].starts_with(b"mft2") { 2 } else { 4 };
        }
    }
    needed[128..HEADER].copy_from_slice(&(tags.len() as u32).to_be_bytes());
    needed[HEADER..HEADER + tags.len() * ENTRY].copy_from_slice(tags.as_flattened());
    Ok(needed)
}

/// The chromaticities of red, green, blue and white.
fn chromaticities_of_srgb() -> [[f32; 2]; 4] {
    let [red, green, blue] = Primaries::Bt709.chromaticities();
    [red, green, blue, D65].map(|color| color.map(|number| number as f32))
}

/// The profile of chromaticities of red, green, blue and white, and an exponent.
fn measured([red, green, blue, white]: [[f32; 2]; 4], exponent: Option<f32>) -> ColorProfile {
    let color = |[x, y]: [f32; 2]| Chromaticity::new(x, y);
    let primaries = ColorPrimaries { red: color(red), green: color(green), blue: color(blue) };
    let mut profile = ColorProfile::new_srgb();
    profile.update_rgb_colorimetry(color(white).to_xyyb(), primaries);
    if let Some(exponent) = exponent {
        let curve = Some(ToneReprCurve::Parametric(vec![exponent]));
        profile.red_trc = curve.clone();
        profile.green_trc = curve.clone();
        profile.blue_trc = curve;
    }
    profile
}
