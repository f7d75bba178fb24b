//! The frames that were negotiated, one after the other.

use std::ops::Deref;
use std::time::Duration;

use gst::prelude::*;

use super::settings::Settings;
use super::stats::{self, Stats};
use crate::color::{Channels, LumaWeights};
use crate::distance;
use crate::frame::{FrameMut, FrameRef};
use crate::kernels::InstructionSet;
use crate::mapping::Mapping;
use crate::mapping::cube::Cube;
use crate::matcher::Matcher;
use crate::plugin::reader::{Failure, FrameReader, LookedFor, Matching};
use crate::plugin::reference::OriginalTarget;
use crate::plugin::source::Origin;
use crate::plugin::{frame, memory};
use crate::statistics::Statistics;
use crate::temporal::{self, Report, Temporal};
use crate::workers::Workers;

/// For tests: debug builds panic in the middle of a frame.
const PANIC_VARIABLE: &str = "HISTOMATCH_PANIC";

/// What a frame lasts if nobody says.
const USUAL_DURATION: gst::ClockTime = gst::ClockTime::from_mseconds(40);

/// The longest that frames are missing without the stream being taken for another; at low rates, one
/// frame may be missing whatever it lasts.
const LONGEST_GAP: gst::ClockTime = gst::ClockTime::SECOND;

pub(super) struct Stream {
    reader: FrameReader,
    temporal: Temporal,
    /// What was counted in the last frame that had something of the part that is learned from, if only a
    /// part is.
    part: Option<Statistics>,
    /// The time stamp of the last frame that counted.
    last: Option<gst::ClockTime>,
    /// What that frame lasts.
    last_duration: gst::ClockTime,
    /// Whether frames were learned from since the start or the last `relearn`.
    has_learned: bool,
    /// Whether the mapping is locked: what was learned, and what it leads to.
    is_held: bool,
}

/// What was done to a frame.
pub(super) struct Matched {
    pub report: Report,
    channels: Channels,
    target: OriginalTarget,
    statistics: Statistics,
    mapping: Mapping,
    /// Whether the frame has something of the part that is learned from.
    has_part: bool,
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
    pub target: OriginalTarget,
    pub settings: &'a Settings,
}

impl Stream {
    /// The error is for developers: the pad templates have no formats that fail.
    pub fn new(
        info: &gst_video::VideoInfo,
        matching: Matching,
        at_most: InstructionSet,
    ) -> Result<Self, String> {
        let reader = FrameReader::new(info, matching, at_most)?;
        Ok(Self {
            temporal: Temporal::new(reader.matcher.channels().clone()).at_most(at_most),
            reader,
            part: None,
            last: None,
            last_duration: USUAL_DURATION,
            has_learned: false,
            is_held: false,
        })
    }

    pub fn info(&self) -> &gst_video::VideoInfo {
        self.reader.info()
    }

    pub fn matching(&self) -> Matching {
        self.reader.matching()
    }

    pub fn matcher(&self) -> &Matcher {
        &self.reader.matcher
    }

    /// The frames to come are from somewhere else.
    pub fn jump(&mut self, mode: temporal::UpdateMode) {
        self.temporal.jump(mode);
        // What is locked looks as it did, to its edges.
        if mode != temporal::UpdateMode::Locked {
            self.reader.forget_borders();
            self.part = None;
        }
        self.last = None;
    }

    /// Goes on with what the stream before it has learned, as far as that holds for these frames.
    pub fn succeed(&mut self, old: Self, mode: temporal::UpdateMode) {
        let is_same = self.reader.succeed(&old.reader);
        let has_same_statistics =
            (self.matching() == Matching::Colors) == (old.matching() == Matching::Colors);
        self.temporal = old.temporal.for_channels(self.matcher().channels().clone(), mode);
        (self.last, self.last_duration) = (old.last, old.last_duration);
        (self.has_learned, self.is_held) = (old.has_learned, old.is_held);
        if has_same_statistics && *self.matcher().channels() == *old.reader.matcher.channels() {
            self.part = old.part;
        }
        // What was learned of channels says nothing of colours, and was not kept up meanwhile.
        if !has_same_statistics && mode != temporal::UpdateMode::Locked {
            self.relearn();
        }
        // With another frame rate alone, or another colour space, the frames are what they were.
        if !is_same {
            self.jump(mode);
        }
    }

    /// Learns afresh from the next frame on.
    pub fn relearn(&mut self) {
        self.temporal.relearn();
        self.part = None;
        (self.has_learned, self.is_held) = (false, false);
    }

