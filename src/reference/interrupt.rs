//! Asking a load to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A request to stop loading, which any thread can make. Clones are the same request.
///
/// ```
/// use gsthistomatch::reference::{Interrupt, Reference, ReferenceError};
///
/// let interrupt = Interrupt::default();
/// interrupt.interrupt();
/// let outcome = Reference::load_until("examples/media/coffee.png".as_ref(), &interrupt);
/// assert!(matches!(outcome, Err(ReferenceError::Interrupted)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks to stop, for good.
    pub fn interrupt(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to stop.
    pub fn is_interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
