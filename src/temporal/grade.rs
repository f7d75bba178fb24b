//! What is kept over time of colours that are moved together, and the grade that follows from it.

use std::sync::Arc;
use std::time::Duration;

use super::channel::{FORGOTTEN, Learning, Update};
use super::{FlatFrames, Report, SUDDEN, Settings, UpdateMode, spread};
use crate::color::{Channels, Encoding, LumaWeights};
use crate::grading::{self, Goal, Rule};
use crate::kernels::InstructionSet;
use crate::mapping::grade::Grade;
use crate::reference::{ReferenceId, Target};
use crate::statistics::ColorSample;

/// What is kept from frame to frame.
#[derive(Clone, Debug, Default)]
pub(super) struct GradeState {
    /// The average of what frames were graded by, if there was one that wasn't flat.
    average: Option<Grade>,
    /// The frame that was learned from last, or pixels of all frames if what they have in common is held
    /// later. It can be learned again for another reference.
    source: Option<Arc<ColorSample>>,
    /// How many frames were gathered in it.
    gathered: u64,
    /// What the average is towards, and by which rule.
    towards: Option<(ReferenceId, Rule)>,
    pub learning: Learning,
    /// What the last frame would have been graded by alone, and the share of that beside the average, so that
    /// its colours stay in the range.
    own: Option<(Grade, f64)>,
    /// What the last frame was graded by, as if it had the usual exposure.
    pub shown: Option<Grade>,
    /// What frames were graded by when the reference changed, and how much of that is left.
    pub outgoing: Option<(Grade, f64)>,
}

/// A frame, and what it is graded by.
pub(super) struct Input<'a> {
    pub sample: &'a Arc<ColorSample>,
    pub target: &'a Target,
    pub goal: &'a Goal,
    pub elapsed: Duration,
    pub update: Update,
    /// Of something new after `elapsed`.
    pub weight: f64,
    /// Whether the frame before was shown as it is.
    pub has_passed: bool,
    pub at_most: InstructionSet,
}

impl GradeState {
    /// Whether something was learned.
    pub fn is_learned(&self) -> bool {
        self.average.is_some()
    }

    /// The state for frames with other luma.
    pub fn for_weights(mut self, weights: LumaWeights) -> Self {
        let others = [&mut self.own, &mut self.outgoing].into_iter().flatten();
        let others = others.map(|(grade, _)| grade).chain(&mut self.shown);
        for grade in self.average.iter_mut().chain(others) {
            grade.weights = weights;
        }
        // Towards another goal.
        self.towards = None;
        self
    }

