//! Promise: the lines of `examples/clients/README.md` work as they stand: in playbin, uritranscodebin,
//! camerabin, over RTSP and in GES. Cheese and Pitivi are windows: what they are given is parsed and
//! played as they do it.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::common::programs::{self, python, run, skipped, skipped_modules, text};
use crate::common::video::{REFERENCE, distance, pixels_of_all, play, quoted, reference};
use crate::common::{init, media};
use gst::prelude::*;
use temp_dir::TempDir;

const CLIENTS: &str = include_str!("../../examples/clients/README.md");
const EFFECT: &str = include_str!("../../examples/clients/histomatch.effect");

/// A picture that moves, with all levels; frames come as from a camera.
const CAMERA: &str = "videotestsrc is-live=true pattern=zone-plate kx2=20 ky2=20 kt=1";

/// The block of code that has a word, with the files in a folder.
fn block(word: &str, folder: &Path) -> String {
    let blocks = CLIENTS.split("```").skip(1).step_by(2);
    assert_eq!(blocks.clone().count(), 7, "each is played by a test here");
    let code = blocks.filter_map(|block| block.split_once('\n').map(|(_, code)| code));
    let code = code.filter(|code| code.contains(word)).collect::<Vec<_>>();
    assert_eq!(code.len(), 1, "{word}: {code:?}");
    with_paths(code[0], folder)
}

fn with_paths(code: &str, folder: &Path) -> String {
    code.replace("/path/to", folder.to_str().expect("UTF-8"))
}

/// A folder with the files that are named.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (from, to) in [("bigbuckbunny.webm", "input.webm"), (REFERENCE, "reference.png")] {
        std::fs::copy(media(from), folder.path().join(to)).expect("copied");
    }
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    std::os::unix::fs::symlink(examples, folder.path().join("examples")).expect("linked");
    folder
}

/// Some frames.
const ENOUGH: usize = 20;

type Distances = Arc<Mutex<Vec<[f64; 2]>>>;

