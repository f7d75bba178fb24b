//! Which reference is in use: the requests for one, and what of it the streaming thread needs.

use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::lock;
use super::source::{Origin, Property, Source};
use crate::color::Channels;
use crate::live::channel::Consumer;
use crate::reference::{Interrupt, Reference, ReferenceId, Target};

/// For how long the change to PAUSED waits for its reference. What takes longer is waited for by
/// the first frame: a state change can't be stopped, and a stream can.
const PATIENCE: Duration = Duration::from_millis(500);

/// The reference in use.
///
/// Pictures are decoded without a lock, so they can be ready in another order than they were asked
/// for. Each request takes a number; a picture is only installed if none with a higher number was
/// installed before it. They are decoded one after the other, because each takes memory.
///
/// The streaming thread gets distributions that are ready. It never counts or frees a picture. Where the
/// caps have just changed, it waits for the thread that counts, as long as it may.
///
/// Of a channel, the first snapshot is in use as soon as the streaming thread [sees](Self::follow) it.
/// Those that follow are counted first, and the frames until then are matched to the one before.
#[derive(Default)]
pub(super) struct References {
    shared: Arc<Shared>,
    /// Held by the one who decodes.
    decoding: Mutex<()>,
}

/// What threads that count have, too.
#[derive(Default)]
struct Shared {
    slot: Mutex<Slot>,
    /// Something that the streaming thread waits for has changed.
    changed: Condvar,
}

#[derive(Default)]
struct Slot {
    /// What was asked for last, which may be what can't be read.
    source: Source,
    /// What is in use; always `None` while stopped.
    in_use: Option<InUse>,
    /// What is to be in use next, as soon as it is counted.
    coming: Option<InUse>,
    /// Between READY and PAUSED or above.
    started: bool,
    /// Stops what is being decoded since the last start.
    interrupt: Interrupt,
    /// The number of the last request, which `source` is of.
    requested: u64,
    /// The number of the request that is in use or, on the way there, is to be.
    installed: u64,
    /// What references may be asked for in.
    wanted: Vec<Channels>,
    /// What is being counted, each in a thread of its own.
    counting: Vec<(ReferenceId, Channels)>,
    /// The reference of the change to PAUSED.
    first: First,
    /// Nobody may wait.
    flushing: bool,
}

/// A reference and where it comes from.
#[derive(Clone)]
struct InUse {
    origin: Origin,
    reference: Arc<Reference>,
}

impl InUse {
    fn is_flat(&self) -> bool {
        matches!(&self.origin, Origin::Channel(_, snapshot) if snapshot.is_flat())
    }

    /// What a source has at once. What is flat in a channel counts only if it is taken, too.
    fn at_once(source: &Source, is_flat_taken: bool) -> Option<Self> {
        match source {
            Source::Nothing | Source::File(_) | Source::Files(_) => None,
            Source::Captured(reference) => {
                Some(Self { origin: Origin::Captured, reference: Arc::clone(reference) })
            }
            Source::Channel(channel) => {
                let newest = channel.newest();
                let newest = newest.filter(|snapshot| is_flat_taken || !snapshot.is_flat());
                newest.map(|snapshot| Self {
                    reference: Arc::clone(snapshot.reference()),
                    origin: Origin::Channel(Arc::clone(channel), snapshot),
                })
            }
        }
    }
}

/// What a frame is matched to, and where that comes from.
pub(super) struct OriginalTarget {
    pub origin: Origin,
    pub target: Target,
}

/// What became of an order for another reference.
pub(super) struct Request {
    /// Where there is a number, the source must be read or installed; otherwise the element is stopped.
    pub number: Option<u64>,
    /// The properties that read as something else than before.
    pub changed: Vec<Property>,
}

/// What becomes of snapshots that are newer than what is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Following {
    /// They are in use as soon as they are counted.
    WhenCounted,
    /// The newest is in use at once.
    AtOnce,
    /// What is in use is held.
    Held,
}

impl Slot {
    fn reference(&self) -> Option<&Arc<Reference>> {
        self.in_use.as_ref().map(|in_use| &in_use.reference)
    }

    /// Whether a reference is counted in all channels that it may be asked for in.
    fn is_counted(&self, reference: &Reference) -> bool {
        self.wanted.iter().all(|channels| reference.ready_target(channels).is_some())
    }

    /// Whether the first reference is being read.
    fn is_waiting(&self) -> bool {
        matches!(self.first, First::Awaited | First::Late)
    }

