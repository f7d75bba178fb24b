//! Promise: the machine-readable page of the elements, `docs/plugins/gst_plugins_cache.json`, says what
//! the elements say of themselves. It is in the format of GStreamer's own documentation.
//!
//! `HISTOMATCH_WRITE_PAGE=1 cargo test --test suite page` brings it in step.

use std::path::Path;

use crate::common;
use glib::ParamFlags;
use glib::subclass::SignalId;
use gst::prelude::*;
use gsthistomatch::histomatch::HistoMatch;
use gsthistomatch::histotap::HistoTap;
use serde_json::{Map, Value, json};

const FILE: &str = "docs/plugins/gst_plugins_cache.json";

/// The version of GStreamer that the page was made with. Others know more formats, or less.
const GSTREAMER: (u32, u32) = (1, 22);

#[test]
fn the_machine_readable_page_is_in_step() {
    common::init();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let mut page = page();
    if std::env::var_os("HISTOMATCH_WRITE_PAGE").is_some() {
        let text = serde_json::to_string_pretty(&page).expect("it is JSON");
        std::fs::write(&path, text + "\n").expect("written");
    }
    let text = std::fs::read_to_string(&path).expect("the page can be read");
    let written: Value = serde_json::from_str(&text).expect("it is JSON");
    let (major, minor, ..) = gst::version();
    if (major, minor) != GSTREAMER {
        for element in ["histomatch", "histotap"] {
            let templates = format!("/histomatch/elements/{element}/pad-templates");
            *page.pointer_mut(&templates).expect("there are templates") =
                written.pointer(&templates).expect("there are templates").clone();
        }
    }
    // The two are too long to be shown.
    assert!(
        page == written,
        "run `HISTOMATCH_WRITE_PAGE=1 cargo test --locked --test suite page` with GStreamer {GSTREAMER:?}"
    );
}

/// The entry of the plugin.
fn page() -> Value {
    let factory = gst::ElementFactory::find("histomatch").expect("it is registered");
    let plugin = factory.plugin().expect("it is a plugin's");
    let mut enums = Map::new();
    let signals = ["relearn", "save-lut", "capture-reference"];
    let histomatch = element(&factory, HistoMatch::static_type(), &signals, &mut enums);
    let tap = gst::ElementFactory::find("histotap").expect("it is registered");
    let histotap = element(&tap, HistoTap::static_type(), &["capture", "save"], &mut enums);
    json!({ "histomatch": {
        "description": plugin.description().as_str(),
        "elements": { "histomatch": histomatch, "histotap": histotap },
        "filename": "gsthistomatch",
        "license": plugin.license().as_str(),
        "other-types": enums,
        "package": plugin.package().as_str(),
        "source": plugin.source().as_str(),
        "tracers": {},
        "url": plugin.origin().as_str(),
    } })
}

/// The entry of an element.
fn element(
    factory: &gst::ElementFactory,
    own: glib::Type,
    signals: &[&str],
    enums: &mut Map<String, Value>,
) -> Value {
    let element = factory.create().build().expect("it is made");
    let properties: Map<String, Value> = element
        .list_properties()
        .iter()
        .filter(|property| property.owner_type() == own)
        .map(|property| {
            if let Some(class) = glib::EnumClass::with_type(property.value_type()) {
                enums.insert(class.type_().name().into(), enumeration(&class));
            }
            (property.name().into(), describe(property))
        })
        .collect();
    json!({
        "author": factory.metadata("author"),
        "description": factory.metadata("description"),
        "hierarchy": hierarchy(element.type_()),
        "interfaces": interfaces(element.type_()),
        "klass": factory.metadata("klass"),
        "long-name": factory.metadata("long-name"),
        "pad-templates": pad_templates(factory),
        "properties": properties,
        "rank": "none",
        "signals": self::signals(own, signals),
    })
}

fn hierarchy(type_: glib::Type) -> Vec<&'static str> {
    std::iter::successors(Some(type_), |type_| type_.parent()).map(|type_| type_.name()).collect()
}

