//! Stored listpacks.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kora_core::fuzz::listpack_input(input));
