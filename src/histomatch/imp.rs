//! Properties, pad templates and virtual functions of `histomatch`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use gst_video::subclass::prelude::*;

use super::settings::Settings;
use super::stream::{Matched, Stream};
use super::{Colorspace, FlatFrames, IS_OURS, UpdateMode, frame, location, stats};
use crate::color::Channels;
use crate::kernels::InstructionSet;
use crate::reference::{Reference, ReferenceError};
use crate::temporal::cuts::DEFAULT_THRESHOLD;
use crate::workers::Workers;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("histomatch", gst::DebugColorFlags::empty(), Some("Histogram matching"))
});

/// The reference in use, and which of several requests for one it came from.
///
/// Pictures are decoded in the threads of those who ask, without a lock, so they can be ready in
/// another order than they were asked for. Each request takes a number; a picture is only
/// installed if none with a higher number was installed before it.
#[derive(Default)]
struct ReferenceSlot {
    /// The location in use or, while stopped, to be used.
    location: Option<PathBuf>,
    /// What was read from it; always `None` while stopped.
    reference: Option<Arc<Reference>>,
    /// Between READY and PAUSED or above.
    started: bool,
    /// The number of the last request.
    requested: u64,
    /// The number of the request that `location` came from.
    installed: u64,
    /// What references are matched in, if that was negotiated.
    channels: Option<Channels>,
}

impl ReferenceSlot {
    /// Makes the outcome of a request the one in use, unless a later one is already.
    fn install(
        &mut self,
        request: u64,
        location: Option<PathBuf>,
        reference: Option<Arc<Reference>>,
    ) -> bool {
        let newest = request >= self.installed;
        if newest {
            self.installed = request;
            self.location = location;
            self.reference = reference.filter(|_| self.started);
        }
        newest
    }
}

/// The name of an [`InstructionSet`]: the kernels to use, for tests and to compare speeds.
const KERNELS_VARIABLE: &str = "HISTOMATCH_KERNELS";

/// What the streaming thread works with.
#[derive(Default)]
struct Streaming {
    /// The element's threads, from PAUSED to READY; else the calling thread alone.
    workers: Workers,
    /// The kernels to use.
    at_most: InstructionSet,
    stream: Option<Stream>,
    warned_of_colors: bool,
    /// The contradiction of settings that was warned of last.
    warned_of_settings: Option<&'static str>,
    /// When the last message was posted.
    posted: Option<gst::ClockTime>,
}

/// The name of a property.
const STATS: &str = "stats";

/// The last frame that was matched.
struct Last {
    running_time: Option<gst::ClockTime>,
    matched: Matched,
}

