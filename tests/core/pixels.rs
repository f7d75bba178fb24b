//! Promise: views of a frame in memory are what a list of the places of its bytes says.

use std::ops::Range;

use crate::common::frames::{FORMATS, Frame, Shape};
use gsthistomatch::color::{Encoding, LumaWeights, Range as Levels};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::frame::{
    Area, FrameLayout, FrameMut, FrameRef, FrameView, Memory, PlaneLayout, PlaneSpan, SpanError,
    Subsampling,
};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

/// The places in memory of each plane's rows.
type Places = Vec<Vec<Range<usize>>>;

/// Those of a view, where the memory begins at an address.
fn places<M: Memory>(pixels: &FrameView<M>, address: usize) -> Places {
    let place = |row: &[u8]| {
        let start = row.as_ptr() as usize - address;
        start..start + row.len()
    };
    pixels.planes().iter().map(|plane| plane.rows(0).map(place).collect()).collect()
}

fn is_split(found: &Result<(), SpanError>) -> bool {
    matches!(found, Err(SpanError::Split { .. }))
}

/// A frame of planes alone.
fn of_planes(height: usize, planes: Vec<PlaneLayout>) -> FrameLayout {
    FrameLayout {
        width: 1,
        height,
        encoding: Encoding::Luma(LumaWeights::BT601, Levels::Full),
        colorimetry: Colorimetry::SRGB,
        components: Vec::new(),
        chroma: Subsampling::NONE,
        planes,
    }
}

/// In numbers that can't overflow.
fn expected(
    layout: &FrameLayout,
    spans: &[PlaneSpan],
    available: usize,
) -> Result<Places, SpanError> {
    let mut places = Places::new();
    for &PlaneLayout { plane, row_bytes, vertical } in &layout.planes {
        let &PlaneSpan { offset, stride } = spans.get(plane).ok_or(SpanError::Missing { plane })?;
        if stride < 1 || (stride as usize) < row_bytes {
            return Err(SpanError::Stride { plane, stride, row_bytes });
        }
        let rows = layout.height.div_ceil(vertical);
        let start = |y: usize| offset as i128 + y as i128 * stride as i128;
        let end = if rows == 0 { start(0) } else { start(rows - 1) + row_bytes as i128 };
        if end > available as i128 {
            return Err(SpanError::OutOfBounds { plane, offset, stride, rows, available });
        }
        let row = |y| start(y) as usize..start(y) as usize + row_bytes;
        places.push((0..rows).map(row).collect());
    }
    // From the first byte to the last, in the order in which planes begin.
    let mut whole: Vec<(usize, usize, usize)> = places
        .iter()
        .zip(&layout.planes)
        .map(|(rows, &PlaneLayout { plane, .. })| {
            let start = spans[plane].offset;
            (start, rows.last().map_or(start, |row| row.end), plane)
        })
        .collect();
    whole.sort_by_key(|&(start, ..)| start);
    match whole.windows(2).find(|pair| pair[1].0 < pair[0].1) {
        Some(pair) => Err(SpanError::Overlap { first: pair[0].2, second: pair[1].2 }),
        None => Ok(places),
    }
}

/// Planes of a frame, one behind the other in some order: nearly, so that some overlap, and some end
/// behind the memory.
fn frames() -> impl Strategy<Value = (FrameLayout, Vec<PlaneSpan>, usize)> {
    let plane = (1..9usize, prop_oneof![Just(1), Just(2), Just(4usize)], 0..4usize, 0..4usize);
    let shortage = prop_oneof![8 => Just(0), 1 => Just(1usize)];
    (0..8usize, vec((plane, shortage.clone()), 0..4), shortage).prop_flat_map(
        |(height, planes, cut)| {
            let mut at = 0;
            let mut spans = Vec::new();
            for &((row_bytes, vertical, padding, gap), shortage) in &planes {
                let (offset, stride) = (at + gap, row_bytes + padding);
                let rows = height.div_ceil(vertical);
                at = offset + (rows * stride).saturating_sub(padding + shortage);
                spans.push(PlaneSpan { offset, stride: stride as isize });
            }
            let memory = at.saturating_sub(cut);
            let planes: Vec<PlaneLayout> = planes
                .into_iter()
                .enumerate()
                .map(|(plane, ((row_bytes, vertical, ..), _))| PlaneLayout {
                    plane,
                    row_bytes,
                    vertical,
                })
                .collect();
            let layout = Just(planes).prop_shuffle();
            (layout.prop_map(move |planes| of_planes(height, planes)), Just(spans), Just(memory))
        },
    )
}

