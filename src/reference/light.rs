//! From the samples of a reference to those of a stream, by the light that they stand for.
//!
//! Light is 1 where it is white in diffuse light, see [`colorimetry`](crate::colorimetry). What is outside of
//! the stream's primaries or brighter than its signal is clamped, channel by channel.

use crate::colorimetry::{Colorimetry, Primaries, Transfer};
use crate::matrix::{self, Matrix, Vector};

use super::samples::Sample;

/// What the samples of a reference stand for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Coding {
    /// What streams may be coded in, too.
    Known(Colorimetry),
    /// That of a profile.
    Profile(Light),
}

impl Coding {
    /// The way to another coding, if it is another.
    pub fn to(&self, colorimetry: Colorimetry) -> Option<Conversion> {
        match self {
            Self::Known(own) if *own == colorimetry => None,
            Self::Known(own) => Some(Conversion::new(&Light::of(*own), colorimetry)),
            Self::Profile(light) => Some(Conversion::new(light, colorimetry)),
        }
    }
}

/// The light of each sample of 16 bits.
pub(super) type LightTable = Box<[f32; 1 << 16]>;

/// From samples to light.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Light {
    /// Of red, green and blue.
    pub tables: [LightTable; 3],
    /// From the light of a scene to that of a screen.
    pub shown: Option<SystemGamma>,
    /// To the light of BT.709.
    pub to_bt709: Matrix,
}

impl Light {
    fn of(Colorimetry { primaries, transfer }: Colorimetry) -> Self {
        let mut table = Box::new([0.; 1 << 16]);
        for (sample, light) in (0..=u16::MAX).zip(table.iter_mut()) {
            *light = transfer.light(f64::from(sample) / f64::from(u16::MAX)) as f32;
        }
        Self {
            tables: [table.clone(), table.clone(), table],
            shown: SystemGamma::new(primaries, transfer.system_gamma()),
            to_bt709: primaries.to(Primaries::Bt709),
        }
    }
}

/// Multiplies light by a power of its luminance, so that luminance is raised to a gamma, and hues stay.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SystemGamma {
    luminance: [f32; 3],
    factor: Curve,
}

impl SystemGamma {
    fn new(primaries: Primaries, gamma: f64) -> Option<Self> {
        // Without light there is no factor.
        let factor = |light: f64| pxfm::f_pow(light.max(LOWEST.into()), gamma - 1.);
        (gamma != 1.).then(|| Self {
            luminance: primaries.luminance().map(|share| share as f32),
            factor: Curve::new(factor),
        })
    }

    #[inline]
    fn apply(&self, light: [f32; 3]) -> [f32; 3] {
        let [r, g, b] = self.luminance;
        let factor = self.factor.at(r * light[0] + g * light[1] + b * light[2]);
        light.map(|light| light * factor)
    }
}

/// From samples in one coding to another.
pub(super) struct Conversion {
    light: Light,
    matrix: [[f32; 3]; 3],
    /// From the light of a screen to that of a scene.
    scene: Option<SystemGamma>,
    signal: Curve,
    is_to_sdr: bool,
}

impl Conversion {
    pub fn new(light: &Light, to: Colorimetry) -> Self {
        let matrix = matrix::product(&Primaries::Bt709.to(to.primaries), &light.to_bt709);
        Self {
            light: light.clone(),
            matrix: matrix.map(|row: Vector| row.map(|part| part as f32)),
            scene: SystemGamma::new(to.primaries, 1. / to.transfer.system_gamma()),
            signal: Curve::new(|light| to.transfer.signal(light)),
            is_to_sdr: to.transfer == Transfer::Sdr,
        }
    }

    /// The signal of light, each channel by itself.
    pub fn signal(&self, light: f32) -> f32 {
        self.signal.at(light.max(0.))
    }

    /// Whether the levels are spread as in pictures of 8 bits.
    pub fn is_to_sdr(&self) -> bool {
        self.is_to_sdr
    }

    /// R'G'B' in the other coding.
    pub fn apply<S: Sample, T: Sample>(&self, samples: &[S]) -> Vec<T> {
        let step = usize::from(u16::MAX) / S::LARGEST as usize;
        let mut converted = Vec::with_capacity(samples.len());
        for pixel in samples.as_chunks::<3>().0 {
            let mut light = [0, 1, 2].map(|i| self.light.tables[i][pixel[i].get() as usize * step]);
            if let Some(shown) = &self.light.shown {
                light = shown.apply(light);
            }
            let [r, g, b] = light;
            // No channel has less than no light; nor is a number that is none.
            light = self.matrix.map(|row| (row[0] * r + row[1] * g + row[2] * b).max(0.));
            if let Some(scene) = &self.scene {
                light = scene.apply(light);
            }
            converted.extend(light.map(|light| T::of_signal(self.signal.at(light))));
        }
        converted
    }
}

/// A function of light, straight between knots: so many of them where light doubles.
#[derive(Clone, Debug, PartialEq)]
struct Curve(Vec<f32>);

const KNOTS_BITS: u32 = 8;

/// Between these, light has knots: down to less than a level of 16 bits, up to more than PQ has.
const LOWEST: f32 = 1. / (1_u64 << 40) as f32;
const HIGHEST: f32 = 64.;

/// Bits of a number between two knots.
const BETWEEN_KNOTS: u32 = f32::MANTISSA_DIGITS - 1 - KNOTS_BITS;

impl Curve {
    fn new(value: impl Fn(f64) -> f64) -> Self {
        let lights = (LOWEST.to_bits()..=HIGHEST.to_bits() + (1 << BETWEEN_KNOTS))
            .step_by(1 << BETWEEN_KNOTS)
            .map(f32::from_bits);
        let mut values: Vec<f32> = lights.map(|light| value(light.into()) as f32).collect();
        // No light at all.
        values[0] = value(0.) as f32;
        Self(values)
    }

    #[inline]
    fn at(&self, light: f32) -> f32 {
        let bits = light.clamp(LOWEST, HIGHEST).to_bits() - LOWEST.to_bits();
        let knot = (bits >> BETWEEN_KNOTS) as usize;
        let part = (bits & ((1 << BETWEEN_KNOTS) - 1)) as f32 / (1 << BETWEEN_KNOTS) as f32;
        let [from, to] = [self.0[knot], self.0[knot + 1]];
        from + (to - from) * part
    }
}
