//! Promise: the kernels of every instruction set count and rewrite samples as the definition says,
//! whatever the length of a row and its place in memory.

use std::collections::BTreeSet;
use std::ops;
use std::path::Path;
use std::process::Command;

use crate::common::frames::noise;
use crate::common::media;
use crate::common::programs::{run, text};
use gsthistomatch::color::{Encoding, LumaWeights, Range};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::frame::rows::{AlignedRow, RowGroup};
use gsthistomatch::frame::{Component, FrameLayout, PixelLayout, SampleLayout, Subsampling};
use gsthistomatch::histogram::Histogram;
use gsthistomatch::kernels::convert::{Conversion, ConvertedRows};
use gsthistomatch::kernels::grade::{GradeTables, PackedPixels, PackedRow};
use gsthistomatch::kernels::{InstructionSet, Kernels, Lut8, PixelKernels, RowKernels};
use gsthistomatch::lut::Lut;
use gsthistomatch::mapping::grade::{Grade, LEVELS, TONES};
use proptest::collection::vec;
use proptest::prelude::*;
use temp_dir::TempDir;

const fn pixel(pixel_stride: usize, first: usize, n_samples: usize) -> PixelLayout {
    PixelLayout { pixel_stride, first, n_samples }
}

const LAYOUTS: [PixelLayout; 13] = [
    pixel(1, 0, 1),
    pixel(2, 0, 1),
    pixel(2, 1, 1),
    pixel(2, 0, 2),
    pixel(3, 0, 1),
    pixel(3, 1, 1),
    pixel(3, 0, 3),
    pixel(4, 0, 1),
    pixel(4, 1, 1),
    pixel(4, 2, 1),
    pixel(4, 3, 1),
    pixel(4, 0, 3),
    pixel(4, 1, 3),
];

/// The kernels of an instruction set for some pixels.
fn pixel_kernels(pixel: PixelLayout, set: InstructionSet) -> Option<PixelKernels> {
    (Kernels::<u8>::select(set).pixels)(pixel)
}

/// Every kernel that this CPU can run. What it can't run is printed.
fn kernels() -> Vec<(PixelLayout, InstructionSet, PixelKernels)> {
    let (available, missing): (Vec<_>, Vec<_>) =
        InstructionSet::ALL.into_iter().partition(|set| set.is_available());
    for set in missing {
        println!("skipped: this CPU can't run the kernels of {set}");
    }
    let mut kernels = Vec::new();
    for set in available {
        assert_eq!(Kernels::<u8>::select(set).instruction_set, set, "they are not used");
        for layout in LAYOUTS {
            let kernel = pixel_kernels(layout, set).expect("a kernel for the layout");
            kernels.push((layout, set, kernel));
        }
    }
    kernels
}

/// Counts rows from the definition.
fn count(layout: PixelLayout, rows: &[&[u8]]) -> Vec<Histogram> {
    let mut histograms = vec![Histogram::empty(8); layout.n_samples];
    for pixel in rows.iter().flat_map(|row| row.chunks(layout.pixel_stride)) {
        for (sample, histogram) in pixel[layout.first..].iter().zip(&mut histograms) {
            histogram.bins[usize::from(*sample)] += 1;
        }
    }
    histograms
}

/// Rewrites a row from the definition.
fn apply(layout: PixelLayout, row: &[u8], tables: &[Lut8]) -> Vec<u8> {
    let mut row = row.to_vec();
    for pixel in row.chunks_mut(layout.pixel_stride) {
        for (sample, table) in pixel[layout.first..].iter_mut().zip(tables) {
            *sample = table[usize::from(*sample)];
        }
    }
    row
}

/// Tables that differ from each other and, unlike those of the rule, take all levels in no order.
fn tables(layout: PixelLayout) -> Vec<Lut8> {
    (0..layout.n_samples)
        .map(|i| {
            let mut levels: Lut8 = std::array::from_fn(|v| v as u8);
            let mut random = noise(i as u32 + 1);
            for v in (1..256).rev() {
                levels.swap(v, usize::from(random()) * (v + 1) / 256);
            }
            levels
        })
        .collect()
}

/// Counts and rewrites `row`, which lies in `memory` from `offset` on, and checks that nothing
/// around it changes.
fn check(
    layout: PixelLayout,
    (set, kernel): (InstructionSet, PixelKernels),
    memory: &[u8],
    offset: usize,
    len: usize,
) {
    let place = format!("{} {layout:?}, {len} bytes at {offset}", set);
    let row = &memory[offset..offset + len];
    let mut counter = (kernel.counter)();
    counter.add(row);
    assert!(counter.finish() == count(layout, &[row]), "count: {place}");

    let tables = tables(layout);
    let mut expected = memory.to_vec();
    expected[offset..offset + len].copy_from_slice(&apply(layout, row, &tables));
    let mut memory = memory.to_vec();
    (kernel.apply)(&mut memory[offset..offset + len], &tables);
    assert!(memory == expected, "apply: {place}");
}

