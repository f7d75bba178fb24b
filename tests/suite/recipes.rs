//! Promise: the recipes for several cameras do what they are for: a camera that learned and was locked is near the
//! truth on other views, in the program `cameras.py`, behind a mixer, and where the other camera is in another process.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::cameras::{CAMERAS, error};
use crate::common::live::{frame_of, later, publish, save, sequence, tap, until};
use crate::common::programs::{self, Background, PATIENCE, python, run, skipped, text};
use crate::common::{self, Rig, media, open};
use crate::pipelines::{LIVE, blocks};
use gst::prelude::*;
use image::RgbImage;
use image::imageops::{FilterType, resize};
use temp_dir::TempDir;

const SIZE: (u32, u32) = (640, 360);

/// What a perfect camera sees.
fn view(picture: &str) -> RgbImage {
    resize(&open(&media(picture)).into_rgb8(), SIZE.0, SIZE.1, FilterType::Triangle)
}

/// Puts a picture in front of a camera of [`source`].
fn show(picture: &RgbImage, camera: &str, folder: &Path) {
    let whole = folder.join("whole.png");
    picture.save(&whole).expect("saved");
    std::fs::rename(whole, folder.join(camera)).expect("renamed");
}

/// A camera that sees whatever is in a file, and fails if there is none.
fn source(camera: &str) -> String {
    // It may end in caps, as in pipelines for gst-launch-1.0.
    format!(
        "multifilesrc location={camera} loop=true caps=image/png,framerate=10/1 ! pngdec \
         ! video/x-raw,format=RGB"
    )
}

/// Where frames go, as they are: PNG takes too long.
const TO_FILE: &str = "videoconvert ! video/x-raw,format=RGB ! multifilesink location=shown.raw";

/// The last frame there, if it is of that size. Mixers begin with smaller ones.
fn shown(file: &Path, (width, height): (u32, u32)) -> Option<RgbImage> {
    let bytes = std::fs::read(file).ok()?;
    let is_whole = bytes.len() == (3 * width * height) as usize;
    is_whole.then(|| RgbImage::from_raw(width, height, bytes))?
}

/// How far the last frame in a file is from the truth, as a share of how far what the camera saw is.
fn share(file: &Path, seen: &RgbImage, truth: &RgbImage) -> Option<f64> {
    let picture = shown(file, SIZE)?;
    Some(error(&picture, truth) / error(seen, truth))
}

/// `cameras.py` with keys from a pipe.
struct Show {
    program: Background,
    keys: File,
    air: PathBuf,
}

impl Show {
    fn start(cameras: &[&str], folder: &Path) -> Self {
        let sources: String =
            cameras.iter().map(|camera| format!(" '{}'", source(camera))).collect();
        let script = format!(
            "mkfifo keys; exec '{}' '{}' {sources} --learn 1 --size {}x{} --sink 'fakesink sync=true'
                --to '{TO_FILE}' <> keys",
            python().get_program().to_str().expect("UTF-8"),
            program().display(),
            SIZE.0,
            SIZE.1
        );
        let set_up = |command: &mut Command| {
            command.args(["-c", &script.replace('\n', " ")]).env("PYTHONDONTWRITEBYTECODE", "1");
        };
        let mut program = programs::start("sh", set_up, folder);
        let keys = folder.join("keys");
        let is_there = program.wait_for(|_| keys.exists().then_some(()));
        assert!(is_there.is_some(), "{}", program.text());
        let keys = File::options().read(true).write(true).open(keys).expect("a pipe");
        let mut show = Self { program, keys, air: folder.join("shown.raw") };
        // Black until then.
        let is_seen = |frame: RgbImage| frame.iter().any(|level| *level > 100);
        show.wait_until("A is on air", |air| shown(air, SIZE).is_some_and(is_seen));
        // Nor is black learned: it is out of the tap's window then, also on a slow machine.
        std::thread::sleep(std::time::Duration::from_secs(2));
        show
    }

    fn press(&mut self, key: &str) {
        self.keys.write_all(key.as_bytes()).expect("it is read");
    }

    /// How often it has said something so far.
    fn count(&self, words: &str) -> usize {
        self.program.text().lines().filter(|line| line.starts_with(words)).count()
    }

