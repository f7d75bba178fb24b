//! Promise: the example `play` shows a file in a window, and keys change it: the reference, the
//! strength, before and after side by side, held mappings; with what it can't play, it says why.

#[path = "../../examples/play/split.rs"]
mod split;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::frames::matched;
use crate::common::programs::{self, Background, example, run, skipped, text};
use crate::common::screen::{Screen, window};
use crate::common::video::{matching, pixels_of_all, play_with, quoted, to_picture};
use crate::common::{self, data, media, oracle};
use gst::prelude::*;
use image::{RgbImage, imageops};
use temp_dir::TempDir;

const WIDTH: u32 = 448;
const HEIGHT: u32 = 288;
/// The rows above the text.
const SEEN: u32 = 180;
/// The bare rule, which has an oracle.
const EXACT: &str = "--set method=channels --set smoothing=0 --set deflicker=0 \
    --set flat-frames=match --sink ximagesink";

/// What the tests on a screen need.
fn no_screen() -> bool {
    skipped(&["setpriv", "Xvfb", "xdotool", "ffmpeg"], &["ximagesrc", "ximagesink", "pngdec"])
}

/// A part of a picture.
fn part(name: &str) -> RgbImage {
    let picture = image::open(media(name)).expect("the picture opens").into_rgb8();
    imageops::crop_imm(&picture, 0, 0, WIDTH, HEIGHT).to_image()
}

fn after(picture: &RgbImage, reference: &str) -> RgbImage {
    RgbImage::from_raw(WIDTH, HEIGHT, matched(picture, reference)).expect("it has this size")
}

/// The left half of one picture and the right half of another.
fn split_picture(left: &RgbImage, right: &RgbImage) -> RgbImage {
    let mut both = right.clone();
    imageops::replace(&mut both, &window(left, WIDTH / 2, HEIGHT), 0, 0);
    both
}

/// `play` with a window on a screen.
struct Player<'a> {
    screen: Screen,
    program: Background,
    folder: &'a Path,
}

impl<'a> Player<'a> {
    fn start(input: &str, references: &[PathBuf], folder: &'a Path) -> Self {
        let screen = Screen::new([WIDTH + 100, HEIGHT + 100], folder);
        let set_up = |command: &mut Command| {
            command.arg(input).args(references).args(EXACT.split_whitespace());
            command.env("DISPLAY", &screen.display);
        };
        let play = example("play");
        let program = programs::start(play.to_str().expect("UTF-8"), set_up, folder);
        Self { screen, program, folder }
    }

    fn press(&self, keys: &[&str]) {
        self.screen.press(keys, self.folder);
    }

    /// Waits until the window shows a picture, to the last bit.
    fn shows(&mut self, expected: &RgbImage, what: &str) {
        let (screen, folder) = (&self.screen, self.folder);
        let expected = window(expected, WIDTH, SEEN);
        let shown = self
            .program
            .wait_for(|_| (window(&screen.shot(folder), WIDTH, SEEN) == expected).then_some(()));
        assert!(shown.is_some(), "{what} is not shown: {}", self.program.text());
    }

    /// Waits until it has printed a text.
    fn says(&mut self, expected: &str) {
        let said = self.program.wait_for(|program| program.text().contains(expected).then_some(()));
        assert!(said.is_some(), "{expected} is not printed: {}", self.program.text());
    }
}

#[test]
fn keys_in_the_window_change_what_it_shows() {
    if no_screen() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let references = folder.join("references");
    std::fs::create_dir(&references).expect("made");
    for (from, to) in [
        (media("astronaut.png"), "a.png"),
        (data("README.md"), "b.png"),
        (media("coffee.png"), "c.png"),
        (media("CREDITS.md"), ".hidden"),
    ] {
        std::fs::copy(from, references.join(to)).expect("copied");
    }
    let before = part("chelsea.png");
    before.save(folder.join("a picture.png")).expect("written");
    let [astronaut, coffee] = ["astronaut.png", "coffee.png"].map(|name| after(&before, name));

    let mut player = Player::start("a picture.png", &[references], folder);
    player.shows(&astronaut, "the first reference");
    player.press(&["c"]);
    player.says("Saved histomatch.cube");
    let cube = std::fs::read_to_string(folder.join("histomatch.cube")).expect("it is there");
    assert!(cube.contains("a.png") && cube.contains("LUT_1D_SIZE 256"), "{}", &cube[..200]);
    player.press(&["Right"]);
    player.shows(&coffee, "the next reference that can be read");
    player.says("b.png': its content is not a picture");
    player.press(&["s"]);
    player.shows(&split_picture(&before, &coffee), "before and after");
    player.press(&["s", "p"]);
    player.shows(&astronaut, "the reference before");
    player.press(&["Down"; 10]);
    player.shows(&before, "nothing changed");
    player.press(&["s"]);
    player.says("strength 0.0, split");
    player.shows(&before, "nothing changed, split");
    player.press(&["Up"; 11]);
    player.shows(&split_picture(&before, &astronaut), "full strength again, split");
    player.press(&["space"]);
    player.says("paused");
    player.press(&["n"]);
    player.shows(&split_picture(&before, &coffee), "another reference, paused");
    player.press(&["h"]);
    player.says("Right, n     next reference");
    assert!(!player.program.text().contains("hidden"));
    player.press(&["q"]);
    assert!(player.program.succeeds(), "{}", player.program.text());
}

