//! One frame from beginning to end: count, decide, apply.

use std::collections::TryReserveError;
use std::fmt;
use std::ops;
use std::sync::Arc;

use crate::color::{Channels, ColorSpace, Encoding, LumaWeights, Range};
use crate::histogram::Histogram;
use crate::kernels::convert::{Conversion, Lines, Steps};
use crate::kernels::{self, ByteTable, Counter, InstructionSet, Kernel, RowKernels};
use crate::lut::Lut;
use crate::pixels::{
    Area, Layout, Memory, PixelLayout, Pixels, PixelsMut, PixelsRef, PlaneSpan, Scan, SpanError,
    Subsampling,
};
use crate::rows::{Access, Group, Purpose, ViewMut};
use crate::unpack::{self, AccessError, Unpack};
use crate::workers::Workers;

/// The least bytes of a frame that are worth waking a thread for.
const MIN_BAND_BYTES: usize = 512 * 1024;

/// Counts frames of one layout and replaces their levels.
#[derive(Debug)]
pub struct Matcher {
    layout: Layout,
    /// What is matched of a frame.
    area: Area,
    /// The layout of the cells of the grid that the area covers, by themselves.
    cropped: Layout,
    channels: Channels,
    way: Way,
    /// What works on one band of a frame each.
    hands: Vec<Box<dyn Hand>>,
}

/// There is no way to the samples of a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the places of the samples are not known")]
pub struct UnsupportedLayout;

/// Why a frame can't be matched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It does not lie in the memory that was given.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// There is no memory for rows of its width.
    #[error(transparent)]
    Memory(#[from] TryReserveError),
}

/// How frames are read and written.
#[derive(Clone, Debug)]
enum Way {
    /// Every channel is a component in bytes, and there are kernels for the pixels of its plane.
    InPlace(Vec<InPlaceSet>),
    /// By rows that are taken out of the frame.
    Rows(Box<RowsWay>),
}

/// Samples in one plane that one kernel handles.
#[derive(Clone, Debug)]
struct InPlaceSet {
    /// As an index of the layout's planes.
    plane: usize,
    /// How its samples are subsampled.
    shared: Subsampling,
    pixel: PixelLayout,
    kernel: Kernel,
    /// The channel of each sample of a pixel, in memory order.
    channels: Vec<usize>,
}

#[derive(Clone, Debug)]
struct RowsWay {
    layout: Layout,
    channels: Channels,
    conversion: Option<Conversion>,
    unpack: Option<Arc<dyn Unpack>>,
    at_most: InstructionSet,
}

/// Works on bands of frames.
trait Hand: fmt::Debug + Send {
    /// The histogram of each channel.
    fn count(&mut self, pixels: &[PixelsRef]) -> Vec<Histogram>;

    /// Replaces the levels of each channel.
    fn apply(&mut self, pixels: &mut PixelsMut, luts: &[Lut]);
}

/// The channels of frames with components of `encoding`.
fn channels_of(encoding: Encoding, color_space: ColorSpace) -> Encoding {
    match (color_space, encoding) {
        (_, Encoding::Luma(..))
        | (ColorSpace::Rgb, Encoding::Rgb(_))
        | (ColorSpace::YCbCr, Encoding::YCbCr(..)) => encoding,
        (ColorSpace::Rgb, Encoding::YCbCr(..)) => Encoding::Rgb(Range::Full),
        (ColorSpace::YCbCr, Encoding::Rgb(_)) => Encoding::YCbCr(LumaWeights::BT709, Range::Full),
        (ColorSpace::Luma, Encoding::YCbCr(weights, range)) => Encoding::Luma(weights, range),
        (ColorSpace::Luma, Encoding::Rgb(_)) => Encoding::Luma(LumaWeights::BT709, Range::Full),
    }
}

