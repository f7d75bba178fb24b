//! What several test files need: GStreamer set up so that a warning fails, frames of every format
//! in memory of any shape, the oracle, elements to push them through, pipelines of real video, and
//! programs with the plugin.
#![allow(dead_code, reason = "no test file uses all of it")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};

use gst::prelude::*;
use gsthistomatch::color::ColorSpace;
use gsthistomatch::frame::{Area, Scan};
use gsthistomatch::kernels::InstructionSet;
use gsthistomatch::matcher::Matcher;
use gsthistomatch::matching::match_histograms;
use gsthistomatch::reference::Reference;
use gsthistomatch::statistics::Statistics;
use gsthistomatch::workers::Workers;

pub mod cameras;
pub mod footage;
pub mod frames;
pub mod grading;
pub mod icc;
pub mod jpeg;
pub mod light;
pub mod live;
pub mod oracle;
pub mod pipewire;
pub mod png;
pub mod programs;
pub mod screen;
pub mod tiff;
pub mod video;

/// Starts GStreamer with the plugin linked in. From then on any warning or critical of GLib's is
/// fatal.
pub fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        glib::log_set_always_fatal(
            glib::LogLevels::LEVEL_CRITICAL
                | glib::LogLevels::LEVEL_WARNING
                | glib::LogLevels::LEVEL_ERROR,
        );
        gst::init().expect("GStreamer starts");
        gsthistomatch::plugin_register_static().expect("the plugin registers");
    });
}

/// The formats that frames can have.
pub fn formats_of_template() -> Vec<gst_video::VideoFormat> {
    init();
    let element = gst::ElementFactory::make("histomatch").build().expect("the element is made");
    let template = element.pad_template("sink").expect("a template").caps().clone();
    let formats = template.structure(0).expect("a structure").get::<gst::List>("format");
    let formats = formats.expect("a list of formats");
    assert!(formats.len() > 80, "{formats:?}");
    let format = |name: &gst::glib::SendValue| {
        gst_video::VideoFormat::from_string(name.get().expect("a name"))
    };
    formats.iter().map(format).collect()
}

/// A file of `examples/media`.
pub fn media(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/media").join(name)
}

/// A picture, decoded. The decoders are compiled with the crate `image`: `image::open`, which is
/// generic, would compile them once more for each program.
pub fn open(path: &Path) -> image::DynamicImage {
    let file = std::fs::read(path).expect("the picture can be read");
    image::load_from_memory(&file).expect("the picture opens")
}

/// The three pictures.
pub const PICTURES: [&str; 3] = ["astronaut.png", "chelsea.png", "coffee.png"];

/// A file of `tests/data`.
pub fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A picture, made in a folder, that takes a while to read.
pub fn big_picture(folder: &Path) -> PathBuf {
    let path = folder.join("big.png");
    image::RgbImage::from_pixel(6000, 6000, image::Rgb([1, 2, 3])).save(&path).expect("saved");
    path
}

