//! Versions of the protocol, as `tls-protocols` names them.

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

/// Which versions may be spoken. By default both there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocols {
    has_12: bool,
    has_13: bool,
}

impl Default for Protocols {
    fn default() -> Self {
        Self { has_12: true, has_13: true }
    }
}

impl Protocols {
    /// Reads names with spaces between them, in any case; no names stand for all versions.
    ///
    /// # Errors
    /// If one is unknown, or of a version that is not safe any more.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut found = Self { has_12: false, has_13: false };
        for name in text.split_ascii_whitespace() {
            match name.to_ascii_lowercase().as_str() {
                "tlsv1.2" => found.has_12 = true,
                "tlsv1.3" => found.has_13 = true,
                "tlsv1" | "tlsv1.1" | "sslv3" => {
                    return Err(format!("{name} is not safe and not available: use TLSv1.2 or TLSv1.3"));
                }
                _ => return Err(format!("unknown protocol '{name}': use TLSv1.2 or TLSv1.3")),
            }
        }
        Ok(if found.has_12 || found.has_13 { found } else { Self::default() })
    }

    pub(crate) fn has_12(self) -> bool {
        self.has_12
    }

    pub(crate) fn has_13(self) -> bool {
        self.has_13
    }

    /// The same as rustls wants them.
    pub(crate) fn versions(self) -> Vec<&'static SupportedProtocolVersion> {
        let newest = self.has_13.then_some(&TLS13);
        newest.into_iter().chain(self.has_12.then_some(&TLS12)).collect()
    }
}
