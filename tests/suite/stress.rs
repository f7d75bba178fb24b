//! Promise: states, properties, events and frames may come from threads of their own, in any order;
//! and when something breaks inside, the application lives.

use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::frames::{Frame, Shape, noise};
use crate::common::programs::{alone, python, run, text};
use crate::common::video::quoted;
use crate::common::{self, VALUES, complaints, element, media};
use glib::translate::{ToGlibPtr, ToGlibPtrMut};
use gst::prelude::*;
use gst_check::ffi;
use gst_video::VideoFormat;
use temp_dir::TempDir;

const STATES: [gst::State; 4] =
    [gst::State::Null, gst::State::Ready, gst::State::Paused, gst::State::Playing];

fn frame() -> Frame {
    Frame::new(VideoFormat::I420, 32, 18, Shape::Default, noise(5))
}

/// The harness of GStreamer's own stress tests, with an element on it.
struct Stressed {
    element: gst::Element,
    bus: gst::Bus,
    harness: *mut ffi::GstHarness,
    threads: Vec<*mut ffi::GstHarnessThread>,
}

/// Microseconds between two things that a thread does.
const PAUSE: std::ffi::c_ulong = 100;

impl Stressed {
    fn new() -> Self {
        let (element, bus) = element(Some(&media("coffee.png")));
        // SAFETY: the element lives, it has these pads, and the names are C strings. The harness
        // keeps references of its own.
        let harness = unsafe {
            ffi::gst_harness_new_with_element(
                element.to_glib_none().0,
                c"sink".as_ptr(),
                c"src".as_ptr(),
            )
        };
        // SAFETY: the harness was made above.
        unsafe {
            ffi::gst_harness_set_drop_buffers(harness, glib::ffi::GTRUE);
            ffi::gst_harness_play(harness);
        }
        Self { element, bus, harness, threads: Vec::new() }
    }

    /// A thread for each value of each property.
    fn set_properties(&mut self) {
        for picture in ["coffee.png", "chelsea.png"] {
            self.set(c"reference-location", &media(picture).to_str().expect("UTF-8").to_value());
        }
        for (name, values) in VALUES {
            let property = self.element.find_property(name).expect("it exists");
            let name = CString::new(name).expect("no zero");
            for value in values {
                let value = glib::Value::deserialize_with_pspec(value, &property);
                self.set(&name, &value.expect("a value"));
            }
        }
    }

    /// A thread that sets a property.
    fn set(&mut self, name: &CStr, value: &glib::Value) {
        let value = value.to_glib_none().0;
        // SAFETY: the harness lives until its threads have ended, in `drop`; it copies the name and
        // the value.
        self.threads.push(unsafe {
            ffi::gst_harness_stress_property_start_full(self.harness, name.as_ptr(), value, PAUSE)
        });
    }

    /// A thread that pushes frames.
    fn push_frames(&mut self) {
        let (mut caps, mut buffer) = (frame().caps(), frame().buffer());
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        // SAFETY: as above; it takes references to caps and buffer, and copies the segment.
        self.threads.push(unsafe {
            ffi::gst_harness_stress_push_buffer_start_full(
                self.harness,
                caps.make_mut().as_mut_ptr(),
                segment.to_glib_none().0,
                buffer.make_mut().as_mut_ptr(),
                PAUSE,
            )
        });
    }

    /// A thread for each of some events, downstream and up.
    fn push_events(&mut self) {
        let unknown = || gst::Structure::new_empty("unknown");
        let qos = gst::event::Qos::builder(gst::QOSType::Underflow, 2., -5);
        let mut downstream = [
            gst::event::CustomDownstreamOob::new(unknown()),
            gst::event::CustomDownstream::new(unknown()),
            gst::event::Tag::new(gst::TagList::new()),
        ];
        let mut upstream = [
            gst::event::Reconfigure::new(),
            gst::event::CustomUpstream::new(unknown()),
            qos.timestamp(gst::ClockTime::SECOND).build(),
        ];
        for event in &mut downstream {
            // SAFETY: as above; it takes a reference to the event.
            self.threads.push(unsafe {
                ffi::gst_harness_stress_push_event_start_full(
                    self.harness,
                    event.to_glib_none_mut().0,
                    PAUSE,
                )
            });
        }
        for event in &mut upstream {
            // SAFETY: as above.
            self.threads.push(unsafe {
                ffi::gst_harness_stress_push_upstream_event_start_full(
                    self.harness,
                    event.to_glib_none_mut().0,
                    PAUSE,
                )
            });
        }
    }

    /// A thread that goes from NULL to PLAYING and back.
    fn change_states(&mut self) {
        // SAFETY: as above.
        self.threads
            .push(unsafe { ffi::gst_harness_stress_statechange_start_full(self.harness, PAUSE) });
    }

    fn frames_that_came(&self) -> u32 {
        // SAFETY: the harness lives.
        unsafe { ffi::gst_harness_buffers_received(self.harness) }
    }

