//! JSON: documents.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kora_json::fuzz::document_input(input));
