//! The kernels for AVX-512 with VBMI, VBMI2, VNNI and VPOPCNTDQ.
//!
//! # Packed pixels without shuffles
//!
//! `STRIDE` consecutive vectors of packed pixels hold each sample of a pixel at different bytes
//! of a vector: of R'G'B' the first vector has R' at bytes 0, 3, 6 …, the second (64 mod 3 = 1)
//! at bytes 2, 5, 8 …, the third at bytes 1, 4, 7 …. Blending the three by masks gives a vector of
//! R' alone, and blending the results puts them back. With a stride of four the places are the
//! same in each vector, so they are first made different by rotating the second vector's 4-byte
//! words by one byte, the third's by two, and so on; the same serves a stride of two.
//!
//! # Counting
//!
//! A vector of samples of one channel is split by their top two bits with `vpcompressb`, onto four
//! queues. When these are full, blocks of 512 samples are transposed to bit planes: a vector of
//! each sample's bit 0, and so on to bit 5. A population count of the AND of some planes says how
//! many samples have all those bits set; it is summed up for each of the 64 subsets of the planes.
//! At the end of the frame the bins follow from these 64 sums by inclusion and exclusion.

pub(super) mod words;

use std::arch::x86_64::*;
use std::mem;

use safe_unaligned_simd::x86_64::{_mm_loadu_si128, _mm_storeu_si128};
use safe_unaligned_simd::x86_64::{_mm256_loadu_si256, _mm256_storeu_si256};
use safe_unaligned_simd::x86_64::{_mm512_loadu_epi64, _mm512_storeu_epi64};

use super::compiled::compiled_kernels;
use super::cpu::Avx512;
use super::floats::change_chroma;
use super::grades::{grade_kernels, graded_bytes, graded_words};
use super::packed::packed_grades;
use super::vectors::{byte_samples, conversion_ops, operations, prefetch, word_samples};
use crate::frame::rows::{AlignedRow, RowGroupView, RowGroupViewMut, RowTransfer, Sample};
use crate::frame::{WordKind, Words};
use crate::histogram::Histogram;
use crate::kernels::grade::{
    FixedGrade, FloatCurve, FloatGrade, GradeKernels, GradeTables, LINES, Numbers, PackedKernel,
    PackedPixels, PackedRow,
};
use crate::kernels::scalar::grade::{self as plain, Chunk};
use crate::kernels::scalar::{bytes as scalar, convert, transfer};
use crate::kernels::{
    Counter, InstructionSet, Kernels, Lut8, MakePixelKernels, PixelKernels, Work, pixel_kernels,
};

/// Puts the functions for bytes in the place of others.
pub(super) fn override_bytes(cpu: Avx512, kernels: &mut Kernels<u8>) {
    kernels.instruction_set = InstructionSet::Avx512;
    // SAFETY: the argument proves that the CPU has the features.
    kernels.pixels = |pixel| pixel_kernels(unsafe { Avx512::in_use() }, pixel);
    kernels.counter = |_depth| {
        // SAFETY: as above.
        let cpu = unsafe { Avx512::in_use() };
        Box::new(Queues::<1, 0, 1, false>::new(cpu))
    };
    kernels.apply = |row, table| {
        // SAFETY: as above.
        unsafe { apply::<1, 0, 1>(row, std::slice::from_ref(table)) }
    };
    // SAFETY: as above.
    kernels.apply_to = |from, to, table| unsafe { apply_plane_to(from, to, table) };
    kernels.conversion = byte_conversion(cpu);
    kernels.grade = bytes::grade_kernels(cpu);
    kernels.transfer = byte_transfer(cpu);
}

impl MakePixelKernels for Avx512 {
    fn make<const STRIDE: usize, const FIRST: usize, const N: usize>(self) -> PixelKernels {
        PixelKernels {
            counter: || {
                // SAFETY: `self` proves that the CPU has the features.
                let cpu = unsafe { Avx512::in_use() };
                Box::new(Queues::<STRIDE, FIRST, N, true>::new(cpu))
            },
            // SAFETY: as above.
            apply: |row, tables| unsafe { apply::<STRIDE, FIRST, N>(row, tables) },
        }
    }
}

/// Bytes of a vector.
const VECTOR: usize = 64;

const LEVELS: usize = 256;

/// The most bytes of a group: a vector per byte of a pixel, so 64 whole pixels.
const MAX_GROUP: usize = 4 * VECTOR;

