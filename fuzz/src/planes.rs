//! A frame in memory is exactly the rows that its layout and spans say, or an error; its parts are
//! exactly theirs, and nothing else is written.

use std::ops::Range;

use arbitrary::{Arbitrary, Result, Unstructured};
use gsthistomatch::color::{ColorSpace, Encoding, LumaWeights, Range as Levels};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::frame::{
    Area, Component, FrameLayout, FrameMut, PlaneLayout, PlaneSpan, SampleLayout, Scan, SpanError,
    Subsampling,
};
use gsthistomatch::kernels::InstructionSet;
use gsthistomatch::lut::Lut;
use gsthistomatch::matcher::Matcher;
use gsthistomatch::statistics::Statistics;
use gsthistomatch::workers::Workers;

use super::noise;

/// The bytes of each row of each plane.
type Rows = Vec<Vec<Range<usize>>>;

#[derive(Debug)]
struct Input {
    layout: FrameLayout,
    /// Whether the layout is one of a format, so that the samples' places say what a pixel is.
    is_format: bool,
    spans: Vec<PlaneSpan>,
    memory: usize,
    area: Area,
    fields: bool,
    bands: usize,
    color_space: ColorSpace,
    seed: u16,
}

/// Makes a frame of some layout in some memory, cuts it into parts, and matches it.
pub fn planes(data: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let Input { layout, spans, .. } = &input;
    let mut memory = vec![0; input.memory];
    let start = memory.as_ptr() as usize;
    let expected = match (expected_rows(&input), FrameMut::new(&mut memory, layout, spans)) {
        (Ok(expected), Ok(pixels)) => {
            assert_eq!(rows_of(&pixels, start), expected);
            expected
        }
        (Err(expected), Err(error)) => {
            assert!(!error.to_string().is_empty());
            match error {
                SpanError::Overlap { first, second } => {
                    assert!(expected.contains(&error), "planes {first}, {second}: {expected:?}");
                }
                _ => assert_eq!(expected, [error]),
            }
            return;
        }
        (expected, found) => panic!("{found:?} instead of {expected:?}"),
    };
    // Other layouts have no pixels to cut.
    if !input.is_format {
        return;
    }
    cut(&input, &mut memory, expected.clone());
    process(&input, &expected);
}

/// By the definition: each row of each plane lies inside the memory, and no planes overlap.
/// Otherwise what is wrong, of overlaps all that there are.
fn expected_rows(Input { layout, spans, memory, .. }: &Input) -> Result<Rows, Vec<SpanError>> {
    let mut planes = Rows::new();
    for &PlaneLayout { plane, row_bytes, vertical } in &layout.planes {
        let Some(&PlaneSpan { offset, stride }) = spans.get(plane) else {
            return Err(vec![SpanError::Missing { plane }]);
        };
        if stride <= 0 || (stride as usize) < row_bytes {
            return Err(vec![SpanError::Stride { plane, stride, row_bytes }]);
        }
        let n_rows = layout.height.div_ceil(vertical);
        let row = |y: usize| {
            let start = offset as u128 + y as u128 * stride as u128;
            let end = start + row_bytes as u128;
            (end <= *memory as u128).then_some(start as usize..end as usize)
        };
        let available = *memory;
        let rows: Option<Vec<_>> = (0..n_rows).map(row).collect();
        let rows = rows.filter(|_| offset <= available).ok_or_else(|| {
            vec![SpanError::OutOfBounds { plane, offset, stride, rows: n_rows, available }]
        })?;
        planes.push(rows);
    }
    let overlaps = |a: &[Range<usize>], b: &[Range<usize>]| match (a, b) {
        ([a, ..], [b, .., end]) => a.start >= b.start && a.start < end.end,
        ([a, ..], [b]) => b.contains(&a.start),
        _ => false,
    };
    let mut errors = Vec::new();
    for (a, first) in planes.iter().zip(&layout.planes) {
        for (b, second) in planes.iter().zip(&layout.planes) {
            if !std::ptr::eq(a, b) && overlaps(b, a) {
                errors.push(SpanError::Overlap { first: first.plane, second: second.plane });
            }
        }
    }
    if errors.is_empty() { Ok(planes) } else { Err(errors) }
}

