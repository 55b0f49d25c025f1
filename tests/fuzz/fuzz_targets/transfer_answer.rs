//! See `isomirror_tests::fuzz::transfer_answer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::transfer_answer::run(data));
