//! One video stream of a file, decoded, matched and encoded into a Matroska file of its own:
//!
//! ```text
//! filesrc ! parsebin ! decodebin ! histomatch ! encoder ! matroskamux ! filesink
//! ```

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use gst::prelude::*;
use gst_video::VideoInfo;

use crate::film::{Progress, Recipe, Report};
use crate::probe::Stream;

pub struct Job<'a> {
    pub input: &'a Path,
    pub stream: &'a Stream,
    /// Among the video streams of the file, and of how many.
    pub place: (usize, usize),
    /// A value of videoflip's property `video-direction`, if the pixels are to be turned.
    pub turn: Option<&'static str>,
    pub output: &'a Path,
}

pub struct Encoded {
    pub frames: u64,
    /// From the first frame to the end of the last one, in seconds.
    pub duration: f64,
    /// What was decoded, and what the encoder got.
    pub decoded: VideoInfo,
    pub encoded: VideoInfo,
    /// Why it ends before its end.
    pub damage: Option<String>,
    pub interrupted: bool,
}

pub fn encode(
    job: &Job,
    recipe: &Recipe,
    interrupted: &AtomicBool,
    report: &dyn Report,
) -> anyhow::Result<Encoded> {
    let mut run = Run::new(job, recipe)?;
    let result = run.play(job, recipe, interrupted, report);
    if run.is_stuck(recipe) {
        // It would hang on its way to NULL, too, and a pipeline must not be dropped before that.
        std::mem::forget(run.pipeline);
    } else {
        run.pipeline.set_state(gst::State::Null)?;
    }
    result
}

/// What the streaming threads count.
#[derive(Default)]
struct Counts {
    /// Of bytes read, and of frames anywhere: a sign of life.
    alive: AtomicU64,
    frames: AtomicU64,
    encoded: AtomicU64,
    /// Running times in nanoseconds, of the first frame and of the end of the last one.
    begin: AtomicU64,
    end: AtomicU64,
}

struct Run {
    pipeline: gst::Pipeline,
    matcher: gst::Element,
    counts: Arc<Counts>,
    /// The pad of the stream that is decoded, while it waits for the seek to a part.
    waiting: Arc<Mutex<Option<(gst::Pad, gst::PadProbeId)>>>,
    /// The sign of life when there was last one, and when that was.
    alive: (u64, Instant),
}

/// How often progress and the clock are looked at.
const TICK: gst::ClockTime = gst::ClockTime::from_mseconds(100);

const READY_FOR_PART: &str = "ready-for-part";
const NO_SUCH_STREAM: &str = "no-such-stream";

impl Run {
    fn new(job: &Job, recipe: &Recipe) -> anyhow::Result<Self> {
        // The converters do nothing where their neighbours agree on a format, and that is nearly
        // always.
        let turn = job.turn.map(|turn| format!("! videoflip video-direction={turn}"));
        let text = format!(
            "filesrc name=source ! parsebin name=parsebin \
             decodebin name=decodebin force-sw-decoders=true ! videoconvert name=decoded \
             ! histomatch name=histomatch {} ! queue max-size-buffers=4 max-size-bytes=0 \
             max-size-time=0 ! videoconvert ! capsfilter name=encoded caps=\"{}\" ! {} \
             ! matroskamux name=muxer timecodescale={} ! filesink name=sink",
            turn.unwrap_or_default(),
            encoder_caps(job.stream, recipe),
            recipe.video.pipeline,
            timescale(job.stream),
        );
        let pipeline = gst::parse::launch(&text)?
            .downcast::<gst::Pipeline>()
            .ok()
            .context("Several elements are a pipeline")?;
        let by_name = |name| pipeline.by_name(name).context("It is in the pipeline");
        by_name("source")?.set_property("location", job.input);
        by_name("sink")?.set_property("location", job.output);
        let matcher = by_name("histomatch")?;
        for (name, value) in &recipe.properties {
            matcher.set_property_from_str(name, value);
        }
        matcher.set_property("reference-location", &recipe.reference);
        if let Some(interlaced) = by_name("encoded")?
            .static_pad("src")
            .and_then(|pad| pad.peer())
            .and_then(|pad| pad.parent_element())
            .filter(|encoder| encoder.find_property("interlaced").is_some())
        {
            let is_interlaced = job.stream.field_order.as_deref().is_some_and(is_interlaced);
            interlaced.set_property("interlaced", is_interlaced);
        }

        let counts = Arc::new(Counts::default());
        let pad = |name, direction| {
            by_name(name)?.static_pad(direction).context("A filter has an input and an output")
        };
        count_frames(&pad("histomatch", "sink")?, &counts);
        count(&pad("source", "src")?, &counts, |_| {});
        let muxer = by_name("muxer")?;
        let encoded = muxer.sink_pads().pop().context("It is linked")?;
        count(&encoded, &counts, |counts| {
            counts.encoded.fetch_add(1, Relaxed);
        });

        let waiting = Arc::default();
        let decodebin = by_name("decodebin")?.static_pad("sink").context("It has an input")?;
        let bus = pipeline.bus().context("A pipeline has a bus")?;
        choose_stream(&by_name("parsebin")?, &decodebin, job, recipe, &bus, &waiting);
        Ok(Self { pipeline, matcher, counts, waiting, alive: (0, Instant::now()) })
    }

