//! What the element posts on the bus.

use std::io;
use std::path::Path;

use gst::subclass::prelude::*;

use super::imp::HistoTap;
use crate::live::channel::Taken;

/// Says that somebody else publishes under the name.
pub(super) fn taken(Taken { channel, publisher }: &Taken) -> gst::ErrorMessage {
    gst::error_msg!(
        gst::ResourceError::Busy,
        ("The channel '{channel}' has a histotap already: {publisher}. Give this one another name \
             (channel=...), or stop the other one first."),
        ["One tap publishes under a name"]
    )
}

impl HistoTap {
    /// Warns, once until the element is stopped, of frames that can't be looked at.
    pub(super) fn warn_of_frames(&self, cause: &str) {
        gst::element_imp_warning!(
            self,
            gst::StreamError::Format,
            ("Frames can't be looked at: {cause}. They pass as they are, and don't count."),
            ["Said once"]
        );
    }

    /// Warns of colours that snapshots can't name.
    pub(super) fn warn_of_foreign_colors(&self, colors: &str) {
        gst::element_imp_warning!(
            self,
            gst::StreamError::Format,
            ("The stream's colours are coded with {colors}, which isn't known. Snapshots count as \
                 BT.709. Convert the stream to BT.709 first."),
            ["Caps with this colorimetry were negotiated"]
        );
    }

    /// Warns of a name that is set while another one is in use.
    pub(super) fn warn_of_late_name(&self, name: &str, in_use: &str) {
        gst::element_imp_warning!(
            self,
            gst::LibraryError::Settings,
            ("The histotap goes on publishing in the channel '{in_use}': '{name}' is taken up when it \
                 starts the next time. Set it to READY first."),
            ["channel"]
        );
    }

    /// Warns that the element is behind one that is matched to it.
    pub(super) fn warn_of_loop(&self, channel: &str) {
        gst::element_imp_warning!(
            self,
            gst::LibraryError::Settings,
            ("The histotap of channel '{channel}' is behind a histomatch with \
                 reference-channel={channel}, which is so matched to its own output. Put the tap in \
                 front of it, or into another stream."),
            ["The stream goes on"]
        );
    }

    /// Warns that there is nothing to be saved: why, and what to do.
    pub(super) fn warn_of_no_snapshot(&self, path: &Path, advice: &str) {
        gst::element_imp_warning!(
            self,
            gst::ResourceError::OpenWrite,
            ("The snapshot '{}' is not written: {advice}.", path.display()),
            ["save"]
        );
    }

    /// Warns of a snapshot that can't be saved.
    pub(super) fn warn_of_unwritten_snapshot(&self, path: &Path, error: &io::Error) {
        gst::element_imp_warning!(
            self,
            gst::ResourceError::OpenWrite,
            (
                "The snapshot '{}' can't be written: {error}. Give the path of a file in a folder that \
                 exists, may be written to and has room.",
                path.display()
            ),
            ["save"]
        );
    }
}
