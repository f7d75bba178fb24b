//! The element `histomatch`: gives every video frame the histograms of a reference picture.
//!
//! A `GstVideoFilter` that always works in place, on all raw video in system memory that GStreamer
//! can unpack and pack. Alpha and padding are neither counted nor written. It adds no latency.
//!
//! ```text
//! gst-launch-1.0 v4l2src ! histomatch reference-location=reference.png ! autovideosink
//! ```
//!
//! # Properties
//!
//! | name | type | default | changeable | effect |
//! | --- | --- | --- | --- | --- |
//! | `reference-location` | string | unset | at any time | picture file whose histograms every frame is given: a path or a `file://` URI; unset or empty = frames pass unchanged, in passthrough |
//! | `n-threads` | unsigned int, 0 to 1024 | 1 | in READY and below | threads that share the work on a frame: 1 = the streaming thread alone, 0 = as many as the CPU has; the result is the same for any number |
//! | `colorspace` | [`Colorspace`] | `rgb` | at any time | what the channels are that are matched, whatever the format of the frames: `rgb`, `ycbcr` or `luma` |
//!
//! # Messages
//!
//! | message | when |
//! | --- | --- |
//! | error, `GST_RESOURCE_ERROR` | the reference can't be read on the way to PAUSED; the state change fails |
//! | warning, `GST_RESOURCE_ERROR` | a reference that was set in PAUSED or PLAYING can't be read, and the old one stays; or a JPEG ends early and is used as far as it goes |
//! | warning, `GST_RESOURCE_ERROR_NO_SPACE_LEFT` | fewer threads could be made than `n-threads` asks for; the result is the same |
//! | warning, `GST_LIBRARY_ERROR_SETTINGS` | the environment variable `HISTOMATCH_KERNELS` names no kernels, and is ignored |
//! | warning, `GST_STREAM_ERROR_FORMAT` | the stream is in PQ, HLG or BT.2020, and the reference counts as sRGB; once until READY |
//! | error, `GST_CORE_ERROR_NEGOTIATION` | caps with frames in GPU memory or the like; the text says what brings them to system memory |
//! | error, `GST_STREAM_ERROR_FORMAT` | a buffer's size or video meta doesn't hold the frame that the caps say; the flow ends with `GST_FLOW_ERROR` |
//!
//! `GST_DEBUG=histomatch:4` tells what was read, negotiated and chosen.
//!
//! # Environment
//!
//! `HISTOMATCH_KERNELS` = `scalar`, `avx2` or `avx512` makes the element use those
//! [kernels](crate::kernels) or, if the CPU can't run them, the best it can. All give the same
//! bytes; this is for tests and to compare speeds. So is `HISTOMATCH_GENERIC`: if it is set, all
//! formats are unpacked and packed by GStreamer.

use gst::prelude::*;

mod enums;
mod frame;
mod imp;
mod location;
mod settings;
pub mod stats;
mod stream;

pub use enums::{Colorspace, FlatFrames, UpdateMode};

glib::wrapper! {
    /// The element `histomatch`, typed, for applications that link the plugin.
    pub struct HistoMatch(ObjectSubclass<imp::HistoMatch>)
        @extends gst_video::VideoFilter, gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element with a plugin.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "histomatch", gst::Rank::NONE, HistoMatch::static_type())
}