    fn play(
        &mut self,
        job: &Job,
        recipe: &Recipe,
        interrupted: &AtomicBool,
        report: &dyn Report,
    ) -> anyhow::Result<Encoded> {
        let bus = self.pipeline.bus().context("A pipeline has a bus")?;
        // Not its result: the bus knows what went wrong.
        let _ = self.pipeline.set_state(gst::State::Playing);
        let mut missing = Vec::new();
        let (mut damage, mut ends) = (None, false);
        loop {
            let message = bus.timed_pop(TICK);
            match message.as_deref().map(gst::MessageRef::view) {
                Some(gst::MessageView::Application(message)) => {
                    match message.structure().map(|structure| structure.name().as_str()) {
                        Some(READY_FOR_PART) => self.seek(recipe)?,
                        Some(NO_SUCH_STREAM) => bail!(no_decoder(job, &missing)),
                        _ => {}
                    }
                }
                Some(gst::MessageView::Element(message)) => {
                    let plugin = gst_pbutils::MissingPluginMessage::parse(message);
                    missing.extend(plugin.map(|plugin| plugin.description().to_string()));
                }
                Some(gst::MessageView::Warning(warning)) => {
                    report.warning(&warning.error().to_string());
                }
                // The first one is the cause; those after it are what comes of it.
                Some(gst::MessageView::Error(error)) if damage.is_none() => {
                    let reason = explain(error, &missing);
                    ensure!(self.can_end(error), reason);
                    damage = Some(reason);
                }
                Some(gst::MessageView::Eos(_)) => return self.encoded(damage, ends),
                _ => {}
            }
            if !ends && (interrupted.load(Relaxed) || damage.is_some()) {
                ends = true;
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
        let before = ["source", "parsebin", "decodebin"];
        let is_before = |source: &gst::Object| {
            before.iter().filter_map(|name| self.pipeline.by_name(name)).any(|element| {
                source == element.upcast_ref::<gst::Object>() || source.has_as_ancestor(&element)
            })
        };
        self.counts.frames.load(Relaxed) > 0 && error.src().is_some_and(is_before)
    }

    /// Lets what comes behind the decoder end as if the file ended here.
    fn end(&self) {
        let pads = self.matcher.sink_pads();
        // It waits for the frame that is matched.
        std::thread::spawn(move || pads[0].send_event(gst::event::Eos::new()));
    }

    /// Goes to the part that is asked for, and lets the stream flow.
    fn seek(&self, recipe: &Recipe) -> anyhow::Result<()> {
        let waiting = self.waiting.lock().ok().and_then(|mut waiting| waiting.take());
        let Some((pad, block)) = waiting else { return Ok(()) };
        let part = gst::event::Seek::new(
            1.,
            gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE,
            gst::SeekType::Set,
            recipe.from,
            if recipe.to.is_some() { gst::SeekType::Set } else { gst::SeekType::None },
            recipe.to,
        );
        ensure!(pad.send_event(part), "One can't seek in it: leave --from and --to away");
        pad.remove_probe(block);
        Ok(())
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

    fn encoded(&self, damage: Option<String>, ended: bool) -> anyhow::Result<Encoded> {
        let Progress { frames, done, .. } = self.progress();
        let interrupted = ended && damage.is_none();
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
        Ok(Encoded {
            frames,
            duration: done.seconds_f64(),
            decoded: info("decoded", "sink")?,
            encoded: info("encoded", "src")?,
            damage,
            interrupted,
        })
    }
}

/// As ffprobe says it.
pub fn is_interlaced(field_order: &str) -> bool {
    ["tt", "bb", "tb", "bt"].contains(&field_order)
}

/// What the encoder is given. Colour is coarser than luma by two in 4:2:0, so that a size that is
/// odd needs 4:4:4 with most encoders.
fn encoder_caps(stream: &Stream, recipe: &Recipe) -> &'static str {
    let is_odd = [stream.width, stream.height].into_iter().flatten().any(|length| length % 2 == 1);
    match is_odd && !recipe.video.takes_odd_sizes {
        true => "video/x-raw, format={Y444, Y444_10LE, Y444_12LE}",
        false => "video/x-raw",
    }
}

/// The unit of time in nanoseconds. Ten microseconds tell the ticks of the finest common clock from
/// each other, which are 11; but then a frame may lie only a third of a second before the one that is
/// stored before it.
fn timescale(stream: &Stream) -> u64 {
    match stream.frame_rate() {
        Some(rate) if rate >= 20. => 10_000,
        _ => 1_000_000,
    }
}

/// Links the stream that is asked for, once it is known.
fn choose_stream(
    parsebin: &gst::Element,
    decodebin: &gst::Pad,
    job: &Job,
    recipe: &Recipe,
    bus: &gst::Bus,
    waiting: &Arc<Mutex<Option<(gst::Pad, gst::PadProbeId)>>>,
) {
    let is_part = recipe.from > gst::ClockTime::ZERO || recipe.to.is_some();
    let (nth, of) = job.place;
    let id = job.stream.id.as_deref().and_then(|id| u64::from_str_radix(id.get(2..)?, 16).ok());
    let seen = Arc::new(AtomicU64::new(0));
    let linked = decodebin.clone();
    let (waiting, messages) = (waiting.clone(), bus.clone());
    parsebin.connect_pad_added(move |_, pad| {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        if !is_video(&caps) || linked.is_linked() {
            return;
        }
        let place = seen.fetch_add(1, Relaxed) as usize;
        let stream_id = pad.stream_id().unwrap_or_default();
        // Transport streams have them in another order, but with numbers that both know.
        let number = stream_id.rsplit('/').next().filter(|number| number.len() == 8);
        let is_wanted = match number.zip(id) {
            Some((number, id)) if of > 1 => number == format!("{id:08x}"),
            _ => of == 1 || place == nth,
        };
        if !is_wanted {
            return;
        }
        if is_part {
            let bus = messages.clone();
            // Nothing flows until the seek is done.
            let types = gst::PadProbeType::BLOCK_DOWNSTREAM;
            let block = pad.add_probe(types, move |pad, info| {
                if info.event().is_some() {
                    return gst::PadProbeReturn::Pass;
                }
                let ready = gst::Structure::new_empty(READY_FOR_PART);
                let _ = bus.post(gst::message::Application::builder(ready).src(pad).build());
                gst::PadProbeReturn::Ok
            });
            if let (Ok(mut waiting), Some(block)) = (waiting.lock(), block) {
                *waiting = Some((pad.clone(), block));
            }
        }
        // What comes of a failure is an error on the bus.
        let _ = pad.link(&linked);
    });
    let (linked, bus) = (decodebin.clone(), bus.clone());
    parsebin.connect_no_more_pads(move |parsebin| {
        if !linked.is_linked() {
            let none = gst::Structure::new_empty(NO_SUCH_STREAM);
            let _ = bus.post(gst::message::Application::builder(none).src(parsebin).build());
        }
    });
}

/// Pictures that are attached to sound have no frame rate.
fn is_video(caps: &gst::Caps) -> bool {
    let Some(structure) = caps.structure(0) else { return false };
    let name = structure.name().as_str();
    let moves = || structure.get::<gst::Fraction>("framerate").is_ok_and(|rate| rate.numer() > 0);
    name.starts_with("video/") || (name.starts_with("image/") && moves())
}

fn no_decoder(job: &Job, missing: &[String]) -> String {
    match missing {
        [] => format!("GStreamer doesn't find {} in it", job.stream.description()),
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

fn count(pad: &gst::Pad, counts: &Arc<Counts>, also: impl Fn(&Counts) + Send + Sync + 'static) {
    let counts = counts.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        counts.alive.fetch_add(1, Relaxed);
        also(&counts);
        gst::PadProbeReturn::Ok
    });
}

fn count_frames(pad: &gst::Pad, counts: &Arc<Counts>) {
    let counts = counts.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        counts.alive.fetch_add(1, Relaxed);
        if let Some((begin, end)) = times_of(pad, info) {
            if counts.frames.load(Relaxed) == 0 {
                counts.begin.store(begin.nseconds(), Relaxed);
            }
            counts.end.fetch_max(end.nseconds(), Relaxed);
        }
        counts.frames.fetch_add(1, Relaxed);
        gst::PadProbeReturn::Ok
    });
}

/// The running times when a buffer begins and ends.
fn times_of(pad: &gst::Pad, info: &gst::PadProbeInfo) -> Option<(gst::ClockTime, gst::ClockTime)> {
    let buffer = info.buffer()?;
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
    let begin = segment.to_running_time(buffer.pts()?)?;
    Some((begin, begin + buffer.duration().unwrap_or_default()))
}
