//! One video stream of a file, decoded, matched and encoded into a Matroska file of its own:
//!
//! ```text
//! ffmpeg -c copy | fdsrc ! matroskademux ! decodebin ! histomatch ! encoder ! matroskamux ! filesink
//! ```
//!
//! FFmpeg takes the stream out of the file, so that its frames have the times that FFmpeg gives to what
//! it copies.

use std::collections::HashMap;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, ChildStdout};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use anyhow::{Context, ensure};
use gst::prelude::*;
use gst_video::VideoInfo;

use crate::colors::Colors;
use crate::damage;
use crate::film::{Progress, Recipe, Report, Source};
use crate::part::{Part, ROUNDING};
use crate::probe::Stream;
use crate::remux;

#[derive(Clone)]
pub struct Job<'a> {
    pub source: &'a Source<'a>,
    pub stream: &'a Stream,
    /// Whether GStreamer gets frames that FFmpeg has decoded.
    pub is_decoded: bool,
    pub part: Part,
    /// Which field is shown first, as GStreamer calls it.
    pub field_order: Option<&'static str>,
    /// A value of videoflip's property `video-direction`, if the pixels are to be turned.
    pub turn: Option<&'static str>,
    /// As x265 is told of it.
    pub hdr10: Option<String>,
    pub output: &'a Path,
}

pub struct Encoded {
    pub frames: u64,
    /// When the first one is shown, in seconds from where FFmpeg lets the file begin.
    pub begin: f64,
    /// From the first frame to the end of the last one, in seconds.
    pub duration: f64,
    /// What was decoded, and what the encoder got.
    pub decoded: VideoInfo,
    pub encoded: VideoInfo,
    /// Why it ends before its end, or what is damaged in it.
    pub damage: Option<String>,
    /// Whether there is more of it, behind the part.
    pub ends_later: bool,
    pub interrupted: bool,
}

/// `None`: it was interrupted before there was anything to be kept. What GStreamer gets no frame of is decoded by
/// FFmpeg.
pub fn encode(
    job: &Job,
    recipe: &Recipe,
    interrupted: &AtomicBool,
    report: &dyn Report,
) -> anyhow::Result<Option<Encoded>> {
    let mut run = Run::new(job, recipe)?;
    damage::said();
    let result = run.play(recipe, interrupted, report);
    // What it still has to say is of no use any more.
    let _ = run.reader.kill();
    let _ = run.reader.wait();
    let is_undecoded = !job.is_decoded && run.counts.frames.load(Relaxed) == 0;
    if run.is_stuck(recipe) {
        // It would hang on its way to NULL, too, and a pipeline must not be dropped before that.
        std::mem::forget(run.pipeline);
        return result;
    }
    run.pipeline.set_state(gst::State::Null)?;
    match result {
        Err(error) if is_undecoded => {
            let job = Job { is_decoded: true, ..job.clone() };
            encode(&job, recipe, interrupted, report).map_err(|_| error)
        }
        result => result,
    }
}

/// What the streaming threads count.
#[derive(Default)]
struct Counts {
    /// Of bytes read, and of frames anywhere: a sign of life.
    alive: AtomicU64,
    frames: AtomicU64,
    encoded: AtomicU64,
    /// In nanoseconds, of the first frame and of the end of the last one.
    begin: AtomicU64,
    end: AtomicU64,
    /// Whether a frame came that lies behind the part.
    is_past: AtomicBool,
    /// What was said of damage until then.
    damage: Mutex<Option<String>>,
    /// Of the frames that are encoded, by their running time.
    durations: Mutex<HashMap<gst::ClockTime, gst::ClockTime>>,
}

struct Run {
    pipeline: gst::Pipeline,
    /// Where frames come from the decoder.
    decoded: gst::Element,
    /// FFmpeg, which reads the file.
    reader: Child,
    counts: Arc<Counts>,
    _stdout: ChildStdout,
    /// The sign of life when there was last one, and when that was.
    alive: (u64, Instant),
}

/// How often progress and the clock are looked at.
const TICK: gst::ClockTime = gst::ClockTime::from_mseconds(100);

