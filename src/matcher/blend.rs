//! What was changed goes back to what it was, as far as pixels don't count.
//!
//! A sample of weight *w* becomes `before + (after - before) * w / 7`, to the nearest, halves up: what has
//! the weight 0 is what it was, and what counts in full is what it became.

use std::collections::TryReserveError;
use std::fmt::Debug;

use super::weights::{FULL, Weighed};
use crate::frame::rows::{Purpose, RowAccess, RowGroup};
use crate::frame::unpack::RowSource;
use crate::frame::{FrameLayout, FrameMut, MAX_PLANES, Subsampling};
use crate::kernels::{InstructionSet, Kernels, RowKernels};

/// Blends bands of frames.
pub(super) trait Blend: Debug + Send + Sync {
    /// Takes note of a band before it is changed.
    fn save(&mut self, band: &FrameMut);

    /// Blends a band with what it was.
    fn blend(&mut self, band: &mut FrameMut, weighed: &Weighed, has_fields: bool);
}

/// For bands of a layout, of which the first `n_components` may be changed.
pub(super) fn blender(
    layout: &FrameLayout,
    source: &RowSource,
    n_components: usize,
    at_most: InstructionSet,
) -> Result<Box<dyn Blend>, TryReserveError> {
    Ok(if layout.depth() > 8 {
        Box::new(Blender::<u16>::new(layout, source, n_components, at_most)?)
    } else {
        Box::new(Blender::<u8>::new(layout, source, n_components, at_most)?)
    })
}

#[derive(Debug)]
struct Blender<S: RowKernels> {
    access: Box<dyn RowAccess<S>>,
    before: RowGroup<S>,
    after: RowGroup<S>,
    /// How each component is subsampled.
    shared: Vec<Subsampling>,
    rows_of_group: usize,
    /// The bytes of the planes.
    saved: [Vec<u8>; MAX_PLANES],
}

impl<S: RowKernels> Blender<S> {
    fn new(
        layout: &FrameLayout,
        source: &RowSource,
        n_components: usize,
        at_most: InstructionSet,
    ) -> Result<Self, TryReserveError> {
        let transfer = Kernels::<S>::select(at_most).transfer;
        Ok(Self {
            access: source.access(layout, n_components, Purpose::Survey, transfer)?,
            before: RowGroup::new(layout, n_components)?,
            after: RowGroup::new(layout, n_components)?,
            shared: (0..n_components).map(|component| layout.subsampling(component)).collect(),
            rows_of_group: layout.rows_of_group(),
            saved: Default::default(),
        })
    }
}

impl<S: RowKernels> Blend for Blender<S> {
    fn save(&mut self, band: &FrameMut) {
        band.save(&mut self.saved);
    }

    fn blend(&mut self, band: &mut FrameMut, weighed: &Weighed, has_fields: bool) {
        let Self { access, before, after, shared, rows_of_group, saved } = self;
        let top = band.top();
        for index in 0..access.n_groups(&band.shared()) {
            access.load(&band.saved(saved), index, before);
            // The last, as it is stored.
            access.load(&band.shared(), index, after);
            let components = before.components.iter().zip(&mut after.components).zip(&*shared);
            for ((before, after), &shared) in components {
                let first = (top + index * *rows_of_group) / shared.vertical;
                let weights = weighed.plane(shared, has_fields).rows_from(first);
                for ((before, after), weights) in before.iter().zip(after).zip(weights) {
                    blend_row(before, after, weights);
                }
            }
            access.store(band, index, after);
        }
    }
}

fn blend_row<S: RowKernels>(before: &[S], after: &mut [S], weights: &[u8]) {
    for ((&before, after), &weight) in before.iter().zip(after).zip(weights) {
        let (change, full) = ((after.get() - before.get()) * i32::from(weight), i32::from(FULL));
        *after = S::new(before.get() + (2 * change + full).div_euclid(2 * full));
    }
}
