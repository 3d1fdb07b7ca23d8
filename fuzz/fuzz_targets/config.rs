//! See `fusewire_fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fusewire_fuzz::config::check(data));