#[derive(glib::Properties, Default)]
#[properties(wrapper_type = super::HistoMatch)]
pub struct HistoMatch {
    /// The picture file whose histograms every frame is given: a path or a `file://` URI. The
    /// location in use, so not one that was set while running and could not be read.
    #[property(
        name = "reference-location",
        type = Option<PathBuf>,
        get = Self::reference_location,
        set = Self::set_reference_location,
        nick = "Reference location",
        blurb = "Picture file whose histograms every frame is given: a path or a file:// URI \
                 (PNG, JPEG, WebP, BMP, TIFF, GIF, PNM or QOI; unset or empty = frames pass \
                 unchanged)",
        mutable_playing,
        nullable
    )]
    slot: Mutex<ReferenceSlot>,
    /// How many threads share the work on a frame.
    #[property(
        name = "n-threads",
        type = u32,
        member = n_threads,
        get,
        set,
        default = 1,
        maximum = 1024,
        nick = "Threads",
        blurb = "Threads that share the work on a frame (1 = the streaming thread alone, \
                 0 = as many as the CPU has)",
        mutable_ready
    )]
    /// What the channels are.
    #[property(
        name = "colorspace",
        type = Colorspace,
        member = colorspace,
        get,
        set,
        nick = "Colour space",
        blurb = "Channels that are given the reference's histograms, whatever the format of the \
                 frames",
        mutable_playing,
        builder(Colorspace::default())
    )]
    /// How far levels go, 0 to 1.
    #[property(
        name = "strength",
        type = f64,
        member = strength,
        get,
        set,
        default = 1.,
        minimum = 0.,
        maximum = 1.,
        nick = "Strength",
        blurb = "How far levels go from what they are to what they are matched to (0 = frames pass \
                 unchanged, 1 = all the way)",
        mutable_playing,
        controllable
    )]
    /// The time constant of the average, in nanoseconds.
    #[property(
        name = "smoothing",
        type = u64,
        member = smoothing,
        get,
        set,
        default = 0,
        nick = "Smoothing",
        blurb = "Time constant of the average over frames that is matched, and of the change to \
                 another reference, in nanoseconds (0 = every frame is matched by itself)",
        mutable_playing,
        controllable
    )]
    /// How much of a flicker is removed, 0 to 1.
    #[property(
        name = "deflicker",
        type = f64,
        member = deflicker,
        get,
        set,
        default = 0.,
        minimum = 0.,
        maximum = 1.,
        nick = "Deflicker",
        blurb = "How much of a flicker in brightness is removed, where frames are not matched by \
                 themselves (0 = none, 1 = all)",
        mutable_playing,
        controllable
    )]
    /// The distance between frames from which on a new scene begins, 0 to 1.
    #[property(
        name = "scene-threshold",
        type = f64,
        member = scene_threshold,
        get,
        set,
        default = DEFAULT_THRESHOLD,
        minimum = 0.,
        maximum = 1.,
        nick = "Scene threshold",
        blurb = "How little a frame must be like the one before it to begin a new scene, for which \
                 the average starts afresh (0 = no frame does)",
        mutable_playing,
        controllable
    )]
    /// Which frames the mapping is learned from.
    #[property(
        name = "update-mode",
        type = UpdateMode,
        member = update_mode,
        get,
        set,
        nick = "Update mode",
        blurb = "Which frames the mapping is learned from",
        mutable_playing,
        builder(UpdateMode::default())
    )]
    /// What becomes of channels with next to no distribution.
    #[property(
        name = "flat-frames",
        type = FlatFrames,
        member = flat_frames,
        get,
        set,
        nick = "Flat frames",
        blurb = "What becomes of channels of frames that have next to no distribution, such as \
                 black ones",
        mutable_playing,
        builder(FlatFrames::default())
    )]
    /// Whether black bars are left out.
    #[property(
        name = "ignore-borders",
        type = bool,
        member = ignore_borders,
        get,
        set,
        default = false,
        nick = "Ignore borders",
        blurb = "Leave black bars around the picture out of the counts, and as they are",
        mutable_playing
    )]
    /// The steepest that the mapping may get.
    #[property(
        name = "max-slope",
        type = f64,
        member = max_slope,
        get,
        set,
        default = 0.,
        minimum = 0.,
        maximum = 65535.,
        nick = "Maximum slope",
        blurb = "Steepest that the mapping may get, in output levels per input level, so that noise \
                 and banding are not blown up (0 = no limit)",
        mutable_playing,
        controllable
    )]
    /// Whether messages are posted.
    #[property(
        name = "post-messages",
        type = bool,
        member = post_messages,
        get,
        set,
        default = false,
        nick = "Post messages",
        blurb = "Post element messages named histomatch, with the fields of stats",
        mutable_playing
    )]
    /// The time between messages, in nanoseconds.
    #[property(
        name = "interval",
        type = u64,
        member = interval,
        get,
        set,
        default = 1_000_000_000,
        nick = "Interval",
        blurb = "Time between messages in nanoseconds (0 = one for each frame); a new scene has one \
                 at once",
        mutable_playing,
        controllable
    )]
    settings: Mutex<Settings>,
    /// What was done to the last frame.
    last: Mutex<Option<Arc<Last>>>,
    /// Whether the mapping is to be learned afresh.
    relearn: AtomicBool,
    /// Used by the streaming thread alone, so never waited for.
    streaming: Mutex<Streaming>,
}

