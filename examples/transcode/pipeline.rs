//! One file through one pipeline: every stream is parsed; the video is decoded, matched and
//! encoded; the others are copied where the container takes them.
//!
//! ```text
//! filesrc ! parsebin ─┬─ multiqueue ─ decodebin ! videoflip ! histomatch ! encoder ─┬─ muxer ! filesink
//!                     ├─ multiqueue ────────────────────────────────────────────────┤
//!                     └─ …                                                          ┘
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use gst::prelude::*;

use crate::formats::Container;
use crate::text;

/// What is done to every file.
pub struct Recipe {
    pub reference: PathBuf,
    /// The element's other properties, which are legal.
    pub properties: Vec<(String, String)>,
    pub container: &'static Container,
    /// The encoders, as pipelines' texts.
    pub video: String,
    pub audio: Audio,
    pub from: gst::ClockTime,
    pub to: Option<gst::ClockTime>,
    /// How long there may be no data before a file is given up.
    pub patience: Duration,
}

pub enum Audio {
    None,
    /// Copied where the container takes it, and encoded if not.
    Copy {
        or_encode: String,
    },
    Encode(String),
}

/// How far a file has come.
#[derive(Default)]
pub struct Progress {
    pub frames: u64,
    pub done: gst::ClockTime,
    pub total: Option<gst::ClockTime>,
}

pub enum End {
    Whole,
    Interrupted,
}

/// Where the user hears of what happens to a file.
pub trait Report {
    fn progress(&self, progress: &Progress);
    fn warning(&self, text: &str);
}

/// Writes a file; on an interruption it is ended early, so that it can be played.
pub fn transcode(
    input: &Path,
    output: &Path,
    recipe: &Recipe,
    interrupted: &AtomicBool,
    report: &dyn Report,
) -> anyhow::Result<(End, Progress)> {
    let mut run = Run::new(input, output, recipe, report)?;
    let result = run.play(interrupted);
    if run.is_stuck() {
        // It would hang on its way to NULL, too, and a pipeline must not be dropped before that.
        std::mem::forget(run.pipeline);
    } else {
        run.pipeline.set_state(gst::State::Null)?;
    }
    result
}

/// What the streaming threads count and are told.
#[derive(Default)]
struct Counts {
    /// Of any stream, anywhere: a sign of life.
    buffers: AtomicUsize,
    frames: AtomicU64,
    encoded: AtomicU64,
    /// Running times in nanoseconds: of the end of the last frame, and of what was read.
    matched: AtomicU64,
    read: AtomicU64,
    ending: AtomicBool,
}

struct Stream {
    pad: gst::Pad,
    caps: gst::Caps,
    block: gst::PadProbeId,
}

struct Run<'a> {
    recipe: &'a Recipe,
    report: &'a dyn Report,
    pipeline: gst::Pipeline,
    multiqueue: gst::Element,
    muxer: gst::Element,
    streams: Receiver<Stream>,
    counts: Arc<Counts>,
    total: Option<gst::ClockTime>,
    /// Buffers when there was last a sign of life, and when that was.
    alive: (usize, Instant),
}