/// The bits of those bytes of vector `vector` of a group (rotated, see [`load_group`]) that hold
/// byte `offset` of a pixel.
#[inline(always)]
const fn places<const STRIDE: usize>(offset: usize, vector: usize) -> u64 {
    let (every, first) = match STRIDE {
        1 => (u64::MAX, 0),
        2 => (0x5555_5555_5555_5555, (offset + vector) % 2),
        // Byte p of the vector is byte (64 * vector + p) % 3 of a pixel, and -64 % 3 = 2.
        3 => (0x9249_2492_4924_9249, (offset + 2 * vector) % 3),
        4 => (0x1111_1111_1111_1111, (offset + vector) % 4),
        _ => panic!("no such pixels"),
    };
    every << first
}

/// The vectors of a group, in which no two hold the same byte of a pixel at the same place.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn load_group<const STRIDE: usize>(group: &[u8]) -> [__m512i; STRIDE] {
    let mut vectors = [_mm512_setzero_si512(); STRIDE];
    for (i, vector) in vectors.iter_mut().enumerate() {
        *vector = load(&group[VECTOR * i..]);
        if STRIDE == 2 || STRIDE == 4 {
            *vector = _mm512_rolv_epi32(*vector, _mm512_set1_epi32(8 * i as i32));
        }
    }
    vectors
}

/// Byte `offset` of the 64 pixels of a group, in some order.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn gather<const STRIDE: usize>(group: &[__m512i; STRIDE], offset: usize) -> __m512i {
    let mut samples = group[0];
    for (i, &vector) in group.iter().enumerate().skip(1) {
        samples = _mm512_mask_blend_epi8(places::<STRIDE>(offset, i), samples, vector);
    }
    samples
}

// Applying.

#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn apply<const STRIDE: usize, const FIRST: usize, const N: usize>(row: &mut [u8], tables: &[Lut8]) {
    let levels: &[Lut8; N] = tables.try_into().expect("one table per sample");
    let mut tables = [[_mm512_setzero_si512(); LEVELS / VECTOR]; N];
    for (to, levels) in tables.iter_mut().zip(levels) {
        *to = table(levels);
    }

    let mut groups = row.chunks_exact_mut(STRIDE * VECTOR);
    for group in &mut groups {
        prefetch(group);
        apply_group::<STRIDE, FIRST, N>(group, &tables);
    }
    let rest = groups.into_remainder();
    if !rest.is_empty() {
        let mut padded = [0; MAX_GROUP];
        padded[..rest.len()].copy_from_slice(rest);
        apply_group::<STRIDE, FIRST, N>(&mut padded[..STRIDE * VECTOR], &tables);
        rest.copy_from_slice(&padded[..rest.len()]);
    }
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn apply_group<const STRIDE: usize, const FIRST: usize, const N: usize>(
    group: &mut [u8],
    tables: &[[__m512i; LEVELS / VECTOR]; N],
) {
    let vectors = load_group::<STRIDE>(group);
    let mut samples = [_mm512_setzero_si512(); N];
    for (j, (samples, table)) in samples.iter_mut().zip(tables).enumerate() {
        *samples = look_up(gather(&vectors, FIRST + j), table);
    }
    for (i, &vector) in vectors.iter().enumerate() {
        // Where every byte is a sample, the blends replace all of them but the first sample's.
        let mut blended = if N == STRIDE { samples[0] } else { vector };
        for (j, &samples) in samples.iter().enumerate().skip(usize::from(N == STRIDE)) {
            blended = _mm512_mask_blend_epi8(places::<STRIDE>(FIRST + j, i), blended, samples);
        }
        if STRIDE == 2 || STRIDE == 4 {
            blended = _mm512_rorv_epi32(blended, _mm512_set1_epi32(8 * i as i32));
        }
        store(&mut group[VECTOR * i..], blended);
    }
}