/// What is needed to get from the components of frames of a layout to the channels of a colour
/// space.
fn channels_and_conversion(
    layout: &Layout,
    color_space: ColorSpace,
) -> (Channels, Option<Conversion>) {
    let encoding = channels_of(layout.encoding, color_space);
    // Luma is the first component of Y'CbCr.
    let is_conversion =
        matches!(layout.encoding, Encoding::Rgb(_)) != matches!(encoding, Encoding::Rgb(_));
    let depths: Vec<u32> = layout.components.iter().map(|component| component.depth).collect();
    if is_conversion {
        let depth = depths.iter().copied().fold(8, u32::max);
        let conversion = Conversion::between(layout.encoding, encoding, layout.chroma, depth);
        (Channels { encoding, depths: vec![depth; encoding.n_channels()] }, Some(conversion))
    } else {
        (Channels { encoding, depths: depths[..encoding.n_channels()].to_vec() }, None)
    }
}

/// The channels that frames of a layout are matched in.
pub fn channels(layout: &Layout, color_space: ColorSpace) -> Channels {
    channels_and_conversion(layout, color_space).0
}

impl Matcher {
    /// Chooses how to match frames of `layout`: with the fastest kernels of this CPU, but none
    /// beyond `at_most`, and through `unpack` if the layout's samples can't be reached otherwise.
    pub fn new(
        layout: Layout,
        color_space: ColorSpace,
        at_most: InstructionSet,
        unpack: Option<Arc<dyn Unpack>>,
    ) -> Result<Self, UnsupportedLayout> {
        let (channels, conversion) = channels_and_conversion(&layout, color_space);
        let n_channels = channels.depths.len();
        let in_place = match &conversion {
            None => in_place_sets(&layout, n_channels, at_most),
            Some(_) => None,
        };
        let way = match in_place {
            Some(sets) => Way::InPlace(sets),
            None => Way::Rows(Box::new(RowsWay {
                layout: layout.clone(),
                channels: channels.clone(),
                conversion,
                unpack,
                at_most,
            })),
        };
        if let Way::Rows(way) = &way
            && way.is_unpacked()
            && way.unpack.is_none()
        {
            return Err(UnsupportedLayout);
        }
        let (area, cropped) = (layout.area(), layout.clone());
        Ok(Self { area, cropped, layout, channels, way, hands: Vec::new() })
    }

    /// Makes what works on some bands. Not before there is a frame: it takes memory for its width.
    fn make_hands(&mut self, n: usize) -> Result<(), TryReserveError> {
        while self.hands.len() < n {
            let hand: Box<dyn Hand> = match &self.way {
                Way::InPlace(sets) => {
                    Box::new(InPlace::new(sets.clone(), self.channels.depths.len()))
                }
                Way::Rows(way) => way.hand()?,
            };
            self.hands.push(hand);
        }
        Ok(())
    }

    /// From now on, only an area of the frames is counted and changed; the rest of them stays as
    /// it is. At first it is the whole frame.
    ///
    /// Between lines of the layout's [grid](Layout::grid), the area is matched as if it were a
    /// picture by itself. Where it ends inside a cell of the grid, samples that belong to pixels
    /// outside alone stay as they are. Those of chroma that pixels inside and outside share are
    /// changed as if all of their pixels were inside, and counted where chroma is a channel.
    pub fn set_area(&mut self, area: Area) {
        let area = area.intersection(self.layout.area());
        if area == self.area {
            return;
        }
        self.area = area;
        let cropped = self.layout.crop(area);
        if cropped != self.cropped {
            if let Way::Rows(way) = &mut self.way {
                way.layout = cropped.clone();
            }
            self.cropped = cropped;
            self.hands.clear();
        }
    }

    /// What is matched of a frame.
    pub fn area(&self) -> Area {
        self.area
    }

    /// The layout of the frames.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The channels that are matched.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// The histogram of each channel of a frame of the layout.
    ///
    /// The `workers` take a band of rows each, as far as the bands are worth the while. Their number
    /// does not change the outcome.
    ///
    /// # Errors
    ///
    /// There is no memory for rows of its width.
    pub fn count(
        &mut self,
        frame: PixelsRef,
        scan: Scan,
        workers: &Workers,
    ) -> Result<Vec<Histogram>, TryReserveError> {
        let has_fields = self.has_fields(scan);
        let mut tasks = self.tasks(frame, has_fields, workers)?;
        workers.for_each(&mut tasks, |(band, hand, histograms)| {
            *histograms = if has_fields {
                hand.count(&[band.clone().field(0), band.clone().field(1)])
            } else {
                hand.count(std::slice::from_ref(band))
            };
        });
        let counted: Vec<Vec<Histogram>> =
            tasks.into_iter().map(|(_, _, histograms)| histograms).collect();
        let merged = |(channel, &depth): (usize, &u32)| {
            let mut histogram = Histogram::empty(depth);
            counted.iter().for_each(|histograms| histogram.merge(&histograms[channel]));
            histogram
        };
        Ok(self.channels.depths.iter().enumerate().map(merged).collect())
    }

