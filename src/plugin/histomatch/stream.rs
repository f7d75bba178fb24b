//! The frames that were negotiated, one after the other.

use std::collections::TryReserveError;
use std::ops::Deref;
use std::path::Display;
use std::time::Duration;

use gst::prelude::*;

use super::Colorspace;
use super::settings::Settings;
use super::stats::{self, Stats};
use crate::color::{Channels, LumaWeights};
use crate::distance;
use crate::frame::letterbox::LetterboxTracker;
use crate::frame::{Area, FrameLayout, FrameMut, FrameRef, SpanError};
use crate::kernels::InstructionSet;
use crate::mapping::Mapping;
use crate::mapping::cube::Cube;
use crate::mapping::grade::Grade;
use crate::matcher::survey::{Survey, SurveyError};
use crate::matcher::{self, Matcher};
use crate::plugin::memory::NotMapped;
use crate::plugin::reference::LocatedTarget;
use crate::plugin::{frame, memory};
use crate::statistics::Statistics;
use crate::statistics::Thumbnail;
use crate::temporal::{self, Report, Temporal};
use crate::workers::Workers;

/// For tests: frames of every format are read through GStreamer's unpack functions.
const GENERIC_VARIABLE: &str = "HISTOMATCH_GENERIC";

/// For tests: debug builds panic in the middle of a frame.
const PANIC_VARIABLE: &str = "HISTOMATCH_PANIC";

/// What a frame lasts if nobody says.
const USUAL_DURATION: gst::ClockTime = gst::ClockTime::from_mseconds(40);

/// The longest that frames are missing without the stream being taken for another; at low rates, one
/// frame may be missing whatever it lasts.
const LONGEST_GAP: gst::ClockTime = gst::ClockTime::SECOND;

/// What of frames is matched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Matching {
    /// Each channel by itself.
    Channels(Colorspace),
    /// All channels together.
    Colors,
}

pub(super) struct Stream {
    info: gst_video::VideoInfo,
    matching: Matching,
    at_most: InstructionSet,
    /// Describes the pictures in the buffers, which may be larger than what the caps show.
    frame_info: gst_video::VideoInfo,
    matcher: Matcher,
    /// The part of them that is shown, by crop metas.
    shown: Area,
    /// Looks at the cells of the grid that `shown` covers, since it was first needed.
    survey: Option<Survey>,
    borders: LetterboxTracker,
    temporal: Temporal,
    /// The time stamp of the last frame that counted.
    last: Option<gst::ClockTime>,
    /// What that frame lasts.
    last_duration: gst::ClockTime,
}

/// What was done to a frame.
pub(super) struct Matched {
    pub report: Report,
    channels: Channels,
    target: LocatedTarget,
    statistics: Statistics,
    mapping: Mapping,
}

/// Why a frame was not matched.
#[derive(Debug)]
pub(super) enum Failure {
    /// The buffer can't be the frame that was negotiated; a text says why.
    Buffer(String),
    /// There is not enough memory.
    Memory,
}

impl From<TryReserveError> for Failure {
    fn from(_: TryReserveError) -> Self {
        Self::Memory
    }
}

impl From<SpanError> for Failure {
    fn from(error: SpanError) -> Self {
        Self::Buffer(error.to_string())
    }
}

impl From<NotMapped> for Failure {
    fn from(_: NotMapped) -> Self {
        Self::Buffer("its memory can't be mapped for reading and writing".into())
    }
}

/// How a buffer is accessed: matched in place, or only counted.
pub(super) enum Access<'a> {
    InPlace(&'a mut gst::BufferRef),
    ReadOnly(&'a gst::BufferRef),
}

impl Deref for Access<'_> {
    type Target = gst::BufferRef;

    fn deref(&self) -> &gst::BufferRef {
        match self {
            Self::InPlace(buffer) => buffer,
            Self::ReadOnly(buffer) => buffer,
        }
    }
}

/// What is decided by, beside the frames.
pub(super) struct Decision<'a> {
    pub is_reverse: bool,
    pub target: LocatedTarget,
    pub settings: &'a Settings,
}

/// The layout of the pictures that `info` describes.
fn layout(info: &gst_video::VideoInfo) -> FrameLayout {
    frame::layout(info, std::env::var_os(GENERIC_VARIABLE).is_some())
}