#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn apply_plane_to(from: &[u8], to: &mut [u8], levels: &Lut8) {
    let table = table(levels);
    let (vectors, rest) = from.as_chunks::<VECTOR>();
    let (to_vectors, to_rest) = to.as_chunks_mut::<VECTOR>();
    for (from, to) in vectors.iter().zip(to_vectors) {
        store(to, look_up(load(from), &table));
    }
    scalar::apply_to(rest, to_rest, levels);
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn table(levels: &Lut8) -> [__m512i; LEVELS / VECTOR] {
    let mut table = [_mm512_setzero_si512(); LEVELS / VECTOR];
    for (part, levels) in table.iter_mut().zip(levels.chunks_exact(VECTOR)) {
        *part = load(levels);
    }
    table
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn look_up(samples: __m512i, table: &[__m512i; LEVELS / VECTOR]) -> __m512i {
    let below_128 = _mm512_permutex2var_epi8(table[0], samples, table[1]);
    let from_128 = _mm512_permutex2var_epi8(table[2], samples, table[3]);
    _mm512_mask_blend_epi8(_mm512_movepi8_mask(samples), below_128, from_128)
}

// Counting.

/// Samples of a block: a bit plane of it fills a vector.
const BLOCK: usize = 8 * VECTOR;

/// Blocks that are counted together. With fewer, the sums are loaded and stored more often; with
/// more, the queues leave the first-level cache.
const BLOCKS: usize = 8;

/// Groups that are split before the queues are looked at.
const TILE_GROUPS: usize = 32;

/// The planes of a block that are left when the top two bits are known.
const PLANES: usize = 6;

/// Subsets of half of the planes.
const HALF: usize = 1 << (PLANES / 2);

/// A 512-bit value in memory.
type Lanes = [u64; 8];

/// Samples that have the same top two bits.
#[repr(align(64))]
#[derive(Debug)]
struct Queue {
    /// For each subset of the planes: the number of samples that had all its bits set, spread over
    /// lanes. The empty subset stands for all samples.
    sums: [Lanes; 1 << PLANES],
    /// Room for one sample less than is counted together, a tile, and the unused end of a vector.
    samples: [u8; BLOCKS * BLOCK + (TILE_GROUPS + 1) * VECTOR],
}

/// The ANDs of the subsets of the lower and of the upper half of a block's planes. The empty
/// subset, at index 0, is not used.
#[repr(align(64))]
#[derive(Clone, Copy, Debug)]
struct Products {
    lower: [Lanes; HALF],
    upper: [Lanes; HALF],
}

/// Counts rows. If they are in a frame, the memory behind them is prefetched.
#[derive(Debug)]
struct Queues<const STRIDE: usize, const FIRST: usize, const N: usize, const IN_FRAME: bool> {
    /// Of each sample of a pixel, by the top two bits.
    queues: Vec<[Queue; 4]>,
    /// The samples in each queue. Not in the queues, so that registers hold them while a tile is
    /// split.
    lens: [[usize; 4]; N],
    /// Room for [`Queue::count_blocks`].
    products: [Products; BLOCKS],
    /// Black pixels that were added to fill groups.
    padding: u64,
    _cpu: Avx512,
}

impl<const STRIDE: usize, const FIRST: usize, const N: usize, const IN_FRAME: bool>
    Queues<STRIDE, FIRST, N, IN_FRAME>
{
    fn new(cpu: Avx512) -> Self {
        Self {
            queues: (0..N).map(|_| [(); 4].map(|()| Queue::new())).collect(),
            lens: [[0; 4]; N],
            products: [Products { lower: [[0; 8]; HALF], upper: [[0; 8]; HALF] }; BLOCKS],
            padding: 0,
            _cpu: cpu,
        }
    }

    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn add_row(&mut self, row: &[u8]) {
        for tile in row.chunks(TILE_GROUPS * STRIDE * VECTOR) {
            let (groups, rest) = tile.split_at(tile.len() - tile.len() % (STRIDE * VECTOR));
            self.split(groups);
            if !rest.is_empty() {
                let mut padded = [0; MAX_GROUP];
                padded[..rest.len()].copy_from_slice(rest);
                self.split(&padded[..STRIDE * VECTOR]);
                self.padding += (VECTOR - rest.len() / STRIDE) as u64;
            }

            let queues = self.queues.as_flattened_mut();
            for (queue, len) in queues.iter_mut().zip(self.lens.as_flattened_mut()) {
                // From the end, so that nothing is left behind that has to be moved.
                while *len >= BLOCKS * BLOCK {
                    *len -= BLOCKS * BLOCK;
                    queue.count_blocks(*len, &mut self.products);
                }
            }
        }
    }

    /// Appends each sample of some groups to the queue of its top two bits.
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn split(&mut self, groups: &[u8]) {
        let mut lens = self.lens;
        for group in groups.chunks_exact(STRIDE * VECTOR) {
            if IN_FRAME {
                prefetch(group);
            }
            let vectors = load_group::<STRIDE>(group);
            for (j, (queues, lens)) in self.queues.iter_mut().zip(&mut lens).enumerate() {
                let samples = gather(&vectors, FIRST + j);
                let [bit_6, bit_7] = upper_bits(samples);
                for ((queue, len), mask) in queues.iter_mut().zip(lens).zip(quarters(bit_6, bit_7))
                {
                    append(&mut queue.samples, len, mask, samples);
                }
            }
        }
        self.lens = lens;
    }

    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn histograms(&mut self) -> Vec<Histogram> {
        let padding = mem::take(&mut self.padding);
        let mut histograms = Vec::with_capacity(N);
        for (queues, lens) in self.queues.iter_mut().zip(mem::replace(&mut self.lens, [[0; 4]; N]))
        {
            let mut histogram = Histogram::empty(8);
            let bins = histogram.bins.chunks_exact_mut(1 << PLANES);
            for ((bins, queue), len) in bins.zip(queues).zip(lens) {
                bins.copy_from_slice(&queue.finish(len, &mut self.products));
            }
            histogram.bins[0] -= padding;
            histograms.push(histogram);
        }
        histograms
    }
}

/// Bit 6 and bit 7 of each byte.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn upper_bits(bytes: V) -> [u64; 2] {
    [_mm512_movepi8_mask(_mm512_add_epi8(bytes, bytes)), _mm512_movepi8_mask(bytes)]
}

