//! The values of properties that have names.

use crate::color::ColorSpace;
use crate::temporal;

/// The colour channels to match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstHistoMatchColorspace")]
pub enum Colorspace {
    /// R', G' and B', whatever the format of the frames.
    #[default]
    #[enum_value(name = "R', G' and B'", nick = "rgb")]
    Rgb,
    /// Y', Cb and Cr.
    #[enum_value(name = "Y', Cb and Cr", nick = "ycbcr")]
    Ycbcr,
    /// Y' alone.
    #[enum_value(name = "Y' alone: colours stay", nick = "luma")]
    Luma,
}

impl From<Colorspace> for ColorSpace {
    fn from(colorspace: Colorspace) -> Self {
        match colorspace {
            Colorspace::Rgb => Self::Rgb,
            Colorspace::Ycbcr => Self::YCbCr,
            Colorspace::Luma => Self::Luma,
        }
    }
}

/// Which frames the mapping is learned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstHistoMatchUpdateMode")]
pub enum UpdateMode {
    /// All of them.
    #[default]
    #[enum_value(name = "Every frame", nick = "frame")]
    Frame,
    /// The beginning of each scene.
    #[enum_value(name = "The beginning of each scene, held until the next cut", nick = "scene")]
    Scene,
    /// The beginning.
    #[enum_value(name = "The beginning, held until relearn", nick = "locked")]
    Locked,
}

impl From<UpdateMode> for temporal::UpdateMode {
    fn from(mode: UpdateMode) -> Self {
        match mode {
            UpdateMode::Frame => Self::Frame,
            UpdateMode::Scene => Self::Scene,
            UpdateMode::Locked => Self::Locked,
        }
    }
}

/// What becomes of channels without a distribution to speak of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstHistoMatchFlatFrames")]
pub enum FlatFrames {
    /// They keep the last mapping.
    #[default]
    #[enum_value(name = "Keep the last mapping", nick = "hold")]
    Hold,
    /// They are matched.
    #[enum_value(name = "Match them like any other", nick = "match")]
    Match,
}

impl From<FlatFrames> for temporal::FlatFrames {
    fn from(flat_frames: FlatFrames) -> Self {
        match flat_frames {
            FlatFrames::Hold => Self::Hold,
            FlatFrames::Match => Self::Match,
        }
    }
}
