//! The part of the picture that is learned from, as properties say it.

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::HistoMatch;
use crate::plugin::lock;

/// The name of a property.
const REGION: &str = "region";

impl HistoMatch {
    pub(super) fn region(&self) -> Option<String> {
        lock(&self.settings).region.as_ref().map(|(text, _)| text.clone())
    }

    pub(super) fn set_region(&self, text: Option<String>) {
        let region = match text.filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => match text.parse() {
                Ok(region) => Some((text, region)),
                Err(error) => {
                    let text =
                        format!("The region '{text}' is not used: {error}. The old one stays.");
                    return self.warn_of_part(REGION, text);
                }
            },
        };
        lock(&self.unsaid).remove(REGION);
        lock(&self.settings).region = region;
    }

    /// Warns of a part that can't be. Properties may be set before the element is in a pipeline, as
    /// `gst-launch-1.0` does it: nobody would hear it then, and it is said at the start.
    fn warn_of_part(&self, property: &'static str, text: String) {
        if self.obj().bus().is_some() {
            gst::element_imp_warning!(
                self,
                gst::LibraryError::Settings,
                ("{text}"),
                ["{property}"]
            );
        } else {
            lock(&self.unsaid).insert(property, text);
        }
    }

    /// Says what could not be heard.
    pub(super) fn say_unsaid(&self) {
        let unsaid = std::mem::take(&mut *lock(&self.unsaid));
        unsaid.into_iter().for_each(|(property, text)| self.warn_of_part(property, text));
    }
}