    /// Whether a request need not be read, because a later one was, or will be. Not while the first
    /// reference is being read: then nothing is in use that could stay if the other one fails.
    fn is_superseded(&self, request: u64) -> bool {
        request < self.installed || (request < self.requested && !self.is_waiting())
    }
}

/// What became of the reference of the change to PAUSED.
#[derive(Default)]
enum First {
    /// It is there, or there is none.
    #[default]
    Settled,
    /// It is being read, and the change to PAUSED waits for it.
    Awaited,
    /// It is being read, and the first frame waits for it.
    Late,
    /// It can't be read.
    Failed,
}

/// Why no reference was read.
pub(super) enum NotRead<E> {
    Interrupted,
    Because(E),
}

/// What became of a request.
pub(super) enum Outcome {
    /// It is in use, or will be read when the element is started.
    Installed,
    /// A later one is in use, or comes next.
    Superseded,
}

/// Why the streaming thread has no reference to wait for.
pub(super) enum NotSettled {
    Flushing,
    Failed,
}

impl References {
    /// The location of a file that was asked for last.
    pub fn location(&self) -> Option<PathBuf> {
        lock(&self.shared.slot).source.location().map(PathBuf::from)
    }

    /// The locations of several files that were asked for last.
    pub fn locations(&self) -> Vec<PathBuf> {
        lock(&self.shared.slot).source.locations().iter().map(PathBuf::from).collect()
    }

    /// The channel that was asked for last.
    pub fn channel(&self) -> Option<String> {
        lock(&self.shared.slot).source.channel().map(|channel| channel.name().to_owned())
    }

    /// What has the channel that was asked for last.
    pub fn consumer(&self) -> Option<Arc<Consumer>> {
        lock(&self.shared.slot).source.channel().cloned()
    }

    /// Whether one is in use.
    pub fn is_set(&self) -> bool {
        lock(&self.shared.slot).in_use.is_some()
    }

    /// Takes a number for a source that a property asks for, or a frame of the stream. What another property
    /// has asked for is not given up for nothing.
    pub fn request(&self, source: Source, by: Option<Property>) -> Option<Request> {
        let mut slot = lock(&self.shared.slot);
        let holder = slot.source.property();
        if source.is_nothing() && holder.is_some() && holder != by {
            drop(slot);
            // Without the lock, because it may be the last that has a channel.
            drop(source);
            return None;
        }
        slot.requested += 1;
        let request = Request {
            number: slot.started.then_some(slot.requested),
            changed: slot.source.changed_by(&source),
        };
        let old = mem::replace(&mut slot.source, source);
        let coming = slot.coming.take();
        drop(slot);
        drop((old, coming));
        Some(request)
    }

    /// Reads the reference of a request by `read`, when it is its turn, and installs it.
    pub fn load<E>(
        &self,
        request: u64,
        origin: Origin,
        read: impl Fn(&Interrupt) -> Result<Option<Reference>, NotRead<E>>,
    ) -> Result<Outcome, E> {
        let _turn = lock(&self.decoding);
        loop {
            let interrupt = {
                let slot = lock(&self.shared.slot);
                if slot.is_superseded(request) {
                    return Ok(Outcome::Superseded);
                }
                slot.interrupt.clone()
            };
            match read(&interrupt) {
                Ok(reference) => {
                    let new = reference.map(|reference| InUse {
                        origin: origin.clone(),
                        reference: Arc::new(reference),
                    });
                    return Ok(self.install(request, new));
                }
                Err(NotRead::Because(cause)) => return Err(cause),
                // Unless the element was started again.
                Err(NotRead::Interrupted) if !lock(&self.shared.slot).started => {
                    return Ok(Outcome::Installed);
                }
                Err(NotRead::Interrupted) => (),
            }
        }
    }

    /// Installs what the source of a request has at once. A channel may have nothing yet; then the old
    /// reference stays until there is something.
    pub fn install_at_once(&self, request: u64) {
        let new = {
            let slot = lock(&self.shared.slot);
            let new = InUse::at_once(&slot.source, false);
            if request != slot.requested || (new.is_none() && slot.source.channel().is_some()) {
                return;
            }
            new
        };
        self.install(request, new);
    }

