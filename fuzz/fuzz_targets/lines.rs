//! Words of a line.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kora_protocol::fuzz::line_input(input));
