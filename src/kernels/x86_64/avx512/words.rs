//! The kernels for words of 10 bits. Bits above are ignored, and kept.
//!
//! # Counting
//!
//! Words are split by their top two bits into rows of bytes, which are counted as such.
//!
//! # Look-up
//!
//! Levels by a sample's lower byte and its upper two bits are tables of bytes: see [`Parts`].

use super::*;
use crate::kernels::Lut16;
use crate::kernels::scalar::words::{self, Parts};

word_samples!("avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt");
conversion_ops!(Avx512, "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt", u16);
graded_words!("avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt");
grade_kernels!(Avx512, "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt", u16);

const WORD_LEVELS: usize = 1 << DEPTH;

/// Puts the functions for words in the place of others.
pub(in crate::kernels::x86_64) fn override_words(cpu: Avx512, kernels: &mut Kernels<u16>) {
    kernels.instruction_set = InstructionSet::Avx512;
    kernels.counter = |depth| match depth {
        // SAFETY: the argument proves that the CPU has the features.
        DEPTH => Box::new(WordQueues::new(unsafe { Avx512::in_use() })),
        _ => words::counter(depth),
    };
    kernels.table = |lut| match lut.levels.len() {
        WORD_LEVELS => Lut16::Parts(Box::new(Parts::new(&lut.levels))),
        _ => words::table(&lut.levels),
    };
    // SAFETY: as above.
    kernels.apply = |row, table| unsafe { apply_row(row, table) };
    // SAFETY: as above.
    kernels.apply_to = |from, to, table| unsafe { apply_row_to(from, to, table) };
    kernels.conversion = word_conversion(cpu);
    kernels.grade = grade_kernels(cpu);
    kernels.transfer = word_transfer(cpu);
}

/// Words of a group: a byte of each fills a vector.
const GROUP: usize = VECTOR;

/// The second of each two bytes.
const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;

/// The lower and the upper bytes of a group's words, in some order.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn split_bytes([a, b]: [V; 2]) -> [V; 2] {
    [
        _mm512_mask_blend_epi8(ODD, a, slli16::<8>(b)),
        _mm512_mask_blend_epi8(ODD, _mm512_srli_epi16::<8>(a), b),
    ]
}

/// A group's words out of their lower and upper bytes.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn join_bytes([lower, upper]: [V; 2]) -> [V; 2] {
    [
        _mm512_mask_blend_epi8(ODD, lower, slli16::<8>(upper)),
        _mm512_mask_blend_epi8(ODD, _mm512_srli_epi16::<8>(lower), upper),
    ]
}

/// Bit 0 and bit 1 of each byte.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn lower_bits(bytes: V) -> [u64; 2] {
    [_mm512_movepi8_mask(slli16::<7>(bytes)), _mm512_movepi8_mask(slli16::<6>(bytes))]
}

// Counting.

/// Bytes of a row that is counted.
const ROW: usize = TILE_GROUPS * GROUP;

/// Room for one less than a row, a tile, and the unused end of a vector.
type Lower = [u8; 2 * ROW + VECTOR];

#[derive(Debug)]
struct WordQueues {
    /// The lower bytes of samples by the upper one, and how many there are.
    lower: Box<[Lower; 4]>,
    lens: [usize; 4],
    counters: [Queues<1, 0, 1, false>; 4],
    /// Zeros that were added to fill groups.
    padding: u64,
}

impl WordQueues {
    fn new(cpu: Avx512) -> Self {
        Self {
            lower: Box::new([[0; 2 * ROW + VECTOR]; 4]),
            lens: [0; 4],
            counters: [(); 4].map(|()| Queues::new(cpu)),
            padding: 0,
        }
    }

    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn add_row(&mut self, row: &[u16]) {
        for tile in row.chunks(TILE_GROUPS * GROUP) {
            let (groups, rest) = tile.as_chunks();
            self.split(groups);
            if !rest.is_empty() {
                let mut padded = [0; GROUP];
                padded[..rest.len()].copy_from_slice(rest);
                self.split(&[padded]);
                self.padding += (GROUP - rest.len()) as u64;
            }
            for ((lower, len), counter) in
                self.lower.iter().zip(&mut self.lens).zip(&mut self.counters)
            {
                // From the end, so that nothing is left behind that has to be moved.
                if *len >= ROW {
                    *len -= ROW;
                    counter.add_row(&lower[*len..][..ROW]);
                }
            }
        }
    }

    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn split(&mut self, groups: &[[u16; GROUP]]) {
        let mut lens = self.lens;
        for group in groups {
            prefetch(group);
            let [lower, upper] = split_bytes(load_halves(group));
            let [bit_8, bit_9] = lower_bits(upper);
            let rows = self.lower.iter_mut().zip(&mut lens);
            for ((row, len), mask) in rows.zip(quarters(bit_8, bit_9)) {
                append(row, len, mask, lower);
            }
        }
        self.lens = lens;
    }

