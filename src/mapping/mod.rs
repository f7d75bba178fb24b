//! What the colours of frames are replaced by.

pub mod cube;
pub mod curve;
pub mod grade;

use crate::lut::Lut;
use grade::Grade;

/// How the colours of a frame are replaced.
///
/// Another kind of mapping is another variant, decided in [`temporal`](crate::temporal) and applied
/// by the [`matcher`](crate::matcher).
#[derive(Clone, Debug, PartialEq)]
pub enum Mapping {
    /// Each channel by itself: one table for each.
    Luts(Vec<Lut>),
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
    /// # Panics
    ///
    /// It is of another kind.
    pub(crate) fn luts(&self) -> &[Lut] {
        match self {
            Self::Luts(luts) => luts,
            Self::Grade(_) => panic!("a grade for channels that are matched by themselves"),
        }
    }

    /// # Panics
    ///
    /// It is of another kind.
    pub(crate) fn grade(&self) -> &Grade {
        match self {
            Self::Grade(grade) => grade,
            Self::Luts(_) => panic!("tables for colours that are moved together"),
        }
    }
}
