//! What the element posts on the bus: errors, warnings, and messages with the fields of `stats`.

use std::path::Path;

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::HistoMatch;
use super::stats::Stats;
use crate::plugin::reader::Failure;

impl HistoMatch {
    /// Posts what was done to a frame.
    pub(super) fn post_stats(&self, stats: &Stats) {
        let structure = gst::Structure::from(stats);
        let message = gst::message::Element::builder(structure).src(&*self.obj()).build();
        // It fails where the element is in no bin, so that nobody listens.
        let _ = self.obj().post_message(message);
    }

    /// Posts an error that says that a buffer may only have one picture.
    pub(super) fn explain_separate_views(&self) {
        gst::element_imp_error!(
            self,
            gst::CoreError::Negotiation,
            ("Frames with two or more views, each in memory of its own, can't be matched. Put \
              'glupload ! glviewconvert ! gldownload' in front of it, or what else packs the views \
              into one frame."),
            ["multiview-mode=separated"]
        );
    }

    /// Posts an error that says that a buffer may only have one field, or both of them interleaved.
    pub(super) fn explain_fields(&self) {
        gst::element_imp_error!(
            self,
            gst::CoreError::Negotiation,
            ("Frames whose fields follow each other in one buffer (interlace-mode=fields) can't be \
              matched. Put 'deinterlace' in front of it, or what else interleaves the fields."),
            ["interlace-mode=fields"]
        );
    }

    /// Warns, once until the element is stopped, of a stream that references can't be converted for.
    pub(super) fn warn_of_foreign_colors(&self, colors: &str) {
        gst::element_imp_warning!(
            self,
            gst::StreamError::Format,
            ("The stream's colours are coded with {colors}, for which the reference picture can't \
                 be converted. They are matched as if they were those of BT.709, so the video will \
                 not look like the picture. Convert the stream to BT.709 first."),
            ["Caps with this colorimetry were negotiated"]
        );
    }

    /// Warns of settings that do nothing, or not what they seem to.
    pub(super) fn warn_of_settings(&self, complaint: &str) {
        gst::element_imp_warning!(
            self,
            gst::LibraryError::Settings,
            ("{complaint}"),
            ["The stream goes on"]
        );
    }

    /// Warns, once until the element is stopped, of frames that pass because nothing else came yet.
    pub(super) fn warn_of_flat_frames(&self) {
        gst::element_imp_warning!(
            self,
            gst::LibraryError::Settings,
            ("The first frames have next to no distribution, as colour bars, test cards and plain \
              colours do, so they pass unchanged until one comes that has. Set flat-frames=match to match \
              them, too."),
            ["The stream goes on"]
        );
    }

    /// Warns of a frame that can't be the reference.
    pub(super) fn warn_of_no_capture(&self, cause: &str) {
        gst::element_imp_warning!(
            self,
            gst::StreamError::Format,
            ("The frame can't be the reference: {cause}. The old reference stays."),
            ["capture-reference"]
        );
    }

    /// Warns that there is nothing yet to be saved as a lookup table.
    pub(super) fn warn_of_no_lut(&self, path: &Path) {
        gst::element_imp_warning!(
            self,
            gst::ResourceError::OpenWrite,
            (
                "The LUT '{}' is not written: no frame was matched yet. Set reference-location, and wait \
              for a frame.",
                path.display()
            ),
            ["save-lut"]
        );
    }

    /// Warns of a lookup table that can't be saved.
    pub(super) fn warn_of_unwritten_lut(&self, path: &Path, error: &std::io::Error) {
        gst::element_imp_warning!(
            self,
            gst::ResourceError::OpenWrite,
            (
                "The LUT '{}' can't be written: {error}. Give the path of a file in a folder that exists, \
              may be written to and has room.",
                path.display()
            ),
            ["save-lut"]
        );
    }

    /// Refuses a buffer with a message for the user; without one they would see no more than
    /// "Internal data stream error".
    pub(super) fn refuse(&self, failure: Failure, (width, height): (u32, u32)) -> gst::FlowError {
        match failure {
            Failure::Buffer(cause) => gst::element_imp_error!(
                self,
                gst::StreamError::Format,
                ("A frame's buffer doesn't hold the frame that was negotiated: {cause}. The \
                  element upstream that made the buffer is at fault: update or replace it."),
                ["Nothing was changed in the buffer"]
            ),
            Failure::Memory => gst::element_imp_error!(
                self,
                gst::ResourceError::NoSpaceLeft,
                ("There is not enough memory to match frames of {width} x {height} pixels. Scale \
                  the video down, lower n-threads, or raise the limit on memory (ulimit -v)."),
                ["Nothing was changed in the buffer"]
            ),
        }
        gst::FlowError::Error
    }
}
