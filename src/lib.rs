//! A GStreamer plugin with the element [`histomatch`], which gives every video frame the histograms of a
//! reference picture, and [`histotap`], which makes another stream that reference; and, without
//! GStreamer, the library that they are made of.
//!
//! # Data flow
//!
//! ```text
//! file ─► Reference ─► Target: CDFs in the stream's channels ─┐
//!                                                             ▼
//! frame ─► Matcher::count ─► Statistics ─► Temporal::decide ─► Mapping ─► Matcher::apply ─► frame
//!              │ ▲                             ▲
//!              │ └ area ◄─ LetterboxTracker    │
//!              └─► Survey ─► Thumbnail ────────┘
//! ```
//!
//! - [`reference`](mod@reference): a picture's colours. They are counted in the channels of a stream
//!   before a frame needs them.
//! - [`live`]: a reference that is another stream: pixels of its frames, published under a name.
//! - [`frame`]: how samples lie in memory, and checked access to them.
//! - [`matcher`]: counts a frame and maps it. Channels that are bytes in memory are worked on in place;
//!   all others are taken out by [rows](frame::rows), and converted where the channels are not the
//!   frame's components ([`kernels::convert`]).
//! - [`temporal`]: decides the [`mapping`] from the [`statistics`]. Where every frame is matched by
//!   itself, that is the rule, [`matching::match_histograms`].
//! - [`kernels`]: the functions that the matcher calls for each row, one set for each CPU.
//!
//! The elements give the matcher the memory of frames and the offsets of their planes. Nothing else
//! knows of GStreamer.
//!
//! # In an application
//!
//! Linked into an application, the plugin is registered with [`plugin_register_static`], once or more
//! often; after that, `histomatch` is an element like any other. A process can have it once: where
//! GStreamer has loaded the plugin from a file, this is an error that says so.
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
//! The feature `plugin`, on by default, is the element. Without it, the crate is the library below
//! it, which needs nothing of the system:
//!
//! ```toml
//! gst-plugin-histomatch = { version = "0.1", default-features = false }
//! ```
//!
//! [`picture::match_picture`] matches a decoded picture, and [`picture::grade_picture`] does what
//! `method=linear` and `grade` do. For frames of any layout in memory, there is the
//! [`Matcher`](matcher::Matcher):
//!
//! ```
//! use gsthistomatch::color::{ColorSpace, Encoding, Range};
//! use gsthistomatch::frame::{FrameLayout, PlaneSpan, Scan};
//! use gsthistomatch::kernels::InstructionSet;
//! use gsthistomatch::matcher::Matcher;
//! use gsthistomatch::matching::match_histograms;
//! use gsthistomatch::reference::Reference;
//! use gsthistomatch::workers::Workers;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let reference = Reference::load("examples/media/coffee.png".as_ref())?;
//! // Frames of 4 x 2 pixels of three bytes, R'G'B'.
//! let layout = FrameLayout::packed(4, 2, Encoding::Rgb(Range::Full), 3, 1);
//! let mut matcher = Matcher::new(layout, ColorSpace::Rgb, InstructionSet::best(), None)?;
//! let workers = Workers::default();
//! let mut frame = *b"twenty-four bytes of RGB";
//! let spans = [PlaneSpan { offset: 0, stride: 12 }];
//! let references = reference.cdfs(matcher.channels());
//! matcher.process(&mut frame, Scan::Progressive, &spans, &workers, |statistics| {
//!     match_histograms(&statistics.histograms, &references).into()
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is stable
//!
//! Versions follow [Semantic Versioning](https://semver.org); while they are 0.x, what is listed
//! here changes with the second number only, and the changelog says so.
//!
//! - The elements: their names, properties, signals, messages, and the formats that they take.
//! - The bytes that come out, for the same frames, reference and properties, where every frame is
//!   matched by itself. What is done over time may get better with any version.
//! - Of the library: [`picture`], [`mod@reference`], [`histogram`], [`cdf`], [`lut`], [`matching`], [`color`],
//!   [`plugin_register_static`], and the types of [`histomatch`] and [`histotap`].
//!
//! Everything else is public because the parts may be of use, and to be tested and measured. It may
//! change with any version: depend on `=0.1.0` if you use it.
#![warn(missing_docs)]

pub mod cdf;
pub mod color;
pub mod colorimetry;
pub mod distance;
pub mod frame;
pub mod grading;
pub mod histogram;
pub mod kernels;
pub mod live;
pub mod lut;
pub mod mapping;
pub mod matcher;
pub mod matching;
pub mod matrix;
pub mod picture;
#[cfg(feature = "plugin")]
mod plugin;
pub mod reference;
pub mod statistics;
pub mod temporal;
mod whole_file;
pub mod workers;

#[cfg(feature = "plugin")]
pub use plugin::{histomatch, histotap, plugin_register_static};

#[cfg(all(doctest, feature = "plugin"))]
#[doc = include_str!("../docs/applications.md")]
struct Applications;