/// The channels that frames of these caps are matched in.
pub(super) fn channels(info: &gst_video::VideoInfo, matching: Matching) -> Channels {
    match matching {
        Matching::Channels(colorspace) => matcher::channels(&layout(info), colorspace.into()),
        Matching::Colors => matcher::graded_channels(&layout(info)),
    }
}

impl Stream {
    /// The error is for developers: the pad templates have no formats that fail.
    pub fn new(
        info: &gst_video::VideoInfo,
        matching: Matching,
        at_most: InstructionSet,
    ) -> Result<Self, String> {
        let size = frame::size_by_caps(info);
        let frame_info = frame::resized(info, size)?;
        let matcher = make_matcher(&frame_info, matching, at_most)?;
        Ok(Self {
            info: info.clone(),
            frame_info,
            matching,
            at_most,
            shown: matcher.layout().area(),
            survey: None,
            borders: LetterboxTracker::default(),
            temporal: Temporal::new(matcher.channels().clone()),
            matcher,
            last: None,
            last_duration: USUAL_DURATION,
        })
    }

    pub fn info(&self) -> &gst_video::VideoInfo {
        &self.info
    }

    pub fn matching(&self) -> Matching {
        self.matching
    }

    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// The frames to come are from somewhere else.
    pub fn jump(&mut self, mode: temporal::UpdateMode) {
        self.temporal.jump(mode);
        // What is locked looks as it did, to its edges.
        if mode != temporal::UpdateMode::Locked {
            self.borders = LetterboxTracker::default();
        }
        self.last = None;
    }

    /// Goes on with what the stream before it has learned, as far as that holds for these frames.
    pub fn succeed(&mut self, old: Self, mode: temporal::UpdateMode) {
        // Where a crop meta shows a part of the frames, they are larger than the caps say.
        if frame::size_by_caps(&self.info) == frame::size_by_caps(&old.info)
            && self.resize((old.frame_info.width(), old.frame_info.height())).is_ok()
        {
            self.shown = old.shown;
        }
        let (layout, old_layout) = (self.matcher.layout(), old.matcher.layout());
        let is_same = layout == old_layout;
        if layout.area() == old_layout.area() {
            self.borders = old.borders;
        }
        self.temporal = old.temporal.for_channels(self.matcher.channels().clone());
        (self.last, self.last_duration) = (old.last, old.last_duration);
        // What was learned of channels says nothing of colours, and was not kept up meanwhile.
        if (self.matching == Matching::Colors) != (old.matching == Matching::Colors) {
            self.temporal.relearn();
        }
        // With another frame rate alone, or another colour space, the frames are what they were.
        if !is_same {
            self.jump(mode);
        }
    }

    /// Learns afresh from the next frame on.
    pub fn relearn(&mut self) {
        self.temporal.relearn();
    }

    /// Matches one frame, or finds out what it would be matched by.
    pub fn process(
        &mut self,
        mut frame: Access,
        workers: &Workers,
        decision: Decision,
    ) -> Result<Matched, Failure> {
        let Decision { is_reverse, target, settings } = decision;
        if frame.flags().contains(gst::BufferFlags::DISCONT) && self.jumps(&frame, is_reverse) {
            self.jump(settings.temporal().update_mode);
        }
        let elapsed = self.elapsed(&frame);
        let scan = frame::scan(&frame, &self.info);
        let is_gap = frame.flags().contains(gst::BufferFlags::GAP);
        let (pts, duration) = (frame.pts(), frame.duration());
        let placement = frame::placement(&frame, &self.info).map_err(Failure::Buffer)?;
        self.resize(placement.size)?;
        let whole = self.matcher.layout().area();
        let shown = placement.crop.map_or(whole, |crop| crop.intersection(whole));
        if shown != self.shown {
            self.show(shown);
        }

        let (layout, spans) = (self.matcher.layout(), &placement.spans);
        let (read, mut write);
        let mut to_change = None;
        let pixels = match &mut frame {
            Access::ReadOnly(buffer) => {
                read = memory::read(buffer, layout, spans)?;
                FrameRef::in_blocks(read.blocks(), layout, spans)?
            }
            Access::InPlace(buffer) => {
                write = memory::write(buffer, layout, spans)?;
                let pixels = FrameMut::in_blocks(write.blocks_mut(), layout, spans)?;
                to_change.insert(pixels).shared()
            }
        };

        let thumbnail = self.survey(&pixels, settings, elapsed, is_gap)?;
        let counted = self.matcher.count(pixels, scan, workers)?;
        let statistics = Statistics { thumbnail, ..counted };
        if cfg!(debug_assertions) && std::env::var_os(PANIC_VARIABLE).is_some() {
            panic!("{PANIC_VARIABLE} is set");
        }
        // A frame that fills a gap is matched like any other, and nothing is learned from it.
        let mut for_gap = is_gap.then(|| self.temporal.clone());
        let temporal = for_gap.as_mut().unwrap_or(&mut self.temporal);
        let (mapping, report) =
            temporal.decide(&statistics, elapsed, &target.target, &settings.temporal());
        if let Some(pixels) = to_change {
            self.matcher.apply(pixels, scan, workers, &mapping)?;
        }
        if !is_gap {
            self.last = pts;
            self.last_duration = self.by_rate().or(duration).unwrap_or(USUAL_DURATION);
        }
        let channels = self.matcher.channels().clone();
        Ok(Matched { report, channels, target, statistics, mapping })
    }

