//! What the directives about encryption come to: the two configurations that sessions begin with.
//!
//! They are part of the configuration in force, so they change with it as a whole or not at all.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kora_tls::rustls::server::StoresServerSessions;
use kora_tls::rustls::{ClientConfig, ServerConfig};
use kora_tls::{ClientCertificates, ClientSetup, Identity, PeerCheck, ServerSetup, TlsError, Trust};

use super::sessions::Sessions;
use crate::config::tls::{ClientAuth, Contexts, TlsConfig};

/// Builds them anew from the files.
///
/// # Errors
/// If a file can't be used, or something needed is not configured.
pub(crate) fn build(config: &TlsConfig) -> Result<Contexts, TlsError> {
    if !config.is_in_use() {
        return Ok(Contexts::default());
    }
    let client = if config.cluster { Some(client(config)?) } else { None };
    Ok(Contexts { server: Some(server(config)?), client })
}

fn path(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

fn trust(config: &TlsConfig) -> Result<Trust, TlsError> {
    let mut trust = Trust::nobody();
    if !config.ca_cert_file.is_empty() {
        trust.add_file(path(&config.ca_cert_file))?;
    }
    if !config.ca_cert_dir.is_empty() {
        trust.add_folder(path(&config.ca_cert_dir))?;
    }
    Ok(trust)
}

fn identity(config: &TlsConfig) -> Result<Identity, TlsError> {
    if config.cert_file.is_empty() || config.key_file.is_empty() {
        return Err(TlsError::NoIdentity);
    }
    Identity::read(path(&config.cert_file), path(&config.key_file), &config.key_file_pass)
}

fn server(config: &TlsConfig) -> Result<Arc<ServerConfig>, TlsError> {
    let sessions = || -> Arc<dyn StoresServerSessions> {
        let count = usize::try_from(config.session_cache_size).unwrap_or(usize::MAX);
        let count = if count == 0 { usize::MAX } else { count };
        Arc::new(Sessions::new(count, Duration::from_secs(u64::from(config.session_cache_timeout_seconds))))
    };
    let setup = ServerSetup {
        identity: identity(config)?,
        trust: trust(config)?,
        clients: match config.auth_clients {
            ClientAuth::No => ClientCertificates::Unasked,
            ClientAuth::Yes => ClientCertificates::Required,
            ClientAuth::Optional => ClientCertificates::Optional,
        },
        protocols: config.protocols.value,
        ciphers: config.ciphers.value.clone(),
        suites: config.ciphersuites.value.clone(),
        prefers_own_order: config.prefer_server_ciphers,
        sessions: config.session_caching.then(sessions),
    };
    setup.finish()
}

/// As whom to connect to others: as a client if there is a certificate for that, else as the server. Whoever is trusted may have made the other's
/// certificate, whatever name it is of: servers know one another by addresses.
fn client(config: &TlsConfig) -> Result<Arc<ClientConfig>, TlsError> {
    let identity = if config.client_cert_file.is_empty() {
        identity(config)?
    } else if config.client_key_file.is_empty() {
        return Err(TlsError::NoIdentity);
    } else {
        let (certificate, key) = (path(&config.client_cert_file), path(&config.client_key_file));
        Identity::read(certificate, key, &config.client_key_file_pass)?
    };
    let setup = ClientSetup {
        identity: Some(identity),
        trust: trust(config)?,
        check: PeerCheck::Chain,
        protocols: config.protocols.value,
        ciphers: config.ciphers.value.clone(),
        suites: config.ciphersuites.value.clone(),
    };
    setup.finish()
}