/// The samples that have neither bit, the lower, the upper, and both.
#[inline(always)]
fn quarters(lower: u64, upper: u64) -> [u64; 4] {
    [!(upper | lower), !upper & lower, upper & !lower, upper & lower]
}

/// Appends some of the samples to others, behind which there is room for a vector.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn append(to: &mut [u8], len: &mut usize, mask: u64, samples: __m512i) {
    store(&mut to[*len..], _mm512_maskz_compress_epi8(mask, samples));
    *len += mask.count_ones() as usize;
}

impl<const STRIDE: usize, const FIRST: usize, const N: usize, const IN_FRAME: bool> Counter
    for Queues<STRIDE, FIRST, N, IN_FRAME>
{
    fn add(&mut self, row: &[u8]) {
        // SAFETY: a counter is only made with the token that the CPU has the features.
        unsafe { self.add_row(row) }
    }

    fn finish(&mut self) -> Vec<Histogram> {
        // SAFETY: as in `add`.
        unsafe { self.histograms() }
    }
}

impl Queue {
    fn new() -> Self {
        Self {
            sums: [[0; 8]; 1 << PLANES],
            samples: [0; BLOCKS * BLOCK + (TILE_GROUPS + 1) * VECTOR],
        }
    }

    /// Counts the [`BLOCKS`] blocks from sample `start` on.
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn count_blocks(&mut self, start: usize, products: &mut [Products; BLOCKS]) {
        let (blocks, _) = self.samples[start..][..BLOCKS * BLOCK].as_chunks::<BLOCK>();
        for (products, block) in products.iter_mut().zip(blocks) {
            products.set(&bit_planes(block));
        }

        // Two of the upper half's subsets at a time: their sums with all of the lower half's fill
        // half of the registers.
        for (upper, sums) in (0..HALF).step_by(2).zip(self.sums.chunks_exact_mut(2 * HALF)) {
            let mut counts = [[_mm512_setzero_si512(); HALF]; 2];
            for products in &*products {
                for lower in 0..HALF {
                    for (i, counts) in counts.iter_mut().enumerate() {
                        if upper + i > 0 || lower > 0 {
                            let product = products.of_subset(lower, upper + i);
                            counts[lower] =
                                _mm512_add_epi64(counts[lower], _mm512_popcnt_epi64(product));
                        }
                    }
                }
            }
            for (sum, &count) in sums.iter_mut().zip(counts.as_flattened()) {
                let total = _mm512_add_epi64(_mm512_loadu_epi64(sum), count);
                _mm512_storeu_epi64(sum, total);
            }
        }
        self.sums[0][0] += (BLOCKS * BLOCK) as u64;
    }

