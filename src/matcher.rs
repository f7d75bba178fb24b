//! One frame from beginning to end: count, match, apply.

use crate::cdf::Cdf;
use crate::histogram::Histogram;
use crate::kernels::{self, Kernel};
use crate::lut::{Lut, match_cdfs};
use crate::pixels::{Layout, PixelLayout, PixelsMut, PlaneSpan, SpanError};
use crate::reference::Reference;

/// Matches frames of one layout to a reference picture.
#[derive(Clone, Debug)]
pub struct Matcher {
    layout: Layout,
    /// One per plane of the layout.
    kernels: Vec<Kernel>,
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

impl Matcher {
    /// Chooses the kernels for frames of `layout`.
    pub fn new(layout: Layout) -> Result<Self, UnsupportedLayout> {
        let kernels = layout
            .planes
            .iter()
            .map(|plane| {
                kernels::select(plane.pixel)
                    .ok_or(UnsupportedLayout { plane: plane.plane, pixel: plane.pixel })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { layout, kernels })
    }

    /// The layout of the frames.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The name of the kernel of each plane.
    pub fn kernel_names(&self) -> impl Iterator<Item = &'static str> {
        self.kernels.iter().map(|kernel| kernel.name)
    }

    /// Gives the frame whose planes lie in `memory` at `spans` (indexed by
    /// [`PlaneLayout::plane`](crate::pixels::PlaneLayout::plane)) the histograms of `reference`.
    ///
    /// # Errors
    ///
    /// The frame does not lie inside `memory`, which is then unchanged.
    pub fn process(
        &self,
        memory: &mut [u8],
        spans: &[PlaneSpan],
        reference: &Reference,
    ) -> Result<(), SpanError> {
        let mut pixels = PixelsMut::new(memory, &self.layout, spans)?;
        let luts: Vec<Lut> = self
            .count(&pixels)
            .iter()
            .zip(reference.cdfs(self.layout.color_model))
            .map(|(histogram, reference)| match_cdfs(&Cdf::from(histogram), reference))
            .collect();
        self.apply(&mut pixels, &luts);
        Ok(())
    }

    /// The histogram of each channel.
    fn count(&self, pixels: &PixelsMut<'_>) -> Vec<Histogram> {
        let mut histograms = vec![Histogram::EMPTY; self.layout.color_model.n_channels()];
        for ((plane, layout), kernel) in
            pixels.planes().iter().zip(&self.layout.planes).zip(&self.kernels)
        {
            let mut in_memory_order = vec![Histogram::EMPTY; layout.channels.len()];
            for row in plane.rows() {
                (kernel.count)(row, &mut in_memory_order);
            }
            for (&channel, histogram) in layout.channels.iter().zip(in_memory_order) {
                histograms[channel] = histogram;
            }
        }
        histograms
    }

    /// Replaces every sample through the table of its channel.
    fn apply(&self, pixels: &mut PixelsMut<'_>, luts: &[Lut]) {
        for ((plane, layout), kernel) in
            pixels.planes_mut().iter_mut().zip(&self.layout.planes).zip(&self.kernels)
        {
            let in_memory_order: Vec<Lut> =
                layout.channels.iter().map(|&channel| luts[channel].clone()).collect();
            for row in plane.rows_mut() {
                (kernel.apply)(row, &in_memory_order);
            }
        }
    }
}
