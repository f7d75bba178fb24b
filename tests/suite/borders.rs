//! Promise: a look at a frame finds its black bars and mean levels as they are defined, and matching
//! an area is matching a picture of its own.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use crate::common::frames::{FORMATS, Format, Frame, Shape, noise};
use crate::common::oracle::Components;
use crate::common::{self, media};
use gst::prelude::*;
use gst_video::VideoFormat;
use gsthistomatch::color::{ColorSpace, Encoding, Range};
use gsthistomatch::frame::unpack::Unpack;
use gsthistomatch::frame::{Area, FrameLayout, FrameRef, Scan, Subsampling};
use gsthistomatch::histogram::Histogram;
use gsthistomatch::kernels::InstructionSet;
use gsthistomatch::lut::Lut;
use gsthistomatch::matcher::Matcher;
use gsthistomatch::matcher::survey::{Survey, Surveyed};
use gsthistomatch::matching::match_histograms;
use gsthistomatch::reference::Reference;
use gsthistomatch::statistics::Statistics;
use gsthistomatch::workers::Workers;

const COLOR_SPACES: [ColorSpace; 3] = [ColorSpace::Rgb, ColorSpace::YCbCr, ColorSpace::Luma];

/// Formats that differ in all that matters to a look.
const LOOKED_AT: [VideoFormat; 10] = [
    VideoFormat::Rgb,
    VideoFormat::Xbgr,
    VideoFormat::Gray8,
    VideoFormat::I420,
    VideoFormat::Nv12,
    VideoFormat::Yuy2,
    VideoFormat::Yuv9,
    VideoFormat::P01010le,
    VideoFormat::Gbr12le,
    VideoFormat::Rgba64Be,
];

const SIZES: [(u32, u32); 7] =
    [(1, 1), (3, 5), (33, 19), (64, 36), (101, 77), (160, 300), (301, 203)];

fn number(content: &mut impl FnMut() -> u8) -> usize {
    usize::from(content()) << 8 | usize::from(content())
}

/// A number from 0 to one below `n`.
fn below(n: usize, content: &mut impl FnMut() -> u8) -> usize {
    number(content) % n
}

fn area(left: usize, top: usize, width: usize, height: usize) -> Area {
    Area { left, top, width, height }
}

/// Columns and rows of a format's grid.
fn grid(layout: &FrameLayout) -> (usize, usize) {
    let vertical = layout.chroma.vertical;
    (layout.chroma.horizontal, if vertical == 1 { 1 } else { 2 * vertical })
}

/// Pixel by pixel.
fn on_grid(layout: &FrameLayout, area: Area) -> Area {
    let (columns, rows) = grid(layout);
    let cut = |first: usize, n: usize, cell: usize, end: usize| {
        let cells: BTreeSet<usize> =
            (0..end).filter(|&x| x >= first && x - first < n).map(|x| x / cell).collect();
        let pixels: Vec<usize> = (0..end).filter(|x| cells.contains(&(x / cell))).collect();
        (pixels.first().copied().unwrap_or_default(), pixels.len())
    };
    let (left, width) = cut(area.left, area.width, columns, layout.width);
    let (top, height) = cut(area.top, area.height, rows, layout.height);
    if width * height == 0 { Area::default() } else { Area { left, top, width, height } }
}

/// The one picture of a frame.
fn picture(frame: &Frame) -> Components {
    frame.pictures().pop().expect("one picture")
}

fn look(frame: &mut Frame, layout: &FrameLayout, unpack: Option<Arc<dyn Unpack>>) -> Surveyed {
    let spans = frame.spans();
    let pixels = FrameRef::new(&frame.bytes, layout, &spans).expect("it fits");
    let seen = InstructionSet::ALL.map(|set| {
        let mut survey = Survey::new(layout, set, unpack.clone()).expect("samples are reached");
        let seen = survey.look(&pixels, true);
        assert_eq!(survey.look(&pixels, true), seen, "another look");
        let without = survey.look(&pixels, false);
        assert_eq!(without.thumbnail, seen.thumbnail);
        assert_eq!(without.active_picture, area(0, 0, layout.width, layout.height));
        seen
    });
    assert!(seen.iter().all(|other| *other == seen[0]), "{seen:?}");
    seen[0].clone()
}

