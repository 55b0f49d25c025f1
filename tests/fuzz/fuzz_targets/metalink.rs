//! See `isomirror_tests::fuzz::metalink`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::metalink::run(data));