    /// Replaces the levels of each channel of a frame of the layout by a table.
    ///
    /// # Errors
    ///
    /// There is no memory for rows of its width.
    pub fn apply(
        &mut self,
        frame: PixelsMut,
        scan: Scan,
        workers: &Workers,
        luts: &[Lut],
    ) -> Result<(), TryReserveError> {
        let has_fields = self.has_fields(scan);
        let mut tasks = self.tasks(frame, has_fields, workers)?;
        workers.for_each(&mut tasks, |(band, hand, _)| {
            if has_fields {
                hand.apply(&mut band.reborrow().field(0), luts);
                hand.apply(&mut band.reborrow().field(1), luts);
            } else {
                hand.apply(band, luts);
            }
        });
        Ok(())
    }

    /// Counts the frame whose planes lie in `memory` at `spans` (indexed by
    /// [`PlaneLayout::plane`](crate::pixels::PlaneLayout::plane)), and replaces its levels by the
    /// tables that `decide` gives for the histograms, one of each for each channel.
    ///
    /// # Errors
    ///
    /// The frame does not lie inside `memory`, or there is no memory for rows of its width. It is
    /// then unchanged.
    pub fn process(
        &mut self,
        memory: &mut [u8],
        scan: Scan,
        spans: &[PlaneSpan],
        workers: &Workers,
        decide: impl FnOnce(&[Histogram]) -> Vec<Lut>,
    ) -> Result<(), FrameError> {
        let frame = PixelsMut::new(memory, &self.layout, spans)?;
        let histograms = self.count(frame.shared(), scan, workers)?;
        let luts = decide(&histograms);
        Ok(self.apply(frame, scan, workers, &luts)?)
    }

    /// Whether the rows of fields must be told apart: where rows share chroma. They can only be
    /// where each field has whole groups of rows.
    fn has_fields(&self, scan: Scan) -> bool {
        let rows_of_group = self.layout.rows_of_group();
        scan == Scan::Interleaved
            && rows_of_group > 1
            && self.layout.height.is_multiple_of(2 * rows_of_group)
    }

    /// The bands of a frame's area, each with what works on it, and room for what it counts.
    #[allow(clippy::type_complexity)]
    fn tasks<M: Memory>(
        &mut self,
        frame: Pixels<M>,
        has_fields: bool,
        workers: &Workers,
    ) -> Result<Vec<(Pixels<M>, &mut Box<dyn Hand>, Vec<Histogram>)>, TryReserveError> {
        if self.area.is_empty() {
            return Ok(Vec::new());
        }
        let is_whole = self.area == self.layout.area();
        let frame = if is_whole { frame } else { frame.crop(&self.layout, self.area) };
        let n_bands = (self.cropped.bytes() / MIN_BAND_BYTES).clamp(1, workers.count());
        self.make_hands(n_bands)?;
        let bands = frame.bands(&self.layout, n_bands, has_fields);
        let task = |(band, hand)| (band, hand, Vec::new());
        Ok(bands.into_iter().zip(&mut self.hands).map(task).collect())
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::InPlace(sets) => {
                for (i, set) in sets.iter().enumerate() {
                    let separator = if i == 0 { "" } else { "; " };
                    let InPlaceSet { plane, pixel, kernel, channels, .. } = set;
                    let set = kernel.instruction_set;
                    write!(
                        f,
                        "{separator}plane {plane}, {pixel:?}, channels {channels:?}: {set} kernels"
                    )?;
                }
                Ok(())
            }
            Way::Rows(way) => {
                let converted = if way.conversion.is_some() { ", converted" } else { "" };
                let unpacked = if way.is_unpacked() { ", unpacked by GStreamer" } else { "" };
                write!(f, "by rows{converted}{unpacked}: {} kernels", way.at_most.or_less())
            }
        }
    }
}

