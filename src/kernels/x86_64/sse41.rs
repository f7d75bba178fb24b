//! The conversions for SSE4.1. What it has for counting and look-up is no faster than the tables of
//! `scalar/bytes.rs`.

use std::arch::x86_64::*;
use std::arch::x86_64::{
    __m128i as V, _mm_add_epi8 as add8, _mm_add_epi16 as add16, _mm_adds_epi16 as adds16,
    _mm_alignr_epi8 as alignr_epi8, _mm_and_si128 as and, _mm_andnot_si128 as andnot,
    _mm_madd_epi16 as products, _mm_maddubs_epi16 as maddubs, _mm_max_epi16 as max16,
    _mm_max_epu8 as max8, _mm_min_epi16 as min16, _mm_min_epu8 as min8, _mm_mulhi_epi16 as mulhi,
    _mm_mulhrs_epi16 as mulhrs, _mm_or_si128 as or, _mm_packs_epi16 as packs16,
    _mm_packs_epi32 as packs32, _mm_packus_epi16 as packus16, _mm_packus_epi32 as packus32,
    _mm_set1_epi8 as set1_epi8, _mm_set1_epi16 as set1_epi16, _mm_set1_epi32 as splat32,
    _mm_setzero_si128 as zero, _mm_shuffle_epi8 as shuffle8, _mm_sll_epi16 as sll_epi16,
    _mm_sra_epi16 as sra_epi16, _mm_sra_epi32 as sra_epi32, _mm_srl_epi16 as srl_epi16,
    _mm_sub_epi16 as sub16, _mm_unpackhi_epi8 as unpackhi8, _mm_unpackhi_epi16 as unpackhi16,
    _mm_unpackhi_epi32 as unpackhi32, _mm_unpackhi_epi64 as unpackhi64,
    _mm_unpacklo_epi8 as unpacklo8, _mm_unpacklo_epi16 as unpacklo16,
    _mm_unpacklo_epi32 as unpacklo32, _mm_unpacklo_epi64 as unpacklo64, _mm_xor_si128 as xor,
};

use safe_unaligned_simd::x86_64::{
    _mm_loadu_si32, _mm_loadu_si64, _mm_storeu_si32, _mm_storeu_si64,
};
use safe_unaligned_simd::x86_64::{
    _mm_loadu_si128 as loadu_bytes, _mm_loadu_si128 as loadu_words,
    _mm_storeu_si128 as storeu_bytes, _mm_storeu_si128 as storeu_words,
};

use super::compiled::compiled_kernels;
use super::cpu::Sse41;
use super::grades::{grade_kernels, graded_bytes, graded_words, shuffled_curves};
use super::packed::{packed_grades, shuffled_channels};
use super::vectors::{
    byte_samples, bytes_of_3, conversion_ops, into_three, operations, out_of_three, prefetch,
    word_samples,
};
use crate::frame::rows::{AlignedRow, RowGroupView, RowGroupViewMut, RowTransfer, Sample};
use crate::frame::{WordKind, Words};
use crate::kernels::grade::{
    FixedGrade, GradeKernels, GradeTables, Numbers, PackedKernel, PackedPixels, PackedRow,
};
use crate::kernels::scalar::grade as plain;
use crate::kernels::scalar::{convert, transfer};
use crate::kernels::{InstructionSet, Kernels, Work};

/// Puts the functions for bytes in the place of others.
pub(super) fn override_bytes(cpu: Sse41, kernels: &mut Kernels<u8>) {
    kernels.instruction_set = InstructionSet::Sse41;
    kernels.conversion = byte_conversion(cpu);
    kernels.grade = bytes::grade_kernels(cpu);
    kernels.transfer = byte_transfer(cpu);
}

/// The same for words.
pub(super) fn override_words(cpu: Sse41, kernels: &mut Kernels<u16>) {
    kernels.instruction_set = InstructionSet::Sse41;
    kernels.conversion = word_conversion(cpu);
    kernels.grade = words::grade_kernels(cpu);
    kernels.transfer = word_transfer(cpu);
}

impl plain::ChangeChroma for Sse41 {}

/// Bytes of a vector.
const VECTOR: usize = 16;

operations!("ssse3,sse4.1");

/// There is one part.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn in_order(parts: V) -> V {
    parts
}

#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn alternate(even: V, odd: V) -> [V; 2] {
    [unpacklo16(even, odd), unpackhi16(even, odd)]
}

#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn widen(bytes: &[u8]) -> V {
    let bytes = bytes.first_chunk::<{ VECTOR / 2 }>().expect("half a vector of bytes");
    _mm_cvtepu8_epi16(_mm_loadu_si64(bytes))
}

/// Of 16 bits each, less than 256.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn narrow(bytes: &mut [u8], samples: V) {
    let bytes = bytes.first_chunk_mut::<{ VECTOR / 2 }>().expect("half a vector of bytes");
    _mm_storeu_si64(bytes, packus16(samples, samples));
}

#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn widen32(bytes: &[u8]) -> V {
    let bytes = bytes.first_chunk::<{ VECTOR / 4 }>().expect("a quarter of a vector of bytes");
    _mm_cvtepu8_epi32(_mm_loadu_si32(bytes))
}

/// Of 32 bits each, less than 256.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn narrow32(bytes: &mut [u8], samples: V) {
    let words = packs32(samples, samples);
    let bytes = bytes.first_chunk_mut::<{ VECTOR / 4 }>().expect("a quarter of a vector of bytes");
    _mm_storeu_si32(bytes, packus16(words, words));
}

/// Adds to 32-bit sums the products of 16-bit values, two to each.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn add_products(sums: V, a: V, b: V) -> V {
    _mm_add_epi32(sums, products(a, b))
}

/// The part before the only one.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn part_before(_parts: V, before: V) -> V {
    before
}

/// 16 bytes in each part.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn repeated(bytes: &[u8; 16]) -> V {
    loadu_bytes(bytes)
}

/// The only part.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn load_parts(bytes: &[u8], _apart: usize) -> V {
    load(bytes)
}

#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn store_parts(bytes: &mut [u8], _apart: usize, parts: V) {
    store(bytes, parts);
}

/// Parts of [`shuffled_curves`].
const TONE_PARTS: usize = 4;
const CHROMA_PARTS: usize = 2;

shuffled_curves!("ssse3,sse4.1");

mod bytes {
    use super::*;

    byte_samples!("ssse3,sse4.1");
    bytes_of_3!("ssse3,sse4.1");
    conversion_ops!(Sse41, "ssse3,sse4.1", u8);
    shuffled_channels!("ssse3,sse4.1");
    graded_bytes!("ssse3,sse4.1");
    packed_grades!("ssse3,sse4.1");
    grade_kernels!(Sse41, "ssse3,sse4.1", u8);
}

mod words {
    use super::*;

    word_samples!("ssse3,sse4.1");
    conversion_ops!(Sse41, "ssse3,sse4.1", u16);
    graded_words!("ssse3,sse4.1");
    grade_kernels!(Sse41, "ssse3,sse4.1", u16);
}

compiled_kernels!(Sse41, "ssse3,sse4.1");
