//! Blocks of streams.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kora_core::fuzz::block_input(input));
