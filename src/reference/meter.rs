//! What a decoder takes, measured where it reads.
//!
//! Decoders have no way to be stopped. But they read, and a read may fail: so they are given the
//! file in small pieces, and none any more once it was asked to stop.

use std::cell::Cell;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use super::{Interrupt, ReferenceError};

/// The most that is read at once, in bytes. A decompressor can make a thousand times as much of
/// it.
const PIECE: usize = 4096;

/// The CPU time that a decoder may take until it has read everything, in milliseconds. What
/// [`checks`](super::checks) let through takes less, but for what they don't foresee. A second is
/// left for what comes behind that. Debug builds are slower.
const MAX_CPU_MS: u64 = if cfg!(debug_assertions) { 30_000 } else { 4_000 };

/// How many bytes a decoder may read more often than once: 64 MiB.
const MAX_REREAD: u64 = 64 << 20;

/// Why a decoder gets nothing to read any more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stop {
    Interrupted,
    TooSlow,
}

impl From<Stop> for ReferenceError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Interrupted => Self::Interrupted,
            Stop::TooSlow => Self::TooSlow,
        }
    }
}

/// What the loading of one file may take.
pub(super) struct Budget<'a> {
    interrupt: &'a Interrupt,
    stop: Cell<Option<Stop>>,
    start_ms: u64,
}

impl<'a> Budget<'a> {
    /// A budget for what this thread does from now on.
    pub fn new(interrupt: &'a Interrupt) -> Self {
        Self { interrupt, stop: Cell::default(), start_ms: cpu_ms() }
    }

    /// Fails once the interrupt came, or too much time was spent.
    pub fn check(&self) -> Result<(), Stop> {
        if self.interrupt.is_interrupted() {
            self.stop.set(Some(Stop::Interrupted));
        } else if cpu_ms() - self.start_ms > MAX_CPU_MS {
            self.stop.set(Some(Stop::TooSlow));
        }
        self.stop.get().map_or(Ok(()), Err)
    }

    /// Why it was stopped, whatever the decoder made of that.
    pub fn stopped(&self) -> Option<Stop> {
        self.stop.get()
    }
}

/// The CPU time of this thread, in milliseconds. Time on the clock says little on a busy machine.
#[cfg(unix)]
fn cpu_ms() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is there to be written to.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000
}

#[cfg(not(unix))]
fn cpu_ms() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_millis() as u64
}

/// The content of a file, for a decoder.
pub(super) struct Meter<'a> {
    file: &'a [u8],
    at: u64,
    /// Up to where it may be read before the next look at the budget.
    piece_end: usize,
    /// What was read so far, in bytes, and how much may be.
    taken: u64,
    max_taken: u64,
    budget: &'a Budget<'a>,
}

impl<'a> Meter<'a> {
    pub fn new(file: &'a [u8], budget: &'a Budget<'a>) -> Self {
        let max_taken = file.len() as u64 + MAX_REREAD;
        Self { file, at: 0, piece_end: 0, taken: 0, max_taken, budget }
    }

    /// Sets how much may be read, in bytes.
    #[cfg(feature = "heif")]
    pub fn up_to(self, max_taken: u64) -> Self {
        Self { max_taken, ..self }
    }

    fn check(&self) -> io::Result<()> {
        if self.taken > self.max_taken {
            self.budget.stop.set(Some(Stop::TooSlow));
        }
        self.budget.check().map_err(|_| io::Error::other("stopped"))
    }
}

impl BufRead for Meter<'_> {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let start = usize::try_from(self.at).unwrap_or(usize::MAX).min(self.file.len());
        if start >= self.piece_end {
            self.check()?;
            self.piece_end = (start + PIECE).min(self.file.len());
        }
        Ok(&self.file[start..self.piece_end])
    }

    #[inline]
    fn consume(&mut self, n: usize) {
        self.at += n as u64;
        self.taken += n as u64;
    }
}

impl Read for Meter<'_> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut piece = self.fill_buf()?;
        let n = piece.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl Seek for Meter<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (self.at, by),
            SeekFrom::End(by) => (self.file.len() as u64, by),
        };
        self.at = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        // The next read looks at the budget.
        self.piece_end = 0;
        Ok(self.at)
    }
}