    /// Ends all threads; gives how often each did its thing.
    fn stop(&mut self) -> Vec<u32> {
        // SAFETY: each was started by this harness, and is stopped once.
        let stop = |thread| unsafe { ffi::gst_harness_stress_thread_stop(thread) };
        self.threads.drain(..).map(stop).collect()
    }

    fn assert_no_complaints(&self) {
        for complaint in complaints(&self.bus) {
            assert!(complaint.is_of_settings(), "{complaint:?}");
        }
    }
}

impl Drop for Stressed {
    fn drop(&mut self) {
        self.stop();
        // SAFETY: it was made by `new`, and nothing uses it from now on.
        unsafe { ffi::gst_harness_teardown(self.harness) };
    }
}

#[test]
fn frames_events_and_properties_at_once() {
    let mut stressed = Stressed::new();
    stressed.push_frames();
    stressed.push_events();
    stressed.set_properties();
    while stressed.frames_that_came() < 2_000 {
        std::thread::sleep(std::time::Duration::from_millis(10));
        stressed.assert_no_complaints();
    }
    let times = stressed.stop();
    let n_values: usize = VALUES.iter().map(|(_, values)| values.len()).sum();
    assert_eq!(times.len(), 1 + 6 + 2 + n_values);
    assert!(times.iter().all(|&times| times > 0), "{times:?}");
}

#[test]
fn states_and_properties_at_once() {
    // On a busy machine it takes longer until each thread has had its turn.
    let mut times = vec![0];
    for seconds in [1, 5, 30] {
        let mut stressed = Stressed::new();
        stressed.change_states();
        stressed.set_properties();
        std::thread::sleep(std::time::Duration::from_secs(seconds));
        times = stressed.stop();
        stressed.assert_no_complaints();
        if times.iter().all(|&times| times > 0) {
            return;
        }
    }
    panic!("{times:?}");
}

#[test]
fn states_go_up_and_down_in_all_orders() {
    for reference in [None, Some(media("coffee.png"))] {
        for n_threads in [1u32, 3] {
            let (element, bus) = element(reference.as_deref());
            element.set_property("n-threads", n_threads);
            // Linked to nothing.
            for from in STATES {
                for to in STATES {
                    for state in [from, to] {
                        element.set_state(state).expect("it is reached");
                        assert_eq!(element.current_state(), state);
                    }
                }
            }
            element.set_state(gst::State::Null).expect("it stops");
            assert_eq!(complaints(&bus), []);
        }
    }
}

/// Threads and open files of this process.
#[cfg(target_os = "linux")]
fn resources() -> [usize; 2] {
    ["/proc/self/task", "/proc/self/fd"]
        .map(|list| std::fs::read_dir(list).expect("a list").count())
}

#[cfg(target_os = "linux")]
#[test]
fn f69_a_hundred_times_up_and_down_leaves_no_thread_and_no_file() {
    // Alone in a process, as other tests of this file have threads and files of their own.
    const ALONE: &str = "HISTOMATCH_TESTS_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "f69_a_hundred_times_up_and_down_leaves_no_thread_and_no_file";
        let output = run(alone(module_path!(), name).env(ALONE, ""), "/".as_ref());
        assert!(output.status.success(), "{}", text(&output));
        return;
    }
    common::init();
    // GLib keeps threads that GStreamer has no more work for, and gives them the next; how many
    // there are at once is chance. None, so that only those are counted that are left over.
    glib::ThreadPool::set_max_unused_threads(Some(0));
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc ! video/x-raw,width=64,height=48 ! \
         histomatch n-threads=3 reference-location={} ! fakesink",
        quoted(&media("coffee.png"))
    ))
    .expect("the pipeline parses");
    let mut early = [0; 2];
    for n in 0..100 {
        pipeline.set_state(gst::State::Playing).expect("it plays");
        if n % 2 == 0 {
            pipeline.state(gst::ClockTime::from_seconds(120)).0.expect("it plays");
        }
        pipeline.set_state(gst::State::Null).expect("it stops");
        if n == 10 {
            early = resources();
        }
    }
    // Threads vanish from the list a moment after they were joined.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while resources() > early && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let late = resources();
    assert!(late[0] <= early[0] && late[1] <= early[1], "{early:?}, then {late:?}");
}

#[test]
fn f68_pipelines_stop_while_workers_work_and_references_change() {
    common::init();
    for n in 0..20 {
        let pipeline = gst::parse::launch(&format!(
            "videotestsrc ! video/x-raw,format=RGB,width=1600,height=1200 ! \
             histomatch name=h n-threads=2 reference-location={} ! fakesink",
            quoted(&media("coffee.png"))
        ))
        .expect("the pipeline parses")
        .downcast::<gst::Pipeline>()
        .expect("a pipeline");
        let (element, done) = (pipeline.by_name("h").expect("it is there"), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    element.set_property("reference-location", media("chelsea.png"));
                    element.set_property("strength", 0.5);
                }
            });
            pipeline.set_state(gst::State::Playing).expect("it plays");
            pipeline.state(gst::ClockTime::from_seconds(120)).0.expect("it plays");
            std::thread::sleep(std::time::Duration::from_millis(n));
            pipeline.set_state(gst::State::Null).expect("it stops");
            done.store(true, Ordering::Relaxed);
        });
    }
}

