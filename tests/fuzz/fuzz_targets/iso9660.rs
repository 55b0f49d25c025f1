//! See `isomirror_tests::fuzz::iso9660`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::iso9660::run(data));
