//! Promise: what is learned from is the part of the picture that was asked for, sample by sample; and what
//! is changed is the whole picture, or that part alone.

use crate::common::frames::{FORMATS, Frame, Shape, noise};
use crate::common::oracle::{self, Colorspace, Components, Grid, Picture};
use crate::common::{self, Complaint, Rig, bytes, matched_inside, media};
use gst::prelude::*;
use gst_video::VideoFormat;
use gsthistomatch::frame::{Area, FrameRef, Scan};
use gsthistomatch::kernels::InstructionSet;
use gsthistomatch::matcher::Matcher;
use gsthistomatch::matcher::weights::Weights;
use gsthistomatch::statistics::ColorSample;
use gsthistomatch::workers::Workers;
use temp_dir::TempDir;

/// A part of a frame of some size.
fn area(left: usize, top: usize, width: usize, height: usize) -> Area {
    Area { left, top, width, height }
}

/// The pixels that fractions of a picture are: what they cover by half, but at least one.
fn pixels_of([x, y, w, h]: [f64; 4], (width, height): (u32, u32)) -> Area {
    let part = |start: f64, len: f64, n: u32| {
        let first = ((start * f64::from(n)).round() as usize).min(n as usize - 1);
        let end = (((start + len) * f64::from(n)).round() as usize).max(first + 1);
        (first, end - first)
    };
    let ((left, width), (top, height)) = (part(x, w, width), part(y, h, height));
    area(left, top, width, height)
}

fn text(numbers: [f64; 4]) -> String {
    numbers.map(|number| number.to_string()).join(",")
}

/// Weights of the pixels of a frame: those of an area count in full.
fn weights_of(inside: Area, (width, height): (u32, u32)) -> Grid {
    let weight = |x: usize, y: usize| {
        let columns = inside.left..inside.left + inside.width;
        let rows = inside.top..inside.top + inside.height;
        if columns.contains(&x) && rows.contains(&y) { 7 } else { 0 }
    };
    (0..height as usize).map(|y| (0..width as usize).map(|x| weight(x, y)).collect()).collect()
}

/// The pixels of a frame that count, and those between them.
fn bounds(weights: &Grid) -> Area {
    let counts = |(y, row): (usize, &Vec<i64>)| {
        let columns = row.iter().enumerate().filter(|(_, weight)| **weight > 0);
        columns.map(|(x, _)| area(x, y, 1, 1)).collect::<Vec<_>>()
    };
    weights.iter().enumerate().flat_map(counts).fold(Area::default(), Area::union)
}

/// Some rows and columns, of which `shared` share one.
fn crop(grid: &Grid, cells: Area, (h, v): (usize, usize)) -> Grid {
    let rows = grid[cells.top / v..].iter().take(cells.height.div_ceil(v));
    rows.map(|row| row[cells.left / h..].iter().take(cells.width.div_ceil(h)).copied().collect())
        .collect()
}

/// The bytes of a frame that is learned from by weights, and changed by them or as a whole. What lies
/// around all weights is cut off first, on the grid of chroma.
fn expected(
    frame: &Frame,
    weights: &Grid,
    colorspace: Colorspace,
    reference: &Picture,
    is_changed_alone: bool,
) -> Vec<u8> {
    let cells = frame.layout().on_grid(bounds(weights));
    let mut frame = frame.clone();
    let mut pictures = frame.pictures();
    let n = pictures.len();
    let of_field =
        |field: usize| -> Grid { weights.iter().skip(field).step_by(n).cloned().collect() };
    let cells = Area { top: cells.top / n, height: cells.height.div_ceil(n), ..cells };
    let shared = |c: usize, picture: &Components| if c == 0 { (1, 1) } else { picture.shared };
    let before: Vec<Components> = pictures
        .iter()
        .map(|picture| {
            let grids = picture.grids.iter().enumerate();
            let grids = grids.map(|(c, grid)| crop(grid, cells, shared(c, picture))).collect();
            Components { grids, ..picture.clone() }
        })
        .collect();
    let weights: Vec<Grid> = (0..n).map(|field| crop(&of_field(field), cells, (1, 1))).collect();
    let code = frame.code();
    let luts = oracle::luts_of(&before, code, colorspace, reference, Some(&weights));
    if !is_changed_alone {
        oracle::replace(&mut pictures, code, colorspace, &luts);
        frame.set_pictures(&pictures);
        return frame.bytes;
    }
    let mut after = before.clone();
    oracle::replace(&mut after, code, colorspace, &luts);
    for (p, picture) in pictures.iter_mut().enumerate() {
        for c in 0..picture.grids.len() {
            let (h, v) = shared(c, picture);
            for (y, row) in after[p].grids[c].iter().enumerate() {
                for (x, sample) in row.iter().enumerate() {
                    let old = before[p].grids[c][y][x];
                    let weight = oracle::weight_of(&weights[p], (h, v), y, x);
                    // To the nearest, halves up.
                    let change = (2 * weight * (sample - old) + 7).div_euclid(14);
                    picture.grids[c][cells.top / v + y][cells.left / h + x] = old + change;
                }
            }
        }
    }
    frame.set_pictures(&pictures);
    frame.bytes
}