    /// A frame passes as it is, as there is no reference yet.
    pub fn pass(&mut self) {
        self.temporal.pass();
    }

    /// Whether the mapping is locked, so that what is newer of its reference has to wait.
    pub fn is_held(&self) -> bool {
        self.is_held
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
        let scan = frame::scan(&frame, self.info());
        let is_gap = frame.flags().contains(gst::BufferFlags::GAP);
        let (pts, duration) = (frame.pts(), frame.duration());
        let part = settings.part(&frame);
        let is_partial = part.is_partial();
        let spans = &self.reader.place(&frame)?;
        let layout = self.reader.matcher.layout();
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

        let looked_for = LookedFor {
            thumbnail: settings.temporal().needs_thumbnail(),
            borders: settings.ignore_borders,
        };
        let thumbnail = self.reader.survey(&pixels, looked_for, elapsed, is_gap)?;
        let has_part = self.reader.select(part, settings.apply_region)?;
        let counted = match &self.part {
            // What has gone is taken to look as it did.
            Some(part) if !has_part => part.clone(),
            _ => self.reader.count(pixels, scan, workers)?,
        };
        // There was nothing yet of what is to be learned from.
        let is_foreign = !has_part && self.part.is_none();
        if !is_gap && has_part {
            self.part = is_partial.then(|| counted.clone());
        }
        let statistics = Statistics { thumbnail, ..counted };
        if cfg!(debug_assertions) && std::env::var_os(PANIC_VARIABLE).is_some() {
            panic!("{PANIC_VARIABLE} is set");
        }
        // A frame that fills a gap is matched like any other, and nothing is learned from it.
        let mut unlearned = (is_gap || is_foreign).then(|| self.temporal.clone());
        let temporal = unlearned.as_mut().unwrap_or(&mut self.temporal);
        let (mapping, report) =
            temporal.decide(&statistics, elapsed, &target.target, &settings.temporal());
        if let Some(pixels) = to_change {
            self.reader.matcher.apply(pixels, scan, workers, &mapping)?;
        }
        if !is_gap {
            let is_learned = !is_foreign && report.learned.contains(&true);
            self.has_learned |= is_learned;
            let is_locked = settings.temporal().update_mode == temporal::UpdateMode::Locked;
            // Frames of another kind are learned from, but to the same reference.
            self.is_held = is_locked && (self.is_held || self.has_learned && !is_learned);
            self.last = pts;
            self.last_duration = self.by_rate().or(duration).unwrap_or(USUAL_DURATION);
        }
        let channels = self.matcher().channels().clone();
        Ok(Matched { report, channels, target, statistics, mapping, has_part })
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
        // It is of frames; these may be fields.
        let is_field = self.info().interlace_mode() == gst_video::VideoInterlaceMode::Alternate;
        let fps = self.info().fps() * if is_field { 2 } else { 1 };
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

impl Matched {
    /// Whether something was learned from the frame.
    pub fn is_learned(&self) -> bool {
        self.report.learned.contains(&true)
    }

    /// Why no frame has something to learn from. Regions of interest come and go, as black bars do.
    pub fn complaint(&self, settings: &Settings) -> Option<String> {
        let is_fixed = settings.roi_type.is_none() && !settings.ignore_borders;
        (!self.has_part && is_fixed).then(|| {
            "The properties contradict each other: all of mask-location is black within the region, \
             so that nothing is learned. Change one of them."
                .into()
        })
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

    /// What it was matched to.
    pub fn reference(&self) -> &Origin {
        &self.target.origin
    }

    /// What to tell of it, with curves of at most so many points. It is computed in the streaming
    /// thread for messages, so it may not take long.
    pub fn stats(&self, running_time: Option<gst::ClockTime>, max_points: usize) -> Stats {
        let (sources, references) = (&self.statistics.histograms, &self.target.target.cdfs);
        let luts = self.mapping.luts().unwrap_or_default();
        let ([distance_before, distance_after], grade) = match &self.mapping {
            Mapping::Grade(grade) => {
                let distances = self.target.target.distances(&self.statistics, grade);
                (distances.unwrap_or_default(), Some(grade))
            }
            _ => (distance::mean_before_and_after(sources, &luts, references), None),
        };
        Stats {
            running_time,
            reference: self.reference().to_string(),
            live: match self.reference() {
                Origin::Channel(_, snapshot) => Some(stats::Live {
                    sequence: snapshot.sequence(),
                    age: snapshot.age().as_nanos() as u64,
                }),
                Origin::Files(_) | Origin::Captured => None,
            },
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
}
