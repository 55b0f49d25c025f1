//! See `isomirror_tests::fuzz::treeinfo`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| isomirror_tests::fuzz::treeinfo::run(data));
