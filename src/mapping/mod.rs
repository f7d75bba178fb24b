//! What the colours of frames are replaced by.

pub mod curve;

use crate::lut::Lut;

/// How the colours of a frame are replaced.
///
/// Another kind of mapping is another variant, decided in [`temporal`](crate::temporal) and applied
/// by the [`matcher`](crate::matcher).
#[derive(Clone, Debug, PartialEq)]
pub enum Mapping {
    /// Each channel by itself: one table for each.
    Luts(Vec<Lut>),
}

impl From<Vec<Lut>> for Mapping {
    fn from(luts: Vec<Lut>) -> Self {
        Self::Luts(luts)
    }
}