    fn install(&self, request: u64, new: Option<InUse>) -> Outcome {
        loop {
            let wanted = lock(&self.shared.slot).wanted.clone();
            if let Some(new) = &new {
                for channels in &wanted {
                    new.reference.cdfs(channels);
                }
            }
            let mut slot = lock(&self.shared.slot);
            if request < slot.installed {
                return Outcome::Superseded;
            }
            if !slot.wanted.iter().all(|channels| wanted.contains(channels)) {
                continue;
            }
            slot.installed = request;
            let new = new.filter(|_| slot.started);
            let old = (mem::replace(&mut slot.in_use, new), slot.coming.take());
            drop(slot);
            // Without the lock, because it takes time to free a picture.
            drop(old);
            return Outcome::Installed;
        }
    }

    /// The element starts. Gives the files to be loaded, if there are any; what becomes of them has
    /// to be [told](Self::settle_first).
    pub fn start(&self) -> Option<(u64, Vec<PathBuf>)> {
        let mut slot = lock(&self.shared.slot);
        slot.started = true;
        slot.flushing = false;
        slot.first = First::Settled;
        slot.interrupt = Interrupt::default();
        // What was asked for before is not wanted any more.
        slot.installed = slot.requested;
        slot.in_use = InUse::at_once(&slot.source, false);
        let files = slot.source.files();
        if files.is_empty() {
            return None;
        }
        slot.first = First::Awaited;
        Some((slot.installed, files))
    }

    /// Waits for the first reference, but not for long. Whether it was read, or can't be.
    pub fn wait_patiently(&self) -> bool {
        let slot = lock(&self.shared.slot);
        let is_awaited = |slot: &mut Slot| matches!(slot.first, First::Awaited);
        let waited = self.shared.changed.wait_timeout_while(slot, PATIENCE, is_awaited);
        let (mut slot, _) = waited.unwrap_or_else(|error| error.into_inner());
        let is_late = is_awaited(&mut slot);
        if is_late {
            slot.first = First::Late;
        }
        !is_late
    }

    /// The first reference was read, or can't be. Whether that has to be said by an error message,
    /// because the change to PAUSED has gone on without it; and then [`Self::fail`] comes next.
    pub fn settle_first(&self, failed: bool) -> bool {
        let mut slot = lock(&self.shared.slot);
        // Where something else was installed meanwhile, the stream has a reference.
        let failed = failed && slot.in_use.is_none();
        let must_be_said = failed && matches!(slot.first, First::Late);
        if !must_be_said {
            slot.first = if failed { First::Failed } else { First::Settled };
            self.shared.changed.notify_all();
        }
        must_be_said
    }

    /// The stream fails for want of its first reference. Not before that was said: elements upstream
    /// have words of their own for a stream that fails, which say less.
    pub fn fail(&self) {
        lock(&self.shared.slot).first = First::Failed;
        self.shared.changed.notify_all();
    }

    /// Nobody waits any longer, and nothing is decoded any longer.
    pub fn interrupt(&self) {
        let mut slot = lock(&self.shared.slot);
        slot.started = false;
        slot.interrupt.interrupt();
        slot.flushing = true;
        self.shared.changed.notify_all();
    }

    pub fn set_flushing(&self, flushing: bool) {
        lock(&self.shared.slot).flushing = flushing;
        self.shared.changed.notify_all();
    }

    /// Waits until the first reference is there.
    pub fn settle(&self) -> Result<(), NotSettled> {
        let is_waiting = |slot: &mut Slot| !slot.flushing && slot.is_waiting();
        let waited = self.shared.changed.wait_while(lock(&self.shared.slot), is_waiting);
        let slot = waited.unwrap_or_else(|error| error.into_inner());
        match slot.first {
            _ if slot.flushing => Err(NotSettled::Flushing),
            First::Failed => Err(NotSettled::Failed),
            _ => Ok(()),
        }
    }

    /// The element is stopped.
    pub fn stop(&self) {
        let mut slot = lock(&self.shared.slot);
        slot.started = false;
        slot.first = First::Settled;
        slot.wanted.clear();
        let old = (slot.in_use.take(), slot.coming.take());
        drop(slot);
        drop(old);
    }

    /// From now on, references are asked for in these channels.
    pub fn set_channels(&self, channels: &Channels) {
        let mut slot = lock(&self.shared.slot);
        slot.wanted = vec![channels.clone()];
        if let Some(reference) = slot.reference().cloned() {
            self.count_elsewhere(&mut slot, reference, channels);
        }
    }

