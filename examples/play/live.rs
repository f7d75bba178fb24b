//! Another stream as the reference.

use anyhow::{Context, bail};
use gst::prelude::*;

use crate::stream::{Source, Stream};

/// The name under which the stream is known as a reference.
pub const CHANNEL: &str = "play";
/// In the time of the frames, as they would be seen.
const TAP: &str = "histotap name=tap ! fakesink sync=true";
/// The message of histomatch that says how the reference is doing.
const MESSAGE: &str = "histomatch-reference";

/// How it is doing before there is anything of it.
const WAITING: &str = "waiting for its first frames";
/// How it is doing for good.
const ENDED: &str = "ended, its last look is held";

pub struct LiveReference {
    stream: Stream,
    pub tap: gst::Element,
    /// How it is doing, in words.
    state: &'static str,
}

impl LiveReference {
    /// Of a stream that is no more than the reference of another one. Its messages are on the other's bus.
    pub fn new(source: Source, matched: &Source, bus: &gst::Bus) -> anyhow::Result<Self> {
        let is_camera = matches!(source, Source::Camera | Source::Device(_));
        if is_camera && source == *matched {
            bail!(
                "The same camera can't be matched and be the reference; give the device of another \
                 one, as in --reference-from /dev/video2"
            );
        }
        let source = if source == Source::Test { Source::WarmTest } else { source };
        let stream = Stream::new(source, TAP, false).context("Can't use the reference")?;
        let tap = stream.element("tap")?;
        tap.set_property("channel", CHANNEL);
        stream.pipeline.set_auto_flush_bus(false);
        stream.pipeline.set_bus(Some(bus));
        Ok(Self { stream, tap, state: WAITING })
    }

    pub fn description(&self) -> String {
        format!("{}: {}", self.stream.source.short_name(), self.state)
    }

    pub fn is_waiting(&self) -> bool {
        self.state == WAITING
    }

    pub fn start(&self) {
        // Not its result, which only says that there was an error: the bus knows which.
        let _ = self.stream.pipeline.set_state(gst::State::Playing);
    }

    pub fn sent(&self, message: &gst::Message) -> bool {
        self.stream.sent(message)
    }

    /// Heeds a message of the stream. Whether it has stopped; an error if it never began.
    pub fn heed(&mut self, message: &gst::Message, once: bool) -> anyhow::Result<bool> {
        if let gst::MessageView::AsyncDone(_) = message.view() {
            self.stream.go_on();
        }
        let fault = self.stream.fault(message);
        let is_eos = matches!(message.view(), gst::MessageView::Eos(_));
        let is_over = is_eos && (once || !self.stream.begin_again());
        if fault.is_none() && !is_over {
            return Ok(false);
        }
        if let Some(fault) = fault {
            if self.n_snapshots() == 0 {
                return Err(fault.context("Can't use the reference"));
            }
            eprintln!("{fault:#}");
            self.stream.stop();
        }
        self.state = ENDED;
        Ok(true)
    }

    fn n_snapshots(&self) -> u64 {
        self.tap.property::<gst::Structure>("stats").get("snapshots").unwrap_or_default()
    }

    /// Takes up what histomatch says of the reference. Whether that is something else than before.
    pub fn take_up(&mut self, message: &gst::message::Element) -> bool {
        let structure = message.structure().filter(|structure| structure.name() == MESSAGE);
        let Some(Ok(name)) = structure.map(|structure| structure.get::<&str>("state")) else {
            return false;
        };
        let state = match name {
            _ if self.state == ENDED => ENDED,
            "live" => "live",
            "stale" => "stale, its last look is held",
            "flat" => "black or flat, nothing to be matched to",
            _ => WAITING,
        };
        std::mem::replace(&mut self.state, state) != state
    }
}
