//! The frames that were negotiated, one after the other.

use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;

use super::settings::Settings;
use super::stats::{self, Stats};
use super::{Colorspace, frame};
use crate::borders::Borders;
use crate::cdf::Cdf;
use crate::distance;
use crate::histogram::Histogram;
use crate::kernels::InstructionSet;
use crate::lut::Lut;
use crate::matcher::Matcher;
use crate::pixels::{PixelsMut, PlaneSpan};
use crate::reference::Reference;
use crate::survey::{Survey, Thumbnail};
use crate::temporal::{self, Report, Temporal};
use crate::workers::Workers;

/// Takes all formats for such that only GStreamer can unpack, for tests.
const GENERIC_VARIABLE: &str = "HISTOMATCH_GENERIC";

/// Makes debug builds panic in the middle of a frame, for tests of what is left standing.
const PANIC_VARIABLE: &str = "HISTOMATCH_PANIC";

/// What a frame lasts if nobody says.
const USUAL_DURATION: gst::ClockTime = gst::ClockTime::from_mseconds(40);

/// The longest that frames are missing without the stream being taken for another.
const LONGEST_GAP: gst::ClockTime = gst::ClockTime::SECOND;

pub(super) struct Stream {
    info: gst_video::VideoInfo,
    colorspace: Colorspace,
    matcher: Matcher,
    survey: Survey,
    borders: Borders,
    temporal: Temporal,
    /// The time stamp of the last frame that counted.
    last: Option<gst::ClockTime>,
}

/// What was done to a frame.
pub(super) struct Matched {
    pub report: Report,
    references: Arc<[Cdf]>,
    histograms: Vec<Histogram>,
    luts: Vec<Lut>,
}

impl Stream {
    /// The error is for developers: the pad templates have no formats that fail.
    pub fn new(
        info: &gst_video::VideoInfo,
        colorspace: Colorspace,
        at_most: InstructionSet,
    ) -> Result<Self, String> {
        let generic = std::env::var_os(GENERIC_VARIABLE).is_some();
        let layout = frame::layout(info, generic);
        let unpack = frame::unpack(info);
        let format = info.format().to_str();
        let survey = Survey::new(&layout, at_most, unpack.clone())
            .ok_or_else(|| format!("{format}: can't be surveyed"))?;
        let matcher = Matcher::new(layout, colorspace.into(), at_most, unpack)
            .map_err(|error| format!("{format}: {error}"))?;
        let temporal = Temporal::new(matcher.channels().clone());
        let info = info.clone();
        let borders = Borders::default();
        Ok(Self { info, colorspace, matcher, survey, borders, temporal, last: None })
    }

    pub fn info(&self) -> &gst_video::VideoInfo {
        &self.info
    }

    pub fn colorspace(&self) -> Colorspace {
        self.colorspace
    }

    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// Forgets the frames so far.
    pub fn reset(&mut self) {
        self.temporal.reset();
        self.borders = Borders::default();
        self.last = None;
    }

    /// Learns afresh from the next frame on.
    pub fn relearn(&mut self) {
        self.temporal.relearn();
    }

    /// Matches one frame. The error says why the buffer can't be one.
    pub fn process(
        &mut self,
        buffer: &mut gst::BufferRef,
        is_reverse: bool,
        reference: &Reference,
        settings: &Settings,
        workers: &Workers,
    ) -> Result<Matched, String> {
        if buffer.flags().contains(gst::BufferFlags::DISCONT) && self.jumps(buffer, is_reverse) {
            self.reset();
        }
        let elapsed = self.elapsed(buffer);
        let spans = frame::spans(buffer, &self.info)?;
        let scan = frame::scan(buffer, &self.info);
        let is_gap = buffer.flags().contains(gst::BufferFlags::GAP);
        let pts = buffer.pts();
        let mut map = buffer
            .map_writable()
            .map_err(|_| "its memory can't be mapped for reading and writing".to_string())?;
        let memory = map.as_mut_slice();

        let thumbnail = self.survey(memory, &spans, settings, elapsed, is_gap)?;
        let settings = settings.temporal();
        let references = reference.cdfs(self.matcher.channels());
        // What fills a gap is matched as any frame, and leaves no trace.
        let mut for_gap = is_gap.then(|| self.temporal.clone());
        let temporal = for_gap.as_mut().unwrap_or(&mut self.temporal);
        let mut report = Report::default();
        let (histograms, luts) = self
            .matcher
            .process(memory, scan, &spans, workers, |histograms| {
                if cfg!(debug_assertions) && std::env::var_os(PANIC_VARIABLE).is_some() {
                    panic!("{PANIC_VARIABLE} is set");
                }
                let frame = temporal::Frame { histograms, thumbnail: thumbnail.as_ref(), elapsed };
                let (luts, decided) = temporal.match_frame(frame, &references, &settings);
                report = decided;
                luts
            })
            .map_err(|error| error.to_string())?;
        if !is_gap {
            self.last = pts;
        }
        Ok(Matched { report, references, histograms, luts })
    }

