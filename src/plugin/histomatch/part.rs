//! The part of the picture that is learned from, as properties say it.

use std::path::{Path, PathBuf};

use gst::subclass::prelude::*;

use super::imp::HistoMatch;
use crate::live::mask::{Mask, MaskError};
use crate::plugin::part::{parse_region, what_stays};
use crate::plugin::{frame, location, lock};
use crate::reference::ReferenceError;

/// Names of properties.
const REGION: &str = "region";
const MASK: &str = "mask-location";

/// Pixels of the largest frames that masks are scaled for in advance: those of 8K.
const USUAL_PIXELS: usize = 7680 * 4320;

/// The error is a text for the user: cause and cure.
fn read_mask(location: &Path) -> Result<Mask, String> {
    let (path, part) = location::to_path(location)?;
    if part.is_some() {
        return Err(
            "a mask is a picture, which has no parts; leave out what follows the '#'".into()
        );
    }
    Mask::load(&path).map_err(|error| match error {
        MaskError::Unreadable(cause @ ReferenceError::NotFound) => {
            location::cause_of_absence(location).map_or_else(|| cause.to_string(), String::from)
        }
        error => error.to_string(),
    })
}

impl HistoMatch {
    pub(super) fn region(&self) -> Option<String> {
        lock(&self.settings).region.as_ref().map(|(text, _)| text.clone())
    }

    pub(super) fn set_region(&self, text: Option<String>) {
        match parse_region(text, self.region().is_some()) {
            Ok(region) => {
                self.unheard.forget(REGION);
                lock(&self.settings).region = region;
            }
            Err(text) => self.unheard.warn(&*self.obj(), REGION, text),
        }
    }

    pub(super) fn mask_location(&self) -> Option<PathBuf> {
        lock(&self.settings).mask.as_ref().map(|(location, _)| location.clone())
    }

    /// Reads a mask, in the caller's thread.
    pub(super) fn set_mask(&self, location: Option<PathBuf>) {
        let mask = match location.filter(|location| !location.as_os_str().is_empty()) {
            None => None,
            Some(location) => match read_mask(&location) {
                Ok(mask) => Some((location, mask)),
                Err(cause) => {
                    let name = location.display();
                    let stays = what_stays(self.mask_location().is_some());
                    let text = format!("The mask '{name}' is not used: {cause}. {stays}");
                    return self.unheard.warn(&*self.obj(), MASK, text);
                }
            },
        };
        // So that no frame is late for it. Caps may say any size, but no frame has it.
        let negotiated = lock(&self.negotiated).clone();
        let size = negotiated
            .map(|info| frame::size_by_caps(&info))
            .map(|(w, h)| (w as usize, h as usize));
        let size = size.filter(|&(width, height)| width.saturating_mul(height) <= USUAL_PIXELS);
        if let Some(((_, mask), (width, height))) = mask.as_ref().zip(size) {
            mask.weights(width, height);
        }
        self.unheard.forget(MASK);
        // Dropped behind the lock.
        let _old = std::mem::replace(&mut lock(&self.settings).mask, mask);
    }
}