    /// Makes a matcher for frames of another size, if this is one.
    fn resize(&mut self, size: (u32, u32)) -> Result<(), Failure> {
        if size == (self.frame_info.width(), self.frame_info.height()) {
            return Ok(());
        }
        let info = frame::resized(&self.info, size).map_err(Failure::Buffer)?;
        self.matcher = make_matcher(&info, self.matching, self.at_most).map_err(Failure::Buffer)?;
        self.frame_info = info;
        self.show(self.matcher.layout().area());
        Ok(())
    }

    /// Takes note of what is shown of the frames.
    fn show(&mut self, area: Area) {
        self.shown = area;
        self.survey = None;
        self.borders = LetterboxTracker::default();
    }

    /// Looks at a frame before it is counted, if that is asked for, and keeps its borders out of
    /// what follows.
    fn survey(
        &mut self,
        pixels: &FrameRef,
        settings: &Settings,
        elapsed: Duration,
        is_gap: bool,
    ) -> Result<Option<Thumbnail>, Failure> {
        let needs_thumbnail = settings.temporal().needs_thumbnail();
        if !settings.ignore_borders {
            self.borders = LetterboxTracker::default();
            self.matcher.set_area(self.shown);
        }
        if (!needs_thumbnail && !settings.ignore_borders) || self.shown.is_empty() {
            return Ok(None);
        }
        let layout = self.matcher.layout();
        let survey = match &mut self.survey {
            Some(survey) => survey,
            none => {
                let unpack = frame::unpack(&self.frame_info);
                let survey = Survey::new(&layout.crop(self.shown), self.at_most, unpack);
                none.insert(survey.map_err(|error| match error {
                    SurveyError::Memory(error) => error.into(),
                    SurveyError::Unknown => Failure::Buffer(error.to_string()),
                })?)
            }
        };
        let cells = layout.on_grid(self.shown);
        let seen = survey.look(&pixels.clone().crop(layout, cells), settings.ignore_borders);
        if settings.ignore_borders && !is_gap {
            let content = seen.active_picture.moved(cells.left, cells.top).intersection(self.shown);
            self.matcher.set_area(self.borders.follow(content, elapsed));
        }
        Ok(needs_thumbnail.then_some(seen.thumbnail))
    }

    /// The time from the last frame that counted to this one.
    fn elapsed(&self, buffer: &gst::BufferRef) -> Duration {
        match (buffer.pts(), self.last) {
            (Some(now), Some(last)) => absolute_difference(now, last).into(),
            _ => self.duration(buffer).into(),
        }
    }

    /// What a frame lasts, as far as can be known.
    fn duration(&self, buffer: &gst::BufferRef) -> gst::ClockTime {
        buffer.duration().or_else(|| self.by_rate()).unwrap_or(USUAL_DURATION)
    }

    /// How long a frame lasts, by the caps.
    fn by_rate(&self) -> Option<gst::ClockTime> {
        let fps = self.info.fps();
        // A rate of 0 says nothing about how long a frame lasts.
        match (fps.numer().try_into(), fps.denom().try_into()) {
            (Ok(numer @ 1..), Ok(denom)) => gst::ClockTime::SECOND.mul_div_round(denom, numer),
            _ => None,
        }
    }

