//! Feeds `fuzz::framing` what libFuzzer comes up with.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::framing::run(data));
