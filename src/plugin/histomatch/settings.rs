//! What the properties say, but for the reference.

use std::path::PathBuf;
use std::time::Duration;

use super::{Colorspace, FlatFrames, Method, UpdateMode};
use crate::live::mask::Mask;
use crate::live::region::Region;
use crate::plugin::frame;
use crate::plugin::part::Part;
use crate::plugin::reader::Matching;
use crate::temporal;

/// The longest time that a property takes, in nanoseconds: a minute. Controllers and sliders divide
/// what there is.
pub(super) const LONGEST: u64 = 60_000_000_000;

/// What is shorter than this lasts less than any frame.
const MILLISECOND: u64 = 1_000_000;

#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// In nanoseconds.
    pub reference_timeout: u64,
    pub n_threads: u32,
    pub method: Method,
    pub colorspace: Colorspace,
    pub strength: f64,
    /// In nanoseconds.
    pub smoothing: u64,
    pub deflicker: f64,
    pub scene_threshold: f64,
    pub update_mode: UpdateMode,
    pub flat_frames: FlatFrames,
    pub ignore_borders: bool,
    /// As it was set, and what that means.
    pub region: Option<(String, Region)>,
    /// As it was set, and what was read.
    pub mask: Option<(PathBuf, Mask)>,
    pub roi_type: Option<String>,
    pub apply_region: bool,
    pub max_slope: f64,
    pub dither: bool,
    pub post_messages: bool,
    /// In nanoseconds.
    pub interval: u64,
    pub full_stats: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let temporal = temporal::Settings::default();
        Self {
            reference_timeout: 2_000_000_000,
            n_threads: 1,
            method: Method::default(),
            colorspace: Colorspace::default(),
            strength: temporal.strength,
            smoothing: temporal.smoothing.as_nanos() as u64,
            deflicker: temporal.deflicker,
            scene_threshold: temporal.scene_threshold,
            update_mode: UpdateMode::default(),
            flat_frames: FlatFrames::default(),
            ignore_borders: false,
            region: None,
            mask: None,
            roi_type: None,
            apply_region: false,
            max_slope: temporal.max_slope,
            dither: temporal.dither,
            post_messages: false,
            interval: 1_000_000_000,
            full_stats: false,
        }
    }
}

impl Settings {
    /// What does nothing, or not what it seems to: the text for the user.
    pub fn complaint(&self) -> Option<String> {
        if (1..MILLISECOND).contains(&self.smoothing) {
            return Some(format!(
                "smoothing={} smooths nothing: this is in nanoseconds. Set smoothing=1000000000 for \
                 a second, or 0 for none.",
                self.smoothing
            ));
        }
        if self.method != Method::Channels && self.colorspace != Colorspace::default() {
            return Some(
                "The properties contradict each other: colorspace says which channels are matched \
                 by themselves, and with method=linear or method=grade none is. Set \
                 method=channels, or leave colorspace=rgb."
                    .into(),
            );
        }
        if self.max_slope > 0. && self.max_slope < 1. {
            // Without the value, so that a slider that is moved is told once.
            return Some(
                "max-slope below 1 counts as 1: less would take contrast from a video that is like \
                 the reference already. Set 1 to 16, or 0 for no limit."
                    .into(),
            );
        }
        let contradiction = self.temporal().contradiction()?;
        Some(format!("The properties contradict each other: {contradiction}."))
    }

    /// What of the frames is matched.
    pub fn matching(&self) -> Matching {
        match self.method {
            Method::Channels => Matching::Channels(self.colorspace),
            Method::Linear | Method::Grade => Matching::Colors,
        }
    }

    /// Whether what is flat may be a reference that lives.
    pub fn is_flat_taken(&self) -> bool {
        self.flat_frames == FlatFrames::Match
    }

    /// What of the frame in a buffer is learned from.
    pub fn part(&self, buffer: &gst::BufferRef) -> Part {
        let of_type = |roi_type: &String| frame::regions_of_interest(buffer, roi_type);
        Part {
            region: self.region.as_ref().map(|&(_, region)| region),
            mask: self.mask.as_ref().map(|(_, mask)| mask.clone()),
            regions_of_interest: self.roi_type.as_ref().map(of_type),
        }
    }

    pub fn temporal(&self) -> temporal::Settings {
        temporal::Settings {
            strength: self.strength,
            smoothing: Duration::from_nanos(self.smoothing),
            deflicker: self.deflicker,
            scene_threshold: self.scene_threshold,
            update_mode: self.update_mode.into(),
            flat_frames: self.flat_frames.into(),
            max_slope: self.max_slope,
            method: self.method.rule(),
            dither: self.dither,
        }
    }
}
