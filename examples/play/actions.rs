//! What keys do.

use gst::prelude::*;

use crate::overlay::lock;
use crate::player::Player;
use crate::references::Choice;
use crate::regions;
use crate::snapshot;

/// In the order that a key goes through them.
const METHODS: [&str; 3] = ["grade", "channels", "linear"];
/// Where a look is saved.
const LUT: &str = "histomatch.cube";
const PICTURE: &str = "histomatch-look.png";
/// How far a key goes in a film.
const STEP: gst::ClockTime = gst::ClockTime::from_seconds(5);

impl Player {
    pub fn change_reference(&mut self, forwards: bool) {
        if let Err(error) = self.references.go(forwards) {
            return self.end(Err(error));
        }
        self.is_own = false;
        *lock(&self.takes_frame) = false;
        self.use_reference();
        self.show_state();
    }

    /// Makes the frame that is on now the reference.
    pub fn take_reference(&mut self) {
        let Some(pad) = self.taken.static_pad("sink") else { return };
        let (look, taken) = (self.look.downgrade(), self.taken.downgrade());
        let takes_frame = self.takes_frame.clone();
        *lock(&takes_frame) = true;
        // So that both get the same frame.
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            // Held, so that what is chosen instead comes before or after both.
            let mut takes_frame = lock(&takes_frame);
            if std::mem::take(&mut *takes_frame)
                && let (Some(look), Some(taken)) = (look.upgrade(), taken.upgrade())
            {
                taken.emit_by_name::<()>("capture", &[]);
                look.emit_by_name::<()>("capture-reference", &[]);
            }
            gst::PadProbeReturn::Remove
        });
        self.is_own = true;
        self.show_state();
    }

    /// Learns from the views that are shown now, and holds that.
    pub fn learn_and_lock(&mut self) {
        self.look.set_property_from_str("update-mode", "locked");
        self.look.emit_by_name::<()>("relearn", &[]);
        match self.is_waiting() {
            true => self.show_state(),
            false => self.show("Learns from what is on now, and is locked then; l follows again"),
        }
    }

    /// Goes to another part to learn from.
    pub fn change_region(&mut self) {
        let region = regions::next(self.region().as_deref());
        self.look.set_property("region", regions::value(region));
        self.follow_region();
        self.show_state_with_outline(region);
    }

    pub fn change_strength(&mut self, by: f64) {
        let strength = ((self.strength() + by) * 10.).round() / 10.;
        self.look.set_property("strength", strength.clamp(0., 1.));
        self.show_state();
    }

    pub fn change_method(&mut self) {
        let current = self.method();
        let next = METHODS.iter().cycle().skip_while(|method| **method != current).nth(1);
        self.look.set_property_from_str("method", next.expect("the current one is in it"));
        self.show_state();
    }

    pub fn toggle_split(&mut self) {
        self.split.toggle();
        self.show_state();
    }

    /// Holds the mapping as it is, or learns again.
    pub fn toggle_lock(&mut self) {
        let mode = if self.is_locked() { "frame" } else { "locked" };
        self.look.set_property_from_str("update-mode", mode);
        self.show_state();
    }

    /// Writes what the last frame was matched by to a file in the current folder; why not is on the bus.
    pub fn save_lut(&mut self) {
        if self.look.emit_by_name("save-lut", &[&LUT, &true]) {
            self.show(&format!("Saved {LUT}"));
        }
    }

    /// Writes the colours of the reference as a picture; why not is on the bus.
    pub fn save_look(&mut self) {
        let tap = match (self.references.current(), &self.live) {
            _ if self.is_own => &self.taken,
            (Choice::Live, Some(live)) => &live.tap,
            _ => return self.show("The reference is a file already; there is nothing to save"),
        };
        if tap.emit_by_name("save", &[&PICTURE]) {
            self.show(&format!("Saved {PICTURE}, a reference as any picture"));
        }
    }

    /// Saves the frame that is shown, without texts, as a picture.
    pub fn take_snapshot(&mut self) {
        if let Some(pad) = self.look.static_pad("src") {
            snapshot::take(&pad, self.bus());
            if self.is_paused {
                self.stream.repeat_frame();
            }
        }
    }

    pub(crate) fn save_frame(&mut self, frame: &gst::Sample) {
        match snapshot::save(frame) {
            Ok(name) => self.show(&format!("Saved {name}")),
            Err(error) => self.show(&format!("{error:#}")),
        }
    }

    pub fn seek(&mut self, forwards: bool) {
        let Some((position, duration)) = self.stream.position() else {
            return self.show("Only in films can one go forwards and back");
        };
        let position = match forwards {
            true => (position + STEP).min(duration),
            false => position.saturating_sub(STEP),
        };
        let seconds =
            |time: gst::ClockTime| format!("{}:{:02}", time.minutes(), time.seconds() % 60);
        self.say(&format!("{} of {}", seconds(position), seconds(duration)), None);
        self.stream.go_to(position);
    }

    pub fn toggle_full_screen(&mut self) {
        if let Err(error) = self.screen.toggle(&self.stream.pipeline) {
            self.show(&format!("{error:#}"));
        }
    }

    /// Out of the full screen first.
    pub fn escape(&mut self) {
        match self.screen.is_full() {
            true => self.toggle_full_screen(),
            false => self.end(Ok(())),
        }
    }

    pub fn toggle_pause(&mut self) {
        self.is_paused = !self.is_paused;
        let state = if self.is_paused { gst::State::Paused } else { gst::State::Playing };
        // Not its result: the bus knows what went wrong.
        let _ = self.stream.pipeline.set_state(state);
        self.show_state();
    }
}