/// The kernels for channels that are components in bytes; `None` if there is none for some.
fn in_place_sets(
    layout: &Layout,
    n_channels: usize,
    at_most: InstructionSet,
) -> Option<Vec<InPlaceSet>> {
    /// Plane, pixel stride, pixels that share a sample, byte of a pixel, channel.
    type Sample = (usize, usize, usize, usize, usize);

    let mut places: Vec<Sample> = Vec::new();
    for (channel, component) in layout.components[..n_channels].iter().enumerate() {
        let place = component.place.filter(|place| place.bytes == 1 && component.depth == 8)?;
        let Subsampling { horizontal, .. } = layout.subsampling(channel);
        places.push((place.plane, place.pixel_stride, horizontal, place.offset, channel));
    }
    places.sort_unstable();
    let side_by_side = |a: &Sample, b: &Sample| (a.0, a.1, a.2, a.3 + 1) == (b.0, b.1, b.2, b.3);
    places
        .chunk_by(side_by_side)
        .map(|places| {
            let (plane, pixel_stride, _, first, channel) = places[0];
            let pixel = PixelLayout { pixel_stride, first, n_samples: places.len() };
            Some(InPlaceSet {
                plane,
                shared: layout.subsampling(channel),
                pixel,
                kernel: kernels::select(pixel, at_most)?,
                channels: places.iter().map(|place| place.4).collect(),
            })
        })
        .collect()
}

/// Works in the frame's memory.
#[derive(Debug)]
struct InPlace {
    sets: Vec<(InPlaceSet, Box<dyn Counter>)>,
    n_channels: usize,
}

impl InPlace {
    fn new(sets: Vec<InPlaceSet>, n_channels: usize) -> Self {
        let with_counter = |set: InPlaceSet| {
            let counter = (set.kernel.counter)();
            (set, counter)
        };
        Self { sets: sets.into_iter().map(with_counter).collect(), n_channels }
    }
}

impl InPlaceSet {
    /// The bytes of a row that are matched.
    fn bytes<M: Memory>(&self, pixels: &Pixels<M>) -> ops::Range<usize> {
        let columns = pixels.visible_columns(self.shared);
        columns.start * self.pixel.pixel_stride..columns.end * self.pixel.pixel_stride
    }
}

impl Hand for InPlace {
    fn count(&mut self, pixels: &[PixelsRef]) -> Vec<Histogram> {
        let mut histograms = vec![Histogram { bins: Vec::new() }; self.n_channels];
        for (set, counter) in &mut self.sets {
            for pixels in pixels {
                let (rows, bytes) = (pixels.visible_rows(set.shared), set.bytes(pixels));
                let plane = &pixels.planes()[set.plane];
                for row in plane.rows(rows.start).take(rows.len()) {
                    counter.add(&row[bytes.clone()]);
                }
            }
            for (&channel, histogram) in set.channels.iter().zip(counter.finish()) {
                histograms[channel] = histogram;
            }
        }
        histograms
    }

    fn apply(&mut self, pixels: &mut PixelsMut, luts: &[Lut]) {
        for (set, _) in &self.sets {
            let tables: Vec<ByteTable> =
                set.channels.iter().map(|&channel| luts[channel].to_bytes()).collect();
            let (rows, bytes) = (pixels.visible_rows(set.shared), set.bytes(pixels));
            let plane = &mut pixels.planes_mut()[set.plane];
            for row in plane.rows_mut(rows.start).take(rows.len()) {
                (set.kernel.apply)(&mut row[bytes.clone()], &tables);
            }
        }
    }
}

impl RowsWay {
    fn n_components(&self) -> usize {
        if self.conversion.is_some() {
            self.layout.components.len()
        } else {
            self.channels.depths.len()
        }
    }

    /// Whether the samples can't be reached but by GStreamer's functions.
    fn is_unpacked(&self) -> bool {
        unpack::is_unpacked(&self.layout, self.n_components())
    }

    fn hand(&self) -> Result<Box<dyn Hand>, TryReserveError> {
        let words = self.layout.components.iter().any(|component| component.depth > 8);
        Ok(if words { Box::new(Rows::<u16>::new(self)?) } else { Box::new(Rows::<u8>::new(self)?) })
    }

