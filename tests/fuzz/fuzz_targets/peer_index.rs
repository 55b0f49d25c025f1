//! See `isomirror_tests::fuzz::peer_index`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::peer_index::run(data));