/// Locks a mutex whose data is whole after a panic, too.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HistoMatch {
    fn stats(&self) -> gst::Structure {
        self.stats_with(stats::MAX_POINTS)
    }

    /// With curves of at most so many points.
    fn stats_with(&self, max_points: usize) -> gst::Structure {
        // Not computed under the lock, which the streaming thread takes for each frame.
        let last = lock(&self.last).clone();
        match last.as_deref() {
            Some(Last { running_time, matched }) => {
                (&matched.stats(*running_time, max_points)).into()
            }
            None => gst::Structure::new_empty(stats::NAME),
        }
    }

    fn reference_location(&self) -> Option<PathBuf> {
        lock(&self.slot).location.clone()
    }

    fn set_reference_location(&self, location: Option<PathBuf>) {
        let location = location.filter(|location| !location.as_os_str().is_empty());
        let request = {
            let mut slot = lock(&self.slot);
            slot.requested += 1;
            let request = slot.requested;
            if !slot.started {
                slot.install(request, location, None);
                return;
            }
            request
        };
        match self.load(location.as_deref()) {
            Ok(reference) => {
                if !lock(&self.slot).install(request, location, reference) {
                    gst::info!(CAT, imp = self, "A later reference is already in use");
                }
            }
            Err((kind, text)) => {
                gst::element_imp_warning!(self, kind, ("{text}"), ["The old reference stays"]);
            }
        }
    }

    /// Reads a reference picture. Decoding takes time: no lock may be held.
    ///
    /// The error is the text for the user: file, cause and cure.
    fn load(
        &self,
        location: Option<&Path>,
    ) -> Result<Option<Arc<Reference>>, (gst::ResourceError, String)> {
        let Some(location) = location else { return Ok(None) };
        let name = location.display();
        let failed = |kind, cause: &dyn std::fmt::Display| {
            Err((kind, format!("Can't use '{name}' as the reference picture: {cause}.")))
        };
        let path = match location::to_path(location) {
            Ok(path) => path,
            Err(cause) => return failed(gst::ResourceError::OpenRead, &cause),
        };
        match Reference::load(&path) {
            Ok(reference) => {
                gst::info!(CAT, imp = self, "Read the reference '{name}'");
                // Here, so that no frame is late for it.
                if let Some(channels) = lock(&self.slot).channels.clone() {
                    reference.cdfs(&channels);
                }
                if reference.is_truncated() {
                    gst::element_imp_warning!(
                        self,
                        gst::ResourceError::Read,
                        ("The reference picture '{name}' ends early and is used as far as it \
                             goes: the missing part counts as grey. Save or copy it again."),
                        ["JPEG without an end-of-image marker"]
                    );
                }
                Ok(Some(Arc::new(reference)))
            }
            Err(cause) => {
                let kind = match cause {
                    ReferenceError::NotFound => gst::ResourceError::NotFound,
                    ReferenceError::Io(_) | ReferenceError::NotAFile(_) => {
                        gst::ResourceError::OpenRead
                    }
                    _ => gst::ResourceError::Read,
                };
                failed(kind, &cause)
            }
        }
    }

    /// Makes the threads that `n-threads` asks for.
    fn make_workers(&self) -> Workers {
        let n_threads = lock(&self.settings).n_threads;
        let (workers, too_few) = Workers::new(n_threads as usize);
        if let Some(too_few) = too_few {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::NoSpaceLeft,
                ("With n-threads={n_threads}, {too_few}. Frames take longer. Lower n-threads, or \
                  raise the limits on threads and memory (ulimit -u, ulimit -v)."),
                ["Working with {} threads", workers.count()]
            );
        }
        gst::info!(CAT, imp = self, "Working with {} threads", workers.count());
        workers
    }

    /// The kernels to use at most: the best ones, or less if the environment says so.
    fn instruction_set(&self) -> InstructionSet {
        let best = InstructionSet::best();
        let Some(wanted) = std::env::var_os(KERNELS_VARIABLE) else { return best };
        match wanted.to_string_lossy().parse::<InstructionSet>() {
            Ok(wanted) => {
                if !wanted.is_available() {
                    gst::warning!(
                        CAT,
                        imp = self,
                        "This CPU can't run the kernels of {KERNELS_VARIABLE}={wanted}, but {}",
                        wanted.or_less()
                    );
                }
                wanted
            }
            Err(error) => {
                gst::element_imp_warning!(
                    self,
                    gst::LibraryError::Settings,
                    ("The environment variable {KERNELS_VARIABLE} is ignored: {error}. Unset it, \
                      or set it to one of them."),
                    ["Using {best}"]
                );
                best
            }
        }
    }

    /// Chooses how to match frames of some caps.
    fn make_stream(
        &self,
        info: &gst_video::VideoInfo,
        colorspace: Colorspace,
        at_most: InstructionSet,
    ) -> Result<Stream, gst::LoggableError> {
        let stream = Stream::new(info, colorspace, at_most)
            .map_err(|error| gst::loggable_error!(CAT, "{error}"))?;
        lock(&self.slot).channels = Some(stream.matcher().channels().clone());
        gst::info!(CAT, imp = self, "Channels: {:?}", stream.matcher().channels());
        gst::info!(CAT, imp = self, "{}", stream.matcher());
        Ok(stream)
    }

    /// Posts an error if frames are not in memory that the CPU reads and writes.
    fn explain_foreign_memory(&self, caps: &gst::CapsRef) {
        let Some((memory, cure)) = frame::foreign_memory(caps) else { return };
        gst::element_imp_error!(
            self,
            gst::CoreError::Negotiation,
            ("Frames in {memory} memory can't be matched: histomatch works on system memory. \
                 Put {cure} in front of it."),
            ["{caps}"]
        );
    }

    /// Posts an error that says that a buffer may only have one picture.
    fn explain_separate_views(&self) {
        gst::element_imp_error!(
            self,
            gst::CoreError::Negotiation,
            ("Frames with two or more views, each in memory of its own, can't be matched. Put \
              'glupload ! glviewconvert ! gldownload' in front of it, or what else packs the views \
              into one frame."),
            ["multiview-mode=separated"]
        );
    }

    /// Warns, once until the element is stopped, of a stream that isn't coded as pictures are.
    fn warn_of_foreign_colors(&self, colors: &str) {
        gst::element_imp_warning!(
            self,
            gst::StreamError::Format,
            ("The stream's colours are coded for {colors}, but the reference picture counts as \
                 sRGB. Its levels are matched as they are, so the video will not look like the \
                 picture. Convert the stream to BT.709 first, or give a reference picture that is \
                 coded as the stream is."),
            ["Caps with this colorimetry were negotiated"]
        );
    }

    /// Warns of properties that contradict each other.
    fn warn_of_settings(&self, contradiction: &str) {
        gst::element_imp_warning!(
            self,
            gst::LibraryError::Settings,
            ("The properties contradict each other: {contradiction}."),
            ["The stream goes on"]
        );
    }

    /// Refuses a buffer with a message for the user; without one they would see no more than
    /// "Internal data stream error".
    fn refuse(&self, cause: &str) -> gst::FlowError {
        gst::element_imp_error!(
            self,
            gst::StreamError::Format,
            ("A frame's buffer doesn't hold the frame that was negotiated: {cause}. The element \
                 upstream that made the buffer is at fault: update or replace it."),
            ["Nothing was changed in the buffer"]
        );
        gst::FlowError::Error
    }
}

