//! See `isomirror_tests::fuzz::wim`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::wim::run(data));