/// Where rows lie in memory that begins at `start`.
fn rows_of(pixels: &FrameMut, start: usize) -> Rows {
    let place = |row: &[u8]| {
        let from = row.as_ptr() as usize - start;
        from..from + row.len()
    };
    pixels.planes().iter().map(|plane| plane.rows(0).map(place).collect()).collect()
}

/// Cuts a frame to an area, takes the fields apart, and cuts these into bands.
fn cut(input: &Input, memory: &mut [u8], frame: Rows) {
    let layout = &input.layout;
    let start = memory.as_ptr() as usize;
    let pixels = FrameMut::new(memory, layout, &input.spans).expect("it was one before");
    let pixels = pixels.crop(layout, input.area);
    let cropped = expected_crop(layout, input.area, &frame);
    assert_eq!(rows_of(&pixels, start), cropped, "{:?} of {layout:?}", input.area);
    let of_crop: Vec<usize> = layout.crop(input.area).planes.iter().map(|p| p.row_bytes).collect();
    for (rows, row_bytes) in cropped.iter().zip(of_crop) {
        assert!(rows.iter().all(|row| row.len() == row_bytes), "{row_bytes}: {rows:?}");
    }

    if input.fields {
        let field = |parity| {
            let rows = |rows: &Vec<Range<usize>>| {
                rows.iter().skip(parity).step_by(2).cloned().collect::<Vec<_>>()
            };
            cropped.iter().map(rows).collect::<Rows>()
        };
        let mut pixels = pixels;
        for parity in 0..2 {
            let picture = pixels.reborrow().field(parity);
            check_picture(input, start, picture, &field(parity));
        }
    } else {
        check_picture(input, start, pixels, &cropped);
    }
}

/// Cuts a picture into bands.
fn check_picture(input: &Input, start: usize, picture: FrameMut, expected: &Rows) {
    let layout = &input.layout;
    assert_eq!(rows_of(&picture, start), *expected);
    let bands: Vec<Rows> =
        picture.bands(layout, input.bands, false).iter().map(|band| rows_of(band, start)).collect();
    check_bands(layout, &bands, input.bands, expected);
}
/// The bytes of the pixels of an area, and of those that can't be taken apart from them.
fn expected_crop(layout: &FrameLayout, area: Area, frame: &Rows) -> Rows {
    let (columns, rows) = layout.grid();
    let of_cells = |start: usize, len: usize, cell: usize, end: usize| -> Vec<bool> {
        let is_wanted = |at: usize| at >= start && at - start < len;
        let cells: Vec<bool> = (0..end)
            .collect::<Vec<_>>()
            .chunks(cell)
            .map(|cell| cell.iter().any(|&at| is_wanted(at)))
            .collect();
        (0..end).map(|at| cells[at / cell]).collect()
    };
    let wanted_columns = of_cells(area.left, area.width, columns, layout.width);
    let wanted_rows = of_cells(area.top, area.height, rows, layout.height);
    let is_empty = !wanted_columns.contains(&true) || !wanted_rows.contains(&true);
    let plane = |(index, rows): (usize, &Vec<Range<usize>>)| {
        let component = (0..layout.components.len())
            .find(|&c| layout.components[c].place.is_some_and(|place| place.plane == index))
            .expect("a component of each plane");
        let place = layout.components[component].place.expect("it is known");
        let horizontal = layout.subsampling(component).horizontal;
        let is_wanted = |byte: &usize| {
            let column = byte / place.pixel_stride * horizontal;
            wanted_columns[column.min(layout.width - 1)]
        };
        let vertical = layout.planes[index].vertical;
        rows.iter()
            .enumerate()
            .filter(|(y, _)| !is_empty && wanted_rows[y * vertical])
            .map(|(_, row)| {
                let bytes: Vec<usize> = (0..row.len()).filter(is_wanted).collect();
                let (first, last) = (bytes[0], bytes[bytes.len() - 1]);
                row.start + first..row.start + last + 1
            })
            .collect()
    };
    frame.iter().enumerate().map(plane).collect()
}

