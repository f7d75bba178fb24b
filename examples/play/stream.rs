//! A camera, a test pattern or a file, decoded, in a pipeline of its own.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use gst::prelude::*;
use gst_pbutils::MissingPluginMessage;
use image::ImageReader;

/// Rings that move, in all grays: colour bars have next to no distribution.
const TEST: &str = "videotestsrc is-live=true pattern=zone-plate kx2=20 ky2=20 kt=1 \
    ! video/x-raw,width=640,height=480";
/// Lies half over the rings of another camera, whose light is warm.
const WARM_LIGHT: &str = "videotestsrc is-live=true pattern=solid-color foreground-color=0x80ff8000 \
    ! video/x-raw,format=BGRA,width=640,height=480";
/// Shows one frame for ever.
const STILL: &str = "imagefreeze ! video/x-raw,framerate=25/1 !";
const SOUND: &str = "queue ! audioconvert ! audioresample ! autoaudiosink";

/// How long it is waited for a change of its state.
const ARRIVAL: gst::ClockTime = gst::ClockTime::from_seconds(2);

/// How long it is waited for a stream that is to stop.
const STOP: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The first one.
    Camera,
    /// The camera at a device.
    Device(String),
    Test,
    /// A test pattern that looks otherwise.
    WarmTest,
    Film(String),
    Picture(String),
}

impl Source {
    pub fn named(name: &str) -> anyhow::Result<Self> {
        Ok(match name {
            "camera" => Self::Camera,
            "test" => Self::Test,
            name if is_device(name) => Self::Device(name.into()),
            name if name.starts_with("/dev/") && !Path::new(name).exists() => bail!(
                "There is no camera '{name}'; is it plugged in? 'ls /dev/video*' shows those that are"
            ),
            name if is_picture(name)? => Self::Picture(name.into()),
            name => Self::Film(name.into()),
        })
    }

    /// Elements that give it.
    fn elements(&self) -> String {
        match self {
            Self::Camera => "v4l2src".into(),
            Self::Device(_) => "v4l2src name=device".into(),
            Self::Test => TEST.into(),
            Self::WarmTest => {
                format!("{TEST} ! light.sink_0  {WARM_LIGHT} ! light.sink_1  compositor name=light")
            }
            Self::Film(_) | Self::Picture(_) => "filesrc name=file".into(),
        }
    }

    /// What to say if it can't be played.
    fn failure(&self) -> String {
        let ask = "and does no other program use it?";
        match self {
            Self::Camera => format!("Can't play the camera; is one plugged in, {ask}"),
            Self::Device(path) => format!("Can't play the camera '{path}'; is it one, {ask}"),
            Self::Test | Self::WarmTest => "Can't play the test pattern".into(),
            Self::Film(path) | Self::Picture(path) => format!("Can't play '{path}'"),
        }
    }

    /// The name of a file without its folder.
    pub fn short_name(&self) -> String {
        match self {
            Self::Camera => "camera".into(),
            Self::Test | Self::WarmTest => "test".into(),
            Self::Device(path) | Self::Film(path) | Self::Picture(path) => {
                Path::new(path).file_name().unwrap_or_default().to_string_lossy().into()
            }
        }
    }
}

pub fn is_device(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|data| data.file_type().is_char_device())
}

fn is_picture(file: &str) -> anyhow::Result<bool> {
    let reader = ImageReader::open(Path::new(file)).and_then(ImageReader::with_guessed_format);
    Ok(reader.with_context(|| format!("Can't read '{file}'; check the path"))?.format().is_some())
}

pub struct Stream {
    pub source: Source,
    pub pipeline: gst::Pipeline,
    /// Where it was sent to and has not arrived, and where it is to go then.
    on_its_way: Cell<Option<gst::ClockTime>>,
    next: Cell<Option<gst::ClockTime>>,
    is_stopped: Cell<bool>,
    /// What GStreamer lacks to decode it.
    missing: Vec<String>,
}

impl Stream {
    /// From a source through elements, which are given as to `gst-launch-1.0`.
    pub fn new(source: Source, elements: &str, with_sound: bool) -> anyhow::Result<Self> {
        let still = if matches!(source, Source::Picture(_)) { STILL } else { "" };
        let description = format!(
            "{} ! decodebin name=input  videoconvert name=video ! {still} {elements}",
            source.elements()
        );
        let pipeline = gst::parse::launch(&description)
            .context("Can't build the pipeline; install GStreamer's plugins 'base' and 'good'")?
            .downcast::<gst::Pipeline>()
            .map_err(|_| anyhow!("'{description}' is not a pipeline"))?;
        let stream = Self {
            source,
            pipeline,
            on_its_way: Cell::default(),
            next: Cell::default(),
            is_stopped: Cell::default(),
            missing: Vec::new(),
        };
        // Not in the text, where spaces and quotes would need escapes.
        match &stream.source {
            Source::Film(path) | Source::Picture(path) => {
                stream.element("file")?.set_property("location", path);
            }
            Source::Device(path) => stream.element("device")?.set_property("device", path),
            _ => {}
        }
        stream.link(with_sound)?;
        Ok(stream)
    }

