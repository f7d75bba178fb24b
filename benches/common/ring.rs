//! Pipelines to measure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

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
    /// The element called `look`.
    #[allow(dead_code, reason = "not all benches ask for it")]
    pub fn look(&self) -> gst::Element {
        self.ring.pipeline.by_name("look").expect("it is called so")
    }

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

/// The median time of a frame through each of some elements, measured in turns, in milliseconds.
pub fn in_turns<const N: usize>(
    elements: [&str; N],
    caps: &gst::Caps,
    bytes: &[u8],
    rounds: usize,
) -> [f64; N] {
    let mut rings = elements.map(|element| Resting::new(Ring::new(element, caps, bytes)));
    let mut times = [(); N].map(|()| Vec::new());
    for _ in 0..rounds {
        for (ring, times) in rings.iter_mut().zip(&mut times) {
            let start = Instant::now();
            ring.frame();
            times.push(start.elapsed());
        }
    }
    times.map(|mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e3
    })
}

/// A picture as a frame of some format.
pub fn convert(picture: &image::RgbImage, format: &str) -> (gst::Caps, Vec<u8>) {
    let (width, height) = (picture.width() as i32, picture.height() as i32);
    let pipeline = gst::parse::launch(&format!(
        "appsrc name=source format=time ! videoconvert \
         ! video/x-raw,format={format},colorimetry={} ! appsink name=sink sync=false",
        if format.contains("GB") { "sRGB" } else { "bt709" },
    ))
    .expect("the pipeline parses")
    .downcast::<gst::Pipeline>()
    .expect("a pipeline");
    let source = pipeline.by_name("source").and_downcast::<gst_app::AppSrc>().expect("appsrc");
    let sink = pipeline.by_name("sink").and_downcast::<gst_app::AppSink>().expect("appsink");
    let caps = gst_video::VideoCapsBuilder::new()
        .format(gst_video::VideoFormat::Rgb)
        .width(width)
        .height(height)
        .framerate(gst::Fraction::new(25, 1))
        .build();
    source.set_caps(Some(&caps));
    pipeline.set_state(gst::State::Playing).expect("the pipeline runs");
    source.push_buffer(gst::Buffer::from_slice(picture.as_raw().clone())).expect("pushed");
    let sample = sink.pull_sample().expect("a frame");
    let bytes = sample.buffer().expect("a buffer").map_readable().expect("readable").to_vec();
    let caps = sample.caps_owned().expect("caps");
    pipeline.set_state(gst::State::Null).expect("the pipeline stops");
    (caps, bytes)
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).expect("the pipeline stops");
    }
}
