//! Bodies of the fuzz targets: functions that take any bytes and panic if a promise about them is broken.
//!
//! Texts of values, paths and payloads come from clients and from files. Whatever they are, they are refused, or what they make is well made
//! and gives the same again. Coverage-guided targets (`fuzz/`) run the same bodies, and so do tests, on inputs put together from a seed.

#[cfg(test)]
mod tests;

use kora_core::config::CoreConfig;
use kora_core::entry::data_type::{Extensions, Loader};
use kora_core::rdb::{Style, build, put_text, write_value};

use crate::packed::{DEPTH_MAX, Value};
use crate::{Json, Path};

/// What a run met. A generator that only makes rubbish would show here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Inputs tried.
    pub inputs: u64,
    /// Those that were refused.
    pub refused: u64,
}

/// Checks `count` generated texts of values, paths on them, and payloads of them.
///
/// # Panics
/// If one of them breaks a promise.
#[must_use]
pub fn documents(seed: u64, count: u64) -> Tally {
    let mut generator = Generator(seed);
    let mut tally = Tally::default();
    for _ in 0..count {
        let document = generator.text(VALUES);
        let path = generator.text(PATHS);
        let is_taken = check_document(document.as_bytes()) | check_path(path.as_bytes());
        let mut parts = vec![TEXT];
        put_text(&mut parts, document.as_bytes(), false);
        parts.push(END);
        check_payload(&parts);
        tally.inputs += 1;
        tally.refused += u64::from(!is_taken);
    }
    tally
}

/// Checks the text of a value.
pub fn document_input(input: &[u8]) {
    check_document(input);
}

/// Checks a path.
pub fn path_input(input: &[u8]) {
    check_path(input);
}

/// Checks what stands behind the id in a module's value.
pub fn payload_input(input: &[u8]) {
    check_payload(input);
}

fn check_document(input: &[u8]) -> bool {
    let Some(json) = std::str::from_utf8(input).ok().and_then(|text| Json::parse(text).ok()) else {
        return false;
    };
    check_json(&json);
    true
}

fn check_json(json: &Json) {
    let root = json.root();
    assert_eq!(root.end(), root.run().len(), "a run is one value");
    assert!(root.depth() <= DEPTH_MAX, "depth is limited");
    let text = json.text();
    let again =
        Json::parse(std::str::from_utf8(&text).expect("texts are UTF-8")).expect("a text is one of JSON");
    assert_eq!(again.root().bytes(), root.bytes(), "a text gives the value again");
}

/// What paths are tried on.
const SAMPLE: &str = r#"{"a":[1,{"b":"c","a":null},[2.5,true]],"b":{"a":-3},"c":"x"}"#;

fn check_path(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let sample = Json::parse(SAMPLE).expect("the sample is JSON");
    match Path::parse(text) {
        Ok(path) => {
            if let Ok(found) = path.find(sample.root()) {
                let first = path.first(sample.root()).expect("it goes no further than all");
                assert_eq!(first.map(Value::bytes), found.first().map(|value| value.bytes()));
            }
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// The codes of a module's text, and of what stands behind its parts.
const TEXT: u8 = 5;
const END: u8 = 0;
/// The code of module values, and the id of JSON's.
const MODULE: u8 = 7;
const ID: [u8; 9] = [0x81, 0x45, 0xE2, 0x52, 0x38, 0xDF, 0x91, 0x2C, 0x03];

fn check_payload(parts: &[u8]) {
    let config = CoreConfig::default();
    let loader = Loader { config: &config, seed: 1, extensions: Extensions::new(crate::TYPES) };
    let bytes = [&ID[..], parts].concat();
    let Ok((entry, _)) = build(MODULE, &bytes, (b"key", None), &loader) else { return };
    let object = entry.as_object().expect("a value of an extension");
    check_json(object.as_any().downcast_ref().expect("a JSON value"));
    let mut written = Vec::new();
    write_value(&entry, Style { compress: true }, &mut written);
    let again = build(MODULE, &written[1..], (b"key", None), &loader).map(|(_, len)| len);
    assert_eq!(again, Ok(written.len() - 1), "what is written is read");
}

/// What texts of values are put together from.
const VALUES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"a\"",
    "\"b\"",
    "\"\\u00e9\\n\"",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "12.5",
    "1e400",
    "18446744073709551616",
    "{\"a\":",
    "[1,2]",
    "\"",
    "\\",
    " ",
    "[[[[[[[[",
    "]]]]]]]]",
];

/// What paths are put together from.
const PATHS: &[&str] = &[
    "$",
    ".",
    "..",
    "*",
    "[",
    "]",
    "a",
    "b",
    "[0]",
    "[-1]",
    "['a']",
    "[\"b\",'a']",
    "[0:2]",
    "[::",
    "?(",
    ")",
    "@",
    "==",
    "1",
    "&&",
    "||",
    "=~\"^c\"",
    "[?(@.b)]",
    "<",
    "'",
    " ",
    "null",
    "é",
];

struct Generator(u64);

impl Generator {
    /// Splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators".
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("it is below the bound")
    }

    fn text(&mut self, words: &[&str]) -> String {
        let count = self.below(9);
        (0..count).map(|_| words[self.below(words.len())]).collect()
    }
}
