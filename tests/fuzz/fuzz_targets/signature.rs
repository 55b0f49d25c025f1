//! See `isomirror_tests::fuzz::signature`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::signature::run(data));