    fn wait_for(&mut self, words: &str, count: usize) {
        let is_said = |program: &Background| {
            program.text().lines().filter(|line| line.starts_with(words)).count()
        };
        let found = self.program.wait_for(|program| (is_said(program) >= count).then_some(()));
        assert!(found.is_some(), "{words}: {}", self.program.text());
    }

    fn wait_until(&mut self, what: &str, is_so: impl Fn(&Path) -> bool) {
        let found = self.program.wait_for(|_| is_so(&self.air).then_some(()));
        assert!(found.is_some(), "{what}: {}", self.program.text());
    }
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/python/cameras.py")
}

fn is_skipped() -> bool {
    skipped(&["setpriv"], &["intervideosink", "watchdog", "textoverlay", "multifilesrc"])
}

#[test]
fn cameras_learn_are_locked_and_go_on_air() {
    if is_skipped() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let [learned, of_a, of_b] = ["astronaut.png", "coffee.png", "chelsea.png"].map(view);
    let [camera_b, camera_c, _] = &CAMERAS;
    show(&learned, "a.png", folder.path());
    show(&camera_b.sees(&learned, 1), "b.png", folder.path());
    show(&camera_c.sees(&learned, 2), "c.png", folder.path());
    let mut program = Show::start(&["a.png", "b.png", "c.png"], folder.path());
    let (seen_b, seen_c) = (camera_b.sees(&of_b, 3), camera_c.sees(&of_b, 4));

    // Nothing is learned until it is asked for.
    program.press("2");
    program.wait_for("On air: B", 1);
    let seen = camera_b.sees(&learned, 1);
    program.wait_until("B has its own colours", |air| {
        share(air, &seen, &learned).is_some_and(|share| share > 0.7)
    });
    program.press("l");
    program.wait_for("B is locked", 1);
    program.wait_for("C is locked", 1);
    program.press("s");
    program.wait_for("How A looks is in look.png", 1);
    assert!(open(&folder.path().join("look.png")).width() > 100);
    program
        .wait_until("B looks like A", |air| share(air, &seen, &learned).is_some_and(|s| s < 0.35));

    // Views that have nothing in common.
    show(&of_a, "a.png", folder.path());
    show(&seen_b, "b.png", folder.path());
    show(&seen_c, "c.png", folder.path());
    program.wait_until("B is right", |air| share(air, &seen_b, &of_b).is_some_and(|s| s < 0.5));
    program.press("3");
    program.wait_for("On air: C", 1);
    program.wait_until("C is right", |air| share(air, &seen_c, &of_b).is_some_and(|s| s < 0.5));
    program.press("1");
    program.wait_until("A is as it is", |air| share(air, &seen_b, &of_a).is_some_and(|s| s < 0.3));

    // What is learned now is wrong, and nothing keeps it from that.
    program.press("l2");
    program.wait_for("B is locked", 2);
    program.wait_until("B is like A's other view", |air| {
        share(air, &seen_b, &of_b).is_some_and(|share| share > 0.6)
    });
    // A lens with its cap on.
    show(&RgbImage::new(of_a.width(), of_a.height()), "a.png", folder.path());
    let is_flat = "The snapshot 'look.png' is not written: it has next to no distribution";
    for _ in 0..200 {
        program.press("s");
        std::thread::sleep(std::time::Duration::from_millis(300));
        if program.count(is_flat) > 0 {
            break;
        }
    }
    program.press("l");
    program.wait_for("A is black or flat: nobody can learn from it", 1);
    assert_eq!(program.count("B is locked"), 2, "{}", program.program.text());
    program.press("xq");
    assert!(program.program.succeeds(), "{}", program.program.text());
}