type Content = Box<dyn FnMut() -> u8>;

/// Contents that are hard for one kernel or another.
fn contents() -> Vec<(&'static str, Content)> {
    let mut level = 0u8;
    let mut ramp = noise(5);
    vec![
        ("noise", Box::new(noise(1))),
        ("black", Box::new(|| 0)),
        ("white", Box::new(|| 255)),
        ("flat", Box::new(|| 0x9A)),
        // Each level follows its neighbour, as in a picture.
        (
            "natural",
            Box::new(move || {
                level = level.wrapping_add(ramp() % 5).wrapping_sub(2);
                level
            }),
        ),
    ]
}

#[test]
fn rows_of_all_short_lengths_and_offsets() {
    let mut content = noise(2);
    let memory: Vec<u8> = (0..1024).map(|_| content()).collect();
    for (layout, set, kernel) in kernels() {
        for pixels in 0..=200 {
            check(layout, (set, kernel), &memory, 64, pixels * layout.pixel_stride);
        }
        for offset in 0..64 {
            for pixels in [1, 63, 64, 65, 131] {
                check(layout, (set, kernel), &memory, offset, pixels * layout.pixel_stride);
            }
        }
    }
}

#[test]
fn long_rows_of_all_contents() {
    for (name, mut content) in contents() {
        println!("{name}");
        let memory: Vec<u8> = (0..200_001).map(|_| content()).collect();
        for (layout, set, kernel) in kernels() {
            let len = 199_990 / layout.pixel_stride * layout.pixel_stride;
            check(layout, (set, kernel), &memory, 7, len);
        }
    }
}

#[test]
fn every_level_and_every_pair_of_neighbours() {
    let memory: Vec<u8> = (0..=255u8).flat_map(|a| (0..=255u8).flat_map(move |b| [a, b])).collect();
    for (layout, set, kernel) in kernels() {
        let len = memory.len() / layout.pixel_stride * layout.pixel_stride;
        check(layout, (set, kernel), &memory, 0, len);
    }
}

#[test]
fn a_counter_starts_afresh_after_it_was_asked() {
    for (layout, set, kernel) in kernels() {
        let mut content = noise(3);
        let mut counter = (kernel.counter)();
        for pixels in [5000, 1, 0, 700] {
            let row: Vec<u8> = (0..pixels * layout.pixel_stride).map(|_| content()).collect();
            counter.add(&row);
            assert!(
                counter.finish() == count(layout, &[&row]),
                "{set}, {layout:?}, {pixels} pixels"
            );
        }
    }
}

proptest! {
    /// Rows of any number and length that are counted together.
    #[test]
    fn many_rows_are_one_histogram(
        rows in vec(vec(any::<u8>(), 0..900), 0..60),
        shift in 0..8u32,
    ) {
        for (layout, set, kernel) in kernels() {
            let rows: Vec<Vec<u8>> = rows
                .iter()
                .map(|row| {
                    let len = row.len() / layout.pixel_stride * layout.pixel_stride;
                    row[..len].iter().map(|sample| sample >> shift).collect()
                })
                .collect();
            let mut counter = (kernel.counter)();
            rows.iter().for_each(|row| counter.add(row));
            let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
            prop_assert!(counter.finish() == count(layout, &rows), "{}", set);
        }
    }

    #[test]
    fn any_row_is_counted_and_rewritten(memory in vec(any::<u8>(), 64..3000), offset in 0..64usize) {
        for (layout, set, kernel) in kernels() {
            let len = (memory.len() - offset) / layout.pixel_stride * layout.pixel_stride;
            check(layout, (set, kernel), &memory, offset, len);
        }
    }
}

#[test]
fn names_of_instruction_sets() {
    for set in InstructionSet::ALL {
        assert_eq!(set.name().parse(), Ok(set));
        assert!(set.includes(set.or_less()) && set.or_less().is_available());
    }
    let error = "sse9".parse::<InstructionSet>().expect_err("no such set");
    assert_eq!(error.to_string(), "'sse9' is none of scalar, sse41, avx2, avx512");
    assert!(InstructionSet::best().is_available());
}

