//! Properties, pad templates and virtual functions of `histotap`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use atomic_refcell::AtomicRefCell;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use super::settings::{self, Settings};
use super::streaming::Streaming;
use super::{Publish, messages};
use crate::live::channel::Channel;
use crate::plugin::part::parse_region;
use crate::plugin::reader::Failure;
use crate::plugin::unheard::Unheard;
use crate::plugin::{foreign_memory, frame, lock, loops, lossy, signals};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("histotap", gst::DebugColorFlags::empty(), Some("Live references"))
});

/// The name of a property, and of its structure.
const STATS: &str = "stats";
const STATS_NAME: &str = "histotap";

/// The name of a property.
const REGION: &str = "region";

/// The name of the channel if none is given.
const DEFAULT_CHANNEL: &str = "default";

#[derive(glib::Properties)]
#[properties(wrapper_type = super::HistoTap)]
pub struct HistoTap {
    /// The name under which snapshots are published.
    #[property(
        name = "channel",
        type = Option<String>,
        get = |imp: &Self| Some(lock(&imp.channel).name().to_owned()),
        set = |imp: &Self, name: Option<PathBuf>| imp.set_channel(lossy(name).as_deref()),
        nick = "Channel",
        blurb = "Name under which snapshots of the stream are published, for the property \
                 reference-channel of histomatch",
        default = Some(DEFAULT_CHANNEL),
        mutable_ready
    )]
    channel: Mutex<Arc<Channel>>,
    /// When snapshots are published.
    #[property(
        name = "publish",
        type = Publish,
        member = publish,
        get,
        set,
        nick = "Publish",
        blurb = "When snapshots are published",
        mutable_playing,
        builder(Publish::default())
    )]
    /// The least time between two snapshots, in nanoseconds.
    #[property(
        name = "interval",
        type = u64,
        member = interval,
        get,
        set,
        default = 200_000_000,
        maximum = settings::LONGEST,
        nick = "Interval",
        blurb = "Least time between two snapshots with publish=continuous, in nanoseconds",
        mutable_playing
    )]
    /// The time that a snapshot covers, in nanoseconds.
    #[property(
        name = "window",
        type = u64,
        member = window,
        get,
        set,
        default = 2_000_000_000,
        maximum = settings::LONGEST,
        nick = "Window",
        blurb = "Time that a snapshot covers, in nanoseconds (0 = everything since the start)",
        mutable_playing
    )]
    /// What of the picture is looked at.
    #[property(
        name = "region",
        type = Option<String>,
        get = |imp: &Self| imp.region(),
        set = |imp: &Self, region: Option<PathBuf>| imp.set_region(lossy(region)),
        nick = "Region",
        blurb = "What of the picture is looked at: \"x,y,width,height\" in fractions of it (unset or \
                 empty = all of it)",
        mutable_playing,
        nullable
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
        blurb = "Leave black bars around the picture out",
        mutable_playing
    )]
    settings: Mutex<Settings>,
    unheard: Unheard,
    /// What is published in, from PAUSED to READY.
    in_use: Mutex<Option<Arc<Channel>>>,
    /// Whether the next frame is asked for.
    capture: AtomicBool,
    /// How many were published since the start.
    n_snapshots: AtomicU64,
    /// How many consumers had come when a loop was looked for last.
    n_joined: AtomicUsize,
    /// Used by the streaming thread alone, and while there is none.
    streaming: AtomicRefCell<Option<Streaming>>,
}

impl Default for HistoTap {
    fn default() -> Self {
        Self {
            channel: Mutex::new(Channel::named(DEFAULT_CHANNEL)),
            settings: Mutex::default(),
            unheard: Unheard::default(),
            in_use: Mutex::default(),
            capture: AtomicBool::default(),
            n_snapshots: AtomicU64::default(),
            n_joined: AtomicUsize::default(),
            streaming: AtomicRefCell::default(),
        }
    }
}

