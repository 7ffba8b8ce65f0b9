//! Encrypted connections to the program: who may come, what is refused, what strangers may do to it, and certificates that change.
//!
//! Certificates are made when the tests run.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "tls/authority.rs"]
mod authority;
#[path = "tls/certificates.rs"]
mod certificates;
#[path = "tls/changes.rs"]
mod changes;
#[path = "robust/client.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod client;
#[path = "tls/encrypted.rs"]
mod encrypted;
#[path = "tls/links.rs"]
mod links;
#[path = "robust/server.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod server;
#[path = "tls/strangers.rs"]
mod strangers;
#[path = "tls/traffic.rs"]
mod traffic;
