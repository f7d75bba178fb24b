//! What the streaming thread does with frames.

use std::time::{Duration, Instant};

use super::Publish;
use super::settings::Settings;
use crate::live::channel::Publisher;
use crate::live::gathering::Gathering;
use crate::live::region::Region;
use crate::plugin::part::Part;
use crate::plugin::reader::{Failure, FrameReader};

/// What the streaming thread works with.
pub(super) struct Streaming {
    publisher: Publisher,
    started: Instant,
    /// `None` before the caps, and for frames that can't be read.
    reader: Option<FrameReader>,
    /// The last one, unless a flush came behind it.
    segment: Option<gst::Segment>,
    gathering: Gathering,
    /// What the gathering is of.
    looked_at: LookedAt,
    /// When the first and the last frame was looked at.
    seen: Option<(Duration, Duration)>,
    /// When the last frame of the last snapshot was looked at.
    published: Option<Duration>,
    /// Whether a snapshot is to be published with the next frame: so no frame waits for more than a look or a
    /// snapshot.
    is_pending: bool,
    /// Whether the snapshot of [`Publish::Once`] was published. One that was asked for is another.
    is_done: bool,
    /// Whether the last frame passed without a look.
    is_idle: bool,
    /// Whether it was warned of frames.
    pub warned: bool,
}

/// The settings that the pixels of a window have in common.
type LookedAt = (Duration, Option<Region>, bool);

fn looked_at(settings: &Settings) -> LookedAt {
    (settings.window(), settings.region(), settings.ignore_borders)
}

impl Streaming {
    pub fn new(publisher: Publisher, settings: &Settings) -> Self {
        Self {
            publisher,
            started: Instant::now(),
            reader: None,
            segment: None,
            gathering: Gathering::new(settings.window()),
            looked_at: looked_at(settings),
            seen: None,
            published: None,
            is_pending: false,
            is_done: false,
            is_idle: false,
            warned: false,
        }
    }

    /// Other frames come from now on. The error says why they can't be looked at.
    pub fn set_info(&mut self, info: &gst_video::VideoInfo) -> Result<(), String> {
        let old = self.reader.take();
        let read = FrameReader::of_colors(info).map(|mut reader| {
            // With another frame rate alone, frames are what they were.
            let are_same = old.is_some_and(|old| reader.succeed(&old));
            self.reader = Some(reader);
            are_same
        });
        if read != Ok(true) {
            self.forget();
        }
        read.map(|_| ())
    }

    /// A segment begins, or none, as everything was flushed. The same one comes again where pads are
    /// linked anew.
    pub fn set_segment(&mut self, segment: Option<&gst::Segment>) {
        if segment.is_none() || self.segment.as_ref() != segment {
            self.segment = segment.cloned();
            self.forget();
        }
    }

    /// What was gathered is of another time.
    fn forget(&mut self) {
        self.gathering.clear();
        self.seen = None;
        self.is_pending = false;
        if let Some(reader) = &mut self.reader {
            reader.forget_borders();
        }
    }

    /// Looks at a frame if that is of use. Whether a snapshot was published; if it `is_asked_for`, it is.
    pub fn look(
        &mut self,
        buffer: &gst::BufferRef,
        running_time: Option<gst::ClockTime>,
        is_asked_for: bool,
        settings: &Settings,
    ) -> Result<bool, Failure> {
        if self.looked_at != looked_at(settings) {
            self.looked_at = looked_at(settings);
            self.gathering = Gathering::new(settings.window());
            self.seen = None;
            self.is_pending = false;
        }
        let now = running_time.map_or_else(|| self.started.elapsed(), Duration::from);
        if !is_asked_for && !self.is_of_use(now, settings) {
            self.is_idle = true;
            return Ok(self.is_pending && self.publish_what_was_seen(settings));
        }
        let was_idle = std::mem::take(&mut self.is_idle);
        let Some(reader) = &mut self.reader else { return Ok(false) };
        let elapsed = self.seen.map_or(Duration::ZERO, |(_, last)| now.saturating_sub(last));
        let part = Part { region: settings.region(), ..Part::default() };
        let pixels = reader.pixels(buffer, settings.ignore_borders, part, elapsed)?;
        let first = self.seen.map_or(now, |(first, _)| first.min(now));
        self.seen = Some((first, now));
        let Some(pixels) = pixels else { return Ok(false) };
        self.gathering.add(now, pixels);
        if is_asked_for || self.is_due(now, settings) {
            self.is_done |= !is_asked_for && settings.publish == Publish::Once;
            // Behind frames that were looked at, the next one may be, too.
            if !is_asked_for && was_idle && self.published.is_some() {
                (self.is_pending, self.published) = (true, Some(now));
            } else {
                return Ok(self.publish(now, is_asked_for, settings));
            }
        }
        Ok(false)
    }

    /// Whether a frame can be part of a snapshot.
    fn is_of_use(&self, now: Duration, settings: &Settings) -> bool {
        if !self.gathering.is_due(now) {
            return false;
        }
        match (settings.publish, self.published) {
            (Publish::Once, _) => !self.is_done,
            // Not if it is too old when the next snapshot is due.
            (Publish::Continuous, Some(published)) if settings.window != 0 => {
                now < published || now + settings.window() >= published + settings.interval()
            }
            _ => true,
        }
    }

    /// Whether a snapshot is to be published with the frame of now.
    fn is_due(&self, now: Duration, settings: &Settings) -> bool {
        match settings.publish {
            Publish::Continuous => self
                .published
                .is_none_or(|published| now < published || now - published >= settings.interval()),
            Publish::Once => {
                let is_whole = |(first, _)| now.saturating_sub(first) >= settings.window();
                !self.is_done && self.seen.is_some_and(is_whole) && !self.gathering.is_flat()
            }
            Publish::Manual | Publish::Eos => false,
        }
    }

    /// The stream ends. Whether a snapshot was published.
    pub fn end(&mut self, settings: &Settings) -> bool {
        let is_awaited = match settings.publish {
            Publish::Eos => true,
            Publish::Once => self.is_pending || !self.is_done,
            Publish::Continuous => self.is_pending,
            Publish::Manual => false,
        };
        self.is_done |= settings.publish == Publish::Once;
        is_awaited && self.publish_what_was_seen(settings)
    }

    fn publish_what_was_seen(&mut self, settings: &Settings) -> bool {
        self.seen.is_some_and(|(_, last)| self.publish(last, false, settings))
    }

    fn publish(&mut self, now: Duration, is_asked_for: bool, settings: &Settings) -> bool {
        let picture = self.gathering.picture(is_asked_for);
        let Some((picture, reader)) = picture.zip(self.reader.as_ref()) else {
            return false;
        };
        let is_followed = settings.publish == Publish::Continuous;
        let followed_after = is_followed.then(|| settings.interval().max(self.gathering.apart()));
        self.publisher.publish(picture, reader.matcher.layout().colorimetry, followed_after);
        self.published = Some(now);
        self.is_pending = false;
        true
    }
}
