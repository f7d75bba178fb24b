#![no_main]

// A panic in a decoder is caught, and must not end the process before that.
libfuzzer_sys::fuzz_target!(
    init: drop(std::panic::take_hook()),
    |data: &[u8]| histomatch_fuzz::reference(data)
);