impl Run {
    fn new(job: &Job, recipe: &Recipe) -> anyhow::Result<Self> {
        // The converters do nothing where their neighbours agree on a format, and that is nearly
        // always.
        let turn = job.turn.map(|turn| format!("! videoflip video-direction={turn}"));
        // A sink that waits for its first packet would never hear of an end that comes before it.
        let text = format!(
            "fdsrc name=source ! matroskademux name=demuxer \
             ! decodebin name=decodebin force-sw-decoders=true ! videoconvert name=decoded \
             ! histomatch name=histomatch {} ! queue max-size-buffers=4 max-size-bytes=0 \
             max-size-time=0 ! videoscale ! videoconvert ! capsfilter name=encoded caps=\"{}\" ! {} \
             ! matroskamux name=muxer offset-to-zero=true timecodescale={} ! filesink name=sink async=false",
            turn.unwrap_or_default(),
            encoder_caps(job.stream, recipe),
            recipe.video.pipeline,
            timescale(job.source.times(job.stream)),
        );
        let pipeline = gst::parse::launch(&text)?
            .downcast::<gst::Pipeline>()
            .ok()
            .context("Several elements are a pipeline")?;
        let by_name = |name| pipeline.by_name(name).context("It is in the pipeline");
        let mut reader = remux::reader(job, recipe)?;
        let stdout = reader.stdout.take().context("It is piped")?;
        damage::listen_to(reader.stderr.take().context("It is piped")?);
        by_name("source")?.set_property("fd", stdout.as_raw_fd());
        by_name("sink")?.set_property("location", job.output);
        let matcher = by_name("histomatch")?;
        for (name, value) in &recipe.properties {
            matcher.set_property_from_str(name, value);
        }
        matcher.set_property("reference-location", &recipe.reference);
        set_up_encoder(&by_name("encoded")?, &by_name("encoder")?, job.field_order)?;
        if let Some(hdr10) = job.hdr10.as_ref().filter(|_| recipe.video.keeps_hdr10()) {
            set_hdr10(&by_name("encoder")?, hdr10)?;
        }

        let decoded = by_name("decoded")?;
        let counts = Arc::new(Counts::default());
        let pad = |name, direction| {
            by_name(name)?.static_pad(direction).context("A filter has an input and an output")
        };
        let (colors, is_grey) = (recipe.colors(job.stream), job.stream.is_grey());
        watch_caps(&pad("decoded", "sink")?, move |caps| with_colors(caps, colors, is_grey));
        watch_frames(&pad("decoded", "sink")?, job, &counts);
        watch_bytes(&pad("source", "src")?, &counts);
        let muxer = by_name("muxer")?;
        let encoded = muxer.sink_pads().pop().context("It is linked")?;
        watch_packets(&encoded, &counts);
        watch_caps(&encoded, without_light);

        Ok(Self { pipeline, decoded, reader, counts, alive: (0, Instant::now()), _stdout: stdout })
    }

    fn play(
        &mut self,
        recipe: &Recipe,
        interrupted: &AtomicBool,
        report: &dyn Report,
    ) -> anyhow::Result<Option<Encoded>> {
        let bus = self.pipeline.bus().context("A pipeline has a bus")?;
        // Not its result: the bus knows what went wrong.
        let _ = self.pipeline.set_state(gst::State::Playing);
        let mut missing = Vec::new();
        let (mut damage, mut ends, mut was_interrupted) = (None, false, false);
        loop {
            let message = bus.timed_pop(TICK);
            match message.as_deref().map(gst::MessageRef::view) {
                Some(gst::MessageView::Element(message)) => {
                    let plugin = gst_pbutils::MissingPluginMessage::parse(message);
                    missing.extend(plugin.map(|plugin| plugin.description().to_string()));
                }
                Some(gst::MessageView::Warning(warning)) => {
                    report.say(&warning.error().to_string());
                }
                // The first one is the cause; those after it are what comes of it.
                Some(gst::MessageView::Error(error)) if damage.is_none() => {
                    let reason = explain(error, &missing);
                    ensure!(self.can_end(error), reason);
                    damage = Some(reason);
                }
                Some(gst::MessageView::Eos(_)) => {
                    let encoded = self.encoded(damage, was_interrupted)?;
                    return Ok(Some(encoded).filter(|encoded| encoded.frames > 0));
                }
                _ => {}
            }
            let interrupted = interrupted.load(Relaxed);
            let is_empty = self.counts.frames.load(Relaxed) == 0;
            if interrupted && !was_interrupted && (is_empty || !recipe.keeps_parts) {
                return Ok(None);
            }
            let is_past = self.counts.is_past.load(Relaxed);
            if !ends && (interrupted || is_past || damage.is_some()) {
                ends = true;
                was_interrupted = interrupted;
                self.end();
            }
            report.progress(&self.progress());
            ensure!(
                !self.is_stuck(recipe),
                "There was no data for {} s; is the file complete, and its disk there? A slow \
                 machine may need a larger --patience",
                recipe.patience.as_secs_f64()
            );
        }
    }

