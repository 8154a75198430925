#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ndferry_testkit::properties::pickle_scan_finds_what_is_read(bytes));
