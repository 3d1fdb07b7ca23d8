//! See `fusewire_fuzz::tapes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fusewire_fuzz::tapes::check(data));
