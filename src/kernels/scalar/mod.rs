//! The kernels in plain Rust. They are the specification: every other kernel must equal them, bit
//! for bit.

pub(super) mod bytes;
pub mod convert;
pub(super) mod grade;
pub(super) mod transfer;
pub(super) mod words;

use super::{InstructionSet, Kernels, pixel_kernels};
use crate::frame::rows::{RowTransfer, Sample};
use convert::ConversionKernels;

/// For samples of 8 bits.
pub(super) fn bytes() -> Kernels<u8> {
    Kernels {
        instruction_set: InstructionSet::Scalar,
        pixels: |pixel| pixel_kernels(bytes::Scalar, pixel),
        counter: |_depth| bytes::plane_counter(),
        table: |lut| lut.to_bytes(),
        apply: bytes::apply_row,
        apply_to: bytes::apply_to,
        conversion: ConversionKernels::plain(),
        grade: grade::kernels(Some(grade::packed)),
        transfer: transfer(),
    }
}

/// For samples of 9 to 16 bits.
pub(super) fn words() -> Kernels<u16> {
    Kernels {
        instruction_set: InstructionSet::Scalar,
        pixels: |_| None,
        counter: words::counter,
        table: |lut| words::table(&lut.levels),
        apply: words::apply,
        apply_to: words::apply_to,
        conversion: ConversionKernels::plain(),
        grade: grade::kernels(None),
        transfer: transfer(),
    }
}

fn transfer<S: Sample>() -> RowTransfer<S> {
    RowTransfer { load: transfer::load_row, store: transfer::store_row }
}