/// The features that the compiler takes for granted where some are enabled.
fn features_where(enabled: &str) -> BTreeSet<String> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "cfg", "--target", "x86_64-unknown-linux-gnu"]);
    if !enabled.is_empty() {
        rustc.arg("-C").arg(format!("target-feature=+{}", enabled.replace(',', ",+")));
    }
    let output = rustc.output().expect("rustc starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cfg = String::from_utf8(output.stdout).expect("it is UTF-8");
    let feature = |line: &str| {
        let name = line.strip_prefix("target_feature=\"")?.strip_suffix('"')?;
        Some(name.to_string())
    };
    cfg.lines().filter_map(feature).collect()
}

/// Of every set, the features that functions of its files enable, as they are written there.
fn enabled_features(set: InstructionSet) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/kernels")
        .join(set.architecture().expect("not scalar"));
    let mut text = std::fs::read_to_string(folder.join(format!("{set}.rs"))).expect("readable");
    if let Ok(files) = std::fs::read_dir(folder.join(set.name())) {
        for file in files {
            text += &std::fs::read_to_string(file.expect("a file").path()).expect("readable");
        }
    }
    // Of attributes, and of macros that write them.
    let is_list = |text: &&str| {
        let is_name = |name: &str| {
            let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.';
            !name.is_empty() && name.chars().all(is_part)
        };
        text.split(',').all(is_name)
    };
    let quoted = text.split('"').skip(1).step_by(2);
    let features: BTreeSet<String> =
        quoted.filter(is_list).flat_map(|list| list.split(',').map(str::to_string)).collect();
    assert!(!features.is_empty(), "{set}");
    features
}

/// Each feature that a set's functions take for granted is looked for: what a CPU without one of
/// them has is another set.
#[test]
fn f127_a_cpu_that_lacks_one_feature_of_a_set_does_not_get_it() {
    let everywhere = features_where("");
    for set in InstructionSet::ALL.into_iter().skip(1) {
        let enabled: Vec<String> = enabled_features(set).into_iter().collect();
        let wanted = features_where(&enabled.join(","));
        let wanted: BTreeSet<&str> = wanted.difference(&everywhere).map(String::as_str).collect();
        if let Some(features) = set.features() {
            assert_eq!(features.iter().copied().collect::<BTreeSet<_>>(), wanted, "{set}");
        }
        for masked in wanted {
            let chosen = set.or_less_with(|feature| feature != masked);
            assert!(chosen != set && set.includes(chosen), "{set} without {masked}: {chosen}");
        }
        if set.features().is_some() {
            assert_eq!(set.or_less_with(|_| true), set);
        }
        assert_eq!(set.or_less_with(|_| false), InstructionSet::Scalar);
    }
}

/// What is asked of the CPU is what the list says.
#[test]
fn f127_this_cpu_has_what_its_features_say() {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let Some(flags) = cpuinfo.lines().find_map(|line| line.strip_prefix("flags")) else { return };
    let flags: BTreeSet<&str> = flags.split_whitespace().collect();
    let has = |feature: &str| {
        // Linux has names of its own for some.
        let name = match feature {
            "avx512vbmi2" | "avx512vnni" => feature.replace("avx512v", "avx512_v"),
            "avx512vpopcntdq" => "avx512_vpopcntdq".to_string(),
            "sse3" => "pni".to_string(),
            _ => feature.replace('.', "_"),
        };
        flags.contains(name.as_str())
    };
    for set in InstructionSet::ALL {
        let features = set.features();
        let has_all = features.is_some_and(|features| features.iter().all(|feature| has(feature)));
        assert_eq!(set.is_available(), has_all, "{set}");
        assert_eq!(set.or_less(), set.or_less_with(has), "{set}");
    }
}

#[test]
fn a_layout_without_a_kernel_is_refused() {
    let layout = PixelLayout { pixel_stride: 5, first: 0, n_samples: 3 };
    assert!(pixel_kernels(layout, InstructionSet::best()).is_none());
}

/// Sets `HISTOMATCH_KERNELS` for a pipeline, and gives what was written and what was said.
fn launch(kernels: Option<&str>) -> (Vec<u8>, String) {
    let folder = TempDir::new().expect("a temporary folder");
    let mut launch = Command::new("gst-launch-1.0");
    launch
        .args(
            "videotestsrc num-buffers=2 pattern=zone-plate kx2=20 ky2=20 ! video/x-raw,format=RGB"
                .split(' '),
        )
        .args(["!", "histomatch"])
        .arg(format!("reference-location={}", media("chelsea.png").display()))
        .args(["!", "filesink", "location=out.raw"])
        .env("GST_DEBUG", "histomatch:4")
        .env("GST_DEBUG_NO_COLOR", "1")
        .env_remove("HISTOMATCH_KERNELS");
    if let Some(kernels) = kernels {
        launch.env("HISTOMATCH_KERNELS", kernels);
    }
    let output = run(&mut launch, folder.path());
    assert!(output.status.success(), "{}", text(&output));
    (std::fs::read(folder.path().join("out.raw")).expect("it was written"), text(&output))
}

