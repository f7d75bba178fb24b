//! Reference pictures that are asked for: read, installed, and what is said of those that can't be.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;

use gst::subclass::prelude::*;

use super::imp::{CAT, HistoMatch};
use crate::live::channel::Consumer;
use crate::plugin::location::Fragment;
use crate::plugin::reference::{NotRead, Outcome, Request};
use crate::plugin::source::{Origin, Property, Source};
use crate::plugin::{film, location, lock};
use crate::reference::{Interrupt, Reference, ReferenceError};

/// Why a picture can't be the reference: what kind of error that is, and the text for the user.
pub(super) type Refusal = (gst::ResourceError, String);

/// What is wrong with a picture that can be used nevertheless, of which a part by times may be asked for.
fn warnings_of(location: &Path, part: Option<Fragment>, reference: &Reference) -> Vec<String> {
    let part = part.map(|_| {
        "is no film, and has no parts: all of it counts. Leave out what follows the '#'.".into()
    });
    let name = location.display();
    let text = |what| format!("The reference picture '{name}' {what}");
    reference.complaints().chain(part).map(text).collect()
}

impl HistoMatch {
    /// Asks for a file, or for none.
    pub(super) fn request_location(&self, location: Option<PathBuf>) {
        self.request_files(Source::of_location(location), Property::Location);
    }

    /// Asks for several files, or for none.
    pub(super) fn request_locations(&self, locations: &gst::Array) {
        // What is no text was refused by GObject.
        let locations = locations.iter().filter_map(|value| value.get::<Option<PathBuf>>().ok());
        let locations = locations.map(Option::unwrap_or_default).collect();
        self.request_files(Source::of_locations(locations), Property::Locations);
    }

    /// What was asked for by [`request_locations`](Self::request_locations).
    pub(super) fn locations(&self) -> gst::Array {
        gst::Array::new(self.references.locations())
    }

    fn request_files(&self, source: Source, by: Property) {
        self.forget_capture();
        let files = source.files();
        let Some(request) = self.references.request(source, Some(by)) else { return };
        self.notify_of(&request);
        let Some(number) = request.number else { return };
        if let Err((kind, text)) = self.load(number, &files) {
            gst::element_imp_warning!(self, kind, ("{text}"), ["The old reference stays"]);
        }
    }

    /// Asks for what is published in a channel, or for nothing.
    pub(super) fn request_channel(&self, name: Option<String>) {
        self.forget_capture();
        let name = name.filter(|name| !name.is_empty());
        let source = match &name {
            Some(name) => Source::Channel(Arc::new(Consumer::of(name))),
            None => Source::Nothing,
        };
        if let Some(request) = self.references.request(source, Some(Property::Channel)) {
            self.notify_of(&request);
            self.install(&request);
        }
    }

    /// A frame that was to be the reference is not any more: what was asked for last holds.
    fn forget_capture(&self) {
        self.capture.store(false, Ordering::Relaxed);
    }

    /// Makes a frame of the stream the reference.
    pub(super) fn request_captured(&self, reference: Reference) {
        let source = Source::Captured(Arc::new(reference));
        if let Some(request) = self.references.request(source, None) {
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
        for property in &request.changed {
            match property {
                Property::Location => self.obj().notify_reference_location(),
                Property::Locations => self.obj().notify_reference_locations(),
                Property::Channel => self.obj().notify_reference_channel(),
            }
        }
    }

    /// Reads the reference of a request, and installs it.
    pub(super) fn load(&self, request: u64, files: &[PathBuf]) -> Result<(), Refusal> {
        let warnings = Cell::default();
        let read = |interrupt: &Interrupt| {
            let mut all_warnings = Vec::new();
            let mut references = Vec::new();
            for file in files {
                let (reference, warnings) = self.read(file, interrupt)?;
                all_warnings.extend(warnings);
                // At once, as large ones take memory.
                references.push(if files.len() > 1 { reference.thinned() } else { reference });
            }
            warnings.set(all_warnings);
            Ok(Reference::of_several(references))
        };
        let origin = Origin::Files(files.into());
        let outcome = self.references.load(request, origin, read)?;
        if matches!(outcome, Outcome::Superseded) {
            gst::info!(CAT, imp = self, "A later reference is in use");
            return Ok(());
        }
        // Not before, as whoever gets the message may set another reference.
        for warning in warnings.take() {
            // Not of a resource, as those are that can't be used.
            gst::element_imp_warning!(self, gst::StreamError::Decode, ("{warning}"));
        }
        Ok(())
    }

    /// Reads a file, which takes time: a picture or a film, and what is to be warned of.
    ///
    /// The error is the text for the user: file, cause and cure.
    fn read(
        &self,
        location: &Path,
        interrupt: &Interrupt,
    ) -> Result<(Reference, Vec<String>), NotRead<Refusal>> {
        let name = location.display();
        let failed = |kind, cause: &dyn std::fmt::Display| {
            let text = format!("Can't use '{name}' as the reference: {cause}.");
            Err(NotRead::Because((kind, text)))
        };
        let (path, part) = match location::to_path(location) {
            Ok(named) => named,
            Err(cause) => return failed(gst::ResourceError::OpenRead, &cause),
        };
        match Reference::load_until(&path, interrupt) {
            Ok(reference) => {
                gst::info!(CAT, imp = self, "Read the reference '{name}'");
                let warnings = warnings_of(location, part, &reference);
                Ok((reference, warnings))
            }
            Err(ReferenceError::Interrupted) => Err(NotRead::Interrupted),
            // What is no picture, or is too large for one.
            Err(
                ReferenceError::UnknownFormat
                | ReferenceError::Unsupported(_)
                | ReferenceError::Film
                | ReferenceError::FileTooLarge,
            ) if film::is_film(&path) => {
                let ignore_borders = lock(&self.settings).ignore_borders;
                match film::look(&path, part, ignore_borders, interrupt) {
                    Ok(look) => {
                        gst::info!(CAT, imp = self, "Read the reference '{name}'");
                        let text = |what| format!("The reference film '{name}' {what}");
                        Ok((look.reference, look.warning.map(text).into_iter().collect()))
                    }
                    Err(NotRead::Interrupted) => Err(NotRead::Interrupted),
                    Err(NotRead::Because(cause)) => failed(gst::ResourceError::Read, &cause),
                }
            }
            Err(cause @ ReferenceError::NotFound) => {
                let meant = location::cause_of_absence(location);
                failed(gst::ResourceError::NotFound, &meant.unwrap_or(&cause.to_string()))
            }
            Err(cause) => {
                let kind = match cause {
                    ReferenceError::Tilde => gst::ResourceError::NotFound,
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
        let Some((request, files)) = self.references.start() else { return Ok(()) };
        let failure = Arc::new(Mutex::new(None));
        let load = {
            let (imp, failure) = (self.ref_counted(), Arc::clone(&failure));
            move || {
                let refusal = imp.load(request, &files).err();
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
