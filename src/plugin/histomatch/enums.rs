//! The values of properties that have names.

use crate::color::ColorSpace;
use crate::grading;
use crate::temporal;

/// How colours are moved towards those of the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstHistoMatchMethod")]
pub enum Method {
    /// Each channel by itself, to the reference's histogram exactly.
    #[default]
    #[enum_value(name = "Each channel to the reference's histogram, exactly", nick = "channels")]
    Channels,
    /// All channels together, by a matrix.
    #[enum_value(name = "All colours together, by a matrix: least noise", nick = "linear")]
    Linear,
    /// All channels together, as a colourist would.
    #[enum_value(
        name = "All colours together, by a matrix, a tone curve, and saturation and tint by luma",
        nick = "grade"
    )]
    Grade,
}

impl Method {
    /// The rule by which colours are moved together; `None` if they aren't.
    pub(super) fn rule(self) -> Option<grading::Method> {
        match self {
            Self::Channels => None,
            Self::Linear => Some(grading::Method::Linear),
            Self::Grade => Some(grading::Method::Grade),
        }
    }
}

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
