//! Plays a video file, a picture, a camera or a test pattern in a window, matched to reference
//! pictures, with keys to change them and everything else while it plays:
//!
//! ```text
//! cargo run --release --example play -- FILE|camera|test PICTURE|FOLDER...
//! ```
//!
//! Keys come from the window and from the terminal; `h` shows them.

mod keys;
mod player;
mod references;
mod split;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Parser;
use player::{AUTOMATIC_SINK, Player};
use references::References;

/// Plays a video in a window, matched to reference pictures that keys change while it plays.
#[derive(Parser)]
#[command(after_help = keys::help())]
struct Options {
    /// A video or picture file, 'camera', or 'test' for a test pattern
    input: String,
    /// Reference pictures, and folders of them
    #[arg(required = true)]
    references: Vec<PathBuf>,
    /// Sets a property of histomatch, as in max-slope=4
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_setting)]
    settings: Vec<(String, String)>,
    /// Ends with the file, which otherwise is played again
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

    let references = References::new(&options.references)?;
    let player = Player::new(&options.input, &options.sink, !options.mute, references)?;
    for (name, value) in &options.settings {
        player.set(name, value)?;
    }
    let _terminal = keys::listen(player.bus()).context("Can't listen to keys and signals")?;
    player.play(options.once).with_context(|| match options.input.as_str() {
        "camera" => "Can't play the camera; is one plugged in, and does no other program use it?"
            .to_string(),
        input => format!("Can't play '{input}'"),
    })
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
