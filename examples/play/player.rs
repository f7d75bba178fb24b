//! The pipeline, and what can be done to it while it plays.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use gst::prelude::*;
use gst_pbutils::MissingPluginMessage;
use image::ImageReader;

use crate::keys;
use crate::references::References;
use crate::split::{self, Split};

pub const AUTOMATIC_SINK: &str = "autovideosink";

const SOURCES: [(&str, &str); 2] = [("camera", "v4l2src"), ("test", TEST)];
/// Rings that move, in all grays: colour bars have next to no distribution.
const TEST: &str = "videotestsrc is-live=true pattern=zone-plate kx2=20 ky2=20 kt=1 \
    ! video/x-raw,width=640,height=480";
const FILE: &str = "filesrc name=file";
/// Shows one frame for ever.
const STILL: &str = "imagefreeze ! video/x-raw,framerate=25/1 !";
/// For a live picture: people move and lamps flicker, but the colours stay.
const LOOK: &str = "histomatch name=look method=grade smoothing=1000000000 deflicker=1";
/// In the order that a key goes through them.
const METHODS: [&str; 3] = ["grade", "channels", "linear"];
/// A plugin that not every system has.
const LINE: &str = "! textoverlay name=line silent=true shaded-background=true \
    valignment=bottom halignment=left line-alignment=left font-desc=Monospace,12";
/// Where a look is saved.
const LUT: &str = "histomatch.cube";
const SOUND: &str = "queue ! audioconvert ! audioresample ! autoaudiosink";

/// How long a text is shown.
const LINE_TIME: Duration = Duration::from_secs(3);

pub struct Player {
    pipeline: gst::Pipeline,
    look: gst::Element,
    /// The element that shows a text.
    line: Option<gst::Element>,
    shown_until: Option<Instant>,
    split: Split,
    references: References,
    is_paused: bool,
    /// How it ends, as soon as it shall.
    end: Option<anyhow::Result<()>>,
}

impl Player {
    /// Of a file, or a name of [`SOURCES`].
    pub fn new(
        input: &str,
        sink: &str,
        with_sound: bool,
        references: References,
    ) -> anyhow::Result<Self> {
        let source = SOURCES.iter().find(|(name, _)| *name == input).map(|(_, source)| *source);
        let still = if source.is_none() && is_picture(input)? { STILL } else { "" };
        let has_text = gst::ElementFactory::find("textoverlay").is_some();
        let line = if has_text { LINE } else { "" };
        let description = format!(
            "{} ! decodebin name=input  videoconvert name=video ! {still} \
             capsfilter name=formats ! {LOOK} ! videoconvert {line} ! videoconvert ! {sink}",
            source.unwrap_or(FILE)
        );
        let pipeline = gst::parse::launch(&description)
            .context("Can't build the pipeline; install GStreamer's plugins 'base' and 'good'")?
            .downcast::<gst::Pipeline>()
            .map_err(|_| anyhow!("'{description}' is not a pipeline"))?;
        if source.is_none() {
            // Not in the text, where spaces and quotes would need escapes.
            element(&pipeline, "file")?.set_property("location", input);
        }
        element(&pipeline, "formats")?.set_property("caps", split::caps());
        link_streams(&pipeline, with_sound)?;

        let look = element(&pipeline, "look")?;
        look.set_property("reference-location", references.current());
        let pad = look.static_pad("src").context("histomatch has no source pad")?;
        keys::listen_to_window(&pad, pipeline.bus().context("The pipeline has no bus")?);
        Ok(Self {
            split: Split::around(&look).context("histomatch has no pads")?,
            line: pipeline.by_name("line"),
            pipeline,
            look,
            shown_until: None,
            references,
            is_paused: false,
            end: None,
        })
    }

    pub fn bus(&self) -> gst::Bus {
        self.pipeline.bus().expect("a pipeline has a bus")
    }

    /// Sets a property of the element to what a text says.
    pub fn set(&self, name: &str, value: &str) -> anyhow::Result<()> {
        let property = self
            .look
            .find_property(name)
            .filter(|property| property.flags().contains(glib::ParamFlags::WRITABLE))
            .with_context(|| {
                format!("histomatch has no property '{name}' to set; see the README's table")
            })?;
        let value =
            glib::Value::deserialize_with_pspec(value, &property).ok().with_context(|| {
                let kind = property.value_type();
                let about = property.blurb().unwrap_or_default();
                format!("'{value}' is no value of {name}, which is of type {kind}: {about}")
            })?;
        self.look.set_property_from_value(name, &value);
        Ok(())
    }

    /// Plays until the key to quit, or an error, or the end of the input.
    pub fn play(mut self, once: bool) -> anyhow::Result<()> {
        self.show_state();
        // Not its result, which only says that there was an error: the bus knows which.
        let _ = self.pipeline.set_state(gst::State::Playing);
        let result = self.heed_messages(once);
        self.pipeline.set_state(gst::State::Null)?;
        result
    }