/// A video of two scenes, which begins again after two seconds.
fn two_scenes(scenes: [&RgbImage; 2], folder: &Path) {
    for (number, scene) in scenes.into_iter().enumerate() {
        scene.save(folder.join(format!("scene{number}.png"))).expect("written");
    }
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args("-framerate 1 -i scene%d.png -r 5 -c:v png scenes.mov".split(' '));
    let output = run(&mut ffmpeg, folder);
    assert!(output.status.success(), "{}", text(&output));
}

/// A picture by the tables of another one.
fn with_tables_of(source: &RgbImage, reference: &RgbImage, picture: &RgbImage) -> RgbImage {
    let channel = |picture: &RgbImage, channel: usize| -> Vec<u8> {
        picture.pixels().map(|pixel| pixel.0[channel]).collect()
    };
    let luts = [0, 1, 2].map(|c| oracle::lut(&channel(source, c), &channel(reference, c)));
    let mut matched = picture.clone();
    for pixel in matched.pixels_mut() {
        pixel.0 = [0, 1, 2].map(|c| luts[c][usize::from(pixel.0[c])]);
    }
    matched
}

#[test]
fn a_file_is_played_again_and_its_mapping_held() {
    if no_screen() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let [first, second] = ["chelsea.png", "astronaut.png"].map(part);
    two_scenes([&first, &second], folder);
    let coffee = image::open(media("coffee.png")).expect("the picture opens").into_rgb8();

    let mut player = Player::start("scenes.mov", &[media("coffee.png")], folder);
    let second_by_itself = after(&second, "coffee.png");
    player.shows(&second_by_itself, "the second scene");
    player.shows(&after(&first, "coffee.png"), "the first scene again");
    player.press(&["l"]);
    player.says("locked");
    let second_by_first = with_tables_of(&first, &coffee, &second);
    assert!(second_by_first != second_by_itself);
    player.shows(&second_by_first, "the second scene as the first");
    player.press(&["l"]);
    player.shows(&second_by_itself, "the second scene by itself again");
    player.press(&["Escape"]);
    assert!(player.program.succeeds(), "{}", player.program.text());
}

