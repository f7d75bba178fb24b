//! Tokens: values that prove that the CPU has an instruction set.
//!
//! A function that hands out code of an instruction set asks for its token. A token is made by its
//! detection, or where the instructions are used already: nowhere else, as this module alone can
//! write `Self(())`. So safe code can't reach an instruction that the CPU lacks.

use std::arch::is_x86_feature_detected;

use super::Available;

/// Defines a token: the features that its functions enable, and all that these imply.
macro_rules! token {
    ($name:ident, $enabled:literal, [$($feature:tt),+]) => {
        #[derive(Clone, Copy, Debug)]
        pub(super) struct $name(());

        impl $name {
            pub(super) const AVAILABLE: Available = Available {
                // Every feature that the compiler takes for granted where `$enabled` is enabled.
                features: &[$($feature),+],
                is_detected: || Self::detect().is_some(),
            };

            /// Asks the CPU, for every feature by itself: it may lack one that others imply.
            pub(super) fn detect() -> Option<Self> {
                ($(is_x86_feature_detected!($feature))&&+).then_some(Self(()))
            }

            /// Safe code can only call this where the features are enabled.
            #[inline]
            #[target_feature(enable = $enabled)]
            pub(super) fn in_use() -> Self {
                Self(())
            }
        }
    };
}

token!(Sse41, "ssse3,sse4.1", ["sse3", "ssse3", "sse4.1"]);

token!(Avx2, "avx2", ["sse3", "ssse3", "sse4.1", "sse4.2", "avx", "avx2"]);

token!(
    Avx512,
    "avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,bmi1,popcnt",
    [
        "sse3",
        "ssse3",
        "sse4.1",
        "sse4.2",
        "popcnt",
        "avx",
        "avx2",
        "bmi1",
        "f16c",
        "fma",
        "avx512f",
        "avx512bw",
        "avx512vbmi",
        "avx512vbmi2",
        "avx512vnni",
        "avx512vpopcntdq"
    ]
);
