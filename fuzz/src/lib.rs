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
