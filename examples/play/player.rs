//! The pipeline that is watched, and what its messages bring about.

use std::sync::{Arc, Mutex};

use anyhow::{Context, ensure};
use gst::prelude::*;

use crate::keys;
use crate::live::{CHANNEL, LiveReference};
use crate::output::VirtualCamera;
use crate::overlay::{self, Overlay};
use crate::property;
use crate::references::{Choice, References};
use crate::regions::{self, Region};
use crate::screen::Screen;
use crate::snapshot;
use crate::split::{self, Split};
use crate::stream::{Source, Stream};

pub const AUTOMATIC_SINK: &str = "autovideosink";

/// For a live picture: people move and lamps flicker, but the colours stay.
const LOOK: &str = "histomatch name=look method=grade smoothing=1000000000 deflicker=1";
/// Keeps the frame that is taken as the reference, and looks at no other.
const TAKEN: &str = "histotap name=taken channel=play-taken publish=once window=1";

pub struct Player {
    pub(crate) stream: Stream,
    pub(crate) look: gst::Element,
    /// The tap of frames that are taken as the reference.
    pub(crate) taken: gst::Element,
    pub(crate) live: Option<LiveReference>,
    pub(crate) camera: Option<VirtualCamera>,
    pub(crate) overlay: Overlay,
    pub(crate) screen: Screen,
    pub(crate) split: Split,
    pub(crate) references: References,
    /// Whether a frame of the stream itself is the reference.
    pub(crate) is_own: bool,
    /// Whether the next frame is taken as that.
    pub(crate) takes_frame: Arc<Mutex<bool>>,
    pub(crate) is_paused: bool,
    /// Whether it was said that the sink is late.
    was_late: bool,
    /// How it ends, as soon as it shall.
    end: Option<anyhow::Result<()>>,
}

/// What goes where.
pub struct Setup<'a> {
    pub source: Source,
    pub reference: Option<Source>,
    pub camera: Option<VirtualCamera>,
    /// The element that shows it.
    pub sink: &'a str,
    pub with_sound: bool,
}

impl Player {
    pub fn new(setup: Setup, references: References) -> anyhow::Result<Self> {
        let Setup { source, reference, camera, sink, with_sound } = setup;
        if let Some(camera) = &camera {
            camera.check()?;
        }
        let window = format!("{}videoconvert ! videoscale ! {sink}", overlay::elements());
        let behind = match &camera {
            None => format!("videoconvert ! {window}"),
            Some(camera) => format!(
                "tee name=shown  shown. ! {}  shown. ! queue ! videoconvert ! {window}",
                camera.elements()
            ),
        };
        let elements = format!("capsfilter name=formats ! {TAKEN} ! {LOOK} ! {behind}");
        let stream = Stream::new(source, &elements, with_sound)?;
        stream.element("formats")?.set_property("caps", split::caps());
        if let Some(camera) = &camera {
            camera.set_up(&stream.pipeline);
        }

        let look = stream.element("look")?;
        let bus = stream.pipeline.bus().context("The pipeline has no bus")?;
        keys::listen_to_window(
            &look.static_pad("src").context("histomatch has no source pad")?,
            bus.clone(),
        );
        let live = reference
            .map(|reference| LiveReference::new(reference, &stream.source, &bus))
            .transpose()?;
        let player = Self {
            split: Split::around(&look).context("histomatch has no pads")?,
            taken: stream.element("taken")?,
            overlay: Overlay::of(&stream.pipeline),
            screen: Screen::default(),
            look,
            live,
            camera,
            stream,
            references,
            is_own: false,
            takes_frame: Arc::default(),
            is_paused: false,
            was_late: false,
            end: None,
        };
        player.use_reference();
        Ok(player)
    }

    pub fn bus(&self) -> gst::Bus {
        self.stream.pipeline.bus().expect("a pipeline has a bus")
    }

    /// Sets a property of the element to what a text says.
    pub fn set(&self, name: &str, value: &str) -> anyhow::Result<()> {
        const OF_ARGUMENTS: [&str; 3] =
            ["reference-location", "reference-locations", "reference-channel"];
        ensure!(!OF_ARGUMENTS.contains(&name), "the reference is what the arguments say");
        let value = property::value(&self.look, name, value)?;
        self.look.set_property_from_value(name, &value);
        self.follow_region();
        Ok(())
    }

    /// Plays until the key to quit, or an error, or the end of the input.
    pub fn play(mut self, once: bool) -> anyhow::Result<()> {
        self.show_state();
        if let Some(live) = &self.live {
            live.start();
        }
        // Not its result, which only says that there was an error: the bus knows which.
        let _ = self.stream.pipeline.set_state(gst::State::Playing);
        self.heed_messages(once)
    }

    fn heed_messages(&mut self, once: bool) -> anyhow::Result<()> {
        let bus = self.bus();
        loop {
            let message = bus.timed_pop(self.overlay.time_left());
            self.overlay.hide_what_is_old();
            if let Some(message) = message {
                self.heed(&message, once)?;
            }
            if let Some(end) = self.end.take() {
                return end;
            }
        }
    }

