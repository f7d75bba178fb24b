//! Properties, pad templates and virtual functions of `histomatch`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::{self, JoinHandle};

use atomic_refcell::AtomicRefCell;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use gst_video::subclass::prelude::*;

use super::live::Liveness;
use super::settings::{self, Settings};
use super::stream::{Access, Decision, Matched, Stream};
use super::{Colorspace, FlatFrames, IS_OURS, Method, UpdateMode, stats};
use crate::kernels::InstructionSet;
use crate::plugin::reader::{self, Matching};
use crate::plugin::reference::{NotSettled, References};
use crate::plugin::unheard::Unheard;
use crate::plugin::{foreign_memory, frame, lock, loops, lossy, signals};
use crate::temporal::cuts::DEFAULT_THRESHOLD;
use crate::workers::Workers;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("histomatch", gst::DebugColorFlags::empty(), Some("Histogram matching"))
});

/// The name of an [`InstructionSet`]: the kernels to use, for tests and to compare speeds.
const KERNELS_VARIABLE: &str = "HISTOMATCH_KERNELS";

/// What the streaming thread works with.
#[derive(Default)]
pub(super) struct Streaming {
    /// The element's threads, from PAUSED to READY; else the calling thread alone.
    workers: Workers,
    /// The kernels to use.
    at_most: InstructionSet,
    pub stream: Option<Stream>,
    /// The last one, unless a flush came behind it.
    segment: Option<gst::Segment>,
    warned_of_colors: bool,
    /// What is wrong with the settings, that was warned of last.
    warned_of_settings: Option<String>,
    /// Whether anything was learned, or it was said that it can't be.
    has_learned: bool,
    /// When the last message was posted.
    posted: Option<gst::ClockTime>,
    /// What was last said of a live reference.
    pub liveness: Option<Liveness>,
}

/// The name of a property.
const STATS: &str = "stats";

/// What the elements of `reference-locations` are.
fn location_spec() -> glib::ParamSpec {
    glib::ParamSpecString::builder("location")
        .nick("Location")
        .blurb("File, as in reference-location")
        .build()
}

/// The last frame that was matched.
struct Last {
    running_time: Option<gst::ClockTime>,
    matched: Matched,
}

