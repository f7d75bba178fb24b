//! What knows GStreamer: the elements, and what they share.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

mod film;
mod foreign_memory;
mod frame;
pub mod histomatch;
pub mod histotap;
mod location;
mod loops;
mod memory;
mod part;
mod reader;
mod reference;
mod signals;
mod source;
mod unheard;

/// Locks a mutex whose data is whole after a panic, too.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A text as applications set it: what is no UTF-8 in it is replaced. To read it as a `String` would end the process.
fn lossy(text: Option<PathBuf>) -> Option<String> {
    text.map(|text| text.to_string_lossy().into_owned())
}

/// Registers the plugin with GStreamer, which it starts if nobody has. Once is enough; to do it again
/// does nothing.
///
/// # Errors
///
/// The process has the plugin already, loaded from a file: the element is there, but its type is not
/// this library's. Or GStreamer doesn't start.
pub fn plugin_register_static() -> Result<(), glib::BoolError> {
    // So that one of several threads does it, and the others wait until it is done.
    static REGISTERING: Mutex<()> = Mutex::new(());
    let _guard = REGISTERING.lock().unwrap_or_else(PoisonError::into_inner);
    gst::init().map_err(|error| glib::bool_error!("GStreamer doesn't start: {error}"))?;
    if histomatch::is_registered() {
        return Ok(());
    }
    // GStreamer only says that something failed.
    histomatch::refuse_another_copy()?;
    definition::plugin_register_static()
}

// A module of its own because what the macro writes has no docs.
#[allow(missing_docs)]
mod definition {
    fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        super::histomatch::refuse_another_copy()?;
        if super::histomatch::is_of_another(plugin) {
            return Ok(());
        }
        super::histomatch::register(plugin)?;
        super::histotap::register(plugin)
    }

    gst::plugin_define!(
        histomatch,
        env!("CARGO_PKG_DESCRIPTION"),
        plugin_init,
        concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
        "MIT/X11",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        // GStreamer asks for an origin; there is no address of the project yet.
        env!("CARGO_PKG_NAME"),
        env!("BUILD_REL_DATE")
    );
}
