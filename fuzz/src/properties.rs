//! Any text for any property leaves every property with a legal value, and what is wrong with a
//! location is said.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Once};

use arbitrary::{Arbitrary, Result, Unstructured};
use glib::translate::{ToGlibPtr, ToGlibPtrMut};
use gst::prelude::*;
use gsthistomatch::histomatch::HistoMatch;

use super::variant;

/// Whether GStreamer reads a text. What it says of that is no fault of the element.
static IS_PARSING: AtomicBool = AtomicBool::new(false);

fn parsing<T>(parse: impl FnOnce() -> T) -> T {
    IS_PARSING.store(true, Ordering::Relaxed);
    let parsed = parse();
    IS_PARSING.store(false, Ordering::Relaxed);
    parsed
}

#[derive(Debug)]
enum Step<'a> {
    /// By GStreamer's syntax of pipelines, in an element of its own.
    Launch(Name<'a>, &'a str),
    /// By GStreamer's texts of values.
    Deserialize(Name<'a>, &'a str),
    /// The bytes of a path.
    Location(&'a [u8]),
    /// To READY or to PAUSED.
    State(bool),
    Relearn,
}

#[derive(Debug)]
enum Name<'a> {
    Known(u8),
    Any(&'a str),
}

impl<'a> Arbitrary<'a> for Step<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match variant(u, 5)? {
            0 => Self::Launch(u.arbitrary()?, u.arbitrary()?),
            1 => Self::Deserialize(u.arbitrary()?, u.arbitrary()?),
            2 => Self::Location(u.arbitrary()?),
            3 => Self::State(u.arbitrary()?),
            _ => Self::Relearn,
        })
    }
}

impl<'a> Arbitrary<'a> for Name<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match variant(u, 2)? {
            0 => Self::Known(u.arbitrary()?),
            _ => Self::Any(u.arbitrary()?),
        })
    }
}

/// The element's own properties.
static OWN: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
    let element = glib::Object::new::<HistoMatch>();
    let mut properties = element.list_properties().to_vec();
    properties.retain(|pspec| pspec.owner_type() == HistoMatch::static_type());
    properties
});

impl Name<'_> {
    fn text(&self) -> &str {
        match *self {
            Self::Known(index) => OWN[usize::from(index) % OWN.len()].name(),
            Self::Any(name) => name,
        }
    }
}

/// Sets properties of an element by texts, in any state.
pub fn properties(data: &[u8]) {
    init();
    let mut u = Unstructured::new(data);
    let element = gst::ElementFactory::make("histomatch").build().expect("the element is made");
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    while !u.is_empty() {
        let Ok(step) = u.arbitrary() else { break };
        match step {
            Step::Launch(name, text) => launch(name.text(), text),
            Step::Deserialize(name, text) => deserialize(&element, name.text(), text),
            Step::Location(bytes) => set_location(&element, &bus, bytes),
            Step::State(up) => set_state(&element, &bus, up),
            Step::Relearn => element.emit_by_name::<()>("relearn", &[]),
        }
        check(&element);
    }
    element.set_state(gst::State::Null).expect("it always stops");
    // Messages that nobody has read hold the element, which holds the bus.
    bus.set_flushing(true);
}

/// GStreamer with the plugin, where a warning ends the process.
fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().expect("GStreamer starts");
        gsthistomatch::plugin_register_static().expect("the plugin registers");
        glib::log_set_default_handler(|domain, level, text| {
            let is_fault = matches!(
                level,
                glib::LogLevel::Error | glib::LogLevel::Critical | glib::LogLevel::Warning
            );
            // Not a panic, which may not go through C.
            if is_fault && !IS_PARSING.load(Ordering::Relaxed) {
                eprintln!("{}: {text}", domain.unwrap_or_default());
                std::process::abort();
            }
        });
    });
}