impl<'a> Run<'a> {
    fn new(
        input: &Path,
        output: &Path,
        recipe: &'a Recipe,
        report: &'a dyn Report,
    ) -> anyhow::Result<Self> {
        let make = |name| gst::ElementFactory::make(name);
        let pipeline = gst::Pipeline::new();
        let source = make("filesrc").property("location", input).build()?;
        let parsebin = make("parsebin").build()?;
        // Limited by bytes alone, and growing while any other queue is empty: then the muxer never
        // waits for a stream that the demuxer can't get to.
        let multiqueue = make("multiqueue")
            .property("max-size-buffers", 16u32)
            .property("max-size-bytes", 128u32 << 20)
            .property("max-size-time", 0u64)
            .build()?;
        let muxer = make(recipe.container.muxer).build()?;
        let sink = make("filesink").property("location", output).build()?;
        pipeline.add_many([&source, &parsebin, &multiqueue, &muxer, &sink])?;
        source.link(&parsebin)?;
        muxer.link(&sink)?;

        let counts = Arc::new(Counts::default());
        let written = muxer.static_pad("src").context("A muxer has an output")?;
        count_buffers(&written, &counts);

        let (sender, streams) = channel();
        let bus = pipeline.bus().context("A pipeline has a bus")?;
        parsebin.connect_pad_added(move |_, pad| {
            let bus = bus.clone();
            // Nothing flows until every stream has its place, and the seek is done. Events do:
            // parsebin waits for them on one pad before it goes on to the next.
            let types = gst::PadProbeType::BLOCK_DOWNSTREAM;
            let block = pad.add_probe(types, move |pad, info| {
                let event = info.event().map(|event| event.type_());
                if event.is_some_and(|event| event != gst::EventType::Eos) {
                    return gst::PadProbeReturn::Pass;
                }
                // parsebin has added all pads before the first one has data.
                let known = gst::Structure::new_empty(STREAMS_ARE_KNOWN);
                let _ = bus.post(gst::message::Application::builder(known).src(pad).build());
                gst::PadProbeReturn::Ok
            });
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let stream = block.map(|block| Stream { pad: pad.clone(), caps, block });
            // No one listens any more if the file was given up.
            stream.map(|stream| sender.send(stream));
        });
        let alive = (0, Instant::now());
        let total = None;
        Ok(Self { recipe, report, pipeline, multiqueue, muxer, streams, counts, total, alive })
    }

    fn play(&mut self, interrupted: &AtomicBool) -> anyhow::Result<(End, Progress)> {
        let bus = self.pipeline.bus().context("A pipeline has a bus")?;
        // Not its result: the bus knows what went wrong.
        let _ = self.pipeline.set_state(gst::State::Playing);
        let mut missing = Vec::new();
        loop {
            let message = bus.timed_pop(TICK);
            match message.as_deref().map(gst::MessageRef::view) {
                Some(gst::MessageView::Application(message)) => {
                    let known = message.structure().is_some_and(|s| s.name() == STREAMS_ARE_KNOWN);
                    if known {
                        self.connect_streams(&missing)?;
                    }
                }
                Some(gst::MessageView::Element(message)) => {
                    let plugin = gst_pbutils::MissingPluginMessage::parse(message);
                    missing.extend(plugin.map(|plugin| plugin.description().to_string()));
                }
                Some(gst::MessageView::Warning(warning)) => {
                    self.report.warning(&warning.error().to_string());
                }
                // The first one is the cause; those after it are what comes of it.
                Some(gst::MessageView::Error(error)) => bail!(explain(error, &missing)),
                Some(gst::MessageView::Eos(_)) => return self.end(),
                _ => {}
            }
            if interrupted.load(Relaxed) {
                self.counts.ending.store(true, Relaxed);
            }
            self.report.progress(&self.progress());
            ensure!(
                !self.is_stuck(),
                "There was no data for {} s; is the file complete, and its disk there? A slow \
                 machine may need a larger --patience",
                self.recipe.patience.as_secs_f64()
            );
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            frames: self.counts.frames.load(Relaxed),
            done: gst::ClockTime::from_nseconds(self.counts.matched.load(Relaxed)),
            total: self.total,
        }
    }

    fn is_stuck(&mut self) -> bool {
        let buffers = self.counts.buffers.load(Relaxed);
        if buffers != self.alive.0 {
            self.alive = (buffers, Instant::now());
        }
        self.alive.1.elapsed() >= self.recipe.patience
    }

    fn end(&self) -> anyhow::Result<(End, Progress)> {
        let progress = self.progress();
        ensure!(progress.frames > 0, "No frame of the video could be decoded");
        let encoded = self.counts.encoded.load(Relaxed);
        ensure!(
            encoded == progress.frames,
            "The encoder made {encoded} frames of {}; choose another --video",
            progress.frames
        );
        if self.counts.ending.load(Relaxed) {
            return Ok((End::Interrupted, progress));
        }
        let read = gst::ClockTime::from_nseconds(self.counts.read.load(Relaxed));
        if let Some(total) = self.total.filter(|total| read + MISSING < *total) {
            self.report.warning(&format!(
                "It ends at {} although it should last {}: it is cut off or damaged",
                text::time(self.recipe.from + read),
                text::time(self.recipe.from + total)
            ));
        }
        Ok((End::Whole, progress))
    }

