//! One frame from beginning to end: count, decide, apply.

mod blend;
mod grade;
mod in_place;
mod rows;
pub mod survey;
mod tables;
pub mod weights;

use std::collections::TryReserveError;
use std::fmt;
use std::sync::Arc;

use crate::color::{Channels, ColorSpace, Encoding, LumaWeights, Range};
use crate::frame::unpack::{RowSource, Unpack};
use crate::frame::{
    Area, FrameLayout, FrameMut, FrameRef, FrameView, Memory, PlaneSpan, Scan, SpanError,
};
use crate::grading;
use crate::histogram::Histogram;
use crate::kernels::InstructionSet;
use crate::kernels::convert::Conversion;
use crate::mapping::Mapping;
use crate::statistics::Statistics;
use crate::workers::Workers;

use blend::{Blend, blender};
use grade::GradePlan;
use in_place::{InPlaceProcessor, PlaneKernels, plane_kernels};
use rows::RowPlan;
use weights::{Weighed, Weights};

/// The least bytes of a frame that are worth waking a thread for.
const MIN_BAND_BYTES: usize = 512 * 1024;

/// Counts frames of one layout and replaces their levels.
#[derive(Debug)]
pub struct Matcher {
    layout: FrameLayout,
    /// What is matched of a frame.
    area: Area,
    /// How much the pixels of the area count, if not all alike.
    weighed: Option<Arc<Weighed>>,
    /// The layout of the cells of the grid that the area covers, by themselves.
    cropped: FrameLayout,
    channels: Channels,
    plan: Plan,
    /// What works on one band of a frame each.
    workers: Vec<BandWorker>,
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
enum Plan {
    /// Every channel is a component in bytes, and there are kernels for the pixels of its plane.
    InPlace(Vec<PlaneKernels>),
    /// By rows that are taken out of the frame.
    Rows(Box<RowPlan>),
    /// All channels together.
    Grade(Box<GradePlan>),
}

impl Plan {
    /// What blends bands of a layout with what they were. `None` if there is no way to the samples.
    fn blender(
        &self,
        layout: &FrameLayout,
        n_channels: usize,
    ) -> Result<Option<Box<dyn Blend>>, TryReserveError> {
        let source = match self {
            Self::InPlace(_) => RowSource::new(layout, n_channels, None),
            Self::Rows(plan) => Some(plan.source.clone()),
            Self::Grade(plan) => Some(plan.source.clone()),
        };
        let (n_components, at_most) = match self {
            Self::InPlace(planes) => (n_channels, planes[0].instruction_set),
            Self::Rows(plan) => (plan.n_components, plan.at_most),
            Self::Grade(plan) => (layout.components.len(), plan.at_most),
        };
        source.map(|source| blender(layout, &source, n_components, at_most)).transpose()
    }
}

/// Works on bands of frames.
trait BandProcessor: fmt::Debug + Send + Sync {
    /// The histogram of each channel, of a band or of its two fields.
    fn count(&mut self, pixels: &[FrameRef], weighed: Option<&Weighed>) -> Vec<Histogram>;

    /// Replaces the colours.
    fn apply(&mut self, pixels: &mut FrameMut, mapping: &Mapping);
}

/// Works on one band of a frame after the other.
#[derive(Debug)]
struct BandWorker {
    processor: Box<dyn BandProcessor>,
    /// Since it was first needed.
    blender: Option<Box<dyn Blend>>,
}

impl BandWorker {
    fn apply(
        &mut self,
        band: &mut FrameMut,
        has_fields: bool,
        mapping: &Mapping,
        weighed: Option<&Weighed>,
    ) {
        let mut blender = weighed.zip(self.blender.as_mut());
        if let Some((_, blender)) = &mut blender {
            blender.save(band);
        }
        if has_fields {
            self.processor.apply(&mut band.reborrow().field(0), mapping);
            self.processor.apply(&mut band.reborrow().field(1), mapping);
        } else {
            self.processor.apply(band, mapping);
        }
        if let Some((weighed, blender)) = blender {
            blender.blend(band, weighed, has_fields);
        }
    }
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

/// The channels of a coding for frames of a layout, and the conversion that it takes to get there from
/// the components.
fn channels_and_conversion(
    layout: &FrameLayout,
    encoding: Encoding,
) -> (Channels, Option<Conversion>) {
    let is_conversion = match (layout.encoding, encoding) {
        (Encoding::Rgb(from), Encoding::Rgb(to)) => from != to,
        (Encoding::Rgb(_), _) | (_, Encoding::Rgb(_)) => true,
        // Luma is the first component of Y'CbCr.
        _ => false,
    };
    let colorimetry = layout.colorimetry;
    let depths: Vec<u32> = layout.components.iter().map(|component| component.depth).collect();
    if is_conversion {
        let depth = layout.depth().max(8);
        let conversion = Conversion::between(layout.encoding, encoding, layout.chroma, depth);
        (
            Channels { encoding, depths: vec![depth; encoding.n_channels()], colorimetry },
            Some(conversion),
        )
    } else {
        (Channels { encoding, depths: depths[..encoding.n_channels()].to_vec(), colorimetry }, None)
    }
}

/// The channels that frames of a layout are matched in.
pub fn channels(layout: &FrameLayout, color_space: ColorSpace) -> Channels {
    channels_and_conversion(layout, channels_of(layout.encoding, color_space)).0
}

/// The channels that the colours of frames of a layout are moved together in: Y'CbCr, or luma.
pub fn graded_channels(layout: &FrameLayout) -> Channels {
    let encoding = match layout.encoding {
        Encoding::Rgb(_) => Encoding::YCbCr(grading::luma_weights(layout.encoding), Range::Full),
        encoding => encoding,
    };
    let depths = vec![layout.depth().max(8); encoding.n_channels()];
    Channels { encoding, depths, colorimetry: layout.colorimetry }
}

impl Matcher {
    /// Chooses how to match frames of `layout`: with the fastest kernels of this CPU, but none
    /// beyond `at_most`, and through `unpack` if the layout's samples can't be reached otherwise.
    pub fn new(
        layout: FrameLayout,
        color_space: ColorSpace,
        at_most: InstructionSet,
        unpack: Option<Arc<dyn Unpack>>,
    ) -> Result<Self, UnsupportedLayout> {
        let encoding = channels_of(layout.encoding, color_space);
        Self::with_encoding(layout, encoding, at_most, unpack)
    }