/// A reference with few colours, which is counted at once.
fn small_reference() -> (std::path::PathBuf, Picture) {
    let path = media("coffee.png");
    let picture = Picture::of(&path);
    (path, picture)
}

fn frame(format: VideoFormat, (width, height): (u32, u32), is_interlaced: bool) -> Frame {
    common::init();
    let info = gst_video::VideoInfo::builder(format, width, height);
    let mode = match is_interlaced {
        true => gst_video::VideoInterlaceMode::Interleaved,
        false => gst_video::VideoInterlaceMode::Progressive,
    };
    let info = info.interlace_mode(mode).build().expect("an info");
    Frame::of(info, Shape::OffsetShortLastRow, noise(width))
}

#[test]
fn f240_a_region_is_learned_from_and_changed_in_every_format() {
    let (path, reference) = small_reference();
    let mut rig = Rig::new(Some(&path));
    for format in FORMATS {
        for (size, is_interlaced) in [
            ((37, 29), false),
            ((48, 64), false),
            ((48, 64), true),
            ((3, 5), false),
            ((1, 1), false),
        ] {
            let frame = frame(format.format, size, is_interlaced);
            rig.harness.set_src_caps(frame.caps());
            for colorspace in Colorspace::ALL {
                rig.element.set_property_from_str("colorspace", colorspace.nick());
                for region in [[0., 0., 0.5, 1.], [0.21, 0.35, 0.4, 0.5], [0.9, 0.9, 1e-3, 1e-3]] {
                    rig.element.set_property("region", text(region));
                    let weights = weights_of(pixels_of(region, size), size);
                    for is_alone in [false, true] {
                        rig.element.set_property("apply-region", is_alone);
                        let found = bytes(&rig.process(frame.buffer()));
                        let expected = expected(&frame, &weights, colorspace, &reference, is_alone);
                        let what = format!("{format:?} {size:?} {is_interlaced}");
                        assert!(found == expected, "{what} {colorspace:?} {region:?} {is_alone}");
                    }
                }
            }
        }
    }
}

/// Of `linear` and `grade`, by what they do to the part as a picture of its own.
#[test]
fn f240_a_region_is_graded_as_a_picture_of_its_own() {
    for format in [VideoFormat::Rgb, VideoFormat::I420, VideoFormat::P01010le, VideoFormat::Yuv9] {
        let whole = Frame::new(format, 128, 128, Shape::Default, noise(5));
        let mut part = Frame::new(format, 64, 32, Shape::Default, || 0);
        let inside = area(32, 64, 64, 32);
        let picture = &whole.pictures()[0];
        let grids = picture.grids.iter().enumerate();
        let shared = |c| if c == 0 { (1, 1) } else { picture.shared };
        let grids = grids.map(|(c, grid)| crop(grid, inside, shared(c))).collect();
        part.set_pictures(&[Components { grids, ..picture.clone() }]);
        for method in ["linear", "grade"] {
            let mut rig = Rig::new(Some(&media("coffee.png")));
            rig.element.set_property_from_str("method", method);
            let mut process = |frame: &Frame| {
                rig.harness.set_src_caps(frame.caps());
                let mut graded = frame.clone();
                graded.bytes = bytes(&rig.process(frame.buffer()));
                graded
            };
            let alone = process(&part).pictures();
            rig.element.set_property("region", "0.25,0.5,0.5,0.25");
            let mut process = |is_alone: bool| {
                rig.element.set_property("apply-region", is_alone);
                rig.harness.set_src_caps(whole.caps());
                let mut graded = whole.clone();
                graded.bytes = bytes(&rig.process(whole.buffer()));
                graded
            };
            let (all, changed) = (process(false), process(true));
            for (c, before) in picture.grids.iter().enumerate() {
                let inside_of =
                    |frame: &Frame| crop(&frame.pictures()[0].grids[c], inside, shared(c));
                assert_eq!(inside_of(&all), alone[0].grids[c], "{format:?} {method}");
                assert_eq!(inside_of(&changed), alone[0].grids[c], "{format:?} {method}");
                assert_ne!(all.pictures()[0].grids[c][0], before[0], "{format:?} {method}");
            }
            // The rest, byte for byte.
            let mut rest = changed.clone();
            let mut pictures = rest.pictures();
            for (c, grid) in pictures[0].grids.iter_mut().enumerate() {
                let (h, v) = shared(c);
                let rows = grid[inside.top / v..].iter_mut().take(inside.height / v);
                for (y, row) in rows.enumerate() {
                    let before = &picture.grids[c][inside.top / v + y];
                    let columns = inside.left / h..(inside.left + inside.width) / h;
                    row[columns.clone()].copy_from_slice(&before[columns]);
                }
            }
            rest.set_pictures(&pictures);
            assert!(rest.bytes == whole.bytes, "{format:?} {method}");
        }
    }
}

