//! The kernels for AVX2.
//!
//! AVX2 has nothing that counts faster than the tables of `scalar.rs`.

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::*;

use safe_unaligned_simd::x86_64::{_mm_loadu_si128, _mm256_loadu_si256, _mm256_storeu_si256};

use super::{InstructionSet, Kernel, Kernels, scalar};
use crate::histogram::LEVELS;
use crate::lut::Lut;

pub(super) struct Avx2;

pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
}

impl Kernels for Avx2 {
    fn kernel<const STRIDE: usize, const FIRST: usize, const N: usize>() -> Kernel {
        Kernel {
            instruction_set: InstructionSet::Avx2,
            apply: if STRIDE == 1 {
                // SAFETY: `super::select` gives kernels out only where `is_available`.
                |row, luts| unsafe { apply_plane(row, luts) }
            } else {
                scalar::apply::<STRIDE, FIRST, N>
            },
            ..scalar::Scalar::kernel::<STRIDE, FIRST, N>()
        }
    }
}

/// Bytes of a vector.
const VECTOR: usize = 32;

/// Levels that one shuffle can look up.
const PART: usize = 16;

type Table = [__m256i; LEVELS / PART];

#[target_feature(enable = "avx2")]
fn apply_plane(row: &mut [u8], luts: &[Lut]) {
    let [lut] = luts else { panic!("one table per sample") };
    let table = table(lut);
    let (vectors, rest) = row.as_chunks_mut::<VECTOR>();
    for vector in vectors {
        let levels = look_up(_mm256_loadu_si256(vector), &table);
        _mm256_storeu_si256(vector, levels);
    }
    scalar::apply::<1, 0, 1>(rest, luts);
}

/// The table in parts of 16 levels, twice each. Every part but the first of each half is the XOR
/// with the part before it, because [`look_up`] combines them by XOR.
#[inline]
#[target_feature(enable = "avx2")]
fn table(lut: &Lut) -> Table {
    let mut table = [_mm256_setzero_si256(); LEVELS / PART];
    let (parts, _) = lut.levels.as_chunks::<PART>();
    let mut before = _mm256_setzero_si256();
    for (i, (entry, part)) in table.iter_mut().zip(parts).enumerate() {
        let part = _mm256_broadcastsi128_si256(_mm_loadu_si128(part));
        let half_begins = i % (LEVELS / PART / 2) == 0;
        *entry = if half_begins { part } else { _mm256_xor_si256(part, before) };
        before = part;
    }
    table
}

/// A shuffle gives 0 for indices with the top bit set, and otherwise looks at the low four bits
/// alone. So the samples of 128 and more are out of the first half's way. Of the others, after a
/// subtraction of 16 * i those below 16 * i have the top bit set: each part adds its difference
/// to what the parts below it have given.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up(samples: __m256i, table: &Table) -> __m256i {
    let (lower, upper) = table.split_at(LEVELS / PART / 2);
    let mut levels = _mm256_setzero_si256();
    for (half, flip) in [(lower, 0), (upper, i8::MIN)] {
        let mut index = _mm256_xor_si256(samples, _mm256_set1_epi8(flip));
        for &part in half {
            levels = _mm256_xor_si256(levels, _mm256_shuffle_epi8(part, index));
            // With saturation, so that the other half's samples keep the top bit set.
            index = _mm256_subs_epi8(index, _mm256_set1_epi8(PART as i8));
        }
    }
    levels
}