    /// Whether a buffer that is marked as a discontinuity begins something else. RTP marks one behind
    /// each packet that was lost, others all of them, so a jump is one in time: against the direction
    /// of play, or by more than a gap of lost frames.
    fn jumps(&self, buffer: &gst::BufferRef, is_reverse: bool) -> bool {
        // Without times nobody knows.
        let (Some(now), Some(last)) = (buffer.pts(), self.last) else { return false };
        let (from, to) = if is_reverse { (now, last) } else { (last, now) };
        let frame = self.last_duration;
        if to < from {
            // Time stamps of what is live may be off by less.
            return from - to >= frame;
        }
        (to - from).saturating_sub(frame) > LONGEST_GAP.max(frame)
    }
}

fn absolute_difference(a: gst::ClockTime, b: gst::ClockTime) -> gst::ClockTime {
    a.max(b) - a.min(b)
}

/// A matcher for the pictures that `info` describes.
fn make_matcher(
    info: &gst_video::VideoInfo,
    matching: Matching,
    at_most: InstructionSet,
) -> Result<Matcher, String> {
    let (layout, unpack) = (layout(info), frame::unpack(info));
    let matcher = match matching {
        Matching::Channels(colorspace) => Matcher::new(layout, colorspace.into(), at_most, unpack),
        Matching::Colors => Matcher::grading(layout, at_most, unpack),
    };
    matcher.map_err(|error| format!("{}: {error}", info.format().to_str()))
}

impl Matched {
    /// Whether something was learned from the frame.
    pub fn is_learned(&self) -> bool {
        self.report.learned.contains(&true)
    }

    /// Whether nothing was, though there is something to be seen.
    pub fn is_flat(&self) -> bool {
        let Channels { encoding, depths, .. } = &self.channels;
        let is_visible = || match &self.statistics.sample {
            Some(sample) => temporal::is_visible(&sample.luma_histogram(LumaWeights::BT709), 0),
            None => {
                let mut histograms = self.statistics.histograms.iter().zip(depths).enumerate();
                histograms.any(|(index, (histogram, &depth))| {
                    temporal::is_visible(histogram, encoding.zero(index, depth))
                })
            }
        };
        !self.is_learned() && is_visible()
    }

    /// What it was matched by, or would be with a `strength` of 1, as a lookup table.
    pub fn cube(&self, with_strength: bool) -> Cube {
        let full = self.report.at_full_strength.as_ref().filter(|_| !with_strength);
        Cube::new(full.unwrap_or(&self.mapping), &self.channels)
    }

    /// The location of the picture that it was matched to.
    pub fn reference(&self) -> Display<'_> {
        self.target.location.display()
    }

    /// What to tell of it, with curves of at most so many points. It is computed in the streaming
    /// thread for messages, so it may not take long.
    pub fn stats(&self, running_time: Option<gst::ClockTime>, max_points: usize) -> Stats {
        let (sources, references) = (&self.statistics.histograms, &self.target.target.cdfs);
        let ([distance_before, distance_after], luts, grade) = match &self.mapping {
            Mapping::Luts(luts) => {
                (distance::mean_before_and_after(sources, luts, references), &luts[..], None)
            }
            Mapping::Grade(grade) => (self.graded_distances(grade), &[][..], Some(grade)),
        };
        Stats {
            running_time,
            reference: self.reference().to_string(),
            distance_before,
            distance_after,
            scene_distance: self.report.scene_distance,
            scene_change: self.report.scene_change,
            learned: self.report.learned.clone(),
            gain: self.report.gain,
            depths: luts.iter().map(|lut| lut.levels.len().ilog2()).collect(),
            luts: luts.iter().map(|lut| stats::curve(&lut.levels, max_points)).collect(),
            grade: grade.map(|grade| stats::Grade::from(&**grade)),
        }
    }

    /// The distances in R'G'B', of the sample's pixels.
    fn graded_distances(&self, grade: &Grade) -> [f64; 2] {
        match (&self.statistics.sample, &self.target.target.goal) {
            (Some(sample), Some(goal)) => goal.distances(sample, grade),
            _ => [0.; 2],
        }
    }
}
