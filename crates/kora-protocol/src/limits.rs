//! What a request may at most hold, and what a connection is told when it breaks the protocol.
//!
//! The limits are Redis's. A line (an inline request, or a header of a multibulk one) may be up to 64 KiB long, which
//! Redis enforces only while the line's end has not arrived; here a longer line is refused always, so that the answer
//! does not depend on how the network cut the bytes.

use std::fmt;

/// Longest line in bytes: inline requests and length headers alike.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024;

/// Most arguments of one request that an authenticated connection may announce.
const ARGUMENTS_MAX: u32 = i32::MAX.cast_unsigned();

/// Most arguments of one request, and most bytes of each, before authentication.
const UNAUTHENTICATED_ARGUMENTS_MAX: u32 = 10;
const UNAUTHENTICATED_BULK_BYTES_MAX: u64 = 16 * 1024;

/// What one request may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `proto-max-bulk-len`: beyond it the length is invalid, whoever sends it.
    bulk_bytes_configured: u64,
    /// The bounds in force; the parser's fast path compares with these alone.
    bulk_bytes: u64,
    arguments: u32,
}

impl Limits {
    /// Limits of an authenticated connection (or of one that need not be): arguments of up to `bulk_bytes_max` bytes
    /// each (the setting `proto-max-bulk-len`), and as many as an `i32` counts.
    #[must_use]
    pub const fn new(bulk_bytes_max: u64) -> Self {
        Self { bulk_bytes_configured: bulk_bytes_max, bulk_bytes: bulk_bytes_max, arguments: ARGUMENTS_MAX }
    }

    /// Limits of a connection that has yet to authenticate: 10 arguments of 16 KiB.
    #[must_use]
    pub const fn unauthenticated(bulk_bytes_max: u64) -> Self {
        let bulk_bytes = if bulk_bytes_max < UNAUTHENTICATED_BULK_BYTES_MAX {
            bulk_bytes_max
        } else {
            UNAUTHENTICATED_BULK_BYTES_MAX
        };
        Self { bulk_bytes_configured: bulk_bytes_max, bulk_bytes, arguments: UNAUTHENTICATED_ARGUMENTS_MAX }
    }

    /// Longest argument accepted, in bytes.
    #[must_use]
    pub const fn bulk_bytes_max(&self) -> u64 {
        self.bulk_bytes
    }

    /// Most arguments accepted.
    #[must_use]
    pub const fn arguments_max(&self) -> u32 {
        self.arguments
    }

    /// The number of arguments a header announces, none if it is negative; `None` for a header that is no integer.
    pub(crate) fn arguments(&self, announced: Option<i64>) -> Result<u32, ProtocolError> {
        let announced = announced.ok_or(ProtocolError::InvalidMultibulkLength)?;
        let count = u32::try_from(announced.max(0)).map_err(|_| ProtocolError::InvalidMultibulkLength)?;
        match count {
            _ if count <= self.arguments => Ok(count),
            _ if count <= ARGUMENTS_MAX => Err(ProtocolError::UnauthenticatedMultibulkLength),
            _ => Err(ProtocolError::InvalidMultibulkLength),
        }
    }

    /// The length of an argument that a header announces; `None` for a header that is no integer.
    pub(crate) fn bulk_bytes(&self, announced: Option<i64>) -> Result<usize, ProtocolError> {
        let announced = announced.ok_or(ProtocolError::InvalidBulkLength)?;
        let length = u64::try_from(announced).map_err(|_| ProtocolError::InvalidBulkLength)?;
        match length {
            _ if length <= self.bulk_bytes => {
                usize::try_from(length).map_err(|_| ProtocolError::InvalidBulkLength)
            }
            _ if length <= self.bulk_bytes_configured => Err(ProtocolError::UnauthenticatedBulkLength),
            _ => Err(ProtocolError::InvalidBulkLength),
        }
    }
}

impl Default for Limits {
    /// Redis's default: arguments of up to 512 MiB.
    fn default() -> Self {
        Self::new(512 * 1024 * 1024)
    }
}

/// How a request breaks the protocol. The connection is told and closed: what follows on it has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The count after `*` is no integer, or out of range.
    InvalidMultibulkLength,
    /// The length after `$` is no integer, negative, or above `proto-max-bulk-len`.
    InvalidBulkLength,
    /// An argument starts with another byte than `$`.
    ExpectedBulk(u8),
    /// The line after `*` does not end.
    TooBigMultibulkCount,
    /// The line after `$` does not end.
    TooBigBulkCount,
    /// The inline request does not end.
    TooBigInline,
    /// A quote in an inline request is not closed, or is followed by more text.
    UnbalancedQuotes,
    /// More arguments than a connection may send before it authenticates.
    UnauthenticatedMultibulkLength,
    /// A longer argument than a connection may send before it authenticates.
    UnauthenticatedBulkLength,
}

impl ProtocolError {
    /// What the error reply says after `Protocol error: `, exactly. Bytes, since one wording quotes a byte received.
    #[must_use]
    pub fn reason(self) -> Vec<u8> {
        let text: &[u8] = match self {
            Self::InvalidMultibulkLength => b"invalid multibulk length",
            Self::InvalidBulkLength => b"invalid bulk length",
            Self::ExpectedBulk(found) => return [b"expected '$', got '".as_slice(), &[found], b"'"].concat(),
            Self::TooBigMultibulkCount => b"too big mbulk count string",
            Self::TooBigBulkCount => b"too big bulk count string",
            Self::TooBigInline => b"too big inline request",
            Self::UnbalancedQuotes => b"unbalanced quotes in request",
            Self::UnauthenticatedMultibulkLength => b"unauthenticated multibulk length",
            Self::UnauthenticatedBulkLength => b"unauthenticated bulk length",
        };
        text.to_vec()
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Protocol error: {}", String::from_utf8_lossy(&self.reason()))
    }
}

impl std::error::Error for ProtocolError {}