    /// The bins, by the lower bits, of what was counted since the last call and of the first `len`
    /// samples, which are less than is counted together.
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn finish(&mut self, len: usize, products: &mut [Products; BLOCKS]) -> [u64; 1 << PLANES] {
        let padding = BLOCKS * BLOCK - len;
        self.samples[len..][..padding].fill(0);
        self.count_blocks(0, products);

        let mut bins = [0; 1 << PLANES];
        for (bin, sum) in bins.iter_mut().zip(&mut self.sums) {
            *bin = mem::take(sum).iter().sum();
        }
        // Möbius inversion: from "has these bits, and perhaps others" to "has these bits alone",
        // one bit after the other.
        for bit in (0..PLANES).map(|plane| 1 << plane) {
            for subset in (0..bins.len()).filter(|subset| subset & bit == 0) {
                bins[subset] -= bins[subset | bit];
            }
        }
        bins[0] -= padding as u64;
        bins
    }
}

impl Products {
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn set(&mut self, planes: &[__m512i; PLANES]) {
        let (lower, upper) = planes.split_at(PLANES / 2);
        for (planes, products) in [(lower, &mut self.lower), (upper, &mut self.upper)] {
            let [a, b, c] = *planes else { unreachable!("half of the planes") };
            let a_and_b = _mm512_and_si512(a, b);
            let (a_and_c, b_and_c) = (_mm512_and_si512(a, c), _mm512_and_si512(b, c));
            let all = _mm512_and_si512(a_and_b, c);
            for (product, value) in
                products[1..].iter_mut().zip([a, b, a_and_b, c, a_and_c, b_and_c, all])
            {
                _mm512_storeu_epi64(product, value);
            }
        }
    }

    /// The AND of the planes of a subset that isn't empty.
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn of_subset(&self, lower: usize, upper: usize) -> __m512i {
        match (lower, upper) {
            (_, 0) => _mm512_loadu_epi64(&self.lower[lower]),
            (0, _) => _mm512_loadu_epi64(&self.upper[upper]),
            _ => _mm512_and_si512(
                _mm512_loadu_epi64(&self.lower[lower]),
                _mm512_loadu_epi64(&self.upper[upper]),
            ),
        }
    }
}

/// Bits 0 to 5 of the samples of a block: bit i of all samples in plane i, at the same place of
/// each plane.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn bit_planes(block: &[u8; BLOCK]) -> [__m512i; PLANES] {
    let mut v = [_mm512_setzero_si512(); 8];
    for (vector, bytes) in v.iter_mut().zip(block.chunks_exact(VECTOR)) {
        *vector = load(bytes);
    }
    // Each step halves the bits of a byte that a vector holds, and doubles the samples.
    let (low_0, high_0) = interleave::<4>(v[0], v[4]);
    let (low_1, high_1) = interleave::<4>(v[1], v[5]);
    let (low_2, high_2) = interleave::<4>(v[2], v[6]);
    let (low_3, high_3) = interleave::<4>(v[3], v[7]);
    let (bits_01_0, bits_23_0) = interleave::<2>(low_0, low_2);
    let (bits_01_1, bits_23_1) = interleave::<2>(low_1, low_3);
    let (bits_45_0, _) = interleave::<2>(high_0, high_2);
    let (bits_45_1, _) = interleave::<2>(high_1, high_3);
    let (bit_0, bit_1) = interleave::<1>(bits_01_0, bits_01_1);
    let (bit_2, bit_3) = interleave::<1>(bits_23_0, bits_23_1);
    let (bit_4, bit_5) = interleave::<1>(bits_45_0, bits_45_1);
    [bit_0, bit_1, bit_2, bit_3, bit_4, bit_5]
}

/// Of every `2 * BITS` bits of `a` and `b`: the lower `BITS` of both, and the upper `BITS` of both.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn interleave<const BITS: u32>(a: __m512i, b: __m512i) -> (__m512i, __m512i) {
    let lower = _mm512_set1_epi64(match BITS {
        4 => 0x0F0F_0F0F_0F0F_0F0F,
        2 => 0x3333_3333_3333_3333,
        1 => 0x5555_5555_5555_5555,
        _ => unreachable!("no such step"),
    });
    let shifted_b = _mm512_slli_epi64::<BITS>(b);
    let shifted_a = _mm512_srli_epi64::<BITS>(a);
    (choose_bits(lower, a, shifted_b), choose_bits(lower, shifted_a, b))
}