fn launch(name: &str, text: &str) {
    // What could end the text, and begin another element, is no part of what is tried here.
    let quoted = text.replace('\\', r"\\").replace('"', r#"\""#);
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') || quoted.contains('\0') {
        return;
    }
    match parsing(|| gst::parse::launch(&format!("histomatch {name}=\"{quoted}\""))) {
        Ok(element) => {
            assert!(element.is::<HistoMatch>(), "{element:?}");
            check(&element);
        }
        Err(error) => assert!(!error.message().is_empty()),
    }
}

fn deserialize(element: &gst::Element, name: &str, text: &str) {
    let Some(pspec) = OWN.iter().find(|pspec| pspec.name() == name) else { return };
    if text.contains('\0') || !pspec.flags().contains(glib::ParamFlags::WRITABLE) {
        return;
    }
    let parsed = parsing(|| glib::Value::deserialize(text, pspec.value_type()));
    let Ok(value) = parsed else { return };
    if is_legal(pspec, &value) {
        element.set_property_from_value(name, &value);
    }
}

fn set_location(element: &gst::Element, bus: &gst::Bus, bytes: &[u8]) {
    if bytes.contains(&0) {
        return;
    }
    let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
    bus.set_flushing(true);
    bus.set_flushing(false);
    element.set_property("reference-location", &path);
    // What is empty gives up no channel.
    let has_channel = element.property::<Option<String>>("reference-channel").is_some();
    assert_eq!(location(element), Some(path).filter(|_| !has_channel));
    assert!(!has_channel || bytes.is_empty());
    let said = complaints(bus);
    assert!(said.iter().all(|text| text.contains(" reference")), "{said:?}");
}

fn set_state(element: &gst::Element, bus: &gst::Bus, up: bool) {
    if element.property::<u32>("n-threads") > 4 {
        // Making a thousand threads takes long.
        element.set_property("n-threads", 2u32);
    }
    bus.set_flushing(true);
    bus.set_flushing(false);
    let state = if up { gst::State::Paused } else { gst::State::Ready };
    if element.set_state(state).is_err() {
        assert!(complaints(bus).iter().any(|text| text.contains("as the reference: ")));
        element.set_state(gst::State::Ready).expect("it goes back");
    }
}

fn location(element: &gst::Element) -> Option<PathBuf> {
    element.property("reference-location")
}

/// The texts of errors and warnings.
fn complaints(bus: &gst::Bus) -> Vec<String> {
    std::iter::from_fn(|| bus.pop())
        .filter_map(|message| match message.view() {
            gst::MessageView::Error(error) => Some(error.error().to_string()),
            gst::MessageView::Warning(warning) => Some(warning.error().to_string()),
            _ => None,
        })
        .collect()
}

/// Every property has a value that it may have.
fn check(element: &gst::Element) {
    for pspec in OWN.iter() {
        let value = element.property_value(pspec.name());
        assert!(is_legal(pspec, &value), "{} is {value:?}", pspec.name());
    }
    for name in ["strength", "deflicker", "scene-threshold"] {
        let share: f64 = element.property(name);
        assert!((0. ..=1.).contains(&share), "{name} = {share}");
    }
    assert!((0. ..=16.).contains(&element.property::<f64>("max-slope")));
    for name in ["smoothing", "interval"] {
        assert!(element.property::<u64>(name) <= 60_000_000_000, "{name}");
    }
    assert!(element.property::<u32>("n-threads") <= 1024);
}

/// Whether GLib would leave a value as it is. (GLib's binding makes this a panic.)
fn is_legal(pspec: &glib::ParamSpec, value: &glib::Value) -> bool {
    let mut value = value.clone();
    // SAFETY: both are alive, and the value is a copy that may be changed.
    let is_changed = unsafe {
        glib::gobject_ffi::g_param_value_validate(
            pspec.to_glib_none().0,
            value.to_glib_none_mut().0,
        )
    };
    is_changed == 0
}