#[glib::object_subclass]
impl ObjectSubclass for HistoMatch {
    const NAME: &'static str = "GstHistoMatch";
    type Type = super::HistoMatch;
    type ParentType = gst_video::VideoFilter;

    fn type_init(_type: &mut glib::subclass::InitializingType<Self>) {
        IS_OURS.store(true, Ordering::Release);
    }
}

impl ObjectImpl for HistoMatch {
    // The macro for properties doesn't know structures, so `stats` is behind those that it knows.
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let stats = glib::ParamSpecBoxed::builder::<gst::Structure>(STATS)
                .nick("Statistics")
                .blurb("What was done to the last frame; without fields before the first one")
                .read_only()
                .build();
            HistoMatch::derived_properties().iter().cloned().chain([stats]).collect()
        });
        &PROPERTIES
    }

    fn set_property(&self, id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.derived_set_property(id, value, pspec);
    }

    fn property(&self, id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == STATS {
            self.stats().to_value()
        } else {
            self.derived_property(id, pspec)
        }
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| {
            vec![
                glib::subclass::Signal::builder("relearn")
                    .action()
                    .class_handler(|values| {
                        if let Some(Ok(element)) =
                            values.first().map(|v| v.get::<super::HistoMatch>())
                        {
                            element.imp().relearn.store(true, Ordering::Relaxed);
                        }
                        None
                    })
                    .build(),
                glib::subclass::Signal::builder("get-full-stats")
                    .return_type::<gst::Structure>()
                    .action()
                    .class_handler(|values| {
                        let element = values.first()?.get::<super::HistoMatch>().ok()?;
                        Some(element.imp().stats_with(usize::MAX).to_value())
                    })
                    .build(),
            ]
        });
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        // So that the flag of frames that fill gaps reaches us, and stays.
        self.obj().set_gap_aware(true);
        // The pad refuses such caps by its template, but GStreamer's words for that help nobody.
        if let Some(pad) = self.obj().static_pad("sink") {
            let element = self.obj().downgrade();
            pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_pad, info| {
                if let (Some(gst::EventView::Caps(caps)), Some(element)) =
                    (info.event().map(|event| event.view()), element.upgrade())
                {
                    element.imp().explain_foreign_memory(caps.caps());
                }
                gst::PadProbeReturn::Ok
            });
        }
    }
}

