//! The functions that read and write the samples of a row, and the table they are chosen from.
//!
//! A kernel knows how many bytes a pixel has and which of them to skip, never a format's name or
//! a channel's. Samples are therefore counted, and lookup tables given, in memory order.
//!
//! There is a file for each instruction set. It hands out its functions for a proof that the CPU has
//! the set, see `cpu.rs`. All kernels equal the ones in `scalar.rs`, bit for bit.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod compiled;
pub mod convert;
#[cfg(target_arch = "x86_64")]
mod cpu;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod sse41;
#[cfg(target_arch = "x86_64")]
mod vectors;
mod words;

use std::fmt;
use std::str::FromStr;

use crate::histogram::Histogram;
use crate::lut::Lut;
use crate::pixels::PixelLayout;
use crate::rows::{Sample, Transfer};
use convert::Steps;
pub use words::WordTable;

/// Counts the samples of rows: bytes of one [`PixelLayout`], or words of one channel.
pub trait Counter<S = u8>: fmt::Debug + Send {
    /// Counts the samples of a row of whole pixels.
    fn add(&mut self, row: &[S]);

    /// What was counted since the last call: one histogram per sample of a pixel, in memory order.
    fn finish(&mut self) -> Vec<Histogram>;
}

/// The levels that replace those of bytes.
pub type ByteTable = [u8; 256];

/// Replaces the samples of a row of whole pixels through `tables`: one per sample of a pixel, in
/// memory order.
pub type ApplyRow = fn(row: &mut [u8], tables: &[ByteTable]);

/// The functions for one [`PixelLayout`].
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// What they are written for.
    pub instruction_set: InstructionSet,
    /// Makes a counter.
    pub counter: fn() -> Box<dyn Counter>,
    /// Rewrites a row.
    pub apply: ApplyRow,
}

/// What kernels are written for; a later one is faster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstructionSet {
    /// Plain Rust, for every CPU.
    #[default]
    Scalar,
    /// x86-64 with SSSE3 and SSE4.1 (Intel since 2008, AMD since 2011).
    Sse41,
    /// x86-64 with AVX2.
    Avx2,
    /// x86-64 with AVX-512 F, BW, VBMI, VBMI2, VNNI and VPOPCNTDQ (Intel since Ice Lake, AMD since
    /// Zen 4).
    Avx512,
}

impl InstructionSet {
    /// All that there are kernels for, on this CPU or another.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Sse41, Self::Avx2, Self::Avx512];

    /// The CPU features that its kernels take for granted, as Rust names them; `None` on other
    /// architectures.
    pub fn features(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Scalar => Some(&[]),
            #[cfg(target_arch = "x86_64")]
            Self::Sse41 => Some(cpu::Sse41::FEATURES),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Some(cpu::Avx2::FEATURES),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Some(cpu::Avx512::FEATURES),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Sse41 | Self::Avx2 | Self::Avx512 => None,
        }
    }

    /// Whether this CPU has it.
    pub fn is_available(self) -> bool {
        self.proof().is_some()
    }

    fn proof(self) -> Option<Proof> {
        match self {
            Self::Scalar => Some(Proof::Scalar),
            #[cfg(target_arch = "x86_64")]
            Self::Sse41 => cpu::Sse41::detect().map(Proof::Sse41),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => cpu::Avx2::detect().map(Proof::Avx2),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => cpu::Avx512::detect().map(Proof::Avx512),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Sse41 | Self::Avx2 | Self::Avx512 => None,
        }
    }

    /// As [`or_less`](Self::or_less), with the proof that the CPU has it.
    fn proven_or_less(self) -> Proof {
        let not_more = |set: Self| if set <= self { set.proof() } else { None };
        Self::ALL.into_iter().rev().find_map(not_more).unwrap_or(Proof::Scalar)
    }

    /// The fastest that this CPU has.
    pub fn best() -> Self {
        Self::Avx512.or_less()
    }

    /// This one or, if this CPU doesn't have it, the fastest before it that it has.
    pub fn or_less(self) -> Self {
        let not_more = |&set: &Self| set <= self && set.is_available();
        Self::ALL.into_iter().rfind(not_more).unwrap_or(Self::Scalar)
    }

    /// As [`or_less`](Self::or_less), for a CPU with the features that `has` says are there.
    pub fn or_less_with(self, has: impl Fn(&str) -> bool) -> Self {
        let is_available = |set: Self| {
            set.features().is_some_and(|features| features.iter().all(|feature| has(feature)))
        };
        let not_more = |&set: &Self| set <= self && is_available(set);
        Self::ALL.into_iter().rfind(not_more).unwrap_or(Self::Scalar)
    }

    /// The name, as [`FromStr`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Sse41 => "sse41",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An instruction set that this CPU has.
