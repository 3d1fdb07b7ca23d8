//! See `fusewire_fuzz::venues`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fusewire_fuzz::venues::check(data));