#[test]
fn the_environment_chooses_kernels_that_the_cpu_has() {
    let best = InstructionSet::best();
    let (expected, said) = launch(None);
    assert!(said.contains(&format!(": {best} kernels")), "{said}");
    assert!(!said.contains("WARN"), "{said}");
    for set in InstructionSet::ALL {
        let (bytes, said) = launch(Some(set.name()));
        assert!(bytes == expected, "{set}");
        assert!(said.contains(&format!(": {} kernels", set.or_less())), "{said}");
        assert_eq!(said.contains("This CPU can't run the kernels"), !set.is_available(), "{said}");
    }
    let (bytes, said) = launch(Some("mmx"));
    assert!(bytes == expected);
    assert!(said.contains(&format!(": {best} kernels")), "{said}");
    assert!(
        said.contains(
            "The environment variable HISTOMATCH_KERNELS is ignored: 'mmx' is none of scalar, \
             sse41, avx2, avx512. Unset it, or set it to one of them."
        ),
        "{said}"
    );
}

/// More than any kernel can count without a step in between, in one row and in many.
#[test]
fn many_samples_of_one_level() {
    let row = vec![77; 40_000_000];
    for set in instruction_sets() {
        let kernel = pixel_kernels(LAYOUTS[0], set).expect("a kernel for the layout");
        let mut counter = (kernel.counter)();
        counter.add(&row);
        row.chunks(1_000_003).for_each(|row| counter.add(row));
        assert_eq!(counter.finish()[0].bins[77], 80_000_000, "{set}");
    }
}

/// The instruction sets that this CPU has.
fn instruction_sets() -> impl Iterator<Item = InstructionSet> {
    InstructionSet::ALL.into_iter().filter(|set| set.is_available())
}

#[test]
fn bytes_are_rewritten_from_line_to_line() {
    let [table] = tables(LAYOUTS[0])[..] else { panic!("one table") };
    let mut content = noise(6);
    let memory: Vec<u8> = (0..300).map(|_| content()).collect();
    for set in instruction_sets() {
        for len in 0..=200 {
            let from = &memory[7..][..len];
            let mut to = memory.clone();
            (Kernels::<u8>::select(set).apply_to)(from, &mut to[50..][..len], &table);
            let mut expected = memory.clone();
            expected[50..][..len].copy_from_slice(&apply(LAYOUTS[0], from, &[table]));
            assert!(to == expected, "{set}, {len} bytes");
        }
    }
}

/// Counts and rewrites words of `depth` bits, which may have others above, in one row.
fn check_words(set: InstructionSet, depth: u32, row: &[u16]) {
    let mask = u16::MAX >> (16 - depth);
    let place = format!("{set}, {} words of {depth} bits", row.len());
    let mut counter = (Kernels::<u16>::select(set).counter)(depth);
    // Once more, it begins afresh.
    for _ in 0..2 {
        counter.add(row);
        let mut expected = Histogram::empty(depth);
        row.iter().for_each(|sample| expected.bins[usize::from(sample & mask)] += 1);
        let mut found = counter.finish();
        found[0].bins.truncate(1 << depth);
        assert!(found == [expected], "count: {place}");
    }

    let mut levels: Vec<u16> = (0..=mask).collect();
    let mut random = noise(depth);
    for v in (1..levels.len()).rev() {
        let random = usize::from(random()) << 8 | usize::from(random());
        levels.swap(v, (random * (v + 1)) >> 16);
    }
    let level = |&word: &u16| levels[usize::from(word & mask)] | word & !mask;
    let expected: Vec<u16> = row.iter().map(level).collect();
    let kernels = Kernels::<u16>::select(set);
    let table = (kernels.table)(&Lut { levels: levels.clone() });
    let mut found = row.to_vec();
    (kernels.apply)(&mut found, &table);
    assert!(found == expected, "apply: {place}");
    let mut found = vec![0; row.len()];
    (kernels.apply_to)(row, &mut found, &table);
    assert!(found == expected, "apply_to: {place}");
}

#[test]
fn words_are_counted_and_rewritten() {
    let mut content = noise(7);
    let memory: Vec<u16> = (0..1000).map(|_| u16::from_le_bytes([content(), content()])).collect();
    let every_word: Vec<u16> = (0..=u16::MAX).collect();
    for set in instruction_sets() {
        for depth in 9..=16 {
            for len in 0..=200 {
                check_words(set, depth, &memory[len..][..len]);
            }
            check_words(set, depth, &every_word);
            for (name, mut content) in contents() {
                println!("{name}");
                // Of smooth contents, the lower bits change.
                let row: Vec<u16> = (0..100_001)
                    .map(|_| {
                        u16::from(content()).wrapping_mul(if name == "noise" { 257 } else { 4 })
                    })
                    .collect();
                check_words(set, depth, &row);
            }
        }
    }
}