    #[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
    fn histogram(&mut self) -> Histogram {
        let mut histogram = Histogram { bins: Vec::with_capacity(1 << DEPTH) };
        let lens = mem::take(&mut self.lens);
        for ((lower, len), counter) in self.lower.iter().zip(lens).zip(&mut self.counters) {
            counter.add_row(&lower[..len]);
            counter.histograms().iter().for_each(|bytes| histogram.bins.extend(&bytes.bins));
        }
        histogram.bins[0] -= mem::take(&mut self.padding);
        histogram
    }
}

impl Counter<u16> for WordQueues {
    fn add(&mut self, row: &[u16]) {
        // SAFETY: a counter is only made with the token that the CPU has the features.
        unsafe { self.add_row(row) }
    }

    fn finish(&mut self) -> Vec<Histogram> {
        // SAFETY: as in `add`.
        vec![unsafe { self.histogram() }]
    }
}

// Look-up.

#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn apply_row(row: &mut [u16], table: &Lut16) {
    let n = match table {
        Lut16::Parts(parts) => {
            let parts = load_parts(parts);
            let groups = row.as_chunks_mut().0;
            for group in &mut *groups {
                prefetch(group);
                let levels = look_up_words(load_halves(group), &parts);
                store_halves(group, levels);
            }
            groups.len()
        }
        Lut16::Words(_) => 0,
    };
    words::apply(&mut row[n * GROUP..], table);
}

#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn apply_row_to(from: &[u16], to: &mut [u16], table: &Lut16) {
    let mut n = 0;
    if let Lut16::Parts(parts) = table {
        let parts = load_parts(parts);
        let groups = from.as_chunks().0;
        for (from, to) in groups.iter().zip(to.as_chunks_mut().0) {
            store_halves(to, look_up_words(load_halves(from), &parts));
        }
        n = groups.len();
    }
    words::apply_to(&from[n * GROUP..], &mut to[n * GROUP..], table);
}

/// [`Parts`] in vectors.
type LoadedParts = ([[V; LEVELS / VECTOR]; 4], [V; LEVELS / VECTOR]);

#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn load_parts(parts: &Parts) -> LoadedParts {
    let [a, b, c, d] = &parts.lower;
    (
        [super::table(a), super::table(b), super::table(c), super::table(d)],
        super::table(&parts.upper),
    )
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn look_up_words(samples: [V; 2], (lower, upper): &LoadedParts) -> [V; 2] {
    let [index, upper_bytes] = split_bytes(samples);
    let [bit_8, bit_9] = lower_bits(upper_bytes);
    let [bit_6, bit_7] = upper_bits(index);
    let quarters = [bit_6, bit_7, bit_6 & bit_7];
    let look_up = |table: &[V; LEVELS / VECTOR]| look_up_by_quarters(index, quarters, table);

    let if_0 = _mm512_mask_blend_epi8(bit_8, look_up(&lower[0]), look_up(&lower[1]));
    let if_1 = _mm512_mask_blend_epi8(bit_8, look_up(&lower[2]), look_up(&lower[3]));
    let new_lower = _mm512_mask_blend_epi8(bit_9, if_0, if_1);

    // What comes over from a byte's neighbour is not among the last two bits.
    let new_upper = look_up(upper);
    let new_upper = _mm512_mask_blend_epi8(bit_9, new_upper, _mm512_srli_epi16::<4>(new_upper));
    let new_upper = _mm512_mask_blend_epi8(bit_8, new_upper, _mm512_srli_epi16::<2>(new_upper));

    let others = splat16(-1 << DEPTH);
    let [low, high] = join_bytes([new_lower, new_upper]);
    [choose_bits(others, samples[0], low), choose_bits(others, samples[1], high)]
}

/// The entries of a table for bytes with neither of the upper two bits, with the lower, with the
/// upper and with both of them.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt")]
fn look_up_by_quarters(
    index: V,
    [bit_6, bit_7, both]: [u64; 3],
    table: &[V; LEVELS / VECTOR],
) -> V {
    let levels = _mm512_permutexvar_epi8(index, table[0]);
    let levels = _mm512_mask_permutexvar_epi8(levels, bit_6, index, table[1]);
    let levels = _mm512_mask_permutexvar_epi8(levels, bit_7, index, table[2]);
    _mm512_mask_permutexvar_epi8(levels, both, index, table[3])
}
