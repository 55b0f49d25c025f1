//! See `isomirror_tests::fuzz::listing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::listing::run(data));