/// Offsets and strides that nobody should give.
fn wild() -> impl Strategy<Value = (usize, isize)> {
    (
        prop_oneof![0..40usize, (0..40usize).prop_map(|n| usize::MAX - n)],
        prop_oneof![-9..9isize, Just(isize::MIN), (0..9isize).prop_map(|n| isize::MAX - n)],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_frame_is_where_its_spans_say(
        (layout, mut spans, available) in frames(),
        wild in weighted(0.2, (any::<prop::sample::Index>(), wild(), any::<[bool; 2]>())),
        is_missing in prop::bool::weighted(0.05),
    ) {
        if let Some((index, (offset, stride), which)) = wild && !spans.is_empty() {
            let span = &mut spans[index.index(layout.planes.len())];
            span.offset = if which[0] { offset } else { span.offset };
            span.stride = if which[1] { stride } else { span.stride };
        }
        if is_missing {
            spans.pop();
        }
        let expected = expected(&layout, &spans, available);
        let mut memory = vec![0; available];
        let address = memory.as_ptr() as usize;
        let found = FrameMut::new(&mut memory, &layout, &spans);
        prop_assert_eq!(found.map(|pixels| places(&pixels, address)), expected);
    }

    /// In a picture or a field of it, of planes that share rows or don't.
    #[test]
    fn bands_are_whole_groups_of_rows_in_order(
        (layout, spans, available) in frames(),
        n in 1..6usize,
        of_field in any::<bool>(),
    ) {
        let mut memory = vec![0; available];
        let address = memory.as_ptr() as usize;
        let Ok(pixels) = FrameMut::new(&mut memory, &layout, &spans) else { return Ok(()) };
        let pixels = if of_field { pixels.field(0) } else { pixels };
        let all = places(&pixels, address);
        let rows_of_group = layout.planes.iter().map(|plane| plane.vertical).max().unwrap_or(1);
        prop_assert_eq!(layout.rows_of_group(), rows_of_group);
        let in_group: Vec<usize> =
            layout.planes.iter().map(|plane| rows_of_group / plane.vertical).collect();
        let n_groups = |places: &Places| {
            let of_plane = places.iter().zip(&in_group).map(|(rows, n)| rows.len().div_ceil(*n));
            of_plane.max().unwrap_or(0)
        };

        let bands = pixels.bands(&layout, n, false);
        prop_assert_eq!(bands.len(), n);
        let mut at = 0;
        for band in &bands {
            let found = places(band, address);
            let groups = n_groups(&found);
            let share = n_groups(&all) / n;
            prop_assert!(groups == share || groups == share + 1);
            for ((found, all), in_group) in found.iter().zip(&all).zip(&in_group) {
                let rows = all.iter().skip(at * in_group).take(groups * in_group);
                prop_assert_eq!(found.iter().collect::<Vec<_>>(), rows.collect::<Vec<_>>());
            }
            at += groups;
        }
        prop_assert_eq!(at, n_groups(&all));
    }

    #[test]
    fn fields_take_turns((layout, spans, available) in frames()) {
        let mut memory = vec![0; available];
        let address = memory.as_ptr() as usize;
        let Ok(mut pixels) = FrameMut::new(&mut memory, &layout, &spans) else { return Ok(()) };
        let all = places(&pixels, address);
        for (plane, rows) in pixels.planes_mut().iter_mut().zip(&all) {
            let place = |row: &mut [u8]| row.as_ptr() as usize - address;
            let starts: Vec<usize> = plane.rows_mut(0).map(place).collect();
            prop_assert_eq!(starts, rows.iter().map(|row| row.start).collect::<Vec<_>>());
        }
        for first in 0..2 {
            let field = pixels.reborrow().field(first);
            let every_other = |rows: &Vec<Range<usize>>| {
                rows.iter().skip(first).step_by(2).cloned().collect::<Vec<_>>()
            };
            let expected: Places = all.iter().map(every_other).collect();
            prop_assert_eq!(places(&field, address), expected);
        }
    }

    /// Bands of which each has whole groups of both fields are the bands of the fields.
    #[test]
    fn bands_may_have_whole_groups_of_fields((layout, spans, available) in frames(), n in 1..6usize) {
        if !layout.height.is_multiple_of(2 * layout.rows_of_group()) {
            return Ok(());
        }
        let memory = vec![0; available];
        let address = memory.as_ptr() as usize;
        let Ok(pixels) = FrameRef::new(&memory, &layout, &spans) else { return Ok(()) };
        let of_bands = pixels.clone().bands(&layout, n, true);
        for first in 0..2 {
            let of_field = pixels.clone().field(first).bands(&layout, n, false);
            for (band, expected) in of_bands.iter().zip(of_field) {
                let found = places(&band.clone().field(first), address);
                prop_assert_eq!(found, places(&expected, address));
            }
        }
    }

    /// As if the blocks of memory followed each other; a plane lies in one of them.
    #[test]
    fn memory_may_be_in_blocks(
        (layout, spans, available) in frames(),
        cuts in vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let memory = vec![0; available];
        let address = memory.as_ptr() as usize;
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(available + 1)).collect();
        cuts.sort_unstable();
        let mut blocks = Vec::new();
        let mut at = 0;
        for cut in cuts.iter().copied().chain([available]) {
            blocks.push(&memory[at..cut]);
            at = cut;
        }
        let sizes: Vec<usize> = blocks.iter().map(|block| block.len()).collect();
        let whole = FrameRef::new(&memory, &layout, &spans).map(|whole| places(&whole, address));
        let found = FrameRef::in_blocks(blocks, &layout, &spans);
        let is_cut = |rows: &Vec<Range<usize>>| {
            let inside = |cut: &usize| match (rows.first(), rows.last()) {
                (Some(first), Some(last)) => first.start < *cut && *cut < last.end,
                _ => false,
            };
            cuts.iter().any(inside)
        };
        match whole {
            Ok(whole) => match whole.iter().position(is_cut) {
                Some(_) => {
                    prop_assert!(is_split(&found.map(drop)));
                    prop_assert!(layout.is_split(&spans, &sizes));
                }
                None if layout.is_split(&spans, &sizes) => prop_assert!(false, "not split"),
                None => prop_assert_eq!(found.map(|found| places(&found, address)), Ok(whole)),
            },
            Err(error @ SpanError::Overlap { .. }) => {
                let found = found.map(drop);
                prop_assert!(found == Err(error) || is_split(&found));
            }
            Err(error) => prop_assert_eq!(found.map(|found| places(&found, address)), Err(error)),
        }
    }

    #[test]
    fn a_union_has_the_pixels_of_both(areas in vec((0..4usize, 0..4usize, 0..4usize, 0..4usize), 2)) {
        let [a, b] = [0, 1].map(|i| {
            let (left, top, width, height) = areas[i];
            Area { left, top, width, height }
        });
        let pixels = |area: &Area| {
            let Area { left, top, width, height } = *area;
            (top..top + height).flat_map(move |y| (left..left + width).map(move |x| (x, y)))
        };
        prop_assert_eq!(a.is_empty(), pixels(&a).next().is_none());
        let (x, y): (Vec<usize>, Vec<usize>) = pixels(&a).chain(pixels(&b)).unzip();
        let extent = |of: &[usize]| of.iter().min().zip(of.iter().max()).map(|(a, b)| (*a, b + 1 - a));
        let union = a.union(b);
        match (extent(&x), extent(&y)) {
            (Some((left, width)), Some((top, height))) => {
                prop_assert_eq!(union, Area { left, top, width, height });
            }
            _ => prop_assert!(union.is_empty()),
        }
    }

    /// In every format, and where only GStreamer can reach the samples.
    #[test]
    fn areas_take_a_frame_apart(
        format in prop::sample::select(&FORMATS[..]),
        (width, height) in (1..40u32, 1..40u32),
        (left, top) in (0..45usize, 0..45usize),
        (area_width, area_height) in (
            prop_oneof![0..45usize, Just(usize::MAX)],
            prop_oneof![0..45usize, Just(usize::MAX)],
        ),
        is_placed in prop::bool::weighted(0.9),
    ) {
        let mut frame = Frame::new(format.format, width, height, Shape::OffsetShortLastRow, || 0);
        let (mut layout, spans) = (frame.layout(), frame.spans());
        let chroma = layout.chroma;
        if !is_placed {
            layout.components.iter_mut().for_each(|component| component.place = None);
        }
        let (width, height) = (layout.width, layout.height);
        prop_assert_eq!(layout.area(), Area { left: 0, top: 0, width, height });
        for c in 0..layout.components.len() {
            let subsampling = if c == 0 { Subsampling::NONE } else { chroma };
            prop_assert_eq!(layout.subsampling(c), subsampling);
            let mut samples: Vec<usize> = (0..width).map(|x| x / subsampling.horizontal).collect();
            samples.dedup();
            prop_assert_eq!(layout.samples(c), samples.len());
        }

        // Where no two pixels on either side share chroma, in the picture or in a field of it.
        let columns: Vec<usize> = (0..=width)
            .filter(|&x| x == 0 || x == width || {
                is_placed && (x - 1) / chroma.horizontal != x / chroma.horizontal
            })
            .collect();
        let rows: Vec<usize> = (0..=height)
            .filter(|&y| y == 0 || y == height || (0..y).all(|above| (y..height).all(|below| {
                let share = |above: usize, below| above / chroma.vertical == below / chroma.vertical;
                !share(above, below) && (above % 2 != below % 2 || !share(above / 2, below / 2))
            })))
            .collect();
        let (columns_of_cell, rows_of_cell) = layout.grid();
        let multiples = |cell: usize, end: usize| {
            (0..=end).filter(|x| x % cell == 0 || *x == end).collect::<Vec<_>>()
        };
        prop_assert_eq!(multiples(columns_of_cell, width), columns.clone());
        prop_assert_eq!(multiples(rows_of_cell, height), rows.clone());

        let area = Area { left, top, width: area_width, height: area_height };
        let around = |first: usize, len: usize, end: usize, cuts: &[usize]| {
            let mut inside = (0..end).filter(|&x| x >= first && x - first < len);
            let first = inside.next()?;
            let last = inside.next_back().unwrap_or(first);
            let start = *cuts.iter().rfind(|&&cut| cut <= first)?;
            Some(start..*cuts.iter().find(|&&cut| cut > last)?)
        };
        let x = around(left, area_width, width, &columns);
        let y = around(top, area_height, height, &rows);
        let Some((x, y)) = x.zip(y) else {
            prop_assert_eq!(layout.on_grid(area), Area::default());
            return Ok(());
        };
        let on_grid = Area { left: x.start, top: y.start, width: x.len(), height: y.len() };
        prop_assert_eq!(layout.on_grid(area), on_grid);

        // The area, what is beside it, above it and below it.
        let part = |x: Range<usize>, y: Range<usize>| {
            Area { left: x.start, top: y.start, width: x.len(), height: y.len() }
        };
        let address = frame.bytes.as_ptr() as usize;
        let mut parts = |part: Area| {
            let pixels = FrameMut::new(&mut frame.bytes, &layout, &spans).expect("it fits");
            places(&pixels.crop(&layout, part), address)
        };
        let whole = parts(layout.area());
        let inside = parts(on_grid);
        prop_assert_eq!(&parts(area), &inside);
        let [before, behind] = [0..x.start, x.end..width].map(|x| parts(part(x, y.clone())));
        let [above, below] = [0..y.start, y.end..height].map(|y| parts(part(0..width, y)));
        for plane in 0..layout.planes.len() {
            let mut together = above[plane].clone();
            for (i, row) in inside[plane].iter().enumerate() {
                let start = before[plane].get(i).map_or(row.start, |before| {
                    assert_eq!(before.end, row.start);
                    before.start
                });
                let end = behind[plane].get(i).map_or(row.end, |behind| {
                    assert_eq!(behind.start, row.end);
                    behind.end
                });
                together.push(start..end);
            }
            together.extend_from_slice(&below[plane]);
            prop_assert_eq!(&together, &whole[plane]);
        }

        // By itself, it is a frame whose samples are as far from its edges.
        let alone = layout.crop(area);
        prop_assert_eq!((alone.width, alone.height), (x.len(), y.len()));
        prop_assert_eq!(&alone.components, &layout.components);
        let bytes: usize = inside.iter().flatten().map(|row| row.len()).sum();
        prop_assert_eq!(alone.bytes(), bytes);
        for (rows, plane) in inside.iter().zip(&alone.planes) {
            prop_assert!(rows.iter().all(|row| row.len() == plane.row_bytes));
        }
        for (c, component) in layout.components.iter().enumerate() {
            let Some(place) = component.place else { continue };
            let Subsampling { horizontal, vertical, .. } = layout.subsampling(c);
            for (x_inside, x) in x.clone().enumerate() {
                let byte = |x: usize| x / horizontal * place.pixel_stride + place.offset;
                let row = &inside[place.plane][0];
                let row_of_frame = &whole[place.plane][y.start / vertical];
                prop_assert_eq!(row.start + byte(x_inside), row_of_frame.start + byte(x));
                prop_assert!(row.start + byte(x_inside) + place.bytes <= row.end);
            }
        }
    }
}

/// Not even for rows of no bytes.
#[test]
fn a_stride_of_0_is_none() {
    let plane = PlaneLayout { plane: 0, row_bytes: 0, vertical: 1 };
    let spans = [PlaneSpan { offset: 0, stride: 0 }];
    let error = FrameMut::new(&mut [], &of_planes(3, vec![plane]), &spans).expect_err("no stride");
    assert_eq!(error, SpanError::Stride { plane: 0, stride: 0, row_bytes: 0 });
}

#[test]
fn no_number_of_bytes_is_too_large() {
    let plane = |row_bytes, vertical| PlaneLayout { plane: 0, row_bytes, vertical };
    for (planes, bytes) in [
        (vec![], 0),
        (vec![plane(7, 1), plane(5, 2)], 3 * 7 + 2 * 5),
        (vec![plane(usize::MAX / 2, 1)], usize::MAX),
        (vec![plane(usize::MAX, 4), plane(1, 1)], usize::MAX),
    ] {
        assert_eq!(of_planes(3, planes).bytes(), bytes);
    }
}
