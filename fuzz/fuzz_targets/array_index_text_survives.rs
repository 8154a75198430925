#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ndferry_testkit::properties::array_index_text_survives(bytes));
