//! Taps, and what follows them.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gsthistomatch::live::channel::Channel;
use image::RgbImage;

use super::Rig;
use super::frames::{Frame, Shape};
use super::oracle::Code;

/// A tap, and a bus of its own to read its messages from.
pub fn tap_element(channel: &str) -> (gst::Element, gst::Bus) {
    super::init();
    let element = gst::ElementFactory::make("histotap").property("channel", channel).build();
    let element = element.expect("the element is made");
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    (element, bus)
}

/// A tap in PLAYING.
pub fn tap(channel: &str, properties: &[(&str, &str)]) -> Rig {
    let (element, bus) = tap_element(channel);
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    Rig::of((element, bus))
}

/// Writes the newest snapshot. Whether it was written.
pub fn save(tap: &Rig, path: &Path) -> bool {
    tap.element.emit_by_name("save", &[&path.to_str().expect("UTF-8")])
}

/// The same of one that may be flat, which the signal doesn't write.
pub fn save_any(tap: &Rig, path: &Path) {
    let channel = Channel::named(&tap.element.property::<String>("channel"));
    channel.newest().expect("a snapshot").save(path).expect("it can be written");
}

/// A frame as a buffer that comes 40 ms later than the last one.
pub fn later(frame: &Frame) -> gst::Buffer {
    static MILLISECONDS: AtomicU64 = AtomicU64::new(0);
    let now = MILLISECONDS.fetch_add(40, Ordering::Relaxed);
    let mut buffer = frame.buffer();
    buffer.get_mut().expect("nobody else has it").set_pts(gst::ClockTime::from_mseconds(now));
    buffer
}

/// Publishes a frame, and nothing else.
pub fn publish(tap: &mut Rig, frame: &Frame) {
    tap.harness.set_src_caps(frame.caps());
    tap.element.emit_by_name::<()>("capture", &[]);
    tap.process(later(frame));
}

/// How long frames are pushed until something comes of them that another thread does.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pushes a frame again and again until what comes out is as it must be.
#[track_caller]
pub fn until(
    consumer: &mut Rig,
    frame: &Frame,
    mut is_right: impl FnMut(&Rig, &gst::Buffer) -> bool,
) {
    let start = Instant::now();
    loop {
        let output = consumer.process(later(frame));
        if is_right(consumer, &output) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "nothing came of it");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The number of the snapshot that the last frame was matched to.
pub fn sequence(consumer: &Rig) -> Option<u64> {
    consumer.element.property::<gst::Structure>("stats").get("reference-sequence").ok()
}

/// A frame of a picture, scaled to some size, in any format and colorimetry whose chroma isn't
/// interlaced.
pub fn frame_of(
    picture: &RgbImage,
    format: &str,
    colorimetry: &str,
    (width, height): (u32, u32),
) -> Frame {
    super::init();
    let format = gst_video::VideoFormat::from_string(format);
    let info = gst_video::VideoInfo::builder(format, width, height);
    let colorimetry: gst_video::VideoColorimetry = colorimetry.parse().expect("a colorimetry");
    let info = info.colorimetry(&colorimetry).build().expect("an info");
    let mut frame = Frame::of(info, Shape::Default, || 0);
    let code = frame.code();
    let mut pictures = frame.pictures();
    for components in &mut pictures {
        let (shared, depth) = (components.shared, components.depths[0]);
        for (c, grid) in components.grids.iter_mut().enumerate() {
            let (zero, one) = code.zero_one(c, depth);
            let (h, v) = if c == 0 { (1, 1) } else { shared };
            for (y, row) in grid.iter_mut().enumerate() {
                for (x, sample) in row.iter_mut().enumerate() {
                    let (x, y) = ((x * h) as u32, (y * v) as u32);
                    let pixel = picture.get_pixel(
                        (x * picture.width() / width).min(picture.width() - 1),
                        (y * picture.height() / height).min(picture.height() - 1),
                    );
                    let [r, g, b] = pixel.0.map(|v| f64::from(v) / 255.);
                    let value = match code {
                        Code::Rgb { .. } => [r, g, b][c],
                        Code::Luma { kr, kb, .. } | Code::YCbCr { kr, kb, .. } => {
                            let y = kr * r + (1. - kr - kb) * g + kb * b;
                            [y, (b - y) / (2. - 2. * kb), (r - y) / (2. - 2. * kr)][c]
                        }
                    };
                    *sample = zero + (value * one as f64).round() as i64;
                }
            }
        }
    }
    frame.set_pictures(&pictures);
    frame
}