    fn access<S: RowKernels>(&self) -> Result<Box<dyn Access<S>>, TryReserveError> {
        let purpose = match self.conversion {
            Some(_) => Purpose::Conversion,
            None => Purpose::Matching,
        };
        let (n_components, unpack) = (self.n_components(), self.unpack.clone());
        unpack::access(&self.layout, n_components, purpose, self.at_most, unpack).map_err(|error| {
            match error {
                AccessError::Memory(error) => error,
                AccessError::Unknown => unreachable!("there is no matcher for such layouts"),
            }
        })
    }
}

/// Works on rows that are taken out of the frame.
#[derive(Debug)]
struct Rows<S: RowKernels> {
    access: Box<dyn Access<S>>,
    group: Group<S>,
    /// How each component is subsampled.
    shared: Vec<Subsampling>,
    rows_of_group: usize,
    counters: Vec<Box<dyn Counter<S>>>,
    depths: Vec<u32>,
    at_most: InstructionSet,
    apply: fn(&mut [S], &[S::Table]),
    converter: Option<Converter<S>>,
}

#[derive(Debug)]
struct Converter<S: RowKernels> {
    conversion: Conversion,
    steps: Steps<S>,
    apply_to: fn(&[S], &mut [S], &S::Table),
    lines: Lines<S>,
}

impl<S: RowKernels> Rows<S> {
    fn new(way: &RowsWay) -> Result<Self, TryReserveError> {
        let depths = way.channels.depths.clone();
        let converter = |conversion: Conversion| -> Result<_, TryReserveError> {
            Ok(Converter {
                steps: S::steps(way.at_most),
                apply_to: S::apply_to(way.at_most),
                lines: Lines::new(way.layout.width, &conversion)?,
                conversion,
            })
        };
        let shared = |component| way.layout.subsampling(component);
        Ok(Self {
            access: way.access()?,
            group: Group::new(&way.layout, way.n_components())?,
            shared: (0..way.n_components()).map(shared).collect(),
            rows_of_group: way.layout.rows_of_group(),
            counters: depths.iter().map(|&depth| S::counter(depth, way.at_most)).collect(),
            depths,
            at_most: way.at_most,
            apply: S::apply(way.at_most),
            converter: way.conversion.clone().map(converter).transpose()?,
        })
    }
}

/// The rows of a component in a group that are visible, by how many groups are before it.
fn visible_rows<M: Memory>(
    pixels: &Pixels<M>,
    shared: Subsampling,
    first_row: usize,
) -> ops::Range<usize> {
    let first = first_row / shared.vertical;
    let ops::Range { start, end } = pixels.visible_rows(shared);
    start.saturating_sub(first)..end.saturating_sub(first)
}

/// The samples of a group that are hidden, to be put back.
struct Hidden<S>(Vec<Vec<Vec<S>>>);

impl<S: RowKernels> Hidden<S> {
    fn of(view: &ViewMut<S>, n_full: usize) -> Self {
        let full =
            view.full[..n_full].iter().map(|rows| rows.iter().map(|row| row.to_vec()).collect());
        let chroma = view.chroma.iter().map(|rows| rows.iter().map(|row| row.to_vec()).collect());
        Self(full.chain(chroma).collect())
    }

    /// Puts back all samples of a group but those in the visible rows and columns of each component.
    fn put_back(
        &self,
        view: &mut ViewMut<S>,
        n_full: usize,
        visible: impl Fn(usize) -> (ops::Range<usize>, ops::Range<usize>),
    ) {
        for (c, saved) in self.0.iter().enumerate() {
            let (rows, columns) = visible(c);
            for (y, saved) in saved.iter().enumerate() {
                let row: &mut [S] = match c.checked_sub(n_full) {
                    None => view.full[c][y],
                    Some(c) => &mut view.chroma[c][y],
                };
                let columns = if rows.contains(&y) { columns.clone() } else { 0..0 };
                let (start, end) = (columns.start.min(row.len()), columns.end.min(row.len()));
                row[..start].copy_from_slice(&saved[..start]);
                row[end..].copy_from_slice(&saved[end..]);
            }
        }
    }
}