    /// The grade for a frame, what it would be at full strength if it is weaker, and whether something
    /// was learned from the frame.
    pub fn decide(
        &mut self,
        input: Input,
        channels: &Channels,
        report: &Report,
        settings: &Settings,
    ) -> (Grade, Option<Grade>, bool) {
        let Input { sample, target, goal, elapsed, mut update, weight, has_passed, at_most } =
            input;
        let weights = grading::luma_weights(channels.encoding);
        let rule = Rule {
            method: settings.method.unwrap_or_default(),
            max_slope: match settings.max_slope {
                0. => 0.,
                max_slope => max_slope.max(1.),
            },
            is_grey: matches!(channels.encoding, Encoding::Luma(..)),
        };
        // The exposure of the scene, as far as flicker is removed.
        let gain = if report.gain == 1. { 1. } else { report.gain.powf(settings.deflicker) };
        let spread = match settings.flat_frames {
            FlatFrames::Hold => spread(&sample.luma_histogram(weights), false),
            FlatFrames::Match => f64::INFINITY,
        };
        let is_flat = spread < 1.;

        let was_learned = self.is_learned();
        if update.trust > 0.
            && let Some((_, share)) = self.own
        {
            // What the average is that far from is no passing thing.
            update.trust += share * (1. - update.trust);
        }
        let share = match sample.is_empty() || is_flat {
            true => 0.,
            false => self.learning.share(was_learned, elapsed, update, settings),
        };
        let towards = Some((target.id, rule));
        let is_other = self.average.is_some() && self.towards != towards;
        let is_gathered = settings.update_mode != UpdateMode::Frame;
        if share > 0. {
            let sample = scaled(sample, gain);
            self.source = Some(match self.source.take() {
                Some(gathered) if is_gathered && share < 1. => {
                    self.gathered += 1;
                    gather(gathered, &sample, share, self.gathered)
                }
                _ => sample,
            });
        }
        let learned = match &self.source {
            Some(source) if share > 0. || is_other => {
                Some(grading::learn(at_most, source, goal, rule))
            }
            _ => None,
        };
        if let Some(learned) = &learned {
            if is_other && !report.scene_change && !settings.smoothing.is_zero() {
                self.outgoing = self.shown.take().map(|shown| (shown, 1.));
            }
            match &mut self.average {
                Some(average) if !is_other && !is_gathered && share < 1. => {
                    average.mix(&learned.grade, share);
                }
                average => {
                    *average = Some(learned.grade.clone());
                    self.own = None;
                }
            }
            self.towards = towards;
        }
        let own = learned.filter(|_| share > 0. && !is_gathered && !settings.smoothing.is_zero());
        let is_sudden = !was_learned && share > 0. && spread >= SUDDEN;
        if has_passed {
            self.outgoing = Some((Grade::identity(weights), 1.));
        } else if is_sudden {
            self.outgoing = None;
        }
        if settings.smoothing.is_zero() {
            self.outgoing = None;
        }
        if let Some((_, left)) = &mut self.outgoing {
            *left *= 1. - weight;
            if *left < FORGOTTEN {
                self.outgoing = None;
            }
        }

        let Some(mut grade) = self.average.clone() else {
            let identity = Grade::identity(weights);
            if is_flat && !sample.is_empty() && !settings.smoothing.is_zero() {
                self.outgoing = Some((identity.clone(), 1.));
            }
            return (identity, None, false);
        };
        if let Some(own) = own {
            let needed = own.share_inside(&grade);
            let mut share = self.own.as_ref().map_or(0., |(_, share)| *share);
            let pace = if needed > share { update.change } else { 1. };
            share += pace * super::weight(elapsed, REACTION) * (needed - share);
            self.own = (share > 0.).then_some((own.grade, share));
        }
        if let Some((own, share)) = &self.own {
            grade.mix(own, *share);
        }
        if let Some((old, left)) = &self.outgoing {
            grade.mix(old, *left);
        }
        self.shown = (!settings.smoothing.is_zero()).then(|| grade.clone());
        if gain != 1. {
            grade = grade.after_gain(gain);
        }
        // From more levels on than are flat, so that what is next to that doesn't jump.
        let strength = match (SUDDEN - spread).clamp(0., 1.) {
            0. => settings.strength,
            flatness => settings.strength * (1. - flatness * blackness(sample, weights)),
        };
        grade.dither = settings.dither;
        if strength == 1. {
            return (grade, None, share > 0.);
        }
        let mut weaker = Grade { dither: settings.dither, ..Grade::identity(weights) };
        weaker.mix(&grade, strength);
        (weaker, Some(grade), share > 0.)
    }
}

/// The time constant with which a frame's own grade comes in where the average moves colours out of the range: longer
/// than a flash, and shorter than a cross-fade.
const REACTION: Duration = Duration::from_millis(200);

/// A sample in which each pixel is one of the next frame with a probability of `share`: every one is of any of the
/// frames, as their shares say (J. S. Vitter, "Random Sampling with a Reservoir", ACM TOMS 11, 1985).
fn gather(
    mut gathered: Arc<ColorSample>,
    next: &ColorSample,
    share: f64,
    number: u64,
) -> Arc<ColorSample> {
    let n = gathered.len().min(next.len());
    let channels = &mut Arc::make_mut(&mut gathered).channels;
    for pixel in (0..n).filter(|&pixel| random(number, pixel as u64) < share) {
        for (channel, next) in channels.iter_mut().zip(&next.channels) {
            channel[pixel] = next[pixel];
        }
    }
    gathered
}

/// A number from 0 to 1 for each pixel of each frame, the same in every run: the finalizer of SplitMix64 (G. L.
/// Steele, D. Lea and C. H. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
fn random(frame: u64, pixel: u64) -> f64 {
    let mut bits = (frame << 32 | pixel).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ bits >> 31) as f64 / 2f64.powi(64)
}

/// A sample as if it were darker by a gain.
fn scaled(sample: &Arc<ColorSample>, gain: f64) -> Arc<ColorSample> {
    if gain == 1. {
        return Arc::clone(sample);
    }
    let factor = (1. / gain) as f32;
    let channels = sample.channels.each_ref();
    let scale = |channel: &Vec<f32>| channel.iter().map(|value| value * factor).collect();
    Arc::new(ColorSample { channels: channels.map(scale) })
}

/// The luma from which on a frame isn't black, or up to which it isn't white.
const NEARLY_BLACK: f64 = 16.;

/// From 1, the frame is black or white, to 0. What is flat keeps its last grade; but what fades from or
/// to black is black at its end.
fn blackness(sample: &ColorSample, weights: LumaWeights) -> f64 {
    let n = sample.len().max(1) as f64;
    let sum = |luma: f64, [r, g, b]: [f32; 3]| luma + weights.luma([r.into(), g.into(), b.into()]);
    let mean = sample.pixels().fold(0., sum) / n;
    (1. - mean.min(255. - mean) / NEARLY_BLACK).clamp(0., 1.)
}
