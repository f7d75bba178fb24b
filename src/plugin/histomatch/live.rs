//! References that live: frames that are captured, channels that are followed, and what is said of them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::HistoMatch;
use crate::plugin::lock;
use crate::plugin::reader::{Failure, FrameReader};
use crate::plugin::reference::Following;
use crate::reference::Reference;

/// The name of the message.
const MESSAGE: &str = "histomatch-reference";

/// How a channel is doing that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Liveness {
    channel: String,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no snapshot yet.
    Waiting,
    /// There is one, and more may come.
    Live,
    /// More were to come, and don't.
    Stale,
    /// The newest one has no distribution to be matched to. The one before it is held.
    Flat,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Flat => "flat",
        }
    }
}

impl HistoMatch {
    /// Makes a frame the reference, if that was asked for. What only fills a gap is none.
    pub(super) fn capture_reference(&self, buffer: &gst::BufferRef) {
        if buffer.flags().contains(gst::BufferFlags::GAP) || !self.capture.load(Ordering::Relaxed) {
            return;
        }
        let info = match &self.streaming.borrow().stream {
            Some(stream) => stream.info().clone(),
            None => return,
        };
        self.capture.store(false, Ordering::Relaxed);
        let (ignore_borders, part, is_flat_taken) = {
            let settings = lock(&self.settings);
            (settings.ignore_borders, settings.part(buffer), settings.is_flat_taken())
        };
        let read = || {
            let mut reader = FrameReader::of_colors(&info).map_err(Failure::Buffer)?;
            let pixels = reader.pixels(buffer, ignore_borders, part, Duration::ZERO)?;
            Ok(pixels.map(|pixels| (pixels, reader.matcher.layout().colorimetry)))
        };
        match read() {
            Ok(Some((pixels, _))) if pixels.is_flat && !is_flat_taken => self.warn_of_no_capture(
                "it has next to no distribution, as black and colour bars. Set flat-frames=match to \
                 take it all the same",
            ),
            Ok(Some((pixels, colorimetry))) => {
                self.request_captured(Reference::of_colors(pixels.colors, colorimetry));
            }
            Ok(None) => self.warn_of_no_capture("nothing is there of what is learned from"),
            Err(Failure::Buffer(cause)) => self.warn_of_no_capture(&cause),
            Err(Failure::Memory) => self.warn_of_no_capture("there is not enough memory"),
        }
    }

    /// Takes up what is new in the channel, and says how that is doing if that has changed.
    pub(super) fn follow_channel(&self) {
        let following = {
            let mut streaming = self.streaming.borrow_mut();
            match &mut streaming.stream {
                Some(stream) if self.relearn.swap(false, Ordering::Relaxed) => {
                    stream.relearn();
                    Following::AtOnce
                }
                Some(stream) if stream.is_held() => Following::Held,
                _ => Following::WhenCounted,
            }
        };
        let (timeout, is_flat_taken) = {
            let settings = lock(&self.settings);
            (Duration::from_nanos(settings.reference_timeout), settings.is_flat_taken())
        };
        self.references.follow(following, is_flat_taken);
        let liveness = self.liveness(timeout, is_flat_taken);
        let is_other = {
            let mut streaming = self.streaming.borrow_mut();
            let old = std::mem::replace(&mut streaming.liveness, liveness.clone());
            old != liveness
        };
        if let Some(liveness) = liveness.filter(|_| is_other) {
            self.post_liveness(&liveness);
        }
    }

    fn liveness(&self, timeout: Duration, is_flat_taken: bool) -> Option<Liveness> {
        let channel = self.references.consumer()?;
        let state = match channel.newest() {
            None => State::Waiting,
            Some(newest) if !timeout.is_zero() && newest.is_stale(timeout) => State::Stale,
            Some(newest) if newest.is_flat() && !is_flat_taken => State::Flat,
            Some(_) => State::Live,
        };
        Some(Liveness { channel: channel.name().to_owned(), state })
    }

    fn post_liveness(&self, Liveness { channel, state }: &Liveness) {
        gst::info!(super::imp::CAT, imp = self, "The channel '{channel}' is {}", state.name());
        let structure = gst::Structure::builder(MESSAGE)
            .field("channel", channel)
            .field("state", state.name())
            .build();
        let message = gst::message::Element::builder(structure).src(&*self.obj()).build();
        // It fails where the element is in no bin, so that nobody listens.
        let _ = self.obj().post_message(message);
    }
}
