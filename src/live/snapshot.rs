//! What a stream looked like at a time.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::gathering::Pixels;
use super::png;
use crate::colorimetry::Colorimetry;
use crate::reference::Reference;
use crate::whole_file;

/// A small picture of a stream. Everything that a picture file can be a reference for, it can be, too.
#[derive(Debug)]
pub struct Snapshot {
    reference: Arc<Reference>,
    columns: usize,
    is_flat: bool,
    colorimetry: Colorimetry,
    sequence: u64,
    /// After which time the next one is to follow, if one is.
    followed_after: Option<Duration>,
    arrived: Instant,
}

impl Snapshot {
    /// The `sequence`-th one of a stream, which arrives now. The next one may come
    /// after some time. There is at least one pixel.
    pub fn new(
        pixels: Pixels,
        colorimetry: Colorimetry,
        sequence: u64,
        followed_after: Option<Duration>,
    ) -> Self {
        Self {
            columns: pixels.columns,
            is_flat: pixels.is_flat,
            reference: Arc::new(Reference::of_colors(pixels.colors, colorimetry)),
            colorimetry,
            sequence,
            followed_after,
            arrived: Instant::now(),
        }
    }

    /// Its colours. What they are in the channels of a stream is counted once for all who ask.
    pub fn reference(&self) -> &Arc<Reference> {
        &self.reference
    }

    /// Whether there is no distribution to be matched to ([`Pixels::is_flat`]).
    pub fn is_flat(&self) -> bool {
        self.is_flat
    }

    /// The how-manieth it is of its channel, from 1.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How long ago it arrived.
    pub fn age(&self) -> Duration {
        self.arrived.elapsed()
    }

    /// Whether another one is to come by itself.
    pub fn is_followed(&self) -> bool {
        self.followed_after.is_some()
    }

    /// Whether the next one is late by more than some time.
    pub fn is_stale(&self, timeout: Duration) -> bool {
        let is_late = |after: Duration| self.age() > after.saturating_add(timeout);
        self.followed_after.is_some_and(is_late)
    }

    /// Its number of pixels.
    pub fn n_pixels(&self) -> usize {
        self.reference.n_pixels()
    }

    /// Writes it as a PNG of 16 bits, in the coding of its stream if that has numbers of ITU-T H.273; all others
    /// become sRGB.
    ///
    /// # Errors
    ///
    /// It can't be written; what was there before, stays.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let own = self.colorimetry;
        let colorimetry = if own.codes().is_some() { own } else { Colorimetry::SRGB };
        let colors = self.reference.words(colorimetry);
        whole_file::write(path, |to| png::write(to, self.columns, &colors, colorimetry))
    }
}