/// The bits of `x` where those of `mask` are set, and of `y` elsewhere.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn choose_bits(mask: V, x: V, y: V) -> V {
    // Bit i of the constant: the outcome where the bits of the mask, x and y are the bits of i.
    _mm512_ternarylogic_epi64::<0b1100_1010>(mask, x, y)
}

// Conversions.

use safe_unaligned_simd::x86_64::{
    _mm512_loadu_epi8 as loadu_bytes, _mm512_loadu_epi16 as loadu_words,
    _mm512_storeu_epi8 as storeu_bytes, _mm512_storeu_epi16 as storeu_words,
};
use std::arch::x86_64::{
    __m512i as V, _mm512_add_epi16 as add16, _mm512_adds_epi16 as adds16,
    _mm512_alignr_epi8 as alignr_epi8, _mm512_and_si512 as and, _mm512_andnot_si512 as andnot,
    _mm512_dpwssd_epi32 as add_products, _mm512_madd_epi16 as products,
    _mm512_maddubs_epi16 as maddubs, _mm512_max_epi16 as max16, _mm512_max_epu8 as max8,
    _mm512_min_epi16 as min16, _mm512_min_epu8 as min8, _mm512_mulhi_epi16 as mulhi,
    _mm512_mulhrs_epi16 as mulhrs, _mm512_or_si512 as or, _mm512_packs_epi32 as packs32,
    _mm512_packus_epi16 as packus16, _mm512_packus_epi32 as packus32,
    _mm512_set1_epi16 as set1_epi16, _mm512_set1_epi32 as splat32, _mm512_setzero_si512 as zero,
    _mm512_sll_epi16 as sll_epi16, _mm512_sra_epi16 as sra_epi16, _mm512_sra_epi32 as sra_epi32,
    _mm512_srl_epi16 as srl_epi16, _mm512_sub_epi16 as sub16, _mm512_unpackhi_epi8 as unpackhi8,
    _mm512_unpackhi_epi16 as unpackhi16, _mm512_unpacklo_epi8 as unpacklo8,
    _mm512_unpacklo_epi16 as unpacklo16, _mm512_xor_si512 as xor,
};

operations!("avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt");

#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn in_order(parts: V) -> V {
    _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), parts)
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn alternate(even: V, odd: V) -> [V; 2] {
    let (low, high) = (unpacklo16(even, odd), unpackhi16(even, odd));
    [
        _mm512_permutex2var_epi64(low, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high),
        _mm512_permutex2var_epi64(low, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), high),
    ]
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn widen(bytes: &[u8]) -> V {
    let bytes = bytes.first_chunk::<{ VECTOR / 2 }>().expect("half a vector of bytes");
    _mm512_cvtepu8_epi16(_mm256_loadu_si256(bytes))
}

/// Of 16 bits each.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn narrow(bytes: &mut [u8], samples: V) {
    let bytes = bytes.first_chunk_mut::<{ VECTOR / 2 }>().expect("half a vector of bytes");
    _mm256_storeu_si256(bytes, _mm512_cvtepi16_epi8(samples));
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn widen32(bytes: &[u8]) -> V {
    let bytes = bytes.first_chunk::<{ VECTOR / 4 }>().expect("a quarter of a vector of bytes");
    _mm512_cvtepu8_epi32(_mm_loadu_si128(bytes))
}

/// Of 32 bits each.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn narrow32(bytes: &mut [u8], samples: V) {
    let bytes = bytes.first_chunk_mut::<{ VECTOR / 4 }>().expect("a quarter of a vector of bytes");
    _mm_storeu_si128(bytes, _mm512_cvtepi32_epi8(samples));
}

/// The part of 128 bits before each one, the last of `before` at first.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn part_before(parts: V, before: V) -> V {
    _mm512_alignr_epi64::<6>(parts, before)
}

/// 16 bytes in each part.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn repeated(bytes: &[u8; 16]) -> V {
    _mm512_broadcast_i32x4(_mm_loadu_si128(bytes))
}

/// Parts of 32 pieces.
const TONE_PARTS: usize = 2;
const CHROMA_PARTS: usize = 1;

/// The values of a curve. If there are two parts, those of pieces below 0 are the second.
#[derive(Clone, Copy)]
struct Curve<const PARTS: usize>([V; PARTS]);

/// Pieces, the lower bits of which count.
#[derive(Clone, Copy)]
struct Pieces<const PARTS: usize>([V; 2]);

