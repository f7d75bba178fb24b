//! Each kernel by itself, on the rows of a 1080p frame, beside the yardsticks.
//!
//! ```text
//! cargo bench --bench kernels
//! cargo bench --bench kernels -- RGB/natural
//! ```

mod common;

use bytemuck::cast_slice_mut;
use common::{Content, Format, Frames, ROTATING, instruction_sets};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gsthistomatch::color::LumaWeights;
use gsthistomatch::frame::PixelLayout;
use gsthistomatch::grading::{Goal, Method, Rule, learn};
use gsthistomatch::kernels::Kernels;
use gsthistomatch::lut::Lut;
use gsthistomatch::statistics::ColorSample;

fn kernels(criterion: &mut Criterion) {
    // Of GBR all planes are rows of GRAY8.
    for (format, pixel_stride, n_samples) in
        [(Format::Rgb, 3, 3), (Format::Bgrx, 4, 3), (Format::Gray8, 1, 1)]
    {
        let pixel = PixelLayout { pixel_stride, first: 0, n_samples };
        for content in Content::ALL {
            let mut frames = Frames::new(format, content, (1920, 1080), ROTATING);
            let stride = frames.layout.width * pixel_stride;
            let tables = vec![std::array::from_fn(|v| v as u8); n_samples];

            let mut group = criterion.benchmark_group(format!("{format}/{content}"));
            group.throughput(Throughput::Bytes(frames.bytes() as u64));
            group.bench_function("copy", |b| b.iter(|| frames.copy()));
            group.bench_function("add one", |b| b.iter(|| frames.add_one()));
            for set in instruction_sets() {
                let kernel =
                    (Kernels::<u8>::select(set).pixels)(pixel).expect("a kernel for the layout");
                let mut counter = (kernel.counter)();
                group.bench_function(BenchmarkId::new("count", set), |b| {
                    b.iter(|| {
                        frames.rows(stride).for_each(|row| counter.add(row));
                        counter.finish()
                    });
                });
                group.bench_function(BenchmarkId::new("apply", set), |b| {
                    b.iter(|| frames.rows(stride).for_each(|row| (kernel.apply)(row, &tables)));
                });
            }
            group.finish();
        }
    }
}

/// The rows of a plane of 10 bits.
fn words(criterion: &mut Criterion) {
    for content in Content::ALL {
        let mut frames = Frames::new(Format::Gbr10, content, (1920, 1080), ROTATING);
        let stride = 2 * frames.layout.width;
        let lut = Lut { levels: (0..1 << 10).collect() };

        let mut group = criterion.benchmark_group(format!("{}/{content}", Format::Gbr10));
        group.throughput(Throughput::Bytes(frames.bytes() as u64));
        group.bench_function("copy", |b| b.iter(|| frames.copy()));
        for set in instruction_sets() {
            let kernels = Kernels::<u16>::select(set);
            let mut counter = (kernels.counter)(10);
            let table = (kernels.table)(&lut);
            group.bench_function(BenchmarkId::new("count", set), |b| {
                b.iter(|| {
                    frames.rows(stride).for_each(|row| counter.add(cast_slice_mut(row)));
                    counter.finish()
                });
            });
            group.bench_function(BenchmarkId::new("apply", set), |b| {
                b.iter(|| {
                    frames.rows(stride).for_each(|row| (kernels.apply)(cast_slice_mut(row), &table))
                });
            });
        }
        group.finish();
    }
}

/// What a grade is learned from the sample of a frame in.
fn learning(criterion: &mut Criterion) {
    let sample = |mut frames: Frames| {
        let colors = frames.rows(usize::MAX).next().expect("a frame").to_vec();
        let channel = |c: usize| colors[c..].iter().step_by(3 * 64).map(|&v| v.into()).collect();
        ColorSample { channels: [0, 1, 2].map(channel) }
    };
    let goal = Frames::new(Format::Rgb, Content::Noise, (1920, 1080), 1);
    let goal = Goal::new(&sample(goal), LumaWeights::BT709);
    for content in Content::ALL {
        let source = sample(Frames::new(Format::Rgb, content, (1920, 1080), 1));
        for method in [Method::Linear, Method::Grade] {
            let rule = Rule { method, ..Rule::default() };
            let mut group = criterion.benchmark_group(format!("{method:?}/{content}"));
            for set in instruction_sets() {
                group.bench_function(BenchmarkId::new("learn", set), |b| {
                    b.iter(|| learn(set, &source, &goal, rule));
                });
            }
            group.finish();
        }
    }
}

criterion_group! { benches, kernels, words, learning }
criterion_main! { benches }
