//! Protocols and ciphers, as directives name them.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kora_tls::fuzz::directive_input(input));