#[derive(Clone, Copy, Debug)]
enum Proof {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Sse41(cpu::Sse41),
    #[cfg(target_arch = "x86_64")]
    Avx2(cpu::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(cpu::Avx512),
}

/// A name is no [`InstructionSet`]'s.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is none of {names}", names = InstructionSet::ALL.map(InstructionSet::name).join(", "))]
pub struct UnknownInstructionSet(String);

impl FromStr for InstructionSet {
    type Err = UnknownInstructionSet;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|set| set.name() == name)
            .ok_or_else(|| UnknownInstructionSet(name.to_string()))
    }
}

/// The kernel for a pixel layout, of the fastest instruction set that this CPU has, but none
/// beyond `at_most`; `None` if there is no kernel for the layout.
pub fn select(pixel: PixelLayout, at_most: InstructionSet) -> Option<Kernel> {
    match at_most.proven_or_less() {
        Proof::Scalar => of_layout(scalar::Scalar, pixel),
        #[cfg(target_arch = "x86_64")]
        Proof::Sse41(cpu) => of_layout(cpu, pixel),
        #[cfg(target_arch = "x86_64")]
        Proof::Avx2(cpu) => of_layout(cpu, pixel),
        #[cfg(target_arch = "x86_64")]
        Proof::Avx512(cpu) => of_layout(cpu, pixel),
    }
}

/// The kernels for rows of one channel, by the type of samples.
pub trait RowKernels: Sample {
    /// The levels that replace those of samples.
    type Table: fmt::Debug + Send + Sync;

    /// A table as the kernels take it that are chosen with `at_most`.
    fn table(lut: &Lut, at_most: InstructionSet) -> Self::Table;

    /// Makes a counter for samples of `depth` bits, for the fastest instruction set that this CPU
    /// has, but none beyond `at_most`.
    fn counter(depth: u32, at_most: InstructionSet) -> Box<dyn Counter<Self>>;

    /// What replaces the samples of a row through a single table.
    fn apply(at_most: InstructionSet) -> fn(&mut [Self], &[Self::Table]);

    /// The same from one row to another of the same length.
    fn apply_to(at_most: InstructionSet) -> fn(&[Self], &mut [Self], &Self::Table);

    /// The steps of conversions.
    fn steps(at_most: InstructionSet) -> Steps<Self>;

    /// What takes rows out of memory and puts them back.
    fn transfer(at_most: InstructionSet) -> Transfer<Self>;
}

impl RowKernels for u8 {
    type Table = ByteTable;

    fn table(lut: &Lut, _at_most: InstructionSet) -> ByteTable {
        lut.to_bytes()
    }

    fn counter(_depth: u32, at_most: InstructionSet) -> Box<dyn Counter> {
        match at_most.proven_or_less() {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(cpu) => avx512::line_counter(cpu),
            _ => (plane(at_most).counter)(),
        }
    }

    fn apply(at_most: InstructionSet) -> ApplyRow {
        plane(at_most).apply
    }

    fn apply_to(at_most: InstructionSet) -> fn(&[u8], &mut [u8], &ByteTable) {
        match at_most.proven_or_less() {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(cpu) => avx512::apply_to(cpu),
            #[cfg(target_arch = "x86_64")]
            Proof::Avx2(cpu) => avx2::apply_to(cpu),
            _ => scalar::apply_to,
        }
    }

    fn steps(at_most: InstructionSet) -> Steps<u8> {
        match at_most.proven_or_less() {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(cpu) => avx512::byte_steps(cpu),
            #[cfg(target_arch = "x86_64")]
            Proof::Avx2(cpu) => avx2::byte_steps(cpu),
            #[cfg(target_arch = "x86_64")]
            Proof::Sse41(cpu) => sse41::byte_steps(cpu),
            _ => Steps::plain(),
        }
    }

