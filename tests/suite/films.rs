//! Promise: a film is a reference as its frames are, and what can't be had of it is said.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::frames::{Frame, Shape, noise};
use crate::common::live::{frame_of, publish, tap};
use crate::common::programs::{alone, python, run, skipped, text};
use crate::common::video::{play, play_with, quoted};
use crate::common::{self, Complaint, Rig, bytes, media, open};
use gst::prelude::*;
use gst_video::VideoFormat;
use temp_dir::TempDir;

const LOCATION: &str = "reference-location";

/// Frames per second.
const FPS: u64 = 25;

fn frame() -> Frame {
    Frame::new(VideoFormat::Rgbx, 32, 18, Shape::Default, noise(5))
}

/// A film of frames, each of which is shown for so many 25ths of a second.
fn film(path: &Path, tail: &str, frames: impl IntoIterator<Item = (Frame, u64)>) {
    let mut frames = frames.into_iter().peekable();
    let mut caps = frames.peek().expect("there is a frame").0.caps();
    caps.make_mut().set("framerate", gst::Fraction::new(FPS as i32, 1));
    play_with(
        &format!("appsrc name=in format=time ! {tail} ! filesink location={}", quoted(path)),
        [],
        |pipeline| {
            let source = pipeline.by_name("in").expect("it is there");
            let source = source.downcast::<gst_app::AppSrc>().expect("it is one");
            source.set_caps(Some(&caps));
            source.set_max_bytes(0);
            // It takes nothing before it has started.
            pipeline.set_state(gst::State::Paused).expect("it starts");
            let mut now = 0;
            let time = |ticks: u64| gst::ClockTime::SECOND.mul_div_floor(ticks, FPS);
            for (frame, ticks) in frames {
                let mut buffer = frame.buffer();
                let header = buffer.get_mut().expect("nobody else has it");
                header.set_pts(time(now));
                header.set_duration(time(ticks));
                now += ticks;
                source.push_buffer(buffer).expect("it is taken");
            }
            source.end_of_stream().expect("it ends");
        },
    );
}

/// A grey frame of one level.
fn plain(level: u8) -> Frame {
    Frame::new(VideoFormat::I420, 64, 48, Shape::Default, {
        let mut n = 0;
        // Chroma comes behind luma.
        move || {
            n += 1;
            if n <= 64 * 48 { level } else { 128 }
        }
    })
}

/// Frames from black to white in 8 bits of limited range.
fn rising(n: u64) -> impl Iterator<Item = (Frame, u64)> {
    (0..n).map(move |i| (plain(16 + (i * 219 / (n - 1)) as u8), 1))
}

fn rig(reference: &str, frame: &Frame, properties: &[(&str, &str)]) -> Rig {
    let (element, bus) = common::element(None);
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    element.set_property(LOCATION, reference);
    // A harness ends all tests if it fails.
    let outcome = element.set_state(gst::State::Playing);
    assert!(outcome.is_ok(), "{:?}", common::complaints(&bus));
    let mut rig = Rig::of((element, bus));
    rig.harness.set_src_caps(frame.caps());
    rig
}

fn matched_to(reference: &str, frame: &Frame, properties: &[(&str, &str)]) -> Vec<u8> {
    bytes(&rig(reference, frame, properties).process(frame.buffer()))
}

fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn uri(path: &Path, fragment: &str) -> String {
    let uri = glib::filename_to_uri(path, None).expect("a URI");
    format!("{uri}#{fragment}")
}

/// The levels of a reference, in percent of white, at some shares of its pixels.
fn quantiles<const N: usize>(reference: &str, shares: [f64; N]) -> [f64; N] {
    let frame = Frame::new(VideoFormat::Gray8, 256, 256, Shape::Default, noise(7));
    let mut samples = matched_to(reference, &frame, &[]);
    samples.sort_unstable();
    let at = |share: f64| samples[((samples.len() - 1) as f64 * share) as usize];
    shares.map(|share| f64::from(at(share)) / 2.55)
}