#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn curve<const PARTS: usize>(values: &[i16]) -> Curve<PARTS> {
    let mut curve = Curve([zero(); PARTS]);
    for (part, values) in values.as_chunks::<{ VECTOR / 2 }>().0.iter().enumerate() {
        curve.0[PARTS - 1 - part] = load16(bytemuck::cast_slice(values));
    }
    curve
}

/// The pieces, 1024 wide, that some values are in.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn pieces<const PARTS: usize>([low, high]: [V; 2]) -> Pieces<PARTS> {
    let of_1024 = splat16(64);
    Pieces([mulhi(low, of_1024), mulhi(high, of_1024)])
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn values_at<const PARTS: usize>(curve: &Curve<PARTS>, pieces: &Pieces<PARTS>) -> [V; 2] {
    let mut values = pieces.0;
    for value in &mut values {
        *value = match PARTS {
            1 => _mm512_permutexvar_epi16(*value, curve.0[0]),
            _ => _mm512_permutex2var_epi16(curve.0[0], *value, curve.0[1]),
        };
    }
    values
}

mod bytes {
    use super::*;

    byte_samples!("avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt");
    conversion_ops!(Avx512, "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt", u8);

    /// Where every third byte of three vectors is, from one on, as an index of the first two, or of the third.
    const fn out_of_three(first: usize) -> [u8; VECTOR] {
        let mut places = [0; VECTOR];
        let mut i = 0;
        while i < VECTOR {
            places[i] = ((3 * i + first) % (2 * VECTOR)) as u8;
            i += 1;
        }
        places
    }

    /// The samples that are in the third vector.
    const fn in_third(first: usize) -> u64 {
        u64::MAX << (2 * VECTOR - first).div_ceil(3)
    }

    /// For each of three vectors, the sample that each third byte of it takes.
    const INTO_THREE: [[u8; VECTOR]; 3] = {
        let mut samples = [[0; VECTOR]; 3];
        let mut i = 0;
        while i < 3 * VECTOR {
            samples[i / VECTOR][i % VECTOR] = (i / 3) as u8;
            i += 1;
        }
        samples
    };

    /// Every third byte of three vectors, from one on.
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn third_bytes<const FIRST: usize>([first, second, third]: [V; 3]) -> V {
        let places = load(const { &out_of_three(FIRST) });
        let samples = _mm512_permutex2var_epi8(first, places, second);
        _mm512_mask_permutexvar_epi8(samples, const { in_third(FIRST) }, places, third)
    }

    /// Bytes from memory where two lie between them. A vector of them is in three.
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn load_bytes_of_3(words: &Words, from: &[u8], row: &mut [u8]) {
        let groups = from[words.offset..].as_chunks::<{ 3 * VECTOR }>().0;
        let rows = row.as_chunks_mut::<VECTOR>().0;
        let n = groups.len().min(rows.len());
        for (to, group) in rows.iter_mut().zip(groups) {
            prefetch(group);
            let parts = [load(group), load(&group[VECTOR..]), load(&group[2 * VECTOR..])];
            store(to, third_bytes::<0>(parts));
        }
        let rest = Words { offset: words.offset + 3 * n * VECTOR, ..*words };
        load_row(&rest, from, &mut row[n * VECTOR..]);
    }

    /// And back; what lies between stays as it is.
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn store_bytes_of_3(words: &Words, row: &[u8], to: &mut [u8]) {
        let groups = to[words.offset..].as_chunks_mut::<{ 3 * VECTOR }>().0;
        let rows = row.as_chunks::<VECTOR>().0;
        let n = groups.len().min(rows.len());
        let [first, second, third] = &INTO_THREE;
        let taken = [load(first), load(second), load(third)];
        for (from, group) in rows.iter().zip(groups) {
            let samples = load(from);
            for (i, part) in group.as_chunks_mut::<VECTOR>().0.iter_mut().enumerate() {
                let old = load(part);
                let new = _mm512_mask_permutexvar_epi8(old, places::<3>(0, i), taken[i], samples);
                store(part, new);
            }
        }
        let rest = Words { offset: words.offset + 3 * n * VECTOR, ..*words };
        store_row(&rest, &row[n * VECTOR..], to);
    }

    /// The bytes of pixels, each of which has four, by their places in them.
    const BY_PLACE: [u8; VECTOR] = {
        let mut places = [0; VECTOR];
        let mut i = 0;
        while i < VECTOR {
            places[i] = (i % 16 * 4 + i / 16) as u8;
            i += 1;
        }
        places
    };

