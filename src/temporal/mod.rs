//! Decides the mapping of each frame: smooth in time, and without a frame of latency.
//!
//! The rule ([`match_cdfs`](crate::matching::match_cdfs)) is for stills. Applied to each frame by
//! itself, it lets every object that comes or goes move the colours of all others, cancels fades, and
//! makes a black frame bright. [`Temporal`] sits between counting and the rule:
//!
//! ```text
//! histograms ─► flat? ─► source: average over time ─► match_cdfs ─► Curve ─► Lut per channel
//!                ▲               ▲         ▲                          ▲
//!                │         starts afresh  weight                 follows exposure,
//! thumbnail ─► Cuts ────────────┘        by time                limited, blended
//!          └─► Exposure ───────────────────────────────────────────────┘
//! ```
//!
//! This file is the policy: which frames are learned from, held or thrown away. `channel.rs` is the
//! model of one channel: its average, and the table that follows from it.
//!
//! - **Smoothing.** The source is an exponential average of the frames' CDFs. A frame that comes
//!   *t* after the last one has the weight 1 − exp(−*t*/τ): a low-pass filter of first order,
//!   whatever the rate of the frames is. What is held later ([`UpdateMode`]) is the mean of the
//!   frames over time, for τ.
//!   Where much of the picture is not as it usually is ([`Exposed::unrest`](exposure::Exposed::unrest)), a
//!   frame weighs less, down to a third: what comes and goes, and what a camera passes, is followed
//!   slowly. While something hides part of the picture that came at once, frames weigh nothing, for a
//!   second at most.
//! - **Cuts** ([`cuts`]) begin the average afresh, so that nothing of the last scene is left in it. A scene
//!   that comes back within ten seconds gets back what was learned of it.
//! - **Other scenes without a cut.** A grade is an average of grades, and may move the colours of a scene that another one becomes
//!   far out of the range. Where most of the picture has changed, the frame's own grade comes in, with as much as is enough
//!   ([`Learned::share_inside`](grading::Learned::share_inside)).
//! - **Flicker** ([`exposure`]) is a gain that differs from its own average. The mapping is moved by
//!   it at once, while its shape stays that of the average.
//! - **Flat** channels ([`is_flat`]) have nothing to be matched; they keep the last mapping. Where there is none yet and
//!   it gets lighter by and by, frames go over to being matched, with the smoothing, and R', G' and B' together.
//!
//! The parts by themselves are old: exponential averages of matched histograms are how flicker of
//! old films is removed (P. M. B. van Roosmalen, *Restoration of Archived Film and Video*, Delft,
//! 1999, chapter 3; J. Delon, "Movie and Video Scale-Time Equalization Application to Flicker
//! Reduction", IEEE Transactions on Image Processing 15(1), 2006). Those look at frames to come; this
//! does not.

use std::time::Duration;

use crate::color::{Channels, Encoding};
use crate::grading::{self, Method};
use crate::histogram::Histogram;
use crate::kernels::InstructionSet;
use crate::mapping::Mapping;
use crate::mapping::curve::Curve;
use crate::mapping::grade::Grade;
use crate::reference::{ReferenceId, Target};
use crate::statistics::Statistics;
use crate::statistics::Thumbnail;

mod channel;
mod conversion;
pub mod cuts;
pub mod exposure;
mod grade;
mod scenes;

use channel::{ChannelLevels, ChannelState, Levels, Update};
use cuts::{Cuts, View};
use exposure::Exposure;
use grade::{GradeState, Input};
use scenes::{Scene, Scenes};

/// When the source is learned from frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpdateMode {
    /// From every frame.
    #[default]
    Frame,
    /// From the first frame of a scene and those that follow within one time constant of the
    /// smoothing: their mean, which is held until the next cut.
    Scene,
    /// As for a scene, but once for all: until [`Temporal::relearn`].
    Locked,
}

/// What becomes of channels without a distribution to speak of ([`is_flat`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlatFrames {
    /// They keep the last mapping, or stay as they are if there was none.
    #[default]
    Hold,
    /// They are matched like any other.
    Match,
}

