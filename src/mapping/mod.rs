//! What the colours of frames are replaced by.

pub mod cube;
pub mod curve;
pub mod grade;

use std::borrow::Cow;

use crate::lut::Lut;
use curve::Curve;
use grade::Grade;

/// How the colours of a frame are replaced.
///
/// Another kind of mapping is another variant, decided in [`temporal`](crate::temporal) and applied
/// by the [`matcher`](crate::matcher).
#[derive(Clone, Debug, PartialEq)]
pub enum Mapping {
    /// Each channel by itself: one table for each.
    Luts(Vec<Lut>),
    /// The same by levels with fractions, which are [dithered](crate::kernels::dither).
    Curves(Vec<Curve>),
    /// All channels together.
    Grade(Box<Grade>),
}

impl From<Vec<Lut>> for Mapping {
    fn from(luts: Vec<Lut>) -> Self {
        Self::Luts(luts)
    }
}

impl From<Grade> for Mapping {
    fn from(grade: Grade) -> Self {
        Self::Grade(Box::new(grade))
    }
}

impl Mapping {
    /// The table of the nearest levels for each channel, where each is matched by itself.
    pub fn luts(&self) -> Option<Cow<'_, [Lut]>> {
        match self {
            Self::Luts(luts) => Some(Cow::Borrowed(luts)),
            Self::Curves(curves) => Some(curves.iter().map(Curve::to_lut).collect()),
            Self::Grade(_) => None,
        }
    }

    /// # Panics
    ///
    /// It is of another kind.
    pub(crate) fn grade(&self) -> &Grade {
        match self {
            Self::Grade(grade) => grade,
            Self::Luts(_) | Self::Curves(_) => {
                panic!("levels for colours that are moved together")
            }
        }
    }
}