    /// And back.
    const BY_PIXEL: [u8; VECTOR] = {
        let mut places = [0; VECTOR];
        let mut i = 0;
        while i < VECTOR {
            places[i] = (i % 4 * 16 + i / 4) as u8;
            i += 1;
        }
        places
    };

    /// The first parts of four vectors, their second ones, and so on.
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn transposed([a, b, c, d]: [V; 4]) -> [V; 4] {
        const EVEN: i32 = 0b10_00_10_00;
        const ODD: i32 = 0b11_01_11_01;
        let even = (_mm512_shuffle_i64x2::<EVEN>(a, b), _mm512_shuffle_i64x2::<EVEN>(c, d));
        let odd = (_mm512_shuffle_i64x2::<ODD>(a, b), _mm512_shuffle_i64x2::<ODD>(c, d));
        [
            _mm512_shuffle_i64x2::<EVEN>(even.0, even.1),
            _mm512_shuffle_i64x2::<EVEN>(odd.0, odd.1),
            _mm512_shuffle_i64x2::<ODD>(even.0, even.1),
            _mm512_shuffle_i64x2::<ODD>(odd.0, odd.1),
        ]
    }

    /// The bytes at each place in the pixels of a block.
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn channels_of<const STRIDE: usize>(pixels: &[u8]) -> [V; 4] {
        let mut parts = [zero(); 4];
        for (part, bytes) in parts.iter_mut().zip(pixels.as_chunks::<VECTOR>().0) {
            *part = load(bytes);
        }
        if STRIDE == 4 {
            let places = load(&BY_PLACE);
            for part in &mut parts {
                *part = _mm512_permutexvar_epi8(places, *part);
            }
            return transposed(parts);
        }
        let parts = [parts[0], parts[1], parts[2]];
        [third_bytes::<0>(parts), third_bytes::<1>(parts), third_bytes::<2>(parts), zero()]
    }

    /// And back; the bytes of `kept` stay as they are.
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn put_channels<const STRIDE: usize>(pixels: &mut [u8], channels: [V; 4], kept: V) {
        let bytes = pixels.as_chunks_mut::<VECTOR>().0;
        if STRIDE == 4 {
            let places = load(&BY_PIXEL);
            for (bytes, part) in bytes.iter_mut().zip(transposed(channels)) {
                let part = _mm512_permutexvar_epi8(places, part);
                let old = load(bytes);
                store(bytes, choose_bits(kept, old, part));
            }
            return;
        }
        for (i, bytes) in bytes.iter_mut().take(3).enumerate() {
            let samples = load(&INTO_THREE[i]);
            // Of the second channel, the indices are those of a second vector.
            let second = _mm512_maskz_set1_epi8(places::<3>(1, i), VECTOR as i8);
            let both = _mm512_permutex2var_epi8(channels[0], or(samples, second), channels[1]);
            let third = places::<3>(2, i);
            store(bytes, _mm512_mask_permutexvar_epi8(both, third, samples, channels[2]));
        }
    }

    graded_bytes!("avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt");
    packed_grades!("avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt");
    grade_kernels!(Avx512, "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt", u8);
}

compiled_kernels!(Avx512, "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt");

mod floats {
    use super::*;

    use std::arch::x86_64::{
        __m512 as F, _mm512_add_ps as add_ps, _mm512_max_ps as max_ps, _mm512_min_ps as min_ps,
        _mm512_mul_ps as mul_ps, _mm512_set1_ps as splat_ps, _mm512_sub_ps as sub_ps,
    };

    use safe_unaligned_simd::x86_64::{_mm512_loadu_ps as loadu_ps, _mm512_storeu_ps as storeu_ps};

    /// Values, 16 of them in each half.
    type Table = [F; 2];

    type Index = V;

    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn floor_ps(values: F) -> F {
        _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(values)
    }

    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn table_of(values: &[f32; LINES]) -> Table {
        let (halves, _) = values.as_chunks();
        [loadu_ps(&halves[0]), loadu_ps(&halves[1])]
    }

    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn index_of(whole: F) -> Index {
        _mm512_cvttps_epi32(whole)
    }

    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn at([low, high]: &Table, index: Index) -> F {
        _mm512_permutex2var_ps(*low, index, *high)
    }

    change_chroma!(Avx512, "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt");
}