#[derive(glib::Properties, Default)]
#[properties(wrapper_type = super::HistoMatch)]
pub struct HistoMatch {
    /// The picture or film that every frame is matched to: a path or a `file://` URI. It reads as
    /// it was set; which one is in use, `stats` says.
    #[property(
        name = "reference-location",
        type = Option<PathBuf>,
        get = |imp: &Self| imp.references.location(),
        set = |imp: &Self, location: Option<PathBuf>| imp.request_location(location),
        nick = "Reference location",
        blurb = "Picture or film that every frame is matched to: a path or a file:// URI \
                 (PNG, JPEG, JPEG XL, WebP, BMP, TIFF, GIF, PNM, QOI, or what GStreamer decodes; unset or \
                 empty = frames pass unchanged)",
        mutable_playing,
        explicit_notify,
        nullable
    )]
    /// Several of them as one. It is an array of strings.
    #[property(
        name = "reference-locations",
        type = gst::Array,
        get = |imp: &Self| imp.locations(),
        set = |imp: &Self, locations: gst::Array| imp.request_locations(&locations),
        element_spec = Some(&location_spec()),
        nick = "Reference locations",
        blurb = "Several files as one reference, each with the same weight, as in \"<a.png,b.png>\" \
                 (unset or empty = none)",
        mutable_playing,
        explicit_notify
    )]
    /// The name under which a `histotap` publishes what every frame is matched to. Of this and the others,
    /// the last that was set holds, and all others read as unset.
    #[property(
        name = "reference-channel",
        type = Option<String>,
        get = |imp: &Self| imp.references.channel(),
        set = |imp: &Self, name: Option<PathBuf>| imp.request_channel(lossy(name)),
        nick = "Reference channel",
        blurb = "Channel of a histotap whose snapshots every frame is matched to; frames \
                 pass unchanged before the first one (unset or empty = none)",
        mutable_playing,
        explicit_notify,
        nullable
    )]
    pub(super) references: References,
    /// The age from which on a live reference is stale, in nanoseconds.
    #[property(
        name = "reference-timeout",
        type = u64,
        member = reference_timeout,
        get,
        set,
        default = 2_000_000_000,
        maximum = settings::LONGEST,
        nick = "Reference timeout",
        blurb = "Time without a new snapshot of reference-channel, in nanoseconds, behind which a message \
                 says that it is stale; the last one is held (0 = never)",
        mutable_playing
    )]
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
    /// How colours are moved.
    #[property(
        name = "method",
        type = Method,
        member = method,
        get,
        set = Self::set_method,
        nick = "Method",
        blurb = "How colours are moved towards the reference's: each channel exactly, or all \
                 together, with less noise and nothing broken",
        mutable_playing,
        builder(Method::default())
    )]
    /// What the channels are.
    #[property(
        name = "colorspace",
        type = Colorspace,
        member = colorspace,
        get,
        set = Self::set_colorspace,
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
        maximum = settings::LONGEST,
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
    /// What of the picture is learned from.
    #[property(
        name = "region",
        type = Option<String>,
        get = |imp: &Self| imp.region(),
        set = |imp: &Self, region: Option<PathBuf>| imp.set_region(lossy(region)),
        nick = "Region",
        blurb = "What of the picture is learned from: \"x,y,width,height\" in fractions of it (unset or \
                 empty = all of it)",
        mutable_playing,
        nullable
    )]
    /// The picture of what is learned from.
    #[property(
        name = "mask-location",
        type = Option<PathBuf>,
        get = |imp: &Self| imp.mask_location(),
        set = |imp: &Self, location: Option<PathBuf>| imp.set_mask(location),
        nick = "Mask location",
        blurb = "Grey picture that is scaled to the frame: a path or a file:// URI. What is white is learned \
                 from, what is grey by its share (unset or empty = all of it)",
        mutable_playing,
        nullable
    )]
    /// The type of metas that say what is learned from.
    #[property(
        name = "roi-type",
        type = Option<String>,
        get = |imp: &Self| lock(&imp.settings).roi_type.clone(),
        set = |imp: &Self, roi_type: Option<PathBuf>| {
            lock(&imp.settings).roi_type = lossy(roi_type).filter(|roi_type| !roi_type.is_empty());
        },
        nick = "ROI type",
        blurb = "Type of the GstVideoRegionOfInterestMeta of buffers, such as \"face\", whose regions are \
                 learned from (unset or empty = metas don't matter)",
        mutable_playing,
        nullable
    )]
    /// Whether what is not learned from stays as it is.
    #[property(
        name = "apply-region",
        type = bool,
        member = apply_region,
        get,
        set,
        default = false,
        nick = "Apply region",
        blurb = "Change only what is learned from, and leave the rest of the picture as it is",
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
        maximum = 16.,
        nick = "Maximum slope",
        blurb = "Steepest that the mapping may get, in output levels per input level, so that noise \
                 and banding are not blown up; the median lands where it does without (0 = no limit, \
                 below 1 = 1)",
        mutable_playing,
        controllable
    )]
    /// Whether an ordered pattern is added before samples are rounded.
    #[property(
        name = "dither",
        type = bool,
        member = dither,
        get,
        set,
        default = false,
        nick = "Dither",
        blurb = "Add an ordered pattern of half a level before levels with fractions are rounded, so \
                 that smooth areas show no bands (with method=channels, strength, smoothing and \
                 max-slope make fractions)",
        mutable_playing
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
        maximum = settings::LONGEST,
        nick = "Interval",
        blurb = "Time between messages in nanoseconds (0 = one for each frame); a new scene has one \
                 at once",
        mutable_playing
    )]
    /// Whether `stats` has all levels.
    #[property(
        name = "full-stats",
        type = bool,
        member = full_stats,
        get,
        set,
        default = false,
        nick = "Full statistics",
        blurb = "Give the output levels of all input levels in stats, also of more than 8 bits \
                 (in 16 bits 5 MB; messages stay small)",
        mutable_playing
    )]
    pub(super) settings: Mutex<Settings>,
    /// What is wrong with properties that were set where nobody could hear of it.
    pub(super) unheard: Unheard,
    /// What was done to the last frame.
    last: Mutex<Option<Arc<Last>>>,
    /// Whether the mapping is to be learned afresh.
    pub(super) relearn: AtomicBool,
    /// Whether the next frame is to be the reference.
    pub(super) capture: AtomicBool,
    /// The caps in use.
    pub(super) negotiated: Mutex<Option<gst_video::VideoInfo>>,
    /// Reads the first reference, if that takes long.
    pub(super) loading: Mutex<Option<JoinHandle<()>>>,
    /// Used by the streaming thread alone, and while there is none.
    pub(super) streaming: AtomicRefCell<Streaming>,
}