#[test]
fn f241_a_region_that_cannot_be_is_warned_of_and_changes_nothing() {
    let rig = Rig::new(None);
    rig.element.set_property("region", "0,0,0.5,0.5");
    for (region, cause) in [
        ("left", "it isn't four numbers; write x,y,width,height"),
        ("0,0,1", "it isn't four numbers"),
        ("0,0,nan,1", "it isn't four numbers"),
        ("0,0,inf,1", "it isn't four numbers"),
        ("0,0,0,1", "it has no area; width and height are more than 0"),
        ("0,0,0.5,-0.5", "it has no area"),
        ("0.6,0,0.5,1", "it leaves the picture; x, y, width and height are fractions"),
        ("-0.1,0,0.5,1", "it leaves the picture"),
    ] {
        rig.element.set_property("region", region);
        let old = rig.element.property::<Option<String>>("region");
        assert_eq!(old.as_deref(), Some("0,0,0.5,0.5"));
        let complaints = rig.complaints();
        let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
        let start = format!("The region '{region}' is not used: {cause}");
        assert!(text.starts_with(&start) && text.ends_with("The old one stays."), "{text}");
    }
    for nothing in [None, Some("")] {
        rig.element.set_property("region", "0,0,0.5,0.5");
        rig.element.set_property("region", nothing);
        assert_eq!(rig.element.property::<Option<String>>("region"), None);
    }
    rig.element.set_property("region", "left");
    let complaints = rig.complaints();
    let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(text.ends_with("There is no old one, so all of the picture counts."), "{text}");
    assert_eq!(rig.complaints(), []);
}

/// As `gst-launch-1.0` does it: properties are set before the element has anybody to tell.
#[test]
fn f241_a_region_that_was_set_before_anybody_listens_is_warned_of_at_the_start() {
    let (element, bus) = common::element(None);
    element.set_bus(None);
    element.set_property("region", "0,0,2,1");
    element.set_property("region", "0,0,3,1");
    element.set_bus(Some(&bus));
    assert_eq!(common::complaints(&bus), []);
    element.set_state(gst::State::Paused).expect("it starts");
    let complaints = common::complaints(&bus);
    let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(text.starts_with("The region '0,0,3,1' is not used: it leaves the picture"), "{text}");
    // Not again, and not of what was put right.
    element.set_state(gst::State::Ready).expect("it stops");
    element.set_bus(None);
    element.set_property("region", "0,0,2,1");
    element.set_property("region", "0,0,1,1");
    element.set_bus(Some(&bus));
    element.set_state(gst::State::Paused).expect("it starts");
    assert_eq!(common::complaints(&bus), []);
    element.set_state(gst::State::Null).expect("it stops");
}

const CROPPED: [VideoFormat; 5] = [
    VideoFormat::Rgbx,
    VideoFormat::Gray8,
    VideoFormat::I420,
    VideoFormat::P01010le,
    VideoFormat::Yuv9,
];

/// Regions are of what a crop meta shows; black bars are looked for in that, and taken away from the region.
#[test]
fn f242_a_region_is_of_what_is_shown_without_its_borders() {
    let reference = media("coffee.png");
    for format in CROPPED {
        let frame = Frame::new(format, 80, 64, Shape::OffsetShortLastRow, noise(2));
        let mut rig = Rig::new(Some(&reference));
        rig.element.set_property("apply-region", true);
        rig.element.set_property("region", "0.5,0.25,0.5,0.5");
        rig.harness.set_src_caps(Frame::new(format, 32, 32, Shape::Default, || 0).caps());
        for _ in 0..2 {
            let mut buffer = frame.buffer();
            gst_video::VideoCropMeta::add(buffer.make_mut(), (16, 8, 32, 32));
            let expected = matched_inside(&frame, &reference, area(32, 16, 16, 16));
            assert!(bytes(&rig.process(buffer)) == expected, "{format:?}");
        }
    }
    // Nothing is shown.
    let folder = TempDir::new().expect("a temporary folder");
    let (white, _) = mask(&folder, (4, 4), |x, _| if x > 1 { 255 } else { 0 });
    let frame = Frame::new(VideoFormat::I420, 80, 64, Shape::Default, noise(2));
    let mut rig = Rig::new(Some(&reference));
    rig.element.set_property("mask-location", &white);
    rig.harness.set_src_caps(Frame::new(VideoFormat::I420, 32, 32, Shape::Default, || 0).caps());
    for is_alone in [false, true] {
        rig.element.set_property("apply-region", is_alone);
        let mut buffer = frame.buffer();
        gst_video::VideoMeta::add(
            buffer.make_mut(),
            gst_video::VideoFrameFlags::empty(),
            VideoFormat::I420,
            80,
            64,
        )
        .expect("the meta fits");
        gst_video::VideoCropMeta::add(buffer.make_mut(), (0, 0, 0, 0));
        assert!(bytes(&rig.process(buffer)) == frame.bytes);
    }
    // Bars of 16 rows at the top and the bottom.
    let mut frame = Frame::new(VideoFormat::Gray8, 64, 64, Shape::Stride { padding: 0 }, noise(2));
    for (at, byte) in frame.bytes.iter_mut().enumerate() {
        *byte = if (16..48).contains(&(at / 64)) { *byte | 64 } else { 0 };
    }
    let mut rig = Rig::new(Some(&reference));
    rig.element.set_property("apply-region", true);
    rig.element.set_property("ignore-borders", true);
    rig.harness.set_src_caps(frame.caps());
    rig.element.set_property("region", "0,0,0.5,0.5");
    for _ in 0..2 {
        let expected = matched_inside(&frame, &reference, area(0, 16, 32, 16));
        assert!(bytes(&rig.process(frame.buffer())) == expected);
    }
    // Nothing is left of it.
    rig.element.set_property("region", "0,0,1,0.2");
    assert!(bytes(&rig.process(frame.buffer())) == frame.bytes);
}

