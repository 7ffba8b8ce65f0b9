//! Stored sets of integers.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kora_core::fuzz::intset_input(input));
