//! Each kernel by itself, on the rows of a 1080p frame, beside the yardsticks.
//!
//! ```text
//! cargo bench --bench kernels
//! cargo bench --bench kernels -- RGB/natural
//! ```

mod common;

use common::{Content, Format, Frames, ROTATING, instruction_sets};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gsthistomatch::kernels::select;
use gsthistomatch::lut::Lut;

fn kernels(criterion: &mut Criterion) {
    // Of GBR all planes are rows of GRAY8.
    for format in [Format::Rgb, Format::Bgrx, Format::Gray8] {
        for content in Content::ALL {
            let mut frames = Frames::new(format, content, (1920, 1080), ROTATING);
            let pixel = frames.layout.planes[0].pixel;
            let stride = frames.layout.width * pixel.pixel_stride;
            let luts = vec![Lut { levels: std::array::from_fn(|v| v as u8) }; pixel.n_samples];

            let mut group = criterion.benchmark_group(format!("{format}/{content}"));
            group.throughput(Throughput::Bytes(frames.bytes() as u64));
            group.bench_function("copy", |b| b.iter(|| frames.copy()));
            group.bench_function("add one", |b| b.iter(|| frames.add_one()));
            for set in instruction_sets() {
                let kernel = select(pixel, set).expect("a kernel for the layout");
                let mut counter = (kernel.counter)();
                group.bench_function(BenchmarkId::new("count", set), |b| {
                    b.iter(|| {
                        frames.rows(stride).for_each(|row| counter.add(row));
                        counter.finish()
                    });
                });
                group.bench_function(BenchmarkId::new("apply", set), |b| {
                    b.iter(|| frames.rows(stride).for_each(|row| (kernel.apply)(row, &luts)));
                });
            }
            group.finish();
        }
    }
}

criterion_group! { benches, kernels }
criterion_main! { benches }
