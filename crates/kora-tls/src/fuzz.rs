//! Body of a fuzz target: a function that takes any bytes and panics if a promise of this crate is broken.

use rustls::crypto::aws_lc_rs::default_provider;

use super::{CipherList, CipherSuites, Protocols};

/// Reads a text as each of the directives that have a language of their own: what is taken leaves something to work with.
///
/// # Panics
/// If that is not so.
pub fn directive_input(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(protocols) = Protocols::parse(&text) {
        assert!(!protocols.versions().is_empty(), "{text}");
    }
    let all = default_provider().cipher_suites;
    if let Ok(list) = CipherList::parse(&text) {
        assert!(!list.select(&all).is_empty(), "{text}");
    }
    if let Ok(suites) = CipherSuites::parse(&text) {
        assert!(!suites.select(&all).is_empty(), "{text}");
    }
}
