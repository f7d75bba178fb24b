//! What replaces the samples of channels that are matched by themselves.

use crate::kernels::dither::DitheredLut;
use crate::lut::Lut;
use crate::mapping::Mapping;

/// One for each channel.
pub(super) enum Tables<T> {
    Whole(Vec<T>),
    /// Of levels with fractions.
    Dithered(Vec<DitheredLut>),
}

impl<T> Tables<T> {
    /// Of some channels.
    ///
    /// # Panics
    ///
    /// The mapping moves all channels together.
    pub fn new(
        mapping: &Mapping,
        channels: impl IntoIterator<Item = usize>,
        table: impl Fn(&Lut) -> T,
    ) -> Self {
        let channels = channels.into_iter();
        match mapping {
            Mapping::Luts(luts) => Self::Whole(channels.map(|c| table(&luts[c])).collect()),
            Mapping::Curves(curves) => {
                Self::Dithered(channels.map(|c| (&curves[c]).into()).collect())
            }
            Mapping::Grade(_) => panic!("a grade for channels that are matched by themselves"),
        }
    }
}