/// The groups that are looked at, for each row of blocks.
fn surveyed(n_groups: usize) -> Vec<Vec<usize>> {
    let rows = n_groups.min(18);
    (0..rows)
        .map(|row| {
            let groups: Vec<usize> = (row * n_groups / rows..(row + 1) * n_groups / rows).collect();
            match groups.len() {
                1 => groups,
                n => vec![groups[n / 4], groups[3 * n / 4]],
            }
        })
        .collect()
}

/// The black level of a component, and whether it is the only one: of chroma.
fn black(layout: &FrameLayout, component: usize) -> (f64, bool) {
    let depth = layout.components[component].depth;
    match layout.encoding {
        Encoding::YCbCr(..) if component > 0 => (f64::from(1 << (depth - 1)), true),
        Encoding::Rgb(Range::Limited)
        | Encoding::YCbCr(_, Range::Limited)
        | Encoding::Luma(_, Range::Limited) => (f64::from(16 << (depth - 8)), false),
        _ => (0., false),
    }
}

/// Whether each pixel is black.
fn black_pixels(layout: &FrameLayout, picture: &Components) -> Vec<Vec<bool>> {
    let is_black = |x: usize, y: usize| {
        (0..layout.components.len()).all(|c| {
            let shared = layout.subsampling(c);
            let sample = picture.grids[c][y / shared.vertical][x / shared.horizontal];
            let (level, both_ways) = black(layout, c);
            let max = f64::from((1 << layout.components[c].depth) - 1);
            let away = (sample as f64 - level) / max * 255.;
            if both_ways { away.abs() <= 8. } else { away <= 8. }
        })
    };
    (0..layout.height).map(|y| (0..layout.width).map(|x| is_black(x, y)).collect()).collect()
}

/// By the definition.
fn content(layout: &FrameLayout, picture: &Components) -> Area {
    let black = black_pixels(layout, picture);
    let vertical = layout.chroma.vertical;
    let n_groups = layout.height.div_ceil(vertical);
    let rows_of = |group: usize| group * vertical..layout.height.min((group + 1) * vertical);
    let is_black = |group: &usize| rows_of(*group).all(|y| black[y].iter().all(|&black| black));
    let surveyed = surveyed(n_groups).concat();
    let bright: Vec<usize> = surveyed.iter().copied().filter(|group| !is_black(group)).collect();
    // The black groups that the bars reach to.
    let (above, below) = match (bright.first(), bright.last()) {
        (Some(first), Some(last)) => (
            surveyed.iter().rfind(|group| *group < first).copied(),
            surveyed.iter().find(|group| *group > last).copied(),
        ),
        _ => return Area::default(),
    };
    let top = (above.unwrap_or(0)..n_groups).find(|group| !is_black(group));
    let bottom = (0..=below.unwrap_or(n_groups - 1)).rfind(|group| !is_black(group));
    let (Some(top), Some(bottom)) = (top, bottom) else {
        return Area::default();
    };
    let bright_column =
        |&x: &usize| bright.iter().any(|&group| rows_of(group).any(|y| !black[y][x]));
    let left = (0..layout.width).find(bright_column).expect("one isn't black");
    let right = (0..layout.width).rfind(bright_column).expect("one isn't black");
    let (top, end) = (rows_of(top).start, rows_of(bottom).end);
    on_grid(layout, area(left, top, right + 1 - left, end - top))
}

/// A frame that is black, with some noise, outside an area.
fn with_bars(
    format: VideoFormat,
    (width, height): (u32, u32),
    inside: Area,
    is_bright: impl Fn(&mut dyn FnMut() -> u8) -> bool,
    random: &mut impl FnMut() -> u8,
) -> Frame {
    let mut frame = Frame::new(format, width, height, Shape::OffsetShortLastRow, &mut *random);
    let layout = frame.layout();
    let mut picture = picture(&frame);
    for (c, grid) in picture.grids.iter_mut().enumerate() {
        let shared = layout.subsampling(c);
        let depth = layout.components[c].depth;
        let (level, is_chroma) = black(&layout, c);
        for (y, row) in grid.iter_mut().enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                let (x, y) = (x * shared.horizontal, y * shared.vertical);
                let is_inside = x >= inside.left
                    && y >= inside.top
                    && x - inside.left < inside.width
                    && y - inside.top < inside.height;
                *sample = if is_inside && is_bright(&mut *random) {
                    let half = 1 << (depth - 1);
                    let level = below(half as usize, random) as i64;
                    if is_chroma { level } else { level + half }
                } else {
                    let noise = (below(11, random) as i64 - 5) << (depth - 8);
                    (level as i64 + noise).max(0)
                };
            }
        }
    }
    frame.set_pictures(&[picture]);
    frame
}

