//! The element `histotap`: publishes what a stream looks like, as a reference for `histomatch`.
//!
//! Frames pass as they are: it writes nothing, copies nothing, and adds no latency. Some of them it
//! looks at ([`gathering`](crate::live::gathering)), in all formats that `histomatch` takes. What it has seen
//! it publishes as a snapshot under the name of a channel. Every
//! [`histomatch`](crate::histomatch) with that `reference-channel` in the same process is matched to the
//! newest one.
//!
//! ```text
//! gst-launch-1.0 v4l2src device=/dev/video0 ! histotap channel=a ! autovideosink \
//!     v4l2src device=/dev/video1 ! histomatch reference-channel=a method=grade ! autovideosink
//! ```
//!
//! # Properties
//!
//! | name | type | default | changeable | effect |
//! | --- | --- | --- | --- | --- |
//! | `channel` | string | `default` | in READY and below | name under which snapshots are published |
//! | `publish` | [`Publish`] | `continuous` | at any time | when snapshots are published: `continuous`, `once`, `manual` or `eos` |
//! | `interval` | unsigned 64-bit int, ns, 0 to 60 s | 200000000 | at any time | the least time between two snapshots, with `publish=continuous` |
//! | `window` | unsigned 64-bit int, ns, 0 to 60 s | 2000000000 | at any time | the time that a snapshot covers; 0 = everything since the start or the last seek |
//! | `region` | string | unset | at any time | what is looked at: "x,y,width,height" in fractions of the picture; unset = all of it |
//! | `ignore-borders` | boolean | false | at any time | leave black bars around the picture out |
//! | `stats` | `GstStructure` | | read only | `histotap`: see below |
//!
//! A snapshot is a picture of 32,400 pixels at most, from up to ten frames that are spread over the
//! window (without one, up to 32 since the start), all with the same weight.
//!
//! The fields of `stats` are `channel` (string), `snapshots` (`guint64`: published since the start),
//! `consumers` (`guint`: elements that have the channel's name) and, once there is a snapshot, `sequence`
//! (`guint64`: its number), `age` (`guint64`, ns) and `pixels` (`guint`).
//!
//! # Signals
//!
//! The action signal `capture`, without arguments: a snapshot is published with the next frame, whatever
//! `publish` and `interval` say.
//!
//! The action signal `save` (`path`: string; returns a boolean) writes the newest snapshot of the channel
//! as a PNG of 16 bits, in the caller's thread. Its colours are coded as those of the stream, and the file
//! says so (`cICP`). Used as `reference-location`, it is the same reference as the snapshot. If it can't be
//! written, or is flat, a warning says so, and it returns false.
//!
//! # State
//!
//! A channel lives as long as an element has its name, tap or consumer, in any state. When the tap stops
//! or fails, its last snapshot stays. Two taps can't publish under one name at a time: the state change
//! of the second one fails. A flush, another segment and other caps empty the window, and not the channel.
//! Frames with the flag GAP are not looked at.
//!
//! # Messages
//!
//! | message | when |
//! | --- | --- |
//! | error, `GST_RESOURCE_ERROR_BUSY` | another tap publishes under this name; the state change fails |
//! | error, `GST_CORE_ERROR_NEGOTIATION` | caps with frames in GPU memory or the like; the text says what to put in front |
//! | warning, `GST_STREAM_ERROR_FORMAT` | frames that can't be looked at: they pass, and don't count; once until READY. The caps name primaries or a transfer that aren't known: they count as BT.709 |
//! | warning, `GST_LIBRARY_ERROR_SETTINGS` | `region` is not a part of the picture, and is not changed; `channel` is set while another one is in use, and is taken up at the next start; the tap is behind an element that is matched to its channel |
//! | warning, `GST_RESOURCE_ERROR_OPEN_WRITE` | `save` could not write the file, there is no snapshot yet, or it is flat |

use gst::prelude::*;

mod imp;
mod messages;
mod publish;
mod settings;
mod streaming;

pub use publish::Publish;

glib::wrapper! {
    /// The element `histotap`, typed, for applications that link the plugin.
    pub struct HistoTap(ObjectSubclass<imp::HistoTap>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element with a plugin.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "histotap", gst::Rank::NONE, HistoTap::static_type())
}