impl HistoMatch {
    fn stats(&self) -> gst::Structure {
        let is_full = lock(&self.settings).full_stats;
        let max_points = if is_full { usize::MAX } else { stats::MAX_POINTS };
        // Not computed under the lock, which the streaming thread takes for each frame.
        let last = lock(&self.last).clone();
        match last.as_deref() {
            Some(Last { running_time, matched }) => {
                (&matched.stats(*running_time, max_points)).into()
            }
            None => gst::Structure::new_empty(stats::NAME),
        }
    }

    /// Writes what the last frame was matched by. Whether it was written.
    fn save_lut(&self, path: &Path, with_strength: bool) -> bool {
        let last = lock(&self.last).clone();
        let Some(Last { running_time, matched }) = last.as_deref() else {
            self.warn_of_no_lut(path);
            return false;
        };
        let title = matched.reference().to_string();
        let properties = ["method", "colorspace", "strength"].map(|name| {
            let value = self.obj().property_value(name).serialize().unwrap_or_default();
            format!(", {name}={value}")
        });
        let [method, colorspace, strength] = &properties;
        let comment = format!(
            "histomatch {}{method}{colorspace}{}, reference {title}, frame at {}",
            env!("CARGO_PKG_VERSION"),
            if with_strength { strength } else { "" },
            running_time.display()
        );
        let result = matched.cube(with_strength).save(path, &title, &comment);
        if let Err(error) = &result {
            self.warn_of_unwritten_lut(path, error);
        }
        result.is_ok()
    }

    fn set_colorspace(&self, colorspace: Colorspace) {
        self.set_matching(|settings| settings.colorspace = colorspace);
    }

    fn set_method(&self, method: Method) {
        self.set_matching(|settings| settings.method = method);
    }

    /// Changes what of the frames is matched.
    fn set_matching(&self, change: impl Fn(&mut Settings)) {
        // So that no frame is late for it.
        let negotiated = lock(&self.negotiated).clone();
        if let Some(info) = negotiated {
            let mut settings = lock(&self.settings).clone();
            change(&mut settings);
            self.references.prepare(&reader::channels(&info, settings.matching()));
        }
        change(&mut lock(&self.settings));
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
        matching: Matching,
        at_most: InstructionSet,
    ) -> Result<Stream, gst::LoggableError> {
        let stream = Stream::new(info, matching, at_most)
            .map_err(|error| gst::loggable_error!(CAT, "{error}"))?;
        self.references.set_channels(stream.matcher().channels());
        gst::info!(CAT, imp = self, "Channels: {:?}", stream.matcher().channels());
        gst::info!(CAT, imp = self, "{}", stream.matcher());
        Ok(stream)
    }
}

#[glib::object_subclass]
impl ObjectSubclass for HistoMatch {
    const NAME: &'static str = "GstHistoMatch";
    type Type = super::HistoMatch;
    type ParentType = gst_video::VideoFilter;
    type Interfaces = (gst::Preset,);

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
            let relearn = signals::of_flag("relearn", |imp: &HistoMatch| &imp.relearn);
            let save_lut = glib::subclass::Signal::builder("save-lut")
                .action()
                .param_types([String::static_type(), bool::static_type()])
                .return_type::<bool>()
                .class_handler(|values| {
                    let element = values.first()?.get::<super::HistoMatch>().ok()?;
                    let path = values.get(1)?.get::<Option<PathBuf>>().ok()?.unwrap_or_default();
                    let with_strength = values.get(2)?.get().ok()?;
                    Some(element.imp().save_lut(&path, with_strength).to_value())
                })
                .build();
            let capture = signals::of_flag("capture-reference", |imp: &HistoMatch| &imp.capture);
            vec![relearn, save_lut, capture]
        });
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        // So that the flag of frames that fill gaps reaches us, and stays.
        self.obj().set_gap_aware(true);
        foreign_memory::explain_at(self.obj().upcast_ref(), "matched");
    }
}

