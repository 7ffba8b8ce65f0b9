//! Files of the RDB format.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kora_core::fuzz::stored_file_input(input));
