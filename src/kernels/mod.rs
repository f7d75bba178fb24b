//! The functions that read and write the samples of a row: one [`Kernels`] for each instruction set.
//!
//! A kernel knows how many bytes a pixel has and which of them to skip, never a format's name or
//! a channel's. Samples are therefore counted, and lookup tables given, in memory order.
//!
//! [`Kernels`] is a struct of functions. It begins as those of `scalar/`, in plain Rust, which are the
//! specification. Then each instruction set of the architecture that the CPU has, from the oldest to the
//! newest, puts its own functions in the place of some: a file for each in `x86_64/`. All kernels equal
//! the scalar ones, bit for bit.

pub mod dither;
pub mod grade;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "x86_64")]
use x86_64 as native;

/// An architecture that there is nothing but plain Rust for.
#[cfg(not(target_arch = "x86_64"))]
mod native {
    use super::{Available, InstructionSet, Kernels, Work};

    pub const SETS: &[(InstructionSet, Available)] = &[];

    pub fn run<W: Work>(_: InstructionSet, work: W) -> W::Output {
        work.run()
    }

    pub fn prefetch(_: &[u8], _: usize) {}

    pub fn override_bytes(_: &mut Kernels<u8>, _: InstructionSet) {}

    pub fn override_words(_: &mut Kernels<u16>, _: InstructionSet) {}
}

use std::fmt;
use std::str::FromStr;

use crate::frame::PixelLayout;
use crate::frame::rows::{RowTransfer, Sample};
use crate::histogram::Histogram;
use crate::lut::Lut;
pub use scalar::convert;
pub use scalar::words::Lut16;

use convert::ConversionKernels;
use grade::GradeKernels;

/// The functions for samples of one type, by what they do.
#[derive(Clone, Copy, Debug)]
pub struct Kernels<S: RowKernels> {
    /// The newest instruction set that any of them is written for.
    pub instruction_set: InstructionSet,
    /// Count and replace the samples of pixels in memory, by the bytes of a pixel; `None` if there
    /// are none for such pixels.
    pub pixels: fn(PixelLayout) -> Option<PixelKernels>,
    /// Makes a counter of rows of one channel, with samples of so many bits.
    pub counter: fn(depth: u32) -> Box<dyn Counter<S>>,
    /// A table as `apply` and `apply_to` take it.
    pub table: fn(&Lut) -> S::Table,
    /// Replaces the samples of a row through a table.
    pub apply: fn(&mut [S], &S::Table),
    /// The same from one row to another of the same length.
    pub apply_to: fn(&[S], &mut [S], &S::Table),
    /// Conversions between components and channels.
    pub conversion: ConversionKernels<S>,
    /// Grades.
    pub grade: GradeKernels<S>,
    /// Samples out of memory and back.
    pub transfer: RowTransfer<S>,
}

impl<S: RowKernels> Kernels<S> {
    /// The fastest that this CPU has, but none beyond `at_most`.
    pub fn select(at_most: InstructionSet) -> Self {
        S::kernels(at_most)
    }
}

/// Work in plain Rust that compilers make vectors of.
pub trait Work {
    /// What comes of it.
    type Output;

    /// Does it. It and what it calls must be `#[inline(always)]`, or they are compiled for every CPU alone.
    fn run(self) -> Self::Output;
}

/// Does work by code that is compiled for the newest instruction set that this CPU has, but none beyond
/// `at_most`. What comes of it is the same with each.
pub fn run<W: Work>(at_most: InstructionSet, work: W) -> W::Output {
    native::run(at_most, work)
}

/// Says that of some memory, which isn't near, bytes that are so far from each other will be read soon.
pub fn prefetch(bytes: &[u8], distance: usize) {
    native::prefetch(bytes, distance);
}

/// A type of samples that there are kernels for.
pub trait RowKernels: Sample {
    /// The levels that replace those of samples.
    type Table: fmt::Debug + Send + Sync;

    /// See [`Kernels::select`].
    #[doc(hidden)]
    fn kernels(at_most: InstructionSet) -> Kernels<Self>;
}

impl RowKernels for u8 {
    type Table = Lut8;

    fn kernels(at_most: InstructionSet) -> Kernels<u8> {
        let mut kernels = scalar::bytes();
        native::override_bytes(&mut kernels, at_most);
        kernels
    }
}

impl RowKernels for u16 {
    type Table = Lut16;

    fn kernels(at_most: InstructionSet) -> Kernels<u16> {
        let mut kernels = scalar::words();
        native::override_words(&mut kernels, at_most);
        kernels
    }
}

/// Counts the samples of rows: bytes of one [`PixelLayout`], or words of one channel.
pub trait Counter<S = u8>: fmt::Debug + Send + Sync {
    /// Counts the samples of a row of whole pixels.
    fn add(&mut self, row: &[S]);

