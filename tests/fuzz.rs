//! Promise: what holds for any input ([fuzz](../fuzz/README.md)) holds for the corpus, in which are
//! the inputs that once did not, and for inputs like these.

use std::panic::catch_unwind;
use std::path::Path;

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

/// Inputs like those of the corpus that each target gets.
const RUNS: u64 = 1_000;

/// Gives every file of a target's corpus to the target, and what becomes of them when some bytes
/// change, the same in every run.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> =
        entries.map(|entry| entry.expect("the entry can be read").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no inputs in {}", folder.display());
    let read = |file| std::fs::read(file).expect("the input can be read");
    let inputs: Vec<Vec<u8>> = files.iter().map(read).collect();
    for (file, input) in files.iter().zip(&inputs) {
        let outcome = catch_unwind(|| run(input));
        assert!(outcome.is_ok(), "{target} fails on {}", file.display());
    }
    for n in 0..RUNS {
        let input = changed(&inputs, n);
        let outcome = catch_unwind(|| run(&input));
        assert!(outcome.is_ok(), "{target} fails on b\"{}\"", input.escape_ascii());
    }
}

/// One of the inputs with some bytes changed, put in, or left out, or the end of another.
fn changed(inputs: &[Vec<u8>], seed: u64) -> Vec<u8> {
    let mut state = seed;
    // Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014 (SplitMix64).
    let mut below = |n: usize| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % n.max(1) as u64) as usize
    };
    let mut input = inputs[below(inputs.len())].clone();
    for _ in 0..1 + below(4) {
        let at = below(input.len() + 1);
        match below(5) {
            0 => input.truncate(at),
            1 => input.insert(at, below(256) as u8),
            2 => {
                let other = &inputs[below(inputs.len())];
                input.truncate(at);
                input.extend(&other[below(other.len())..]);
            }
            what => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = if what == 3 { *byte ^ 1 << below(8) } else { below(256) as u8 };
                }
            }
        }
    }
    input
}

#[test]
fn kernels() {
    replay("kernels", fuzz::kernels);
}

#[test]
fn planes() {
    replay("planes", fuzz::planes);
}

#[test]
fn properties() {
    replay("properties", fuzz::properties);
}

#[test]
fn reference() {
    replay("reference", fuzz::reference);
}

#[test]
fn temporal() {
    replay("temporal", fuzz::temporal);
}
