//! Promise: taps and consumers come and go in any order, from threads of their own: nothing hangs, no name
//! is lost, and nothing is left over.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::common::frames::{Frame, Shape, noise};
use crate::common::live::{later, tap_element};
use crate::common::programs::PATIENCE;
use crate::common::{self, Complaint, complaints, media};
use gst::prelude::*;
use gst_video::VideoFormat;
use gsthistomatch::live::channel::Channel;
use temp_dir::TempDir;

const NAMES: [&str; 2] = ["f219_a", "f219_b"];

/// Only the thread that pushes frames starts an element again, as a new stream has to begin then.
const STOPPED: [gst::State; 2] = [gst::State::Null, gst::State::Ready];

/// How long everything is shaken, at least.
const TIME: Duration = Duration::from_secs(3);

/// How often, at least.
const ORDERS: usize = 1000;

/// The longest that half of the orders may wait; the others may wait for the machine.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

fn frame(seed: u32) -> Frame {
    let format = if seed.is_multiple_of(2) { VideoFormat::Nv12 } else { VideoFormat::Bgrx };
    Frame::new(format, 64, 48, Shape::Default, noise(seed))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic")
}

/// One of some things.
fn one_of<'a, T>(things: &'a [T], random: &mut impl FnMut() -> u8) -> &'a T {
    &things[usize::from(random()) % things.len()]
}

/// Does something to an element that any thread may do.
fn disturb(element: &gst::Element, picture: &Path, random: &mut impl FnMut() -> u8) {
    let is_tap = element.has_property("channel");
    let name = *one_of(&NAMES, random);
    match (random() % 8, is_tap) {
        (0, _) => {
            element.set_state(*one_of(&STOPPED, random)).expect("it stops");
        }
        (1, true) => element.set_property("channel", name),
        (2, true) => element.emit_by_name::<()>("capture", &[]),
        (3, true) => element
            .set_property_from_str("publish", if random() < 128 { "once" } else { "continuous" }),
        (4, true) => element.set_property("window", u64::from(random() % 2)),
        (_, true) => drop(element.property::<gst::Structure>("stats")),
        (1 | 2, false) => element.set_property("reference-channel", name),
        (3, false) => element.set_property("reference-channel", None::<String>),
        (4, false) => element.set_property("reference-location", picture),
        (5, false) => {
            let mode = if random() < 128 { "frame" } else { "locked" };
            element.set_property_from_str("update-mode", mode);
        }
        (6, false) => element.emit_by_name::<()>("relearn", &[]),
        (_, false) => element.emit_by_name::<()>("capture-reference", &[]),
    }
}

/// Pads around an element, which may be in any state.
fn surround(element: &gst::Element) -> [gst::Pad; 2] {
    let source = gst::Pad::builder(gst::PadDirection::Src).build();
    let sink = gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(|_, _, _| Ok(gst::FlowSuccess::Ok))
        .event_function(|_, _, _| true)
        .build();
    let pad = |name| element.static_pad(name).expect("it has the pad");
    source.link(&pad("sink")).expect("it fits");
    pad("src").link(&sink).expect("it fits");
    for pad in [&source, &sink] {
        pad.set_active(true).expect("it is activated");
    }
    [source, sink]
}

/// Begins a stream.
fn begin(source: &gst::Pad, frame: &Frame) {
    source.push_event(gst::event::StreamStart::new("shaken"));
    source.push_event(gst::event::Caps::new(&frame.caps()));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    source.push_event(gst::event::Segment::new(&segment));
}

