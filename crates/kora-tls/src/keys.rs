//! Files of certificates and keys.

use std::fs;
use std::path::Path;

use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::TlsError;

const SEALED_BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const SEALED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

/// What marks a key under a password in the form that came before PKCS#8.
const OLD_SEAL: &str = "Proc-Type: 4,ENCRYPTED";

/// A certificate with those that lead to an authority, and its key.
#[derive(Debug)]
pub struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads it from files in PEM form; the key may be under a password.
    ///
    /// # Errors
    /// If a file can't be read, holds no certificate or key, or the password is not that of the key.
    pub fn read(certificate: &Path, key: &Path, password: &[u8]) -> Result<Self, TlsError> {
        Ok(Self { chain: certificates(certificate)?, key: private_key(key, password)? })
    }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Unreadable { path: path.into(), error })
}

pub(crate) fn wrong(path: &Path, reason: impl ToString) -> TlsError {
    TlsError::File { path: path.into(), reason: reason.to_string() }
}

/// All certificates of a file, of which there must be one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| wrong(path, error))?;
    if found.is_empty() { Err(wrong(path, "holds no certificate")) } else { Ok(found) }
}

fn private_key(path: &Path, password: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    if let Some(begin) = text.find(SEALED_BEGIN) {
        let sealed = &text[begin..];
        let length = sealed.find(SEALED_END).ok_or_else(|| wrong(path, "the key has no end"))?;
        return unseal(path, &sealed[..length + SEALED_END.len()], password);
    }
    if text.contains(OLD_SEAL) {
        let reason = "the key is under a password in an old form that is not available: \
                      'openssl pkcs8 -topk8' makes one in PKCS#8 form of it";
        return Err(wrong(path, reason));
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => wrong(path, "holds no private key"),
        error => wrong(path, error),
    })
}

fn unseal(path: &Path, pem: &str, password: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    if password.is_empty() {
        return Err(wrong(path, "the key is under a password, and none is configured"));
    }
    let (_, sealed) = SecretDocument::from_pem(pem).map_err(|error| wrong(path, error))?;
    let sealed =
        EncryptedPrivateKeyInfoRef::try_from(sealed.as_bytes()).map_err(|error| wrong(path, error))?;
    let key = sealed.decrypt(password).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm { oid }) => {
            wrong(path, format!("the key is under a password by an algorithm that is not available ({oid})"))
        }
        _ => wrong(path, "the password is not that of the key"),
    })?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}