#[test]
fn keys_in_the_terminal_work_and_it_is_left_as_it_was() {
    if skipped(&["script", "stty"], &[]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let [coffee, chelsea] = ["coffee.png", "chelsea.png"].map(media);
    let play = format!(
        "'{}' test '{}' '{}' --sink='fakesink sync=true'",
        example("play").display(),
        coffee.display(),
        chelsea.display()
    );
    let session = format!("stty -g; {play}; echo code $?; stty -g");
    let mut shell = Command::new("sh");
    // An arrow is a sequence of bytes. Ctrl+Space is NUL, which no text of GLib's can hold.
    shell.args(["-c", r#"printf 'n\000\033[Bms q' | script -qec "$0" /dev/null"#, &session]);
    let output = run(&mut shell, folder.path());
    let text = text(&output);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let state = ["channels, strength 0.9, split, paused", "code 0"];
    let at = lines.iter().position(|line| line.ends_with(state[0]));
    let at = at.unwrap_or_else(|| panic!("{text}"));
    assert!(lines[at].starts_with("chelsea.png (2 of 2)"), "{text}");
    assert_eq!(lines[at + 1], state[1], "{text}");
    // Behind what the terminal echoed before the program began.
    assert!(lines[0].ends_with(lines[at + 2]) && lines[at + 2].contains(':'), "{text}");
}

#[test]
fn what_cannot_be_played_is_said_with_a_cure() {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::copy(media("CREDITS.md"), folder.path().join("text.txt")).expect("copied");
    // Two seconds of silence.
    let silence = "audiotestsrc wave=silence num-buffers=9 ! wavenc ! filesink location=sound.wav";
    let mut launch = Command::new("gst-launch-1.0");
    assert!(run(launch.args(silence.split(' ')), folder.path()).status.success());
    let (coffee, clip) = (media("coffee.png"), media("bigbuckbunny.webm"));
    let [coffee, clip] = [&coffee, &clip].map(|path| path.to_str().expect("UTF-8"));

    let camera = "Can't play the camera; is one plugged in, and does no other program use it?";
    for (arguments, expected) in [
        (vec!["camera", coffee, "--sink=fakesink"], camera),
        (
            vec!["test", coffee],
            "There is no display for a window: neither DISPLAY nor WAYLAND_DISPLAY is set. Run this on a desktop, or choose",
        ),
        (vec!["none.webm", coffee, "--sink=fakesink"], "Can't read 'none.webm'; check the path"),
        (vec!["text.txt", coffee, "--sink=fakesink"], "Can't play 'text.txt'"),
        (
            vec!["sound.wav", coffee, "--sink=fakesink", "--mute"],
            "There is neither video nor a picture in it; give another file",
        ),
        (
            vec!["test", "none.png", "text.txt", "--sink=fakesink"],
            "There is no reference picture left; give files or folders of pictures",
        ),
        (vec!["test", "none.png", "--sink=fakesink"], "Skipped 'none.png': there is no such file"),
        (vec!["test", coffee, "--sink=nosink"], "no element \"nosink\""),
        (
            vec!["test", coffee, "--sink=fakesink", "--set", "x=1"],
            "histomatch has no property 'x' to set; see the README's table",
        ),
        (
            vec!["test", coffee, "--sink=fakesink", "--set", "stats=1"],
            "histomatch has no property 'stats' to set",
        ),
        (
            vec!["test", coffee, "--sink=fakesink", "--set", "strength=2x"],
            "'2x' is no value of strength, which is of type gdouble: ",
        ),
        (vec!["test", coffee, "--sink=fakesink", "--set", "strength"], "write it as NAME=VALUE"),
    ] {
        let mut play = Command::new(example("play"));
        play.args(&arguments).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        let output = run(&mut play, folder.path());
        let text = text(&output);
        assert!(!output.status.success() && text.contains(expected), "{arguments:?}: {text}");
    }

    let mut once = Command::new(example("play"));
    once.args([clip, coffee, "--once", "--sink=fakesink sync=false"]);
    let output = run(&mut once, folder.path());
    assert!(output.status.success(), "{}", text(&output));
}

/// The frame that comes out of elements, which get a picture in a format.
fn frame(format: &str, elements: &str, set_up: impl FnOnce(&gst::Pipeline)) -> RgbImage {
    let pipeline = format!(
        "filesrc location={} ! pngdec ! videoscale ! videoconvert
            ! video/x-raw,format={format},width=96,height=32 {elements}
            ! videoconvert ! video/x-raw,format=RGBx ! appsink name=frames",
        quoted(&media("chelsea.png"))
    );
    let [samples] = play_with(&pipeline, ["frames"], set_up);
    to_picture(pixels_of_all(&samples).remove(0), 96, 32)
}

#[test]
fn every_format_can_be_split() {
    common::init();
    let caps = split::caps();
    let formats = caps.structure(0).expect("formats").get::<gst::List>("format").expect("a list");
    assert!(formats.len() > 80, "{}", formats.len());
    // Those of the element; conversions of the others to R'G'B' may fail.
    let element = gst::ElementFactory::make("histomatch").build().expect("the element is made");
    let template = element.pad_template("sink").expect("a template").caps().clone();
    for format in formats.iter() {
        let format = format.get::<&str>().expect("a name");
        let of_format = gst::Caps::builder("video/x-raw").field("format", format).build();
        if !template.can_intersect(&of_format) {
            continue;
        }
        let matching = format!("! {} name=look", matching(&quoted(&media("coffee.png"))));
        let before = frame(format, "", |_| {});
        let after = frame(format, &matching, |_| {});
        let both = frame(format, &matching, |pipeline| {
            let look = pipeline.by_name("look").expect("it is in the pipeline");
            let split = split::Split::around(&look).expect("it has pads");
            assert!(!split.is_on());
            split.toggle();
            assert!(split.is_on());
        });
        // But for the middle, where the converter may fill in chroma from both sides.
        let side = |picture, left| imageops::crop_imm(picture, left, 0, 40, 32).to_image();
        assert!(side(&both, 0) == side(&before, 0), "{format}: left");
        assert!(side(&both, 56) == side(&after, 56), "{format}: right");
        assert!(side(&before, 0) != side(&after, 0), "{format}: nothing is matched");
        assert!(side(&before, 56) != side(&after, 56), "{format}: nothing is matched");
    }
}
