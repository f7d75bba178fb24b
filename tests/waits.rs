//! Promise: no frame is late for a reference, and whoever stops a stream doesn't wait for one.
#![cfg(unix)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use common::frames::{Frame, Shape, noise};
use common::oracle::Picture;
use common::{Complaint, Rig, big_picture, bytes, count_of_reads, media};
use gst::prelude::*;
use gst_base::prelude::*;
use gst_video::VideoFormat;
use gsthistomatch::color::{Channels, Encoding, LumaWeights, Range as Levels};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::reference::Reference;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use temp_dir::TempDir;

fn frame() -> Frame {
    Frame::new(VideoFormat::I420, 32, 18, Shape::Default, noise(5))
}

fn rig(reference: Option<PathBuf>) -> Rig {
    let mut rig = Rig::new(reference.as_deref());
    rig.harness.set_src_caps(frame().caps());
    rig
}

/// CPU time of this thread. Time on the clock says little on a busy machine.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is there to be written to.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What something takes of this thread's CPU time.
fn cost(work: impl FnOnce()) -> Duration {
    let begun = cpu_time();
    work();
    cpu_time() - begun
}

/// Frames that come through while another thread does something, and what the dearest of them, or of
/// some behind them, costs.
fn frames_during(rig: &mut Rig, act: impl FnOnce(&gst::Element) + Send) -> (usize, Duration) {
    let done = AtomicBool::new(false);
    let element = rig.element.clone();
    let (mut frames, mut dearest) = (0, Duration::ZERO);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            act(&element);
            done.store(true, Ordering::SeqCst);
        });
        let mut behind = 0;
        while behind < 3 {
            behind += usize::from(done.load(Ordering::SeqCst));
            dearest = dearest.max(cost(|| drop(rig.process(frame().buffer()))));
            frames += 1;
        }
    });
    (frames, dearest)
}

/// What it costs to count the large picture in channels that it was not counted in.
fn cost_of_counting(large: &Path) -> Duration {
    let large = Reference::load(large).expect("a picture");
    let encoding = Encoding::YCbCr(LumaWeights::BT709, Levels::Full);
    cost(|| {
        drop(large.cdfs(&Channels { encoding, depths: vec![8; 3], colorimetry: Colorimetry::SRGB }))
    })
}

/// A large picture takes time to be read, counted and freed: in the thread that asks for it.
#[test]
fn f116_frames_pass_while_a_reference_comes_and_goes() {
    let folder = TempDir::new().expect("a temporary folder");
    let large = big_picture(folder.path());
    let counting = cost_of_counting(&large);
    let mut rig = rig(Some(media("coffee.png")));
    rig.element.set_property_from_str("colorspace", "ycbcr");
    for location in [Some(large), Some(media("coffee.png")), None] {
        let is_large = location.as_deref().is_some_and(|path| path.starts_with(folder.path()));
        let (frames, dearest) = frames_during(&mut rig, |element| {
            element.set_property("reference-location", location);
        });
        // The others are there at once.
        assert!(frames >= 10 || !is_large, "{frames} frames");
        assert!(dearest < counting / 4, "a frame takes {dearest:?}, counting {counting:?}");
    }
}

/// What another colour space needs of the reference is counted in the thread that sets it; nothing
/// is left to be done for the next frame.
#[test]
fn f117_frames_pass_while_the_colour_space_changes() {
    let folder = TempDir::new().expect("a temporary folder");
    let large = big_picture(folder.path());
    let counting = cost_of_counting(&large);
    let mut rig = rig(Some(large));
    rig.process(frame().buffer());
    for colorspace in ["ycbcr", "luma", "rgb", "ycbcr", "luma"] {
        let (_, dearest) = frames_during(&mut rig, |element| {
            element.set_property_from_str("colorspace", colorspace);
        });
        assert!(
            dearest < counting / 4,
            "{colorspace}: a frame takes {dearest:?}, counting {counting:?}"
        );
    }
}

/// Other caps: what is counted for them is counted in a thread of its own, which frames wait for.
#[test]
fn f160_the_streaming_thread_counts_no_reference_for_other_caps() {
    let folder = TempDir::new().expect("a temporary folder");
    let large = big_picture(folder.path());
    let counting = cost_of_counting(&large);
    let mut rig = rig(Some(large));
    rig.process(frame().buffer());
    rig.element.set_property_from_str("colorspace", "ycbcr");
    for colorimetry in ["bt709", "1:4:0:0", "1:3:5:1", "bt601"] {
        let mut caps = frame().caps();
        caps.make_mut().set("colorimetry", colorimetry);
        let cost = cost(|| {
            assert!(rig.harness.push_event(gst::event::Caps::new(&caps)));
            rig.process(frame().buffer());
        });
        assert!(cost < counting / 4, "{colorimetry}: it takes {cost:?}, counting {counting:?}");
    }
}

