//! Certificates, and the files that a server reads them from.

use std::path::{Path, PathBuf};

use kora_testkit::process::free_port;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

use crate::server::{Program, command};

/// Somebody who makes certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Server,
    Client,
    /// For a client, of a time that is over.
    Expired,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Writes a certificate and its key to files of this name, and the authority's own beside them.
    pub(crate) fn make(&self, folder: &Path, name: &str, what_for: Use) -> Files {
        let mut params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        if what_for == Use::Server {
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        } else {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        if what_for == Use::Expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = Files {
            certificate: folder.join(format!("{name}.crt")),
            key: folder.join(format!("{name}.key")),
            authority: folder.join(format!("{name}-authority.crt")),
        };
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        std::fs::write(&files.authority, &self.pem).unwrap();
        files
    }
}

/// Where a certificate is.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) authority: PathBuf,
}

/// A path as an option takes it.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A server that encrypts, and what is needed to connect to it.
pub(crate) struct World {
    pub(crate) program: Program,
    pub(crate) authority: Authority,
    pub(crate) server: Files,
    pub(crate) tls_port: u16,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    /// One that asks nobody for a certificate unless an option says so.
    pub(crate) fn start(workers: u16, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let server = authority.make(folder.path(), "server", Use::Server);
        let (port, tls_port) = (free_port().unwrap(), free_port().unwrap());
        let mut command = command(port, &["--workers", &workers.to_string(), "--tls-auth-clients", "no"]);
        command.args(["--tls-port", &tls_port.to_string()]);
        command.args(["--tls-cert-file", text(&server.certificate), "--tls-key-file", text(&server.key)]);
        command.args(["--tls-ca-cert-file", text(&server.authority)]).args(options);
        Self { program: Program::spawn(command, port), authority, server, tls_port, folder }
    }

    /// A certificate for a client.
    pub(crate) fn client(&self, name: &str, what_for: Use) -> Files {
        self.authority.make(self.folder.path(), name, what_for)
    }
}