#[test]
fn content_is_what_is_not_black() {
    let mut random = noise(1);
    for (format, (width, height)) in
        LOOKED_AT.into_iter().flat_map(|format| SIZES.map(|size| (format, size)))
    {
        let (w, h) = (width as usize, height as usize);
        for kind in 0..12 {
            let mut cut = |end: usize| {
                let left = below(end, &mut random);
                (left, 1 + below(end - left, &mut random))
            };
            let (left, width_inside) = if kind % 3 == 0 { (0, w) } else { cut(w) };
            let (top, height_inside) = if kind % 3 == 1 { (0, h) } else { cut(h) };
            let inside = match kind {
                11 => Area::default(),
                _ => area(left, top, width_inside, height_inside),
            };
            let is_sparse = (6..9).contains(&kind);
            let bright = move |random: &mut dyn FnMut() -> u8| !is_sparse || random() < 3;
            let mut frame = with_bars(format, (width, height), inside, bright, &mut random);
            let layout = frame.layout();
            let what = format!("{format:?} {width} x {height}, {inside:?}");
            let found = look(&mut frame, &layout, None).active_picture;
            assert_eq!(found, content(&layout, &picture(&frame)), "{what}");
            // Where rows that are looked at can't miss it, and chroma isn't beside it.
            let is_seen = inside.height > h / 12 + 8 || inside.is_empty();
            if !is_sparse && is_seen && layout.chroma.horizontal == 1 {
                assert_eq!(found, on_grid(&layout, inside), "{what}");
            }
        }
    }
}

#[test]
fn levels_up_to_8_of_255_are_black() {
    for format in
        [VideoFormat::Rgb, VideoFormat::I420, VideoFormat::I42010le, VideoFormat::Y44416le]
    {
        let mut frame = Frame::new(format, 8, 8, Shape::Default, || 0);
        let layout = frame.layout();
        let mut picture = picture(&frame);
        for c in 0..3 {
            let (level, is_chroma) = black(&layout, c);
            picture.grids[c].iter_mut().flatten().for_each(|sample| *sample = level as i64);
            assert_eq!(is_chroma, format != VideoFormat::Rgb && c > 0);
        }
        for c in 0..3 {
            let (level, is_chroma) = black(&layout, c);
            let near = 8 * ((1 << layout.components[c].depth) - 1) / 255;
            let mut levels = vec![(near, true), (near + 1, false)];
            if is_chroma {
                levels.extend([(-near, true), (-near - 1, false)]);
            } else {
                levels.push((-(level as i64), true));
            }
            for (away, is_black) in levels {
                let mut picture = picture.clone();
                *picture.grids[c].last_mut().expect("rows").last_mut().expect("samples") =
                    level as i64 + away;
                frame.set_pictures(&[picture]);
                let seen = look(&mut frame, &layout, None);
                assert_eq!(seen.active_picture.is_empty(), is_black, "{format:?} {c} {away}");
            }
        }
    }
}

/// The shares of the components in luma.
fn weights(layout: &FrameLayout) -> &'static [f64] {
    if matches!(layout.encoding, Encoding::Rgb(_)) { &[0.2126, 0.7152, 0.0722] } else { &[1.] }
}

/// A level of a component that is no chroma, between black and white.
fn brightness(layout: &FrameLayout, component: usize, level: f64) -> f64 {
    let depth = layout.components[component].depth;
    let (black, _) = black(layout, component);
    let white = if black == 0. { (1 << depth) - 1 } else { 235 << (depth - 8) };
    (level - black) / (f64::from(white) - black)
}

