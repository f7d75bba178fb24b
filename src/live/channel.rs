//! Names under which snapshots are published.
//!
//! A channel is there as long as somebody has it, in whatever order they come. What others may wait for
//! is a pointer that is copied or swapped: snapshots are made and dropped without a lock.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::gathering::Pixels;
use super::snapshot::Snapshot;
use crate::colorimetry::Colorimetry;

/// All channels of the process.
static CHANNELS: Mutex<BTreeMap<String, Weak<Channel>>> = Mutex::new(BTreeMap::new());

/// A name, and what was published last under it.
#[derive(Debug)]
pub struct Channel {
    name: String,
    newest: Mutex<Newest>,
    n_consumers: AtomicUsize,
    /// How many have come so far.
    n_joined: AtomicUsize,
}

#[derive(Debug, Default)]
struct Newest {
    snapshot: Option<Arc<Snapshot>>,
    /// The number of the last one.
    sequence: u64,
    /// Who publishes.
    publisher: Option<String>,
}

/// Somebody publishes under a name already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the channel '{channel}' is published by '{publisher}'")]
pub struct Taken {
    /// The name of the channel.
    pub channel: String,
    /// Who it is.
    pub publisher: String,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Channel {
    /// The channel of a name.
    pub fn named(name: &str) -> Arc<Self> {
        let mut channels = lock(&CHANNELS);
        if let Some(channel) = channels.get(name).and_then(Weak::upgrade) {
            return channel;
        }
        let (newest, n_consumers, n_joined) = Default::default();
        let channel = Arc::new(Self { name: name.into(), newest, n_consumers, n_joined });
        channels.insert(name.into(), Arc::downgrade(&channel));
        channel
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was published last.
    pub fn newest(&self) -> Option<Arc<Snapshot>> {
        lock(&self.newest).snapshot.clone()
    }

    /// How many have it to be matched to.
    pub fn n_consumers(&self) -> usize {
        self.n_consumers.load(Ordering::Relaxed)
    }

    /// How many have come to be matched to it so far, whether or not they still are.
    pub fn n_joined(&self) -> usize {
        self.n_joined.load(Ordering::Relaxed)
    }

    /// Lets somebody publish, who is told of by a name, until that is dropped. A snapshot that was to be followed by
    /// others is of another time, and goes: who has come late would be matched to it. Who has it, keeps it.
    ///
    /// # Errors
    ///
    /// Somebody else does.
    pub fn publisher(self: &Arc<Self>, who: &str) -> Result<Publisher, Taken> {
        let mut newest = lock(&self.newest);
        if let Some(publisher) = &newest.publisher {
            return Err(Taken { channel: self.name.clone(), publisher: publisher.clone() });
        }
        newest.publisher = Some(who.into());
        let old = newest.snapshot.take_if(|snapshot| snapshot.is_followed());
        drop(newest);
        drop(old);
        Ok(Publisher(Arc::clone(self)))
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let mut channels = lock(&CHANNELS);
        // Another one may have the name by now.
        if channels.get(&self.name).is_some_and(|channel| channel.strong_count() == 0) {
            channels.remove(&self.name);
        }
    }
}

/// Who publishes in a channel.
#[derive(Debug)]
pub struct Publisher(Arc<Channel>);

impl Publisher {
    /// Makes pixels the newest snapshot. The next one may come after some time.
    pub fn publish(
        &self,
        pixels: Pixels,
        colorimetry: Colorimetry,
        followed_after: Option<Duration>,
    ) {
        let sequence = lock(&self.0.newest).sequence + 1;
        let snapshot = Snapshot::new(pixels, colorimetry, sequence, followed_after);
        let snapshot = Some(Arc::new(snapshot));
        let mut newest = lock(&self.0.newest);
        newest.sequence = sequence;
        let old = std::mem::replace(&mut newest.snapshot, snapshot);
        drop(newest);
        drop(old);
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        lock(&self.0.newest).publisher = None;
    }
}

/// Who matches to what is published in a channel.
#[derive(Debug)]
pub struct Consumer(Arc<Channel>);

impl Consumer {
    /// Of the channel of a name.
    pub fn of(name: &str) -> Self {
        let channel = Channel::named(name);
        channel.n_consumers.fetch_add(1, Ordering::Relaxed);
        channel.n_joined.fetch_add(1, Ordering::Relaxed);
        Self(channel)
    }
}

impl Deref for Consumer {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.0
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.0.n_consumers.fetch_sub(1, Ordering::Relaxed);
    }
}
