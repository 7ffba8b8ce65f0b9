//! Encryption as directives and options describe it, for the server and the client alike.
//!
//! Files of certificates and keys, names of protocols and ciphers as OpenSSL spells them, and who is trusted become the two configurations that
//! rustls works with. Nothing here knows a socket, a directive or an option. What rustls can't do is an error that says so: nothing is left
//! out silently.

mod ciphers;
mod client;
mod error;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod keys;
mod names;
mod protocols;
mod server;
mod trust;

pub use ciphers::{CipherList, CipherSuites};
pub use client::{ClientSetup, PeerCheck};
pub use error::TlsError;
pub use keys::Identity;
pub use names::common_name;
pub use protocols::Protocols;
pub use rustls;
pub use server::{ClientCertificates, ServerSetup};
pub use trust::Trust;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// What is left of the cryptography once only some ciphers are allowed.
///
/// # Errors
/// If no cipher is left for a protocol that is allowed.
fn provider(
    protocols: Protocols,
    list: &CipherList,
    suites: &CipherSuites,
) -> Result<Arc<CryptoProvider>, TlsError> {
    let all = aws_lc_rs::default_provider();
    let mut allowed = Vec::new();
    if protocols.has_13() {
        allowed.extend(suites.select(&all.cipher_suites));
    }
    if protocols.has_12() {
        allowed.extend(list.select(&all.cipher_suites));
    }
    if allowed.is_empty() {
        return Err(TlsError::NoCipher);
    }
    Ok(Arc::new(CryptoProvider { cipher_suites: allowed, ..all }))
}

#[cfg(test)]
mod tests;