/// A buffer with regions of interest.
fn with_regions(frame: &Frame, regions: &[(&str, Area)]) -> gst::Buffer {
    let mut buffer = frame.buffer();
    for (roi_type, Area { left, top, width, height }) in regions {
        let rect = [left, top, width, height].map(|&n| n as u32);
        gst_video::VideoRegionOfInterestMeta::add(buffer.make_mut(), roi_type, rect.into());
    }
    buffer
}

#[test]
fn f243_regions_of_interest_are_learned_from_frame_by_frame() {
    let (path, reference) = small_reference();
    let size = (48, 64);
    let [a, b] = [area(3, 5, 17, 20), area(15, 20, 20, 30)];
    for format in [VideoFormat::Rgb, VideoFormat::I420, VideoFormat::Yuy2, VideoFormat::P01010le] {
        let frame = frame(format, size, false);
        for is_alone in [false, true] {
            let mut rig = Rig::new(Some(&path));
            rig.harness.set_src_caps(frame.caps());
            rig.element.set_property("roi-type", "face");
            rig.element.set_property("apply-region", is_alone);
            let whole = weights_of(area(0, 0, 48, 64), size);
            let by =
                |weights: &Grid| expected(&frame, weights, Colorspace::Rgb, &reference, is_alone);
            let of = |part: Area| by(&weights_of(part, size));
            let both: Grid = weights_of(a, size)
                .into_iter()
                .zip(weights_of(b, size))
                .map(|(a, b)| a.into_iter().zip(b).map(|(a, b)| a.max(b)).collect())
                .collect();
            let mut process =
                |regions: &[(&str, Area)]| bytes(&rig.process(with_regions(&frame, regions)));
            // Nothing was learned yet.
            let none = if is_alone { frame.bytes.clone() } else { by(&whole) };
            assert!(process(&[]) == none, "{format:?} {is_alone}");
            assert!(process(&[("hand", a)]) == none, "{format:?} {is_alone}");
            assert!(process(&[("face", area(48, 0, 9, 9))]) == none, "{format:?} {is_alone}");
            assert!(process(&[("face", a)]) == of(a), "{format:?} {is_alone}");
            assert!(process(&[("hand", a), ("face", b)]) == of(b), "{format:?} {is_alone}");
            assert!(process(&[("face", a), ("face", b)]) == by(&both), "{format:?} {is_alone}");
            let beyond = area(30, 40, usize::MAX >> 33, 900);
            assert!(
                process(&[("face", beyond)]) == of(area(30, 40, 18, 24)),
                "{format:?} {is_alone}"
            );
            // What was learned last is held.
            let held = if is_alone { frame.bytes.clone() } else { of(area(30, 40, 18, 24)) };
            assert!(process(&[]) == held, "{format:?} {is_alone}");
            assert!(process(&[("face", area(0, 0, 0, 0))]) == held, "{format:?} {is_alone}");
            // With a region, what both have.
            rig.element.set_property("region", "0,0,0.25,1");
            let output = bytes(&rig.process(with_regions(&frame, &[("face", a)])));
            assert!(output == of(area(3, 5, 9, 20)), "{format:?} {is_alone}");
            rig.element.set_property("region", "");
            rig.element.set_property("roi-type", "");
            assert!(bytes(&rig.process(frame.buffer())) == by(&whole), "{format:?} {is_alone}");
        }
    }
}

/// A lock waits for the first region.
#[test]
fn f243_nothing_is_locked_before_there_is_a_region() {
    let (path, reference) = small_reference();
    let [first, second] = [noise(2), noise(7)]
        .map(|noise| Frame::new(VideoFormat::Rgb, 48, 64, Shape::Default, noise));
    let mut rig = Rig::new(Some(&path));
    rig.element.set_property_from_str("update-mode", "locked");
    rig.element.set_property("roi-type", "face");
    rig.harness.set_src_caps(first.caps());
    let mut time = gst::ClockTime::ZERO;
    let mut process = |frame: &Frame, face: Option<Area>| {
        let faces: Vec<_> = face.into_iter().map(|face| ("face", face)).collect();
        let mut buffer = with_regions(frame, &faces);
        buffer.make_mut().set_pts(time);
        time += 40 * gst::ClockTime::MSECOND;
        bytes(&rig.process(buffer))
    };
    let (whole, part) = (area(0, 0, 48, 64), area(8, 8, 16, 16));
    process(&second, None);
    let locked = expected(&first, &weights_of(part, (48, 64)), Colorspace::Rgb, &reference, false);
    assert!(process(&first, Some(part)) == locked);
    process(&second, Some(whole));
    assert!(process(&first, None) == locked);
    // What is learned afresh is not what was held.
    rig.element.emit_by_name::<()>("relearn", &[]);
    assert!(
        bytes(&rig.process(with_regions(&first, &[("face", whole)]))) == first.expected(&reference)
    );
}