/// What an element says of a reference that it can't use, on its way to PAUSED.
fn refusal(reference: &str) -> String {
    let (element, bus) = common::element(None);
    element.set_property(LOCATION, reference);
    let _ = element.set_state(gst::State::Paused);
    // If it takes longer than the change to PAUSED waits, the error comes later.
    let types = [gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &types);
    element.set_state(gst::State::Null).expect("it stops");
    let message = message.expect("an error");
    let gst::MessageView::Error(error) = message.view() else { panic!("{message:?}") };
    let text = error.error().to_string();
    let start = format!("Can't use '{reference}' as the reference: ");
    text.strip_prefix(&start).unwrap_or_else(|| panic!("{text}")).to_owned()
}

const RAW: &str = "matroskamux";

#[test]
fn f225_a_film_of_one_picture_is_as_its_snapshot() {
    let folder = TempDir::new().expect("a temporary folder");
    let picture = open(&media("coffee.png")).into_rgb8();
    let other = open(&media("chelsea.png")).into_rgb8();
    for (format, colorimetry, size) in [
        ("RGB", "sRGB", (180, 180)),
        ("I420", "bt709", (320, 180)),
        ("YUY2", "bt601", (181, 99)),
        ("GRAY8", "1:1:5:1", (64, 48)),
        ("I420", "bt2100-pq", (320, 180)),
        ("I420", "bt2100-hlg", (320, 180)),
        ("I420", "bt2020", (320, 180)),
    ] {
        let still = frame_of(&picture, format, colorimetry, size);
        let path = folder.path().join("still.mkv");
        film(&path, RAW, (0..3).map(|_| (still.clone(), 1)));
        let mut tap = tap("f225", &[("window", "1")]);
        publish(&mut tap, &still);
        for (stream, colors) in [("BGRx", "sRGB"), ("NV12", "bt709"), ("P010_10LE", "bt2100-pq")] {
            let frame = frame_of(&other, stream, colors, (64, 48));
            for method in ["channels", "grade"] {
                let method = [("method", method)];
                let output = matched_to(name(&path), &frame, &method);
                let (element, bus) = common::element(None);
                element.set_property_from_str("method", method[0].1);
                element.set_property("reference-channel", "f225");
                let mut rig = Rig::of((element, bus));
                rig.harness.set_src_caps(frame.caps());
                let expected = bytes(&rig.process(frame.buffer()));
                assert!(output == expected, "{format} {colorimetry} {stream} {method:?}");
                assert_ne!(output, frame.bytes);
            }
        }
    }
}