/// How a video is matched over time. The default is the rule, frame by frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How far the levels go from what they are to what they are mapped to, 0 to 1.
    pub strength: f64,
    /// The time constant of the average; zero: every frame by itself.
    pub smoothing: Duration,
    /// How much of a flicker is removed, 0 to 1.
    pub deflicker: f64,
    /// The distance ([`Cuts`]) from which on a frame begins a new scene, 0 to 1; 0: none does.
    pub scene_threshold: f64,
    /// When the source is learned.
    pub update_mode: UpdateMode,
    /// What becomes of flat channels.
    pub flat_frames: FlatFrames,
    /// The steepest that the mapping may get, with the source's median where it lands without
    /// ([`Curve::limit_slope`](crate::mapping::curve::Curve::limit_slope)); 0: as steep as it is. Other
    /// values below 1 count as 1. Flat channels may be steeper next to black and white.
    pub max_slope: f64,
    /// The rule by which colours are moved together; `None`: each channel is matched by itself.
    pub method: Option<Method>,
    /// Whether levels with fractions are [dithered](crate::kernels::dither).
    pub dither: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strength: 1.,
            smoothing: Duration::ZERO,
            deflicker: 0.,
            scene_threshold: cuts::DEFAULT_THRESHOLD,
            update_mode: UpdateMode::default(),
            flat_frames: FlatFrames::default(),
            max_slope: 0.,
            method: None,
            dither: false,
        }
    }
}

impl Settings {
    /// Whether every frame is matched by itself, so that nothing of the frames before it counts but
    /// what flat channels keep.
    pub fn is_frame_by_frame(&self) -> bool {
        self.smoothing.is_zero() && self.update_mode == UpdateMode::Frame
    }

    /// Whether a frame's thumbnail is looked at.
    pub fn needs_thumbnail(&self) -> bool {
        !self.is_frame_by_frame() && (self.scene_threshold > 0. || self.deflicker > 0.)
    }

    /// Settings that contradict each other: what has no effect, and why.
    pub fn contradiction(&self) -> Option<&'static str> {
        if self.deflicker > 0. && self.is_frame_by_frame() {
            return Some(
                "deflicker has no effect where every frame is matched by itself, which removes \
                 flicker and the content's own changes alike. Set smoothing, too (for example to \
                 1000000000, a second)",
            );
        }
        if self.update_mode == UpdateMode::Scene && self.scene_threshold == 0. {
            return Some(
                "with scene-threshold=0 no cut is found, so update-mode=scene learns once and holds \
                 that. Set scene-threshold, or update-mode=locked if that is what is wanted",
            );
        }
        None
    }
}

/// What was decided about a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The distance to the frame before ([`Cuts`]), 0 to 1; 0 if it was not looked at.
    pub scene_distance: f64,
    /// Whether the frame begins a new scene.
    pub scene_change: bool,
    /// Whether the source of each channel was learned from the frame; otherwise it was held.
    pub learned: Vec<bool>,
    /// By how much brighter the frame was taken to be than the average.
    pub gain: f64,
    /// What the mapping would be with a `strength` of 1, if it is weaker.
    pub at_full_strength: Option<Mapping>,
}

/// The state of matching a video over time.
#[derive(Clone, Debug)]
pub struct Temporal {
    channels: Channels,
    /// The newest instruction set that is learned by.
    at_most: InstructionSet,
    states: Vec<ChannelState>,
    /// Of colours that are moved together.
    grade: GradeState,
    cuts: Cuts,
    exposure: Exposure,
    /// Scenes that may come back.
    scenes: Scenes,
    /// What the picture was before something hid part of it, and for how long it has.
    hidden: Option<(View, Duration)>,
    /// Whether what was learned is part of a fade from black, for want of anything else.
    is_provisional: bool,
    /// Whether nothing was seen yet behind a jump.
    has_jumped: bool,
    /// Whether the last frame was shown as it is.
    has_passed: bool,
    /// What the last frame was matched to.
    reference: Option<ReferenceId>,
    /// What is locked for frames with channels of other kinds, the last ones first.
    others: Vec<Temporal>,
}

/// Kinds of channels beside the present one for which what is locked is kept.
const MOST_OTHERS: usize = 4;

