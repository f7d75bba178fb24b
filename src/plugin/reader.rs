//! The frames of a stream, in buffers: found by caps and metas, looked at for black bars, and counted.

use std::collections::TryReserveError;
use std::time::Duration;

use super::histomatch::Colorspace;
use super::memory::NotMapped;
use super::part::Part;
use super::{frame, memory};
use crate::color::Channels;
use crate::frame::letterbox::LetterboxTracker;
use crate::frame::{Area, FrameLayout, FrameRef, PlaneSpan, Scan, SpanError};
use crate::kernels::InstructionSet;
use crate::live::gathering::Pixels;
use crate::matcher::survey::{Survey, SurveyError};
use crate::matcher::{self, Matcher};
use crate::statistics::{Statistics, Thumbnail};
use crate::workers::Workers;

/// For tests: frames of every format are read through GStreamer's unpack functions.
const GENERIC_VARIABLE: &str = "HISTOMATCH_GENERIC";

/// What of frames is matched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Matching {
    /// Each channel by itself.
    Channels(Colorspace),
    /// All channels together.
    Colors,
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

/// What is looked for in a frame before it is counted.
#[derive(Clone, Copy)]
pub(super) struct LookedFor {
    /// The frame in small.
    pub thumbnail: bool,
    /// Black bars, which are then kept out of what follows.
    pub borders: bool,
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

/// What decides what is counted, and changed.
#[derive(PartialEq)]
struct Selection {
    part: Part,
    is_changed: bool,
    shown: Area,
    active: Area,
}

/// Why a buffer of some caps is not one picture, in words that follow "frames" or "they".
fn check(info: &gst_video::VideoInfo) -> Result<(), &'static str> {
    if info.multiview_mode() == gst_video::VideoMultiviewMode::Separated {
        return Err("they have two or more views, each in memory of its own");
    }
    if info.interlace_mode() == gst_video::VideoInterlaceMode::Fields {
        return Err("their fields follow each other in one buffer");
    }
    Ok(())
}

/// Reads frames as some caps describe them.
pub(super) struct FrameReader {
    info: gst_video::VideoInfo,
    matching: Matching,
    at_most: InstructionSet,
    /// Describes the pictures in the buffers, which may be larger than what the caps show.
    frame_info: gst_video::VideoInfo,
    /// Counts them.
    pub matcher: Matcher,
    /// Counts them where another area is learned from than is changed.
    learner: Option<Matcher>,
    /// The part of them that is shown, by crop metas.
    shown: Area,
    /// What of that is looked at: without its borders, if these are to be ignored.
    active: Area,
    /// What was selected last, and whether there was something of it.
    selected: Option<(Selection, bool)>,
    /// Looks at the cells of the grid that `shown` covers, since it was first needed.
    survey: Option<Survey>,
    borders: LetterboxTracker,
}

