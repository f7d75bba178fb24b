//! One frame from beginning to end: count, match, apply.

use crate::cdf::Cdf;
use crate::histogram::Histogram;
use crate::kernels::{self, Counter, InstructionSet, Kernel};
use crate::lut::{Lut, match_cdfs};
use crate::pixels::{Layout, PixelLayout, PixelsMut, PlaneSpan, SpanError};
use crate::reference::Reference;
use crate::workers::Workers;

/// The least bytes of a frame that are worth waking a thread for.
const MIN_BAND_BYTES: usize = 512 * 1024;

/// Matches frames of one layout to a reference picture.
#[derive(Debug)]
pub struct Matcher {
    layout: Layout,
    /// One per plane of the layout.
    kernels: Vec<Kernel>,
    /// For each band of a frame, one per plane.
    counters: Vec<Vec<Box<dyn Counter>>>,
}

/// There is no kernel for the pixels of a plane.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kernel handles plane {plane} with {pixel:?}")]
pub struct UnsupportedLayout {
    /// The plane.
    pub plane: usize,
    /// Its pixels.
    pub pixel: PixelLayout,
}

/// What one worker does with its part of a frame.
struct Band<'a> {
    pixels: PixelsMut<'a>,
    counters: &'a mut [Box<dyn Counter>],
    /// One per channel.
    histograms: Vec<Histogram>,
}

impl Matcher {
    /// Chooses the kernels for frames of `layout`: the fastest of this CPU, but none beyond
    /// `at_most`.
    pub fn new(layout: Layout, at_most: InstructionSet) -> Result<Self, UnsupportedLayout> {
        let kernels = layout
            .planes
            .iter()
            .map(|plane| {
                kernels::select(plane.pixel, at_most)
                    .ok_or(UnsupportedLayout { plane: plane.plane, pixel: plane.pixel })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { layout, kernels, counters: Vec::new() })
    }

    /// The layout of the frames.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The kernel of each plane.
    pub fn kernels(&self) -> &[Kernel] {
        &self.kernels
    }

    /// Gives the frame whose planes lie in `memory` at `spans` (indexed by
    /// [`PlaneLayout::plane`](crate::pixels::PlaneLayout::plane)) the histograms of `reference`.
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
        spans: &[PlaneSpan],
        reference: &Reference,
        workers: &Workers,
    ) -> Result<(), SpanError> {
        let Self { layout, kernels, counters } = self;
        let n_channels = layout.color_model.n_channels();
        let n_bands = (layout.bytes() / MIN_BAND_BYTES).clamp(1, workers.count());
        counters.resize_with(n_bands, || kernels.iter().map(|kernel| (kernel.counter)()).collect());

        let mut bands: Vec<Band> = PixelsMut::new(memory, layout, spans)?
            .bands(n_bands)
            .into_iter()
            .zip(counters)
            .map(|(pixels, counters)| Band {
                pixels,
                counters,
                histograms: vec![Histogram::EMPTY; n_channels],
            })
            .collect();

        workers.for_each(&mut bands, |band| band.count(layout));

        let luts: Vec<Lut> = reference
            .cdfs(layout.color_model)
            .iter()
            .enumerate()
            .map(|(channel, reference)| {
                let mut histogram = Histogram::EMPTY;
                bands.iter().for_each(|band| histogram.merge(&band.histograms[channel]));
                match_cdfs(&Cdf::from(&histogram), reference)
            })
            .collect();

        workers.for_each(&mut bands, |band| band.apply(layout, kernels, &luts));
        Ok(())
    }
}

impl Band<'_> {
    fn count(&mut self, layout: &Layout) {
        let planes = self.pixels.planes().iter().zip(&layout.planes);
        for ((plane, layout), counter) in planes.zip(&mut *self.counters) {
            plane.rows().for_each(|row| counter.add(row));
            for (&channel, histogram) in layout.channels.iter().zip(counter.finish()) {
                self.histograms[channel] = histogram;
            }
        }
    }

    /// Replaces every sample through the table of its channel.
    fn apply(&mut self, layout: &Layout, kernels: &[Kernel], luts: &[Lut]) {
        let planes = self.pixels.planes_mut().iter_mut().zip(&layout.planes);
        for ((plane, layout), kernel) in planes.zip(kernels) {
            let in_memory_order: Vec<Lut> =
                layout.channels.iter().map(|&channel| luts[channel].clone()).collect();
            plane.rows_mut().for_each(|row| (kernel.apply)(row, &in_memory_order));
        }
    }
}