impl GstObjectImpl for HistoMatch {}

// Presets are GStreamer's: it reads them from files, of which ours is `presets/GstHistoMatch.prs`.
impl PresetImpl for HistoMatch {}

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

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::PausedToReady {
            // Before the pads are stopped, which waits for the streaming thread.
            self.references.interrupt();
        }
        self.parent_change_state(transition)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(frame::pad_templates);
        &TEMPLATES
    }
}

impl BaseTransformImpl for HistoMatch {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = true;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        self.unheard.say(&*self.obj());
        if let Err((kind, text)) = self.load_first() {
            self.references.stop();
            return Err(gst::error_msg!(kind, ("{text}"), ["reference-location"]));
        }
        let (workers, at_most) = (self.make_workers(), self.instruction_set());
        *self.streaming.borrow_mut() = Streaming { workers, at_most, ..Streaming::default() };
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        self.references.interrupt();
        if let Some(thread) = lock(&self.loading).take()
            && thread.thread().id() != thread::current().id()
        {
            // A panic in it was said already.
            let _ = thread.join();
        }
        self.references.stop();
        *lock(&self.negotiated) = None;
        *self.streaming.borrow_mut() = Streaming::default();
        *lock(&self.last) = None;
        Ok(())
    }

    fn query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        let is_loop = loops::channel(query)
            .is_some_and(|channel| self.references.channel().as_deref() == Some(channel));
        is_loop || BaseTransformImplExt::parent_query(self, direction, query)
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStart(_) => self.references.set_flushing(true),
            gst::EventView::FlushStop(_) => {
                self.references.set_flushing(false);
                self.streaming.borrow_mut().segment = None;
            }
            gst::EventView::Segment(event) => {
                let mode = lock(&self.settings).update_mode.into();
                let mut streaming = self.streaming.borrow_mut();
                // The same one comes again where pads are linked anew.
                if streaming.segment.as_ref() != Some(event.segment()) {
                    streaming.segment = Some(event.segment().clone());
                    streaming.posted = None;
                    if let Some(stream) = &mut streaming.stream {
                        stream.jump(mode);
                    }
                }
            }
            _ => (),
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
        // Here, in the streaming thread, so that it follows the latest values of the properties. Errors
        // are returned by `transform_ip`.
        self.capture_reference(buffer);
        self.follow_channel();
        let is_settled = self.references.settle().is_ok();
        let is_neutral = lock(&self.settings).strength == 0.;
        element.set_passthrough(is_settled && (is_neutral || !self.references.is_set()));
    }

    // Not VideoFilter's transform_frame_ip: its mapping believes the buffer's video meta, and lets
    // a frame that it can't map pass unprocessed.
    fn transform_ip(
        &self,
        buffer: &mut gst::BufferRef,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.transform(Access::InPlace(buffer))
    }

    // Without a reference there is nothing to do; with a strength of 0, all but changing the frame.
    fn transform_ip_passthrough(
        &self,
        buffer: &gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.transform(Access::ReadOnly(buffer))
    }
}

impl HistoMatch {
    /// Matches a frame, or finds out what it would be matched by.
    fn transform(&self, frame: Access) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.references.settle().map_err(flow_error)?;
        if !self.references.is_set() {
            if let Some(stream) = &mut self.streaming.borrow_mut().stream {
                stream.pass();
            }
            *lock(&self.last) = None;
            return Ok(gst::FlowSuccess::Ok);
        }
        let settings = lock(&self.settings).clone();
        let segment = self.obj().segment().downcast::<gst::ClockTime>().ok();
        let is_reverse = segment.as_ref().is_some_and(|segment| segment.rate() < 0.);
        let pts = frame.pts();
        let running_time = segment.and_then(|segment| segment.to_running_time(pts));