#[test]
fn thumbnails_are_mean_luma() {
    for (format, (width, height)) in LOOKED_AT
        .into_iter()
        .flat_map(|format| SIZES.into_iter().chain([(40_000, 2)]).map(move |size| (format, size)))
    {
        let mut frame = Frame::new(format, width, height, Shape::OffsetShortLastRow, noise(width));
        let layout = frame.layout();
        let picture = picture(&frame);
        let thumbnail = look(&mut frame, &layout, None).thumbnail;
        let surveyed = surveyed(layout.height.div_ceil(layout.chroma.vertical));
        let columns = layout.width.min(32);
        assert_eq!(thumbnail.columns, columns);
        let rows_in_group = layout.chroma.vertical;
        assert_eq!(thumbnail.luma.len(), columns * surveyed.len());
        let blocks = surveyed.iter().flat_map(|groups| (0..columns).map(move |x| (groups, x)));
        for (found, (groups, column)) in thumbnail.luma.iter().zip(blocks) {
            let pixels = column * layout.width / columns..(column + 1) * layout.width / columns;
            let expected = weights(&layout).iter().enumerate().map(|(c, weight)| {
                let samples: Vec<f64> = groups
                    .iter()
                    .flat_map(|group| group * rows_in_group..(group + 1) * rows_in_group)
                    .filter_map(|y| picture.grids[c].get(y))
                    .flat_map(|row| pixels.clone().map(|x| row[x] as f64))
                    .collect();
                let mean = samples.iter().sum::<f64>() / samples.len() as f64;
                weight * brightness(&layout, c, mean)
            });
            let expected: f64 = expected.sum();
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{format:?} {found} {expected}");
        }
    }
}

#[test]
fn thumbnails_of_even_blocks_are_those() {
    let mut random = noise(7);
    for Format { format, .. } in FORMATS {
        let mut frame = Frame::new(format, 640, 360, Shape::Default, || 0);
        let layout = frame.layout();
        let mut picture = picture(&frame);
        let thumbnail: Vec<Vec<i64>> = picture
            .grids
            .iter_mut()
            .enumerate()
            .map(|(c, grid)| {
                let shared = layout.subsampling(c);
                let depth = layout.components[c].depth;
                let levels: Vec<i64> =
                    (0..32 * 18).map(|_| (number(&mut random) >> (16 - depth)) as i64).collect();
                for (y, row) in grid.iter_mut().enumerate() {
                    for (x, sample) in row.iter_mut().enumerate() {
                        let (x, y) = (x * shared.horizontal, y * shared.vertical);
                        *sample = levels[y / 20 * 32 + x / 20];
                    }
                }
                levels
            })
            .collect();
        frame.set_pictures(&[picture]);
        let found = look(&mut frame, &layout, None).thumbnail;
        for (block, found) in found.luma.iter().enumerate() {
            let part = |(c, weight): (usize, &f64)| {
                weight * brightness(&layout, c, thumbnail[c][block] as f64)
            };
            let expected: f64 = weights(&layout).iter().enumerate().map(part).sum();
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{format:?}");
        }
    }
}

/// Part of a picture.
fn crop(layout: &FrameLayout, picture: &Components, area: Area) -> Components {
    let mut cropped = picture.clone();
    for (c, grid) in cropped.grids.iter_mut().enumerate() {
        let shared = layout.subsampling(c);
        let n_rows = area.height.div_ceil(shared.vertical);
        let n = area.width.div_ceil(shared.horizontal);
        *grid = grid[area.top / shared.vertical..][..n_rows]
            .iter()
            .map(|row| row[area.left / shared.horizontal..][..n].to_vec())
            .collect();
    }
    cropped
}

/// The other way round.
fn paste(layout: &FrameLayout, picture: &mut Components, cropped: &Components, area: Area) {
    for (c, (grid, cropped)) in picture.grids.iter_mut().zip(&cropped.grids).enumerate() {
        let shared = layout.subsampling(c);
        for (row, cropped) in grid[area.top / shared.vertical..].iter_mut().zip(cropped) {
            row[area.left / shared.horizontal..][..cropped.len()].copy_from_slice(cropped);
        }
    }
}

static REFERENCE: LazyLock<Reference> =
    LazyLock::new(|| Reference::load(&media("coffee.png")).expect("a picture"));

fn process(matcher: &mut Matcher, frame: &mut Frame, scan: Scan, n_threads: usize) {
    let (workers, _) = Workers::new(n_threads);
    let spans = frame.spans();
    let references = REFERENCE.cdfs(matcher.channels());
    let decide = |Statistics { histograms, .. }: &Statistics| {
        match_histograms(histograms, &references).into()
    };
    matcher.process(&mut frame.bytes, scan, &spans, &workers, decide).expect("it fits");
}