/// All rows in order, those that share chroma together, in bands of nearly one size.
fn check_bands(layout: &FrameLayout, bands: &[Rows], n: usize, frame: &Rows) {
    assert_eq!(bands.len(), n);
    let rows_of_group = layout.rows_of_group();
    let groups_of = |band: &Rows| {
        let groups = |(rows, plane): (&Vec<_>, &PlaneLayout)| {
            rows.len().div_ceil(rows_of_group / plane.vertical)
        };
        band.iter().zip(&layout.planes).map(groups).max().unwrap_or_default()
    };
    let mut first = 0;
    for (band, rows) in bands.iter().zip(1..) {
        let next = first + groups_of(band);
        for ((band, frame), plane) in band.iter().zip(frame).zip(&layout.planes) {
            let row = |group: usize| (group * rows_of_group / plane.vertical).min(frame.len());
            assert_eq!(band, &frame[row(first)..row(next)], "band {rows} of {n}");
        }
        first = next;
    }
    assert_eq!(first, groups_of(frame));
    let sizes = || bands.iter().map(groups_of);
    assert!(sizes().max().unwrap_or_default() - sizes().min().unwrap_or_default() <= 1);
}

/// Matches the area of a frame: nothing else is written, and without a conversion, its samples go
/// through the tables.
fn process(input: &Input, frame: &Rows) {
    let layout = &input.layout;
    let best = InstructionSet::best();
    let Ok(mut matcher) = Matcher::new(layout.clone(), input.color_space, best, None) else {
        return;
    };
    matcher.set_area(input.area);
    let mut random = noise(input.seed.into());
    let before: Vec<u8> = (0..input.memory).map(|_| random() as u8).collect();
    let luts: Vec<Lut> = (0..matcher.channels().depths.len())
        .map(|_| Lut { levels: (0..256).map(|_| random() as u8 as u16).collect() })
        .collect();

    let rows = expected_crop(layout, input.area, frame);
    let is_conversion = matches!(matcher.channels().encoding, Encoding::Rgb(_))
        != matches!(layout.encoding, Encoding::Rgb(_));
    let area = input.area.intersection(layout.area());
    let rows_of_group = layout.rows_of_group();
    let has_fields =
        input.fields && rows_of_group > 1 && layout.height.is_multiple_of(2 * rows_of_group);
    // The rows of pixels that share a row of samples.
    let sharing = |y: usize, vertical: usize| -> Vec<usize> {
        (0..vertical)
            .map(|i| if has_fields { 2 * (y / 2 * vertical + i) + y % 2 } else { y * vertical + i })
            .collect()
    };
    let mut expected = before.clone();
    let mut counts = vec![vec![0; 256]; luts.len()];
    if !is_conversion {
        for (c, lut) in luts.iter().enumerate() {
            let Some(place) = layout.components[c].place else { return };
            let Subsampling { horizontal, vertical, .. } = layout.subsampling(c);
            for (y, row) in frame[place.plane].iter().enumerate() {
                let is_row = |y: &usize| (area.top..area.top + area.height).contains(y);
                let is_visible = sharing(y, vertical).iter().any(is_row);
                for x in 0..layout.samples(c) {
                    let (left, right) = (x * horizontal, (x + 1) * horizontal);
                    if is_visible && left < area.left + area.width && right > area.left {
                        let at = row.start + x * place.pixel_stride + place.offset;
                        counts[c][usize::from(before[at])] += 1;
                        expected[at] = lut.levels[usize::from(before[at])] as u8;
                    }
                }
            }
        }
    }
    let mut after = before.clone();
    let scan = if input.fields { Scan::Interleaved } else { Scan::Progressive };
    matcher
        .process(
            &mut after,
            scan,
            &input.spans,
            &Workers::default(),
            |Statistics { histograms, .. }| {
                for (histogram, counts) in histograms.iter().zip(&counts) {
                    let n = area.width * area.height;
                    assert!(is_conversion || histogram.bins == *counts, "counts of {layout:?}");
                    assert!(!is_conversion || histogram.total() == n as u64, "{n} pixels");
                }
                luts.into()
            },
        )
        .expect("it was a frame before");
    if is_conversion {
        // What is in the rows may change.
        for row in rows.into_iter().flatten() {
            expected[row.clone()].copy_from_slice(&after[row]);
        }
    }
    assert!(after == expected, "other bytes of {layout:?}");
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let is_format = u.ratio(3, 4)?;
        let layout = if is_format { format(u)? } else { any_layout(u)? };
        let mut end = 0;
        let spans = (0..u.int_in_range(0..=4usize)?.max(layout.planes.len()))
            .map(|plane| span(u, plane, &layout, &mut end))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            // Mostly enough of it.
            memory: if u.ratio(3, 4)? { end.min(1 << 16) } else { u.arbitrary::<u16>()?.into() },
            area: if u.ratio(1, 4)? {
                layout.area()
            } else {
                let mut at = || Ok(usize::from(u.arbitrary::<u8>()?));
                Area { left: at()?, top: at()?, width: at()?, height: at()? }
            },
            fields: u.arbitrary()?,
            bands: u.int_in_range(1..=9)?,
            color_space: *u.choose(&[ColorSpace::Rgb, ColorSpace::YCbCr, ColorSpace::Luma])?,
            seed: u.arbitrary()?,
            layout,
            is_format,
            spans,
        })
    }
}