#[test]
fn f225_what_colours_do_not_say_is_what_players_take_it_for() {
    if skipped(&["ffmpeg"], &["avdec_ffv1"]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let other = open(&media("chelsea.png")).into_rgb8();
    let frame = frame_of(&other, "BGRx", "sRGB", (64, 48));
    let matched = |range: &str, matrix: &str, said: &str| {
        let filter = format!(
            "scale=out_range={range}:out_color_matrix=bt601,format=yuv420p,\
             setparams=colorspace={matrix}:color_primaries=unknown:color_trc=unknown:range={said}"
        );
        let path = folder.path().join("still.mkv");
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-y", "-i"]).arg(media("coffee.png"));
        let output = run(ffmpeg.args(["-vf", &filter, "-c:v", "ffv1"]).arg(&path), folder.path());
        assert!(output.status.success(), "{}", text(&output));
        matched_to(name(&path), &frame, &[])
    };
    let full = matched("pc", "bt470bg", "pc");
    let limited = matched("tv", "bt470bg", "tv");
    assert_eq!(matched("pc", "unknown", "pc"), full);
    assert_eq!(matched("tv", "bt470bg", "unknown"), limited);
}

#[test]
fn f225_a_film_of_one_picture_is_as_the_picture() {
    let folder = TempDir::new().expect("a temporary folder");
    let filter = image::imageops::FilterType::Triangle;
    let picture = open(&media("coffee.png")).resize_exact(180, 180, filter).into_rgb8();
    let still = folder.path().join("still.png");
    picture.save(&still).expect("saved");
    let path = folder.path().join("still.mkv");
    film(&path, RAW, [(frame_of(&picture, "RGB", "sRGB", (180, 180)), 1)]);
    let other = open(&media("chelsea.png")).into_rgb8();
    for format in ["BGRx", "I420"] {
        let frame = frame_of(&other, format, "sRGB", (64, 48));
        for (method, bound) in [("channels", 0), ("linear", 1), ("grade", 1)] {
            let method = [("method", method)];
            let output = matched_to(name(&path), &frame, &method);
            let expected = matched_to(name(&still), &frame, &method);
            let most = output.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(most <= Some(bound), "{format} {method:?}: {most:?}");
        }
    }
}

/// Films that are sought in, and such that can only be played (Y4M with GStreamer before 1.28).
const KINDS: [(&str, &str); 5] = [
    ("every.mkv", "matroskamux"),
    ("keys.webm", "vp8enc deadline=1 target-bitrate=2000000 keyframe-max-dist=5 ! webmmux"),
    ("sparse.webm", "vp8enc deadline=1 target-bitrate=2000000 keyframe-max-dist=999 ! webmmux"),
    ("live.webm", "vp8enc deadline=1 target-bitrate=2000000 ! webmmux streamable=true"),
    ("unseekable.y4m", "y4menc"),
];

#[test]
fn f225_its_frames_are_spread_over_all_of_it() {
    let folder = TempDir::new().expect("a temporary folder");
    for (file, tail) in KINDS {
        let path = folder.path().join(file);
        film(&path, tail, rising(250));
        let levels = quantiles(name(&path), [0.05, 0.25, 0.5, 0.75, 0.95]);
        for (level, share) in levels.iter().zip([5., 25., 50., 75., 95.]) {
            assert!((level - share).abs() < 6., "{file}: {levels:?}");
        }
    }
}

#[test]
fn f226_a_fragment_names_a_moment_or_a_part() {
    let folder = TempDir::new().expect("a temporary folder");
    for (file, tail) in KINDS {
        let path = folder.path().join(file);
        film(&path, tail, rising(250));
        for (fragment, [low, high]) in [
            ("t=5", [50., 50.]),
            ("t=7.5", [75., 75.]),
            ("t=0", [0., 0.]),
            ("t=npt:9.9", [99., 99.]),
            ("t=0:05", [50., 50.]),
            ("t=2,4", [20., 40.]),
            ("t=npt:0:00:06,0:00:08.5", [60., 85.]),
            ("t=,2", [0., 20.]),
            ("t=6,500", [60., 100.]),
            ("t=1,2&xywh=1,2,3,4&t=8,9", [80., 90.]),
        ] {
            let [least, middle, most] = quantiles(&uri(&path, fragment), [0.02, 0.5, 0.98]);
            let is_near = |a: f64, b: f64| (a - b).abs() < 3.;
            assert!(
                is_near(least, low) && is_near(most, high) && is_near(middle, (low + high) / 2.),
                "{file} {fragment}: {least} {middle} {most}"
            );
        }
    }
}

#[test]
fn f226_what_is_no_part_is_refused() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("film.mkv");
    film(&path, RAW, rising(50));
    for fragment in [
        "",
        "t",
        "t=",
        "t=,",
        "t=x",
        "t=1,",
        "t=2,1",
        "t=1,1",
        "t=-1",
        "t=1:2:3:4",
        "t=0:61",
        "t=1.2.3",
        "t=99999999999999999999",
        "t=18446744073.709551615",
        "t=1,9223372036.854775808",
        "t=smpte:0:00:01:00",
        "xywh=1,2,3,4",
    ] {
        let text = refusal(&uri(&path, fragment));
        assert!(text.contains("names no part of a film; write #t=12.5"), "{fragment}: {text}");
    }
    assert_eq!(
        refusal(&uri(&path, "t=2.5")),
        "the film lasts 0:00:02.000 and has no frame at that time; give another one."
    );
    // In a path, it is a part of the name.
    let text = refusal(&format!("{}#t=1", path.display()));
    assert!(text.starts_with("there is no such file"), "{text}");
    // A picture has no parts.
    let coffee = media("coffee.png");
    let part = uri(&coffee, "t=1");
    let mut rig = Rig::new(Some(Path::new(&part)));
    let warning = format!(
        "The reference picture '{part}' is no film, and has no parts: all of it counts. Leave out what \
         follows the '#'."
    );
    assert_eq!(rig.complaints(), [Complaint::Warning(warning)]);
    rig.harness.set_src_caps(frame().caps());
    let output = bytes(&rig.process(frame().buffer()));
    assert_eq!(output, matched_to(name(&coffee), &frame(), &[]));
}

