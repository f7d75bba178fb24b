//! What the properties say, but for the channel.

use std::time::Duration;

use super::Publish;
use crate::live::region::Region;

/// The longest time that a property takes, in nanoseconds: a minute.
pub(super) const LONGEST: u64 = 60_000_000_000;

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub publish: Publish,
    /// In nanoseconds.
    pub interval: u64,
    /// In nanoseconds.
    pub window: u64,
    /// As it was set, and what that means.
    pub region: Option<(String, Region)>,
    pub ignore_borders: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            publish: Publish::default(),
            interval: 200_000_000,
            window: 2_000_000_000,
            region: None,
            ignore_borders: false,
        }
    }
}

impl Settings {
    pub fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    pub fn window(&self) -> Duration {
        Duration::from_nanos(self.window)
    }

    pub fn region(&self) -> Option<Region> {
        self.region.as_ref().map(|&(_, region)| region)
    }
}