/// Pushes frames through an element, and starts it again and again, until it is over. How many passed.
fn play(element: &gst::Element, seed: u32, is_over: &AtomicBool) -> usize {
    let (mut random, frame) = (noise(seed), frame(seed));
    let [source, _sink] = surround(element);
    let mut passed = 0;
    while !is_over.load(Ordering::Relaxed) {
        // It fails where another tap has the name.
        let _ = element.set_state(gst::State::Playing);
        begin(&source, &frame);
        for _ in 0..random() % 32 {
            passed += usize::from(source.push(later(&frame)).is_ok());
        }
        if random() % 8 == 0 {
            source.push_event(gst::event::FlushStart::new());
            source.push_event(gst::event::FlushStop::new(true));
        }
    }
    passed
}

#[test]
fn f219_two_taps_and_three_consumers_in_any_order() {
    common::init();
    let elements: Vec<(gst::Element, gst::Bus)> =
        (0..5).map(|n| if n < 2 { tap_element(NAMES[n]) } else { common::element(None) }).collect();
    // One that is read at once: whoever sets it waits for it.
    let folder = TempDir::new().expect("a temporary folder");
    let picture = &folder.path().join("small.png");
    image::open(media("coffee.png"))
        .expect("a picture")
        .thumbnail(64, 48)
        .save(picture)
        .expect("saved");
    let is_over = AtomicBool::new(false);
    let waits = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let (is_over, waits) = (&is_over, &waits);
        let mut players = Vec::new();
        for (n, (element, _)) in elements.iter().enumerate() {
            players.push(scope.spawn(move || play(element, n as u32, is_over)));
        }
        for seed in 10..12 {
            let elements = &elements;
            scope.spawn(move || {
                let mut random = noise(seed);
                while !is_over.load(Ordering::Relaxed) {
                    let element = &one_of(elements, &mut random).0;
                    let start = Instant::now();
                    disturb(element, picture, &mut random);
                    lock(waits).push(start.elapsed());
                    std::thread::sleep(Duration::from_micros(100));
                }
            });
        }
        let start = Instant::now();
        let is_enough = || start.elapsed() > TIME && lock(waits).len() > ORDERS;
        while !is_enough() && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
        is_over.store(true, Ordering::Relaxed);
        for player in players {
            assert!(player.join().expect("no panic") > 0);
        }
    });
    let mut waits = waits.into_inner().expect("no panic");
    assert!(waits.len() > ORDERS);
    waits.sort();
    let median = waits[waits.len() / 2];
    assert!(median < LONGEST_WAIT, "{median:?}, and {:?} at most", waits.last());
    for (element, bus) in elements {
        element.set_state(gst::State::Null).expect("it stops");
        for complaint in complaints(&bus) {
            let is_taken =
                matches!(&complaint, Complaint::Error(text) if text.contains("a histotap already"));
            assert!(is_taken || complaint.is_of_settings(), "{complaint:?}");
        }
    }

    // No name is lost, and none is kept.
    for name in NAMES {
        let start = Instant::now();
        while Channel::named(name).newest().is_some() {
            assert!(start.elapsed() < PATIENCE, "{name} is left over");
        }
        let snapshot = {
            let [(tap, tap_bus), (consumer, bus)] = [tap_element(name), common::element(None)];
            consumer.set_property("reference-channel", name);
            let pads = [&tap, &consumer].map(|element| {
                let pads = surround(element);
                element.set_state(gst::State::Playing).expect("it plays");
                begin(&pads[0], &frame(0));
                pads[0].push(later(&frame(0))).expect("it passes");
                pads
            });
            let stats = consumer.property::<gst::Structure>("stats");
            assert_eq!(stats.get("reference-sequence"), Ok(1u64));
            for element in [&tap, &consumer] {
                element.set_state(gst::State::Null).expect("it stops");
            }
            drop(pads);
            // Their messages have them.
            assert_eq!((complaints(&tap_bus), complaints(&bus)), (vec![], vec![]));
            Arc::downgrade(&Channel::named(name).newest().expect("a snapshot"))
        };
        // A thread that has counted it ends behind that.
        let start = Instant::now();
        while snapshot.upgrade().is_some() {
            assert!(start.elapsed() < PATIENCE, "a snapshot of {name} is left over");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