#[test]
fn f227_films_of_few_frames() {
    let folder = TempDir::new().expect("a temporary folder");
    for (file, tail) in KINDS {
        let path = folder.path().join(file);
        for n in [1, 2, 5, 33] {
            film(&path, tail, rising(n + 1).skip(1));
            let [least, middle, most] = quantiles(name(&path), [0.01, 0.5, 0.99]);
            let low = 100. / n as f64;
            assert!((least - low).abs() < 6., "{file} {n}: {least}");
            assert!((middle - (100. + low) / 2.).abs() < 100. / n as f64, "{file} {n}: {middle}");
            assert!(most > 94., "{file} {n}: {most}");
        }
    }
}

#[test]
fn f227_frames_count_for_as_long_as_they_are_shown() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("uneven.mkv");
    let bright = (0..FPS).map(|_| (plain(235), 1));
    film(&path, RAW, [(plain(16), 3 * FPS)].into_iter().chain(bright));
    let part = uri(&path, "t=,4");
    let [dark, still_dark, bright] = quantiles(&part, [0.01, 0.70, 0.80]);
    assert!(dark < 2. && still_dark < 2. && bright > 98., "{dark} {still_dark} {bright}");
}

#[test]
fn f227_black_bars_are_left_out_if_that_is_asked_for() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("bars.mkv");
    let rows = |level: u8| {
        let mut frame = plain(level);
        frame.bytes[..64 * 12].fill(16);
        frame.bytes[64 * 36..64 * 48].fill(16);
        frame
    };
    film(&path, RAW, (0..50).map(|i| (rows(100 + i), 1)));
    let frame = Frame::new(VideoFormat::Gray8, 256, 256, Shape::Default, noise(7));
    for (ignore, share) in [("false", 0.5), ("true", 0.)] {
        let output = matched_to(name(&path), &frame, &[("ignore-borders", ignore)]);
        let dark = output.iter().filter(|&&sample| sample < 50).count() as f64;
        assert!((dark / output.len() as f64 - share).abs() < 0.02, "{ignore}: {dark}");
    }
}

#[test]
fn f227_damaged_films_count_as_far_as_they_go_or_are_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let whole = folder.path().join("whole.webm");
    film(&whole, KINDS[1].1, rising(100));
    let content = std::fs::read(&whole).expect("readable");
    let mut noise = noise(3);
    for n in 0..40 {
        let mut content = content.clone();
        if n % 2 == 0 {
            content.truncate(content.len() * (n + 1) / 41);
        } else {
            for _ in 0..n {
                let at = usize::from(noise()) << 8 | usize::from(noise());
                let at = 200 + at % (content.len() - 200);
                content[at] = noise();
            }
        }
        std::fs::write(folder.path().join(format!("damaged{n}")), &content).expect("written");
    }
    // Demuxers and decoders of others have criticals of their own for what is damaged.
    let script = "\
import os, sys
if os.environ.pop('G_DEBUG', None):
    os.execv(sys.executable, sys.orig_argv)
import gi
gi.require_version('Gst', '1.0')
from gi.repository import Gst
Gst.init(None)
pipeline = Gst.parse_launch('videotestsrc ! histomatch name=look flat-frames=match ! fakesink')
look = pipeline.get_by_name('look')
bus = pipeline.get_bus()
pipeline.set_state(Gst.State.PLAYING)
for n in range(40):
    look.set_property('reference-location', f'damaged{n}')
    while message := bus.pop_filtered(Gst.MessageType.ERROR | Gst.MessageType.WARNING):
        print('said:', message.parse_warning().gerror.message)
