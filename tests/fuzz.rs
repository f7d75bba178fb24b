//! Promise: what holds for any input ([fuzz](../fuzz/README.md)) holds for the corpus, in which are
//! the inputs that once did not.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

/// Gives every file of a target's corpus to the target.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files: Vec<PathBuf> = folder
        .read_dir()
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the entry can be read").path())
        .collect();
    assert!(!files.is_empty(), "no inputs in {}", folder.display());
    for file in files {
        let input = std::fs::read(&file).expect("the input can be read");
        let outcome = catch_unwind(|| run(&input));
        assert!(outcome.is_ok(), "{target} fails on {}", file.display());
    }
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
