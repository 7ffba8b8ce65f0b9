//! Pieces of an output that are complete.

use std::ops::{Deref, Range};
use std::sync::Arc;

/// Bytes of a piece that needs no memory of its own: frames around a few payloads.
const SHORT_BYTES_MAX: usize = 46;

/// A piece of an output that is complete.
#[derive(Debug)]
pub(super) enum Chunk {
    /// Bytes that belong to this output.
    Own(Vec<u8>),
    /// Bytes that others hold as well: a value, or a message to many.
    Shared(Part),
    /// A few bytes.
    Short(Short),
}

// Many are queued for one client: one fits a cache line.
const _: () = assert!(size_of::<Chunk>() <= 48);

/// A part of bytes that are shared; they don't change while it is there.
#[derive(Debug)]
pub(super) struct Part {
    bytes: Arc<Vec<u8>>,
    part: Range<usize>,
}

/// See [`Chunk::Short`].
#[derive(Debug)]
pub(super) struct Short {
    len: u8,
    bytes: [u8; SHORT_BYTES_MAX],
}

impl Chunk {
    /// A part of bytes, which must be within them.
    #[inline]
    pub(super) fn shared(bytes: &Arc<Vec<u8>>, part: Range<usize>) -> Self {
        Self::Shared(Part { bytes: Arc::clone(bytes), part })
    }

    /// Its length, if others hold its bytes as well.
    #[inline]
    pub(super) fn shared_len(&self) -> usize {
        if let Self::Shared(Part { part, .. }) = self { part.len() } else { 0 }
    }

    /// These bytes, if they are few.
    #[inline]
    pub(super) fn short(bytes: &[u8]) -> Option<Self> {
        let mut short = Short { len: 0, bytes: [0; SHORT_BYTES_MAX] };
        short.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        short.len = u8::try_from(bytes.len()).ok()?;
        Some(Self::Short(short))
    }
}

impl Deref for Chunk {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(Part { bytes, part }) => &bytes[part.clone()],
            Self::Short(short) => &short.bytes[..usize::from(short.len)],
        }
    }
}
