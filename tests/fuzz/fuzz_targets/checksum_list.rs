//! See `isomirror_tests::fuzz::checksum_list`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::checksum_list::run(data));