/// The time constant of the flicker's average where there is no smoothing.
const EXPOSURE_TIME: Duration = Duration::from_secs(1);

/// The unrest ([`Exposed::unrest`](exposure::Exposed::unrest)) of a frame that has half of its weight; with
/// twice as much or more, it has a third, so that the average is never more than three times as slow.
const UNREST: f64 = 0.1;

/// The [changes](exposure::Exposed::change) up to which the scene goes on, and from which on it is another one.
const CHANGED: (f64, f64) = (0.03, 0.08);

/// For how long what hides part of the picture isn't learned.
const HIDDEN: Duration = Duration::from_secs(1);

/// The spread from which on a frame behind flat ones is a picture that comes at once. What gets lighter by and by has
/// less when it begins to be matched, and goes over to that, as nothing hides how far colours move. With less, what is
/// black or white is graded in part.
const SUDDEN: f64 = 2.;

/// What mappings go over from, each with how much of it is left.
#[derive(Default)]
struct Outgoing {
    curves: Vec<Option<(Curve, f64)>>,
    grade: Option<(Grade, f64)>,
}

/// The weight of something new after some time, for a time constant.
fn weight(elapsed: Duration, time_constant: Duration) -> f64 {
    if time_constant.is_zero() {
        1.
    } else {
        1. - (-elapsed.as_secs_f64() / time_constant.as_secs_f64()).exp()
    }
}

impl Temporal {
    /// Nothing seen yet of frames with these channels.
    pub fn new(channels: Channels) -> Self {
        Self {
            at_most: InstructionSet::best(),
            states: vec![ChannelState::default(); channels.depths.len()],
            grade: GradeState::default(),
            cuts: Cuts::default(),
            exposure: Exposure::default(),
            scenes: Scenes::default(),
            hidden: None,
            is_provisional: false,
            has_jumped: false,
            has_passed: false,
            reference: None,
            others: Vec::new(),
            channels,
        }
    }

    /// The same by code for no newer instruction set, which makes no difference but in time.
    pub fn at_most(self, at_most: InstructionSet) -> Self {
        Self { at_most, ..self }
    }

    /// Forgets all frames.
    pub fn reset(&mut self) {
        *self = Self::new(self.channels.clone()).at_most(self.at_most);
    }

    /// The stream goes on somewhere else: what comes has nothing to do with the frames so far.
    ///
    /// - [`UpdateMode::Frame`]: they are forgotten.
    /// - [`UpdateMode::Scene`]: a new scene begins.
    /// - [`UpdateMode::Locked`]: nothing changes but, if the next frame is of another scene, that its
    ///   brightness counts as the average.
    pub fn jump(&mut self, mode: UpdateMode) {
        match mode {
            UpdateMode::Frame => self.reset(),
            UpdateMode::Scene => {
                self.relearn();
                self.go_over(Outgoing::default());
                (self.cuts, self.exposure) = (Cuts::default(), Exposure::default());
                self.hidden = None;
                self.is_provisional = false;
            }
            UpdateMode::Locked => self.has_jumped = true,
        }
    }

    /// The state for frames with other channels from now on. What was learned is converted if the
    /// channels are of the same kind (R'G'B', Y'CbCr or luma) and colorimetry: to another number of bits as a reference
    /// is ([`Histogram::at_depth`]), to another range by its levels of black and white. The levels of
    /// Y'CbCr with another matrix are taken as they are. Otherwise nothing is known yet, but for what
    /// [`UpdateMode::Locked`] has learned of such frames before.
    pub fn for_channels(mut self, channels: Channels, mode: UpdateMode) -> Self {
        if mode != UpdateMode::Locked {
            self.others.clear();
        }
        if self.channels == channels {
            return self;
        }
        if !conversion::are_alike(&self.channels, &channels) {
            let mut others = std::mem::take(&mut self.others);
            let same = |other: &Self| conversion::are_alike(&other.channels, &channels);
            let locked = others.iter().position(same).map(|index| others.remove(index));
            let new = Self::new(channels.clone()).at_most(self.at_most);
            let new = match locked {
                Some(locked) => {
                    let Self { states, grade, reference, .. } = locked.for_channels(channels, mode);
                    Self { states, grade, reference, ..new }
                }
                None => new,
            };
            if mode == UpdateMode::Locked {
                others.insert(0, self);
                others.truncate(MOST_OTHERS);
            }
            return Self { others, ..new };
        }
        let convert = |(index, state): (usize, ChannelState)| {
            conversion::convert(state, index, &self.channels, &channels)
        };
        Self {
            states: self.states.into_iter().enumerate().map(convert).collect(),
            grade: self.grade.for_weights(grading::luma_weights(channels.encoding)),
            scenes: Scenes::default(),
            channels,
            ..self
        }
    }

