//! Kernels of every instruction set count and rewrite any rows as the definition says.

use arbitrary::{Result, Unstructured};
use gsthistomatch::frame::PixelLayout;
use gsthistomatch::histogram::Histogram;
use gsthistomatch::kernels::{InstructionSet, Kernels, Lut8};
use gsthistomatch::lut::Lut;

use super::noise;

/// The layouts that there are kernels for: bytes of a pixel, the first with a sample, samples.
const LAYOUTS: [(usize, usize, usize); 13] = [
    (1, 0, 1),
    (2, 0, 1),
    (2, 1, 1),
    (2, 0, 2),
    (3, 0, 1),
    (3, 1, 1),
    (3, 0, 3),
    (4, 0, 1),
    (4, 1, 1),
    (4, 2, 1),
    (4, 3, 1),
    (4, 0, 3),
    (4, 1, 3),
];

#[derive(Debug)]
struct Input<'a> {
    layout: u8,
    /// Of words; 0 for none, which cost more.
    depth: u8,
    /// The place of the first row in memory.
    offset: u8,
    /// Of the tables.
    seed: u16,
    /// How often the content is repeated, so that rows get long.
    times: u8,
    /// By how many bits samples get smaller, so that many have one level.
    shift: u8,
    /// The pixels of each row.
    lens: [u16; 4],
    content: &'a [u8],
}

impl<'a> Input<'a> {
    fn new(mut u: Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            layout: u.arbitrary()?,
            depth: u.arbitrary()?,
            offset: u.arbitrary()?,
            seed: u.arbitrary()?,
            times: u.arbitrary()?,
            shift: u.arbitrary()?,
            lens: u.arbitrary()?,
            content: u.take_rest(),
        })
    }
}

/// Counts several rows together and rewrites each of them, as bytes and as words.
pub fn kernels(data: &[u8]) {
    let Ok(input) = Input::new(Unstructured::new(data)) else { return };
    let memory: Vec<u8> = input
        .content
        .iter()
        .map(|byte| byte >> (input.shift % 8))
        .collect::<Vec<_>>()
        .repeat(1 + usize::from(input.times) / 8);
    for set in InstructionSet::ALL.into_iter().filter(|set| set.is_available()) {
        bytes(&input, &memory, set);
        if input.depth > 0 {
            words(&input, &memory, set);
        }
    }
}

/// The rows that lie one behind the other from `offset` on, as far as there is memory.
fn rows(input: &Input, pixel: usize, len: usize) -> Vec<std::ops::Range<usize>> {
    let mut start = usize::from(input.offset % 64).min(len);
    let row = |&pixels: &u16| {
        let pixels = usize::from(pixels).min((len - start) / pixel);
        start += pixels * pixel;
        start - pixels * pixel..start
    };
    input.lens.iter().map(row).collect()
}

fn bytes(input: &Input, memory: &[u8], set: InstructionSet) {
    let (pixel_stride, first, n_samples) = LAYOUTS[usize::from(input.layout) % LAYOUTS.len()];
    let layout = PixelLayout { pixel_stride, first, n_samples };
    let kernel = (Kernels::<u8>::select(set).pixels)(layout).expect("a kernel for the layout");
    let mut random = noise(input.seed.into());
    let tables: Vec<Lut8> =
        (0..n_samples).map(|_| std::array::from_fn(|_| random() as u8)).collect();

    let mut counter = (kernel.counter)();
    let (mut found, mut expected) = (memory.to_vec(), memory.to_vec());
    let mut histograms = vec![Histogram::empty(8); n_samples];
    for row in rows(input, pixel_stride, memory.len()) {
        counter.add(&memory[row.clone()]);
        (kernel.apply)(&mut found[row.clone()], &tables);
        for pixel in expected[row].chunks_mut(pixel_stride) {
            for (i, sample) in pixel[first..first + n_samples].iter_mut().enumerate() {
                histograms[i].bins[usize::from(*sample)] += 1;
                *sample = tables[i][usize::from(*sample)];
            }
        }
    }
    assert!(counter.finish() == histograms, "{set} counts {layout:?} otherwise");
    assert!(found == expected, "{set} rewrites {layout:?} otherwise");
    // It has begun afresh.
    assert!(counter.finish() == vec![Histogram::empty(8); n_samples], "{set}, {layout:?}");
}

/// There may be other bits above those of a sample.
fn words(input: &Input, memory: &[u8], set: InstructionSet) {
    // Of 16 bits, tables are large, and the functions are those of 13.
    let depth =
        [9, 10, 12, 13, 16][usize::from(input.depth / 64) + usize::from(input.depth == 255)];
    let max = (1 << depth) - 1;
    let memory: Vec<u16> =
        memory.as_chunks().0.iter().map(|&word| u16::from_le_bytes(word)).collect();
    let mut random = noise(input.seed.into());
    let lut = Lut { levels: (0..=max).map(|_: u32| (random() & max) as u16).collect() };
    let kernels = Kernels::<u16>::select(set);
    let table = (kernels.table)(&lut);

    let mut counter = (Kernels::<u16>::select(set).counter)(depth);
    let (mut found, mut expected) = (memory.clone(), memory.clone());
    let mut histogram = Histogram::empty(depth);
    for row in rows(input, 1, memory.len()) {
        counter.add(&memory[row.clone()]);
        (kernels.apply)(&mut found[row.clone()], &table);
        for sample in &mut expected[row] {
            let level = *sample & max as u16;
            histogram.bins[usize::from(level)] += 1;
            *sample = *sample & !max as u16 | lut.levels[usize::from(level)];
        }
    }
    assert!(counter.finish() == [histogram], "{set} counts words of {depth} bits otherwise");
    assert!(found == expected, "{set} rewrites words of {depth} bits otherwise");
}