impl<S: RowKernels> Hand for Rows<S> {
    fn count(&mut self, pixels: &[PixelsRef]) -> Vec<Histogram> {
        let Self { access, group, counters, depths, converter, shared, rows_of_group, .. } = self;
        for pixels in pixels {
            let pixel_columns = pixels.visible_columns(Subsampling::NONE);
            for index in 0..access.n_groups(pixels) {
                access.load(pixels, index, group);
                let first_row = index * *rows_of_group;
                let pixel_rows = visible_rows(pixels, Subsampling::NONE, first_row);
                match converter {
                    None => {
                        let view = access.view(pixels, index, group, counters.len());
                        let channels = view.full.iter().zip(&mut *counters).zip(&*shared);
                        for ((rows, counter), &shared) in channels {
                            let columns = pixels.visible_columns(shared);
                            let visible = visible_rows(pixels, shared, first_row);
                            let rows = rows.iter().take(view.n_rows).take(visible.end);
                            for row in rows.skip(visible.start).filter(|row| !row.is_empty()) {
                                counter.add(&row[columns.clone()]);
                            }
                        }
                    }
                    Some(Converter { conversion, steps, lines, .. }) => {
                        group.pad_chroma(conversion.n_full());
                        let view = access.view(pixels, index, group, conversion.n_full());
                        (steps.to_channels)(conversion, &view, lines);
                        for row in pixel_rows.start..pixel_rows.end.min(view.n_rows) {
                            for (line, counter) in lines.channels(row).zip(&mut *counters) {
                                counter.add(&line[pixel_columns.clone()]);
                            }
                        }
                    }
                }
            }
        }
        let histogram = |(counter, &depth): (&mut Box<dyn Counter<S>>, &u32)| {
            let mut histogram = counter.finish().pop().expect("one channel");
            histogram.bins.truncate(1 << depth);
            histogram
        };
        counters.iter_mut().zip(&*depths).map(histogram).collect()
    }

    fn apply(&mut self, pixels: &mut PixelsMut, luts: &[Lut]) {
        let Self { access, group, at_most, apply, converter, shared, rows_of_group, .. } = self;
        let tables: Vec<S::Table> = luts.iter().map(|lut| S::table(lut, *at_most)).collect();
        let columns_of: Vec<ops::Range<usize>> =
            shared.iter().map(|&shared| pixels.visible_columns(shared)).collect();
        let is_partly_hidden = pixels.is_partly_hidden();
        for index in 0..access.n_groups(&pixels.shared()) {
            access.load(&pixels.shared(), index, group);
            let rows_of: [ops::Range<usize>; 3] = std::array::from_fn(|c| {
                let shared = shared.get(c).copied().unwrap_or(Subsampling::NONE);
                visible_rows(pixels, shared, index * *rows_of_group)
            });
            match converter {
                None => {
                    let mut view = access.view_mut(pixels, index, group, tables.len());
                    for (c, (rows, table)) in view.full.iter_mut().zip(&tables).enumerate() {
                        let table = std::slice::from_ref(table);
                        let rows = rows.iter_mut().take(view.n_rows).take(rows_of[c].end);
                        for row in rows.skip(rows_of[c].start).filter(|row| !row.is_empty()) {
                            apply(&mut row[columns_of[c].clone()], table);
                        }
                    }
                }
                Some(Converter { conversion, steps, apply_to, lines }) => {
                    group.pad_chroma(conversion.n_full());
                    let n_full = conversion.n_full();
                    let mut view = access.view_mut(pixels, index, group, n_full);
                    (steps.to_channels)(conversion, &view.shared(), lines);
                    for row in 0..view.n_rows {
                        for ((line, matched), table) in lines.to_match(row).zip(&tables) {
                            apply_to(line, matched, table);
                        }
                    }
                    let hidden = is_partly_hidden.then(|| Hidden::of(&view, n_full));
                    (steps.add_changes)(conversion, &mut view, lines);
                    if let Some(hidden) = hidden {
                        hidden.put_back(&mut view, n_full, |c| {
                            (rows_of[c].clone(), columns_of[c].clone())
                        });
                    }
                }
            }
            access.store(pixels, index, group);
        }
    }
}
