//! Where references come from: what is asked for, and what is in use.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
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
    Picture(OsString),
    /// What is published under a name.
    Channel(Arc<Consumer>),
    /// A frame of the stream.
    Captured(Arc<Reference>),
}

impl Source {
    pub fn of_location(location: Option<&Path>) -> Self {
        location.map_or(Self::Nothing, |location| Self::Picture(location.as_os_str().to_owned()))
    }

    pub fn location(&self) -> Option<&OsStr> {
        match self {
            Self::Picture(location) => Some(location),
            _ => None,
        }
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
    Picture(Arc<Path>),
    Channel(Arc<Consumer>, Arc<Snapshot>),
    Captured,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picture(location) => location.display().fmt(f),
            Self::Channel(channel, _) => f.write_str(channel.name()),
            Self::Captured => f.write_str("captured"),
        }
    }
}
