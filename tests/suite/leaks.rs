//! Promise: nothing is left over when a program ends, neither objects, buffers, caps, events or
//! messages of GStreamer's, nor words on the terminal.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::common::media;
use crate::common::programs::{alone, run, text};
use gst::prelude::*;
use temp_dir::TempDir;

/// The element with a reference, as it stands in a command in [`folder`].
const ELEMENT: &str = "histomatch reference-location=coffee.png";

fn folder() -> PathBuf {
    media("")
}

/// Runs a program that plays a pipeline while GStreamer counts what lives; whatever does so at the
/// end, it names.
fn count(command: &mut Command) -> Output {
    command.env("GST_TRACERS", "leaks").env("GST_DEBUG", "GST_TRACER:7");
    let output = run(command.env("GST_DEBUG_NO_COLOR", "1"), &folder());
    let said = text(&output);
    assert!(said.contains("object-alive.class"), "nothing was counted: {said}");
    let left = |line: &&str| line.contains("object-alive, ") && !line.contains("new format");
    let left: Vec<&str> = said.lines().filter(left).collect();
    assert!(left.is_empty(), "{command:?}: {left:#?}");
    // GStreamer also warns of what is left, which would have ended it.
    assert!(output.status.code().is_some(), "{command:?}: {said}");
    output
}

/// A pipeline that plays to its end.
fn plays(pipeline: &str) {
    let mut launch = Command::new("gst-launch-1.0");
    launch.args(["--quiet", "--no-fault"]).args(pipeline.split_whitespace());
    let output = count(&mut launch);
    assert!(output.status.success(), "{pipeline}: {}", text(&output));
    assert!(output.stdout.is_empty(), "{pipeline}: {}", text(&output));
}

/// The pipeline that this process plays to its error, if it was started for that.
const FAILING: &str = "HISTOMATCH_TESTS_FAILING";

/// A pipeline that ends with an error.
///
/// Not played by `gst-launch-1.0`: if the error comes before the pipeline has prerolled, that of
/// GStreamer 1.22 may say the error and then wait for it for ever. `videotestsrc ! identity
/// error-after=1 ! fakesink` did so 8 times of 60 on a busy machine. But by this program, alone in
/// a process, as GStreamer counts until it is ended.
fn fails(test: &str, pipeline: &str, error: &str) {
    let output = count(alone(module_path!(), test).env(FAILING, pipeline));
    let text = text(&output);
    assert!(output.status.success(), "{pipeline}: {text}");
    let said = text.lines().any(|line| line.starts_with("error: ") && line.contains(error));
    assert!(said, "{pipeline}: {text}");
}

/// In the process that [`fails`] starts: plays the pipeline, prints its error, and gives true.
fn is_failing() -> bool {
    let Ok(pipeline) = std::env::var(FAILING) else { return false };
    gst::init().expect("GStreamer starts");
    // Without the flag there would be half a pipeline beside an error, and the bindings lose it.
    match gst::parse::launch_full(&pipeline, None, gst::ParseFlags::FATAL_ERRORS) {
        Ok(pipeline) => play_to_error(&pipeline),
        Err(error) => eprintln!("error: {error}"),
    }
    // SAFETY: nothing of GStreamer's is left, and this process does no more.
    unsafe { gst::deinit() };
    true
}

fn play_to_error(pipeline: &gst::Element) {
    let bus = pipeline.bus().expect("a pipeline has a bus");
    // Not its result: the bus knows what went wrong.
    let _ = pipeline.set_state(gst::State::Playing);
    let ends = [gst::MessageType::Error, gst::MessageType::Eos];
    // `run` ends it if nothing comes.
    let message = bus.timed_pop_filtered(gst::ClockTime::NONE, &ends).expect("a message");
    let gst::MessageView::Error(error) = message.view() else { panic!("it ended without one") };
    // In one line.
    eprintln!("error: {:?} {:?}", error.error().to_string(), error.debug());
    pipeline.set_state(gst::State::Null).expect("it stops");
}