    /// Learns afresh from the next frame on. Until it has something to learn from, a channel keeps
    /// what it has.
    pub fn relearn(&mut self) {
        self.scenes = Scenes::default();
        self.others.clear();
        self.begin();
    }

    /// Begins to learn a scene.
    fn begin(&mut self) {
        self.states.iter_mut().for_each(|state| state.learning.is_stale = true);
        self.grade.learning.is_stale = true;
    }

    /// What frames are mapped by now.
    fn outgoing(&self) -> Outgoing {
        let curves = self.states.iter().map(|state| Some((state.shown.clone()?, 1.))).collect();
        Outgoing { curves, grade: self.grade.shown.clone().map(|grade| (grade, 1.)) }
    }

    /// Mappings go over from these to those that come, with the smoothing.
    fn go_over(&mut self, Outgoing { mut curves, grade }: Outgoing) {
        curves.resize(self.states.len(), None);
        for (state, curve) in self.states.iter_mut().zip(curves) {
            state.outgoing = curve;
        }
        self.grade.outgoing = grade;
    }

    /// A frame is shown as it is, as there is no reference yet: with the smoothing, those to come go over from that.
    pub fn pass(&mut self) {
        self.has_passed = true;
    }

    /// How to map a frame, some time after the one before, so that it matches `target`.
    pub fn decide(
        &mut self,
        statistics: &Statistics,
        elapsed: Duration,
        target: &Target,
        settings: &Settings,
    ) -> (Mapping, Report) {
        let smoothing = settings.smoothing;
        let weight = weight(elapsed, smoothing);
        let has_passed = std::mem::take(&mut self.has_passed);
        let mut update = Update { trust: 1., novelty: 0., change: 1. };
        let mut report = Report { gain: 1., ..Report::default() };
        if let Some(thumbnail) = &statistics.thumbnail {
            self.look(thumbnail, elapsed, settings, &mut update, &mut report);
        }
        if let (Some(sample), Some(goal)) = (&statistics.sample, &target.goal) {
            let at_most = self.at_most;
            let input =
                Input { sample, target, goal, elapsed, update, weight, has_passed, at_most };
            let (grade, full, learned) =
                self.grade.decide(input, &self.channels, &report, settings);
            report.learned = vec![learned; self.states.len()];
            report.at_full_strength = full.map(Mapping::from);
            return (grade.into(), report);
        }
        let old = self.reference.replace(target.id);
        let reference_changed = old.is_some_and(|old| old != target.id);

        let all_levels: Vec<ChannelLevels> =
            (0..self.states.len()).map(|index| ChannelLevels::new(&self.channels, index)).collect();
        let spread = |(levels, histogram): (&ChannelLevels, &Histogram)| match settings.flat_frames
        {
            FlatFrames::Hold => levels.spread(histogram),
            FlatFrames::Match => f64::INFINITY,
        };
        let spreads: Vec<f64> = all_levels.iter().zip(&statistics.histograms).map(spread).collect();
        let is_sudden = spreads.iter().all(|spread| *spread >= SUDDEN);
        // One of R', G' and B' that is matched before the others makes false colours.
        let waits = !settings.is_frame_by_frame()
            && matches!(self.channels.encoding, Encoding::Rgb(_))
            && self
                .states
                .iter()
                .zip(&spreads)
                .any(|(state, spread)| !state.is_learned() && *spread < 1.);

        let mut of_channels = Vec::with_capacity(self.states.len());
        let mut at_full_strength = Vec::new();
        for (index, state) in self.states.iter_mut().enumerate() {
            let histogram = &statistics.histograms[index];
            let (levels, flatness) = (&all_levels[index], flatness(spreads[index]));
            let held = waits || flatness > 0. || histogram.total() == 0;
            let was_learned = state.is_learned();
            let learned = !held && state.learn(histogram, elapsed, update, settings);
            report.learned.push(learned);
            if smoothing.is_zero() {
                state.outgoing = None;
            } else if reference_changed && !report.scene_change {
                state.outgoing = state.shown.take().map(|curve| (curve, 1.));
            }
            if (has_passed || !was_learned) && !smoothing.is_zero() && histogram.total() > 0 {
                if has_passed || held {
                    // It was shown as it is.
                    state.outgoing = Some((Curve::identity(histogram.bins.len()), 1.));
                } else if is_sudden {
                    state.outgoing = None;
                }
            }
            let reference = &target.cdfs[index];
            let (levels, full) =
                state.levels(reference, levels, flatness, weight, &report, settings);
            if settings.strength < 1. {
                let n_levels = histogram.bins.len();
                at_full_strength.push(full.unwrap_or_else(|| Curve::identity(n_levels)));
            }
            of_channels.push(levels);
        }
        report.at_full_strength =
            (settings.strength < 1.).then_some(Mapping::Curves(at_full_strength));
        let mapping = if settings.dither && of_channels.iter().any(Levels::is_fractional) {
            Mapping::Curves(of_channels.into_iter().map(Levels::into_curve).collect())
        } else {
            Mapping::Luts(of_channels.into_iter().map(Levels::into_lut).collect())
        };
        (mapping, report)
    }

