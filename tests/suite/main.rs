//! One program for all promises but those about what a process has once: it is compiled and linked
//! once. A test that needs a process of its own starts this program again (`programs::alone`).

#[path = "../common/mod.rs"]
mod common;

mod borders;
mod buffers;
mod cameras;
mod channels;
#[cfg(unix)]
mod clients;
mod control;
mod cube;
mod devices;
mod films;
mod formats;
mod grade;
mod kernels;
mod kinds;
mod leaks;
mod live;
mod memory;
mod page;
mod picture;
#[cfg(unix)]
mod pipelines;
mod play;
mod presets;
mod properties;
mod python;
mod quality;
mod quiet;
#[cfg(unix)]
mod recipes;
mod references;
mod region;
mod steady;
mod stream;
mod stress;
mod structure;
mod tap;
#[cfg(unix)]
mod transcode;
mod video;