    /// Gives every stream its way to the muxer, and lets them flow.
    fn connect_streams(&mut self, missing: &[String]) -> anyhow::Result<()> {
        let streams: Vec<Stream> = self.streams.try_iter().collect();
        if streams.is_empty() {
            // Another pad has data, too.
            return Ok(());
        }
        let video = streams
            .iter()
            .find(|stream| is_video(&stream.caps))
            .with_context(|| no_video(&streams, missing))?;
        self.seek(&video.pad)?;

        self.connect_video(video)?;
        for stream in streams.iter().filter(|stream| stream.pad != video.pad) {
            match (media(&stream.caps), &self.recipe.audio) {
                ("audio", Audio::None) => {}
                ("audio", Audio::Encode(encoder)) => self.connect_encoded(stream, encoder)?,
                ("audio", Audio::Copy { or_encode }) => {
                    if !self.connect_copied(stream)? {
                        self.note(stream, "is encoded anew");
                        self.connect_encoded(stream, or_encode)?;
                    }
                }
                ("video" | "image", _) => self.note(stream, "is left out: only one video is kept"),
                _ => {
                    if !self.connect_copied(stream)? {
                        self.note(stream, "is left out");
                    }
                }
            }
        }
        for Stream { pad, block, .. } in streams {
            watch_source(&pad, &self.counts);
            pad.remove_probe(block);
        }
        Ok(())
    }

    /// Goes to the part that is asked for, and finds out how long it is.
    fn seek(&mut self, pad: &gst::Pad) -> anyhow::Result<()> {
        let Recipe { from, to, .. } = *self.recipe;
        let duration = pad.query_duration::<gst::ClockTime>();
        if let Some(duration) = duration {
            ensure!(from < duration, "--from is behind its end: it lasts {}", text::time(duration));
        }
        let end = [to, duration].into_iter().flatten().min();
        self.total = end.map(|end| end.saturating_sub(from));
        if from == gst::ClockTime::ZERO && to.is_none() {
            return Ok(());
        }
        let part = gst::event::Seek::new(
            1.,
            gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE,
            gst::SeekType::Set,
            from,
            if to.is_some() { gst::SeekType::Set } else { gst::SeekType::None },
            to,
        );
        ensure!(pad.send_event(part), "One can't seek in it: leave --from and --to away");
        Ok(())
    }

    fn connect_video(&self, stream: &Stream) -> anyhow::Result<()> {
        // The converters do nothing where their neighbours agree on a format, and that is nearly
        // always; videoflip does nothing to upright video.
        let branch = branch(&format!(
            "decodebin name=input force-sw-decoders=true ! videoconvert \
             ! videoflip video-direction=auto ! histomatch name=histomatch ! videoconvert \
             ! {} ! queue name=output",
            self.recipe.video
        ))?;
        let histomatch = branch.by_name("histomatch").context("It is in the pipeline")?;
        for (name, value) in &self.recipe.properties {
            histomatch.set_property_from_str(name, value);
        }
        histomatch.set_property("reference-location", &self.recipe.reference);
        let frames = histomatch.static_pad("sink").context("A filter has an input")?;
        watch_frames(&frames, &self.counts);
        let encoded = branch.static_pad("src").context("A branch has an output")?;
        let counts = self.counts.clone();
        encoded.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            counts.encoded.fetch_add(1, Relaxed);
            gst::PadProbeReturn::Ok
        });
        self.connect(stream, Some(branch))
    }

    fn connect_encoded(&self, stream: &Stream, encoder: &str) -> anyhow::Result<()> {
        let branch = branch(&format!(
            "decodebin name=input ! audioconvert ! audioresample ! {encoder} ! queue name=output"
        ))?;
        self.connect(stream, Some(branch))
    }

    /// Gives false if the container doesn't take it.
    fn connect_copied(&self, stream: &Stream) -> anyhow::Result<bool> {
        let copy = Copy::of(&stream.caps);
        if muxer_template(&self.muxer, &copy.caps).is_none() {
            return Ok(false);
        }
        if copy.is_markup {
            unescape_markup(&stream.pad);
        }
        let framing = copy.framing.map(branch).transpose()?;
        self.connect(stream, framing)?;
        Ok(true)
    }

    /// Links a stream to the muxer, through a branch or directly.
    fn connect(&self, stream: &Stream, branch: Option<gst::Bin>) -> anyhow::Result<()> {
        let queue_in =
            self.multiqueue.request_pad_simple("sink_%u").context("A multiqueue takes all")?;
        let out = queue_in.name().replace("sink", "src");
        let mut last = self.multiqueue.static_pad(&out).context("Each queue has an output")?;
        stream.pad.link(&queue_in)?;

        let mut caps = Copy::of(&stream.caps).caps;
        if let Some(branch) = branch {
            self.pipeline.add(&branch)?;
            let [input, output] = ["sink", "src"].map(|name| branch.static_pad(name));
            last.link(&input.context("A branch has an input")?)?;
            last = output.context("A branch has an output")?;
            caps = last.query_caps(None);
            branch.sync_state_with_parent()?;
        }
        let template = muxer_template(&self.muxer, &caps).with_context(|| {
            let ending = self.recipe.container.endings[0];
            format!("A file named .{ending} can't hold this codec: choose another one, or .mkv")
        })?;
        let pad = self.muxer.request_pad(&template, None, None).context("No more streams fit")?;
        // Without a check of caps, which is done; those of markup change on their way.
        last.link_full(&pad, gst::PadLinkCheck::empty())?;
        Ok(())
    }

    fn note(&self, stream: &Stream, what: &str) {
        let ending = self.recipe.container.endings[0];
        let kind = description(&stream.caps);
        self.report.warning(&format!("A stream ({kind}) {what}; the output is .{ending}"));
    }
}

