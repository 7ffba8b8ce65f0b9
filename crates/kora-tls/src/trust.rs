//! Whose word for a certificate is taken.

use std::path::Path;
use std::{fs, io};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::TlsError;
use super::keys::{certificates, read, wrong};

/// Certificates of authorities.
#[derive(Clone, Debug)]
pub struct Trust(pub(crate) RootCertStore);

impl Default for Trust {
    fn default() -> Self {
        Self::nobody()
    }
}

impl Trust {
    /// Nobody's word is taken.
    #[must_use]
    pub fn nobody() -> Self {
        Self(RootCertStore::empty())
    }

    /// Takes the word of those in a file in PEM form too.
    ///
    /// # Errors
    /// If it can't be read, holds none, or one that is damaged.
    pub fn add_file(&mut self, path: &Path) -> Result<(), TlsError> {
        for certificate in certificates(path)? {
            self.0.add(certificate).map_err(|error| wrong(path, error))?;
        }
        Ok(())
    }

    /// Takes the word of those in all files of a folder too. Whatever is no certificate in PEM form is passed over.
    ///
    /// # Errors
    /// If the folder or a file of it can't be read, or nothing in it is a certificate.
    pub fn add_folder(&mut self, path: &Path) -> Result<(), TlsError> {
        let unreadable = |error: io::Error| TlsError::Unreadable { path: path.into(), error };
        let mut count = 0;
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.is_file() {
                count += self.add_some(CertificateDer::pem_slice_iter(&read(&file)?).filter_map(Result::ok));
            }
        }
        if count == 0 { Err(wrong(path, "no file in it is a certificate")) } else { Ok(()) }
    }

    /// Takes the word of as many of these as can be read; how many that is.
    pub fn add_some(&mut self, certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> usize {
        self.0.add_parsable_certificates(certificates).0
    }

    /// Whether nobody's word is taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
