//! What is promised for any input, a module for each target.
//!
//! The targets of cargo-fuzz call these functions, and so does `tests/fuzz.rs`, with the corpus. A
//! function that returns has found nothing.

mod kernels;
mod planes;
mod properties;
mod reference;
mod temporal;

pub use kernels::kernels;
pub use planes::planes;
pub use properties::properties;
pub use reference::reference;
pub use temporal::temporal;

/// One of `n` variants, of which each has as many chances.
///
/// The same as in what `arbitrary` can derive; but its macro needs features of `syn` with which
/// Cargo builds most crates a second time.
fn variant(u: &mut arbitrary::Unstructured, n: u64) -> arbitrary::Result<u64> {
    Ok((u64::from(u.arbitrary::<u32>()?) * n) >> 32)
}

/// Noise that is the same on every machine (the generator is xorshift, by G. Marsaglia).
fn noise(seed: u32) -> impl FnMut() -> u32 {
    // Of zero comes nothing else.
    let mut state = seed | 1 << 31;
    move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    }
}
