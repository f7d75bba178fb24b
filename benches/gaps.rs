//! The longest time between two frames while references and colour spaces change: 200 frames a second,
//! with a picture of 20 megapixels in 16 bits.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;

const PERIOD: Duration = Duration::from_millis(5);

/// Something that is done in another thread while frames come.
type Change = (&'static str, fn(&gst::Element, &Path));

const CHANGES: [Change; 6] = [
    ("nothing", |_, _| std::thread::sleep(Duration::from_secs(2))),
    ("a large reference", |element, large| element.set_property("reference-location", large)),
    ("another colour space", |element, _| element.set_property_from_str("colorspace", "ycbcr")),
    ("and back", |element, _| element.set_property_from_str("colorspace", "rgb")),
    ("the large one again", |element, large| element.set_property("reference-location", large)),
    ("none", |element, _| element.set_property("reference-location", None::<&str>)),
];

fn main() {
    gst::init().expect("GStreamer starts");
    gsthistomatch::plugin_register_static().expect("it registers");
    let folder = temp_dir::TempDir::new().expect("a temporary folder");
    let large = folder.path().join("large.png");
    let picture = image::ImageBuffer::from_fn(5000, 4000, |x, y| {
        image::Rgb([(x * 13) as u16, (y * 16) as u16, (x * y) as u16])
    });
    picture.save(&large).expect("saved");

    let element = gst::ElementFactory::make("histomatch")
        .property("reference-location", "examples/media/coffee.png")
        .property("qos", false)
        .build()
        .expect("it is made");
    let mut harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, 640, 360)
        .fps(200)
        .build()
        .expect("valid");
    harness.set_src_caps(info.to_caps().expect("caps"));

    println!("{:22} {:>10} {:>10} {:>8}", "change", "takes, ms", "gap, ms", "frames");
    for (name, change) in CHANGES {
        let done = AtomicBool::new(false);
        let (mut longest, mut frames, mut took) = (Duration::ZERO, 0, Duration::ZERO);
        std::thread::scope(|scope| {
            let changing = scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(200));
                let begun = Instant::now();
                change(&element, &large);
                let took = begun.elapsed();
                std::thread::sleep(Duration::from_millis(200));
                done.store(true, Ordering::SeqCst);
                took
            });
            let (mut next, mut last) = (Instant::now(), None::<Instant>);
            while !done.load(Ordering::SeqCst) {
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
                next += PERIOD;
                let mut buffer = gst::Buffer::with_size(info.size()).expect("memory");
                buffer.make_mut().set_pts(PERIOD_OF_STREAM * frames);
                harness.push_and_pull(buffer).expect("it passes");
                let now = Instant::now();
                longest = longest.max(last.map_or(Duration::ZERO, |last| now - last));
                last = Some(now);
                frames += 1;
            }
            took = changing.join().expect("no panic");
        });
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!("{name:22} {:>10.1} {:>10.1} {frames:>8}", ms(took), ms(longest));
    }
}

const PERIOD_OF_STREAM: gst::ClockTime = gst::ClockTime::from_mseconds(5);
