//! The side that accepts connections.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, StoresServerSessions, WebPkiClientVerifier};

use super::{CipherList, CipherSuites, Identity, Protocols, TlsError, Trust, provider};

/// Whether clients have to show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// None is asked for.
    Unasked,
    /// One is asked for; who has none may come all the same, and who has a bad one may not.
    Optional,
    /// Nobody may come without one.
    Required,
}

/// What a server wants.
#[derive(Debug)]
pub struct ServerSetup {
    /// Who it is.
    pub identity: Identity,
    /// Whose word for certificates of clients it takes.
    pub trust: Trust,
    /// Whether it asks for them.
    pub clients: ClientCertificates,
    /// Versions of the protocol.
    pub protocols: Protocols,
    /// Ciphers of TLS 1.2.
    pub ciphers: CipherList,
    /// Cipher suites of TLS 1.3.
    pub suites: CipherSuites,
    /// Whether its own order of ciphers counts, and not the client's.
    pub prefers_own_order: bool,
    /// Where sessions are kept that clients may take up again; nowhere if absent.
    pub sessions: Option<Arc<dyn StoresServerSessions>>,
}

impl ServerSetup {
    /// The same for rustls.
    ///
    /// # Errors
    /// If the parts do not fit together: the key is another certificate's, there is nobody to judge clients by ...
    pub fn finish(self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = provider(self.protocols, &self.ciphers, &self.suites)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.protocols.versions())?;
        let builder = if self.clients == ClientCertificates::Unasked {
            builder.with_no_client_auth()
        } else {
            if self.trust.is_empty() {
                return Err(TlsError::NoTrust);
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.trust.0), provider);
            let verifier = match self.clients {
                ClientCertificates::Optional => verifier.allow_unauthenticated(),
                _ => verifier,
            };
            let verifier = verifier.build().map_err(|error| TlsError::Refused(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        };
        let mut config = builder.with_single_cert(self.identity.chain, self.identity.key)?;
        config.ignore_client_order = self.prefers_own_order;
        if let Some(sessions) = self.sessions {
            config.session_storage = sessions;
            // A client that connects again is given a new one each time.
            config.send_tls13_tickets = 1;
        } else {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Arc::new(config))
    }
}