    /// Looks at a frame before it is counted, if that is asked for, and keeps its borders out of
    /// what follows.
    fn survey(
        &mut self,
        memory: &mut [u8],
        spans: &[PlaneSpan],
        settings: &Settings,
        elapsed: Duration,
        is_gap: bool,
    ) -> Result<Option<Thumbnail>, String> {
        let whole = self.matcher.layout().area();
        let needs_thumbnail = settings.temporal().needs_thumbnail();
        if !needs_thumbnail && !settings.ignore_borders {
            self.matcher.set_area(whole);
            return Ok(None);
        }
        let pixels = PixelsMut::new(memory, self.matcher.layout(), spans)
            .map_err(|error| error.to_string())?;
        let seen = self.survey.look(&pixels, settings.ignore_borders);
        if !settings.ignore_borders {
            self.borders = Borders::default();
            self.matcher.set_area(whole);
        } else if !is_gap {
            self.matcher.set_area(self.borders.follow(seen.content, elapsed));
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
        let fps = self.info.fps();
        // 0 frames a second are none that last.
        let by_rate = || match (fps.numer().try_into(), fps.denom().try_into()) {
            (Ok(numer @ 1..), Ok(denom)) => gst::ClockTime::SECOND.mul_div_round(denom, numer),
            _ => None,
        };
        buffer.duration().or_else(by_rate).unwrap_or(USUAL_DURATION)
    }

    /// Whether a buffer that is marked as a discontinuity begins something else. One behind frames
    /// that were dropped does not, nor does the beginning of each group that is played backwards.
    fn jumps(&self, buffer: &gst::BufferRef, is_reverse: bool) -> bool {
        let (Some(now), Some(last)) = (buffer.pts(), self.last) else { return true };
        let gap = absolute_difference(now, last);
        let goes_on = if is_reverse {
            now <= last
        } else {
            // Whatever a buffer says that it lasts.
            now > last && gap.nseconds() > self.duration(buffer).nseconds().saturating_mul(3) / 2
        };
        !goes_on || gap > LONGEST_GAP
    }
}

fn absolute_difference(a: gst::ClockTime, b: gst::ClockTime) -> gst::ClockTime {
    a.max(b) - a.min(b)
}

impl Matched {
    /// What to tell of it, with curves of at most so many points. It is computed in the streaming
    /// thread for messages, so it may not take long.
    pub fn stats(&self, running_time: Option<gst::ClockTime>, max_points: usize) -> Stats {
        let n_channels = self.luts.len() as f64;
        let [mut distance_before, mut distance_after] = [0.; 2];
        for ((source, lut), reference) in
            self.histograms.iter().zip(&self.luts).zip(&*self.references)
        {
            let [before, after] = distance::before_and_after(source, lut, reference);
            distance_before += before / n_channels;
            distance_after += after / n_channels;
        }
        Stats {
            running_time,
            distance_before,
            distance_after,
            scene_distance: self.report.scene_distance,
            scene_change: self.report.scene_change,
            learned: self.report.learned.clone(),
            gain: self.report.gain,
            depths: self.luts.iter().map(|lut| lut.levels.len().ilog2()).collect(),
            luts: self.luts.iter().map(|lut| stats::curve(&lut.levels, max_points)).collect(),
        }
    }
}