fn areas(width: usize, height: usize) -> [Area; 8] {
    [
        area(0, 0, width, height),
        area(0, height / 4, width, height / 2),
        area(width / 4, 0, width / 2, height),
        area(width / 3, height / 3, width / 2, height / 2),
        area(width / 3, height / 3, 1, 1),
        area(width - 1, height - 1, 5, 5),
        area(1, 1, usize::MAX, usize::MAX),
        area(width, height, 5, 5),
    ]
}

/// Matches areas one after the other, each as a picture of its own and as part of the frame.
fn check_areas(
    format: VideoFormat,
    (width, height): (u32, u32),
    color_space: ColorSpace,
    scan: Scan,
    n_threads: usize,
) {
    let original = Frame::new(format, width, height, Shape::OffsetShortLastRow, noise(width));
    let layout = original.layout();
    let best = InstructionSet::best();
    let mut matcher = Matcher::new(layout.clone(), color_space, best, None).expect("placed");
    for area in areas(layout.width, layout.height) {
        let what = format!("{format:?} {width} x {height} {color_space:?} {scan:?} {area:?}");
        let inside = on_grid(&layout, area);
        matcher.set_area(inside);
        assert_eq!(matcher.area(), inside, "{what}");
        let mut found = original.clone();
        process(&mut matcher, &mut found, scan, n_threads);
        let mut expected = original.clone();
        if !inside.is_empty() {
            let mut whole = picture(&original);
            let (w, h) = (inside.width as u32, inside.height as u32);
            let mut part = Frame::new(format, w, h, Shape::Default, || 0);
            part.set_pictures(&[crop(&layout, &whole, inside)]);
            let alone = FrameLayout { width: inside.width, height: inside.height, ..part.layout() };
            assert_eq!(
                alone,
                FrameLayout { encoding: alone.encoding, ..layout.crop(area) },
                "{what}"
            );
            // Small pictures have other defaults of luma.
            let alone = FrameLayout { encoding: layout.encoding, ..alone };
            let mut by_itself = Matcher::new(alone, color_space, best, None).expect("placed");
            process(&mut by_itself, &mut part, scan, 1);
            paste(&layout, &mut whole, &picture(&part), inside);
            expected.set_pictures(&[whole]);
        }
        assert!(found.bytes == expected.bytes, "{what}");
    }
}

#[test]
fn an_area_is_matched_as_a_picture_of_its_own() {
    for Format { format, .. } in FORMATS {
        for color_space in COLOR_SPACES {
            for size in [(37, 29), (48, 64), (3, 5), (1, 1)] {
                check_areas(format, size, color_space, Scan::Progressive, 1);
            }
            check_areas(format, (48, 64), color_space, Scan::Interleaved, 1);
        }
    }
}

#[test]
fn an_area_is_matched_by_any_number_of_threads() {
    for format in [VideoFormat::Rgb, VideoFormat::Yuy2, VideoFormat::P01010le] {
        for scan in [Scan::Progressive, Scan::Interleaved] {
            check_areas(format, (1201, 904), ColorSpace::Rgb, scan, 3);
        }
    }
}

/// Which columns and which rows of a component's samples belong to pixels of an area, in a picture
/// or in one with fields.
fn visible(layout: &FrameLayout, c: usize, area: Area, has_fields: bool) -> (Vec<bool>, Vec<bool>) {
    let Subsampling { horizontal, vertical, .. } = layout.subsampling(c);
    let column = |x: usize| {
        (x * horizontal..(x + 1) * horizontal)
            .any(|x| x >= area.left && x - area.left < area.width && x < layout.width)
    };
    let row = |y: usize| {
        (0..vertical)
            .map(|i| if has_fields { 2 * (y / 2 * vertical + i) + y % 2 } else { y * vertical + i })
            .any(|y| y >= area.top && y - area.top < area.height)
    };
    let n_rows = layout.height.div_ceil(vertical);
    ((0..layout.samples(c)).map(column).collect(), (0..n_rows).map(row).collect())
}

