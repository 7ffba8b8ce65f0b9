//! Why encryption can't be had as it is asked for.

use std::io;
use std::path::PathBuf;

/// See the module. Its text is for an operator.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file or folder can't be read.
    #[error("can't read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A server needs a certificate and a key.
    #[error("no certificate or no key is configured")]
    NoIdentity,
    /// There is nobody to trust, where certificates of peers are asked for.
    #[error(
        "certificates of others are asked for, but no certificate authority is configured to judge them by"
    )]
    NoTrust,
    /// All ciphers are ruled out.
    #[error("no cipher is left that one of the protocols could use")]
    NoCipher,
    /// The certificate and the key, or another combination, do not work.
    #[error("{0}")]
    Refused(String),
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InconsistentKeys(_) => {
                Self::Refused("the key is not that of the certificate".into())
            }
            error => Self::Refused(error.to_string()),
        }
    }
}