/// A place for a plane: mostly behind the one before it, and sometimes anywhere.
fn span(
    u: &mut Unstructured,
    plane: usize,
    layout: &FrameLayout,
    end: &mut usize,
) -> Result<PlaneSpan> {
    let of_plane = layout.planes.iter().find(|layout| layout.plane == plane);
    let (row_bytes, rows) =
        of_plane.map_or((0, 0), |of| (of.row_bytes, layout.height.div_ceil(of.vertical)));
    if u.ratio(1, 8)? {
        let offset = if u.arbitrary()? { u.arbitrary()? } else { u.arbitrary::<u16>()?.into() };
        let stride = if u.arbitrary()? { u.arbitrary()? } else { u.arbitrary::<i16>()?.into() };
        return Ok(PlaneSpan { offset, stride });
    }
    let padding = |u: &mut Unstructured| {
        Ok(if u.arbitrary()? { usize::from(u.arbitrary::<u8>()? % 16) } else { 0 })
    };
    let stride = row_bytes.saturating_add(padding(u)?).min(isize::MAX as usize);
    let offset = end.saturating_add(padding(u)?);
    let len = stride.saturating_mul(rows.saturating_sub(1)).saturating_add(row_bytes);
    *end = offset.saturating_add(len);
    Ok(PlaneSpan { offset, stride: stride as isize })
}

/// A layout without pixels, whose numbers are any.
fn any_layout(u: &mut Unstructured) -> Result<FrameLayout> {
    let planes = (0..u.int_in_range(0..=4)?)
        .map(|_| {
            let small = u.ratio(3, 4)?;
            Ok(PlaneLayout {
                plane: u.int_in_range(0..=5)?,
                row_bytes: if small {
                    u.int_in_range(1..=300)?
                } else {
                    u.int_in_range(1..=usize::MAX)?
                },
                vertical: *u.choose(&[1, 2, 4])?,
            })
        })
        .collect::<Result<_>>()?;
    Ok(FrameLayout {
        width: 0,
        height: if u.ratio(7, 8)? { u.int_in_range(0..=70)? } else { u.arbitrary()? },
        encoding: Encoding::Rgb(Levels::Full),
        colorimetry: Colorimetry::SRGB,
        components: Vec::new(),
        chroma: Subsampling::NONE,
        planes,
    })
}