pipeline.set_state(Gst.State.NULL)
print('the end')
";
    let mut python = python();
    let output = run(python.args(["-c", script]), folder.path());
    let text = text(&output);
    assert!(output.status.success() && text.contains("the end"), "{text}");
    for said in text.lines().filter_map(|line| line.strip_prefix("said: ")) {
        let is_said =
            ["Can't use '", "The reference film '"].iter().any(|start| said.starts_with(start));
        assert!(is_said && said.ends_with('.'), "{said}");
    }
}

#[test]
fn f228_what_has_no_video_is_named() {
    let folder = TempDir::new().expect("a temporary folder");
    for (file, tail) in [
        ("sound.wav", "wavenc"),
        ("sound.mka", "vorbisenc ! matroskamux"),
        ("sound.ogg", "vorbisenc ! oggmux"),
        ("sound.mp4", "matroskamux"),
    ] {
        let path = folder.path().join(file);
        let source = "audiotestsrc num-buffers=20 ! audioconvert";
        play(&format!("{source} ! {tail} ! filesink location={}", quoted(&path)), []);
        let text = refusal(name(&path));
        assert_eq!(
            text, "it has no video, as files of sound have none; give a film or a picture.",
            "{file}"
        );
    }
}

/// GStreamer 1.22 doesn't play it where sound is left out.
#[test]
fn f228_a_film_with_alpha_is_read_or_said_to_be_one() {
    if skipped(&["ffmpeg"], &["matroskademux", "vp8dec"]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let mut ffmpeg = Command::new("ffmpeg");
    let source = "testsrc2=size=64x48:duration=1,format=yuva420p";
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", source]);
    let output =
        run(ffmpeg.args(["-c:v", "libvpx", "-auto-alt-ref", "0", "alpha.webm"]), folder.path());
    assert!(output.status.success(), "{}", text(&output));
    let path = folder.path().join("alpha.webm");
    let (element, bus) = common::element(Some(&path));
    if element.set_state(gst::State::Paused).is_err() {
        let complaints = common::complaints(&bus);
        let [Complaint::Error(text)] = &complaints[..] else { panic!("{complaints:?}") };
        let expected =
            "GStreamer finds no decoder for its video with alpha (video/x-vp8); take a frame of it";
        assert!(text.contains(expected), "{text}");
    }
    element.set_state(gst::State::Null).expect("it stops");
}

#[test]
fn f228_what_is_neither_gets_the_message_of_pictures() {
    let folder = TempDir::new().expect("a temporary folder");
    for (file, content, expected) in [
        ("text", &b"no picture, no film"[..], "its content is not a picture in a known format"),
        ("film.mkv", b"\x1A\x45\xDF\xA3 and nothing else", "it is a film or sound, not a picture"),
        (
            "picture.pdf",
            b"%PDF-1.4 and nothing else",
            "this kind of picture is not supported (PDF)",
        ),
        (
            "picture.cr3",
            b"\0\0\0\x18ftypcrx AAAAcrx isom and nothing else",
            "this kind of picture is not supported (a raw picture of a camera)",
        ),
        (
            "picture.avif",
            b"\0\0\0\x1CftypavifAAAAmif1avif and nothing else",
            if cfg!(feature = "heif") {
                "the picture is damaged"
            } else {
                "this kind of picture is not supported (AVIF, of which"
            },
        ),
    ] {
        let path = folder.path().join(file);
        std::fs::write(&path, content).expect("written");
        let text = refusal(name(&path));
        assert!(text.starts_with(expected), "{file}: {text}");
    }
}

/// A list may hide behind a tag that is taken for a film's. A program has a demuxer of lists, which says so when it is
/// made.
#[test]
fn f228_lists_of_other_files_are_not_opened() {
    let folder = TempDir::new().expect("a temporary folder");
    let other = folder.path().join("other.avi");
    film(&other, "jpegenc ! avimux", rising(30));
    let list = format!(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXTINF:4.0,\n{}\n#EXT-X-ENDLIST\n",
        glib::filename_to_uri(&other, None).expect("a URI")
    );
    let mut tagged = b"ID3\x03\0\0\0\0\x02\0".to_vec();
    tagged.resize(tagged.len() + 256, 0);
    tagged.extend(list.bytes());
    let path = folder.path().join("film.mp3");
    std::fs::write(&path, tagged).expect("written");
    let script = "\
import os, sys, time
if os.environ.pop('G_DEBUG', None):
    os.execv(sys.executable, sys.orig_argv)
import gi
gi.require_version('Gst', '1.0')
from gi.repository import Gst, GObject
Gst.init(None)
class Lists(Gst.Bin):
    __gstmetadata__ = ('Lists', 'Codec/Demuxer/Adaptive', 'Lists', 'Nobody')
    __gsttemplates__ = Gst.PadTemplate.new(
        'sink', Gst.PadDirection.SINK, Gst.PadPresence.ALWAYS, Gst.Caps('application/x-hls'))
    def __init__(self):
        print('it was opened', flush=True)
        super().__init__()
        last = Gst.ElementFactory.make('fakesink')
        self.add(last)
        self.add_pad(Gst.GhostPad.new('sink', last.get_static_pad('sink')))
Gst.Element.register(None, 'lists', 100000, GObject.type_register(Lists))
pipeline = Gst.parse_launch('videotestsrc ! histomatch name=look ! fakesink')
pipeline.get_by_name('look').set_property('reference-location', sys.argv[1])
pipeline.set_state(Gst.State.PLAYING)
message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.ERROR)
print(message.parse_error()[0].message)
pipeline.set_state(Gst.State.NULL)
";
    let mut python = python();
    python.args(["-c", script]).arg(&path);
    let output = run(&mut python, folder.path());
    let text = text(&output);
    assert!(output.status.success() && !text.contains("it was opened"), "{text}");
    let expected =
        "it is a list of other files or addresses (application/x-hls), which are not read";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn f226_only_a_uri_names_a_part() {
    let (element, bus) = common::element(Some(Path::new("no/film.mp4#t=1")));
    assert!(element.set_state(gst::State::Paused).is_err());
    element.set_state(gst::State::Null).expect("it stops");
    let complaints = common::complaints(&bus);
    let [Complaint::Error(text)] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(text.contains("write file:///path/to/film#t=10,20"), "{text}");
}

const PATH_VARIABLE: &str = "HISTOMATCH_TEST_FILM";

#[test]
fn f228_a_decoder_that_is_missing_is_named() {
    if let Some(path) = std::env::var_os(PATH_VARIABLE) {
        let text = refusal(path.to_str().expect("UTF-8"));
        assert!(
            text.starts_with("no decoder for its video (video/x-vp8) is installed; install "),
            "{text}"
        );
        println!("it was named");
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("film.webm");
    film(&path, KINDS[1].1, rising(10));
    let decoders =
        gst::ElementFactory::factories_with_type(gst::ElementFactoryType::DECODER, gst::Rank::NONE);
    let of_vp8 = gst::Caps::new_empty_simple("video/x-vp8");
    let ranks: Vec<String> = decoders
        .iter()
        .filter(|factory| factory.can_sink_any_caps(&of_vp8))
        .map(|factory| format!("{}:NONE", factory.name()))
        .collect();
    let mut again = alone(module_path!(), "f228_a_decoder_that_is_missing_is_named");
    again.env(PATH_VARIABLE, &path).env("GST_PLUGIN_FEATURE_RANK", ranks.join(","));
    let output = run(&mut again, folder.path());
    assert!(output.status.success() && text(&output).contains("it was named"), "{}", text(&output));
}

#[test]
fn f228_films_and_pictures_may_be_mixed() {
    let folder = TempDir::new().expect("a temporary folder");
    let [dark, bright] = ["dark.mkv", "bright.png"].map(|file| folder.path().join(file));
    film(&dark, RAW, (0..50).map(|_| (plain(16), 1)));
    image::RgbImage::from_pixel(20, 10, image::Rgb([255; 3])).save(&bright).expect("saved");
    let frame = Frame::new(VideoFormat::Gray8, 256, 256, Shape::Default, noise(7));
    let (element, bus) = common::element(None);
    let part = uri(&dark, "t=1,2");
    let all = gst::Array::new([name(&dark), name(&bright), part.as_str(), name(&bright)]);
    element.set_property("reference-locations", all);
    let mut rig = Rig::of((element, bus));
    rig.harness.set_src_caps(frame.caps());
    let output = bytes(&rig.process(frame.buffer()));
    let share = output.iter().filter(|&&sample| sample < 128).count() as f64 / output.len() as f64;
    assert!((share - 0.5).abs() < 0.02, "{share}");
}

#[test]
fn f229_it_may_be_set_in_the_streaming_thread() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("film.webm");
    film(&path, KINDS[2].1, rising(100));
    let mut rig = Rig::new(None);
    rig.harness.set_src_caps(frame().caps());
    let element = rig.element.clone();
    let to_set = path.clone();
    let pad = rig.element.static_pad("sink").expect("a sink pad");
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        element.set_property(LOCATION, &to_set);
        gst::PadProbeReturn::Remove
    })
    .expect("the probe is added");
    let output = bytes(&rig.process(frame().buffer()));
    assert_eq!(output, matched_to(name(&path), &frame(), &[]));
    // And from several threads at once, while others stop and start.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..3 {
                    assert_eq!(matched_to(name(&path), &frame(), &[]), output);
                }
            });
        }
    });
}

