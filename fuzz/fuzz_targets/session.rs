//! See `fusewire_fuzz::session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fusewire_fuzz::session::check(data));