impl HistoTap {
    fn set_channel(&self, name: Option<&str>) {
        let name = name.filter(|name| !name.is_empty()).unwrap_or(DEFAULT_CHANNEL);
        let channel = Channel::named(name);
        // Dropped behind the lock.
        let _old = std::mem::replace(&mut *lock(&self.channel), channel);
        let in_use = lock(&self.in_use).as_ref().map(|channel| channel.name().to_owned());
        if let Some(in_use) = in_use.filter(|in_use| in_use != name) {
            self.warn_of_late_name(name, &in_use);
        }
    }

    fn region(&self) -> Option<String> {
        lock(&self.settings).region.as_ref().map(|(text, _)| text.clone())
    }

    fn set_region(&self, text: Option<String>) {
        match parse_region(text, self.region().is_some()) {
            Ok(region) => {
                self.unheard.forget(REGION);
                lock(&self.settings).region = region;
            }
            Err(text) => self.unheard.warn(&*self.obj(), REGION, text),
        }
    }

    /// The channel that is published in or, while stopped, is to be.
    fn channel_in_use(&self) -> Arc<Channel> {
        let in_use = lock(&self.in_use).clone();
        in_use.unwrap_or_else(|| Arc::clone(&lock(&self.channel)))
    }

    fn stats(&self) -> gst::Structure {
        let channel = self.channel_in_use();
        let mut stats = gst::Structure::builder(STATS_NAME)
            .field("channel", channel.name())
            .field("snapshots", self.n_snapshots.load(Ordering::Relaxed))
            .field("consumers", channel.n_consumers() as u32)
            .build();
        if let Some(snapshot) = channel.newest() {
            stats.set("sequence", snapshot.sequence());
            stats.set("age", snapshot.age().as_nanos() as u64);
            stats.set("pixels", snapshot.n_pixels() as u32);
        }
        stats
    }

    /// Writes the newest snapshot. Whether it was written.
    fn save(&self, path: &Path) -> bool {
        let Some(snapshot) = self.channel_in_use().newest() else {
            let advice = "there is none yet. Wait for a frame, and see the property publish";
            self.warn_of_no_snapshot(path, advice);
            return false;
        };
        if snapshot.is_flat() {
            let advice = "it has next to no distribution, as black and colour bars. Save it when there is a picture";
            self.warn_of_no_snapshot(path, advice);
            return false;
        }
        let result = snapshot.save(path);
        if let Err(error) = &result {
            self.warn_of_unwritten_snapshot(path, error);
        }
        result.is_ok()
    }

    /// Looks at a frame.
    fn look(&self, buffer: &gst::BufferRef) {
        if buffer.flags().contains(gst::BufferFlags::GAP) {
            return;
        }
        let settings = lock(&self.settings).clone();
        let segment = self.obj().segment().downcast::<gst::ClockTime>().ok();
        let running_time = segment.and_then(|segment| segment.to_running_time(buffer.pts()));
        let is_asked_for = self.capture.swap(false, Ordering::Relaxed);
        let (outcome, is_new) = {
            let mut streaming = self.streaming.borrow_mut();
            let Some(streaming) = &mut *streaming else { return };
            let outcome = streaming.look(buffer, running_time, is_asked_for, &settings);
            let is_new = outcome.is_err() && !std::mem::replace(&mut streaming.warned, true);
            (outcome, is_new)
        };
        match outcome {
            Ok(is_published) => self.tell_of_snapshot(is_published),
            Err(failure) if is_new => self.warn_of_frames(&match failure {
                Failure::Buffer(cause) => cause,
                Failure::Memory => "there is not enough memory".into(),
            }),
            Err(_) => {}
        }
    }

    fn set_segment(&self, segment: Option<&gst::Segment>) {
        if let Some(streaming) = &mut *self.streaming.borrow_mut() {
            streaming.set_segment(segment);
        }
    }

    /// The stream ends.
    fn end(&self) {
        let settings = lock(&self.settings).clone();
        let is_published = {
            let mut streaming = self.streaming.borrow_mut();
            streaming.as_mut().is_some_and(|streaming| streaming.end(&settings))
        };
        self.tell_of_snapshot(is_published);
    }