    /// Chooses how to grade frames of `layout`: their colours are moved together. A frame's statistics
    /// are then a sample of its pixels, and its mapping is a [`Grade`](crate::mapping::grade::Grade).
    pub fn grading(
        layout: FrameLayout,
        at_most: InstructionSet,
        unpack: Option<Arc<dyn Unpack>>,
    ) -> Result<Self, UnsupportedLayout> {
        let channels = graded_channels(&layout);
        let plan = GradePlan::new(&layout, at_most, unpack).ok_or(UnsupportedLayout)?;
        let (area, cropped, plan) = (layout.area(), layout.clone(), Plan::Grade(Box::new(plan)));
        Ok(Self { area, weighed: None, cropped, layout, channels, plan, workers: Vec::new() })
    }

    /// The same as [`new`](Self::new) for channels of any coding. That of Y'CbCr and luma is taken to be
    /// the layout's, if this is Y'CbCr or luma.
    pub(crate) fn with_encoding(
        layout: FrameLayout,
        encoding: Encoding,
        at_most: InstructionSet,
        unpack: Option<Arc<dyn Unpack>>,
    ) -> Result<Self, UnsupportedLayout> {
        let (channels, conversion) = channels_and_conversion(&layout, encoding);
        let n_channels = channels.depths.len();
        let in_place = match &conversion {
            None => plane_kernels(&layout, n_channels, at_most),
            Some(_) => None,
        };
        let plan = match in_place {
            Some(planes) => Plan::InPlace(planes),
            None => {
                let plan = RowPlan::new(&layout, &channels, conversion, at_most, unpack);
                Plan::Rows(Box::new(plan.ok_or(UnsupportedLayout)?))
            }
        };
        let (area, cropped) = (layout.area(), layout.clone());
        Ok(Self { area, weighed: None, cropped, layout, channels, plan, workers: Vec::new() })
    }

    /// Makes what works on some bands. Not before there is a frame: it takes memory for its width.
    fn make_workers(&mut self, n: usize, blends: bool) -> Result<(), TryReserveError> {
        while self.workers.len() < n {
            let processor: Box<dyn BandProcessor> = match &self.plan {
                Plan::InPlace(sets) => {
                    Box::new(InPlaceProcessor::new(sets.clone(), self.channels.depths.len()))
                }
                Plan::Rows(plan) => plan.processor()?,
                Plan::Grade(plan) => plan.processor()?,
            };
            self.workers.push(BandWorker { processor, blender: None });
        }
        for worker in self.workers.iter_mut().take(n) {
            if blends && worker.blender.is_none() {
                worker.blender = self.plan.blender(&self.cropped, self.channels.depths.len())?;
            }
        }
        Ok(())
    }

    /// From now on, only an area of the frames is counted and changed; the rest of them stays as
    /// it is. At first it is the whole frame.
    ///
    /// Between lines of the layout's [grid](FrameLayout::grid), the area is matched as if it were a
    /// picture by itself. Where it ends inside a cell of the grid, samples that belong to pixels
    /// outside alone stay as they are. Those of chroma that pixels inside and outside share are
    /// changed as if all of their pixels were inside, and counted where chroma is a channel.
    pub fn set_area(&mut self, area: Area) {
        self.weighed = None;
        let area = area.intersection(self.layout.area());
        if area == self.area {
            return;
        }
        self.area = area;
        let cropped = self.layout.crop(area);
        if cropped != self.cropped {
            match &mut self.plan {
                Plan::InPlace(_) => {}
                Plan::Rows(plan) => plan.layout = cropped.clone(),
                Plan::Grade(plan) => plan.layout = cropped.clone(),
            }
            self.cropped = cropped;
            self.workers.clear();
        }
    }