/// Matches with fixed tables; what was counted.
fn replace(
    matcher: &mut Matcher,
    frame: &mut Frame,
    scan: Scan,
    n_threads: usize,
) -> Vec<Histogram> {
    let (workers, _) = Workers::new(n_threads);
    let spans = frame.spans();
    let luts: Vec<Lut> = matcher
        .channels()
        .depths
        .iter()
        .map(|depth| Lut { levels: (0..1u32 << depth).map(|level| (level / 2) as u16).collect() })
        .collect();
    let mut counted = Vec::new();
    let decide = |Statistics { histograms, .. }: &Statistics| {
        counted = histograms.to_vec();
        luts.clone().into()
    };
    matcher.process(&mut frame.bytes, scan, &spans, &workers, decide).expect("it fits");
    counted
}

/// Where an area ends between lines of the grid: samples of hidden pixels are neither counted nor
/// changed, and those that hidden and visible pixels share are changed as if all were visible.
fn check_hidden_pixels(format: VideoFormat, color_space: ColorSpace, scan: Scan, n_threads: usize) {
    let (width, height) = if n_threads > 1 { (1202, 904) } else { (37, 32) };
    let original = Frame::new(format, width, height, Shape::OffsetShortLastRow, noise(width));
    let layout = original.layout();
    let best = InstructionSet::best();
    let has_fields = scan == Scan::Interleaved && layout.rows_of_group() > 1;
    let is_conversion = |matcher: &Matcher| {
        matches!(matcher.channels().encoding, Encoding::Rgb(_))
            != matches!(layout.encoding, Encoding::Rgb(_))
    };
    let mut matcher = Matcher::new(layout.clone(), color_space, best, None).expect("placed");
    let end = layout.height - 7;
    for area in
        [area(1, 1, 1, 1), area(3, 5, 17, 13), area(5, 3, layout.width, end), area(2, 7, 9, 6)]
    {
        let what = format!("{format:?} {color_space:?} {scan:?} {area:?}");
        let area = area.intersection(layout.area());
        let cells = on_grid(&layout, area);
        matcher.set_area(cells);
        let mut of_cells = original.clone();
        replace(&mut matcher, &mut of_cells, scan, 1);

        matcher.set_area(area);
        let mut found = original.clone();
        let counted = replace(&mut matcher, &mut found, scan, n_threads);
        let (changed, before) = (picture(&of_cells), picture(&original));
        let mut expected = before.clone();
        // Samples of hidden pixels alone, of another frame.
        let mut other = original.clone();
        let mut elsewhere = before.clone();
        for (c, grid) in expected.grids.iter_mut().enumerate() {
            let (columns, rows) = visible(&layout, c, area, has_fields);
            let mut histogram = Histogram::empty(layout.components[c].depth);
            for (y, row) in grid.iter_mut().enumerate() {
                for (x, sample) in row.iter_mut().enumerate() {
                    if columns[x] && rows[y] {
                        histogram.bins[*sample as usize] += 1;
                        *sample = changed.grids[c][y][x];
                    } else if c == 0 || layout.chroma.horizontal * layout.chroma.vertical == 1 {
                        elsewhere.grids[c][y][x] ^= 1;
                    }
                }
            }
            if !is_conversion(&matcher) && c < counted.len() {
                assert_eq!(counted[c], histogram, "{what} channel {c}");
            }
        }
        let mut frame = original.clone();
        frame.set_pictures(&[expected]);
        assert!(found.bytes == frame.bytes, "{what}");
        if is_conversion(&matcher) {
            let n = (area.width * area.height) as u64;
            assert!(counted.iter().all(|histogram| histogram.total() == n), "{what}");
            other.set_pictures(&[elsewhere]);
            assert_eq!(replace(&mut matcher, &mut other, scan, n_threads), counted, "{what}");
        }
    }
}

#[test]
fn pixels_beside_an_area_are_hidden_in_every_format() {
    for Format { format, .. } in FORMATS {
        for color_space in COLOR_SPACES {
            for scan in [Scan::Progressive, Scan::Interleaved] {
                check_hidden_pixels(format, color_space, scan, 1);
            }
        }
    }
    for format in [VideoFormat::Rgb, VideoFormat::Nv12, VideoFormat::Yuy2, VideoFormat::P01010le] {
        for scan in [Scan::Progressive, Scan::Interleaved] {
            check_hidden_pixels(format, ColorSpace::Rgb, scan, 3);
        }
    }
}

/// Unpacks I420 without padding.
#[derive(Debug)]
struct UnpackI420 {
    width: usize,
}

