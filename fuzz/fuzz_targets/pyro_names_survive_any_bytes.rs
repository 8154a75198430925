#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ndferry_testkit::properties::pyro_names_survive_any_bytes(bytes));
