//! The directives about encryption, and those of them whose text has a meaning of its own.

use std::sync::Arc;

use kora_tls::rustls::{ClientConfig, ServerConfig};
use kora_tls::{CipherList, CipherSuites, Protocols};

use super::field::{Field, choice};
use super::value::{InvalidValue, Setting};

choice! {
    /// `tls-auth-clients`: whether clients have to show a certificate.
    pub enum ClientAuth {
        /// They are not asked for one.
        No = "no",
        /// They must.
        Yes = "yes",
        /// They may; a bad one is refused.
        Optional = "optional",
    }
}

choice! {
    /// `tls-auth-clients-user`: what of a certificate says which user its client is.
    pub enum ClientUser {
        /// The common name of its subject.
        CommonName = "CN",
        /// Nothing.
        Off = "off",
    }
}

/// A text together with what it means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spelled<T> {
    /// As it was given.
    pub text: String,
    /// What it means.
    pub value: T,
}

macro_rules! spelled_fields {
    ($($meaning:ty),*) => {
        $(impl Field for Spelled<$meaning> {
            fn to_setting(&self) -> Setting {
                Setting::Text(self.text.clone().into_bytes())
            }

            fn from_setting(setting: Setting) -> Result<Self, InvalidValue> {
                let text = String::from_utf8(Vec::from_setting(setting)?);
                let text = text.map_err(|_| "argument must be UTF-8 text")?;
                let value = <$meaning>::parse(&text)?;
                Ok(Self { text, value })
            }
        })*
    };
}

spelled_fields!(Protocols, CipherList, CipherSuites);

/// What the directives say; files are not looked at here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are named after their directives, which redis.conf documents")]
pub struct TlsConfig {
    /// `tls-port`: 0 for none.
    pub port: u16,
    pub cert_file: Vec<u8>,
    pub key_file: Vec<u8>,
    pub key_file_pass: Vec<u8>,
    pub client_cert_file: Vec<u8>,
    pub client_key_file: Vec<u8>,
    pub client_key_file_pass: Vec<u8>,
    pub ca_cert_file: Vec<u8>,
    pub ca_cert_dir: Vec<u8>,
    pub auth_clients: ClientAuth,
    pub auth_clients_user: ClientUser,
    pub protocols: Spelled<Protocols>,
    pub ciphers: Spelled<CipherList>,
    pub ciphersuites: Spelled<CipherSuites>,
    pub prefer_server_ciphers: bool,
    pub session_caching: bool,
    /// 0 for no limit.
    pub session_cache_size: u32,
    pub session_cache_timeout_seconds: u32,
    /// `tls-cluster`: connections to other servers that MIGRATE makes are encrypted.
    pub cluster: bool,
    /// `max-new-tls-connections-per-cycle`: steps of handshakes in a round of a worker.
    pub handshakes_per_round: u32,
}

/// What that comes to: what encrypted sessions begin with. A session that has begun keeps what it began with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contexts {
    /// For those who connect, where encryption is in use.
    pub(crate) server: Option<Arc<ServerConfig>>,
    /// For connections to other servers, where those are encrypted.
    pub(crate) client: Option<Arc<ClientConfig>>,
}

impl TlsConfig {
    /// Whether anything is encrypted.
    pub(crate) fn is_in_use(&self) -> bool {
        self.port != 0 || self.cluster
    }
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            port: 0,
            cert_file: Vec::new(),
            key_file: Vec::new(),
            key_file_pass: Vec::new(),
            client_cert_file: Vec::new(),
            client_key_file: Vec::new(),
            client_key_file_pass: Vec::new(),
            ca_cert_file: Vec::new(),
            ca_cert_dir: Vec::new(),
            auth_clients: ClientAuth::Yes,
            auth_clients_user: ClientUser::Off,
            protocols: Spelled::default(),
            ciphers: Spelled::default(),
            ciphersuites: Spelled::default(),
            prefer_server_ciphers: false,
            session_caching: true,
            session_cache_size: 20_480,
            session_cache_timeout_seconds: 300,
            cluster: false,
            handshakes_per_round: 1,
        }
    }
}