    fn heed_messages(&mut self, once: bool) -> anyhow::Result<()> {
        let bus = self.bus();
        let mut missing = Vec::new();
        loop {
            let message = bus.timed_pop(self.time_to_show());
            if self.shown_until.is_some_and(|until| until <= Instant::now()) {
                self.hide_line();
            }
            let Some(message) = message else { continue };
            match message.view() {
                gst::MessageView::Application(message) => {
                    if let Some(key) = keys::of_message(message) {
                        keys::press(&key, self);
                    }
                }
                gst::MessageView::Element(_) => {
                    if let Ok(message) = MissingPluginMessage::parse(&message) {
                        missing.push(message.description().to_string());
                    }
                }
                gst::MessageView::Warning(warning) => eprintln!("{}", warning.error()),
                gst::MessageView::Error(error) if is_closed_window(error) => return Ok(()),
                gst::MessageView::Error(error) if missing.is_empty() => bail!("{}", error.error()),
                gst::MessageView::Error(_) => bail!(
                    "GStreamer has no {}; install its plugins 'good', 'bad', 'ugly' and 'libav'",
                    missing.join(", ")
                ),
                gst::MessageView::Eos(_) if once || !self.go_to(gst::ClockTime::ZERO) => {
                    return Ok(());
                }
                _ => {}
            }
            if let Some(end) = self.end.take() {
                return end;
            }
        }
    }

    pub fn end(&mut self, result: anyhow::Result<()>) {
        self.end = Some(result);
    }

    pub fn change_reference(&mut self, forwards: bool) {
        if let Err(error) = self.references.go(forwards) {
            return self.end(Err(error));
        }
        // Reads the picture, and returns when it is in use from the next frame on.
        self.look.set_property("reference-location", self.references.current());
        self.show_change();
    }

    pub fn change_strength(&mut self, by: f64) {
        let strength = ((self.strength() + by) * 10.).round() / 10.;
        self.look.set_property("strength", strength.clamp(0., 1.));
        self.show_change();
    }

    pub fn change_method(&mut self) {
        let current = self.method();
        let next = METHODS.iter().cycle().skip_while(|method| **method != current).nth(1);
        self.look.set_property_from_str("method", next.expect("the current one is in it"));
        self.show_change();
    }

    pub fn toggle_split(&mut self) {
        self.split.toggle();
        self.show_change();
    }

    /// Holds the mapping as it is, or learns again.
    pub fn toggle_lock(&mut self) {
        let mode = if self.is_locked() { "frame" } else { "locked" };
        self.look.set_property_from_str("update-mode", mode);
        self.show_change();
    }

    /// Writes what the last frame was matched by to a file in the current folder; why not is on the bus.
    pub fn save_lut(&mut self) {
        if self.look.emit_by_name("save-lut", &[&LUT, &true]) {
            self.show(&format!("Saved {LUT}"));
        }
    }

    pub fn toggle_pause(&mut self) {
        self.is_paused = !self.is_paused;
        let state = if self.is_paused { gst::State::Paused } else { gst::State::Playing };
        // Not its result: the bus knows what went wrong.
        let _ = self.pipeline.set_state(state);
        self.show_change();
    }

    /// Shows a text in the window, for a while, and in the terminal.
    pub fn show(&mut self, text: &str) {
        println!("{text}");
        if let Some(line) = &self.line {
            line.set_property("text", glib::markup_escape_text(text).as_str());
            line.set_property("silent", false);
            let lines = text.lines().count() as u32;
            self.shown_until = Some(Instant::now() + LINE_TIME * lines);
        }
    }

    fn show_change(&mut self) {
        self.show_state();
        // A frame that stands is matched again.
        if self.is_paused
            && let Some(position) = self.pipeline.query_position::<gst::ClockTime>()
        {
            self.go_to(position);
        }
    }

    fn show_state(&mut self) {
        let strength = format!("strength {:.1}", self.strength());
        let flags = [
            (self.split.is_on(), "split"),
            (self.is_locked(), "locked"),
            (self.is_paused, "paused"),
        ];
        let flags = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_string());
        let parts: Vec<String> = [self.references.description(), self.method(), strength]
            .into_iter()
            .chain(flags)
            .collect();
        self.show(&parts.join(", "));
    }

    fn hide_line(&mut self) {
        self.shown_until = None;
        if let Some(line) = &self.line {
            line.set_property("silent", true);
        }
    }

    fn time_to_show(&self) -> Option<gst::ClockTime> {
        let left = self.shown_until?.saturating_duration_since(Instant::now());
        gst::ClockTime::try_from(left).ok()
    }

    fn strength(&self) -> f64 {
        self.look.property("strength")
    }

    fn method(&self) -> String {
        self.nick("method")
    }

    fn is_locked(&self) -> bool {
        self.nick("update-mode") == "locked"
    }

    /// The value of a property that is an enumeration.
    fn nick(&self, property: &str) -> String {
        self.look.property_value(property).serialize().expect("it has a text").into()
    }

    /// Whether the input can be played from a time on.
    fn go_to(&self, time: gst::ClockTime) -> bool {
        self.pipeline.seek_simple(gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE, time).is_ok()
    }
}

fn is_picture(file: &str) -> anyhow::Result<bool> {
    let reader = ImageReader::open(Path::new(file)).and_then(ImageReader::with_guessed_format);
    Ok(reader.with_context(|| format!("Can't read '{file}'; check the path"))?.format().is_some())
}

/// Links what the decoder finds: the first video, and the first sound.
fn link_streams(pipeline: &gst::Pipeline, with_sound: bool) -> anyhow::Result<()> {
    let decoder = element(pipeline, "input")?;
    let video = element(pipeline, "video")?.static_pad("sink").context("No sink pad")?;

    let (to, in_pipeline) = (video.clone(), pipeline.downgrade());
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

fn element(pipeline: &gst::Pipeline, name: &str) -> anyhow::Result<gst::Element> {
    pipeline.by_name(name).with_context(|| format!("The pipeline has no '{name}'"))
}

/// What sinks say when their window is closed; they have no code for it.
fn is_closed_window(error: &gst::message::Error) -> bool {
    let text = error.error().to_string();
    ["Output window was closed", "Quit requested"].iter().any(|closed| text.contains(closed))
}
