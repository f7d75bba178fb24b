//! The kernels for AVX2.
//!
//! AVX2 has nothing that counts faster than the tables of `scalar/bytes.rs`.

use std::arch::x86_64::*;

use safe_unaligned_simd::x86_64::{
    _mm_loadu_si64, _mm_loadu_si128, _mm_storeu_si64, _mm_storeu_si128, _mm256_loadu_si256,
    _mm256_storeu_si256,
};

use super::compiled::compiled_kernels;
use super::cpu::Avx2;
use super::floats::change_chroma;
use super::grades::{grade_kernels, graded_bytes, graded_words, shuffled_curves};
use super::packed::{packed_grades, shuffled_channels};
use super::vectors::{
    byte_samples, bytes_of_3, conversion_ops, into_three, operations, out_of_three, prefetch,
    word_samples,
};
use crate::frame::rows::{AlignedRow, RowGroupView, RowGroupViewMut, RowTransfer, Sample};
use crate::frame::{WordKind, Words};
use crate::kernels::grade::{
    FixedGrade, FloatCurve, FloatGrade, GradeKernels, GradeTables, LINES, Numbers, PackedKernel,
    PackedPixels, PackedRow,
};
use crate::kernels::scalar::grade::{self as plain, Chunk};
use crate::kernels::scalar::{bytes as scalar, convert, transfer};
use crate::kernels::{
    InstructionSet, Kernels, Lut8, MakePixelKernels, PixelKernels, Work, pixel_kernels,
};

/// Puts the functions for bytes in the place of others.
pub(super) fn override_bytes(cpu: Avx2, kernels: &mut Kernels<u8>) {
    kernels.instruction_set = InstructionSet::Avx2;
    // SAFETY: the argument proves that the CPU has the features.
    kernels.pixels = |pixel| pixel_kernels(unsafe { Avx2::in_use() }, pixel);
    // SAFETY: as above.
    kernels.apply = |row, table| unsafe { apply_plane(row, table) };
    // SAFETY: as above.
    kernels.apply_to = |from, to, table| unsafe { apply_plane_to(from, to, table) };
    kernels.conversion = byte_conversion(cpu);
    kernels.grade = bytes::grade_kernels(cpu);
    kernels.transfer = byte_transfer(cpu);
}

/// The same for words.
pub(super) fn override_words(cpu: Avx2, kernels: &mut Kernels<u16>) {
    kernels.instruction_set = InstructionSet::Avx2;
    kernels.conversion = word_conversion(cpu);
    kernels.grade = words::grade_kernels(cpu);
    kernels.transfer = word_transfer(cpu);
}

impl MakePixelKernels for Avx2 {
    fn make<const STRIDE: usize, const FIRST: usize, const N: usize>(self) -> PixelKernels {
        PixelKernels {
            apply: if STRIDE == 1 {
                // SAFETY: `self` proves that the CPU has the features.
                |row, tables| unsafe { apply_plane(row, &tables[0]) }
            } else {
                scalar::apply::<STRIDE, FIRST, N>
            },
            ..scalar::Scalar.make::<STRIDE, FIRST, N>()
        }
    }
}

/// Bytes of a vector.
const VECTOR: usize = 32;

const LEVELS: usize = 256;

/// Levels that one shuffle can look up.
const PART: usize = 16;

type Table = [__m256i; LEVELS / PART];

#[target_feature(enable = "avx2")]
fn apply_plane(row: &mut [u8], levels: &Lut8) {
    let table = table(levels);
    let (vectors, rest) = row.as_chunks_mut::<VECTOR>();
    for vector in vectors {
        let levels = look_up(_mm256_loadu_si256(vector), &table);
        _mm256_storeu_si256(vector, levels);
    }
    scalar::apply_row(rest, levels);
}

#[target_feature(enable = "avx2")]
fn apply_plane_to(from: &[u8], to: &mut [u8], levels: &Lut8) {
    let table = table(levels);
    let (vectors, rest) = from.as_chunks::<VECTOR>();
    let (to_vectors, to_rest) = to.as_chunks_mut::<VECTOR>();
    for (from, to) in vectors.iter().zip(to_vectors) {
        store(to, look_up(load(from), &table));
    }
    scalar::apply_to(rest, to_rest, levels);
}

