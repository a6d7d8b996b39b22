//! Feeds `fuzz::rtl8139` what libFuzzer comes up with.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::rtl8139::run(data));
