//! Reference pictures that are asked for: read, installed, and what is said of those that can't be.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use gst::subclass::prelude::*;

use super::imp::{CAT, HistoMatch};
use crate::live::channel::Consumer;
use crate::plugin::reference::{NotRead, Outcome, Request};
use crate::plugin::source::{Origin, Source};
use crate::plugin::{location, lock};
use crate::reference::{Interrupt, Reference, ReferenceError};

/// Why a picture can't be the reference: what kind of error that is, and the text for the user.
pub(super) type Refusal = (gst::ResourceError, String);

/// What is wrong with a reference that can be used nevertheless, in words that follow its name.
fn warnings_of(reference: &Reference) -> Vec<String> {
    let damage =
        reference.damage().map(|what| format!("is damaged: {what}. Save or copy it again."));
    let fault = reference.profile_fault().map(|why| {
        format!(
            "has a colour profile that can't be used: {why}. Its colours count as sRGB; convert it \
             to sRGB in a program that knows its colours."
        )
    });
    damage.into_iter().chain(fault).collect()
}

impl HistoMatch {
    /// Asks for a picture file, or for none.
    pub(super) fn request_picture(&self, location: Option<PathBuf>) {
        let is_unset = location.as_deref().is_none_or(|location| location.as_os_str().is_empty());
        // What does not hold can't be given up.
        let stays = |source: &Source| is_unset && matches!(source, Source::Channel(_));
        let source = Source::of_location(location.as_deref());
        let Some(request) = self.references.request(source, stays) else { return };
        self.notify_of(&request);
        let Some(number) = request.number else { return };
        if let Err((kind, text)) = self.load(number, location.as_deref()) {
            gst::element_imp_warning!(self, kind, ("{text}"), ["The old reference stays"]);
        }
    }

    /// Asks for what is published in a channel, or for nothing.
    pub(super) fn request_channel(&self, name: Option<String>) {
        let name = name.filter(|name| !name.is_empty());
        let stays = |source: &Source| name.is_none() && matches!(source, Source::Picture(_));
        let source = match &name {
            Some(name) => Source::Channel(Arc::new(Consumer::of(name))),
            None => Source::Nothing,
        };
        if let Some(request) = self.references.request(source, stays) {
            self.notify_of(&request);
            self.install(&request);
        }
    }

    /// Makes a frame of the stream the reference.
    pub(super) fn request_captured(&self, reference: Reference) {
        let source = Source::Captured(Arc::new(reference));
        if let Some(request) = self.references.request(source, |_| false) {
            self.install(&request);
            self.notify_of(&request);
        }
    }

    fn install(&self, request: &Request) {
        if let Some(number) = request.number {
            self.references.install_at_once(number);
        }
    }

    /// Notifies of properties that a request has changed. GObject waits with it until a setter is done.
    fn notify_of(&self, request: &Request) {
        if request.other_location {
            self.obj().notify_reference_location();
        }
        if request.other_channel {
            self.obj().notify_reference_channel();
        }
    }

    /// Reads the reference of a request, and installs it.
    pub(super) fn load(&self, request: u64, location: Option<&Path>) -> Result<(), Refusal> {
        let location = location.filter(|location| !location.as_os_str().is_empty());
        let warnings = Cell::default();
        let read = |interrupt: &Interrupt| {
            let reference = self.read(location, interrupt)?;
            warnings.set(reference.as_ref().map(warnings_of).unwrap_or_default());
            Ok(reference)
        };
        let origin = Origin::Picture(location.unwrap_or(Path::new("")).into());
        let outcome = self.references.load(request, origin, read)?;
        if matches!(outcome, Outcome::Superseded) {
            gst::info!(CAT, imp = self, "A later reference is in use");
            return Ok(());
        }
        // Not before, as whoever gets the message may set another reference.
        for warning in warnings.take() {
            // Not of a resource, as those are that can't be used.
            gst::element_imp_warning!(
                self,
                gst::StreamError::Decode,
                (
                    "The reference picture '{}' {warning}",
                    location.unwrap_or(Path::new("")).display()
                )
            );
        }
        Ok(())
    }

    /// Reads a reference picture, which takes time.
    ///
    /// The error is the text for the user: file, cause and cure.
    fn read(
        &self,
        location: Option<&Path>,
        interrupt: &Interrupt,
    ) -> Result<Option<Reference>, NotRead<Refusal>> {
        let Some(location) = location else { return Ok(None) };
        let name = location.display();
        let failed = |kind, cause: &dyn std::fmt::Display| {
            let text = format!("Can't use '{name}' as the reference picture: {cause}.");
            Err(NotRead::Because((kind, text)))
        };
        let path = match location::to_path(location) {
            Ok(path) => path,
            Err(cause) => return failed(gst::ResourceError::OpenRead, &cause),
        };
        match Reference::load_until(&path, interrupt) {
            Ok(reference) => {
                gst::info!(CAT, imp = self, "Read the reference '{name}'");
                Ok(Some(reference))
            }
            Err(ReferenceError::Interrupted) => Err(NotRead::Interrupted),
            Err(ReferenceError::NotFound) if location::is_for_the_shell(location) => {
                failed(gst::ResourceError::NotFound, &location::NOT_EXPANDED)
            }
            Err(cause) => {
                let kind = match cause {
                    ReferenceError::NotFound => gst::ResourceError::NotFound,
                    ReferenceError::Io(_) | ReferenceError::NotAFile(_) => {
                        gst::ResourceError::OpenRead
                    }
                    _ => gst::ResourceError::Read,
                };
                failed(kind, &cause)
            }
        }
    }

    /// Reads the reference on the way to PAUSED, in a thread of its own, so that whoever stops the
    /// stream does not wait for it.
    pub(super) fn load_first(&self) -> Result<(), Refusal> {
        let Some((request, location)) = self.references.start() else { return Ok(()) };
        let failure = Arc::new(Mutex::new(None));
        let load = {
            let (imp, failure) = (self.ref_counted(), Arc::clone(&failure));
            move || {
                let refusal = imp.load(request, Some(&location)).err();
                *lock(&failure) = refusal.clone();
                let must_be_said = imp.references.settle_first(refusal.is_some());
                if let Some((kind, text)) = refusal.filter(|_| must_be_said) {
                    gst::element_imp_error!(imp, kind, ("{text}"), ["reference-location"]);
                    imp.references.fail();
                }
            }
        };
        let thread = thread::Builder::new().name("reference".into());
        let thread = match thread.spawn(load.clone()) {
            Ok(thread) => thread,
            // Then whoever stops the stream waits for it.
            Err(error) => {
                gst::warning!(CAT, imp = self, "No thread to read the reference in: {error}");
                load();
                return lock(&failure).take().map_or(Ok(()), Err);
            }
        };
        let is_settled = self.references.wait_patiently();
        if is_settled {
            // It has nothing left to do.
            let _ = thread.join();
            return lock(&failure).take().map_or(Ok(()), Err);
        }
        *lock(&self.loading) = Some(thread);
        Ok(())
    }
}
