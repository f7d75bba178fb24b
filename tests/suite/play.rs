//! Promise: the example `play` shows a file in a window, and keys change it: the reference, which may be another
//! stream or the frame itself, the strength, before and after side by side, held mappings, what is learned from, where
//! it is in a film; virtual cameras and saved frames show the same; with what it can't play, it says why.

#[path = "../../examples/play/split.rs"]
mod split;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::frames::matched;
use crate::common::pipewire::Session;
use crate::common::programs::{self, Background, example, run, skipped, text};
use crate::common::screen::{Screen, window};
use crate::common::video::{matching, pixels_of_all, play_with, quoted, to_picture};
use crate::common::{self, data, media, oracle};
use gst::prelude::*;
use image::{Rgb, RgbImage, imageops};
use temp_dir::TempDir;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, PropMode,
};
use x11rb::wrapper::ConnectionExt as _;

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

/// Where the window's sink says what keys it gets.
const KEYS: &str = "keys.log";

fn key_events(log: &Path) -> usize {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.matches(" pressed over window").count()
}

impl<'a> Player<'a> {
    fn start(input: &str, references: &[PathBuf], folder: &'a Path) -> Self {
        let set_up = |command: &mut Command| {
            command.args(references);
        };
        Self::start_with(input, set_up, folder)
    }

    fn start_with(input: &str, set_up: impl FnOnce(&mut Command), folder: &'a Path) -> Self {
        let screen = Screen::new([WIDTH + 100, HEIGHT + 100], folder);
        let set_up = |command: &mut Command| {
            command.arg(input).args(EXACT.split_whitespace()).env("DISPLAY", &screen.display);
            command.env("GST_DEBUG", "ximagesink:5").env("GST_DEBUG_FILE", folder.join(KEYS));
            set_up(command);
        };
        let play = example("play");
        let program = programs::start(play.to_str().expect("UTF-8"), set_up, folder);
        Self { screen, program, folder }
    }

    fn quit(mut self) {
        self.press(&["q"]);
        assert!(self.program.succeeds(), "{}", self.program.text());
    }

    /// Presses keys, and again what the window doesn't get: one of some hundreds, on a busy machine.
    fn press(&mut self, keys: &[&str]) {
        for key in keys {
            let log = self.folder.join(KEYS);
            let before = key_events(&log);
            let is_got = (0..3).any(|_| {
                self.screen.press(&[key], self.folder);
                let deadline = Instant::now() + Duration::from_secs(10);
                // It may be the one that ends it. A key is pressed and let go.
                let is_over = self.program.wait_for(|_| {
                    let is_got = key_events(&log) >= before + 2;
                    (is_got || Instant::now() > deadline).then_some(is_got)
                });
                is_over.unwrap_or(true)
            });
            assert!(is_got, "{key} does not arrive. {}", self.program.story());
        }
    }

    /// Waits until the window shows a picture, to the last bit.
    fn shows(&mut self, expected: &RgbImage, what: &str) {
        let expected = window(expected, WIDTH, SEEN);
        self.sees(|shot| window(shot, WIDTH, SEEN) == expected, what);
    }

    /// Waits until the screen is as it should be.
    fn sees(&mut self, is_right: impl Fn(&RgbImage) -> bool, what: &str) {
        let (screen, folder) = (&self.screen, self.folder);
        let seen = self.program.wait_for(|_| is_right(&screen.shot(folder)).then_some(()));
        assert!(seen.is_some(), "{what} is not shown. {}", self.program.story());
    }