    /// Whether what was decoded before an error can be kept: it came from what lies before the
    /// element.
    fn can_end(&self, error: &gst::message::Error) -> bool {
        let before = ["source", "demuxer", "decodebin"];
        let is_before = |source: &gst::Object| {
            before.iter().filter_map(|name| self.pipeline.by_name(name)).any(|element| {
                source == element.upcast_ref::<gst::Object>() || source.has_as_ancestor(&element)
            })
        };
        self.counts.frames.load(Relaxed) > 0 && error.src().is_some_and(is_before)
    }

    /// Lets what comes behind the decoder end as if the file ended here.
    fn end(&self) {
        let pads = self.decoded.sink_pads();
        // It waits for the frame that is matched.
        std::thread::spawn(move || pads[0].send_event(gst::event::Eos::new()));
    }

    fn progress(&self) -> Progress {
        let [begin, end] = [&self.counts.begin, &self.counts.end].map(|time| time.load(Relaxed));
        Progress {
            frames: self.counts.frames.load(Relaxed),
            done: gst::ClockTime::from_nseconds(end.saturating_sub(begin)),
            total: None,
        }
    }

    fn is_stuck(&mut self, recipe: &Recipe) -> bool {
        let alive = self.counts.alive.load(Relaxed);
        if alive != self.alive.0 {
            self.alive = (alive, Instant::now());
        }
        self.alive.1.elapsed() >= recipe.patience
    }

    fn encoded(&self, damage: Option<String>, interrupted: bool) -> anyhow::Result<Encoded> {
        let Progress { frames, done, .. } = self.progress();
        ensure!(frames > 0 || interrupted, "No frame of the video could be decoded");
        let encoded = self.counts.encoded.load(Relaxed);
        ensure!(
            encoded == frames,
            "The encoder made {encoded} of {frames} frames; choose another --video"
        );
        let info = |name, pad| {
            let caps = self.pipeline.by_name(name)?.static_pad(pad)?.current_caps()?;
            VideoInfo::from_caps(&caps).ok()
        };
        let none = || VideoInfo::builder(gst_video::VideoFormat::I420, 2, 2).build();
        let info = |name, pad| info(name, pad).map_or_else(none, Ok);
        let ends_later = self.counts.is_past.load(Relaxed);
        let said = match ends_later {
            true => self.counts.damage.lock().expect("no panic").take(),
            false => damage::said(),
        };
        Ok(Encoded {
            frames,
            begin: seconds(gst::ClockTime::from_nseconds(self.counts.begin.load(Relaxed))),
            duration: done.seconds_f64(),
            decoded: info("decoded", "sink")?,
            encoded: info("encoded", "src")?,
            damage: damage.or_else(|| said.map(|said| format!("It is damaged: {said}"))),
            ends_later,
            interrupted,
        })
    }
}

fn set_up_encoder(
    filter: &gst::Element,
    encoder: &gst::Element,
    order: Option<&'static str>,
) -> anyhow::Result<()> {
    let input = encoder.static_pad("sink").context("An encoder has an input")?;
    let (filter, first) = (filter.clone(), OnceLock::new());
    watch_caps(&input, move |caps| {
        let keep = || {
            filter.set_property("caps", picture_of(caps));
            let mut caps = without_light(caps);
            if let Some(order) = order {
                // Matroska's demuxer doesn't know it, nor do decoders then.
                let caps = caps.make_mut();
                caps.set("interlace-mode", "interleaved");
                caps.set("field-order", order);
            }
            caps
        };
        first.get_or_init(keep).clone()
    });
    Ok(())
}