/// A mask as large as a frame, and its weights.
fn mask(
    folder: &TempDir,
    (width, height): (u32, u32),
    level: impl Fn(u32, u32) -> u8,
) -> (std::path::PathBuf, Grid) {
    let path = folder.path().join("mask.png");
    let picture = image::GrayImage::from_fn(width, height, |x, y| image::Luma([level(x, y)]));
    picture.save(&path).expect("saved");
    let weight = |x: u32, y: u32| (f64::from(level(x, y)) / 255. * 7.).round() as i64;
    (path, (0..height).map(|y| (0..width).map(|x| weight(x, y)).collect()).collect())
}

/// White in the middle, and fading out to the sides; or two discs.
fn levels(size: (u32, u32)) -> [Box<dyn Fn(u32, u32) -> u8>; 2] {
    let away = move |x: u32, y: u32, (cx, cy): (f64, f64)| {
        let (dx, dy) = (
            (f64::from(x) + 0.5) / f64::from(size.0) - cx,
            (f64::from(y) + 0.5) / f64::from(size.1) - cy,
        );
        (dx * dx + dy * dy).sqrt()
    };
    let soft = move |x: u32, y: u32| ((0.6 - away(x, y, (0.4, 0.5))) * 600.).clamp(0., 255.) as u8;
    let discs = move |x: u32, y: u32| {
        let is_inside = away(x, y, (0.3, 0.4)) < 0.2 || away(x, y, (0.8, 0.7)) < 0.15;
        if is_inside || (x, y) == (size.0 / 2, size.1 / 2) { 255 } else { 0 }
    };
    [Box::new(soft), Box::new(discs)]
}

#[test]
fn f244_a_mask_counts_sample_by_sample_in_every_format() {
    let (path, reference) = small_reference();
    let folder = TempDir::new().expect("a temporary folder");
    let mut rig = Rig::new(Some(&path));
    for (size, is_interlaced) in
        [((37, 29), false), ((48, 64), false), ((48, 64), true), ((3, 5), false), ((1, 1), false)]
    {
        for (n, level) in levels(size).into_iter().enumerate() {
            let (file, weights) = mask(&folder, size, level);
            rig.element.set_property("mask-location", &file);
            for format in FORMATS {
                let frame = frame(format.format, size, is_interlaced);
                rig.harness.set_src_caps(frame.caps());
                for colorspace in Colorspace::ALL {
                    rig.element.set_property_from_str("colorspace", colorspace.nick());
                    for is_alone in [false, true] {
                        rig.element.set_property("apply-region", is_alone);
                        let found = bytes(&rig.process(frame.buffer()));
                        let expected = expected(&frame, &weights, colorspace, &reference, is_alone);
                        let what = format!("{format:?} {size:?} {is_interlaced}");
                        assert!(found == expected, "{what} {colorspace:?} mask {n} {is_alone}");
                    }
                }
            }
        }
    }
}

/// The pixels of a sample take turns; and what was graded is blended with what was.
#[test]
fn f244_a_mask_counts_in_grades() {
    let folder = TempDir::new().expect("a temporary folder");
    let size = (64, 48);
    for (n, level) in levels(size).into_iter().enumerate() {
        let (file, weights) = mask(&folder, size, level);
        let mut rig = Rig::new(Some(&media("coffee.png")));
        rig.element.set_property("mask-location", &file);
        for format in FORMATS {
            let frame = frame(format.format, size, false);
            let layout = frame.layout();
            let mut core =
                Matcher::grading(layout.clone(), InstructionSet::best(), None).expect("placed");
            let mut sample = |part: Option<&Weights>| {
                match part {
                    Some(weights) => core.set_weights(weights),
                    None => core.set_area(layout.area()),
                }
                let spans = frame.spans();
                let pixels = FrameRef::new(&frame.bytes, &layout, &spans).expect("it fits");
                let counted = core.count(pixels, Scan::Progressive, &Workers::default());
                counted.expect("there is memory").sample.expect("a sample")
            };
            let inside = bounds(&weights);
            let mut of_core = Weights::none(layout.area());
            for (y, row) in weights.iter().enumerate() {
                let to = of_core.row_mut(y, 0..row.len());
                to.iter_mut().zip(row).for_each(|(to, &weight)| *to = weight as u8);
            }
            let (all, taken) = (sample(None), sample(Some(&of_core)));
            let pixels: Vec<[f32; 3]> = ColorSample::pixels(&all).collect();
            let mut expected = Vec::new();
            for y in 0..inside.height {
                for x in 0..inside.width {
                    let (left, top) = (inside.left + x, inside.top + y);
                    if weights[top][left] as usize > (x + 3 * y) % 7 {
                        expected.push(pixels[top * layout.width + left]);
                    }
                }
            }
            assert_eq!(taken.pixels().collect::<Vec<_>>(), expected, "{format:?} mask {n}");

            for method in ["linear", "grade"] {
                rig.element.set_property_from_str("method", method);
                rig.harness.set_src_caps(frame.caps());
                let mut process = |is_alone: bool| {
                    rig.element.set_property("apply-region", is_alone);
                    Frame { bytes: bytes(&rig.process(frame.buffer())), ..frame.clone() }
                };
                let (all, part) = (process(false), process(true));
                let mut expected = frame.clone();
                let mut pictures = frame.pictures();
                let shared = pictures[0].shared;
                for (c, grid) in pictures[0].grids.iter_mut().enumerate() {
                    let after = &all.pictures()[0].grids[c];
                    for (y, row) in grid.iter_mut().enumerate() {
                        for (x, sample) in row.iter_mut().enumerate() {
                            let shared = if c == 0 { (1, 1) } else { shared };
                            let weight = oracle::weight_of(&weights, shared, y, x);
                            let change = 2 * weight * (after[y][x] - *sample) + 7;
                            *sample += change.div_euclid(14);
                        }
                    }
                }
                expected.set_pictures(&pictures);
                assert!(part.bytes == expected.bytes, "{format:?} {method} mask {n}");
            }
        }
    }
}

