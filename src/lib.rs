//! docs
#![warn(missing_docs)]

pub mod cdf;
pub mod histogram;
pub mod histomatch;
pub mod kernels;
pub mod lut;
pub mod matcher;
pub mod pixels;
pub mod reference;

pub use plugin::plugin_register_static;

// A module of its own because what the macro writes has no docs.
#[allow(missing_docs)]
mod plugin {
    fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        crate::histomatch::register(plugin)
    }

    gst::plugin_define!(
        histomatch,
        env!("CARGO_PKG_DESCRIPTION"),
        plugin_init,
        concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
        "MIT/X11",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        env!("BUILD_REL_DATE")
    );
}
