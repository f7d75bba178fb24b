//! Warnings of properties that may be set where nobody hears of it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use gst::prelude::*;

use super::lock;

/// What is wrong with properties, until it can be said.
#[derive(Debug, Default)]
pub(super) struct Unheard(Mutex<BTreeMap<&'static str, String>>);

impl Unheard {
    /// Warns of a value that can't be. Properties may be set before the element is in a pipeline, as
    /// `gst-launch-1.0` does it: nobody would hear it then, and it is said at the start.
    pub fn warn(&self, element: &impl IsA<gst::Element>, property: &'static str, text: String) {
        if element.bus().is_some() {
            gst::element_warning!(element, gst::LibraryError::Settings, ("{text}"), ["{property}"]);
        } else {
            lock(&self.0).insert(property, text);
        }
    }

    /// There is nothing wrong with a property any more.
    pub fn forget(&self, property: &'static str) {
        lock(&self.0).remove(property);
    }

    /// Says what could not be heard.
    pub fn say(&self, element: &impl IsA<gst::Element>) {
        let unheard = std::mem::take(&mut *lock(&self.0));
        unheard.into_iter().for_each(|(property, text)| self.warn(element, property, text));
    }
}