#[test]
fn the_show_goes_on_without_a_camera_and_says_so_once() {
    if is_skipped() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let [learned, other] = ["astronaut.png", "chelsea.png"].map(view);
    let seen = CAMERAS[0].sees(&learned, 1);
    show(&learned, "a.png", folder.path());
    show(&seen, "b.png", folder.path());
    // The third one is not there at all.
    let mut program = Show::start(&["a.png", "b.png", "c.png"], folder.path());
    program.wait_for("C is missing, and is tried again until it is there: ", 1);
    program.press("3");
    program.wait_for("C is missing: it can't go on air", 1);
    program.press("l");
    program.wait_for("C is missing: it learns nothing", 1);
    program.wait_for("B is locked", 1);
    program.press("2");
    program.wait_for("On air: B", 1);

    // The one on air goes, and another one takes its place.
    std::fs::remove_file(folder.path().join("b.png")).expect("removed");
    program.wait_for("B is missing, and is tried again until it is there: ", 1);
    program.wait_for("On air: A", 2);
    program.wait_until("A is shown", |air| share(air, &seen, &learned).is_some_and(|s| s < 0.3));
    // It comes back, and knows what it learned. The third one has been tried again in between, without a word.
    let seen = CAMERAS[0].sees(&other, 2);
    show(&seen, "b.png", folder.path());
    program.wait_for("B is there", 1);
    program.press("2");
    program.wait_for("On air: B", 2);
    program.wait_until("B is right", |air| share(air, &seen, &other).is_some_and(|s| s < 0.5));
    assert_eq!(program.count("C is missing, and is tried again"), 1, "{}", program.program.text());
    show(&other, "c.png", folder.path());
    program.wait_for("C is there", 1);

    // Without the first one, there is nothing to learn from.
    std::fs::remove_file(folder.path().join("a.png")).expect("removed");
    program.wait_for("A is missing, and is tried again until it is there: ", 1);
    program.press("l");
    program.wait_for("A is missing: nobody can learn from it", 1);
    program.program.signal("INT");
    assert!(program.program.succeeds(), "{}", program.program.text());
}

#[test]
fn what_is_wrong_with_a_command_is_said() {
    if is_skipped() {
        return;
    }
    for (arguments, expected) in [
        (&["nosuch"][..], "two to nine cameras are needed"),
        (
            &["test", "nosuch ! identity", "--sink=fakesink"],
            "Camera B, 'nosuch ! identity': no element \"nosuch\"",
        ),
        (&["--sink=fakesink", "--learn=0"], "it takes 1 to 60 seconds"),
        (
            &["--sink=fakesink", "--to=filesink location=/nowhere/at/all"],
            "Could not open file \"/nowhere/at/all\"",
        ),
        (&["--picture=/nowhere/at/all.jpg"], "/nowhere/at/all.jpg"),
        (&[], "There is no display for a window: neither DISPLAY nor WAYLAND_DISPLAY is set"),
    ] {
        let mut command = python();
        command.arg(program()).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        let output = run(&mut command, Path::new("/"));
        let text = text(&output);
        assert!(!output.status.success() && text.contains(expected), "{arguments:?}: {text}");
        assert!(!text.contains("Traceback"), "{arguments:?}: {text}");
    }
}

#[test]
fn the_picture_is_what_is_made_today() {
    if is_skipped() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let mut command = python();
    command.arg(program()).arg("--picture=made.jpg").env("PYTHONDONTWRITEBYTECODE", "1");
    let output = run(&mut command, folder.path());
    assert!(output.status.success(), "{}", text(&output));
    let [shown, made] = [media("learn-lock-air.jpg"), folder.path().join("made.jpg")]
        .map(|path| image::open(path).expect("a picture").into_rgb8());
    assert_eq!(shown.dimensions(), made.dimensions());
    // Letters and JPEG may differ from system to system.
    let differences = shown.iter().zip(made.iter()).map(|(a, b)| u64::from(a.abs_diff(*b)));
    let mean = differences.sum::<u64>() as f64 / shown.len() as f64;
    assert!(mean < 2., "{mean} levels");
}

/// A recipe with cameras that see files.
fn recipe(block: &str, sink: &str) -> String {
    let mut code = block.replace("gst-launch-1.0", "exec gst-launch-1.0 -m");
    for (device, file) in [("0", "a.png"), ("1", "b.png"), ("2", "c.png")] {
        let camera = format!(
            "filesrc location={file} ! pngdec ! imagefreeze is-live=true ! video/x-raw,framerate=10/1"
        );
        code = code.replace(&format!("v4l2src device=/dev/video{device}"), &camera);
    }
    code.replace("autovideosink", sink)
}