/// Of eight, the first one is read, and the last one; each by itself.
#[test]
fn f115_of_many_requests_at_once_those_in_between_are_left_out() {
    let folder = TempDir::new().expect("a temporary folder");
    let large = big_picture(folder.path());
    let mut rig = rig(Some(media("chelsea.png")));
    let read = count_of_reads(&rig.element);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (element, large) = (rig.element.clone(), large.clone());
            scope.spawn(move || {
                // In this order, as far as threads can be told.
                std::thread::sleep(Duration::from_millis(20 * n));
                element.set_property("reference-location", large);
            });
        }
    });
    rig.element.set_property("reference-location", media("coffee.png"));
    let reads = read.load(Ordering::SeqCst);
    // The first one, perhaps one that came late, the last one, and the one behind them.
    assert!((2..=5).contains(&reads), "{reads} pictures were read");
    let output = rig.process(frame().buffer());
    assert!(bytes(&output) == frame().expected(&Picture::of(&media("coffee.png"))));
    assert_eq!(
        rig.element.property::<Option<PathBuf>>("reference-location"),
        Some(media("coffee.png"))
    );
}

/// A picture that takes a second or more to be read. It is small as a file, made once and kept.
static SLOW: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("slow-to-read.png");
    if !path.exists() {
        // Under another name until it is whole.
        let part = path.with_extension("part.png");
        let picture = image::RgbImage::from_pixel(11_500, 11_500, image::Rgb([1, 2, 3]));
        let file = std::fs::File::create(&part).expect("it can be made");
        // The filter that takes longest to undo.
        let (compression, filter) = (CompressionType::Fast, FilterType::Paeth);
        let encoder = PngEncoder::new_with_quality(file, compression, filter);
        picture.write_with_encoder(encoder).expect("saved");
        std::fs::rename(part, &path).expect("renamed");
    }
    path
});

/// A pipeline with a reference that takes long to be read.
fn slow_pipeline(reference: &Path) -> gst::Pipeline {
    common::init();
    gst::parse::launch(&format!(
        "videotestsrc ! video/x-raw,width=64,height=48 ! \
         histomatch name=h reference-location={} ! fakesink",
        common::video::quoted(reference)
    ))
    .expect("the pipeline parses")
    .downcast::<gst::Pipeline>()
    .expect("a pipeline")
}

/// A state change to PAUSED returns before a picture is read that takes long, and whoever stops the
/// pipeline then doesn't wait for the picture.
#[test]
fn f114_a_pipeline_that_loads_can_be_stopped() {
    let pipeline = slow_pipeline(&SLOW);
    let element = pipeline.by_name("h").expect("it is there");
    let reads = count_of_reads(&element);
    let is_set = Arc::new(AtomicBool::new(false));
    for pause in [0, 100, 300] {
        let bus = pipeline.bus().expect("it has one");
        pipeline.set_state(gst::State::Playing).expect("it begins to play");
        std::thread::sleep(Duration::from_millis(pause));
        pipeline.set_state(gst::State::Null).expect("it stops");
        assert_eq!(common::complaints(&bus), []);
        let location: Option<PathBuf> = element.property("reference-location");
        assert!(location.is_some_and(|path| path.ends_with("slow-to-read.png")));
    }
    // Nobody waited until it was read, unless this machine reads it within the time that the change
    // to PAUSED waits.
    let reading = cost(|| drop(Reference::load(&SLOW).expect("a picture")));
    println!("reading takes {reading:?}");
    if reading > Duration::from_millis(600) {
        assert_eq!(reads.load(Ordering::SeqCst), 0);
    }
    // Nor do those who set another one meanwhile, and that is the one in use the next time.
    pipeline.set_state(gst::State::Playing).expect("it begins to play");
    std::thread::scope(|scope| {
        let (element, is_set) = (element.clone(), is_set.clone());
        scope.spawn(move || {
            element.set_property("reference-location", media("coffee.png"));
            is_set.store(true, Ordering::SeqCst);
        });
        std::thread::sleep(Duration::from_millis(50));
        pipeline.set_state(gst::State::Null).expect("it stops");
    });
    assert!(is_set.load(Ordering::SeqCst));
    assert_eq!(
        element.property::<Option<PathBuf>>("reference-location"),
        Some(media("coffee.png"))
    );
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let (change, state, _) = pipeline.state(gst::ClockTime::from_seconds(20));
    assert_eq!((change, state), (Ok(gst::StateChangeSuccess::Success), gst::State::Playing));
    pipeline.set_state(gst::State::Null).expect("it stops");
}

