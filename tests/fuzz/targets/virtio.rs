//! Feeds `fuzz::virtio` what libFuzzer comes up with.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::virtio::run(data));