fn interfaces(type_: glib::Type) -> Vec<&'static str> {
    type_.interfaces().iter().map(|interface| interface.name()).collect()
}

fn pad_templates(factory: &gst::ElementFactory) -> Map<String, Value> {
    let template = |template: &gst::StaticPadTemplate| {
        let entry = json!({
            "caps": template.caps().to_string(),
            "direction": format!("{:?}", template.direction()).to_lowercase(),
            "presence": format!("{:?}", template.presence()).to_lowercase(),
        });
        (template.name_template().into(), entry)
    };
    factory.static_pad_templates().iter().map(template).collect()
}

fn describe(property: &glib::ParamSpec) -> Value {
    let flags = property.flags();
    let mutable = [
        (gst::PARAM_FLAG_MUTABLE_PLAYING, "playing"),
        (gst::PARAM_FLAG_MUTABLE_PAUSED, "paused"),
        (gst::PARAM_FLAG_MUTABLE_READY, "ready"),
    ];
    let mutable = mutable.into_iter().find(|(flag, _)| flags.contains(*flag));
    let mut entry = json!({
        "blurb": property.blurb(),
        "conditionally-available": false,
        "construct": flags.contains(ParamFlags::CONSTRUCT),
        "construct-only": flags.contains(ParamFlags::CONSTRUCT_ONLY),
        "controllable": flags.contains(gst::PARAM_FLAG_CONTROLLABLE),
        "mutable": mutable.map_or("null", |(_, state)| state),
        "readable": flags.contains(ParamFlags::READABLE),
        "type": property.value_type().name(),
        "writable": flags.contains(ParamFlags::WRITABLE),
    });
    if flags.contains(ParamFlags::WRITABLE) {
        entry["default"] = text(property.default_value()).into();
    }
    if let Some((least, most)) = range(property) {
        entry["min"] = least.into();
        entry["max"] = most.into();
    }
    entry
}

/// The least and the greatest value of a number.
fn range(property: &glib::ParamSpec) -> Option<(String, String)> {
    if let Some(number) = property.downcast_ref::<glib::ParamSpecDouble>() {
        return Some((number.minimum().to_string(), number.maximum().to_string()));
    }
    if let Some(number) = property.downcast_ref::<glib::ParamSpecUInt>() {
        return Some((number.minimum().to_string(), number.maximum().to_string()));
    }
    let number = property.downcast_ref::<glib::ParamSpecUInt64>()?;
    Some((number.minimum().to_string(), number.maximum().to_string()))
}

fn text(value: &glib::Value) -> String {
    if let Some((_, value)) = glib::EnumValue::from_value(value) {
        return format!("{} ({})", value.nick(), value.value());
    }
    match value.get::<Option<String>>() {
        Ok(text) => text.unwrap_or_else(|| "NULL".into()),
        Err(_) => value.serialize().expect("it has a text").into(),
    }
}

fn enumeration(class: &glib::EnumClass) -> Value {
    let value = |value: &glib::EnumValue| json!({ "desc": value.name(), "name": value.nick(), "value": value.value().to_string() });
    json!({ "kind": "enum", "values": class.values().iter().map(value).collect::<Vec<_>>() })
}

fn signals(own: glib::Type, names: &[&str]) -> Map<String, Value> {
    let signal = |id: SignalId| {
        let query = id.query();
        let types = query.param_types().iter();
        let entry = json!({
            "action": query.flags().contains(glib::SignalFlags::ACTION),
            "args": types.map(|type_| json!({ "type": type_.type_().name() })).collect::<Vec<_>>(),
            "return-type": query.return_type().type_().name(),
            "when": if query.flags().contains(glib::SignalFlags::RUN_LAST) { "last" } else { "first" },
        });
        (query.signal_name().to_string(), entry)
    };
    let id = |name: &&str| SignalId::lookup(name, own).expect("it is there");
    names.iter().map(id).map(signal).collect()
}
