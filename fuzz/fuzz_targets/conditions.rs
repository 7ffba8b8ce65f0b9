//! Conditions of DOC.FIND.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kora_doc::fuzz::condition_input(input));