impl FrameReader {
    /// The error is for developers: the pad templates have no formats that fail.
    /// What reads the colours of any frames that it can; the error says why it can't.
    pub fn of_colors(info: &gst_video::VideoInfo) -> Result<Self, String> {
        check(info)?;
        Self::new(info, Matching::Colors, InstructionSet::best())
    }

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
            learner: None,
            shown: matcher.layout().area(),
            active: matcher.layout().area(),
            selected: None,
            survey: None,
            borders: LetterboxTracker::default(),
            matcher,
        })
    }

    pub fn info(&self) -> &gst_video::VideoInfo {
        &self.info
    }

    pub fn matching(&self) -> Matching {
        self.matching
    }

    /// Black bars are searched for anew.
    pub fn forget_borders(&mut self) {
        self.borders = LetterboxTracker::default();
    }

    /// Goes on with what the reader before it has seen, as far as that holds for these frames. Whether
    /// they have the same layout.
    pub fn succeed(&mut self, old: &Self) -> bool {
        // Where a crop meta shows a part of the frames, they are larger than the caps say.
        if frame::size_by_caps(&self.info) == frame::size_by_caps(&old.info)
            && self.resize((old.frame_info.width(), old.frame_info.height())).is_ok()
        {
            self.shown = old.shown;
        }
        let (layout, old_layout) = (self.matcher.layout(), old.matcher.layout());
        let is_same = layout == old_layout;
        if layout.area() == old_layout.area() {
            self.borders.clone_from(&old.borders);
        }
        is_same
    }

    /// Where the planes of the picture in a buffer lie.
    pub fn place(&mut self, buffer: &gst::BufferRef) -> Result<Vec<PlaneSpan>, Failure> {
        let placement = frame::placement(buffer, &self.info).map_err(Failure::Buffer)?;
        self.resize(placement.size)?;
        let whole = self.matcher.layout().area();
        let shown = placement.crop.map_or(whole, |crop| crop.intersection(whole));
        if shown != self.shown {
            self.show(shown);
        }
        Ok(placement.spans)
    }

    /// Makes a matcher for frames of another size, if this is one.
    fn resize(&mut self, size: (u32, u32)) -> Result<(), Failure> {
        if size == (self.frame_info.width(), self.frame_info.height()) {
            return Ok(());
        }
        let info = frame::resized(&self.info, size).map_err(Failure::Buffer)?;
        self.matcher = make_matcher(&info, self.matching, self.at_most).map_err(Failure::Buffer)?;
        (self.learner, self.selected) = (None, None);
        self.frame_info = info;
        self.show(self.matcher.layout().area());
        Ok(())
    }

    /// Takes note of what is shown of the frames.
    fn show(&mut self, area: Area) {
        (self.shown, self.active) = (area, area);
        self.survey = None;
        self.borders = LetterboxTracker::default();
    }

    /// Looks at a frame before it is counted, if that is asked for, and keeps its borders out of
    /// what follows.
    pub fn survey(
        &mut self,
        pixels: &FrameRef,
        looked_for: LookedFor,
        elapsed: Duration,
        is_gap: bool,
    ) -> Result<Option<Thumbnail>, Failure> {
        if !looked_for.borders {
            self.borders = LetterboxTracker::default();
            self.active = self.shown;
        }
        if (!looked_for.thumbnail && !looked_for.borders) || self.shown.is_empty() {
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
        let seen = survey.look(&pixels.clone().crop(layout, cells), looked_for.borders);
        if looked_for.borders && !is_gap {
            let content = seen.active_picture.moved(cells.left, cells.top).intersection(self.shown);
            self.active = self.borders.follow(content, elapsed);
        }
        Ok(looked_for.thumbnail.then_some(seen.thumbnail))
    }

    /// Chooses what of a frame that was looked at is counted from now on, and what is changed: the part,
    /// if it `is_changed` alone, or all of it. Whether the frame has something of the part; otherwise, all
    /// of it is counted unless nothing is to be changed.
    pub fn select(&mut self, part: Part, is_changed: bool) -> Result<bool, Failure> {
        let &mut Self { shown, active, .. } = self;
        let selection = Selection { part, is_changed, shown, active };
        if let Some((last, is_there)) = &self.selected
            && *last == selection
        {
            return Ok(*is_there);
        }
        let (area, weights) = selection.part.select(shown, active);
        let is_all = area == active && weights.is_none();
        if !is_changed {
            self.matcher.set_area(active);
        }
        let matcher = if is_changed || area.is_empty() || is_all {
            self.learner = None;
            is_changed.then_some(&mut self.matcher)
        } else {
            if self.learner.is_none() {
                let learner = make_matcher(&self.frame_info, self.matching, self.at_most);
                self.learner = Some(learner.map_err(Failure::Buffer)?);
            }
            self.learner.as_mut()
        };
        match (matcher, weights) {
            (Some(matcher), Some(weights)) => matcher.set_weights(&weights),
            (Some(matcher), None) => matcher.set_area(area),
            (None, _) => {}
        }
        let is_there = !area.is_empty() || active.is_empty();
        self.selected = Some((selection, is_there));
        Ok(is_there)
    }

    /// Counts what was selected of a frame.
    pub fn count(
        &mut self,
        frame: FrameRef,
        scan: Scan,
        workers: &Workers,
    ) -> Result<Statistics, TryReserveError> {
        self.learner.as_mut().unwrap_or(&mut self.matcher).count(frame, scan, workers)
    }

    /// Pixels of the frame in a buffer, from a grid, some time after the frame before: of what is shown,
    /// without its borders if these are to be ignored, of a part. `None` if nothing is left.
    /// The reader must have been made for [`Matching::Colors`].
    pub fn pixels(
        &mut self,
        buffer: &gst::BufferRef,
        ignore_borders: bool,
        part: Part,
        elapsed: Duration,
    ) -> Result<Option<Pixels>, Failure> {
        let spans = self.place(buffer)?;
        let layout = self.matcher.layout();
        let read = memory::read(buffer, layout, &spans)?;
        let frame = FrameRef::in_blocks(read.blocks(), layout, &spans)?;
        self.survey(
            &frame,
            LookedFor { thumbnail: false, borders: ignore_borders },
            elapsed,
            false,
        )?;
        self.select(part, true)?;
        let scan = frame::scan(buffer, &self.info);
        let statistics = self.count(frame, scan, &Workers::default())?;
        let Area { width, height, .. } = self.matcher.area();
        Ok(statistics.sample.and_then(|sample| Pixels::of(&sample, (width, height))))
    }
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
