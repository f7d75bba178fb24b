//! Where references come from: what is asked for, and what is in use.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::live::channel::Consumer;
use crate::live::snapshot::Snapshot;
use crate::reference::Reference;

/// What is asked for. The last that was set to something holds, and all others read as unset.
#[derive(Debug, Default)]
pub(super) enum Source {
    /// Frames pass unchanged.
    #[default]
    Nothing,
    /// A picture file, as it was set: not as a path, to which a slash at the end is nothing. An empty one
    /// is none.
    File(OsString),
    /// Files, in the same way.
    Files(Vec<OsString>),
    /// What is published under a name.
    Channel(Arc<Consumer>),
    /// A frame of the stream.
    Captured(Arc<Reference>),
}

/// The properties that ask for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    Location,
    Locations,
    Channel,
}

impl Source {
    pub fn of_location(location: Option<PathBuf>) -> Self {
        location.map_or(Self::Nothing, |location| Self::File(location.into()))
    }

    pub fn of_locations(locations: Vec<PathBuf>) -> Self {
        match locations.is_empty() {
            true => Self::Nothing,
            false => Self::Files(locations.into_iter().map(OsString::from).collect()),
        }
    }

    /// What it was set by, if that can be read.
    pub fn property(&self) -> Option<Property> {
        match self {
            Self::Nothing | Self::Captured(_) => None,
            Self::File(_) => Some(Property::Location),
            Self::Files(_) => Some(Property::Locations),
            Self::Channel(_) => Some(Property::Channel),
        }
    }

    /// Whether there is nothing in it to be matched to.
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::File(_) | Self::Files(_) => self.files().is_empty(),
            Self::Channel(_) | Self::Captured(_) => false,
        }
    }

    pub fn location(&self) -> Option<&OsStr> {
        match self {
            Self::File(location) => Some(location),
            _ => None,
        }
    }

    pub fn locations(&self) -> &[OsString] {
        match self {
            Self::Files(locations) => locations,
            _ => &[],
        }
    }

    /// The properties that read as something else if another one takes its place.
    pub fn changed_by(&self, other: &Self) -> Vec<Property> {
        let mut changed = Vec::new();
        if self.location() != other.location() {
            changed.push(Property::Location);
        }
        if self.locations() != other.locations() {
            changed.push(Property::Locations);
        }
        if self.channel_name() != other.channel_name() {
            changed.push(Property::Channel);
        }
        changed
    }

    /// What has to be read.
    pub fn files(&self) -> Vec<PathBuf> {
        let all =
            self.location().into_iter().chain(self.locations().iter().map(OsString::as_os_str));
        all.filter(|location| !location.is_empty()).map(PathBuf::from).collect()
    }

    pub fn channel(&self) -> Option<&Arc<Consumer>> {
        match self {
            Self::Channel(channel) => Some(channel),
            _ => None,
        }
    }

    pub fn channel_name(&self) -> Option<&str> {
        self.channel().map(|channel| channel.name())
    }
}

/// Where a reference in use comes from.
#[derive(Clone)]
pub(super) enum Origin {
    Files(Arc<[PathBuf]>),
    Channel(Arc<Consumer>, Arc<Snapshot>),
    Captured,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => {
                let names: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
                f.write_str(&names.join(", "))
            }
            Self::Channel(channel, _) => f.write_str(channel.name()),
            Self::Captured => f.write_str("captured"),
        }
    }
}
