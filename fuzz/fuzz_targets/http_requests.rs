//! Requests over HTTP.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    kora_http::fuzz::request_input(input);
});
