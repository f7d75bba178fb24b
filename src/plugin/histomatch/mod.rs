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
//! | `reference-location` | string | unset | at any time | picture or film that every frame is matched to: a path or a `file://` URI; unset or empty = frames pass unchanged, in passthrough; it reads as it was set, also what can't be read |
//! | `reference-locations` | `GstValueArray` of strings | empty | at any time | several files as one, each with the same weight ([`Reference::of_several`](crate::reference::Reference::of_several)); empty = none; empty strings in it are none |
//! | `reference-channel` | string | unset | at any time | channel of a [`histotap`](crate::histotap) whose snapshots every frame is matched to; of this and the two above, the last that was set to something holds, and the others read as unset; to unset one that doesn't hold changes nothing |
//! | `reference-timeout` | unsigned 64-bit int, ns, 0 to 60 s | 2000000000 | at any time | how late a new snapshot may be until the reference is stale; 0 = never |
//! | `n-threads` | unsigned int, 0 to 1024 | 1 | in READY and below | threads that share the work on a frame: 1 = the streaming thread alone, 0 = as many as the CPU has; the result is the same for any number |
//! | `method` | [`Method`] | `channels` | at any time | how colours are moved towards the reference's: `channels`, each by itself and exactly; `linear` or `grade`, all together ([`grading`](crate::grading)) |
//! | `colorspace` | [`Colorspace`] | `rgb` | at any time | for `method=channels`, what the channels are that are matched, whatever the format of the frames: `rgb`, `ycbcr` or `luma` |
//! | `strength` | double, 0 to 1 | 1 | at any time | how far levels go from what they are to what they are matched to; 0 = frames pass unchanged, in passthrough, but are read and counted: learning, `stats` and messages go on |
//! | `smoothing` | unsigned 64-bit int, ns, 0 to 60 s | 0 | at any time | time constant of the average over frames that is matched, and of the change to another reference; 0 = every frame by itself |
//! | `deflicker` | double, 0 to 1 | 0 | at any time | how much of a flicker in brightness is removed ([`exposure`](crate::temporal::exposure)); it needs `smoothing` or a mode that holds |
//! | `scene-threshold` | double, 0 to 1 | 0.08 | at any time | the distance between frames from which on a new scene begins ([`cuts`](crate::temporal::cuts)); up to half of it, none does, and in between it does in part; 0 = never |
//! | `update-mode` | [`UpdateMode`] | `frame` | at any time | which frames the mapping is learned from: `frame`, `scene` or `locked` |
//! | `flat-frames` | [`FlatFrames`] | `hold` | at any time | what becomes of channels with next to no distribution ([`is_flat`](crate::temporal::is_flat)), and of another stream that has none: `hold` or `match` |
//! | `ignore-borders` | boolean | false | at any time | leave black bars out of the counts, and as they are ([`survey`](crate::matcher::survey), [`letterbox`](crate::frame::letterbox)) |
//! | `region` | string | unset | at any time | what of the picture is learned from: `x,y,width,height` in fractions of what is shown ([`Region`](crate::live::region::Region)); unset or empty = all of it |
//! | `mask-location` | string | unset | at any time | grey picture ([`Mask`](crate::live::mask::Mask)) that is scaled to what is shown: what is white is learned from, what is grey by its share, in eight steps; a path or a `file://` URI; read in the caller's thread when it is set, and scaled to the frames of the caps; for others, when they come; unset or empty = all of it |
//! | `roi-type` | string | unset | at any time | type of the `GstVideoRegionOfInterestMeta` of buffers whose regions are learned from, frame by frame; unset or empty = metas don't matter |
//! | `apply-region` | boolean | false | at any time | change only what is learned from; the rest stays byte for byte as it is |
//! | `max-slope` | double, 0 to 16 | 0 | at any time | the steepest that the mapping may get ([`Curve::limit_slope`](crate::mapping::curve::Curve::limit_slope)), anchored at the median; 0 = no limit; what is between 0 and 1 counts as 1, with a warning |
//! | `dither` | boolean | false | at any time | add an ordered pattern of half a level before levels with fractions are rounded |
//! | `post-messages` | boolean | false | at any time | post element messages named `histomatch`, with the fields of [`Stats`](stats::Stats) |
//! | `interval` | unsigned 64-bit int, ns, 0 to 60 s | 1000000000 | at any time | time between messages; 0 = one for each frame; a new scene has one at once |
//! | `full-stats` | boolean | false | at any time | give all levels in `luts` of `stats`: in 16 bits 65,536 for each channel, which take some 30 ms of the reader's time, and 5 MB; messages stay small |
//! | `stats` | `GstStructure` | | read only | [`Stats`](stats::Stats) of the last frame, with curves of up to 256 points unless `full-stats` is set; without fields where that passed without a reference, and before the first one |
//!
//! Numbers whose changes can follow the stream's time (`controllable`) are `strength`, `smoothing`,
//! `deflicker`, `scene-threshold` and `max-slope`.
//!
//! It is a `GstPreset`: `live-camera`, `film`, `exact` and `normalise` come in
//! `presets/GstHistoMatch.prs`, which the packages put where GStreamer looks for it.
//!
//! # Signals
//!
//! The action signal `relearn`, without arguments: the mapping begins afresh with the next frame that
//! isn't flat, in every mode.
//!
//! The action signal `save-lut` (`path`: string, `with-strength`: boolean; returns a boolean) writes what
//! the last frame was matched by as a `.cube` file ([`mapping::cube`](crate::mapping::cube)), in the
//! caller's thread; without `with-strength`, as if `strength` were 1. If it can't be written, a warning
//! says why, and it returns false.
//!
//! The action signal `capture-reference`, without arguments: the next frame of the stream, as it comes in,
//! becomes the reference; buffers with the flag GAP are no frames. `reference-location`,
//! `reference-locations` and `reference-channel` then read as unset, and the field `reference` of `stats` is
//! `captured`; to set or unset any of them gives it up, before the frame has come, too. If the frame can't be
//! read, or is flat and `flat-frames` is `hold`, a warning says why.
//!
//! # Films
//!
//! A file that is no picture, and whose type GStreamer says is that of a film, is decoded by `uridecodebin`, in a
//! pipeline and a thread of its own, without its sound and by decoders that need no graphics card. It counts by
//! up to 32 frames, which are gathered as those of a [`histotap`](crate::histotap) are. If it can be sought in,
//! these are the key frames before 32 spots that are spread evenly over it. If there are fewer than 8 different
//! ones, or it can't be sought in, it is played through. All of it takes 5 s at most: then what came so far
//! counts, and a warning says so. It ends soon where the element goes to READY, as with pictures.
//!
//! A `file://` URI may have a fragment (W3C, *Media Fragments*, normal play time): `#t=12.5` is the frame that is
//! shown then, and `#t=10,20` the part. A picture has
//! no parts: all of it counts, with a warning.
//!
//! # A part of the picture
//!
//! `region`, `mask-location` and `roi-type` say what of the picture is learned from: what those that are set
//! have in common. With `apply-region`, only that is changed. Region and mask are of what is shown, by crop
//! metas; regions of interest are of the frame in the buffer, and of several of the type, all count. Black
//! bars are looked for in the whole picture, and `ignore-borders` takes them away from the part. So cuts
//! and flicker are found in the whole picture.
//!
//! The part is counted as a picture of its own, on the grid of chroma. The levels of a mask become weights
//! from 0 to 7 ([`weights`](crate::matcher::weights)): a sample is counted as often as it weighs, and with
//! `apply-region`, it becomes `before + (after - before) * weight / 7`, to the nearest. Of chroma that
//! pixels share, the largest of their weights counts. So what shares nothing with the part stays byte for
//! byte as it is. For `linear` and `grade`, pixels of the sample take turns by their weights.
//!
//! A frame that has nothing of the part counts as if it were the last one that had something. Before there was
//! one, it is matched by all of itself, and nothing is learned from it. With `apply-region`, it passes
//! unchanged. `capture-reference` takes the part, too.
//!
//! # Live references
//!
//! Until the first snapshot of a channel, frames pass unchanged; if there was another reference before,
//! they are matched to that. The first snapshot is counted while a frame waits, as pictures are where the
//! caps have changed. The newer ones are counted in a thread of their own, while frames are matched to the
//! one before; consumers of one channel count a snapshot once for each kind of channels. From one to the
//! next, the mapping glides by `smoothing`. The last one is held for good. In `update-mode=locked`,
//! snapshots are not taken up any more when frames are not learned from any more; `relearn` takes up the
//! newest. A reference that is set by a property is taken up at once, with the source as it is held.
//!
//! # State
//!
//! What is kept over time lasts as long as the stream goes on. It jumps with flushes, with segments that
//! differ from the last one, with caps that say another size, format or colorimetry (not with those that
//! say another frame rate alone), and with buffers that have the flag DISCONT and a time stamp that is
//! against the direction of play by a frame or more, or behind a gap of more than a second (or more
//! than a frame, if that lasts longer). DISCONT alone is no jump: it also marks what comes behind a lost
//! packet.
//!
//! | `update-mode` | behind a jump |
//! | --- | --- |
//! | `frame` | everything is forgotten |
//! | `scene` | a new scene begins; until it shows something, the last mapping stays |
//! | `locked` | everything stays until `relearn`: the mapping, the snapshot of a channel, a change of the reference on its way, the bars of `ignore-borders` (if the size is the same), and the average brightness of `deflicker`, unless the next frame is of another scene, which then counts as being as bright as the average |
//!
//! Where the channels change, what was learned is converted, in `scene` and `locked`: to another depth
//! or range. With another matrix levels are taken as they are, which is exact for greys. Another kind
//! of channels (R'G'B', Y'CbCr, luma: another `colorspace`, as a rule), other primaries or another transfer,
//! and another `method` are learned afresh in every mode, as that can't be told from distributions; in
//! `locked`, what was learned before is there again when they go. The way to READY forgets everything.
//!
//! Buffers with the flag GAP are matched and leave no trace. Times are those of the stream: at other
//! rates, in either direction, the average is over as much of it.
//!
//! # Messages
//!
//! | message | when |
//! | --- | --- |
//! | error, `GST_RESOURCE_ERROR` | the reference can't be read on the way to PAUSED; the state change fails, unless it took longer than half a second |
//! | warning, `GST_RESOURCE_ERROR` | a reference that was set in PAUSED or PLAYING can't be read, and the old one stays (`reference` of `stats`) |
//! | warning, `GST_STREAM_ERROR_DECODE` | a reference that is a damaged JPEG or film, most of which can be used; a film that takes longer than 5 s; a fragment for a part of what is a picture; or a picture with a colour profile that can't be used, which counts as sRGB |
//! | warning, `GST_RESOURCE_ERROR_NO_SPACE_LEFT` | fewer threads could be made than `n-threads` asks for; the result is the same |
//! | warning, `GST_LIBRARY_ERROR_SETTINGS` | the environment variable `HISTOMATCH_KERNELS` names no kernels, and is ignored |
//! | warning, `GST_LIBRARY_ERROR_SETTINGS` | properties contradict each other, `smoothing` is less than a millisecond, or `max-slope` less than 1; the text says what has no effect |
//! | warning, `GST_LIBRARY_ERROR_SETTINGS` | `region` or `mask-location` was set to what can't be; the old one stays. Said at the start, if it was set before the element had a bus |
//! | warning, `GST_LIBRARY_ERROR_SETTINGS` | the first frames pass unchanged, as all their channels have next to no distribution though there is something to be seen, such as colour bars or plain grey (not black); once until READY |
//! | warning, `GST_RESOURCE_ERROR_OPEN_WRITE` | `save-lut` could not write the file, or there is nothing to write yet |
//! | element, `histomatch` | with `post-messages` |
//! | element, `histomatch-reference` | a channel is followed, and its state is another one than before: `channel` (string), `state` (string): `waiting` for the first snapshot, `live`, `flat` (nothing to be matched to), `stale` |
//! | warning, `GST_STREAM_ERROR_FORMAT` | `capture-reference` could not read the frame, or it is flat; the old reference stays |
//! | warning, `GST_STREAM_ERROR_FORMAT` | the caps name primaries or a transfer for which references can't be converted, and are matched as BT.709; once until READY |
//! | error, `GST_CORE_ERROR_NEGOTIATION` | caps with frames in GPU memory or the like, with views in memories of their own, or with `interlace-mode=fields`; the text says what to put in front |
//! | error, `GST_STREAM_ERROR_FORMAT` | a buffer's size or video meta doesn't hold the frame that the caps say; the flow ends with `GST_FLOW_ERROR` |
//! | error, `GST_RESOURCE_ERROR_NO_SPACE_LEFT` | there is no memory for rows of the frames' width; the flow ends with `GST_FLOW_ERROR` |
//!
//! `GST_DEBUG=histomatch:4` tells what was read, negotiated and chosen.
//!
//! # Environment
//!
//! `HISTOMATCH_KERNELS` = `scalar`, `sse41`, `avx2` or `avx512` makes the element use those
//! [kernels](crate::kernels) or, if the CPU can't run them, the best it can. All give the same
//! bytes; this is for tests and to compare speeds. So is `HISTOMATCH_GENERIC`: if it is set, all
//! formats are unpacked and packed by GStreamer.

