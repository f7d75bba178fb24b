//! A screen to look at, without hardware.

use std::path::Path;
use std::process::Command;

use image::{RgbImage, imageops};

use super::programs::{self, Background, run, text};
use super::video::{pixels, to_picture};

/// An X server whose screen is in memory only.
pub struct Screen {
    pub display: String,
    size: [u32; 2],
    _server: Background,
}

impl Screen {
    /// Black.
    pub fn new(size: [u32; 2], folder: &Path) -> Self {
        let [width, height] = size;
        let set_up = |command: &mut Command| {
            // It looks for a free display, and prints its number.
            command.args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-br"]);
            command.args(["-screen", "0", &format!("{width}x{height}x24")]);
        };
        let mut server = programs::start("Xvfb", set_up, folder);
        let number = |server: &Background| {
            let text = server.text();
            let mut lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            lines.find_map(|line| line.parse::<u32>().ok())
        };
        let display = server.wait_for(number);
        let display = display.unwrap_or_else(|| panic!("no display: {}", server.text()));
        Self { display: format!(":{display}"), size, _server: server }
    }

    /// What is on the screen.
    pub fn shot(&self, folder: &Path) -> RgbImage {
        let mut launch = Command::new("gst-launch-1.0");
        launch.args(
            "ximagesrc num-buffers=1 use-damage=false show-pointer=false
                ! video/x-raw,format=BGRx ! filesink location=shot.raw"
                .split_whitespace(),
        );
        let output = run(launch.env("DISPLAY", &self.display), folder);
        assert!(output.status.success(), "{}", text(&output));
        let memory = std::fs::read(folder.join("shot.raw")).expect("it was written");
        let [width, height] = self.size;
        to_picture(pixels(&memory, [2, 1, 0]), width, height)
    }

    /// Presses keys, by X's names, in the window that is in the upper left.
    pub fn press(&self, keys: &[&str], folder: &Path) {
        let mut xdotool = Command::new("xdotool");
        // Without a window manager, the keys are for the window under the pointer.
        xdotool.args(["mousemove", "20", "20", "key"]).args(keys).env("DISPLAY", &self.display);
        let output = run(&mut xdotool, folder);
        assert!(output.status.success(), "{}", text(&output));
    }
}

/// The part of the screen where a window is if no window manager moves it: the upper left.
pub fn window(shot: &RgbImage, width: u32, height: u32) -> RgbImage {
    imageops::crop_imm(shot, 0, 0, width, height).to_image()
}