        let mut streaming = self.streaming.borrow_mut();
        let Streaming { workers, at_most, stream: Some(stream), has_learned, .. } = &mut *streaming
        else {
            return Err(gst::FlowError::NotNegotiated);
        };
        if stream.matching() != settings.matching() {
            let new = self.make_stream(stream.info(), settings.matching(), *at_most).map_err(
                |error| {
                    error.log();
                    gst::FlowError::NotNegotiated
                },
            )?;
            let old = std::mem::replace(stream, new);
            stream.succeed(old, settings.update_mode.into());
        }
        let target = self.references.target(stream.matcher().channels()).map_err(flow_error)?;
        let Some(target) = target else { return Ok(gst::FlowSuccess::Ok) };
        let is_looked_at = matches!(frame, Access::ReadOnly(_));
        let decision = Decision { is_reverse, target, settings: &settings };
        let outcome = stream.process(frame, workers, decision);
        let is_flat = !*has_learned && outcome.as_ref().is_ok_and(Matched::is_flat);
        *has_learned |= is_flat || outcome.as_ref().is_ok_and(Matched::is_learned);
        let size = (stream.info().width(), stream.info().height());
        let colors =
            frame::colorimetry(stream.info()).err().filter(|_| !streaming.warned_of_colors);
        streaming.warned_of_colors |= colors.is_some();
        let complaint =
            settings.complaint().or_else(|| outcome.as_ref().ok()?.complaint(&settings));
        let is_new = streaming.warned_of_settings != complaint;
        streaming.warned_of_settings.clone_from(&complaint);
        // Without times of the stream, those of the clock on the wall.
        let now = running_time.unwrap_or_else(gst::get_timestamp);
        let is_due = settings.post_messages
            && outcome.as_ref().is_ok_and(|matched| {
                matched.report.scene_change || is_due(streaming.posted, now, settings.interval)
            });
        if is_due {
            streaming.posted = Some(now);
        }
        drop(streaming);

        if let Some(colors) = colors {
            self.warn_of_foreign_colors(&colors);
        }
        if let Some(complaint) = complaint.filter(|_| is_new) {
            self.warn_of_settings(&complaint);
        }
        if is_flat {
            self.warn_of_flat_frames();
        }
        let matched = match outcome {
            Ok(matched) => matched,
            // It passes as it is, whatever it is.
            Err(failure) if is_looked_at => {
                gst::warning!(CAT, imp = self, "Can't look at a frame: {failure:?}");
                return Ok(gst::FlowSuccess::Ok);
            }
            Err(failure) => return Err(self.refuse(failure, size)),
        };
        if is_due {
            let stats = matched.stats(running_time, stats::MAX_POINTS);
            self.post_stats(&stats);
        }
        gst::log!(CAT, imp = self, "Matched the frame at {}: {:?}", pts.display(), matched.report);
        *lock(&self.last) = Some(Arc::new(Last { running_time, matched }));
        Ok(gst::FlowSuccess::Ok)
    }
}

/// How a frame ends that has no reference to wait for.
fn flow_error(not_settled: NotSettled) -> gst::FlowError {
    match not_settled {
        NotSettled::Flushing => gst::FlowError::Flushing,
        NotSettled::Failed => gst::FlowError::Error,
    }
}

/// Whether it is time for a message.
fn is_due(posted: Option<gst::ClockTime>, now: gst::ClockTime, interval: u64) -> bool {
    posted.is_none_or(|posted| now < posted || (now - posted).nseconds() >= interval)
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
        if info.interlace_mode() == gst_video::VideoInterlaceMode::Fields {
            self.explain_fields();
            return Err(gst::loggable_error!(CAT, "Fields one behind the other"));
        }
        let (matching, mode) = {
            let settings = lock(&self.settings);
            (settings.matching(), settings.update_mode.into())
        };
        let at_most = self.streaming.borrow().at_most;
        let mut stream = self.make_stream(info, matching, at_most)?;
        *lock(&self.negotiated) = Some(info.clone());
        let mut streaming = self.streaming.borrow_mut();
        if let Some(old) = streaming.stream.take() {
            stream.succeed(old, mode);
        }
        streaming.stream = Some(stream);
        Ok(())
    }
}
