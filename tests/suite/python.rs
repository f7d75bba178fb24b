//! Promise: the Python programs of `examples/python` run on Debian's Python: frames of numpy come
//! out as the oracle says, at any width, and what is wrong is told by exceptions; live video
//! changes its reference while it plays, by itself and at a key, and ends when it is told to.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::frames::{matched, noise};
use crate::common::programs::{self, Background, python, run, skipped, skipped_modules, text};
use crate::common::screen::Screen;
use crate::common::{PICTURES, media};
use image::RgbImage;
use temp_dir::TempDir;

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/python").join(name)
}

/// Runs a text after `from numpy_frames import *`, in a folder.
fn with_numpy_frames(code: &str, folder: &Path) -> Output {
    let mut command = python();
    command.arg("-c").arg(format!("from numpy_frames import *\nMEDIA = str(MEDIA)\n{code}"));
    // No __pycache__ in the sources.
    command.env("PYTHONPATH", program("")).env("PYTHONDONTWRITEBYTECODE", "1");
    run(&mut command, folder)
}

/// Sizes whose rows end in all places of a word of 4 bytes, or have no padding.
const SIZES: [(u32, u32); 8] =
    [(1, 1), (2, 3), (3, 2), (4, 4), (333, 77), (334, 50), (335, 20), (640, 360)];

/// Every matcher gets all sizes, twice, and keeps what comes out; frames are views of other arrays.
const ALL_SIZES: &str = "
matcher = Matcher(MEDIA + '/coffee.png')
matched = []
for width, height in sizes * 2:
    wide = np.zeros((height, width + 5, 3), np.uint8)
    frame = wide[:, 2:-3]
    frame[:] = np.fromfile(f'{width}.raw', np.uint8).reshape(frame.shape)
    matched.append(matcher.match(frame)[:])
matcher.close()
del matcher
for array in matched:
    assert not array.flags.writeable
    file = f'{array.shape[1]}.out'
    if Path(file).exists():
        assert Path(file).read_bytes() == array.tobytes(), file
    array.tofile(file)
";

#[test]
fn frames_of_any_width_equal_the_oracle() {
    if skipped_modules(&["numpy"]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let mut noise = noise(1);
    let frames = SIZES.map(|(width, height)| {
        let bytes = (0..width * height * 3).map(|_| noise() / 2 + 20).collect();
        let frame = RgbImage::from_raw(width, height, bytes).expect("it has this size");
        std::fs::write(folder.path().join(format!("{width}.raw")), frame.as_raw())
            .expect("written");
        frame
    });
    let output = with_numpy_frames(&format!("sizes = {SIZES:?}\n{ALL_SIZES}"), folder.path());
    assert!(output.status.success(), "{}", text(&output));
    for frame in frames {
        let file = format!("{}.out", frame.width());
        let out = std::fs::read(folder.path().join(&file)).expect("it was written");
        assert!(out == matched(&frame, "coffee.png"), "{file}");
    }
}

/// What comes out is the memory that went in, without another copy, and is used again when no
/// array needs it.
const COPIES: &str = "
import numpy_frames
places = []
def pixels(mapped, info, of=numpy_frames.pixels):
    array = of(mapped, info)
    places.append(array.ctypes.data)
    return array
numpy_frames.pixels = pixels
frame = np.zeros((360, 639, 3), np.uint8)
with Matcher(MEDIA + '/coffee.png') as matcher:
    kept = matcher.match(frame)
    for _ in range(100):
        matcher.match(frame)
# appsrc marks the first one, in a copy if Python still holds it.
assert places[2::2] == places[3::2], 'copied'
# The kept one, and those that the sink's thread has not let go yet.
assert len(set(places)) <= 4, 'memory is not given back'
";

#[test]
fn a_frame_is_copied_once() {
    if skipped_modules(&["numpy"]) {
        return;
    }
    let output = with_numpy_frames(COPIES, Path::new("/"));
    assert!(output.status.success(), "{}", text(&output));
}

/// What is wrong, and what the exception says.
const MISTAKES: [(&str, &str); 9] = [
    (
        "Matcher('nix.png')",
        "ValueError: Can't use 'nix.png' as the reference: there is no such file; check the path",
    ),
    (
        "Matcher(MEDIA, smooth=1)",
        "TypeError: histomatch has no property 'smooth'; see gst-inspect-1.0 histomatch",
    ),
    ("Matcher(MEDIA, colorspace='x')", "TypeError: colorspace='x': could not convert"),
    (
        "matcher.reference = 'nix.png'",
        "ValueError: Can't use 'nix.png' as the reference: there is no such file",
    ),
    (
        "matcher.match(frame.astype(float))",
        "TypeError: A frame is a numpy array of uint8, not float64; scale and convert it",
    ),
    (
        "matcher.match([1])",
        "TypeError: A frame is a numpy array of uint8, not list; scale and convert it",
    ),
    (
        "matcher.match(frame[..., 0])",
        "ValueError: A frame has the shape (height, width, 3), not (2, 5); leave alpha away",
    ),
    (
        "matcher.match(frame[:0])",
        "ValueError: A frame has the shape (height, width, 3), not (0, 5, 3)",
    ),
    (
        "matcher.close(); matcher.match(frame)",
        "ValueError: This matcher is closed; make another one",
    ),
];

/// Prints each exception; a mistake leaves the matcher as it was.
const TRY_ALL: &str = "
matcher = Matcher(MEDIA + '/coffee.png')
frame = np.arange(30, dtype=np.uint8).reshape(2, 5, 3)
before = matcher.match(frame)
for mistake in mistakes:
    try:
        exec(mistake)
        print('nothing')
    except Exception as error:
        print(f'{type(error).__name__}: {error}')
    if matcher._stop.alive:
        assert np.array_equal(matcher.match(frame), before), mistake
";

#[test]
fn mistakes_are_exceptions_that_say_what_to_do() {
    if skipped_modules(&["numpy"]) {
        return;
    }
    let mistakes = MISTAKES.map(|(code, _)| code);
    let output = with_numpy_frames(&format!("mistakes = {mistakes:?}\n{TRY_ALL}"), Path::new("/"));
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), MISTAKES.len(), "{text}");
    for (line, (code, expected)) in lines.iter().zip(MISTAKES) {
        assert!(line.starts_with(expected), "{code}: {line}");
    }
}

