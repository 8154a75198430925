#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ndferry_testkit::properties::pyro_msgpack_survives_any_bytes(bytes));