#[test]
fn frames_leave_nothing() {
    let source = "videotestsrc num-buffers=5 ! video/x-raw,width=97,height=50";
    for (format, properties) in [
        ("RGB", ""),
        ("I420", "n-threads=2"),
        ("v210", "colorspace=luma"),
        ("BGRx", "smoothing=1000000000 deflicker=1 ignore-borders=true max-slope=4"),
        ("NV12", "post-messages=true interval=0"),
    ] {
        plays(&format!("{source},format={format} ! {ELEMENT} {properties} ! fakesink"));
    }
    plays(&format!("{source} ! histomatch ! fakesink"));
}

#[test]
fn new_caps_leave_nothing() {
    plays(&format!(
        "concat name=c ! {ELEMENT} smoothing=1000000000 ! fakesink
         videotestsrc num-buffers=3 ! video/x-raw,format=RGB,width=97,height=50 ! c.
         videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=64,height=31 ! c."
    ));
}

#[test]
fn shared_and_skipped_frames_leave_nothing() {
    plays(&format!(
        "videotestsrc num-buffers=5 ! tee name=t ! queue ! {ELEMENT} ! fakesink t. ! queue ! fakesink"
    ));
    let late = "identity sleep-time=20000 ! fakesink sync=true max-lateness=1";
    plays(&format!(
        "videotestsrc num-buffers=9 ! video/x-raw,framerate=100/1 ! {ELEMENT} ! {late}"
    ));
}

#[test]
fn failures_leave_nothing() {
    if is_failing() {
        return;
    }
    let fails = |pipeline: &str, error| fails("failures_leave_nothing", pipeline, error);
    fails("videotestsrc ! histomatch reference-location=no-such.png ! fakesink", "no such file");
    let caps = "video/x-raw,format=RGB,width=8,height=8,framerate=25/1";
    let short = "fakesrc sizetype=fixed sizemax=100 filltype=zero format=time";
    fails(&format!("{short} ! {caps} ! {ELEMENT} ! fakesink"), "doesn't hold the frame");
    let memory = "video/x-raw(memory:DMABuf),format=RGB,width=8,height=8,framerate=25/1";
    fails(&format!("fakesrc ! {memory} ! {ELEMENT} ! fakesink"), "DMABuf");
}

#[test]
fn an_element_that_was_never_started_leaves_nothing() {
    if is_failing() {
        return;
    }
    let sink = "fakesink state-error=null-to-ready";
    let test = "an_element_that_was_never_started_leaves_nothing";
    fails(test, &format!("videotestsrc ! {ELEMENT} ! {sink}"), "");
}

#[test]
fn without_a_fault_nothing_is_said() {
    let mut launch = Command::new("gst-launch-1.0");
    let pipeline = format!("--quiet videotestsrc num-buffers=3 ! {ELEMENT} ! fakesink");
    launch.args(pipeline.split_whitespace());
    let output = run(&mut launch, &folder());
    assert!(output.status.success());
    assert_eq!(text(&output), "");
}

#[test]
fn the_pages_of_the_plugin_come_without_complaints() {
    for page in [["histomatch"].as_slice(), &["--plugin", "histomatch"]] {
        let output = run(Command::new("gst-inspect-1.0").args(page), &folder());
        assert!(output.status.success());
        assert!(!output.stdout.is_empty());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{page:?}");
    }
}

/// All pages, where there are no other plugins.
#[test]
fn all_pages_come_without_complaints() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut inspect = Command::new("gst-inspect-1.0");
    inspect.arg("--print-all").env("GST_PLUGIN_SYSTEM_PATH_1_0", "");
    inspect.env("GST_REGISTRY_1_0", folder.path().join("registry.bin"));
    let output = run(&mut inspect, folder.path());
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("Histogram matching") && text.contains("reference-location"), "{text}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
