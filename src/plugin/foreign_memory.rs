//! What an application is told whose frames are not in memory that the CPU reads.

use gst::prelude::*;

use super::frame;

/// Posts an error if caps with such frames come to an element. Its pad refuses them by its template, but
/// GStreamer's words for that help nobody. `purpose` says what can't be done: "matched".
pub(super) fn explain_at(element: &gst::Element, purpose: &'static str) {
    let Some(pad) = element.static_pad("sink") else { return };
    let element = element.downgrade();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_pad, info| {
        if let (Some(gst::EventView::Caps(caps)), Some(element)) =
            (info.event().map(|event| event.view()), element.upgrade())
        {
            explain(&element, purpose, caps.caps());
        }
        gst::PadProbeReturn::Ok
    });
}

fn explain(element: &gst::Element, purpose: &str, caps: &gst::CapsRef) {
    let Some((memory, cure)) = frame::foreign_memory(caps) else { return };
    let name = element.factory().map(|factory| factory.name()).unwrap_or_default();
    gst::element_error!(
        element,
        gst::CoreError::Negotiation,
        ("Frames in {memory} memory can't be {purpose}: {name} works on system memory. Put {cure} in \
             front of it."),
        ["{caps}"]
    );
}