/// The table in parts of 16 levels, twice each. Every part but the first of each half is the XOR
/// with the part before it, because [`look_up`] combines them by XOR.
#[inline]
#[target_feature(enable = "avx2")]
fn table(levels: &Lut8) -> Table {
    let mut table = [_mm256_setzero_si256(); LEVELS / PART];
    let (parts, _) = levels.as_chunks::<PART>();
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

// Conversions.

use safe_unaligned_simd::x86_64::{
    _mm256_loadu_si256 as loadu_bytes, _mm256_loadu_si256 as loadu_words,
    _mm256_storeu_si256 as storeu_bytes, _mm256_storeu_si256 as storeu_words,
};
use std::arch::x86_64::{
    __m256i as V, _mm256_add_epi8 as add8, _mm256_add_epi16 as add16, _mm256_adds_epi16 as adds16,
    _mm256_alignr_epi8 as alignr_epi8, _mm256_and_si256 as and, _mm256_andnot_si256 as andnot,
    _mm256_madd_epi16 as products, _mm256_maddubs_epi16 as maddubs, _mm256_max_epi16 as max16,
    _mm256_max_epu8 as max8, _mm256_min_epi16 as min16, _mm256_min_epu8 as min8,
    _mm256_mulhi_epi16 as mulhi, _mm256_mulhrs_epi16 as mulhrs, _mm256_or_si256 as or,
    _mm256_packs_epi16 as packs16, _mm256_packs_epi32 as packs32, _mm256_packus_epi16 as packus16,
    _mm256_packus_epi32 as packus32, _mm256_set1_epi8 as set1_epi8,
    _mm256_set1_epi16 as set1_epi16, _mm256_set1_epi32 as splat32, _mm256_setzero_si256 as zero,
    _mm256_shuffle_epi8 as shuffle8, _mm256_sll_epi16 as sll_epi16, _mm256_sra_epi16 as sra_epi16,
    _mm256_sra_epi32 as sra_epi32, _mm256_srl_epi16 as srl_epi16, _mm256_sub_epi16 as sub16,
    _mm256_unpackhi_epi8 as unpackhi8, _mm256_unpackhi_epi16 as unpackhi16,
    _mm256_unpackhi_epi32 as unpackhi32, _mm256_unpackhi_epi64 as unpackhi64,
    _mm256_unpacklo_epi8 as unpacklo8, _mm256_unpacklo_epi16 as unpacklo16,
    _mm256_unpacklo_epi32 as unpacklo32, _mm256_unpacklo_epi64 as unpacklo64,
    _mm256_xor_si256 as xor,
};

operations!("avx2");

#[inline]
#[target_feature(enable = "avx2")]
fn in_order(parts: V) -> V {
    _mm256_permute4x64_epi64::<0b1101_1000>(parts)
}

#[inline]
#[target_feature(enable = "avx2")]
fn alternate(even: V, odd: V) -> [V; 2] {
    let (low, high) = (unpacklo16(even, odd), unpackhi16(even, odd));
    [_mm256_permute2x128_si256::<0x20>(low, high), _mm256_permute2x128_si256::<0x31>(low, high)]
}

#[inline]
#[target_feature(enable = "avx2")]
fn widen(bytes: &[u8]) -> V {
    let bytes = bytes.first_chunk::<{ VECTOR / 2 }>().expect("half a vector of bytes");
    _mm256_cvtepu8_epi16(_mm_loadu_si128(bytes))
}

/// Of 16 bits each, less than 256.
#[inline]
#[target_feature(enable = "avx2")]
fn narrow(bytes: &mut [u8], samples: V) {
    let packed = in_order(packus16(samples, samples));
    let bytes = bytes.first_chunk_mut::<{ VECTOR / 2 }>().expect("half a vector of bytes");
    _mm_storeu_si128(bytes, _mm256_castsi256_si128(packed));
}

#[inline]
#[target_feature(enable = "avx2")]
fn widen32(bytes: &[u8]) -> V {
    let bytes = bytes.first_chunk::<{ VECTOR / 4 }>().expect("a quarter of a vector of bytes");
    _mm256_cvtepu8_epi32(_mm_loadu_si64(bytes))
}

/// Of 32 bits each, less than 256.
#[inline]
#[target_feature(enable = "avx2")]
fn narrow32(bytes: &mut [u8], samples: V) {
    let words = packs32(samples, samples);
    let packed = packus16(words, words);
    let packed = _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 0, 4, 0, 4, 0, 4));
    let bytes = bytes.first_chunk_mut::<{ VECTOR / 4 }>().expect("a quarter of a vector of bytes");
    _mm_storeu_si64(bytes, _mm256_castsi256_si128(packed));
}