    fn heed(&mut self, message: &gst::Message, once: bool) -> anyhow::Result<()> {
        if let gst::MessageView::Warning(warning) = message.view() {
            self.warn(&warning.error());
        }
        if let Some(live) = self.live.as_mut().filter(|live| live.sent(message)) {
            if live.heed(message, once)? {
                self.show_state();
            }
            return Ok(());
        }
        if self.camera.as_ref().is_some_and(|camera| camera.was_left(message)) {
            return Ok(());
        }
        if let Some(fault) = self.stream.fault(message) {
            return match self.camera.as_ref().and_then(|camera| camera.failure(message)) {
                Some(failure) => Err(anyhow::anyhow!("{}", fault.root_cause()).context(failure)),
                None if is_closed_window(&fault) => {
                    self.end(Ok(()));
                    Ok(())
                }
                None => Err(fault),
            };
        }
        match message.view() {
            gst::MessageView::Application(message) => {
                if let Some(key) = keys::of_message(message) {
                    keys::press(&key, self);
                } else if let Some(frame) = snapshot::of_message(message) {
                    self.save_frame(&frame);
                }
            }
            gst::MessageView::Element(message) => {
                if let Some(key) = keys::of_sink(message) {
                    keys::press(&key, self);
                }
                let is_other = self.live.as_mut().is_some_and(|live| live.take_up(message));
                if is_other {
                    self.show_state();
                }
            }
            gst::MessageView::AsyncDone(_) => self.stream.go_on(),
            gst::MessageView::Eos(_) if once || !self.stream.begin_again() => self.end(Ok(())),
            _ => {}
        }
        Ok(())
    }

    fn warn(&mut self, error: &glib::Error) {
        // That the sink is late, it says again and again.
        let is_late = error.matches(gst::CoreError::Clock);
        if !(is_late && std::mem::replace(&mut self.was_late, is_late)) {
            println!("{}", error.message());
            self.overlay.show(error.message(), None);
        }
    }

    pub fn end(&mut self, result: anyhow::Result<()>) {
        self.end = Some(result);
    }

    /// Matches to the current reference.
    pub(crate) fn use_reference(&self) {
        // Reads a picture, and returns when it is in use from the next frame on.
        match self.references.current() {
            Choice::Live => self.look.set_property("reference-channel", CHANNEL),
            Choice::File(path) | Choice::Found(path) => {
                self.look.set_property("reference-location", path);
            }
        }
    }

    /// Whether there is nothing yet of the stream that is the reference.
    pub(crate) fn is_waiting(&self) -> bool {
        let is_live = !self.is_own && matches!(self.references.current(), Choice::Live);
        is_live && self.live.as_ref().is_some_and(LiveReference::is_waiting)
    }

    /// Shows a text in the window, for a while, and in the terminal.
    pub fn show(&mut self, text: &str) {
        self.show_with_outline(text, None);
    }

    fn show_with_outline(&mut self, text: &str, region: Option<Region>) {
        self.say(text, region);
        // A frame that stands comes once more, matched as it is now.
        if self.is_paused {
            self.stream.repeat_frame();
        }
    }

    /// Shows a text with the next frame.
    pub(crate) fn say(&mut self, text: &str, region: Option<Region>) {
        println!("{text}");
        self.overlay.show(text, region);
    }

    /// Shows how things are.
    pub(crate) fn show_state(&mut self) {
        self.show_state_with_outline(None);
    }

    pub(crate) fn show_state_with_outline(&mut self, outlined: Option<Region>) {
        let place = self.references.place();
        let reference = match (self.references.current(), &self.live) {
            _ if self.is_own => "the frame that was taken".into(),
            (Choice::Live, live) => {
                let live = live.as_ref().map(LiveReference::description).unwrap_or_default();
                format!("{live} {place}")
            }
            (Choice::File(path) | Choice::Found(path), _) => {
                format!("{} {place}", path.file_name().unwrap_or_default().to_string_lossy())
            }
        };
        let strength = format!("strength {:.1}", self.strength());
        let region = self.region();
        let region = region.map(|region| format!("from {}", regions::description(&region)));
        let flags = [
            (self.split.is_on(), "split"),
            (self.is_locked(), "locked"),
            (self.is_paused, "paused"),
        ];
        let flags = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_string());
        let parts: Vec<String> =
            [reference, self.method(), strength].into_iter().chain(region).chain(flags).collect();
        self.show_with_outline(&parts.join(", "), outlined);
        if self.is_waiting() {
            self.overlay.keep();
        }
    }

    pub(crate) fn strength(&self) -> f64 {
        self.look.property("strength")
    }

    pub(crate) fn method(&self) -> String {
        self.nick("method")
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.nick("update-mode") == "locked"
    }

    /// The part that is learned from, if it isn't all.
    pub(crate) fn region(&self) -> Option<String> {
        let region: Option<String> = self.look.property("region");
        region.filter(|region| !region.is_empty())
    }

    /// The taps look at the part that is learned from, too.
    pub(crate) fn follow_region(&self) {
        let taps = self.live.iter().map(|live| &live.tap).chain([&self.taken]);
        taps.for_each(|tap| tap.set_property("region", self.region()));
    }

    /// The value of a property that is an enumeration.
    fn nick(&self, property: &str) -> String {
        self.look.property_value(property).serialize().expect("it has a text").into()
    }
}

/// What sinks say when their window is closed; they have no code for it.
fn is_closed_window(fault: &anyhow::Error) -> bool {
    let text = fault.root_cause().to_string();
    ["Output window was closed", "Quit requested"].iter().any(|closed| text.contains(closed))
}
