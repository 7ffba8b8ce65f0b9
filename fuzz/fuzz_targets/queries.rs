//! Queries of FT commands.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kora_search::fuzz::query_input(input));