/// Collects what a `histomatch` does to its frames.
fn watch(element: &gst::Element, distances: &Distances) {
    if element.factory().is_none_or(|factory| factory.name() != "histomatch") {
        return;
    }
    let (pad, distances) = (element.static_pad("src").expect("a pad"), distances.clone());
    let element = element.downgrade();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        if let Some(stats) = element
            .upgrade()
            .and_then(|element| element.property::<Option<gst::Structure>>("stats"))
        {
            let both = ["distance-before", "distance-after"]
                .map(|field| stats.get::<f64>(field).expect("a number"));
            distances.lock().expect("no panic").push(both);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Plays a pipeline to its end, or some frames of one without an end, and sees that they are matched.
fn assert_matches(description: &str, set_up: impl FnOnce(&gst::Element)) {
    init();
    let element =
        gst::parse::launch(description).unwrap_or_else(|error| panic!("{description}: {error}"));
    let pipeline = element.clone().downcast::<gst::Bin>().expect("a bin");
    let distances = Distances::default();
    let to_watch = distances.clone();
    pipeline.connect_deep_element_added(move |_, _, element| watch(element, &to_watch));
    for element in pipeline.iterate_recurse() {
        watch(&element.expect("it stays"), &distances);
    }
    set_up(&element);

    let bus = pipeline.bus().expect("it has a bus");
    // Not its result: the bus knows what went wrong.
    let _ = pipeline.set_state(gst::State::Playing);
    let types = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Warning];
    let deadline = std::time::Instant::now() + programs::PATIENCE;
    let message = loop {
        let message = bus.timed_pop_filtered(gst::ClockTime::from_mseconds(100), &types);
        // A live one has no end.
        let is_live = message.is_none() && !description.contains("webm");
        if message.is_some() || is_live && distances.lock().expect("no panic").len() >= ENOUGH {
            break message;
        }
        assert!(std::time::Instant::now() < deadline, "{description} does not end");
    };
    pipeline.set_state(gst::State::Null).expect("it stops");
    let is_end = |message: &gst::Message| message.type_() == gst::MessageType::Eos;
    assert!(message.as_ref().is_none_or(is_end), "{description}: {message:?}");
    let distances = distances.lock().expect("no panic");
    assert!(distances.len() >= ENOUGH, "{description}: {} frames", distances.len());
    let [before, after] = distances.last().expect("there are some");
    // What is matched on its way to a client is near before it is matched again.
    assert!(*after < (before / 2.).max(0.025) && after < before, "{description}: {distances:?}");
}

/// A line for `gst-launch-1.0` without its beginning.
fn launched(word: &str, folder: &Path) -> String {
    let line = block(word, folder).replace("\\\n", " ");
    line.trim().strip_prefix("gst-launch-1.0 ").expect("it is for gst-launch-1.0").to_string()
}

#[test]
fn playbin_has_a_place_for_it() {
    let folder = folder();
    let line = launched("playbin", folder.path());
    assert_matches(&format!("{line} video-sink=fakesink audio-sink=fakesink"), |_| {});
}

#[test]
fn uritranscodebin_has_a_place_for_it() {
    if skipped(&[], &["uritranscodebin", "vp8enc", "opusenc"]) {
        return;
    }
    let folder = folder();
    let mut shell = Command::new("sh");
    // GStreamer 1.22's uritranscodebin complains of itself, whatever the filter.
    shell.arg("-c").arg(format!("unset G_DEBUG\n{}", block("uritranscodebin", folder.path())));
    let output = run(&mut shell, folder.path());
    assert!(output.status.success(), "{}", text(&output));
    let [before, after] =
        ["input.webm", "output.webm"].map(|name| first_and_last(&folder.path().join(name)));
    assert!(after[0] < before[0] / 3. && after[1] < before[1] / 3., "{before:?} {after:?}");
}

#[test]
fn camerabin_has_a_place_for_it() {
    if skipped(&[], &["camerabin", "wrappercamerabinsrc"]) {
        return;
    }
    let folder = folder();
    let line = launched("camerabin", folder.path());
    assert_matches(&format!("{line} viewfinder-sink=fakesink"), |camerabin| {
        let camera = gst::parse::bin_from_description(CAMERA, true).expect("a camera");
        let source = gst::ElementFactory::make("wrappercamerabinsrc")
            .property("video-source", camera)
            .build()
            .expect("it is made");
        camerabin.set_property("camera-source", source);
    });
}

#[test]
fn cheese_can_play_the_effect() {
    init();
    let folder = folder();
    let file = glib::KeyFile::new();
    file.load_from_data(&with_paths(EFFECT, folder.path()), glib::KeyFileFlags::NONE)
        .expect("a file of keys");
    assert_eq!(file.string("Effect", "Name").expect("a name"), "Like a picture");
    let effect = file.string("Effect", "PipelineDescription").expect("an effect");
    // As Cheese does it.
    let filter =
        format!("videoconvert name=colorspace1 ! {effect} ! videoconvert name=colorspace2");
    gst::parse::bin_from_description(&filter, true).expect("it can be parsed");
    assert_matches(&format!("{CAMERA} ! {filter} ! fakesink"), |_| {});
}

/// Serves what a text describes, and prints where.
const SERVER: &str = r#"
import sys, gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer(address="127.0.0.1", service="0")
factory = GstRtspServer.RTSPMediaFactory(launch=sys.argv[1])
server.get_mount_points().add_factory("/stream", factory)
server.attach(None)
print(f"rtsp://127.0.0.1:{server.get_bound_port()}/stream.", flush=True)
GLib.MainLoop().run()
"#;

#[test]
fn rtsp_is_matched_on_both_sides() {
    let is_missing = skipped(&["setpriv"], &["rtspsrc", "rtpvp8pay", "vp8enc"]);
    if is_missing || skipped_modules(&["gi; gi.require_version('GstRtspServer', '1.0')"]) {
        return;
    }
    let folder = folder();
    let served = block("rtpvp8pay", folder.path()).trim().replace("v4l2src", CAMERA);
    let python = python();
    let set_up = |command: &mut Command| {
        command.args(["-c", SERVER, &served]);
        command.env("GST_DEBUG", "histomatch:4").env("GST_DEBUG_NO_COLOR", "1");
    };
    let python = python.get_program().to_str().expect("UTF-8");
    let mut server = programs::start(python, set_up, folder.path());
    let place = server.wait_for(|server| {
        let text = server.text();
        text.lines().find_map(|line| Some(line.strip_suffix("/stream.")?.to_string()))
    });
    let place = place.unwrap_or_else(|| panic!("{}", server.text()));
    let line = launched("rtspsrc", folder.path()).replace("rtsp://camera", &place);
    assert_matches(&line.replace("autovideosink", "fakesink"), |_| {});
    assert!(server.text().contains("Read the reference '"), "{}", server.text());
}

/// How far the first and the last frame of a video are from the reference.
fn first_and_last(video: &Path) -> [f64; 2] {
    let [frames] = play(
        &format!(
            "filesrc location={} ! decodebin ! videoconvert ! video/x-raw,format=RGBx
                ! appsink name=frames",
            quoted(video)
        ),
        ["frames"],
    );
    assert!(frames.len() > 100, "{} frames", frames.len());
    let reference = reference();
    let of =
        |frame: &gst::Sample| distance(&pixels_of_all(std::slice::from_ref(frame))[0], &reference);
    [of(&frames[0]), of(&frames[frames.len() - 1])]
}

#[test]
fn ges_and_pitivi_have_effects_with_keyframes() {
    if skipped(&["ges-launch-1.0"], &["vp8enc"])
        || skipped_modules(&["gi; gi.require_version('GES', '1.0')"])
    {
        return;
    }
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let mut log = String::new();
    for word in ["+effect", "--load"] {
        let python = python();
        let python = python.get_program().to_str().expect("UTF-8");
        let code = block(word, folder.path()).replace("python3", python);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("set -e\n{code}")).env("GST_DEBUG", "gesbasexmlformatter:2");
        let output = run(&mut shell, folder.path());
        assert!(output.status.success(), "{code}{}", text(&output));
        log = text(&output);
    }
    // What Pitivi opens.
    let picture = format!("reference-location=(string){}", path("reference.png").display());
    for project in ["project.xges", "keyframes.xges"] {
        let project = std::fs::read_to_string(path(project)).expect("it was written");
        let effects = project.lines().filter(|line| line.contains("<effect "));
        let effects: Vec<_> = effects.collect();
        assert!(effects.len() == 1 && effects[0].contains("asset-id='histomatch"), "{project}");
        assert!(effects[0].replace("\\ ", " ").contains(&picture), "{project}");
    }
    let project = std::fs::read_to_string(path("keyframes.xges")).expect("it was written");
    let binding = project.lines().find(|line| line.contains("<binding")).expect("keyframes");
    assert!(
        binding.contains("type='direct'") && binding.contains("property='strength'"),
        "{binding}"
    );
    // What comes out.
    let before = first_and_last(&path("input.webm"));
    let all = first_and_last(&path("rendered.webm"));
    let faded = first_and_last(&path("faded.webm"));
    assert!(all[0] < before[0] / 3. && all[1] < before[1] / 3., "{before:?} {all:?}");
    if log.contains("No current track element to which we can append a binding") {
        println!("this version of GES loses the keyframes of effects when it loads a project");
        return;
    }
    assert!(faded[0] > before[0] * 0.8 && faded[1] < before[1] / 3., "{before:?} {faded:?}");
}