use std::sync::atomic::{AtomicBool, Ordering};

use gst::prelude::*;
use gst::subclass::prelude::*;

mod enums;
mod imp;
mod live;
mod messages;
mod part;
mod requests;
mod settings;
pub mod stats;
mod stream;

pub use enums::{Colorspace, FlatFrames, Method, UpdateMode};

glib::wrapper! {
    /// The element `histomatch`, typed, for applications that link the plugin.
    pub struct HistoMatch(ObjectSubclass<imp::HistoMatch>)
        @extends gst_video::VideoFilter, gst_base::BaseTransform, gst::Element, gst::Object,
        @implements gst::Preset;
}

/// The name of the element.
const ELEMENT: &str = "histomatch";

/// Whether the type of the element's name is made by this copy of the code. A process can have
/// another one: in a file that GStreamer loads, or linked into the application.
static IS_OURS: AtomicBool = AtomicBool::new(false);

/// The element as GStreamer knows it.
fn factory() -> Option<gst::ElementFactory> {
    gst::ElementFactory::find(ELEMENT)
}

/// Whether the element is registered by this copy of the code.
pub(crate) fn is_registered() -> bool {
    IS_OURS.load(Ordering::Acquire)
        && factory().is_some_and(|factory| factory.element_type() == HistoMatch::static_type())
}