    /// Waits until it has printed a text.
    fn says(&mut self, expected: &str) {
        let said = self.program.wait_for(|program| program.text().contains(expected).then_some(()));
        assert!(said.is_some(), "{expected} is not printed. {}", self.program.story());
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
        (media("how-it-works.png"), "d.png"),
        (media("bigbuckbunny.webm"), "e.webm"),
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
    player.press(&["n"]);
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
    player.says("n       next reference");
    // Back, over what is no picture.
    player.press(&["p", "p"]);
    player.says("e.webm': it is a film or sound, not a picture");
    player.says("d.png': it looks like a chart");
    player.says("c.png (2 of 2)");
    player.shows(&split_picture(&before, &coffee), "the last picture");
    assert!(!player.program.text().contains("hidden"));
    player.quit();
}

#[test]
fn what_is_asked_for_by_its_name_may_be_a_film_or_a_chart() {
    if skipped(&["script"], &[]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let [clip, chart] = ["bigbuckbunny.webm", "how-it-works.png"].map(media);
    let (clip, chart) = (clip.display(), chart.display());
    let play = format!(
        "'{}' test '{clip}' 'file://{clip}#t=1,2' '{chart}' --sink='fakesink sync=true'",
        example("play").display()
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"printf nnq | script -qec "$0" /dev/null"#, &play]);
    let output = run(&mut shell, folder.path());
    let text = text(&output);
    for name in ["webm (1 of 3)", "webm#t=1,2 (2 of 3)", "how-it-works.png (3 of 3)"] {
        assert!(text.contains(name), "{text}");
    }
    assert!(!text.contains("Can't use") && !text.contains("Skipped"), "{text}");
}

const DARK: Rgb<u8> = Rgb([60, 50, 40]);
const LIGHT: Rgb<u8> = Rgb([180, 190, 200]);
/// Of another stream.
const DULL: Rgb<u8> = Rgb([90, 100, 110]);
const BRIGHT: Rgb<u8> = Rgb([220, 210, 230]);
const BLACK: Rgb<u8> = Rgb([0; 3]);

fn plain(color: Rgb<u8>) -> RgbImage {
    RgbImage::from_pixel(WIDTH, HEIGHT, color)
}

/// The colours of a picture.
fn colors(file: &Path) -> HashSet<Rgb<u8>> {
    let picture = image::open(file).expect("a picture").into_rgb8();
    picture.pixels().copied().collect()
}

#[test]
fn another_stream_is_followed_learned_and_locked_in_parts() {
    if no_screen() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let frame = split_picture(&plain(DARK), &plain(LIGHT));
    frame.save(folder.join("frame.png")).expect("written");
    let other = RgbImage::from_fn(300, 300, |_, y| if y < 180 { DULL } else { BRIGHT });
    other.save(folder.join("other.png")).expect("written");
    let set_up = |command: &mut Command| {
        command.args(["--reference-from", "other.png"]);
    };
    let mut player = Player::start_with("frame.png", set_up, folder);
    player.says("other.png: waiting for its first frames (1 of 1), channels, strength 1.0");
    player.says("other.png: live (1 of 1), channels, strength 1.0");
    let of_whole = split_picture(&plain(DULL), &plain(BRIGHT));
    player.shows(&of_whole, "what was learned of all");
    player.press(&["r"]);
    player.says("Learns from what is on now, and is locked then");
    player.press(&["a", "a"]);
    player.says("from the left half, locked");
    // Just inside of its edge, from the top to the bottom.
    let edge = WIDTH / 2 - 2;
    let is_white = |shot: &RgbImage, y| shot.get_pixel(edge, y).0 == [255; 3];
    player.sees(|shot| (2..SEEN).all(|y| is_white(shot, y)), "the outline of the left half");
    player.shows(&of_whole, "what is locked");
    player.press(&["r"]);
    // What is there alone is as bright as the brightest.
    player.shows(&plain(BRIGHT), "what was learned of the left half");

    player.press(&["l", "t"]);
    player.says("the frame that was taken, channels, strength 1.0, from the left half");
    player.shows(&plain(DARK), "a part of the frame as its reference");
    player.press(&["c"]);
    player.says("Saved histomatch.cube");
    player.press(&["a"; 4]);
    player.says("the frame that was taken, channels, strength 1.0\n");
    player.press(&["n"]);
    player.shows(&of_whole, "the other stream again");
    player.quit();
}

#[test]
fn the_look_of_another_stream_or_of_a_frame_is_saved() {
    if no_screen() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let [frame, other] = ["frame.png", "other.png"].map(|name| folder.join(name));
    part("chelsea.png").save(&frame).expect("written");
    part("coffee.png").save(&other).expect("written");
    let set_up = |command: &mut Command| {
        command.args(["--reference-from", "other.png"]);
    };
    let mut player = Player::start_with("frame.png", set_up, folder);
    player.says("other.png: live");
    // Keys are for a window, which comes with its first frame.
    player.sees(|shot| shot.pixels().any(|pixel| pixel.0 != [0; 3]), "a picture");
    let look = folder.join("histomatch-look.png");
    player.press(&["w"]);
    player.says("Saved histomatch-look.png");
    assert!(colors(&look).is_subset(&colors(&other)));
    player.press(&["t"]);
    player.says("the frame that was taken");
    std::fs::remove_file(&look).expect("it was saved");
    player.press(&["w", "c"]);
    player.says("Saved histomatch.cube");
    assert!(colors(&look).is_subset(&colors(&frame)));
    player.quit();
}

#[test]
fn a_reference_that_is_late_or_ends_is_said() {
    if skipped(&["setpriv", "ffmpeg"], &["pngdec"]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let scenes = ["chelsea.png", "astronaut.png"].map(part);
    // One frame a second is fewer than a tap expects.
    two_scenes([&scenes[0], &scenes[1]], ["1", "1"], folder.path());
    for (options, state) in [
        ("--once --set reference-timeout=0", "ended, its last look is held"),
        ("--set reference-timeout=1", "stale, its last look is held"),
    ] {
        let set_up = |command: &mut Command| {
            command.args(["test", "--reference-from=scenes.mov", "--sink=fakesink sync=true"]);
            command.args(options.split(' '));
        };
        let play = example("play");
        let mut program = programs::start(play.to_str().expect("UTF-8"), set_up, folder.path());
        for state in ["waiting for its first frames", "live", state] {
            let line = format!("scenes.mov: {state} (1 of 1), grade");
            let said = program.wait_for(|program| program.text().contains(&line).then_some(()));
            assert!(said.is_some(), "{line}: {}", program.text());
        }
        program.signal("INT");
        assert!(program.succeeds(), "{}", program.text());
    }
}

#[test]
fn keys_go_to_other_times_of_a_film() {
    if no_screen() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let [first, second] = ["chelsea.png", "astronaut.png"].map(part);
    two_scenes([&first, &second], ["1/10", "5"], folder);
    let [first, second] = [first, second].map(|scene| after(&scene, "coffee.png"));

    let mut player = Player::start("scenes.mov", &[media("coffee.png")], folder);
    player.shows(&first, "the first scene");
    player.press(&["space"]);
    player.says("paused");
    for (key, position, scene) in [
        ("Left", "0:00 of 0:20", &first),
        ("Right", "0:05 of 0:20", &first),
        ("Right", "0:10 of 0:20", &second),
        ("Left", "0:05 of 0:20", &first),
    ] {
        player.press(&[key]);
        player.says(position);
        player.shows(scene, position);
    }
    player.quit();
}

#[test]
fn a_saved_frame_is_what_is_shown_without_texts() {
    if no_screen() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let before = part("chelsea.png");
    before.save(folder.join("picture.png")).expect("written");
    let coffee = after(&before, "coffee.png");

    let mut player = Player::start("picture.png", &[media("coffee.png")], folder);
    player.shows(&coffee, "the matched picture");
    player.press(&["h", "i"]);
    player.says("Saved histomatch-1.png");
    let split = split_picture(&before, &coffee);
    // One by one: sinks lose keys while it is sought.
    player.press(&["space"]);
    player.says("paused");
    player.press(&["s"]);
    player.shows(&split, "before and after");
    player.press(&["i"]);
    player.says("Saved histomatch-2.png");
    for (file, expected) in [("histomatch-1.png", coffee.clone()), ("histomatch-2.png", split)] {
        let saved = image::open(folder.join(file)).expect("a picture").into_rgb8();
        assert!(saved == expected, "{file}");
    }
    player.press(&["Right"]);
    player.says("Only in films can one go forwards and back");
    player.quit();
}

#[test]
fn a_reference_that_is_chosen_is_not_undone_by_a_frame_that_was_to_be_taken() {
    if no_screen() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let references = [media("coffee.png"), media("astronaut.png")];
    let mut player = Player::start("test", &references, folder);
    player.sees(|shot| shot.pixels().any(|pixel| pixel.0 != [0; 3]), "the pattern");
    // It is live, so that there are no frames meanwhile.
    player.press(&["space"]);
    player.says("paused");
    player.press(&["t", "n"]);
    player.says("astronaut.png (2 of 2)");
    player.press(&["space"]);
    let (screen, cube) = (&player.screen, folder.join("histomatch.cube"));
    let is_used = player.program.wait_for(|_| {
        screen.press(&["c"], folder);
        let text = std::fs::read_to_string(&cube).unwrap_or_default();
        text.contains("astronaut.png").then_some(())
    });
    assert!(is_used.is_some(), "{}", player.program.story());
    player.quit();
}

#[test]
fn the_window_fills_the_screen_and_comes_back() {
    if no_screen() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    plain(DULL).save(folder.join("other.png")).expect("written");
    let mut player = Player::start("other.png", &[folder.join("other.png")], folder);
    player.shows(&plain(DULL), "the picture");
    let [width, height] = [WIDTH + 100, HEIGHT + 100];
    // The screen is higher, so that the picture is as wide as it, and in the middle.
    let corners = [(0, height / 2), (width - 1, height / 2)];
    let fills = |shot: &RgbImage| corners.iter().all(|&(x, y)| *shot.get_pixel(x, y) == DULL);
    player.press(&["f"]);
    player.sees(|shot| fills(shot) && *shot.get_pixel(0, 0) == BLACK, "a full screen");
    player.press(&["Escape"]);
    let outside = move |x, y| x >= WIDTH || y >= HEIGHT;
    let is_back = |shot: &RgbImage| {
        shot.enumerate_pixels().all(|(x, y, pixel)| !outside(x, y) || *pixel == BLACK)
    };
    player.sees(is_back, "a window");
    player.shows(&plain(DULL), "the picture in its window");

    // With a window manager, that is asked.
    let (x, number) = x11rb::connect(Some(&player.screen.display)).expect("a connection");
    let root = x.setup().roots[number].root;
    let atom = |name: &str| {
        let reply = x.intern_atom(false, name.as_bytes()).expect("sent").reply();
        reply.expect("an atom").atom
    };
    let check = atom("_NET_SUPPORTING_WM_CHECK");
    let kind = AtomEnum::WINDOW;
    x.change_property32(PropMode::REPLACE, root, check, kind, &[root]).expect("sent");
    let events = ChangeWindowAttributesAux::new().event_mask(EventMask::SUBSTRUCTURE_NOTIFY);
    x.change_window_attributes(root, &events).expect("sent").check().expect("accepted");
    for (key, full) in [("f", 1), ("Escape", 0)] {
        player.press(&[key]);
        let asked = player.program.wait_for(|_| match x.poll_for_event().expect("a connection") {
            Some(Event::ClientMessage(message)) => Some(message),
            _ => None,
        });
        let asked = asked.unwrap_or_else(|| panic!("{key}: {}", player.program.text()));
        let [action, property, ..] = asked.data.as_data32();
        assert_eq!(asked.type_, atom("_NET_WM_STATE"));
        assert_eq!([action, property], [full, atom("_NET_WM_STATE_FULLSCREEN")]);
    }
    player.press(&["Escape"]);
    assert!(player.program.succeeds(), "{}", player.program.text());
}

#[test]
fn a_virtual_camera_shows_the_matched_frames_without_texts() {
    if no_screen() || skipped(&["pipewire", "pw-link"], &["pipewiresrc", "pipewiresink"]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let before = part("chelsea.png");
    before.save(folder.join("picture.png")).expect("written");
    let coffee = after(&before, "coffee.png");
    coffee.save(folder.join("matched.png")).expect("written");
    let mut launch = Command::new("gst-launch-1.0");
    launch.args(
        "filesrc location=matched.png ! pngdec ! videoconvert ! video/x-raw,format=YUY2
            ! filesink location=expected.raw"
            .split_whitespace(),
    );
    let output = run(&mut launch, folder);
    assert!(output.status.success(), "{}", text(&output));
    let expected = std::fs::read(folder.join("expected.raw")).expect("it was written");

    let session = Session::new(folder);
    let set_up = |command: &mut Command| {
        session.enter(command.arg(media("coffee.png")).args(["--to", "pipewire"]));
    };
    let mut player = Player::start_with("picture.png", set_up, folder);
    player.shows(&coffee, "the matched picture");
    player.press(&["h"]);
    player.says("Keys:");
    // One after the other, as calls come and go.
    for caller in ["first", "second"] {
        let set_up = |command: &mut Command| {
            let pipeline = format!(
                "--no-fault pipewiresrc num-buffers=10
                    stream-properties=props,node.name={caller} ! filesink location={caller}.raw"
            );
            session.enter(command.args(pipeline.split_whitespace()));
        };
        let mut call = programs::start("gst-launch-1.0", set_up, folder);
        let to = session.port(&mut call, "--input", caller);
        // PipeWire 1.4 gives it another one for each.
        let from = session.port(&mut player.program, "--output", "histomatch");
        session.link(&from, &to);
        assert!(call.succeeds(), "{}{}{}", call.text(), player.program.text(), session.text());
        let frames = std::fs::read(folder.join(format!("{caller}.raw"))).expect("it was written");
        assert_eq!(frames.len(), 10 * expected.len());
        assert!(frames.chunks(expected.len()).all(|frame| frame == expected), "{caller}");
    }
    player.quit();
}

/// A video of two scenes: so many of these, and of frames, a second.
fn two_scenes(scenes: [&RgbImage; 2], [rate, frames]: [&str; 2], folder: &Path) {
    for (number, scene) in scenes.into_iter().enumerate() {
        scene.save(folder.join(format!("scene{number}.png"))).expect("written");
    }
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-framerate", rate]);
    ffmpeg.args(["-i", "scene%d.png", "-r", frames, "-c:v", "png", "scenes.mov"]);
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
    two_scenes([&first, &second], ["1", "5"], folder);
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
        (vec!["test", "--sink=fakesink"], "or another stream by --reference-from"),
        (
            vec!["/dev/video99", coffee, "--sink=fakesink"],
            "There is no camera '/dev/video99'; is it plugged in?",
        ),
        (
            vec!["/dev/null", coffee, "--sink=fakesink"],
            "Can't play the camera '/dev/null'; is it one, and does no other program use it?",
        ),
        (vec!["test", "--reference-from=camera", "--sink=fakesink"], camera),
        (
            vec!["camera", "--reference-from=camera", "--sink=fakesink"],
            "give the device of another one, as in --reference-from /dev/video2",
        ),
        (
            vec!["test", "--reference-from=none.webm", "--sink=fakesink"],
            "Can't read 'none.webm'; check the path",
        ),
        (
            vec!["test", "--reference-from=text.txt", "--sink=fakesink"],
            "Can't use the reference\n\nCaused by:\n    0: Can't play 'text.txt'",
        ),
        (
            vec!["test", "--reference-from=sound.wav", "--sink=fakesink"],
            "There is neither video nor a picture in it; give another file",
        ),
        (
            vec!["test", coffee, "--to=call", "--sink=fakesink"],
            "give 'pipewire', or a device of v4l2loopback, as /dev/video10",
        ),
        (
            vec!["test", coffee, "--to=/dev/video98", "--sink=fakesink"],
            "modprobe v4l2loopback video_nr=98 card_label=histomatch exclusive_caps=1",
        ),
        (
            vec!["test", coffee, "--to=/dev", "--sink=fakesink"],
            "The virtual camera '/dev' is no device",
        ),
        (
            vec!["test", coffee, "--to=/dev/null", "--sink=fakesink"],
            "Can't write to the virtual camera '/dev/null'; is it of v4l2loopback",
        ),
        (
            vec!["test", coffee, "--to=pipewire", "--sink=fakesink"],
            "Can't be a camera of PipeWire; does it run? To start it: systemctl",
        ),
        (
            vec!["test", coffee, "--sink=fakesink", "--set", "x=1"],
            "histomatch has no property 'x' that can be set",
        ),
        (
            vec!["test", coffee, "--sink=fakesink", "--set", "stats=1"],
            "histomatch has no property 'stats' that can be set",
        ),
        (
            vec!["test", coffee, "--sink=fakesink", "--set", "strength=2x"],
            "'2x' is no value for it (How far levels go",
        ),
        (
            vec!["test", coffee, "--sink=fakesink", "--set", "strength=2"],
            "'2' is no value for it (How far levels go",
        ),
        (
            vec!["test", coffee, "--sink=fakesink", "--set", "reference-channel=x"],
            "the reference is what the arguments say",
        ),
        (vec!["test", coffee, "--sink=fakesink", "--set", "strength"], "write it as NAME=VALUE"),
    ] {
        let mut play = Command::new(example("play"));
        play.args(&arguments).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        // Where no PipeWire runs.
        play.envs(["XDG_RUNTIME_DIR", "PIPEWIRE_RUNTIME_DIR"].map(|name| (name, folder.path())));
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
