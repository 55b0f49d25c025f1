//! See `isomirror_tests::fuzz::label`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::label::run(data));