impl GstObjectImpl for HistoMatch {}

impl ElementImpl for HistoMatch {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Histogram matching",
                "Filter/Effect/Video",
                "Gives every video frame the histograms of a reference picture, in place, so that \
                 it takes on the picture's colours",
                "The histomatch developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst_video::VideoCapsBuilder::new().format_list(frame::formats()).build();
            [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
                .into_iter()
                .filter_map(|(name, direction)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
                })
                .collect()
        });
        &TEMPLATES
    }
}

impl BaseTransformImpl for HistoMatch {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let (location, installed) = {
            let mut slot = lock(&self.slot);
            slot.started = true;
            (slot.location.clone(), slot.installed)
        };
        let loaded = self.load(location.as_deref());
        let mut slot = lock(&self.slot);
        if slot.installed == installed {
            match loaded {
                Ok(reference) => slot.reference = reference,
                Err((kind, text)) => {
                    slot.started = false;
                    return Err(gst::error_msg!(kind, ("{text}"), ["reference-location"]));
                }
            }
        }
        drop(slot);
        let (workers, at_most) = (self.make_workers(), self.instruction_set());
        *lock(&self.streaming) = Streaming { workers, at_most, ..Streaming::default() };
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let mut slot = lock(&self.slot);
        slot.started = false;
        slot.reference = None;
        slot.channels = None;
        drop(slot);
        *lock(&self.streaming) = Streaming::default();
        *lock(&self.last) = None;
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        // One follows a flush, too.
        if matches!(event.view(), gst::EventView::Segment(_)) {
            let mut streaming = lock(&self.streaming);
            streaming.posted = None;
            if let Some(stream) = &mut streaming.stream {
                stream.reset();
            }
        }
        self.parent_sink_event(event)
    }

    fn before_transform(&self, buffer: &gst::BufferRef) {
        let element = self.obj();
        if element.has_active_control_bindings() {
            let segment = element.segment().downcast::<gst::ClockTime>().ok();
            let stream_time = segment.and_then(|segment| segment.to_stream_time(buffer.pts()));
            if let Some(stream_time) = stream_time
                && let Err(error) = element.sync_values(stream_time)
            {
                gst::warning!(CAT, imp = self, "Can't set what is controlled: {error}");
            }
        }
        // Here, in the streaming thread, so that it can't fall behind what setters did.
        let is_neutral = lock(&self.settings).strength == 0.;
        element.set_passthrough(is_neutral || lock(&self.slot).reference.is_none());
    }

    // Not VideoFilter's transform_frame_ip: its mapping believes the buffer's video meta, and lets
    // a frame that it can't map pass unprocessed.
    fn transform_ip(
        &self,
        buffer: &mut gst::BufferRef,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let Some(reference) = lock(&self.slot).reference.clone() else {
            return Ok(gst::FlowSuccess::Ok);
        };
        let settings = lock(&self.settings).clone();
        let segment = self.obj().segment().downcast::<gst::ClockTime>().ok();
        let is_reverse = segment.as_ref().is_some_and(|segment| segment.rate() < 0.);
        let running_time = segment.and_then(|segment| segment.to_running_time(buffer.pts()));

        let mut streaming = lock(&self.streaming);
        let Streaming { workers, at_most, stream: Some(stream), .. } = &mut *streaming else {
            return Err(gst::FlowError::NotNegotiated);
        };
        if stream.colorspace() != settings.colorspace {
            *stream = self.make_stream(stream.info(), settings.colorspace, *at_most).map_err(
                |error| {
                    error.log();
                    gst::FlowError::NotNegotiated
                },
            )?;
        }
        if self.relearn.swap(false, Ordering::Relaxed) {
            stream.relearn();
        }
        let outcome = stream.process(buffer, is_reverse, &reference, &settings, workers);
        let colors = frame::foreign_colors(stream.info()).filter(|_| !streaming.warned_of_colors);
        streaming.warned_of_colors |= colors.is_some();
        let contradiction = settings.temporal().contradiction();
        let is_new = streaming.warned_of_settings != contradiction;
        streaming.warned_of_settings = contradiction;
        let is_due = settings.post_messages
            && outcome.as_ref().is_ok_and(|matched| {
                matched.report.scene_change
                    || is_due(streaming.posted, running_time, settings.interval)
            });
        if is_due {
            streaming.posted = running_time;
        }
        drop(streaming);

        if let Some(colors) = colors {
            self.warn_of_foreign_colors(colors);
        }
        if let Some(contradiction) = contradiction.filter(|_| is_new) {
            self.warn_of_settings(contradiction);
        }
        let matched = outcome.map_err(|cause| self.refuse(&cause))?;
        if is_due {
            let stats = matched.stats(running_time, stats::MAX_POINTS);
            let structure = gst::Structure::from(&stats);
            let message = gst::message::Element::builder(structure).src(&*self.obj()).build();
            // It fails where the element is in no bin, so that nobody listens.
            let _ = self.obj().post_message(message);
        }
        gst::log!(
            CAT,
            imp = self,
            "Matched the frame at {}: {:?}",
            buffer.pts().display(),
            matched.report
        );
        *lock(&self.last) = Some(Arc::new(Last { running_time, matched }));
        Ok(gst::FlowSuccess::Ok)
    }
}

/// Whether it is time for a message.
fn is_due(posted: Option<gst::ClockTime>, now: Option<gst::ClockTime>, interval: u64) -> bool {
    match (posted, now) {
        (Some(posted), Some(now)) => now < posted || (now - posted).nseconds() >= interval,
        // Without times there are no intervals.
        _ => true,
    }
}

impl VideoFilterImpl for HistoMatch {
    fn set_info(
        &self,
        _incaps: &gst::Caps,
        info: &gst_video::VideoInfo,
        _outcaps: &gst::Caps,
        _out_info: &gst_video::VideoInfo,
    ) -> Result<(), gst::LoggableError> {
        if info.multiview_mode() == gst_video::VideoMultiviewMode::Separated {
            self.explain_separate_views();
            return Err(gst::loggable_error!(CAT, "Views in separate memories"));
        }
        let colorspace = lock(&self.settings).colorspace;
        let at_most = lock(&self.streaming).at_most;
        let stream = self.make_stream(info, colorspace, at_most)?;
        // Here, and not when the first frame is late for it.
        if let Some(reference) = lock(&self.slot).reference.clone() {
            reference.cdfs(stream.matcher().channels());
        }
        lock(&self.streaming).stream = Some(stream);
        Ok(())
    }
}