/// An error if another copy of the code has made the element's type. Types have names of their own,
/// and are for good.
pub(crate) fn refuse_another_copy() -> Result<(), glib::BoolError> {
    let type_ = glib::Type::from_name(<imp::HistoMatch as ObjectSubclass>::NAME);
    if type_.is_none() || IS_OURS.load(Ordering::Acquire) {
        return Ok(());
    }
    let file = factory().and_then(|factory| factory.plugin()).and_then(|plugin| plugin.filename());
    Err(match file {
        Some(file) => glib::bool_error!(
            "histomatch is in this process already, loaded from '{}'. There can be only one: use \
             that, or take it out of GStreamer's plugin path",
            file.display()
        ),
        None => glib::bool_error!(
            "histomatch is in this process already, linked into the application. There can be only \
             one: take the plugin's file out of GStreamer's plugin path, or don't register the \
             other one"
        ),
    })
}

/// Whether the element is registered by this copy of the code with another plugin. To register it again
/// would make GStreamer free the factory of that one, which the element's class goes on using.
pub(crate) fn is_of_another(plugin: &gst::Plugin) -> bool {
    let is_other = |factory: gst::ElementFactory| {
        factory.plugin().is_some_and(|registered| registered != *plugin)
    };
    is_registered() && factory().is_some_and(is_other)
}

/// Registers the element with a plugin.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), ELEMENT, gst::Rank::NONE, HistoMatch::static_type())
}
