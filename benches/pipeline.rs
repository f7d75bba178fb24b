//! What the element costs in a pipeline: `appsrc ! ELEMENT ! appsink`, a frame at a time, where
//! `identity` shows what the pipeline costs without it.
//!
//! ```text
//! cargo bench --bench pipeline
//! ```

mod common;

use common::{Content, Format, Frames, ROTATING};
use criterion::{Criterion, criterion_group, criterion_main};
use gst::prelude::*;
use gst_video::VideoFormat;

const ELEMENTS: [&str; 4] = [
    "identity",
    "histomatch name=look",
    "histomatch name=look n-threads=2",
    "histomatch name=look n-threads=0",
];

/// A running pipeline whose frames go round: what comes out is pushed in again.
struct Ring {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
}

impl Ring {
    fn new(element: &str, format: VideoFormat, bytes: &[u8]) -> Self {
        let info = gst_video::VideoInfo::builder(format, 1920, 1080).build().expect("valid info");
        assert_eq!(info.size(), bytes.len());
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
        source.set_caps(Some(&info.to_caps().expect("caps")));
        pipeline.set_state(gst::State::Playing).expect("the pipeline runs");
        for _ in 0..ROTATING {
            source.push_buffer(gst::Buffer::from_mut_slice(bytes.to_vec())).expect("pushed");
        }
        Self { pipeline, source, sink }
    }

    fn frame(&self) {
        let sample = self.sink.pull_sample().expect("a frame");
        let buffer = sample.buffer_owned().expect("a buffer");
        drop(sample);
        self.source.push_buffer(buffer).expect("pushed");
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).expect("the pipeline stops");
    }
}

fn pipeline(criterion: &mut Criterion) {
    gst::init().expect("GStreamer starts");
    gsthistomatch::plugin_register_static().expect("the plugin registers");
    for (format, gst_format) in [
        (Format::Rgb, VideoFormat::Rgb),
        (Format::Bgrx, VideoFormat::Bgrx),
        (Format::Gbr, VideoFormat::Gbr),
        (Format::Gray8, VideoFormat::Gray8),
    ] {
        let mut frames = Frames::new(format, Content::Natural, (1920, 1080), 1);
        let bytes = frames.rows(usize::MAX).next().expect("a frame").to_vec();
        let mut group = criterion.benchmark_group(format.to_string());
        group.sample_size(50);
        for element in ELEMENTS {
            let ring = Ring::new(element, gst_format, &bytes);
            group.bench_function(element.replace(" name=look", ""), |b| b.iter(|| ring.frame()));
        }
        group.finish();
    }
}

criterion_group! { benches, pipeline }
criterion_main! { benches }