    /// Finds out from a frame in small whether it begins a scene, how bright it is, and whether it
    /// can be learned from.
    fn look(
        &mut self,
        thumbnail: &Thumbnail,
        elapsed: Duration,
        settings: &Settings,
        update: &mut Update,
        report: &mut Report,
    ) {
        let step = self.cuts.step(thumbnail, elapsed);
        self.scenes.pass(elapsed);
        report.scene_distance = step.distance;
        let mut novelty = cuts::novelty(step.distance, settings.scene_threshold);
        let is_hiding = novelty > 0. && self.cuts.goes_on();
        if is_hiding {
            novelty = 0.;
            self.exposure.skip();
        }
        let is_elsewhere = std::mem::take(&mut self.has_jumped)
            && cuts::novelty(step.distance, cuts::DEFAULT_THRESHOLD) == 1.;
        update.novelty = match settings.update_mode {
            // There was no other scene than this.
            _ if step.is_faded_in && self.is_provisional => 1.,
            UpdateMode::Locked => 0.,
            // The average comes to the new scene by itself, from one of usual brightness.
            UpdateMode::Frame if step.is_faded_in => 0.,
            _ => novelty,
        };
        report.scene_change = update.novelty == 1.;
        if report.scene_change {
            // A cut hides that colours change at once; the end of a fade doesn't.
            let outgoing = if step.is_faded_in { self.outgoing() } else { Outgoing::default() };
            self.change_scene(update);
            // The first scene is going over from what was there before it.
            if !self.is_provisional {
                self.go_over(outgoing);
            }
        } else if settings.update_mode == UpdateMode::Locked && (novelty == 1. || is_elsewhere) {
            // Between two scenes there is no gain that says something.
            self.exposure = Exposure::default();
        }
        if step.is_fading_in || step.is_faded_in {
            self.exposure.forget_usual();
        }
        let is_hidden = self.is_hidden(is_hiding, elapsed, settings);

        let time = if settings.smoothing.is_zero() { EXPOSURE_TIME } else { settings.smoothing };
        let average = if step.is_fading_in { 0. } else { weight(elapsed, time) };
        let exposed = self.exposure.follow(thumbnail, elapsed, average);
        report.gain = exposed.gain;
        if settings.update_mode == UpdateMode::Frame && !settings.smoothing.is_zero() {
            // What moves is no scene to learn from, either, but it may go on for long.
            update.trust /= 1. + (exposed.unrest / UNREST).min(2.);
        }

        update.change = ((exposed.change - CHANGED.0) / (CHANGED.1 - CHANGED.0)).clamp(0., 1.);

        // What fades in is no scene to learn from, unless there is nothing else yet; nor is what
        // fades out.
        let has_source =
            self.grade.is_learned() || self.states.iter().any(ChannelState::is_learned);
        self.is_provisional = step.is_fading_in && (self.is_provisional || !has_source);
        if self.is_provisional {
            self.begin();
            // Each frame is learned by itself, with the brightness that it has.
            report.gain = 1.;
        } else if step.is_fading_in || exposed.is_fading_out || is_hidden {
            (update.trust, update.change) = (0., 0.);
        }
    }

