//! What `transcode` and `play` share: values of the element's properties, as they are given on the command line.

use anyhow::Context;
use gst::glib;
use gst::prelude::*;

/// The value of a property that can be set. It is legal.
pub fn value(element: &gst::Element, name: &str, text: &str) -> anyhow::Result<glib::Value> {
    let property = element
        .find_property(name)
        .filter(|property| property.flags().contains(glib::ParamFlags::WRITABLE))
        .with_context(|| format!("histomatch has no property '{name}' that can be set; {LIST}"))?;
    // GLib takes nothing for 0.
    let is_one = !text.is_empty() || property.is::<glib::ParamSpecString>();
    let value = glib::Value::deserialize_with_pspec(text, &property).ok();
    let value = value.filter(|value| is_one && in_range(&property, value));
    let about = property.blurb().unwrap_or_default();
    value.with_context(|| format!("'{text}' is no value for it ({about}); {LIST}"))
}

const LIST: &str = "docs/properties.md lists them, and gst-inspect-1.0 does";

fn in_range(property: &glib::ParamSpec, value: &glib::Value) -> bool {
    macro_rules! check {
        ($($spec:ty, $number:ty;)*) => {
            $(if let Some(property) = property.downcast_ref::<$spec>() {
                let range = property.minimum()..=property.maximum();
                return value.get().is_ok_and(|value: $number| range.contains(&value));
            })*
        };
    }
    check!(glib::ParamSpecDouble, f64; glib::ParamSpecUInt, u32; glib::ParamSpecUInt64, u64;);
    true
}
