//! Promise: any number of threads gives the same bytes, the threads live from PAUSED to READY, and
//! where there can't be so many there are fewer.

mod common;

use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::frames::{Frame, Shape, noise};
use common::oracle::Picture;
use common::programs::{run, text};
use common::{Rig, bytes, element, media};
use gst::prelude::*;
use gst_video::VideoFormat;
use gsthistomatch::color::{Encoding, LumaWeights, Range};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::frame::{FrameLayout, FrameMut, PlaneLayout, PlaneSpan, Subsampling};
use gsthistomatch::workers::Workers;
use temp_dir::TempDir;

const NAME: &str = "n-threads";

/// Held by tests that count the threads of this process.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn f74_any_number_of_threads_gives_the_oracles_bytes() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let reference = media("coffee.png");
    let samples = Picture::of(&reference);
    let formats = [
        VideoFormat::Rgb,
        VideoFormat::Bgrx,
        VideoFormat::Gbra,
        VideoFormat::Gray8,
        VideoFormat::I420,
        VideoFormat::Yuy2,
        VideoFormat::P01010le,
    ];
    // The larger one is worth two threads and more.
    for (format, (width, height)) in
        formats.into_iter().flat_map(|format| [(format, (5, 2)), (format, (1201, 901))])
    {
        let frame = Frame::new(format, width, height, Shape::OffsetShortLastRow, noise(width));
        let expected = frame.expected(&samples);
        for n_threads in [0u32, 1, 2, 3, 7] {
            let (element, bus) = element(Some(&reference));
            element.set_property(NAME, n_threads);
            let mut rig = Rig::of((element, bus));
            rig.harness.set_src_caps(frame.caps());
            // Twice, because counters are used again.
            for _ in 0..2 {
                assert!(
                    bytes(&rig.process(frame.buffer())) == expected,
                    "{n_threads} threads, {format:?} {width} x {height}"
                );
            }
        }
    }
}

#[test]
fn bands_are_all_rows_in_order() {
    let layout = |height| FrameLayout {
        width: 2,
        height,
        encoding: Encoding::Luma(LumaWeights::BT601, Range::Full),
        colorimetry: Colorimetry::SRGB,
        components: Vec::new(),
        chroma: Subsampling::NONE,
        planes: vec![PlaneLayout { plane: 0, row_bytes: 2, vertical: 1 }],
    };
    for height in 0..30 {
        for n in 1..12 {
            // Row y holds y twice and a byte of padding; the last row has none.
            let mut memory: Vec<u8> = (0..height as u8).flat_map(|y| [y, y, 255]).collect();
            memory.pop();
            let spans = [PlaneSpan { offset: 0, stride: 3 }];
            let frame = FrameMut::new(&mut memory, &layout(height), &spans).expect("it fits");
            let bands = frame.bands(&layout(height), n, false);
            assert_eq!(bands.len(), n);
            let rows: Vec<Vec<&[u8]>> =
                bands.iter().map(|band| band.planes()[0].rows(0).collect()).collect();
            let sizes = rows.iter().map(Vec::len);
            assert!(sizes.clone().max() <= sizes.min().map(|least| least + 1));
            let expected: Vec<[u8; 2]> = (0..height as u8).map(|y| [y, y]).collect();
            assert_eq!(rows.concat(), expected);
        }
    }
}

/// The threads of this process that are the element's.
#[cfg(target_os = "linux")]
fn workers_of_this_process() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a list of threads");
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("histomatch-"))
        .count()
}

#[cfg(target_os = "linux")]
#[test]
fn threads_live_from_paused_to_ready() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (element, _bus) = element(None);
    // A new thread takes a moment to give itself a name, an old one to vanish from the list.
    let assert_workers = |n| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while workers_of_this_process() != n && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(workers_of_this_process(), n);
    };
    let set = |state| element.set_state(state).expect("the state is reached");

    element.set_property(NAME, 4u32);
    set(gst::State::Ready);
    assert_workers(0);
    for n_threads in [4u32, 6, 1] {
        element.set_property(NAME, n_threads);
        set(gst::State::Paused);
        assert_workers(n_threads as usize - 1);
        set(gst::State::Playing);
        assert_workers(n_threads as usize - 1);
        // Too late: it holds from the next time.
        element.set_property(NAME, 9u32);
        assert_workers(n_threads as usize - 1);
        set(gst::State::Ready);
        assert_workers(0);
    }
    set(gst::State::Null);
}

#[test]
fn zero_is_as_many_as_the_cpu_has() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let cpu = std::thread::available_parallelism().expect("known").get();
    let (workers, too_few) = Workers::new(0);
    assert_eq!((workers.count(), too_few), (cpu, None));
    assert_eq!(Workers::default().count(), 1);
}

#[test]
fn each_task_is_done_once() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for n in [1, 2, 5] {
        let (workers, _) = Workers::new(n);
        for n_tasks in [0, 1, 2, 5, 100] {
            let mut tasks = vec![0; n_tasks];
            workers.for_each(&mut tasks, |task| *task += 1);
            assert_eq!(tasks, vec![1; n_tasks]);
        }
    }
}

/// With a stack of 1 GiB each, five threads fit into 6 GB of addresses, and leave the rest of the
/// program all it needs.
#[cfg(target_os = "linux")]
#[test]
fn f73_where_threads_cant_be_made_there_are_fewer() {
    let folder = TempDir::new().expect("a temporary folder");
    let launch = |limit: &str, n_threads: u32, out: &str| {
        let script = format!(
            "{limit} exec gst-launch-1.0 videotestsrc num-buffers=3 pattern=snow ! \
             video/x-raw,format=RGB,width=64,height=48 ! \
             histomatch reference-location={} n-threads={n_threads} ! filesink location={out}",
            media("coffee.png").display()
        );
        let output = run(Command::new("sh").args(["-c", &script]), folder.path());
        assert!(output.status.success(), "{}", text(&output));
        text(&output)
    };
    assert!(!launch("", 1, "one").contains("WARNING"));
    let text = launch("export RUST_MIN_STACK=1073741824; ulimit -v 6000000;", 8, "many");
    let warning = text.lines().find(|line| line.contains("n-threads=8")).expect(&text);
    assert!(
        warning.contains("With n-threads=8, only 4 of 8 threads could be made: ")
            && warning.ends_with(
                ". Frames take longer. Lower n-threads, or raise the limits on threads and memory \
             (ulimit -u, ulimit -v)."
            ),
        "{warning}"
    );
    let [one, many] = ["one", "many"].map(|out| std::fs::read(folder.path().join(out)));
    assert!(one.expect("written") == many.expect("written"));
}