/// The layout of frames in bytes as a format might have them: packed, in planes, or with chroma in
/// a plane of its own.
fn format(u: &mut Unstructured) -> Result<FrameLayout> {
    let (width, height) = (u.int_in_range(1..=70)?, u.int_in_range(1..=40)?);
    let range = *u.choose(&[Levels::Full, Levels::Limited])?;
    let kind = u.int_in_range(0..=3)?;
    // Pairs of pixels are never R'G'B'.
    let is_rgb = kind != 1 && u.arbitrary()?;
    let encoding = match is_rgb {
        true => Encoding::Rgb(range),
        false => Encoding::YCbCr(LumaWeights::BT709, range),
    };
    // Of each component: the plane, bytes from word to word, bytes in front of the first.
    let (places, horizontal, vertical) = match kind {
        0 => {
            let pixel_stride = u.int_in_range(3..=4)?;
            let first = u.int_in_range(0..=pixel_stride - 3)?;
            let order = *u.choose(&[[0, 1, 2], [2, 1, 0], [1, 0, 2]])?;
            (order.map(|i| (0, pixel_stride, first + i)), 1, 1)
        }
        1 => {
            let (luma, swap) = (u.int_in_range(0..=1)?, u.int_in_range(0..=1)?);
            let chroma = |i: usize| (0, 4, 1 - luma + 2 * (i ^ swap));
            ([(0, 2, luma), chroma(0), chroma(1)], 2, 1)
        }
        2 => {
            let swap = u.int_in_range(0..=1)?;
            let (horizontal, vertical) = (*u.choose(&[1, 2, 4])?, *u.choose(&[1, 2, 4])?);
            ([(0, 1, 0), (1, 2, swap), (1, 2, 1 - swap)], horizontal, vertical)
        }
        _ => {
            let order = *u.choose(&[[0, 1, 2], [0, 2, 1], [2, 0, 1]])?;
            let (horizontal, vertical) = (*u.choose(&[1, 2, 4])?, *u.choose(&[1, 2, 4])?);
            // Whose words may stand apart.
            let pixel_stride = u.int_in_range(1..=4)?;
            let offset = u.int_in_range(0..=pixel_stride - 1)?;
            (order.map(|plane| (plane, pixel_stride, offset)), horizontal, vertical)
        }
    };
    // R'G'B' is never subsampled.
    let chroma = match is_rgb {
        true => Subsampling::NONE,
        false => Subsampling { horizontal, vertical, cosited: horizontal > 1 && u.arbitrary()? },
    };
    let component = |(plane, pixel_stride, offset)| Component {
        depth: 8,
        place: Some(SampleLayout {
            plane,
            offset,
            pixel_stride,
            bytes: 1,
            big_endian: false,
            shift: 0,
        }),
    };
    let mut layout = FrameLayout {
        width,
        height,
        encoding,
        colorimetry: Colorimetry::SRGB,
        components: places.map(component).into(),
        chroma,
        planes: Vec::new(),
    };
    // Where planes lie is told in any order.
    let turned = u.int_in_range(0..=2)?;
    let n_planes = places.iter().map(|place| place.0 + 1).max().unwrap_or_default();
    for plane in 0..n_planes {
        let of_plane = || (0..3).filter(|&c| places[c].0 == plane);
        layout.planes.push(PlaneLayout {
            plane: (plane + turned) % n_planes,
            row_bytes: of_plane().map(|c| layout.samples(c) * places[c].1).max().unwrap_or(1),
            vertical: of_plane().map(|c| layout.subsampling(c).vertical).min().unwrap_or(1),
        });
    }
    Ok(layout)
}