impl Unpack for UnpackI420 {
    fn bits(&self) -> u32 {
        8
    }

    fn width(&self) -> usize {
        self.width
    }

    fn stride(&self, plane: usize) -> usize {
        if plane == 0 { self.width } else { self.width.div_ceil(2) }
    }

    fn unpack(&self, planes: &[Vec<u8>], row: usize, pixels: &mut [u8]) {
        for (x, pixel) in pixels.chunks_exact_mut(4).take(self.width).enumerate() {
            let chroma = row / 2 * self.stride(1) + x / 2;
            pixel.copy_from_slice(&[
                255,
                planes[0][row * self.width + x],
                planes[1][chroma],
                planes[2][chroma],
            ]);
        }
    }

    fn pack(&self, pixels: &[u8], planes: &mut [Vec<u8>], row: usize) {
        for (x, pixel) in pixels.chunks_exact(4).take(self.width).enumerate() {
            planes[0][row * self.width + x] = pixel[1];
            if row.is_multiple_of(2) && x.is_multiple_of(2) {
                planes[1][row / 2 * self.stride(1) + x / 2] = pixel[2];
                planes[2][row / 2 * self.stride(1) + x / 2] = pixel[3];
            }
        }
    }
}

#[test]
fn rows_that_are_unpacked_are_never_cut() {
    let mut random = noise(3);
    for (width, height) in [(37, 29), (64, 80)] {
        let inside = area(8, 8, 16, 12);
        let mut frame =
            with_bars(VideoFormat::I420, (width, height), inside, |_| true, &mut random);
        let placed = frame.layout();
        let mut layout = placed.clone();
        layout.components.iter_mut().for_each(|component| component.place = None);
        let unpack: Arc<dyn Unpack> = Arc::new(UnpackI420 { width: width as usize });
        let full_width = |inside: Area| Area { left: 0, width: width as usize, ..inside };

        let expected = look(&mut frame, &placed, None);
        assert_eq!(expected.active_picture, inside);
        let seen = look(&mut frame, &layout, Some(unpack.clone()));
        assert_eq!(seen.active_picture, full_width(expected.active_picture));
        assert_eq!(seen.thumbnail, expected.thumbnail);

        for color_space in COLOR_SPACES {
            let best = InstructionSet::best();
            let mut by_place =
                Matcher::new(placed.clone(), color_space, best, None).expect("placed");
            let mut by_unpack =
                Matcher::new(layout.clone(), color_space, best, Some(unpack.clone()))
                    .expect("unpacked");
            for area in areas(width as usize, height as usize) {
                let area = full_width(on_grid(&placed, area));
                by_unpack.set_area(area);
                by_place.set_area(area);
                let [mut expected, mut found] = [(); 2].map(|()| frame.clone());
                process(&mut by_place, &mut expected, Scan::Progressive, 1);
                process(&mut by_unpack, &mut found, Scan::Progressive, 1);
                assert!(found.bytes == expected.bytes, "{color_space:?} {area:?}");
            }
        }
    }
}

/// Formats that are unpacked by GStreamer, too: as wide as frames are.
#[test]
fn where_nothing_counts_frames_pass_in_every_format() {
    common::init();
    let coffee = media("coffee.png");
    let coffee = coffee.display();
    let formats = common::formats_of_template();
    for element in [
        format!("histomatch reference-location={coffee} method=grade ignore-borders=true"),
        format!("histomatch reference-location={coffee} ignore-borders=true"),
        format!(
            "histomatch reference-location={coffee} method=linear roi-type=face apply-region=true"
        ),
        "histotap ignore-borders=true".into(),
    ] {
        for format in &formats {
            let caps = format!("video/x-raw,format={format},width=320,height=16");
            let pipeline =
                format!("videotestsrc num-buffers=2 pattern=black ! {caps} ! {element} ! fakesink");
            let pipeline = gst::parse::launch(&pipeline).expect("it parses");
            pipeline.set_state(gst::State::Playing).expect("it plays");
            let end = [gst::MessageType::Eos, gst::MessageType::Error];
            let bus = pipeline.bus().expect("a bus");
            let end = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &end);
            let end = end.expect("it ends");
            assert_eq!(end.type_(), gst::MessageType::Eos, "{format} {element} {end:?}");
            pipeline.set_state(gst::State::Null).expect("it stops");
        }
    }
}