    fn tell_of_snapshot(&self, is_published: bool) {
        if is_published {
            self.n_snapshots.fetch_add(1, Ordering::Relaxed);
            self.look_for_a_loop();
        }
    }
}

impl HistoTap {
    /// Warns if the stream comes from an element that is matched to this channel. Where nobody new is, it was looked
    /// for already, as elements may be far away.
    fn look_for_a_loop(&self) {
        let channel = self.channel_in_use();
        let n_joined = channel.n_joined();
        if self.n_joined.swap(n_joined, Ordering::Relaxed) == n_joined {
            return;
        }
        let mut query = loops::query(channel.name());
        let sink = self.obj().static_pad("sink");
        if sink.is_some_and(|sink| sink.peer_query(&mut query)) {
            self.warn_of_loop(channel.name());
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for HistoTap {
    const NAME: &'static str = "GstHistoTap";
    type Type = super::HistoTap;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for HistoTap {
    // The macro for properties doesn't know structures, so `stats` is behind those that it knows.
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let stats = glib::ParamSpecBoxed::builder::<gst::Structure>(STATS)
                .nick("Statistics")
                .blurb("What was published, and who has the channel")
                .read_only()
                .build();
            HistoTap::derived_properties().iter().cloned().chain([stats]).collect()
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
            let capture = signals::of_flag("capture", |imp: &HistoTap| &imp.capture);
            let save = glib::subclass::Signal::builder("save")
                .action()
                .param_types([String::static_type()])
                .return_type::<bool>()
                .class_handler(|values| {
                    let element = values.first()?.get::<super::HistoTap>().ok()?;
                    let path = values.get(1)?.get::<Option<PathBuf>>().ok()?.unwrap_or_default();
                    Some(element.imp().save(&path).to_value())
                })
                .build();
            vec![capture, save]
        });
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_passthrough(true);
        self.obj().set_gap_aware(true);
        foreign_memory::explain_at(self.obj().upcast_ref(), "looked at");
    }
}

impl GstObjectImpl for HistoTap {}

impl ElementImpl for HistoTap {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Live reference",
                "Filter/Analyzer/Video",
                "Publishes what a stream looks like, as a live reference for histomatch",
                "The histomatch developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(frame::pad_templates);
        &TEMPLATES
    }
}

impl BaseTransformImpl for HistoTap {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    // Always, as it was constructed: the caps differ where those before it say nothing of the frame rate.
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = true;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        self.unheard.say(&*self.obj());
        let channel = Arc::clone(&lock(&self.channel));
        let publisher = channel
            .publisher(&self.obj().path_string())
            .map_err(|taken| messages::taken(&taken))?;
        self.n_snapshots.store(0, Ordering::Relaxed);
        self.n_joined.store(0, Ordering::Relaxed);
        *lock(&self.in_use) = Some(channel);
        let settings = lock(&self.settings).clone();
        *self.streaming.borrow_mut() = Some(Streaming::new(publisher, &settings));
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.streaming.borrow_mut() = None;
        // Dropped behind the lock.
        let _old = lock(&self.in_use).take();
        Ok(())
    }

    fn set_caps(&self, caps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = gst_video::VideoInfo::from_caps(caps)
            .map_err(|_| gst::loggable_error!(CAT, "Not the caps of raw video: {caps}"))?;
        let cause = {
            let mut streaming = self.streaming.borrow_mut();
            streaming.as_mut().and_then(|streaming| streaming.set_info(&info).err())
        };
        if let Some(cause) = cause {
            self.warn_of_frames(&cause);
        }
        if let Err(colors) = frame::colorimetry(&info) {
            self.warn_of_foreign_colors(&colors);
        }
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStop(_) => self.set_segment(None),
            gst::EventView::Segment(event) => self.set_segment(Some(event.segment())),
            // In a loop of segments, there is no other end.
            gst::EventView::Eos(_) | gst::EventView::SegmentDone(_) => self.end(),
            _ => (),
        }
        self.parent_sink_event(event)
    }

    fn transform_ip_passthrough(
        &self,
        buffer: &gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.look(buffer);
        Ok(gst::FlowSuccess::Ok)
    }
}
