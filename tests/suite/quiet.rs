//! Promise: a decoder that panics says nothing, and whatever else panics does.

use std::panic;
use std::sync::atomic::{AtomicU32, Ordering};

use gsthistomatch::reference::quietly;

use crate::common::programs::alone;

#[test]
fn a_decoder_that_panics_says_nothing() {
    let mut child = alone(module_path!(), "child_whose_decoders_panic");
    let output = child.arg("--ignored").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The hook is the process's.
#[test]
#[ignore = "run by another, in a process of its own"]
fn child_whose_decoders_panic() {
    static SAID: AtomicU32 = AtomicU32::new(0);
    panic::set_hook(Box::new(|_| {
        SAID.fetch_add(1, Ordering::Relaxed);
    }));
    assert_eq!(quietly(|| 5), Some(5));
    assert_eq!(quietly(|| panic!("a decoder")), None::<u32>);
    assert_eq!(SAID.load(Ordering::Relaxed), 0);
    assert!(panic::catch_unwind(|| panic!("anything else")).is_err());
    assert_eq!(SAID.load(Ordering::Relaxed), 1);
}
