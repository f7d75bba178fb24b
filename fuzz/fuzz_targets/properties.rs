#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| histomatch_fuzz::properties(data));
