//! The kernels for x86-64. Each instruction set puts its functions in the place of those before it.

mod avx2;
mod avx512;
mod compiled;
mod cpu;
mod floats;
mod grades;
mod packed;
mod sse41;
mod vectors;

use super::{Available, InstructionSet, Kernels, Work};
use cpu::{Avx2, Avx512, Sse41};
use vectors::{CACHE_LINE, prefetch_line};

/// The sets of this architecture, and when they can be used.
pub(super) const SETS: &[(InstructionSet, Available)] = &[
    (InstructionSet::Sse41, Sse41::AVAILABLE),
    (InstructionSet::Avx2, Avx2::AVAILABLE),
    (InstructionSet::Avx512, Avx512::AVAILABLE),
];

/// Puts into `kernels` what this CPU has, but nothing beyond `at_most`.
pub(super) fn override_bytes(kernels: &mut Kernels<u8>, at_most: InstructionSet) {
    if let Some(cpu) = Sse41::detect().filter(|_| at_most.includes(InstructionSet::Sse41)) {
        sse41::override_bytes(cpu, kernels);
    }
    if let Some(cpu) = Avx2::detect().filter(|_| at_most.includes(InstructionSet::Avx2)) {
        avx2::override_bytes(cpu, kernels);
    }
    if let Some(cpu) = Avx512::detect().filter(|_| at_most.includes(InstructionSet::Avx512)) {
        avx512::override_bytes(cpu, kernels);
    }
}

/// The same for words.
pub(super) fn override_words(kernels: &mut Kernels<u16>, at_most: InstructionSet) {
    if let Some(cpu) = Sse41::detect().filter(|_| at_most.includes(InstructionSet::Sse41)) {
        sse41::override_words(cpu, kernels);
    }
    if let Some(cpu) = Avx2::detect().filter(|_| at_most.includes(InstructionSet::Avx2)) {
        avx2::override_words(cpu, kernels);
    }
    if let Some(cpu) = Avx512::detect().filter(|_| at_most.includes(InstructionSet::Avx512)) {
        avx512::words::override_words(cpu, kernels);
    }
}

/// Does work by code for the newest set that this CPU has, but none beyond `at_most`.
pub(super) fn run<W: Work>(at_most: InstructionSet, work: W) -> W::Output {
    if let Some(cpu) = Avx512::detect().filter(|_| at_most.includes(InstructionSet::Avx512)) {
        avx512::run(cpu, work)
    } else if let Some(cpu) = Avx2::detect().filter(|_| at_most.includes(InstructionSet::Avx2)) {
        avx2::run(cpu, work)
    } else if let Some(cpu) = Sse41::detect().filter(|_| at_most.includes(InstructionSet::Sse41)) {
        sse41::run(cpu, work)
    } else {
        work.run()
    }
}

/// Asks for the cache lines of bytes that are so far from each other.
pub(super) fn prefetch(bytes: &[u8], distance: usize) {
    for bytes in bytes.chunks(distance.max(CACHE_LINE)) {
        prefetch_line(bytes.as_ptr());
    }
}