    pub fn element(&self, name: &str) -> anyhow::Result<gst::Element> {
        self.pipeline.by_name(name).with_context(|| format!("The pipeline has no '{name}'"))
    }

    /// Whether a message is of this one.
    pub fn sent(&self, message: &gst::Message) -> bool {
        let pipeline = self.pipeline.upcast_ref::<gst::Object>();
        message.src().is_some_and(|src| src == pipeline || src.has_as_ancestor(pipeline))
    }

    /// What is wrong, if a message says that something is.
    pub fn fault(&mut self, message: &gst::Message) -> Option<anyhow::Error> {
        if let Ok(missing) = MissingPluginMessage::parse(message) {
            self.missing.push(missing.description().to_string());
        }
        let gst::MessageView::Error(error) = message.view() else { return None };
        let cause = match self.missing.is_empty() {
            true => error.error().to_string(),
            false => format!(
                "GStreamer has no {}; install its plugins 'good', 'bad', 'ugly' and 'libav'",
                self.missing.join(", ")
            ),
        };
        Some(anyhow!(cause).context(self.source.failure()))
    }

    /// Stops it. In GStreamer 1.28, decodebin now and then waits for ever for a stream that has just begun; then it
    /// is left behind.
    pub fn stop(&self) {
        if self.is_stopped.replace(true) {
            return;
        }
        let pipeline = self.pipeline.clone();
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            let _ = pipeline.set_state(gst::State::Null);
            // Not the last one: what is freed while the program ends, crashes.
            drop(pipeline);
            let _ = done.send(());
        });
        let _ = is_done.recv_timeout(STOP);
    }

    /// Where it is, and how long it is; `None` if it can't be played from another time on.
    pub fn position(&self) -> Option<(gst::ClockTime, gst::ClockTime)> {
        let mut query = gst::query::Seeking::new(gst::Format::Time);
        let is_film = matches!(self.source, Source::Film(_));
        let is_seekable = is_film && self.pipeline.query(&mut query) && query.result().0;
        let times = || Some((self.time()?, self.pipeline.query_duration()?));
        is_seekable.then(times).flatten()
    }

    /// Where it is, or will be.
    fn time(&self) -> Option<gst::ClockTime> {
        let sent_to = self.next.get().or(self.on_its_way.get());
        sent_to.or_else(|| {
            // While its state changes, it doesn't know.
            let _ = self.pipeline.state(ARRIVAL);
            self.pipeline.query_position()
        })
    }

    /// Whether it can be played from a time on. While it is on its way, it goes there from where it arrives, so that
    /// of many keys the last one counts.
    pub fn go_to(&self, time: gst::ClockTime) -> bool {
        if self.on_its_way.get().is_some() {
            self.next.set(Some(time));
            return true;
        }
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        let is_sent = self.pipeline.seek_simple(flags, time).is_ok();
        self.on_its_way.set(Some(time).filter(|_| is_sent));
        is_sent
    }

    /// Whether it can be played from its beginning, when it has ended.
    pub fn begin_again(&self) -> bool {
        self.on_its_way.take();
        self.next.take();
        self.go_to(gst::ClockTime::ZERO)
    }

    /// It has arrived where it was sent to.
    pub fn go_on(&self) {
        self.on_its_way.take();
        if let Some(next) = self.next.take() {
            self.go_to(next);
        }
    }

    /// Makes a frame that stands come once more.
    pub fn repeat_frame(&self) {
        if let Some(time) = self.time() {
            self.go_to(time);
        }
    }

    /// Links what the decoder finds: the first video, and the first sound.
    fn link(&self, with_sound: bool) -> anyhow::Result<()> {
        let decoder = self.element("input")?;
        let video = self.element("video")?.static_pad("sink").context("No sink pad")?;

        let (to, in_pipeline) = (video.clone(), self.pipeline.downgrade());
        decoder.connect_pad_added(move |decoder, pad| {
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let kind = caps.structure(0).map(|structure| structure.name().as_str());
            let result = match (kind, in_pipeline.upgrade()) {
                (Some("video/x-raw"), _) if !to.is_linked() => {
                    pad.link(&to).map(drop).map_err(anyhow::Error::from)
                }
                (Some("audio/x-raw"), Some(pipeline)) if with_sound => add_sound(&pipeline, pad),
                _ => Ok(()),
            };
            if let Err(error) = result {
                gst::element_error!(decoder, gst::StreamError::Format, ("{error}"));
            }
        });
        decoder.connect_no_more_pads(move |decoder| {
            // The window would wait for a frame for ever.
            if !video.is_linked() {
                gst::element_error!(
                    decoder,
                    gst::StreamError::WrongType,
                    ("There is neither video nor a picture in it; give another file")
                );
            }
        });
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // What is not stopped may not be freed.
        self.stop();
    }
}

fn add_sound(pipeline: &gst::Pipeline, pad: &gst::Pad) -> anyhow::Result<()> {
    if pipeline.by_name("sound").is_some() {
        return Ok(());
    }
    let sound = gst::parse::bin_from_description_with_name(SOUND, true, "sound")?;
    pipeline.add(&sound)?;
    sound.sync_state_with_parent()?;
    pad.link(&sound.static_pad("sink").context("No sink pad")?)?;
    Ok(())
}