    /// Goes to another scene: back to what was learned of it if it was there a while ago, and otherwise
    /// to begin with this frame.
    fn change_scene(&mut self, update: &mut Update) {
        let (states, grade) = (self.states.clone(), self.grade.clone());
        let left = Scene { states, grade, exposure: std::mem::take(&mut self.exposure) };
        match self.scenes.change(left, &self.cuts) {
            Some(scene) => {
                (self.states, self.grade) = (scene.states, scene.grade);
                self.exposure = scene.exposure;
                update.novelty = 0.;
            }
            None => self.begin(),
        }
    }

    /// Whether part of the picture is hidden by something that came a moment ago.
    fn is_hidden(&mut self, is_hiding: bool, elapsed: Duration, settings: &Settings) -> bool {
        self.hidden = match self.hidden.take() {
            Some((view, time)) => {
                let distance = self.cuts.distance(&view);
                let is_back = cuts::novelty(distance, settings.scene_threshold) == 0.;
                let time = time.saturating_add(elapsed);
                if !is_back && time >= HIDDEN && settings.update_mode == UpdateMode::Scene {
                    // It stays, and nothing else would ever learn it.
                    let outgoing = self.outgoing();
                    self.begin();
                    self.go_over(outgoing);
                }
                (!is_back && time < HIDDEN).then_some((view, time))
            }
            None if is_hiding => self.cuts.before().map(|view| (view.clone(), Duration::ZERO)),
            None => None,
        };
        self.hidden.is_some()
    }
}

/// The [effective levels](Histogram::effective_levels) from which on a channel has a distribution
/// to speak of: 16 of 256, and 4 for chroma, which is narrower by nature.
fn enough_levels(is_chroma: bool) -> f64 {
    if is_chroma { 4. } else { 16. }
}

/// How many times as many [effective levels](Histogram::effective_levels) there are as are enough for a
/// distribution to speak of.
fn spread(histogram: &Histogram, is_chroma: bool) -> f64 {
    histogram.effective_levels() / enough_levels(is_chroma)
}

/// By a spread: from 0, there is a distribution, to 1, there is half of what would be one.
fn flatness(spread: f64) -> f64 {
    (2. * (1. - spread)).clamp(0., 1.)
}

/// Whether there is something to be seen in a channel, flat or not: a tenth of the samples are a quarter
/// of the scale or more away from `zero`, the level of black or of no colour. Colour bars and plain grey
/// have it; what is black, and what fades from or to that, does not.
pub fn is_visible(histogram: &Histogram, zero: u16) -> bool {
    let (zero, quarter) = (usize::from(zero), histogram.bins.len() / 4);
    let bins = histogram.bins.iter().enumerate();
    let visible: u64 =
        bins.filter(|(level, _)| level.abs_diff(zero) >= quarter).map(|(_, bin)| bin).sum();
    visible > histogram.total() / 10
}

/// Whether a channel has no distribution to speak of: fewer than 16 effective levels of 256 (a
/// frame that is black, white or nearly; a test card; the end of a fade), or fewer than 4 of chroma
/// (a grey frame).
///
/// On photographs and films, R', G', B' and luma have 75 to 210, chroma 20 to 90; colour bars have 2
/// to 5, a picture that is faded to a fifteenth 16, a black frame with noise of two levels 8.
pub fn is_flat(histogram: &Histogram, is_chroma: bool) -> bool {
    histogram.effective_levels() < enough_levels(is_chroma)
}
