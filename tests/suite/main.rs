//! One program for all promises that nothing global to a process stands behind: built and linked
//! once. What needs a process of its own is beside this folder, or starts this program again.

#[path = "../common/mod.rs"]
mod common;

mod borders;
mod buffers;
mod clients;
mod control;
mod devices;
mod exactness;
mod formats;
mod kernels;
mod kinds;
mod leaks;
mod memory;
mod page;
mod picture;
mod pipelines;
mod pixels;
mod play;
mod presets;
mod properties;
mod python;
mod quality;
mod quiet;
mod steady;
mod stream;
mod stress;
mod structure;
mod temporal;
mod transcode;
mod video;
