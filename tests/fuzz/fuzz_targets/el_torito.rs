//! See `isomirror_tests::fuzz::el_torito`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::el_torito::run(data));