#[test]
fn without_the_plugin_it_is_said_how_to_get_it() {
    if skipped_modules(&["numpy"]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let coffee = media("coffee.png");
    for (name, arguments) in [
        ("numpy_frames.py", vec![]),
        ("live.py", vec!["test", coffee.to_str().expect("UTF-8"), "--sink=fakesink"]),
    ] {
        // In a Python of its own, so that the plugin's folder is out of its environment.
        let mut command = Command::new("env");
        command.args(["-u", "GST_PLUGIN_PATH", "GST_REGISTRY=none.bin"]);
        command.arg(python().get_program()).arg(program(name)).args(arguments);
        let output = run(&mut command, folder.path());
        let text = text(&output);
        assert!(!output.status.success(), "{text}");
        assert!(
            text.contains("no element \"histomatch\"") && text.contains("cargo build"),
            "{text}"
        );
    }
}

#[test]
fn the_table_says_that_all_bytes_are_the_same() {
    if skipped_modules(&["numpy"]) {
        return;
    }
    let mut command = python();
    command.arg(program("numpy_frames.py"));
    command.args("--width 322 --height 180 --frames 2 --rounds 1".split(' '));
    let output = run(&mut command, Path::new("/"));
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    for input in ["astronaut.png", "bigbuckbunny.webm"] {
        let row = text.lines().find(|line| line.starts_with(&format!("| {input} |")));
        let row = row.unwrap_or_else(|| panic!("no row for {input}: {text}"));
        assert!(row.ends_with(" x | yes |"), "{row}");
    }
}

/// `live.py` with the three pictures and one that is missing, saying which it reads.
fn live(program: &str, set_up: impl FnOnce(&mut Command), folder: &Path) -> Background {
    for picture in PICTURES {
        std::fs::copy(media(picture), folder.join(picture)).expect("copied");
    }
    let set_up = |command: &mut Command| {
        set_up(command);
        command.env("GST_DEBUG", "histomatch:4").env("GST_DEBUG_NO_COLOR", "1");
    };
    programs::start(program, set_up, folder)
}

const MISSING: &str = "missing.png";

/// Waits until the last picture that was read, or refused, is this one.
fn wait_for_picture(live: &mut Background, name: &str) {
    let expected = match name {
        MISSING => format!("Can't use '{name}' as the reference"),
        _ => format!("Read the reference '{name}'"),
    };
    let is_last = |text: &str| {
        let mut lines = text.lines().rev();
        let about = ["Read the reference '", "Can't use '"];
        let last = lines.find(|line| about.iter().any(|about| line.contains(about)));
        last.is_some_and(|line| line.contains(&expected))
    };
    let found = live.wait_for(|live| is_last(&live.text()).then_some(()));
    assert!(found.is_some(), "{name}: {}", live.text());
}

#[test]
fn live_video_changes_its_reference_by_itself_and_ends_on_an_interrupt() {
    let folder = TempDir::new().expect("a temporary folder");
    let set_up = |command: &mut Command| {
        command.arg(program("live.py")).arg("test").args(PICTURES).arg(MISSING);
        command.args(["--every=1", "--sink=fakesink sync=true"]);
    };
    let python = python();
    let python = python.get_program().to_str().expect("UTF-8");
    let mut live = live(python, set_up, folder.path());
    for name in [PICTURES[0], PICTURES[1], PICTURES[2], MISSING, PICTURES[0]] {
        wait_for_picture(&mut live, name);
    }
    live.signal("INT");
    assert!(live.succeeds(), "{}", live.text());
}

#[test]
fn keys_in_the_terminal_change_the_reference_of_live_video() {
    if skipped(&["script", "stty", "setpriv"], &[]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let python = python();
    let session = format!(
        "stty -g; '{}' '{}' test {} {MISSING} --sink='fakesink sync=true'; echo code $?; stty -g",
        python.get_program().to_str().expect("UTF-8"),
        program("live.py").display(),
        PICTURES.join(" ")
    );
    let set_up = |command: &mut Command| {
        command.args(["-c", r#"mkfifo keys; exec script -qec "$0" /dev/null <> keys"#, &session]);
    };
    let mut live = live("sh", set_up, folder.path());
    wait_for_picture(&mut live, PICTURES[0]);
    let keys = folder.path().join("keys");
    let mut keys = std::fs::File::options().write(true).open(keys).expect("a pipe");
    let mut press = |key: &[u8]| keys.write_all(key).expect("it is read");
    for (key, name) in [
        (b"n", PICTURES[1]),
        (b" ", PICTURES[2]),
        (b"p", PICTURES[1]),
        (b"p", PICTURES[0]),
        (b"p", MISSING),
    ] {
        press(key);
        wait_for_picture(&mut live, name);
    }
    press(b"xq");
    assert!(live.succeeds(), "{}", live.text());
    let text = live.text();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let code = lines.iter().position(|line| line.ends_with("code 0")).expect("a code");
    assert!(lines[0].contains(':') && lines[0] == lines[code + 1], "{text}");
}

#[test]
fn keys_in_the_window_change_the_reference_of_live_video() {
    if skipped(&["setpriv", "Xvfb", "xdotool"], &["ximagesink"]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let screen = Screen::new([400, 300], folder.path());
    let set_up = |command: &mut Command| {
        command.arg(program("live.py")).arg("test").args(PICTURES).arg("--sink=ximagesink");
        command.env("DISPLAY", &screen.display);
    };
    let python = python();
    let python = python.get_program().to_str().expect("UTF-8");
    let mut live = live(python, set_up, folder.path());
    wait_for_picture(&mut live, PICTURES[0]);
    // The window may not be there yet, and keys go nowhere then.
    let black = screen.shot(folder.path());
    let is_shown = live.wait_for(|_| (screen.shot(folder.path()) != black).then_some(()));
    assert!(is_shown.is_some(), "{}", live.text());
    screen.press(&["space"], folder.path());
    wait_for_picture(&mut live, PICTURES[1]);
    screen.press(&["p"], folder.path());
    wait_for_picture(&mut live, PICTURES[0]);
    screen.press(&["q"], folder.path());
    assert!(live.succeeds(), "{}", live.text());
}

#[test]
fn live_video_says_what_is_missing() {
    let coffee = media("coffee.png");
    let coffee = coffee.to_str().expect("UTF-8");
    for (arguments, expected) in [
        (
            vec!["missing.webm", coffee, "--sink=fakesink"],
            "Can't play 'missing.webm': Resource not found",
        ),
        (
            vec!["test", "missing.png", "--sink=fakesink"],
            "Can't use 'missing.png' as the reference: there is no such file; check the path",
        ),
        (
            vec!["test", coffee],
            "There is no display for a window: neither DISPLAY nor WAYLAND_DISPLAY is set. Run this on a desktop, or choose where the video goes by --sink",
        ),
    ] {
        let mut command = python();
        command.arg(program("live.py")).args(&arguments);
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        let output = run(&mut command, Path::new("/"));
        let text = text(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
