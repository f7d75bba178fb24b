//! Promise: it runs for ever: whatever changes while it plays, memory stays flat and the frames stay
//! right.

mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use common::frames::{Frame, Shape, noise};
use common::oracle::{Colorspace, Picture};
use common::{Rig, VALUES, bytes, complaints};
use gst::prelude::*;
use gst_video::VideoFormat;
use gsthistomatch::histomatch::HistoMatch;
use temp_dir::TempDir;

/// Held by tests that look at the memory of this process.
static ALONE: Mutex<()> = Mutex::new(());

/// What is in memory.
#[cfg(target_os = "linux")]
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages = statm.split(' ').nth(1).expect("the second number");
    pages.parse::<u64>().expect("a number") * 4096
}

/// Nothing is known about it.
#[cfg(not(target_os = "linux"))]
fn resident_bytes() -> u64 {
    0
}

const MIB: u64 = 1 << 20;

/// Small pictures of some colours each, so that they can be read often.
fn pictures(folder: &TempDir) -> Vec<(PathBuf, Picture)> {
    (0..3)
        .map(|n| {
            let mut sample = noise(n + 1);
            let file = folder.path().join(format!("{n}.png"));
            let picture = image::RgbImage::from_fn(20, 20, |_, _| {
                image::Rgb([sample() / 2 + 20 * n as u8, sample(), sample() / 3])
            });
            picture.save(&file).expect("saved");
            let samples = Picture::of(&file);
            (file, samples)
        })
        .collect()
}

#[test]
fn every_property_that_can_be_set_is_changed() {
    common::init();
    let element = gst::ElementFactory::make("histomatch").build().expect("the element is made");
    let properties = element.list_properties();
    let own = properties.iter().filter(|p| p.owner_type() == HistoMatch::static_type());
    for property in own.filter(|p| p.flags().contains(glib::ParamFlags::WRITABLE)) {
        let name = property.name();
        assert!(
            name.starts_with("reference-") || VALUES.iter().any(|(known, _)| *known == name),
            "{name} is not in the list"
        );
    }
}

/// Changes one thing.
fn change(
    element: &gst::Element,
    pictures: &[(PathBuf, Picture)],
    random: &mut impl FnMut() -> u8,
) {
    let pick = usize::from(random());
    match usize::from(random()) % (VALUES.len() + 4) {
        what if what < VALUES.len() => {
            let (name, values) = VALUES[what];
            element.set_property_from_str(name, values[pick % values.len()]);
        }
        what if what == VALUES.len() => element.emit_by_name::<()>("relearn", &[]),
        what if what == VALUES.len() + 1 => drop(element.property::<gst::Structure>("stats")),
        _ => {
            let location = pictures.get(pick % (pictures.len() + 1)).map(|(file, _)| file);
            element.set_property("reference-location", location);
        }
    }
}

/// The bare rule with some reference, whatever came before.
fn set_known(element: &gst::Element, reference: &PathBuf, colorspace: &str) {
    for (name, _) in VALUES {
        let property = element.find_property(name).expect("it exists");
        element.set_property_from_value(name, property.default_value());
    }
    element.set_property_from_str("flat-frames", "match");
    element.set_property_from_str("colorspace", colorspace);
    element.set_property("reference-location", reference);
}

fn assert_expected(rig: &Rig) {
    for complaint in rig.complaints() {
        assert!(complaint.is_of_settings(), "{complaint:?}");
    }
}

#[test]
fn f22_a_hundred_thousand_frames_while_everything_changes() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    const FRAMES: u64 = 100_000;
    let folder = TempDir::new().expect("a temporary folder");
    let pictures = pictures(&folder);
    let formats = [VideoFormat::Rgbx, VideoFormat::I420, VideoFormat::Yuy2, VideoFormat::P01010le];
    let frames: Vec<Frame> = (1..)
        .zip(formats)
        .map(|(n, format)| Frame::new(format, 22 + n, 16, Shape::Default, noise(n)))
        .collect();
    let colorspaces =
        [("rgb", Colorspace::Rgb), ("ycbcr", Colorspace::Ycbcr), ("luma", Colorspace::Luma)];

    let mut rig = Rig::new(Some(&pictures[0].0));
    let (done, element) = (AtomicBool::new(false), rig.element.clone());
    // Held while nothing may change.
    let hold = Mutex::new(());
    let mut early = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = noise(77);
            while !done.load(Ordering::Relaxed) {
                {
                    let _held = hold.lock().unwrap_or_else(PoisonError::into_inner);
                    change(&element, &pictures, &mut random);
                }
                // What no lock makes fair.
                std::thread::sleep(Duration::from_micros(50));
            }
        });
        // Even if an assertion fails, so that the thread ends.
        let _ends = Ends(&done);
        for n in 0..FRAMES {
            let frame = &frames[n as usize / 1_000 % frames.len()];
            if n % 1_000 == 0 {
                rig.element.set_state(gst::State::Null).expect("it stops");
                rig.element.set_state(gst::State::Playing).expect("it plays");
                rig.harness.play();
                rig.harness.set_src_caps(frame.caps());
            }
            let mut buffer = frame.buffer();
            buffer.make_mut().set_pts(gst::ClockTime::from_mseconds(40 * n));
            if n % 250 == 249 {
                let _held = hold.lock().unwrap_or_else(PoisonError::into_inner);
                let (file, samples) = &pictures[n as usize / 250 % pictures.len()];
                let (name, colorspace) = colorspaces[n as usize / 750 % colorspaces.len()];
                set_known(&rig.element, file, name);
                let output = rig.harness.push_and_pull(buffer).expect("it passes");
                let expected = frame.expected_in(colorspace, samples);
                assert!(bytes(&output) == expected, "frame {n}, {:?}", frame.info);
            } else {
                drop(rig.harness.push_and_pull(buffer).expect("it passes"));
            }
            assert_expected(&rig);
            if n == FRAMES / 10 {
                early = resident_bytes();
            }
        }
    });
    // 100 bytes that leak with each frame would be 9 MB.
    let grown = resident_bytes().saturating_sub(early);
    assert!(grown < 8 * MIB, "{grown} bytes more");
}

/// Says that it is done when it is dropped.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn f38_a_thousand_changes_of_caps_leave_memory_flat() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = TempDir::new().expect("a temporary folder");
    let pictures = pictures(&folder);
    let (file, samples) = &pictures[0];
    let mut rig = Rig::new(Some(file));
    rig.element.set_property("smoothing", 1_000_000_000u64);
    let formats = [VideoFormat::Rgb, VideoFormat::Nv12, VideoFormat::Gray8, VideoFormat::Gbr10le];
    let mut early = 0;
    for n in 0..1_000 {
        if n == 100 {
            early = resident_bytes();
        }
        let size = 9 + (n as u32 * 7) % 50;
        let frame = Frame::new(formats[n % 4], size, size / 2, Shape::Default, noise(n as u32));
        rig.harness.set_src_caps(frame.caps());
        assert!(bytes(&rig.process(frame.buffer())) == frame.expected(samples), "{n}");
        // The harness keeps all events that come out.
        while rig.harness.try_pull_event().is_some() {}
    }
    assert_eq!(complaints(&rig.bus), []);
    // 10 KB that leak with each would be 9 MB.
    let grown = resident_bytes().saturating_sub(early);
    assert!(grown < 8 * MIB, "{grown} bytes more");
}