    /// Takes up what is newer in a channel, if that is asked for.
    pub fn follow(&self, following: Following, is_flat_taken: bool) {
        let mut slot = lock(&self.shared.slot);
        if !slot.started || slot.source.channel().is_none() {
            return;
        }
        let Some(newest) = InUse::at_once(&slot.source, is_flat_taken) else {
            // What was taken while that was asked for.
            let old = slot.in_use.take_if(|in_use| in_use.is_flat());
            drop(slot);
            drop(old);
            return;
        };
        let is_awaited = slot.in_use.is_none() || slot.installed < slot.requested;
        let following = if is_awaited { Following::AtOnce } else { following };
        let (next, spare) = match (slot.coming.take(), following) {
            // Not the newest, which may always be another one before it is counted.
            (Some(coming), Following::WhenCounted) => (coming, Some(newest)),
            (coming, _) => (newest, coming),
        };
        let is_in_use = slot.reference().is_some_and(|old| old.id() == next.reference.id());
        let old = if is_in_use || following == Following::Held {
            Some(next)
        } else if following == Following::AtOnce || slot.is_counted(&next.reference) {
            slot.installed = slot.requested;
            slot.in_use.replace(next)
        } else {
            for channels in slot.wanted.clone() {
                self.count_elsewhere(&mut slot, Arc::clone(&next.reference), &channels);
            }
            slot.coming.replace(next)
        };
        drop(slot);
        drop((old, spare));
    }

    /// Counts a reference in some channels in a thread of its own, if it isn't counted. Whether a thread
    /// is at it.
    fn count_elsewhere(
        &self,
        slot: &mut Slot,
        reference: Arc<Reference>,
        channels: &Channels,
    ) -> bool {
        if reference.ready_target(channels).is_some() {
            return false;
        }
        let wanted = (reference.id(), channels.clone());
        if slot.counting.contains(&wanted) {
            return true;
        }
        let count = {
            let (wanted, shared) = (wanted.clone(), Arc::clone(&self.shared));
            move || {
                let counting = Counting { wanted, shared };
                reference.target(&counting.wanted.1);
            }
        };
        let thread = thread::Builder::new().name("count-reference".into());
        let is_counted = thread.spawn(count).is_ok();
        if is_counted {
            slot.counting.push(wanted);
        }
        is_counted
    }

    /// Counts the reference in channels that it will be asked for in soon. References that come meanwhile
    /// are counted in them, too.
    pub fn prepare(&self, channels: &Channels) {
        loop {
            let reference = {
                let mut slot = lock(&self.shared.slot);
                if !slot.wanted.contains(channels) {
                    slot.wanted.push(channels.clone());
                }
                slot.reference().cloned()
            };
            if let Some(reference) = &reference {
                reference.cdfs(channels);
            }
            let slot = lock(&self.shared.slot);
            let id = |reference: &Arc<Reference>| reference.id();
            let is_same = reference.as_ref().map(id) == slot.reference().map(id);
            if is_same && slot.wanted.contains(channels) {
                return;
            }
        }
    }

    /// The reference in use, in some channels; it is waited for until it is counted in them.
    pub fn target(&self, channels: &Channels) -> Result<Option<OriginalTarget>, NotSettled> {
        let mut slot = lock(&self.shared.slot);
        let mut tried = None;
        loop {
            if slot.flushing {
                return Err(NotSettled::Flushing);
            }
            let Some(InUse { origin, reference }) = slot.in_use.clone() else { return Ok(None) };
            if let Some(target) = reference.ready_target(channels) {
                return Ok(Some(OriginalTarget { origin, target }));
            }
            let is_new = tried.replace(reference.id()) != Some(reference.id());
            let is_counted = match is_new {
                true => self.count_elsewhere(&mut slot, Arc::clone(&reference), channels),
                false => slot.counting.contains(&(reference.id(), channels.clone())),
            };
            slot = if is_counted {
                let waited = self.shared.changed.wait(slot);
                waited.unwrap_or_else(|error| error.into_inner())
            } else {
                // There was no thread to be had, or it has failed.
                drop(slot);
                reference.target(channels);
                lock(&self.shared.slot)
            };
        }
    }
}

/// A reference that is being counted in some channels, until this is dropped.
struct Counting {
    wanted: (ReferenceId, Channels),
    shared: Arc<Shared>,
}

impl Drop for Counting {
    fn drop(&mut self) {
        lock(&self.shared.slot).counting.retain(|counting| *counting != self.wanted);
        self.shared.changed.notify_all();
    }
}
