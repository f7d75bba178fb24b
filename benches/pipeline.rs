//! What the element costs in a pipeline: `appsrc ! ELEMENT ! appsink`, a frame at a time, where
//! `identity` shows what the pipeline costs without it.
//!
//! ```text
//! cargo bench --bench pipeline
//! ```

mod common;

use common::ring::Ring;
use common::{Content, Format, Frames};
use criterion::{Criterion, criterion_group, criterion_main};
use gst_video::VideoFormat;

const ELEMENTS: [&str; 4] = [
    "identity",
    "histomatch name=look",
    "histomatch name=look n-threads=2",
    "histomatch name=look n-threads=0",
];

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
            let info = gst_video::VideoInfo::builder(gst_format, 1920, 1080).build();
            let caps = info.expect("valid info").to_caps().expect("caps");
            let ring = Ring::new(element, &caps, &bytes);
            group.bench_function(element.replace(" name=look", ""), |b| b.iter(|| ring.frame()));
        }
        group.finish();
    }
}

criterion_group! { benches, pipeline }
criterion_main! { benches }