/// More than would fit into any queue.
#[test]
fn many_words_of_one_level() {
    let row = vec![777; 10_000_000];
    for set in instruction_sets() {
        let mut counter = (Kernels::<u16>::select(set).counter)(10);
        counter.add(&row);
        row.chunks(1_000_003).for_each(|row| counter.add(row));
        assert_eq!(counter.finish()[0].bins[777], 20_000_000, "{set}");
    }
}

#[test]
fn bytes_with_others_between_them_are_taken_out_and_put_back() {
    let mut content = noise(8);
    let memory: Vec<u8> = (0..1000).map(|_| content()).collect();
    let row: Vec<u8> = (0..200).map(|_| content()).collect();
    for (pixel_stride, offset) in [(1, 0), (2, 0), (2, 1), (3, 2), (4, 0), (4, 1), (4, 3)] {
        let place =
            SampleLayout { plane: 0, offset, pixel_stride, bytes: 1, big_endian: false, shift: 0 };
        let component = Component { depth: 8, place: Some(place) };
        let words = component.words().expect("there is code for it");
        for len in 1..=200 {
            // Nothing need be behind the last one.
            let end = offset + (len - 1) * pixel_stride + 1;
            let mut expected = memory[..end].to_vec();
            let places = (offset..end).step_by(pixel_stride);
            for (place, sample) in places.clone().zip(&row) {
                expected[place] = *sample;
            }
            for set in instruction_sets() {
                let transfer = Kernels::<u8>::select(set).transfer;
                let mut found = vec![0; len];
                (transfer.load)(&words, &memory[..end], &mut found);
                let samples: Vec<u8> = places.clone().map(|place| memory[place]).collect();
                assert!(found == samples, "{set}, {len} from {place:?}");
                let mut found = memory[..end].to_vec();
                (transfer.store)(&words, &row[..len], &mut found);
                assert!(found == expected, "{set}, {len} to {place:?}");
            }
        }
    }
}

#[test]
fn words_with_others_around_them_are_taken_out_and_put_back() {
    let mut content = noise(9);
    let memory: Vec<u8> = (0..2000).map(|_| content()).collect();
    // The strides and the words' places, in bytes, and the bits of samples and below them.
    for ((pixel_stride, offset), (depth, shift), big_endian) in [
        ((2, 0), (10, 6), false),
        ((2, 0), (12, 4), false),
        ((2, 0), (10, 0), false),
        ((2, 0), (16, 0), false),
        ((2, 0), (16, 0), true),
        ((4, 0), (10, 6), false),
        ((4, 2), (10, 6), false),
        ((4, 2), (12, 4), false),
        ((4, 0), (16, 0), false),
        ((4, 2), (16, 0), true),
        ((8, 0), (16, 0), false),
        ((8, 2), (12, 4), false),
        ((8, 6), (16, 0), false),
    ] {
        let place = SampleLayout { plane: 0, offset, pixel_stride, bytes: 2, big_endian, shift };
        let component = Component { depth, place: Some(place) };
        let words = component.words().expect("there is code for it");
        let read = if big_endian { u16::from_be_bytes } else { u16::from_le_bytes };
        let write = if big_endian { u16::to_be_bytes } else { u16::to_le_bytes };
        let max = u16::MAX >> (16 - depth);
        let row: Vec<u16> =
            memory.as_chunks().0.iter().rev().map(|&bytes| read(bytes) & max).collect();
        for len in 1..=200 {
            // Nothing need be behind the last one.
            let end = offset + (len - 1) * pixel_stride + 2;
            let places = (offset..end).step_by(pixel_stride);
            let word = |at: usize| read([memory[at], memory[at + 1]]);
            let mut expected = memory[..end].to_vec();
            for (at, sample) in places.clone().zip(&row) {
                let word = word(at) & !(max << shift) | sample << shift;
                expected[at..at + 2].copy_from_slice(&write(word));
            }
            let samples: Vec<u16> = places.clone().map(|at| word(at) >> shift & max).collect();
            for set in instruction_sets() {
                let transfer = Kernels::<u16>::select(set).transfer;
                let mut found = vec![0; len];
                (transfer.load)(&words, &memory[..end], &mut found);
                assert!(found == samples, "{set}, {len} from {place:?}");
                let mut found = memory[..end].to_vec();
                (transfer.store)(&words, &row[..len], &mut found);
                assert!(found == expected, "{set}, {len} to {place:?}");
            }
        }
    }
}

