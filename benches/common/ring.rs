//! Pipelines to measure.

use std::collections::VecDeque;

use gst::prelude::*;

use super::ROTATING;

/// A running pipeline whose frames go round: what comes out is pushed in again.
pub struct Ring {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
}

impl Ring {
    pub fn new(element: &str, caps: &gst::Caps, bytes: &[u8]) -> Self {
        let pipeline = gst::parse::launch(&format!(
            "appsrc name=source format=time block=true max-buffers={ROTATING} max-bytes=0 \
             ! {element} ! appsink name=sink sync=false enable-last-sample=false"
        ))
        .expect("the pipeline parses")
        .downcast::<gst::Pipeline>()
        .expect("a pipeline");
        if let Some(look) = pipeline.by_name("look") {
            let reference = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/media/coffee.png");
            look.set_property("reference-location", reference);
        }
        let source = pipeline.by_name("source").and_downcast::<gst_app::AppSrc>().expect("appsrc");
        let sink = pipeline.by_name("sink").and_downcast::<gst_app::AppSink>().expect("appsink");
        source.set_caps(Some(caps));
        pipeline.set_state(gst::State::Playing).expect("the pipeline runs");
        for _ in 0..ROTATING {
            source.push_buffer(gst::Buffer::from_mut_slice(bytes.to_vec())).expect("pushed");
        }
        Self { pipeline, source, sink }
    }

    /// Sends a frame through.
    pub fn frame(&self) {
        self.source.push_buffer(self.pull()).expect("pushed");
    }

    fn pull(&self) -> gst::Buffer {
        let sample = self.sink.pull_sample().expect("a frame");
        sample.buffer_owned().expect("a buffer")
    }
}

/// A [`Ring`] that rests between frames, so that others can be measured then.
pub struct Resting {
    ring: Ring,
    buffers: VecDeque<gst::Buffer>,
}

impl Resting {
    pub fn new(ring: Ring) -> Self {
        let buffers = (0..ROTATING).map(|_| ring.pull()).collect();
        Self { ring, buffers }
    }

    /// Sends a frame through, and waits for it.
    pub fn frame(&mut self) {
        let buffer = self.buffers.pop_front().expect("there are some");
        self.ring.source.push_buffer(buffer).expect("pushed");
        self.buffers.push_back(self.ring.pull());
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).expect("the pipeline stops");
    }
}