    /// The same for the smallest area that has all pixels that count, where these count by weights, and are
    /// changed by them.
    ///
    /// A sample is counted as often as it weighs, and goes as far from what it is to what it would
    /// become. Of chroma that pixels share, the largest of their weights counts. Of a sample of colours,
    /// pixels are left out in turns.
    pub fn set_weights(&mut self, weights: &Weights) {
        self.set_area(weights.bounds());
        self.weighed = Some(Arc::new(Weighed::new(weights, self.area, &self.layout)));
    }

    /// What is matched of a frame.
    pub fn area(&self) -> Area {
        self.area
    }

    /// The layout of the frames.
    pub fn layout(&self) -> &FrameLayout {
        &self.layout
    }

    /// The channels that are matched.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Counts a frame of the layout.
    ///
    /// The `workers` take a band of rows each, as far as the bands are worth the while. Their number
    /// does not change the outcome.
    ///
    /// # Errors
    ///
    /// There is no memory for rows of its width.
    pub fn count(
        &mut self,
        frame: FrameRef,
        scan: Scan,
        workers: &Workers,
    ) -> Result<Statistics, TryReserveError> {
        if let Plan::Grade(plan) = &self.plan {
            let frame = frame.crop(&self.layout, self.area);
            let sample = plan.sample(&frame, self.weighed.as_deref())?;
            return Ok(Statistics { sample: Some(Arc::new(sample)), ..Statistics::default() });
        }
        let has_fields = self.has_fields(scan);
        let weighed = self.weighed.clone();
        let mut tasks = self.tasks(frame, has_fields, workers, false)?;
        workers.for_each(&mut tasks, |(band, BandWorker { processor, .. }, histograms)| {
            *histograms = if has_fields {
                let fields = [band.clone().field(0), band.clone().field(1)];
                processor.count(&fields, weighed.as_deref())
            } else {
                processor.count(std::slice::from_ref(band), weighed.as_deref())
            };
        });
        let counted: Vec<Vec<Histogram>> =
            tasks.into_iter().map(|(_, _, histograms)| histograms).collect();
        let merged = |(channel, &depth): (usize, &u32)| {
            let mut histogram = Histogram::empty(depth);
            counted.iter().for_each(|histograms| histogram.merge(&histograms[channel]));
            histogram
        };
        let histograms = self.channels.depths.iter().enumerate().map(merged).collect();
        Ok(Statistics { histograms, ..Statistics::default() })
    }

    /// Replaces the colours of a frame of the layout.
    ///
    /// # Errors
    ///
    /// There is no memory for rows of its width.
    ///
    /// # Panics
    ///
    /// The mapping is of another kind than what the matcher was made for.
    pub fn apply(
        &mut self,
        frame: FrameMut,
        scan: Scan,
        workers: &Workers,
        mapping: &Mapping,
    ) -> Result<(), TryReserveError> {
        let has_fields = self.has_fields(scan);
        let weighed = self.weighed.clone();
        let mut tasks = self.tasks(frame, has_fields, workers, weighed.is_some())?;
        workers.for_each(&mut tasks, |(band, worker, _)| {
            worker.apply(band, has_fields, mapping, weighed.as_deref());
        });
        Ok(())
    }

    /// Counts the frame whose planes lie in `memory` at `spans` (indexed by
    /// [`PlaneLayout::plane`](crate::frame::PlaneLayout::plane)), and maps it as
    /// `decide` says.
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
        decide: impl FnOnce(&Statistics) -> Mapping,
    ) -> Result<(), FrameError> {
        let frame = FrameMut::new(memory, &self.layout, spans)?;
        let mapping = decide(&self.count(frame.shared(), scan, workers)?);
        Ok(self.apply(frame, scan, workers, &mapping)?)
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
        frame: FrameView<M>,
        has_fields: bool,
        workers: &Workers,
        blends: bool,
    ) -> Result<Vec<(FrameView<M>, &mut BandWorker, Vec<Histogram>)>, TryReserveError> {
        if self.area.is_empty() {
            return Ok(Vec::new());
        }
        let is_whole = self.area == self.layout.area();
        let frame = if is_whole { frame } else { frame.crop(&self.layout, self.area) };
        let n_bands = (self.cropped.bytes() / MIN_BAND_BYTES).clamp(1, workers.count());
        self.make_workers(n_bands, blends)?;
        let bands = frame.bands(&self.layout, n_bands, has_fields);
        let task = |(band, worker)| (band, worker, Vec::new());
        Ok(bands.into_iter().zip(&mut self.workers).map(task).collect())
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.plan {
            Plan::InPlace(planes) => {
                let planes: Vec<String> = planes.iter().map(PlaneKernels::to_string).collect();
                f.write_str(&planes.join("; "))
            }
            Plan::Rows(plan) => plan.fmt(f),
            Plan::Grade(plan) => plan.fmt(f),
        }
    }
}