/// Goes through all steps of a conversion, and gives what became of channels and components.
fn convert<S: RowKernels>(
    set: InstructionSet,
    conversion: &Conversion,
    (width, n_rows): (usize, usize),
    content: impl FnMut() -> u8,
) -> Vec<Vec<S>> {
    let (mut content, max) = (content, conversion.to_channels.max);
    let mut words = |len, mask| -> Vec<S> {
        let mut sample = || (i32::from(content()) << 8 | i32::from(content())) & mask;
        (0..len).map(|_| S::new(sample())).collect()
    };
    // In a frame's memory, there may be other bits above a sample.
    let in_memory = words(width, !0);
    let mut row = |len| words(len, max);
    let Subsampling { horizontal, vertical, .. } = conversion.chroma;
    let mut group = RowGroup {
        components: vec![
            (0..vertical).map(|_| AlignedRow::from(&in_memory[..])).collect(),
            vec![AlignedRow::from(&row(width.div_ceil(horizontal))[..])],
            vec![AlignedRow::from(&row(width.div_ceil(horizontal))[..])],
        ],
        n_rows,
    };
    let matched: Vec<Vec<Vec<S>>> =
        (0..vertical).map(|_| (0..conversion.n_channels).map(|_| row(width)).collect()).collect();
    let steps = Kernels::<S>::select(set).conversion;
    let mut lines = ConvertedRows::new(width, conversion).expect("memory for a row");
    let mut found = Vec::new();
    group.pad_chroma(conversion.n_full());
    let mut view = group.view_mut(conversion.n_full());
    (steps.to_channels)(conversion, &view.shared(), &mut lines);
    for (y, matched) in matched.iter().enumerate().take(n_rows) {
        found.extend(lines.channels(y).map(<[S]>::to_vec));
        for ((_, to), from) in lines.to_match(y).zip(matched) {
            to.copy_from_slice(from);
        }
    }
    (steps.add_changes)(conversion, &mut view, &mut lines);
    found.extend(group.components.into_iter().flatten().map(|line| line.to_vec()));
    found
}

fn steps_equal_scalar<S: RowKernels>(depth: u32) {
    let ycbcr = Encoding::YCbCr(LumaWeights::BT709, Range::Limited);
    let rgb = Encoding::Rgb(Range::Full);
    let full = Encoding::YCbCr(LumaWeights::BT601, Range::Full);
    let luma = Encoding::Luma(LumaWeights::BT709, Range::Full);
    let subsampled = |horizontal, vertical, cosited| Subsampling { horizontal, vertical, cosited };
    for (components, channels, chroma) in [
        (ycbcr, rgb, subsampled(1, 1, false)),
        (ycbcr, rgb, subsampled(2, 1, true)),
        (ycbcr, rgb, subsampled(2, 1, false)),
        (full, rgb, subsampled(2, 2, true)),
        (ycbcr, rgb, subsampled(2, 2, false)),
        (ycbcr, rgb, subsampled(4, 1, true)),
        (ycbcr, rgb, subsampled(4, 4, false)),
        (rgb, ycbcr, Subsampling::NONE),
        (rgb, luma, Subsampling::NONE),
    ] {
        let conversion = Conversion::between(components, channels, chroma, depth);
        for width in (1..=200).chain([1920, 1921]) {
            // Not all rows need be there, at the bottom of a frame.
            for n_rows in 1..=chroma.vertical {
                let size = (width, n_rows);
                let by = |set| convert::<S>(set, &conversion, size, noise(width as u32 * depth));
                let expected = by(InstructionSet::Scalar);
                for set in instruction_sets().skip(1) {
                    assert!(by(set) == expected, "{set}, {size:?} pixels, {conversion:?}");
                }
            }
        }
    }
}

#[test]
fn steps_of_conversions_equal_the_plain_ones() {
    steps_equal_scalar::<u8>(8);
    steps_equal_scalar::<u16>(10);
    steps_equal_scalar::<u16>(16);
}

/// A grade as it may be learned, or stranger.
fn any_grade(random: &mut impl FnMut() -> u8, dither: bool) -> Grade {
    let weights = LumaWeights::BT709;
    let mut value = |low: f64, high: f64| low + (high - low) * f64::from(random()) / 255.;
    let reach = value(0., 3.);
    let mut grade = Grade { dither, ..Grade::identity(weights) };
    for i in 0..3 {
        for j in 0..3 {
            grade.matrix[i][j] += value(-reach, reach);
        }
        grade.offset[i] = value(-90., 90.);
    }
    let steepest = value(0., 3.);
    let mut tone = value(-100., 100.);
    for to in &mut grade.tone {
        tone += value(0., steepest);
        *to = tone.clamp(0., 255.);
    }
    grade.gain = std::array::from_fn(|_| value(0., 2.));
    grade.shift = [(); 2].map(|()| std::array::from_fn(|_| value(-40., 40.)));
    grade
}