/// Changes the caps that come to a pad.
fn watch_caps(pad: &gst::Pad, change: impl Fn(&gst::CapsRef) -> gst::Caps + Send + Sync + 'static) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::PadProbeData::Event(event)) = &mut info.data
            && let gst::EventView::Caps(caps) = event.view()
        {
            *event = gst::event::Caps::new(&change(caps.caps()));
        }
        gst::PadProbeReturn::Ok
    });
}

/// The headers that x265enc 1.22 puts before the first frame end in bytes that are none of theirs. So
/// they are repeated, and all that lies before the last ones is left out.
fn set_hdr10(x265enc: &gst::Element, hdr10: &str) -> anyhow::Result<()> {
    const VIDEO_PARAMETER_SET: [u8; 6] = [0, 0, 0, 1, 0x40, 1];
    let options: String = x265enc.property("option-string");
    x265enc.set_property("option-string", format!("{options}:repeat-headers=1:{hdr10}"));
    let output = x265enc.static_pad("src").context("An encoder has an output")?;
    output.add_probe(gst::PadProbeType::BUFFER, |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
            let last = buffer.map_readable().ok().and_then(|data| {
                data.windows(VIDEO_PARAMETER_SET.len()).rposition(|it| it == VIDEO_PARAMETER_SET)
            });
            // It lies within.
            let _ = buffer.make_mut().resize(last.unwrap_or(0)..);
        }
        gst::PadProbeReturn::Remove
    });
    Ok(())
}

/// What every frame is scaled and converted to, if a film changes: muxers know of one kind of frame.
fn picture_of(caps: &gst::CapsRef) -> gst::Caps {
    const FIELDS: [&str; 5] = ["format", "width", "height", "pixel-aspect-ratio", "colorimetry"];
    let mut picture = caps.to_owned();
    for structure in picture.make_mut().iter_mut() {
        structure.filter_map_in_place(|name, value| {
            FIELDS.contains(&name.as_str().as_str()).then_some(value)
        });
    }
    picture
}

/// GStreamer 1.22 writes it wrongly: x265enc with bytes behind it that are none of it, matroskamux
/// with a fifth of the luminance.
fn without_light(caps: &gst::CapsRef) -> gst::Caps {
    let mut caps = caps.to_owned();
    for structure in caps.make_mut().iter_mut() {
        structure.remove_fields(["mastering-display-info", "content-light-level"]);
    }
    caps
}

/// What the encoder is given. Colour is coarser than luma by two in 4:2:0, so that a size that is
/// odd needs 4:4:4 with most encoders. Grey needs no fine colour, and keeps its range.
fn encoder_caps(stream: &Stream, recipe: &Recipe) -> String {
    let is_odd = [stream.width, stream.height].into_iter().flatten().any(|length| length % 2 == 1);
    let is_grey = stream.is_grey() && recipe.video.codec != "ffv1";
    let formats = match is_grey {
        _ if is_odd && !recipe.video.takes_odd_sizes => "Y444, Y444_10LE, Y444_12LE",
        true if stream.bits() > 8 => "I420_12LE, I420_10LE, I420",
        true => "I420",
        false => return "video/x-raw".into(),
    };
    let colorimetry = is_grey.then(|| recipe.colors(stream).colorimetry(None));
    let colorimetry = colorimetry.map(|colors| format!(", colorimetry={colors}"));
    format!("video/x-raw, format={{{formats}}}{}", colorimetry.unwrap_or_default())
}

/// Of frames that have a range and a matrix.
fn with_colors(caps: &gst::CapsRef, colors: Colors, is_grey: bool) -> gst::Caps {
    let mut caps = caps.to_owned();
    let info = VideoInfo::from_caps(&caps).ok().filter(|info| info.is_yuv() || info.is_gray());
    if let Some(info) = info {
        let found = Some(info.colorimetry()).filter(|_| !is_grey);
        caps.make_mut().set("colorimetry", colors.colorimetry(found).to_string());
    }
    caps
}

/// The unit of time in nanoseconds. Ten microseconds tell the ticks of the finest common clock from
/// each other, which are 11; but a frame may lie no more than 32767 units before or behind the one that its
/// cluster begins with, which is stored before it.
fn timescale(times: &[f64]) -> u64 {
    const UNITS: f64 = 30_000.;
    const COARSEST: u64 = 1_000_000;
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return COARSEST };
    let spans = times.windows(REORDERED).map(|times| times[REORDERED - 1] - times[0]);
    let span = if times.len() < REORDERED { last - first } else { spans.fold(0., f64::max) };
    ((span * 1e9 / UNITS) as u64).clamp(10_000, COARSEST)
}

