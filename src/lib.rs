//! A GStreamer plugin with one element, [`histomatch`], which gives every video frame the
//! histograms of a reference picture; and, without GStreamer, the library that it is made of.
//!
//! # Data flow
//!
//! ```text
//! file ── Reference::load ──► Histogram ─► Cdf ──────────────────┐
//!                                                                ▼
//! frame ─► PixelsMut ─► kernels: count ─► Histogram ─► Cdf ─► match_cdfs ─► one Lut per channel
//!              ▲                                                                  │
//!              └────────────────────── kernels: apply, in place ◄─────────────────┘
//! ```
//!
//! [`matcher::Matcher`] is this picture in code. The element gives it the frames' memory and the
//! planes' places in it; everything below it says nothing of GStreamer.
//!
//! # In an application
//!
//! Linked into an application, the plugin is registered with [`plugin_register_static`]; after
//! that, `histomatch` is an element like any other:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! gst::init()?;
//! gsthistomatch::plugin_register_static()?;
//! let element = gst::ElementFactory::make("histomatch")
//!     .property("reference-location", "reference.png")
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Without GStreamer
//!
//! ```
//! use gsthistomatch::matcher::Matcher;
//! use gsthistomatch::pixels::{ColorModel, Layout, PixelLayout, PlaneLayout, PlaneSpan};
//! use gsthistomatch::kernels::InstructionSet;
//! use gsthistomatch::reference::Reference;
//! use gsthistomatch::workers::Workers;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let reference = Reference::load("examples/media/coffee.png".as_ref())?;
//! // A picture of 4 x 2 pixels of three bytes, R'G'B'.
//! let layout = Layout {
//!     width: 4,
//!     height: 2,
//!     color_model: ColorModel::Rgb,
//!     planes: vec![PlaneLayout {
//!         plane: 0,
//!         pixel: PixelLayout { pixel_stride: 3, first: 0, n_samples: 3 },
//!         channels: vec![0, 1, 2],
//!     }],
//! };
//! let mut matcher = Matcher::new(layout, InstructionSet::best())?;
//! let workers = Workers::default();
//! let mut picture = *b"twenty-four bytes of RGB";
//! let spans = [PlaneSpan { offset: 0, stride: 12 }];
//! matcher.process(&mut picture, &spans, &reference, &workers)?;
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

pub mod cdf;
pub mod histogram;
pub mod histomatch;
pub mod kernels;
pub mod lut;
pub mod matcher;
pub mod pixels;
pub mod reference;
pub mod workers;

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
        // GStreamer asks for an origin; there is no address of the project yet.
        env!("CARGO_PKG_NAME"),
        env!("BUILD_REL_DATE")
    );
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