/// Grades that are hard for one kernel or another.
fn grades() -> Vec<Grade> {
    let identity = Grade::identity(LumaWeights::BT709);
    let flat = |value| Grade { tone: vec![value; TONES], dither: true, ..identity.clone() };
    let strong = |factor: f64| Grade {
        matrix: [[factor, 0., -factor], [0., factor, -factor], [-factor, factor, factor]],
        gain: [2.; LEVELS],
        shift: [[120.; LEVELS], [-120.; LEVELS]],
        ..identity.clone()
    };
    let mut random = noise(11);
    let mut grades = vec![flat(0.), flat(255.), flat(99.3), strong(4.), strong(-4.), identity];
    grades.extend((0..6).map(|i| any_grade(&mut random, i % 2 == 1)));
    grades
}

/// A layout without places, as kernels for grades need none.
fn graded_layout(encoding: Encoding, chroma: Subsampling, depth: u32) -> FrameLayout {
    FrameLayout {
        width: 0,
        height: 0,
        encoding,
        colorimetry: Colorimetry::SRGB,
        components: vec![Component { depth, place: None }; encoding.n_channels()],
        chroma,
        planes: Vec::new(),
    }
}

/// The ways that pixels of R'G'B', or with chroma that two share, are packed.
fn packed(encoding: Encoding, chroma: Subsampling) -> Vec<PackedPixels> {
    let rgb = |pixel_stride, offsets| PackedPixels::Rgb { pixel_stride, offsets };
    let ycbcr = |luma, chroma| PackedPixels::YCbCr { luma, chroma };
    match (encoding, chroma.horizontal, chroma.vertical) {
        (Encoding::Rgb(_), ..) => vec![
            rgb(3, [0, 1, 2]),
            rgb(3, [2, 1, 0]),
            rgb(4, [0, 1, 2]),
            rgb(4, [2, 1, 0]),
            rgb(4, [1, 2, 3]),
            rgb(4, [3, 2, 1]),
        ],
        (Encoding::YCbCr(..), 2, 1) => {
            vec![ycbcr(0, [1, 3]), ycbcr(0, [3, 1]), ycbcr(1, [0, 2]), ycbcr(1, [2, 0])]
        }
        _ => Vec::new(),
    }
}

/// A row of samples in memory, from a byte on, with other bytes between and around them.
fn interleaved<S: RowKernels>(
    rows: [&[S]; 3],
    packed: PackedRow,
    offset: usize,
) -> (Vec<u8>, ops::Range<usize>) {
    let bytes = offset..offset + packed.bytes();
    let mut memory: Vec<u8> = (0..bytes.end + 7).zip(1..).map(|(_, byte)| byte as u8).collect();
    let places = match packed.pixels {
        PackedPixels::Rgb { pixel_stride, offsets } => offsets.map(|offset| (offset, pixel_stride)),
        PackedPixels::YCbCr { luma, chroma: [cb, cr] } => [(luma, 2), (cb, 4), (cr, 4)],
    };
    for (row, (first, stride)) in rows.into_iter().zip(places) {
        for (x, sample) in row.iter().enumerate() {
            memory[offset + first + x * stride] = sample.get() as u8;
        }
    }
    (memory, bytes)
}

/// Whether a row of packed pixels becomes what its components do.
fn packed_equals<S: RowKernels>(
    set: InstructionSet,
    (tables, layout): &(GradeTables, FrameLayout),
    (width, row): (usize, usize),
    offset: usize,
    [old, new]: [[&[S]; 3]; 2],
) {
    let Some(kernel) = Kernels::<S>::select(set).grade.packed else { return };
    for pixels in packed(layout.encoding, layout.chroma) {
        let packed = PackedRow { width, pixels };
        let (mut memory, bytes) = interleaved(old, packed, offset);
        kernel(tables, &mut memory[bytes], packed, row);
        assert!(memory == interleaved(new, packed, offset).0, "{set}, {packed:?} at {offset}");
    }
}

