//! Requests, in any pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kora_protocol::fuzz::request_input(input));
