//! A certificate for a server on this machine, and the authority that vouches for it.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

/// Files of a certificate; they go when this is dropped.
pub(super) struct Certificate {
    folder: tempfile::TempDir,
}

impl Certificate {
    pub(super) fn make() -> anyhow::Result<Self> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Of the same name as its authority's a certificate would be taken for one that vouches for itself.
        authority.distinguished_name.push(DnType::CommonName, "authority");
        let key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&key)?.pem();
        let issuer = Issuer::new(authority, key);
        let mut params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()])?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let pem = params.signed_by(&key, &issuer)?.pem();
        let files = Self { folder: tempfile::tempdir()? };
        std::fs::write(files.path("server.crt"), pem)?;
        std::fs::write(files.path("server.key"), key.serialize_pem())?;
        std::fs::write(files.authority(), authority_pem)?;
        Ok(files)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The authority's certificate.
    pub(super) fn authority(&self) -> PathBuf {
        self.path("ca.crt")
    }

    /// Options with which a server listens on an encrypted port, too.
    pub(super) fn options(&self, port: u16) -> Vec<String> {
        let file = |name: &str| self.path(name).display().to_string();
        let options = [
            ("--tls-port", port.to_string()),
            ("--tls-cert-file", file("server.crt")),
            ("--tls-key-file", file("server.key")),
            ("--tls-ca-cert-file", file("ca.crt")),
            ("--tls-auth-clients", "no".to_owned()),
        ];
        options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}
