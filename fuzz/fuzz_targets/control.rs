//! See `fusewire_fuzz::control`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fusewire_fuzz::control::check(data));