/// Adds to 32-bit sums the products of 16-bit values, two to each.
#[inline]
#[target_feature(enable = "avx2")]
fn add_products(sums: V, a: V, b: V) -> V {
    _mm256_add_epi32(sums, _mm256_madd_epi16(a, b))
}

/// The part of 128 bits before each one, the last of `before` at first.
#[inline]
#[target_feature(enable = "avx2")]
fn part_before(parts: V, before: V) -> V {
    _mm256_permute2x128_si256::<0x03>(parts, before)
}

/// 16 bytes in each part.
#[inline]
#[target_feature(enable = "avx2")]
fn repeated(bytes: &[u8; 16]) -> V {
    _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes))
}

/// The two parts of 128 bits, so many bytes apart.
#[inline]
#[target_feature(enable = "avx2")]
fn load_parts(bytes: &[u8], apart: usize) -> V {
    let part = |at: usize| bytes[at..].first_chunk::<16>().expect("a part");
    let (first, second) = (_mm_loadu_si128(part(0)), _mm_loadu_si128(part(apart)));
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(first), second)
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_parts(bytes: &mut [u8], apart: usize, parts: V) {
    let to = bytes.first_chunk_mut::<16>().expect("a part");
    _mm_storeu_si128(to, _mm256_castsi256_si128(parts));
    let to = bytes[apart..].first_chunk_mut::<16>().expect("a part");
    _mm_storeu_si128(to, _mm256_extracti128_si256::<1>(parts));
}

/// Parts of [`shuffled_curves`].
const TONE_PARTS: usize = 4;
const CHROMA_PARTS: usize = 2;

shuffled_curves!("avx2");

mod bytes {
    use super::*;

    byte_samples!("avx2");
    bytes_of_3!("avx2");
    conversion_ops!(Avx2, "avx2", u8);
    shuffled_channels!("avx2");
    graded_bytes!("avx2");
    packed_grades!("avx2");
    grade_kernels!(Avx2, "avx2", u8);
}

mod words {
    use super::*;

    word_samples!("avx2");
    conversion_ops!(Avx2, "avx2", u16);
    graded_words!("avx2");
    grade_kernels!(Avx2, "avx2", u16);
}

compiled_kernels!(Avx2, "avx2");

mod floats {
    use super::*;

    use std::arch::x86_64::{
        __m256 as F, _mm256_add_ps as add_ps, _mm256_floor_ps as floor_ps, _mm256_max_ps as max_ps,
        _mm256_min_ps as min_ps, _mm256_mul_ps as mul_ps, _mm256_set1_ps as splat_ps,
        _mm256_sub_ps as sub_ps,
    };

    use safe_unaligned_simd::x86_64::{_mm256_loadu_ps as loadu_ps, _mm256_storeu_ps as storeu_ps};

    /// Values, 8 of them in each part.
    type Table = [F; LINES / 8];

    /// Which of the values: the lower bits, and each of the two above them as the sign.
    #[derive(Clone, Copy)]
    struct Index {
        lower: V,
        upper: [F; 2],
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn table_of(values: &[f32; LINES]) -> Table {
        let mut table = [splat_ps(0.); _];
        for (part, values) in table.iter_mut().zip(values.as_chunks().0) {
            *part = loadu_ps(values);
        }
        table
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn index_of(whole: F) -> Index {
        let lower = _mm256_cvttps_epi32(whole);
        let upper = [_mm256_slli_epi32::<28>(lower), _mm256_slli_epi32::<27>(lower)];
        Index { lower, upper: [_mm256_castsi256_ps(upper[0]), _mm256_castsi256_ps(upper[1])] }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn at(table: &Table, Index { lower, upper }: Index) -> F {
        let mut parts = *table;
        for part in &mut parts {
            *part = _mm256_permutevar8x32_ps(*part, lower);
        }
        let low = _mm256_blendv_ps(parts[0], parts[1], upper[0]);
        let high = _mm256_blendv_ps(parts[2], parts[3], upper[0]);
        _mm256_blendv_ps(low, high, upper[1])
    }

    change_chroma!(Avx2, "avx2");
}
