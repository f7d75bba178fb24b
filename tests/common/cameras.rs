//! Simulated cameras, and how far apart two pictures look.

use image::{Rgb, RgbImage};

use super::frames::noise;

/// A camera that sees with another white balance, exposure, saturation, crosstalk, shoulder and gamma, and noise.
pub struct Camera {
    pub balance: [f64; 3],
    pub stops: f64,
    pub saturation: f64,
    pub crosstalk: f64,
    pub gamma: f64,
}

pub const CAMERAS: [Camera; 3] = [
    Camera {
        balance: [1.12, 1., 0.85],
        stops: 0.25,
        saturation: 0.85,
        crosstalk: 0.06,
        gamma: 0.9,
    },
    Camera { balance: [0.9, 1., 1.2], stops: -0.35, saturation: 1.15, crosstalk: 0.03, gamma: 1.1 },
    Camera { balance: [1.05, 1., 1.1], stops: 0.45, saturation: 0.7, crosstalk: 0.1, gamma: 1. },
];

/// The standard deviation of the cameras' noise, in levels.
const NOISE: f64 = 1.5;

fn linear(level: u8) -> f64 {
    match f64::from(level) / 255. {
        v if v <= 0.04045 => v / 12.92,
        v => ((v + 0.055) / 1.055).powf(2.4),
    }
}

fn encoded(light: f64) -> f64 {
    255. * if light <= 0.0031308 { 12.92 * light } else { 1.055 * light.powf(1. / 2.4) - 0.055 }
}

impl Camera {
    /// What it makes of what a perfect one sees.
    pub fn sees(&self, picture: &RgbImage, seed: u32) -> RgbImage {
        let mut byte = noise(seed);
        // A sum of uniform numbers is nearly normal; that of twelve has a variance of 1.
        let mut normal = || (0..12).map(|_| f64::from(byte()) / 255.).sum::<f64>() - 6.;
        let mut seen = picture.clone();
        for Rgb(pixel) in seen.pixels_mut() {
            let gain = self.stops.exp2();
            let light: [f64; 3] =
                std::array::from_fn(|c| linear(pixel[c]) * self.balance[c] * gain);
            let mean = light.iter().sum::<f64>() / 3.;
            let color = light.map(|light| {
                let mixed = (1. - self.crosstalk) * light + self.crosstalk * mean;
                // A shoulder: what is bright is compressed, and nothing clips.
                let above = (mixed - 0.7).max(0.) / 0.3;
                encoded(if above > 0. { 0.7 + 0.3 * (1. - (-above).exp()) } else { mixed })
            });
            let luma = 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2];
            *pixel = color.map(|level| {
                let level = (luma + (level - luma) * self.saturation).clamp(0., 255.);
                let level = 255. * (level / 255.).powf(self.gamma);
                (level + NOISE * normal()).round().clamp(0., 255.) as u8
            });
        }
        seen
    }
}

/// B. Ottosson, "A perceptual color space for image processing", 2020.
fn oklab(&Rgb(pixel): &Rgb<u8>) -> [f64; 3] {
    let [r, g, b] = pixel.map(linear);
    let cones = [
        0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b,
        0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b,
        0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b,
    ];
    let [l, m, s] = cones.map(f64::cbrt);
    [
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    ]
}

/// The mean distance of two pictures in Oklab, times a hundred.
pub fn error(a: &RgbImage, b: &RgbImage) -> f64 {
    let distance = |(a, b): (&Rgb<u8>, &Rgb<u8>)| {
        let (a, b) = (oklab(a), oklab(b));
        (0..3).map(|c| (a[c] - b[c]).powi(2)).sum::<f64>().sqrt()
    };
    let sum: f64 = a.pixels().zip(b.pixels()).map(distance).sum();
    100. * sum / f64::from(a.width() * a.height())
}