/// Frames that pass are learned from in the same way.
#[test]
fn f244_what_passes_is_learned_from_by_its_mask() {
    let (path, reference) = small_reference();
    let folder = TempDir::new().expect("a temporary folder");
    let size = (64, 48);
    let [soft, _] = levels(size);
    let (file, weights) = mask(&folder, size, soft);
    let [first, second] =
        [2, 7].map(|seed| Frame::new(VideoFormat::I420, 64, 48, Shape::Default, noise(seed)));
    let mut rig = Rig::new(Some(&path));
    rig.element.set_property("mask-location", &file);
    rig.element.set_property_from_str("update-mode", "locked");
    rig.element.set_property("strength", 0.);
    rig.harness.set_src_caps(first.caps());
    let mut frames = [&first, &second, &first].into_iter().zip(0..);
    let mut process = |strength: f64| {
        let (frame, n) = frames.next().expect("three frames");
        rig.element.set_property("strength", strength);
        let mut buffer = frame.buffer();
        buffer.make_mut().set_pts(n * 40 * gst::ClockTime::MSECOND);
        bytes(&rig.process(buffer))
    };
    assert!(process(0.) == first.bytes);
    assert!(process(0.) == second.bytes);
    assert!(process(1.) == expected(&first, &weights, Colorspace::Rgb, &reference, false));
}

#[test]
fn f245_any_number_of_threads_gives_the_same_bytes() {
    let folder = TempDir::new().expect("a temporary folder");
    let size = (1204, 904);
    let [soft, _] = levels(size);
    let (file, _) = mask(&folder, size, soft);
    for format in [VideoFormat::Rgb, VideoFormat::Nv12, VideoFormat::Yuy2, VideoFormat::P01010le] {
        for is_interlaced in [false, true] {
            let frame = frame(format, size, is_interlaced);
            let regions = [("face", area(101, 33, 500, 700)), ("face", area(601, 333, 500, 501))];
            for method in ["channels", "grade"] {
                for is_alone in [false, true] {
                    let outputs = [1u32, 3].map(|n_threads| {
                        let (element, bus) = common::element(Some(&media("coffee.png")));
                        element.set_property("n-threads", n_threads);
                        element.set_property("apply-region", is_alone);
                        element.set_property_from_str("method", method);
                        let mut rig = Rig::of((element, bus));
                        rig.harness.set_src_caps(frame.caps());
                        let set = |name: &str, value: &str| rig.element.set_property(name, value);
                        set("mask-location", file.to_str().expect("UTF-8"));
                        set("region", "0.1,0.1,0.8,0.7");
                        set("roi-type", "face");
                        bytes(&rig.process(with_regions(&frame, &regions)))
                    });
                    assert!(
                        outputs[0] == outputs[1],
                        "{format:?} {is_interlaced} {method} {is_alone}"
                    );
                    assert!(outputs[0] != frame.bytes, "{format:?} {is_interlaced} {method}");
                }
            }
        }
    }
}

/// A mask that is white is none, one that is a white rectangle is a region; and masks are scaled.
#[test]
fn f246_masks_of_any_size_are_laid_over_the_picture() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut rig = Rig::new(Some(&media("coffee.png")));
    rig.element.set_property("apply-region", true);
    let frame = Frame::new(VideoFormat::Rgb, 64, 48, Shape::Default, noise(3));
    rig.harness.set_src_caps(frame.caps());
    let mut process = |name: &str, value: &str| {
        rig.element.set_property("mask-location", "");
        rig.element.set_property("region", "");
        rig.element.set_property(name, value);
        bytes(&rig.process(frame.buffer()))
    };
    let mut masked = |(width, height): (u32, u32), level: &dyn Fn(u32, u32) -> u8| {
        let (file, _) = mask(&folder, (width, height), level);
        process("mask-location", file.to_str().expect("UTF-8"))
    };
    let white = masked((7, 5), &|_, _| 255);
    let left = masked((64, 48), &|x, _| if x < 32 { 255 } else { 0 });
    // Edges become soft where a mask is enlarged.
    let scaled = masked((128, 4), &|x, _| if x < 64 { 255 } else { 0 });
    let below = |y: u32| if y < 2 { 0 } else { 255 };
    let tall = masked((2, 4), &|_, y| below(y));
    assert!(white == process("region", ""));
    assert!(left == process("region", "0,0,0.5,1"));
    let row = |bytes: &[u8], y: usize| bytes[y * 192..][..192].to_vec();
    for y in 0..48 {
        assert_eq!(row(&scaled, y)[33 * 3..], row(&frame.bytes, y)[33 * 3..]);
        assert_eq!(row(&tall, y) == row(&frame.bytes, y), y < 19, "{y}");
    }
}

