//! What is known of a frame, and enough to decide how it is mapped.

use crate::frame::thumbnail::Thumbnail;
use crate::histogram::Histogram;

/// One frame, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Of each channel, all samples of the frame's area.
    pub histograms: Vec<Histogram>,
    /// The frame in small, where it is asked for
    /// ([`Settings::needs_thumbnail`](crate::temporal::Settings::needs_thumbnail)).
    pub thumbnail: Option<Thumbnail>,
}
