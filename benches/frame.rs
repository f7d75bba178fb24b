//! Whole frames, as the element runs them: count, match, apply.
//!
//! `warm` is one frame again and again; `rotating` is several in turn, as in a pipeline.
//!
//! ```text
//! cargo bench --bench frame
//! cargo bench --bench frame -- 1080p/RGB/natural
//! ```

mod common;

use std::time::Duration;

use common::{Content, Format, Frames, ROTATING, SIZES, instruction_sets};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gsthistomatch::workers::Workers;

fn frames(criterion: &mut Criterion) {
    let workers: Vec<Workers> = [1, 2].map(|n| Workers::new(n).0).into();
    for (size, width, height) in SIZES {
        for format in Format::BYTES {
            for content in Content::ALL {
                for (buffers, n) in [("warm", 1), ("rotating", ROTATING)] {
                    let mut frames = Frames::new(format, content, (width, height), n);
                    let name = format!("{size}/{format}/{content}/{buffers}");
                    let mut group = criterion.benchmark_group(name);
                    group.throughput(Throughput::Bytes(frames.bytes() as u64));
                    group.bench_function("copy", |b| b.iter(|| frames.copy()));
                    group.bench_function("add one", |b| b.iter(|| frames.add_one()));
                    for set in instruction_sets() {
                        for workers in &workers {
                            let mut matcher = frames.matcher(set);
                            let id = BenchmarkId::new(set.name(), workers.count());
                            group.bench_function(id, |b| {
                                b.iter(|| frames.process(&mut matcher, workers));
                            });
                        }
                    }
                    group.finish();
                }
            }
        }
    }
}

criterion_group! {
    name = benches;
    // There are some hundreds.
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = frames
}
criterion_main! { benches }
