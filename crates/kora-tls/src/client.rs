//! The side that connects.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::{CipherList, CipherSuites, Identity, Protocols, TlsError, Trust, provider};

/// What is asked of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerCheck {
    /// Somebody trusted vouches for it, and it is of the name that was connected to.
    ChainAndName,
    /// Somebody trusted vouches for it. That is enough among servers with an authority of their own.
    Chain,
    /// Nothing: whoever answers is believed.
    Nothing,
}

/// What a client wants.
#[derive(Debug)]
pub struct ClientSetup {
    /// Who it is, if it can show that.
    pub identity: Option<Identity>,
    /// Whose word for the server's certificate it takes.
    pub trust: Trust,
    /// What it asks of that certificate.
    pub check: PeerCheck,
    /// Versions of the protocol.
    pub protocols: Protocols,
    /// Ciphers of TLS 1.2.
    pub ciphers: CipherList,
    /// Cipher suites of TLS 1.3.
    pub suites: CipherSuites,
}

impl ClientSetup {
    /// The same for rustls.
    ///
    /// # Errors
    /// If the parts do not fit together.
    pub fn finish(self) -> Result<Arc<ClientConfig>, TlsError> {
        let provider = provider(self.protocols, &self.ciphers, &self.suites)?;
        if self.trust.is_empty() && self.check != PeerCheck::Nothing {
            return Err(TlsError::NoTrust);
        }
        let roots = Arc::new(self.trust.0);
        let verifier: Arc<dyn ServerCertVerifier> = match self.check {
            PeerCheck::ChainAndName => {
                let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
                builder.build().map_err(|error| TlsError::Refused(error.to_string()))?
            }
            PeerCheck::Chain => Arc::new(Lenient { roots: Some(roots), provider: Arc::clone(&provider) }),
            PeerCheck::Nothing => Arc::new(Lenient { roots: None, provider: Arc::clone(&provider) }),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.protocols.versions())?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match self.identity {
            Some(identity) => builder.with_client_auth_cert(identity.chain, identity.key)?,
            None => builder.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }
}

/// Does not look at the certificate's name, and without `roots` at nothing but that the server has its key.
#[derive(Debug)]
struct Lenient {
    roots: Option<Arc<RootCertStore>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let certificate = ParsedCertificate::try_from(certificate)?;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