#[test]
fn a_mixer_shows_cameras_that_look_alike() {
    let folder = TempDir::new().expect("a temporary folder");
    let truth = view("coffee.png");
    let seen = [0, 1].map(|number| CAMERAS[number].sees(&truth, number as u32 + 1));
    show(&truth, "a.png", folder.path());
    show(&seen[0], "b.png", folder.path());
    show(&seen[1], "c.png", folder.path());
    // The mixer ends, and not the cameras: one that ends before the others leaves an empty place.
    let sink = format!("identity eos-after=40 ! {TO_FILE}");
    let block = blocks("sh").into_iter().find(|block| block.contains("compositor name=mixer"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &recipe(block.expect("it is there"), &sink)]);
    let output = run(&mut shell, folder.path());
    assert!(output.status.success(), "{}", text(&output));
    let shown = shown(&folder.path().join("shown.raw"), (3 * SIZE.0, SIZE.1));
    let shown = shown.expect("three pictures side by side");
    for (number, seen) in seen.iter().enumerate() {
        let x = (number as u32 + 1) * SIZE.0;
        let part = image::imageops::crop_imm(&shown, x, 0, SIZE.0, SIZE.1).to_image();
        let share = error(&part, &truth) / error(seen, &truth);
        assert!(share < 0.3, "camera {number}: {share:.2}");
    }
}

