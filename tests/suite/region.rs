//! Promise: what is learned from is the part of the picture that was asked for, sample by sample; and what
//! is changed is the whole picture, or that part alone.

use crate::common::frames::{FORMATS, Frame, Shape, noise};
use crate::common::oracle::{self, Colorspace, Components, Grid, Picture};
use crate::common::{self, Complaint, Rig, bytes, media};
use gst::prelude::*;
use gst_video::VideoFormat;
use gsthistomatch::frame::Area;

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
