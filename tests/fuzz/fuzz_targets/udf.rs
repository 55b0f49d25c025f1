//! See `isomirror_tests::fuzz::udf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::udf::run(data));
