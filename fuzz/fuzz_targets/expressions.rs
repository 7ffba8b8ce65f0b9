//! Expressions of FT commands.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kora_search::fuzz::expression_input(input));