/// Counts what the element says that it has read, from now on.
pub fn count_of_reads(element: &gst::Element) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    // Of elements with one name, the address tells which it is.
    let (counter, ours) = (count.clone(), element.as_ptr() as usize);
    gst::log::remove_default_log_function();
    gst::log::set_threshold_for_name("histomatch", gst::DebugLevel::Info);
    gst::log::add_log_function(move |category, _, _, _, _, object, message| {
        let is_read = message.get().is_some_and(|text| text.starts_with("Read the reference"));
        let is_ours = object.is_some_and(|object| object.as_ptr() as usize == ours);
        if category.name() == "histomatch" && is_read && is_ours {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    count
}

/// Values, legal and extreme, of every property that can be set, but for the reference.
pub const VALUES: [(&str, &[&str]); 20] = [
    ("reference-timeout", &["0", "2000000000"]),
    ("method", &["channels", "linear", "grade"]),
    ("dither", &["true", "false"]),
    ("colorspace", &["rgb", "ycbcr", "luma"]),
    ("strength", &["0", "0.4", "1"]),
    ("smoothing", &["0", "1", "300000000", "60000000000"]),
    ("deflicker", &["0", "1"]),
    ("scene-threshold", &["0", "0.08", "1"]),
    ("update-mode", &["scene", "frame", "locked"]),
    ("flat-frames", &["match", "hold"]),
    ("ignore-borders", &["false", "true"]),
    ("region", &["0,0,0.5,0.5", "0.999,0.999,0.0001,0.0001", ""]),
    ("mask-location", &[concat!(env!("CARGO_MANIFEST_DIR"), "/examples/media/chelsea.png"), ""]),
    ("roi-type", &["face", ""]),
    ("apply-region", &["true", "false"]),
    ("max-slope", &["0", "0.5", "1.5", "16"]),
    ("post-messages", &["false", "true"]),
    ("interval", &["0", "1000000000"]),
    ("full-stats", &["false", "true"]),
    ("n-threads", &["1", "3"]),
];

/// The element with a reference or none, matching every frame by the bare rule, whatever it is; and
/// a bus of its own to read its messages from.
pub fn element(reference: Option<&Path>) -> (gst::Element, gst::Bus) {
    init();
    let element = gst::ElementFactory::make("histomatch")
        .property("reference-location", reference.map(Path::to_path_buf))
        // A harness is no sink that could be late, but whoever copies this line must think of it.
        .property("qos", false)
        // Frames of a few pixels have next to no distribution.
        .property_from_str("flat-frames", "match")
        .build()
        .expect("the element is made");
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    (element, bus)
}

/// What was posted on a bus since the last call: errors and warnings.
pub fn complaints(bus: &gst::Bus) -> Vec<Complaint> {
    std::iter::from_fn(|| bus.pop())
        .filter_map(|message| match message.view() {
            gst::MessageView::Error(error) => Some(Complaint::Error(error.error().to_string())),
            gst::MessageView::Warning(warning) => {
                Some(Complaint::Warning(warning.error().to_string()))
            }
            _ => None,
        })
        .collect()
}

/// An [`element`] on a harness.
pub struct Rig {
    pub element: gst::Element,
    pub harness: gst_check::Harness,
    pub bus: gst::Bus,
}

impl Rig {
    /// In PLAYING, with a reference or none.
    pub fn new(reference: Option<&Path>) -> Self {
        Self::of(element(reference))
    }

    /// In PLAYING, whatever state the element was in.
    pub fn of((element, bus): (gst::Element, gst::Bus)) -> Self {
        let harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
        Self { element, harness, bus }
    }

    /// What the element posted since the last call: errors and warnings.
    pub fn complaints(&self) -> Vec<Complaint> {
        complaints(&self.bus)
    }

    /// Pushes a buffer and pulls what comes out.
    pub fn process(&mut self, buffer: gst::Buffer) -> gst::Buffer {
        let outcome = self.harness.push_and_pull(buffer);
        assert_eq!(self.complaints(), []);
        outcome.expect("the buffer passes")
    }
}

/// An error or warning message, by the text that a user sees.
#[derive(Debug, PartialEq, Eq)]
pub enum Complaint {
    Error(String),
    Warning(String),
}

impl Complaint {
    /// Whether it is a warning of settings that do nothing, or not what they seem to.
    pub fn is_of_settings(&self) -> bool {
        let is_one = |text: &str| {
            text.starts_with("The properties contradict each other: ")
                || text.starts_with("smoothing=1 smooths nothing: ")
                || text.starts_with("max-slope below 1 counts as 1: ")
                || text.starts_with("The histotap goes on publishing in the channel ")
                // A region of one pixel is flat.
                || text.starts_with("The first frames have next to no distribution")
        };
        matches!(self, Self::Warning(text) if is_one(text))
    }
}

/// What a frame becomes if an area of it is matched: by the core, which `borders.rs` compares with
/// the definition.
pub fn matched_inside(frame: &frames::Frame, reference: &Path, area: Area) -> Vec<u8> {
    let reference = Reference::load(reference).expect("a picture");
    let best = InstructionSet::best();
    let mut matcher =
        Matcher::new(frame.layout(), ColorSpace::Rgb, best, None).expect("the samples are placed");
    matcher.set_area(area);
    let references = reference.cdfs(matcher.channels());
    let decide = |Statistics { histograms, .. }: &Statistics| {
        match_histograms(histograms, &references).into()
    };
    let (mut bytes, workers) = (frame.bytes.clone(), Workers::default());
    matcher
        .process(&mut bytes, Scan::Progressive, &frame.spans(), &workers, decide)
        .expect("it fits");
    bytes
}

/// The bytes of a buffer.
pub fn bytes(buffer: &gst::Buffer) -> Vec<u8> {
    buffer.map_readable().expect("the buffer can be read").to_vec()
}