const STREAMS_ARE_KNOWN: &str = "streams-are-known";

/// How often progress and the clock are looked at.
const TICK: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// How much less than a file's duration is no rounding.
const MISSING: gst::ClockTime = gst::ClockTime::SECOND;

/// A pipeline's text as one element, from its `input` to its `output`.
fn branch(text: &str) -> anyhow::Result<gst::Bin> {
    let bin = gst::parse::bin_from_description(text, false)?;
    for (element, pad) in [("input", "sink"), ("output", "src")] {
        let element = bin.by_name(element).context("A branch has both")?;
        let end = element.static_pad(pad).context("Filters have an input and an output")?;
        bin.add_pad(&gst::GhostPad::with_target(&end)?)?;
    }
    Ok(bin)
}

/// What copies of a stream need.
struct Copy {
    /// As what the muxer gets it.
    caps: gst::Caps,
    framing: Option<&'static str>,
    is_markup: bool,
}

impl Copy {
    fn of(caps: &gst::Caps) -> Self {
        let mut copy = Self { caps: caps.clone(), framing: None, is_markup: false };
        let Some(structure) = copy.caps.make_mut().structure_mut(0) else { return copy };
        match structure.name().as_str() {
            // Transport streams have it in frames (ADTS) that files don't have.
            "audio/mpeg" if structure.has_field("stream-format") => {
                structure.set("stream-format", "raw");
                copy.framing = Some("aacparse name=input ! identity name=output");
            }
            "text/x-raw" => {
                copy.is_markup = structure.get("format") == Ok("pango-markup");
                structure.set("format", "utf8");
            }
            _ => {}
        }
        copy
    }
}

