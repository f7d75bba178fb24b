//! The element `histomatch`.

use gst::prelude::*;

mod frame;
mod imp;
mod location;

glib::wrapper! {
    /// The element `histomatch`.
    pub struct HistoMatch(ObjectSubclass<imp::HistoMatch>)
        @extends gst_video::VideoFilter, gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element with a plugin.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "histomatch", gst::Rank::NONE, HistoMatch::static_type())
}
