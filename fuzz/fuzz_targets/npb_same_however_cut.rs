#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ndferry_testkit::properties::npb_same_however_cut(bytes));