/// A program with a decoder that takes so many microseconds for each frame: what it does with a film as a
/// reference.
fn with_slow_decoder(folder: &TempDir, time: u64, script: &str) -> String {
    let path = folder.path().join("film.avi");
    film(&path, "jpegenc ! avimux", rising(100));
    // A critical of the binding, which is said to be faulty there, would be fatal.
    let slow = "\
import os, sys, time, threading
if os.environ.pop('G_DEBUG', None):
    os.execv(sys.executable, sys.orig_argv)
import gi
gi.require_version('Gst', '1.0')
from gi.repository import Gst, GObject
Gst.init(None)
class Slow(Gst.Bin):
    __gstmetadata__ = ('Slow', 'Codec/Decoder/Image', 'Slow', 'Nobody')
    __gsttemplates__ = tuple(
        Gst.PadTemplate.new(name, direction, Gst.PadPresence.ALWAYS, Gst.Caps(caps))
        for name, direction, caps in [
            ('sink', Gst.PadDirection.SINK, 'image/jpeg'), ('src', Gst.PadDirection.SRC, 'video/x-raw')])
    def __init__(self):
        super().__init__()
        first, last = [Gst.ElementFactory.make(name) for name in ('identity', 'jpegdec')]
        first.set_property('sleep-time', TIME)
        for element in first, last:
            self.add(element)
        first.link(last)
        for element, name in (first, 'sink'), (last, 'src'):
            self.add_pad(Gst.GhostPad.new(name, element.get_static_pad(name)))
Gst.Element.register(None, 'slow', 1000, GObject.type_register(Slow))
pipeline = Gst.parse_launch('videotestsrc pattern=ball ! histomatch name=look flat-frames=match ! fakesink')
look = pipeline.get_by_name('look')
look.set_property('reference-location', sys.argv[1])
bus = pipeline.get_bus()
";
    let mut python = python();
    python.args(["-c", &format!("TIME = {time}\n{slow}{script}")]).arg(&path);
    let output = run(&mut python, folder.path());
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

#[test]
fn f229_a_slow_film_counts_as_far_as_it_came() {
    let folder = TempDir::new().expect("a temporary folder");
    let text = with_slow_decoder(
        &folder,
        300_000,
        "
pipeline.set_state(Gst.State.PLAYING)
message = bus.timed_pop_filtered(120 * Gst.SECOND, Gst.MessageType.ERROR | Gst.MessageType.WARNING)
print(message.parse_warning().gerror.message)
while not look.get_property('stats').n_fields():
    time.sleep(0.01)
pipeline.set_state(Gst.State.NULL)
",
    );
    assert!(text.contains("The reference film '"), "{text}");
    assert!(
        text.contains("takes longer than 5 s to decode, and counts as far as that goes."),
        "{text}"
    );
}

#[test]
fn f229_a_decoder_that_does_not_answer_is_given_up() {
    let folder = TempDir::new().expect("a temporary folder");
    let text = with_slow_decoder(
        &folder,
        60_000_000,
        "
pipeline.set_state(Gst.State.PLAYING)
message = bus.timed_pop_filtered(40 * Gst.SECOND, Gst.MessageType.ERROR | Gst.MessageType.WARNING)
print(message.parse_error().gerror.message, flush=True)
pipeline.set_state(Gst.State.NULL)
os._exit(0)
",
    );
    assert!(text.contains("its decoder does not answer; take a frame of it"), "{text}");
}

#[test]
fn f229_a_stop_does_not_wait_for_a_film() {
    let folder = TempDir::new().expect("a temporary folder");
    let text = with_slow_decoder(
        &folder,
        300_000,
        "
for state in Gst.State.READY, Gst.State.NULL:
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.set_state(state)
# While one sets it, another one stops. With PyGObject 3.58, set_property holds Python's lock here, which the
# decoder needs.
look.set_property('reference-location', None)
pipeline.set_state(Gst.State.PLAYING)
pipeline.get_state(Gst.CLOCK_TIME_NONE)
setter = threading.Thread(target=lambda: Gst.util_set_object_arg(look, 'reference-location', sys.argv[1]))
setter.start()
time.sleep(0.2)
pipeline.set_state(Gst.State.NULL)
setter.join()
# Nothing came of it.
print('messages', bus.pop_filtered(Gst.MessageType.ERROR | Gst.MessageType.WARNING))
",
    );
    assert!(text.contains("messages None"), "{text}");
}

/// What a film of the project looks like, in the formats that people have.
#[test]
fn f225_films_in_the_usual_formats() {
    if skipped(&["ffmpeg"], &["avdec_h264", "avdec_mpeg2video", "tsdemux", "qtdemux"]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let clip = media("bigbuckbunny.webm");
    let expected = quantiles(name(&clip), [0.1, 0.3, 0.5, 0.7, 0.9]);
    let files: Vec<PathBuf> = [
        ("film.mp4", "-c:v libx264"),
        ("turned.mp4", "-c:v libx264 -vf transpose=1"),
        ("film.3gp", "-c:v libx264 -an"),
        ("film.mkv", "-c:v libx264 -x264-params keyint=infinite"),
        ("film.ts", "-c:v mpeg2video -q:v 2"),
        // A seek leads to frames that can't be decoded, as those that they refer to are missing.
        ("with_h264.ts", "-c:v libx264 -g 6 -bf 2"),
        ("film.mpg", "-c:v mpeg2video -q:v 2"),
        ("film.avi", "-c:v mpeg4 -q:v 2"),
        ("without_ending", "-c:v libx264 -f matroska"),
        ("film.mov", "-c:v mjpeg -q:v 2 -pix_fmt yuvj420p"),
    ]
    .into_iter()
    .map(|(file, options)| {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-i"]).arg(&clip).args(options.split(' ')).arg(file);
        let output = run(&mut ffmpeg, folder.path());
        assert!(output.status.success(), "{}", text(&output));
        folder.path().join(file)
    })
    .collect();
    for file in files {
        let levels = quantiles(name(&file), [0.1, 0.3, 0.5, 0.7, 0.9]);
        let far = levels.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0., f64::max);
        assert!(far < 5., "{}: {levels:?} and not {expected:?}", file.display());
    }
}
