//! What colours are in other codings, in double precision, by the formulas of the standards: signal → cd/m²
//! on a screen → signal.

use super::icc::{self, Chromaticities};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Transfer {
    Srgb,
    Linear,
    Pq,
    Hlg,
}

/// Primaries and transfer, and the numbers of ITU-T H.273 for these.
#[derive(Clone, Copy, Debug)]
pub struct Coding {
    pub space: Chromaticities,
    pub transfer: Transfer,
    pub codes: [u8; 2],
}

const fn coding(space: Chromaticities, transfer: Transfer, codes: [u8; 2]) -> Coding {
    Coding { space, transfer, codes }
}

pub const SRGB: Coding = coding(icc::SRGB, Transfer::Srgb, [1, 13]);
pub const P3: Coding = coding(icc::DISPLAY_P3, Transfer::Srgb, [12, 13]);
pub const WIDE: Coding = coding(icc::BT_2020, Transfer::Srgb, [9, 14]);
pub const LINEAR: Coding = coding(icc::SRGB, Transfer::Linear, [1, 8]);
pub const PQ: Coding = coding(icc::BT_2020, Transfer::Pq, [9, 16]);
pub const P3_PQ: Coding = coding(icc::DISPLAY_P3, Transfer::Pq, [12, 16]);
pub const HLG: Coding = coding(icc::BT_2020, Transfer::Hlg, [9, 18]);
pub const ALL: [Coding; 7] = [SRGB, P3, WIDE, LINEAR, PQ, P3_PQ, HLG];

/// White in diffuse light, in cd/m² (ITU-R BT.2408).
pub const WHITE: f64 = 203.;

/// SMPTE ST 2084, in cd/m².
pub fn pq_light(signal: f64) -> f64 {
    let root = signal.powf(32. / 2523.);
    let part = (root - 0.8359375).max(0.) / (18.8515625 - 18.6875 * root);
    10_000. * part.powf(16384. / 2610.)
}

fn pq_signal(light: f64) -> f64 {
    let part = (light / 10_000.).powf(2610. / 16384.);
    ((0.8359375 + 18.8515625 * part) / (1. + 18.6875 * part)).powf(2523. / 32.)
}

/// ITU-R BT.2100: the light of a scene, where 1 is the brightest.
fn hlg_scene(signal: f64) -> f64 {
    if signal <= 0.5 {
        return signal * signal / 3.;
    }
    (((signal - 0.55991073) / 0.17883277).exp() + 0.28466892) / 12.
}

fn hlg_signal(scene: f64) -> f64 {
    if scene <= 1. / 12. {
        return (3. * scene).sqrt();
    }
    0.17883277 * (12. * scene - 0.28466892).ln() + 0.55991073
}

/// The brightest of a screen that shows 75 % of HLG as white: 999.3 cd/m².
fn hlg_screen() -> f64 {
    WHITE / hlg_scene(0.75).powf(1.2)
}

fn hlg_luminance([r, g, b]: [f64; 3]) -> f64 {
    0.2627 * r + 0.6780 * g + 0.0593 * b
}

fn on_screen(transfer: Transfer, color: [f64; 3]) -> [f64; 3] {
    match transfer {
        Transfer::Srgb => color.map(|part| WHITE * icc::srgb_to_light(part)),
        Transfer::Linear => color.map(|part| WHITE * part),
        Transfer::Pq => color.map(pq_light),
        Transfer::Hlg => {
            let scene = color.map(hlg_scene);
            scene.map(|part| hlg_screen() * part * hlg_luminance(scene).powf(0.2))
        }
    }
}

/// R'G'B' of a coding in another one, all from 0 to 1.
pub fn converted(from: &Coding, to: &Coding, color: [f64; 3]) -> [f64; 3] {
    let light = on_screen(from.transfer, color);
    let xyz = icc::applied(icc::to_xyz(from.space), light);
    let light = icc::applied(icc::inverse(icc::to_xyz(to.space)), xyz).map(|part| part.max(0.));
    let signal = match to.transfer {
        Transfer::Srgb => light.map(|part| icc::srgb_of_light(part / WHITE)),
        Transfer::Linear => light.map(|part| part / WHITE),
        Transfer::Pq => light.map(pq_signal),
        Transfer::Hlg => {
            let shown = light.map(|part| part / hlg_screen());
            let luminance = hlg_luminance(shown);
            let scene = luminance.powf(1. / 1.2);
            // Without light there is no scene.
            shown.map(|part| hlg_signal(if part == 0. { 0. } else { part / luminance * scene }))
        }
    };
    signal.map(|part| part.clamp(0., 1.))
}