/// Runs a pair of recipes until camera B is near what camera A sees.
fn assert_learns_from_another_process(a: &str, b: &str) {
    let folder = TempDir::new().expect("a temporary folder");
    let truth = view("coffee.png");
    let seen = CAMERAS[0].sees(&truth, 1);
    show(&truth, "a.png", folder.path());
    show(&seen, "b.png", folder.path());
    let socket = folder.path().join("camera-a");
    let [a, b] = [(a, "fakesink"), (b, TO_FILE)].map(|(block, sink)| {
        recipe(block, sink).replace("/tmp/camera-a", socket.to_str().expect("UTF-8"))
    });
    let start =
        |code: &str| programs::start("sh", |command| _ = command.args(["-c", code]), folder.path());
    let sender = start(&a);
    if b.contains("camera-a") {
        let deadline = std::time::Instant::now() + PATIENCE;
        while !socket.exists() {
            assert!(std::time::Instant::now() < deadline, "{}", sender.text());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    let mut receiver = start(&b);
    let shown = folder.path().join("shown.raw");
    let is_near = receiver.wait_for(|_| share(&shown, &seen, &truth).filter(|share| *share < 0.3));
    assert!(is_near.is_some(), "{:?}\n{}", share(&shown, &seen, &truth), receiver.text());
    assert!(
        receiver.text().contains("channel=(string)a, state=(string)live"),
        "{}",
        receiver.text()
    );
}

/// The two recipes that have a word, of camera A and of camera B.
fn pair(word: [&str; 2]) -> [&'static str; 2] {
    [("# Camera A\n", word[0]), ("# Camera B\n", word[1])].map(|(start, word)| {
        let mut blocks = blocks("sh").into_iter();
        let block = blocks.find(|block| block.starts_with(start) && block.contains(word));
        block.unwrap_or_else(|| panic!("no recipe with {word}"))
    })
}

#[test]
fn shared_memory_carries_the_look_to_another_process() {
    if skipped(&["setpriv"], &["shmsink"]) {
        return;
    }
    let [a, b] = pair(["shmsink", "shmsrc"]);
    assert_learns_from_another_process(a, b);
}

#[test]
fn unix_sockets_carry_the_look_to_another_process() {
    if skipped(&["setpriv"], &["unixfdsink"]) {
        return;
    }
    let [a, b] = pair(["shmsink", "shmsrc"]);
    let a = a.replace("shmsink", "unixfdsink").replace(" wait-for-connection=false", "");
    let (source, rest) = b.split_once(" is-live=true do-timestamp=true").expect("it is so");
    let (_, rest) = rest.split_once("framerate=5/1").expect("caps follow");
    let b = format!("{}{rest}", source.replace("shmsrc", "unixfdsrc"));
    assert_learns_from_another_process(&a, &b);
}

/// A port for UDP that nobody has at the moment.
fn port() -> u16 {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("it has one").port()
}

/// The elements for a camera in the page's table.
fn elements_for(camera: &str) -> String {
    let row = LIVE.lines().find_map(|line| line.strip_prefix(&format!("| {camera} | `")));
    let elements = row.and_then(|row| row.split_once("` | yes |"));
    elements.unwrap_or_else(|| panic!("no row for {camera} that is run")).0.to_string()
}

#[test]
fn cameras_are_seen_over_srt_and_rtp() {
    if skipped(&["setpriv"], &["x264enc", "avdec_h264", "srtsrc", "rtph264pay"]) {
        return;
    }
    for (camera, used, sink) in [
        ("SRT", ":7001", "mpegtsmux ! srtsink uri=srt://127.0.0.1:7001 wait-for-connection=false"),
        (
            "RTP, H.264",
            "port=5000",
            "rtph264pay config-interval=-1 ! udpsink host=127.0.0.1 port=5000",
        ),
    ] {
        let folder = TempDir::new().expect("a temporary folder");
        let truth = view("coffee.png");
        show(&truth, "a.png", folder.path());
        let free = format!("{}{}", used.trim_end_matches(char::is_numeric), port());
        let start = |pipeline: &str| {
            let code = format!("exec gst-launch-1.0 {}", pipeline.replace(used, &free));
            programs::start("sh", |command| _ = command.args(["-c", &code]), folder.path())
        };
        let mut receiver = start(&format!("{} ! histotap ! {TO_FILE}", elements_for(camera)));
        let sender = start(&format!(
            "filesrc location=a.png ! pngdec ! imagefreeze is-live=true ! videoconvert \
                ! video/x-raw,format=I420 ! x264enc tune=zerolatency key-int-max=10 ! {sink}"
        ));
        let file = folder.path().join("shown.raw");
        let is_near =
            receiver.wait_for(|_| shown(&file, SIZE).filter(|shown| error(shown, &truth) < 5.));
        assert!(is_near.is_some(), "{camera}: {}\n{}", receiver.text(), sender.text());
    }
}

#[test]
fn rtp_carries_the_look_to_another_process() {
    if skipped(&["setpriv"], &["rtpjpegpay", "jpegenc"]) {
        return;
    }
    let [a, b] = pair(["udpsink", "udpsrc"]);
    let port = format!("port={}", port());
    let [a, b] = [a, b].map(|block| block.replace("port=5004", &port));
    assert_learns_from_another_process(&a, &b);
}

#[test]
fn a_saved_look_is_the_same_in_another_process() {
    let folder = TempDir::new().expect("a temporary folder");
    let frame = |picture: &RgbImage| frame_of(picture, "RGB", "sRGB", SIZE);
    let of_a = view("coffee.png");
    let seen = CAMERAS[0].sees(&view("chelsea.png"), 1);
    let mut tap = tap("saved for another process", &[("window", "1"), ("publish", "manual")]);
    publish(&mut tap, &frame(&of_a));
    assert!(save(&tap, &folder.path().join("look.png")));
    let (element, bus) = common::element(None);
    for (name, value) in [
        ("reference-channel", "saved for another process"),
        ("method", "grade"),
        ("update-mode", "locked"),
        ("flat-frames", "hold"),
    ] {
        element.set_property_from_str(name, value);
    }
    let mut consumer = Rig::of((element, bus));
    let frame = frame(&seen);
    consumer.harness.set_src_caps(frame.caps());
    until(&mut consumer, &frame, |consumer, _| sequence(consumer).is_some());
    let live = common::bytes(&consumer.process(later(&frame)));

    let element =
        LIVE.split('`').find(|code| code.starts_with("histomatch reference-location=look.png"));
    std::fs::write(folder.path().join("in.raw"), seen.as_raw()).expect("written");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!(
        "gst-launch-1.0 filesrc location=in.raw \
            ! rawvideoparse format=rgb width={} height={} ! {} ! filesink location=out.raw",
        SIZE.0,
        SIZE.1,
        element.expect("it is there")
    ));
    let output = run(&mut shell, folder.path());
    assert!(output.status.success(), "{}", text(&output));
    let saved = std::fs::read(folder.path().join("out.raw")).expect("it was written");
    assert!(saved == live && saved != *seen.as_raw());
}