    /// What was counted since the last call: one histogram per sample of a pixel, in memory order.
    fn finish(&mut self) -> Vec<Histogram>;
}

/// The levels that replace those of bytes.
pub type Lut8 = [u8; 256];

/// The functions for the pixels of one [`PixelLayout`].
#[derive(Clone, Copy, Debug)]
pub struct PixelKernels {
    /// Makes a counter.
    pub counter: fn() -> Box<dyn Counter>,
    /// Replaces the samples of a row of whole pixels through tables: one per sample of a pixel, in
    /// memory order.
    pub apply: fn(row: &mut [u8], tables: &[Lut8]),
}

/// What kernels are written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// When an instruction set of this architecture can be used.
#[derive(Clone, Copy, Debug)]
struct Available {
    /// The CPU features that its kernels take for granted.
    features: &'static [&'static str],
    /// Whether the CPU has all of them.
    is_detected: fn() -> bool,
}

impl InstructionSet {
    /// All that there are kernels for, on this CPU or another.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Sse41, Self::Avx2, Self::Avx512];

    /// The architecture, as Rust names it; `None` for all of them.
    pub fn architecture(self) -> Option<&'static str> {
        match self {
            Self::Scalar => None,
            Self::Sse41 | Self::Avx2 | Self::Avx512 => Some("x86_64"),
        }
    }

    /// Whether kernels for `other` may be used if this one is the limit: it is the same, or comes before
    /// it among the sets of one architecture. Sets of two architectures have no order.
    pub fn includes(self, other: Self) -> bool {
        let index = |set| Self::ALL.iter().position(|other| *other == set);
        other == Self::Scalar
            || (self.architecture() == other.architecture() && index(other) <= index(self))
    }

    /// What this architecture says of it; `None` if it is another one's.
    fn native(self) -> Option<Available> {
        let of_set = |(set, available): &(Self, Available)| (*set == self).then_some(*available);
        native::SETS.iter().find_map(of_set)
    }

    /// The CPU features that its kernels take for granted, as Rust names them; `None` on other
    /// architectures.
    pub fn features(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Scalar => Some(&[]),
            _ => Some(self.native()?.features),
        }
    }

    /// Whether this CPU has it.
    pub fn is_available(self) -> bool {
        self == Self::Scalar || self.native().is_some_and(|native| (native.is_detected)())
    }

    /// The newest that this CPU has.
    pub fn best() -> Self {
        Self::ALL.into_iter().rfind(|set| set.is_available()).unwrap_or_default()
    }

    /// This one or, if this CPU doesn't have it, the newest before it that it has.
    pub fn or_less(self) -> Self {
        let not_more = |&set: &Self| self.includes(set) && set.is_available();
        Self::ALL.into_iter().rfind(not_more).unwrap_or_default()
    }

    /// As [`or_less`](Self::or_less), for a CPU with the features that `has` says are there.
    pub fn or_less_with(self, has: impl Fn(&str) -> bool) -> Self {
        let is_available = |set: Self| {
            set.features().is_some_and(|features| features.iter().all(|feature| has(feature)))
        };
        let not_more = |&set: &Self| self.includes(set) && is_available(set);
        Self::ALL.into_iter().rfind(not_more).unwrap_or_default()
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

/// Makes the kernels of one instruction set for pixels in memory.
trait MakePixelKernels {
    /// For pixels of `STRIDE` bytes with samples in bytes `FIRST..FIRST + N`.
    ///
    /// `self` proves that the CPU has the instruction set.
    fn make<const STRIDE: usize, const FIRST: usize, const N: usize>(self) -> PixelKernels;
}

/// A line for each layout that there are kernels for.
fn pixel_kernels(maker: impl MakePixelKernels, pixel: PixelLayout) -> Option<PixelKernels> {
    Some(match (pixel.pixel_stride, pixel.first, pixel.n_samples) {
        (1, 0, 1) => maker.make::<1, 0, 1>(),
        (2, 0, 1) => maker.make::<2, 0, 1>(),
        (2, 1, 1) => maker.make::<2, 1, 1>(),
        (2, 0, 2) => maker.make::<2, 0, 2>(),
        (3, 0, 1) => maker.make::<3, 0, 1>(),
        (3, 1, 1) => maker.make::<3, 1, 1>(),
        (3, 0, 3) => maker.make::<3, 0, 3>(),
        (4, 0, 1) => maker.make::<4, 0, 1>(),
        (4, 1, 1) => maker.make::<4, 1, 1>(),
        (4, 2, 1) => maker.make::<4, 2, 1>(),
        (4, 3, 1) => maker.make::<4, 3, 1>(),
        (4, 0, 3) => maker.make::<4, 0, 3>(),
        (4, 1, 3) => maker.make::<4, 1, 3>(),
        _ => return None,
    })
}