#[test]
fn a_region_and_a_mask_with_nothing_in_common_are_warned_of_once() {
    let folder = TempDir::new().expect("a temporary folder");
    let (left, _) = mask(&folder, (8, 8), |x, _| if x < 4 { 255 } else { 0 });
    let frame = Frame::new(VideoFormat::Rgb, 64, 48, Shape::Default, noise(7));
    let mut rig = Rig::new(Some(&media("coffee.png")));
    rig.harness.set_src_caps(frame.caps());
    rig.element.set_property("mask-location", &left);
    let mut complaints = |region: &str, others: &[(&str, &str)]| {
        rig.element.set_property("region", region);
        others.iter().for_each(|(name, value)| rig.element.set_property_from_str(name, value));
        let mut process = || rig.harness.push_and_pull(frame.buffer()).expect("it passes");
        (0..3).for_each(|_| drop(process()));
        rig.complaints()
    };
    assert_eq!(complaints("0,0,0.6,1", &[]), []);
    let found = complaints("0.75,0,0.25,1", &[]);
    let [Complaint::Warning(text)] = &found[..] else { panic!("{found:?}") };
    assert!(text.contains("all of mask-location is black within the region"), "{text}");
    assert_eq!(complaints("0,0,0.6,1", &[]), []);
    // Regions of interest may come.
    assert_eq!(complaints("0.75,0,0.25,1", &[("roi-type", "face")]), []);
}

#[test]
fn f247_a_mask_that_cannot_be_is_warned_of_and_changes_nothing() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (good, _) = mask(&folder, (8, 8), |x, _| if x < 4 { 255 } else { 0 });
    let saved = |name: &str, picture: image::DynamicImage| {
        let path = folder.path().join(name);
        picture.save(&path).expect("saved");
        path.to_str().expect("UTF-8").to_owned()
    };
    let black = saved("black.png", image::GrayImage::from_pixel(9, 9, image::Luma([18])).into());
    let clear = image::RgbaImage::from_pixel(9, 9, image::Rgba([255, 255, 255, 0]));
    let clear = saved("clear.png", clear.into());
    let mut rig = Rig::new(Some(&media("coffee.png")));
    let frame = Frame::new(VideoFormat::Rgb, 64, 48, Shape::Default, noise(3));
    rig.harness.set_src_caps(frame.caps());
    rig.element.set_property("apply-region", true);
    rig.element.set_property("mask-location", &good);
    let masked = bytes(&rig.process(frame.buffer()));
    let folder_itself = folder.path().to_str().expect("UTF-8").to_owned();
    for (location, cause) in [
        ("no/such.png".to_owned(), "there is no such file; check the path"),
        ("~/mask.png".into(), "there is no such file; the '~' at its start was not expanded"),
        (folder_itself, "it is a directory, not a regular file"),
        ("http://host/mask.png".into(), "http:// is not supported"),
        ("file:///mask.png#t=1".into(), "a mask is a picture, which has no parts"),
        (file("empty.png", b""), "the file is empty"),
        (file("text.png", b"no picture"), "its content is not a picture in a known format"),
        (file("cut.png", b"\x89PNG\r\n\x1a\n\0\0"), ""),
        (black, "all of it is black, or transparent; paint white what is to count"),
        (clear, "all of it is black, or transparent"),
    ] {
        rig.element.set_property("mask-location", &location);
        let old = rig.element.property::<Option<String>>("mask-location");
        assert_eq!(old.as_deref(), good.to_str());
        let complaints = rig.complaints();
        let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
        let start = format!("The mask '{location}' is not used: {cause}");
        assert!(text.starts_with(&start) && text.ends_with("The old one stays."), "{text}");
        assert!(bytes(&rig.process(frame.buffer())) == masked, "{location}");
    }
    for nothing in [None, Some("")] {
        rig.element.set_property("mask-location", &good);
        rig.element.set_property("mask-location", nothing);
        assert_eq!(rig.element.property::<Option<String>>("mask-location"), None);
    }
    let uri = glib::filename_to_uri(&good, None).expect("a URI").to_string();
    rig.element.set_property("mask-location", uri);
    assert!(bytes(&rig.process(frame.buffer())) == masked);
}