/// Plays a pipeline to its end; gives the first error's source and text, if there is one.
///
/// Not through `gst-launch-1.0`, which does not always end after errors in the first frames.
fn play(pipeline: &str) -> Option<(String, String)> {
    common::init();
    let pipeline = gst::parse::launch(pipeline).expect("the pipeline parses");
    let _ = pipeline.set_state(gst::State::Playing);
    let ends = [gst::MessageType::Error, gst::MessageType::Eos];
    let bus = pipeline.bus().expect("it has one");
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(300), &ends);
    pipeline.set_state(gst::State::Null).expect("it stops");
    match message.expect("it ends").view() {
        gst::MessageView::Error(error) => {
            let source = error.src().expect("somebody has posted it").name();
            Some((source.to_string(), error.error().to_string()))
        }
        _ => None,
    }
}

#[test]
fn f52_damaged_streams_are_errors_that_say_so() {
    let filter = format!("histomatch name=h reference-location={}", quoted(&media("coffee.png")));
    for format in ["RGB", "I420", "P010_10LE", "v210"] {
        let source = format!("videotestsrc num-buffers=50 ! video/x-raw,format={format}");
        for (damage, is_refused) in [
            // Bytes of other values are other colours.
            ("breakmydata probability=0.5 seed=1", false),
            ("rndbuffersize min=100 max=100000 seed=1", true),
            ("chopmydata min-size=100 max-size=2000 step-size=100", true),
            ("errorignore", false),
            ("identity drop-probability=0.5 single-segment=true", false),
        ] {
            let error = play(&format!("{source} ! {damage} ! {filter} ! fakesink"));
            assert_eq!(error.is_some(), is_refused, "{format} {damage}: {error:?}");
            if let Some((source, text)) = error {
                let explained = "A frame's buffer doesn't hold the frame that was negotiated: ";
                assert!(source == "h" && text.starts_with(explained), "{format} {damage}: {text}");
            }
        }
    }
}

#[test]
fn f52_errors_of_others_are_theirs() {
    let filter = format!("histomatch reference-location={}", quoted(&media("coffee.png")));
    let source = "videotestsrc num-buffers=20 ! video/x-raw,format=RGB";
    let error = play(&format!(
        "{source} ! errorignore ! {filter} ! errorignore ! identity name=i error-after=5 ! fakesink"
    ));
    let text = "Failed after iterations as requested.";
    assert_eq!(error, Some(("i".to_string(), text.to_string())));
}

/// In Python, because it shows that an application in any language lives on.
#[test]
fn f66_f67_a_panic_is_an_error_and_the_application_lives() {
    const PROGRAM: &str = "
import sys
import gi
gi.require_version('Gst', '1.0')
from gi.repository import Gst
Gst.init(None)
pipeline = Gst.parse_launch(
    'videotestsrc ! histomatch name=filter n-threads=2 ! fakesink')
element = pipeline.get_by_name('filter')
element.set_property('reference-location', sys.argv[1])
bus = pipeline.get_bus()
pipeline.set_state(Gst.State.PLAYING)
message = bus.timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.ERROR)
print('error of', message.src.get_name(), 'says', message.parse_error()[0].message)
for property in element.list_properties():
    element.get_property(property.name)
element.set_property('reference-location', sys.argv[2])
element.set_property('strength', 0.5)
element.emit('relearn')
print('strength', element.get_property('strength'))
pipeline.set_state(Gst.State.NULL)
print('stopped', pipeline.get_state(0).state == Gst.State.NULL)
del element, pipeline
again = Gst.parse_launch('videotestsrc num-buffers=3 ! histomatch ! fakesink')
again.set_state(Gst.State.PLAYING)
message = again.get_bus().timed_pop_filtered(
    60 * Gst.SECOND, Gst.MessageType.ERROR | Gst.MessageType.EOS)
print('another one', message.type == Gst.MessageType.EOS)
again.set_state(Gst.State.NULL)
";
    let folder = TempDir::new().expect("a temporary folder");
    let mut python = python();
    python.args(["-c", PROGRAM]).args([media("coffee.png"), media("chelsea.png")]);
    let output = run(python.env("HISTOMATCH_PANIC", "1"), folder.path());
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", text(&output));
    for expected in [
        "error of filter says Panicked: HISTOMATCH_PANIC is set",
        "strength 0.5",
        "stopped True",
        "another one True",
    ] {
        assert!(printed.contains(expected), "{expected}: {}", text(&output));
    }
}
