//! Action signals that the elements have in common.

use std::sync::atomic::{AtomicBool, Ordering};

use glib::subclass::Signal;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

/// A signal that asks for something to be done with the next frame, by a flag of the element.
pub(super) fn of_flag<T>(name: &str, flag: fn(&T) -> &AtomicBool) -> Signal
where
    T: ObjectSubclass,
    T::Type: IsA<glib::Object>,
{
    Signal::builder(name)
        .action()
        .class_handler(move |values| {
            if let Some(Ok(element)) = values.first().map(|value| value.get::<T::Type>()) {
                flag(element.imp()).store(true, Ordering::Relaxed);
            }
            None
        })
        .build()
}
