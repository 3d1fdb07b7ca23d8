//! See `fusewire_fuzz::snapshot`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fusewire_fuzz::snapshot::check(data));
