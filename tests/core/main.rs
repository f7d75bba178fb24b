//! One program for the rule, time, and views of memory: small, so that `cargo mutants`, which builds
//! it for each mutant, need not build the other one.

#[path = "../common/mod.rs"]
mod common;

mod dither;
mod exactness;
mod grade;
mod live;
mod pixels;
mod temporal;