/// Demuxers escape `<`, `>` and `&` in subtitles, as Pango wants it; files have them as they are.
fn unescape_markup(pad: &gst::Pad) {
    let types = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(types, |_, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let Ok(map) = buffer.map_readable() else { return gst::PadProbeReturn::Ok };
                let mut text = String::from_utf8_lossy(&map).into_owned();
                drop(map);
                let entities = [
                    ("&lt;", "<"),
                    ("&gt;", ">"),
                    ("&quot;", "\""),
                    ("&apos;", "'"),
                    ("&#39;", "'"),
                ];
                // Last what would make new entities.
                for (entity, character) in entities.into_iter().chain([("&amp;", "&")]) {
                    text = text.replace(entity, character);
                }
                let mut plain = gst::Buffer::from_mut_slice(text.into_bytes());
                let copied = buffer.copy_into(plain.make_mut(), gst::BUFFER_COPY_METADATA, ..);
                if copied.is_ok() {
                    *buffer = plain;
                }
            }
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Caps(caps) = event.view() {
                    *event = gst::event::Caps::new(&Copy::of(&caps.caps_owned()).caps);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// The place for a stream of these caps in a file.
fn muxer_template(muxer: &gst::Element, caps: &gst::Caps) -> Option<gst::PadTemplate> {
    muxer.pad_template_list().into_iter().find(|template| {
        template.direction() == gst::PadDirection::Sink && template.caps().can_intersect(caps)
    })
}

fn media(caps: &gst::Caps) -> &str {
    caps.structure(0)
        .and_then(|structure| structure.name().as_str().split('/').next())
        .unwrap_or_default()
}

/// Pictures that are attached to sound have no frame rate.
fn is_video(caps: &gst::Caps) -> bool {
    let moves = |structure: &gst::StructureRef| {
        structure.get::<gst::Fraction>("framerate").is_ok_and(|rate| rate.numer() > 0)
    };
    match media(caps) {
        "video" => true,
        "image" => caps.structure(0).is_some_and(moves),
        _ => false,
    }
}

fn description(caps: &gst::Caps) -> String {
    match caps.is_fixed() {
        true => gst_pbutils::pb_utils_get_codec_description(caps).into(),
        false => media(caps).into(),
    }
}

fn no_video(streams: &[Stream], missing: &[String]) -> String {
    let kinds: Vec<_> = streams.iter().map(|stream| description(&stream.caps)).collect();
    match missing {
        [] => format!("It has no video, only: {}", kinds.join(", ")),
        missing => needs(missing),
    }
}

fn needs(missing: &[String]) -> String {
    format!(
        "It needs what is not installed: {}. Debian has most in gstreamer1.0-libav, \
         gstreamer1.0-plugins-bad and gstreamer1.0-plugins-ugly",
        missing.join(", ")
    )
}

fn explain(error: &gst::message::Error, missing: &[String]) -> String {
    if !missing.is_empty() {
        return needs(missing);
    }
    let text = error.error().to_string();
    match error.debug() {
        // "Internal data stream error" and the like say nothing without.
        Some(debug) if error.error().matches(gst::StreamError::Failed) => {
            format!("{text} {}", debug.lines().last().unwrap_or_default())
        }
        _ => text,
    }
}

fn count_buffers(pad: &gst::Pad, counts: &Arc<Counts>) {
    let counts = counts.clone();
    let types = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(types, move |_, _| {
        counts.buffers.fetch_add(1, Relaxed);
        gst::PadProbeReturn::Ok
    });
}

/// Notes how far a stream was read, and ends all streams when the file is to end.
fn watch_source(pad: &gst::Pad, counts: &Arc<Counts>) {
    let counts = counts.clone();
    let types = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(types, move |pad, info| {
        counts.buffers.fetch_add(1, Relaxed);
        if let Some(end) = end_of(pad, info) {
            counts.read.fetch_max(end.nseconds(), Relaxed);
        }
        if !counts.ending.load(Relaxed) {
            return gst::PadProbeReturn::Ok;
        }
        // All at once, as a demuxer reads on until the last one has ended. Not through these pads:
        // what they have to send after an end would be an error.
        let streams = pad.parent_element().map(|parsebin| parsebin.src_pads());
        for next in streams.iter().flatten().filter_map(gst::Pad::peer) {
            next.send_event(gst::event::Eos::new());
        }
        if info.buffer().is_some() {
            info.flow_res = Err(gst::FlowError::Eos);
        }
        gst::PadProbeReturn::Handled
    });
}

/// Counts the frames, and drops those that come when the file is to end: encoders are slow.
fn watch_frames(pad: &gst::Pad, counts: &Arc<Counts>) {
    let counts = counts.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        counts.buffers.fetch_add(1, Relaxed);
        if counts.ending.load(Relaxed) {
            info.flow_res = Ok(gst::FlowSuccess::Ok);
            // Not Drop, for which the bindings and GStreamer both give the buffer back.
            return gst::PadProbeReturn::Handled;
        }
        counts.frames.fetch_add(1, Relaxed);
        if let Some(end) = end_of(pad, info) {
            counts.matched.fetch_max(end.nseconds(), Relaxed);
        }
        gst::PadProbeReturn::Ok
    });
}

/// The running time when a buffer ends.
fn end_of(pad: &gst::Pad, info: &gst::PadProbeInfo) -> Option<gst::ClockTime> {
    let buffer = info.buffer()?;
    let end = buffer.pts()? + buffer.duration().unwrap_or_default();
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
    segment.to_running_time(end.min(segment.stop().unwrap_or(end)))
}
