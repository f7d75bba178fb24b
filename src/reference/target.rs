//! What frames are matched to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cdf::Cdf;
use crate::grading::Goal;
use crate::mapping::grade::Grade;
use crate::statistics::Statistics;

/// Which reference it is: another one for each that was made in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferenceId(u64);

impl ReferenceId {
    /// One that no other reference has.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A reference in the channels of a stream: ready to be matched to, and cheap to clone.
#[derive(Clone, Debug)]
pub struct Target {
    /// Of which reference.
    pub id: ReferenceId,
    /// The distribution of each channel.
    pub cdfs: Arc<[Cdf]>,
    /// Its colours, to move those of frames towards.
    pub goal: Option<Arc<Goal>>,
}

impl Target {
    /// The distributions of a reference of its own.
    pub fn new(cdfs: impl Into<Arc<[Cdf]>>) -> Self {
        Self { id: ReferenceId::new(), cdfs: cdfs.into(), goal: None }
    }

    /// How far the colours of a frame are from these, as they are and graded ([`Goal::distances`]); `None`
    /// if nothing is known of the ones or the others.
    pub fn distances(&self, statistics: &Statistics, grade: &Grade) -> Option<[f64; 2]> {
        Some(self.goal.as_ref()?.distances(statistics.sample.as_ref()?, grade))
    }
}
