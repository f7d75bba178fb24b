//! The kernels for x86-64. Each instruction set puts its functions in the place of those before it.

mod avx2;
mod avx512;
mod compiled;
mod cpu;
mod sse41;
mod vectors;

use super::{InstructionSet, Kernels};
use cpu::{Avx2, Avx512, Sse41};

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

/// What [`InstructionSet::features`] is here.
pub(super) fn features(set: InstructionSet) -> Option<&'static [&'static str]> {
    match set {
        InstructionSet::Scalar => Some(&[]),
        InstructionSet::Sse41 => Some(Sse41::FEATURES),
        InstructionSet::Avx2 => Some(Avx2::FEATURES),
        InstructionSet::Avx512 => Some(Avx512::FEATURES),
    }
}

/// What [`InstructionSet::is_available`] is here.
pub(super) fn is_available(set: InstructionSet) -> bool {
    match set {
        InstructionSet::Scalar => true,
        InstructionSet::Sse41 => Sse41::detect().is_some(),
        InstructionSet::Avx2 => Avx2::detect().is_some(),
        InstructionSet::Avx512 => Avx512::detect().is_some(),
    }
}