/// What is captured is the part, so that it is matched to itself.
#[test]
fn f248_the_part_is_captured() {
    let folder = TempDir::new().expect("a temporary folder");
    let frame = Frame::new(VideoFormat::Rgb, 64, 48, Shape::Default, noise(3));
    let (file, _) = mask(&folder, (64, 48), |x, y| if (x / 5 + y / 3) % 2 == 0 { 255 } else { 0 });
    for (name, value) in [
        ("region", "0.2,0.3,0.4,0.5"),
        ("mask-location", file.to_str().expect("UTF-8")),
        ("roi-type", "face"),
    ] {
        let mut rig = Rig::new(None);
        rig.harness.set_src_caps(frame.caps());
        rig.element.set_property(name, value);
        rig.element.set_property("apply-region", true);
        rig.element.emit_by_name::<()>("capture-reference", &[]);
        let mut process = || {
            let buffer = with_regions(&frame, &[("face", area(3, 4, 20, 30))]);
            bytes(&rig.process(buffer))
        };
        for _ in 0..2 {
            assert!(process() == frame.bytes, "{name}");
        }
        // Not by chance.
        rig.element.set_property("apply-region", false);
        rig.element.set_property(name, "");
        assert!(bytes(&rig.process(frame.buffer())) != frame.bytes, "{name}");
    }
    // Nothing of it is there.
    let mut rig = Rig::new(None);
    rig.harness.set_src_caps(frame.caps());
    rig.element.set_property("roi-type", "face");
    rig.element.emit_by_name::<()>("capture-reference", &[]);
    rig.harness.push_and_pull(frame.buffer()).expect("it passes");
    let complaints = rig.complaints();
    let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(
        text.starts_with("The frame can't be the reference: nothing is there of what"),
        "{text}"
    );
}

/// The pixels of a frame as GStreamer unpacks them, row by row.
fn unpacked(info: &gst_video::VideoInfo, bytes: &[u8]) -> Vec<Vec<u8>> {
    let format = info.format_info();
    let pixel = gst_video::VideoFormatInfo::from_format(format.unpack_format()).pixel_stride()[0];
    // The binding asks for more than there is of some planes.
    let bytes = [bytes, &[0; 1 << 16]].concat();
    let planes: Vec<&[u8]> = info.offset().iter().map(|&offset| &bytes[offset..]).collect();
    let row = |y: u32| {
        let mut row = vec![0; info.width() as usize * pixel as usize];
        let flags = gst_video::VideoPackFlags::empty();
        format.unpack(flags, &mut row, &planes, info.stride(), 0, y as i32, info.width() as i32);
        row
    };
    (0..info.height()).map(row).collect()
}

/// What lies beside the part is what it was, in every format of the template.
#[test]
fn f249_the_rest_stays_in_every_format_of_the_template() {
    let folder = TempDir::new().expect("a temporary folder");
    let size = (96, 64);
    let (hard, _) = mask(&folder, size, |x, y| if x < 48 && y < 32 { 200 } else { 0 });
    let mut rig = Rig::new(Some(&media("coffee.png")));
    rig.element.set_property("apply-region", true);
    for format in common::formats_of_template() {
        let info = gst_video::VideoInfo::builder(format, size.0, size.1).build().expect("an info");
        let (strides, offsets) = (info.stride(), info.offset());
        rig.harness.set_src_caps(info.to_caps().expect("caps"));
        let mut noise = noise(5);
        let content: Vec<u8> = (0..info.size()).map(|_| noise()).collect();
        for method in ["channels", "grade"] {
            rig.element.set_property_from_str("method", method);
            for (name, value) in
                [("mask-location", hard.to_str().expect("UTF-8")), ("region", "0,0,0.5,0.5")]
            {
                rig.element.set_property(name, value);
                let mut buffer = gst::Buffer::from_slice(content.clone());
                buffer.get_mut().expect("nobody else has it").set_pts(gst::ClockTime::ZERO);
                let output = bytes(&rig.process(buffer));
                let (before, after) = (unpacked(&info, &content), unpacked(&info, &output));
                for (y, (before, after)) in before.iter().zip(&after).enumerate() {
                    let (middle, what) =
                        (before.len() / 2, format!("{format:?} {method} {name} {y}"));
                    assert!(before[middle..] == after[middle..], "{what}");
                    assert_eq!(before[..middle] == after[..middle], y >= 32, "{what}");
                }
                // Bits that no sample is in stay, too.
                let info = info.format_info();
                if !info.flags().contains(gst_video::VideoFormatFlags::TILED) {
                    for (plane, &stride) in strides.iter().enumerate() {
                        let end = offsets.get(plane + 1).map_or(content.len(), |&end| end);
                        let rows = offsets[plane]..end;
                        let stride = stride as usize;
                        let [before, after] =
                            [&content, &output].map(|bytes| bytes[rows.clone()].chunks(stride));
                        for (y, (before, after)) in before.zip(after).enumerate() {
                            let what = format!("{format:?} {method} {name} {plane} {y}");
                            assert!(before[stride / 2..] == after[stride / 2..], "{what}");
                        }
                    }
                }
                rig.element.set_property(name, "");
            }
        }
    }
}