/// Grades `n_rows` rows of random samples, which lie in memory from `offset` on, as rows from `row` on. All
/// of the memory.
fn graded<S: RowKernels>(
    set: InstructionSet,
    graded_as: &(GradeTables, FrameLayout),
    (width, n_rows, row): (usize, usize, usize),
    offset: usize,
    content: &mut dyn FnMut() -> u8,
) -> Vec<Vec<S>> {
    let (tables, layout) = graded_as;
    let mut memory = |len: usize| -> Vec<S> {
        let mut sample = || i32::from(content()) << 8 | i32::from(content());
        (0..offset + len + 3).map(|_| S::new(sample())).collect()
    };
    let kernels = Kernels::<S>::select(set).grade;
    let shared = width.div_ceil(layout.chroma.horizontal);
    match layout.encoding {
        Encoding::Rgb(_) => {
            let old = [memory(width), memory(width), memory(width)];
            let mut rows = old.clone();
            let views = rows.each_mut().map(|row| &mut row[offset..][..width]);
            (kernels.rgb)(tables, views, row);
            let both = [&old, &rows];
            let both = both.map(|rows| rows.each_ref().map(|row| &row[offset..][..width]));
            packed_equals(set, graded_as, (width, row), offset, both);
            rows.into()
        }
        encoding => {
            let mut rows: Vec<Vec<S>> = (0..n_rows).map(|_| memory(width)).collect();
            let mut chroma = [memory(shared), memory(shared)];
            let (old_luma, old_chroma) = (rows[0].clone(), chroma.clone());
            let mut lumas: Vec<&mut [S]> =
                rows.iter_mut().map(|row| &mut row[offset..][..width]).collect();
            let views = chroma.each_mut().map(|row| &mut row[offset..][..shared]);
            let has_chroma = !matches!(encoding, Encoding::Luma(..));
            (kernels.ycbcr)(tables, &mut lumas, has_chroma.then_some(views), row);
            let both = [(&old_luma, &old_chroma), (&rows[0], &chroma)];
            let both = both.map(|(luma, [cb, cr])| {
                [&luma[offset..][..width], &cb[offset..][..shared], &cr[offset..][..shared]]
            });
            packed_equals(set, graded_as, (width, row), offset, both);
            rows.extend(chroma);
            rows
        }
    }
}

fn grades_equal_scalar<S: RowKernels>(depth: u32) {
    let ycbcr = Encoding::YCbCr(LumaWeights::BT709, Range::Limited);
    let rgb = Encoding::Rgb(Range::Full);
    let luma = Encoding::Luma(LumaWeights::BT709, Range::Limited);
    let shared = |horizontal, vertical| Subsampling { horizontal, vertical, cosited: false };
    for (encoding, chroma) in [
        (rgb, Subsampling::NONE),
        (luma, Subsampling::NONE),
        (ycbcr, Subsampling::NONE),
        (ycbcr, shared(2, 1)),
        (ycbcr, shared(2, 2)),
        (ycbcr, shared(1, 2)),
        (ycbcr, shared(4, 1)),
        (ycbcr, shared(4, 4)),
    ] {
        let layout = graded_layout(encoding, chroma, depth);
        for (i, grade) in grades().iter().enumerate() {
            let graded_as = (GradeTables::new(grade, &layout), layout.clone());
            let short = (0..=200).map(|width| (width, 0));
            let offsets = (0..64).flat_map(|offset| [(65, offset), (131, offset)]);
            let long = [(1920, 0), (1921, 5), (4097, 1)];
            // All lengths and offsets of some grades.
            let few = [(63, 0), (131, 3), (1921, 5)];
            let sizes: Vec<(usize, usize)> = match i % 4 {
                3 => short.chain(offsets).chain(long).collect(),
                _ => few.into(),
            };
            for (width, offset) in sizes {
                // Not all rows need be there, at the bottom of a frame.
                for n_rows in 1..=chroma.vertical {
                    for content in 0..4 {
                        let size = (width, n_rows, 4 * (width % 7));
                        let by = |set| {
                            let mut random = noise((width * depth as usize) as u32);
                            let mut content: Box<dyn FnMut() -> u8> = match content {
                                0 => Box::new(random),
                                1 => Box::new(move || if random() < 128 { 0 } else { 255 }),
                                2 => Box::new(|| 0),
                                _ => Box::new(|| 0x92),
                            };
                            graded::<S>(set, &graded_as, size, offset, &mut content)
                        };
                        let expected = by(InstructionSet::Scalar);
                        for set in instruction_sets().skip(1) {
                            assert!(
                                by(set) == expected,
                                "{set}, {size:?} pixels at {offset}, grade {i}, {layout:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn grades_equal_the_plain_ones() {
    grades_equal_scalar::<u8>(8);
    grades_equal_scalar::<u16>(8);
    grades_equal_scalar::<u16>(9);
    grades_equal_scalar::<u16>(10);
    grades_equal_scalar::<u16>(16);
}