    fn transfer(at_most: InstructionSet) -> Transfer<u8> {
        match at_most.proven_or_less() {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(cpu) => avx512::byte_transfer(cpu),
            #[cfg(target_arch = "x86_64")]
            Proof::Avx2(cpu) => avx2::byte_transfer(cpu),
            #[cfg(target_arch = "x86_64")]
            Proof::Sse41(cpu) => sse41::byte_transfer(cpu),
            _ => Transfer::plain(),
        }
    }
}

/// The kernel for bytes with nothing between them.
fn plane(at_most: InstructionSet) -> Kernel {
    let plane = PixelLayout { pixel_stride: 1, first: 0, n_samples: 1 };
    select(plane, at_most).expect("planes are in the table")
}

impl RowKernels for u16 {
    type Table = WordTable;

    fn table(lut: &Lut, at_most: InstructionSet) -> WordTable {
        match at_most.proven_or_less() {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(_) => avx512::words::table(&lut.levels),
            _ => words::table(&lut.levels),
        }
    }

    fn counter(depth: u32, at_most: InstructionSet) -> Box<dyn Counter<u16>> {
        match (at_most.proven_or_less(), depth) {
            #[cfg(target_arch = "x86_64")]
            (Proof::Avx512(cpu), words::BITS_OF_VECTORS) => avx512::words::counter(cpu),
            _ => words::counter(depth),
        }
    }

    fn apply(at_most: InstructionSet) -> fn(&mut [u16], &[WordTable]) {
        match at_most.proven_or_less() {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(cpu) => avx512::words::apply(cpu),
            _ => words::apply,
        }
    }

    fn apply_to(at_most: InstructionSet) -> fn(&[u16], &mut [u16], &WordTable) {
        match at_most.proven_or_less() {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(cpu) => avx512::words::apply_to(cpu),
            _ => words::apply_to,
        }
    }

    fn steps(at_most: InstructionSet) -> Steps<u16> {
        match at_most.proven_or_less() {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(cpu) => avx512::word_steps(cpu),
            #[cfg(target_arch = "x86_64")]
            Proof::Avx2(cpu) => avx2::word_steps(cpu),
            #[cfg(target_arch = "x86_64")]
            Proof::Sse41(cpu) => sse41::word_steps(cpu),
            _ => Steps::plain(),
        }
    }

    fn transfer(at_most: InstructionSet) -> Transfer<u16> {
        match at_most.proven_or_less() {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(cpu) => avx512::word_transfer(cpu),
            #[cfg(target_arch = "x86_64")]
            Proof::Avx2(cpu) => avx2::word_transfer(cpu),
            #[cfg(target_arch = "x86_64")]
            Proof::Sse41(cpu) => sse41::word_transfer(cpu),
            _ => Transfer::plain(),
        }
    }
}

/// The kernels of one instruction set.
trait Kernels {
    /// The kernel for pixels of `STRIDE` bytes with samples in bytes `FIRST..FIRST + N`.
    ///
    /// `self` proves that the CPU has the instruction set.
    fn kernel<const STRIDE: usize, const FIRST: usize, const N: usize>(self) -> Kernel;
}

/// The table: a line for each layout that there are kernels for.
fn of_layout<K: Kernels>(kernels: K, pixel: PixelLayout) -> Option<Kernel> {
    Some(match (pixel.pixel_stride, pixel.first, pixel.n_samples) {
        (1, 0, 1) => kernels.kernel::<1, 0, 1>(),
        (2, 0, 1) => kernels.kernel::<2, 0, 1>(),
        (2, 1, 1) => kernels.kernel::<2, 1, 1>(),
        (2, 0, 2) => kernels.kernel::<2, 0, 2>(),
        (3, 0, 1) => kernels.kernel::<3, 0, 1>(),
        (3, 1, 1) => kernels.kernel::<3, 1, 1>(),
        (3, 0, 3) => kernels.kernel::<3, 0, 3>(),
        (4, 0, 1) => kernels.kernel::<4, 0, 1>(),
        (4, 1, 1) => kernels.kernel::<4, 1, 1>(),
        (4, 2, 1) => kernels.kernel::<4, 2, 1>(),
        (4, 3, 1) => kernels.kernel::<4, 3, 1>(),
        (4, 0, 3) => kernels.kernel::<4, 0, 3>(),
        (4, 1, 3) => kernels.kernel::<4, 1, 3>(),
        _ => return None,
    })
}
