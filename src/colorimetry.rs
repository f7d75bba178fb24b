//! What light R'G'B' stands for: the primaries and the transfer of pictures and streams.
//!
//! The white of pictures in diffuse light is 1 everywhere: full R'G'B' of SDR, 203 cd/m² in PQ, 75 % in HLG
//! (ITU-R BT.2408-7, 2.1). So what is white in one coding is white in every other.

use pxfm::{f_exp, f_log, f_pow};

use crate::matrix::{self, Matrix, Vector};

/// The light of full red, green and blue. White is D65.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Primaries {
    /// ITU-R BT.709, and sRGB. Those of BT.601 count as the same.
    #[default]
    Bt709,
    /// SMPTE EG 432-1: those of DCI-P3 with D65, as Display P3 has them.
    P3,
    /// ITU-R BT.2020 and BT.2100.
    Bt2020,
}

/// The chromaticity of white.
pub const D65: [f64; 2] = [0.3127, 0.3290];

impl Primaries {
    /// The chromaticities of red, green and blue.
    pub fn chromaticities(self) -> [[f64; 2]; 3] {
        match self {
            Self::Bt709 => [[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]],
            Self::P3 => [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060]],
            Self::Bt2020 => [[0.708, 0.292], [0.170, 0.797], [0.131, 0.046]],
        }
    }

    /// From light to XYZ, where white has a Y of 1 (SMPTE RP 177).
    pub fn to_xyz(self) -> Matrix {
        let xyz = |[x, y]: [f64; 2]| [x / y, 1., (1. - x - y) / y];
        let colors = matrix::transposed(&self.chromaticities().map(xyz));
        let amounts = matrix::apply(&matrix::inverse(&colors), xyz(D65));
        matrix::product(&colors, &matrix::diagonal(amounts))
    }

    /// From the light of these to that of others.
    pub fn to(self, other: Self) -> Matrix {
        matrix::product(&matrix::inverse(&other.to_xyz()), &self.to_xyz())
    }

    /// The shares of red, green and blue light in luminance.
    pub fn luminance(self) -> Vector {
        self.to_xyz()[1]
    }
}

/// How light becomes a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Transfer {
    /// IEC 61966-2-1 (sRGB). Those of BT.601, BT.709 and BT.2020 count as the same: they are made for
    /// screens that show sRGB, too.
    #[default]
    Sdr,
    /// A power: light is the signal to this one.
    Power(f64),
    /// SMPTE ST 2084, and ITU-R BT.2100.
    Pq,
    /// ARIB STD-B67, and ITU-R BT.2100.
    Hlg,
}

/// White in diffuse light as a part of the brightest that PQ has, 10,000 cd/m².
const PQ_WHITE: f64 = 203. / 10_000.;

/// White in diffuse light as a signal of HLG.
const HLG_WHITE: f64 = 0.75;

impl Transfer {
    /// The light of a signal of 0 to 1. In HLG, that of the scene: see [`system_gamma`](Self::system_gamma).
    pub fn light(self, signal: f64) -> f64 {
        match self {
            Self::Sdr if signal <= 0.04045 => signal / 12.92,
            Self::Sdr => f_pow((signal + 0.055) / 1.055, 2.4),
            Self::Power(exponent) => f_pow(signal, exponent),
            Self::Pq => {
                let root = f_pow(signal, 1. / pq::M2);
                let part = (root - pq::C1).max(0.) / (pq::C2 - pq::C3 * root);
                f_pow(part, 1. / pq::M1) / PQ_WHITE
            }
            Self::Hlg => hlg::scene(signal) / hlg::scene(HLG_WHITE),
        }
    }

    /// The signal of light.
    pub fn signal(self, light: f64) -> f64 {
        match self {
            Self::Sdr if light <= 0.003_130_8 => light * 12.92,
            Self::Sdr => 1.055 * f_pow(light, 1. / 2.4) - 0.055,
            Self::Power(exponent) => f_pow(light, 1. / exponent),
            Self::Pq => {
                let part = f_pow(light * PQ_WHITE, pq::M1);
                f_pow((pq::C1 + pq::C2 * part) / (1. + pq::C3 * part), pq::M2)
            }
            Self::Hlg => hlg::signal(light * hlg::scene(HLG_WHITE)),
        }
    }

    /// The power of luminance by which screens show the light of a scene: in HLG, that of a screen of 1000
    /// cd/m² (BT.2100, "HLG reference OOTF"), on which its white is the 203 cd/m² of PQ. All other transfers
    /// are of what a screen shows.
    pub fn system_gamma(self) -> f64 {
        if self == Self::Hlg { 1.2 } else { 1. }
    }
}

/// The constants of SMPTE ST 2084.
mod pq {
    pub const M1: f64 = 2610. / 16384.;
    pub const M2: f64 = 128. * 2523. / 4096.;
    pub const C1: f64 = 3424. / 4096.;
    pub const C2: f64 = 32. * 2413. / 4096.;
    pub const C3: f64 = 32. * 2392. / 4096.;
}

/// The curve of BT.2100's HLG, where 1 is the brightest.
mod hlg {
    use super::{f_exp, f_log};

    const A: f64 = 0.178_832_77;
    const B: f64 = 0.284_668_92;
    const C: f64 = 0.559_910_73;

    pub fn scene(signal: f64) -> f64 {
        if signal <= 0.5 { signal * signal / 3. } else { (f_exp((signal - C) / A) + B) / 12. }
    }

    pub fn signal(scene: f64) -> f64 {
        if scene <= 1. / 12. { (3. * scene).sqrt() } else { A * f_log(12. * scene - B) + C }
    }
}

/// What R'G'B' of a picture or a stream stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Colorimetry {
    /// The colours of its channels.
    pub primaries: Primaries,
    /// How light becomes a signal.
    pub transfer: Transfer,
}

impl Colorimetry {
    /// That of pictures and video that say nothing.
    pub const SRGB: Self = Self { primaries: Primaries::Bt709, transfer: Transfer::Sdr };

    /// By the numbers of ITU-T H.273.
    ///
    /// # Errors
    ///
    /// What isn't known, by name.
    pub fn from_codes(primaries: u8, transfer: u8) -> Result<Self, String> {
        Ok(Self {
            primaries: match primaries {
                1 | 2 | 5 | 6 | 7 | 22 => Primaries::Bt709,
                9 => Primaries::Bt2020,
                12 => Primaries::P3,
                other => return Err(format!("the primaries {other} of ITU-T H.273")),
            },
            transfer: match transfer {
                1 | 2 | 6 | 7 | 13 | 14 | 15 => Transfer::Sdr,
                4 => Transfer::Power(2.2),
                5 => Transfer::Power(2.8),
                8 => Transfer::Power(1.),
                16 => Transfer::Pq,
                18 => Transfer::Hlg,
                other => return Err(format!("the transfer {other} of ITU-T H.273")),
            },
        })
    }

    /// Its primaries and its transfer as numbers of ITU-T H.273, if they have some.
    pub fn codes(self) -> Option<[u8; 2]> {
        let primaries = match self.primaries {
            Primaries::Bt709 => 1,
            Primaries::Bt2020 => 9,
            Primaries::P3 => 12,
        };
        let transfer = match self.transfer {
            Transfer::Sdr => 13,
            Transfer::Power(2.2) => 4,
            Transfer::Power(2.8) => 5,
            Transfer::Power(1.) => 8,
            Transfer::Power(_) => return None,
            Transfer::Pq => 16,
            Transfer::Hlg => 18,
        };
        Some([primaries, transfer])
    }
}
