//! Plays a video file, a picture, a camera or a test pattern in a window, matched to reference
//! pictures or to another stream, with keys to change them and everything else while it plays:
//!
//! ```text
//! cargo run --release --example play -- FILE|camera|DEVICE|test PICTURE|FOLDER...
//! cargo run --release --example play -- INPUT --reference-from camera|DEVICE|FILE|test
//! ```
//!
//! Keys come from the window and from the terminal; `h` shows them.

mod actions;
#[path = "../common/frame.rs"]
mod frame;
mod keys;
mod live;
mod output;
mod overlay;
mod player;
#[path = "../common/property.rs"]
mod property;
mod references;
mod regions;
mod screen;
mod snapshot;
mod split;
mod stream;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Parser;
use output::VirtualCamera;
use player::{AUTOMATIC_SINK, Player, Setup};
use references::References;
use stream::Source;

/// Plays a video in a window, matched to reference pictures or to another stream; keys change it while it
/// plays.
#[derive(Parser)]
#[command(name = "play", version, after_help = keys::help())]
struct Options {
    /// A video or picture file, 'camera', the device of a camera, or 'test' for a test pattern
    input: String,
    /// Reference pictures, folders of them, and films
    references: Vec<PathBuf>,
    /// Another stream as the reference: 'camera', the device of a camera, a file that plays, or 'test'
    #[arg(long, value_name = "INPUT")]
    reference_from: Option<String>,
    /// Gives the picture to a virtual camera, too: 'pipewire', or a device of v4l2loopback, as
    /// /dev/video10
    #[arg(long, value_name = "CAMERA")]
    to: Option<VirtualCamera>,
    /// Sets a property of histomatch, as in max-slope=4
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_setting)]
    settings: Vec<(String, String)>,
    /// Ends with the film, which otherwise is played again
    #[arg(long)]
    once: bool,
    /// Without sound
    #[arg(long)]
    mute: bool,
    /// The element that shows the video
    #[arg(long, default_value = AUTOMATIC_SINK)]
    sink: String,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    gst::init()?;
    gsthistomatch::plugin_register_static()?;
    if options.sink == AUTOMATIC_SINK && !has_display() {
        bail!(
            "There is no display for a window: neither DISPLAY nor WAYLAND_DISPLAY is set. \
             Run this on a desktop, or choose where the video goes by --sink"
        );
    }

    if options.references.is_empty() && options.reference_from.is_none() {
        bail!(
            "There is no reference; give pictures, folders of them, or another stream by \
             --reference-from"
        );
    }
    let references = References::new(options.reference_from.is_some(), &options.references)?;
    let reference = options.reference_from.as_deref().map(Source::named).transpose();
    let setup = Setup {
        source: Source::named(&options.input)?,
        reference: reference.context("Can't use the reference")?,
        camera: options.to,
        sink: &options.sink,
        with_sound: !options.mute,
    };
    let player = Player::new(setup, references)?;
    for (name, value) in &options.settings {
        player.set(name, value).with_context(|| format!("--set {name}={value} can't be done"))?;
    }
    keys::listen(player.bus()).context("Can't listen to keys and signals")?;
    player.play(options.once)
}

fn parse_setting(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = text.split_once('=').context("write it as NAME=VALUE")?;
    Ok((name.to_string(), value.to_string()))
}

/// Without one, autovideosink of GStreamer 1.22 tries every sink there is, and some crash.
fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}
