//! One frame from beginning to end: count, decide, apply.

use std::fmt;
use std::sync::Arc;

use crate::color::{Channels, ColorSpace, Encoding, LumaWeights, Range};
use crate::histogram::Histogram;
use crate::kernels::convert::{Conversion, Lines, Steps};
use crate::kernels::{self, ByteTable, Counter, InstructionSet, Kernel, RowKernels};
use crate::lut::Lut;
use crate::pixels::{Area, Layout, PixelLayout, PixelsMut, PlaneSpan, Scan, SpanError};
use crate::rows::{Access, Group, Purpose};
use crate::unpack::{self, Unpack};
use crate::workers::Workers;

/// The least bytes of a frame that are worth waking a thread for.
const MIN_BAND_BYTES: usize = 512 * 1024;

/// Counts frames of one layout and replaces their levels.
#[derive(Debug)]
pub struct Matcher {
    layout: Layout,
    /// What is matched of a frame, and its layout by itself.
    area: Area,
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
    /// Bytes of a row from the first pixel to the last.
    row_bytes: usize,
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
    fn count(&mut self, pixels: &mut PixelsMut) -> Vec<Histogram>;

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

impl Matcher {
    /// Chooses how to match frames of `layout`: with the fastest kernels of this CPU, but none
    /// beyond `at_most`, and through `unpack` if the layout's samples can't be reached otherwise.
    pub fn new(
        layout: Layout,
        color_space: ColorSpace,
        at_most: InstructionSet,
        unpack: Option<Arc<dyn Unpack>>,
    ) -> Result<Self, UnsupportedLayout> {
        let encoding = channels_of(layout.encoding, color_space);
        // Luma is the first component of Y'CbCr.
        let is_conversion =
            matches!(layout.encoding, Encoding::Rgb(_)) != matches!(encoding, Encoding::Rgb(_));
        let depths: Vec<u32> = layout.components.iter().map(|component| component.depth).collect();
        let (channels, conversion) = if is_conversion {
            let depth = depths.iter().copied().fold(8, u32::max);
            let conversion = Conversion::between(layout.encoding, encoding, layout.chroma, depth);
            (Channels { encoding, depths: vec![depth; encoding.n_channels()] }, Some(conversion))
        } else {
            let depths = depths[..encoding.n_channels()].to_vec();
            (Channels { encoding, depths }, None)
        };
        let in_place = match &conversion {
            None => in_place_sets(&layout, encoding.n_channels(), at_most),
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
        let mut matcher = Self {
            area: layout.area(),
            cropped: layout.clone(),
            layout,
            channels,
            way,
            hands: Vec::new(),
        };
        matcher.hands.push(matcher.hand().ok_or(UnsupportedLayout)?);
        Ok(matcher)
    }

    fn hand(&self) -> Option<Box<dyn Hand>> {
        match &self.way {
            Way::InPlace(sets) => {
                Some(Box::new(InPlace::new(sets.clone(), self.channels.depths.len())))
            }
            Way::Rows(way) => way.hand(),
        }
    }

    /// From now on, only an area of the frames is counted and changed; the rest of them stays as
    /// it is. The area grows to the layout's [grid](Layout::grid). At first it is the whole frame.
    pub fn set_area(&mut self, area: Area) {
        let area = self.layout.on_grid(area);
        if area == self.area {
            return;
        }
        self.area = area;
        self.cropped = self.layout.crop(area);
        self.way.set_layout(&self.cropped);
        self.hands.clear();
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

    /// Counts the frame whose planes lie in `memory` at `spans` (indexed by
    /// [`PlaneLayout::plane`](crate::pixels::PlaneLayout::plane)), and replaces its levels by the
    /// tables that `decide` gives for the histograms, one of each for each channel. Histograms and
    /// tables are given away then, as nobody else needs them.
    ///
    /// The `workers` take a band of rows each, as far as the bands are worth the while. Their number
    /// does not change the outcome.
    ///
    /// # Errors
    ///
    /// The frame does not lie inside `memory`, which is then unchanged.
    pub fn process(
        &mut self,
        memory: &mut [u8],
        scan: Scan,
        spans: &[PlaneSpan],
        workers: &Workers,
        decide: impl FnOnce(&[Histogram]) -> Vec<Lut>,
    ) -> Result<(Vec<Histogram>, Vec<Lut>), SpanError> {
        let mut pixels = PixelsMut::new(memory, &self.layout, spans)?;
        if self.area.is_empty() {
            let empty: Vec<_> =
                self.channels.depths.iter().map(|&depth| Histogram::empty(depth)).collect();
            let luts = decide(&empty);
            return Ok((empty, luts));
        }
        if self.area != self.layout.area() {
            pixels = pixels.crop(&self.layout, self.area);
        }
        let n_bands = (self.cropped.bytes() / MIN_BAND_BYTES).clamp(1, workers.count());
        // Fields matter where rows share chroma, and can only be told apart where each has whole
        // groups of rows.
        let rows_of_group = self.layout.rows_of_group();
        let has_fields = rows_of_group > 1 && self.layout.height.is_multiple_of(2 * rows_of_group);
        let pictures = match scan {
            Scan::Interleaved if has_fields => pixels.fields().into(),
            _ => vec![pixels],
        };
        let bands: Vec<PixelsMut> =
            pictures.into_iter().flat_map(|picture| picture.bands(&self.layout, n_bands)).collect();
        while self.hands.len() < bands.len() {
            let hand = self.hand().expect("one could be made for whole frames");
            self.hands.push(hand);
        }

        let mut tasks: Vec<_> = bands
            .into_iter()
            .zip(&mut self.hands)
            .map(|(pixels, hand)| (pixels, hand, Vec::new()))
            .collect();
        workers.for_each(&mut tasks, |(pixels, hand, histograms)| {
            *histograms = hand.count(pixels);
        });

        let merged = |(channel, &depth): (usize, &u32)| {
            let mut histogram = Histogram::empty(depth);
            tasks.iter().for_each(|(_, _, histograms)| histogram.merge(&histograms[channel]));
            histogram
        };
        let histograms: Vec<Histogram> =
            self.channels.depths.iter().enumerate().map(merged).collect();
        let luts = decide(&histograms);

        workers.for_each(&mut tasks, |(pixels, hand, _)| hand.apply(pixels, &luts));
        Ok((histograms, luts))
    }
}

impl Way {
    /// For frames of another size.
    fn set_layout(&mut self, layout: &Layout) {
        match self {
            Self::InPlace(sets) => {
                for set in sets {
                    set.row_bytes = layout.samples(set.channels[0]) * set.pixel.pixel_stride;
                }
            }
            Self::Rows(way) => way.layout = layout.clone(),
        }
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
    /// Plane, pixel stride, samples in a row, byte of a pixel, channel.
    type Sample = (usize, usize, usize, usize, usize);

    let mut places: Vec<Sample> = Vec::new();
    for (channel, component) in layout.components[..n_channels].iter().enumerate() {
        let place = component.place.filter(|place| place.bytes == 1 && component.depth == 8)?;
        let samples = layout.samples(channel);
        places.push((place.plane, place.pixel_stride, samples, place.offset, channel));
    }
    places.sort_unstable();
    let side_by_side = |a: &Sample, b: &Sample| (a.0, a.1, a.2, a.3 + 1) == (b.0, b.1, b.2, b.3);
    places
        .chunk_by(side_by_side)
        .map(|places| {
            let (plane, pixel_stride, samples, first, _) = places[0];
            let pixel = PixelLayout { pixel_stride, first, n_samples: places.len() };
            Some(InPlaceSet {
                plane,
                row_bytes: samples * pixel_stride,
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

impl Hand for InPlace {
    fn count(&mut self, pixels: &mut PixelsMut) -> Vec<Histogram> {
        let mut histograms = vec![Histogram { bins: Vec::new() }; self.n_channels];
        for (set, counter) in &mut self.sets {
            pixels.planes()[set.plane].iter().for_each(|row| counter.add(&row[..set.row_bytes]));
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
            for row in &mut pixels.planes_mut()[set.plane] {
                (set.kernel.apply)(&mut row[..set.row_bytes], &tables);
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

    fn hand(&self) -> Option<Box<dyn Hand>> {
        let words = self.layout.components.iter().any(|component| component.depth > 8);
        Some(if words {
            Box::new(Rows::<u16>::new(self, self.access()?))
        } else {
            Box::new(Rows::<u8>::new(self, self.access()?))
        })
    }

    fn access<S: RowKernels>(&self) -> Option<Box<dyn Access<S>>> {
        let purpose = match self.conversion {
            Some(_) => Purpose::Conversion,
            None => Purpose::Matching,
        };
        let (n_components, unpack) = (self.n_components(), self.unpack.clone());
        unpack::access(&self.layout, n_components, purpose, self.at_most, unpack)
    }
}

/// Works on rows that are taken out of the frame.
#[derive(Debug)]
struct Rows<S: RowKernels> {
    access: Box<dyn Access<S>>,
    group: Group<S>,
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
    fn new(way: &RowsWay, access: Box<dyn Access<S>>) -> Self {
        let depths = way.channels.depths.clone();
        Self {
            access,
            group: Group::new(&way.layout, way.n_components()),
            counters: depths.iter().map(|&depth| S::counter(depth, way.at_most)).collect(),
            depths,
            at_most: way.at_most,
            apply: S::apply(way.at_most),
            converter: way.conversion.clone().map(|conversion| Converter {
                steps: S::steps(way.at_most),
                apply_to: S::apply_to(way.at_most),
                lines: Lines::new(way.layout.width, &conversion),
                conversion,
            }),
        }
    }
}

impl<S: RowKernels> Hand for Rows<S> {
    fn count(&mut self, pixels: &mut PixelsMut) -> Vec<Histogram> {
        let Self { access, group, counters, depths, converter, .. } = self;
        for index in 0..access.n_groups(pixels) {
            access.load(pixels, index, group);
            match converter {
                None => {
                    let view = access.view(pixels, index, group, counters.len());
                    for (rows, counter) in view.full.iter().zip(&mut *counters) {
                        rows.iter().take(view.n_rows).for_each(|row| counter.add(row));
                    }
                }
                Some(Converter { conversion, steps, lines, .. }) => {
                    group.pad_chroma(conversion.n_full());
                    let view = access.view(pixels, index, group, conversion.n_full());
                    (steps.to_channels)(conversion, &view, lines);
                    for row in 0..view.n_rows {
                        for (line, counter) in lines.channels(row).zip(&mut *counters) {
                            counter.add(line);
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
        let Self { access, group, at_most, apply, converter, .. } = self;
        let tables: Vec<S::Table> = luts.iter().map(|lut| S::table(lut, *at_most)).collect();
        for index in 0..access.n_groups(pixels) {
            access.load(pixels, index, group);
            match converter {
                None => {
                    let mut view = access.view(pixels, index, group, tables.len());
                    for (rows, table) in view.full.iter_mut().zip(&tables) {
                        let table = std::slice::from_ref(table);
                        rows.iter_mut().take(view.n_rows).for_each(|row| apply(row, table));
                    }
                }
                Some(Converter { conversion, steps, apply_to, lines }) => {
                    group.pad_chroma(conversion.n_full());
                    let mut view = access.view(pixels, index, group, conversion.n_full());
                    (steps.to_channels)(conversion, &view, lines);
                    for row in 0..view.n_rows {
                        for ((line, matched), table) in lines.to_match(row).zip(&tables) {
                            apply_to(line, matched, table);
                        }
                    }
                    (steps.add_changes)(conversion, &mut view, lines);
                }
            }
            access.store(pixels, index, group);
        }
    }
}
