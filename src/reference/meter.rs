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

/// Why a decoder gets nothing to read any more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stop {
    Interrupted,
}

impl From<Stop> for ReferenceError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Interrupted => Self::Interrupted,
        }
    }
}

/// What the loading of one file may take.
pub(super) struct Budget<'a> {
    interrupt: &'a Interrupt,
    stop: Cell<Option<Stop>>,
}

impl<'a> Budget<'a> {
    pub fn new(interrupt: &'a Interrupt) -> Self {
        Self { interrupt, stop: Cell::default() }
    }

    /// Whether what was done so far is too much, or the interrupt came.
    pub fn check(&self) -> Result<(), Stop> {
        if self.interrupt.is_interrupted() {
            self.stop.set(Some(Stop::Interrupted));
        }
        self.stop.get().map_or(Ok(()), Err)
    }

    /// Why it was stopped, whatever the decoder made of that.
    pub fn stopped(&self) -> Option<Stop> {
        self.stop.get()
    }
}

/// The content of a file, for a decoder.
pub(super) struct Meter<'a> {
    file: &'a [u8],
    at: u64,
    budget: &'a Budget<'a>,
}

impl<'a> Meter<'a> {
    pub fn new(file: &'a [u8], budget: &'a Budget<'a>) -> Self {
        Self { file, at: 0, budget }
    }

    fn rest(&self) -> &'a [u8] {
        let start = usize::try_from(self.at).unwrap_or(usize::MAX).min(self.file.len());
        &self.file[start..]
    }
}

impl BufRead for Meter<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.budget.check().map_err(|_| io::Error::other("stopped"))?;
        let rest = self.rest();
        Ok(&rest[..rest.len().min(PIECE)])
    }

    fn consume(&mut self, n: usize) {
        self.at += n as u64;
    }
}

impl Read for Meter<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut piece = self.fill_buf()?;
        let n = piece.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl Seek for Meter<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.budget.check().map_err(|_| io::Error::other("stopped"))?;
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (self.at, by),
            SeekFrom::End(by) => (self.file.len() as u64, by),
        };
        self.at = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