/// What takes long is read for the first frame, which waits: no frame passes unmatched.
#[test]
fn f114_the_first_frame_waits_for_a_reference_that_takes_long() {
    let pipeline = slow_pipeline(&SLOW);
    let filter = pipeline.by_name("h").expect("it is there");
    let passthrough = Arc::new(AtomicUsize::new(0));
    let frames = Arc::new(AtomicUsize::new(0));
    let (seen, unmatched) = (frames.clone(), passthrough.clone());
    let element = filter.clone().downcast::<gst_base::BaseTransform>().expect("it is one");
    filter
        .static_pad("src")
        .expect("it has one")
        .add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            seen.fetch_add(1, Ordering::SeqCst);
            unmatched.fetch_add(usize::from(element.is_passthrough()), Ordering::SeqCst);
            gst::PadProbeReturn::Ok
        })
        .expect("the probe is added");
    pipeline.set_state(gst::State::Paused).expect("it begins");
    let (change, ..) = pipeline.state(gst::ClockTime::from_seconds(60));
    assert_eq!(change, Ok(gst::StateChangeSuccess::Success));
    assert!(frames.load(Ordering::SeqCst) > 0);
    assert_eq!(passthrough.load(Ordering::SeqCst), 0);
    pipeline.set_state(gst::State::Null).expect("it stops");
}

/// If it can't be read in the end, that is an error of the stream.
#[test]
fn f114_a_late_failure_is_an_error() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("slow.png");
    let whole = std::fs::read(&*SLOW).expect("it was saved");
    std::fs::write(&path, &whole[..whole.len() * 9 / 10]).expect("cut off");
    let pipeline = slow_pipeline(&path);
    let bus = pipeline.bus().expect("it has one");
    let types = [gst::MessageType::Error, gst::MessageType::AsyncDone];
    // Where it is read within the time of the state change, that fails.
    let _ = pipeline.set_state(gst::State::Paused);
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &types);
    let message = message.expect("it ends");
    let gst::MessageView::Error(error) = message.view() else { panic!("{message:?}") };
    assert!(error.error().to_string().contains("slow.png"), "{}", error.error());
    pipeline.set_state(gst::State::Null).expect("it stops");
}

/// A flush frees whoever waits.
#[test]
fn f114_a_flush_does_not_wait_for_the_first_reference() {
    let pipeline = slow_pipeline(&SLOW);
    pipeline.set_state(gst::State::Paused).expect("it begins");
    let sink = pipeline.by_name("h").expect("it is there").static_pad("sink").expect("it has one");
    std::thread::sleep(Duration::from_millis(30));
    // It would never return while the streaming thread holds the pad's lock.
    assert!(sink.send_event(gst::event::FlushStart::new()));
    let lock = sink.stream_lock();
    drop(lock);
    pipeline.set_state(gst::State::Null).expect("it stops");
    assert_eq!(common::complaints(&pipeline.bus().expect("it has one")), Vec::<Complaint>::new());
}

/// Whoever gets the warning of a picture that ends early may set another one at once.
#[test]
fn f62_another_reference_may_be_set_when_one_ends_early() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("short.jpg");
    std::fs::write(&path, common::jpeg::cut_off()).expect("it can be written");
    let pipeline = slow_pipeline(&media("coffee.png"));
    let filter = pipeline.by_name("h").expect("it is there");
    let element = filter.downgrade();
    pipeline.bus().expect("it has one").set_sync_handler(move |_, message| {
        if message.type_() == gst::MessageType::Warning
            && let Some(element) = element.upgrade()
        {
            element.set_property("reference-location", media("chelsea.png"));
        }
        gst::BusSyncReply::Drop
    });
    // While it plays, and on the way there.
    pipeline.set_state(gst::State::Playing).expect("it plays");
    filter.set_property("reference-location", &path);
    let location = || filter.property::<Option<PathBuf>>("reference-location");
    assert_eq!(location(), Some(media("chelsea.png")));
    pipeline.set_state(gst::State::Null).expect("it stops");
    filter.set_property("reference-location", &path);
    pipeline.set_state(gst::State::Playing).expect("it plays");
    assert_eq!(location(), Some(media("chelsea.png")));
    pipeline.set_state(gst::State::Null).expect("it stops");
}
