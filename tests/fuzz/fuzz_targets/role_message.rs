//! See `isomirror_tests::fuzz::role_message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::role_message::run(data));