/// As many frames as an encoder takes out of order, and more.
const REORDERED: usize = 8;

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

fn watch_bytes(pad: &gst::Pad, counts: &Arc<Counts>) {
    let counts = counts.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        counts.alive.fetch_add(1, Relaxed);
        gst::PadProbeReturn::Ok
    });
}

/// Gives packets the durations of their frames, in whose place parsers put those of an even frame rate.
fn watch_packets(pad: &gst::Pad, counts: &Arc<Counts>) {
    let counts = counts.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        counts.alive.fetch_add(1, Relaxed);
        counts.encoded.fetch_add(1, Relaxed);
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
            let time = buffer.pts().and_then(|pts| running_time(pad, pts));
            let duration = |time| counts.durations.lock().expect("no panic").remove(&time);
            if let Some(duration) = time.and_then(duration) {
                buffer.make_mut().set_duration(duration);
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// The same of a frame everywhere in the pipeline. Encoders move its time.
fn running_time(pad: &gst::Pad, time: gst::ClockTime) -> Option<gst::ClockTime> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    event.segment().downcast_ref::<gst::ClockTime>()?.to_running_time(time)
}

/// Times in the pipe from FFmpeg are so much later, as those before the file's beginning would be
/// negative.
pub const OFFSET: u64 = 10_000;

/// In seconds from where FFmpeg lets the file begin.
fn seconds(time: gst::ClockTime) -> f64 {
    time.seconds_f64() - OFFSET as f64
}

/// Lets those frames pass that are shown, and gives them their times, which the pipe has rounded.
fn watch_frames(pad: &gst::Pad, job: &Job, counts: &Arc<Counts>) {
    let counts = counts.clone();
    let part = job.part;
    let packets = &job.source.file.packets[&job.stream.index];
    let times = job.source.times(job.stream);
    let times: Vec<f64> = times.iter().map(|time| part.time(*time)).collect();
    let end = part.time(packets.end);
    let hidden_end = packets.hidden_end().map(|time| part.time(time));
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        counts.alive.fetch_add(1, Relaxed);
        let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data else {
            return gst::PadProbeReturn::Ok;
        };
        let Some(pts) = buffer.pts() else { return gst::PadProbeReturn::Ok };
        let time = seconds(pts);
        let is_past = part.ends_before(time);
        if is_past && !counts.is_past.swap(true, Relaxed) {
            *counts.damage.lock().expect("no panic") = damage::said();
        }
        if time < part.key {
            // What was said is about frames that no frame of the part refers to.
            damage::said();
        }
        let is_hidden = hidden_end.is_some_and(|end| time > end - ROUNDING);
        if time < part.shown - ROUNDING || is_hidden || is_past {
            info.flow_res = Ok(gst::FlowSuccess::Ok);
            // Not Drop, for which the bindings and GStreamer both give the buffer back.
            return gst::PadProbeReturn::Handled;
        }
        let next = times.partition_point(|known| *known < time);
        let mut around = next.saturating_sub(1)..times.len().min(next + 1);
        let clock =
            |time: f64| gst::ClockTime::try_from_seconds_f64((time + OFFSET as f64).max(0.)).ok();
        let mut pts = pts;
        if let Some(index) = around.find(|index| (times[*index] - time).abs() < ROUNDING)
            && let Some(exact) = clock(times[index])
        {
            pts = exact;
            let until = times.get(index + 1).copied().unwrap_or(end);
            if let Some(until) = clock(until).filter(|until| *until > exact) {
                buffer.make_mut().set_duration(until - exact);
            }
        }
        buffer.make_mut().set_pts(pts);
        if let Some((time, duration)) = running_time(pad, pts).zip(buffer.duration()) {
            counts.durations.lock().expect("no panic").insert(time, duration);
        }
        if counts.frames.fetch_add(1, Relaxed) == 0 {
            counts.begin.store(pts.nseconds(), Relaxed);
        }
        let end = pts + buffer.duration().unwrap_or_default();
        counts.end.fetch_max(end.nseconds(), Relaxed);
        gst::PadProbeReturn::Ok
    });
}
