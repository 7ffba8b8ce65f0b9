//! How much one listpack of a list may hold: the meaning of `list-max-listpack-size`.
//!
//! Which elements share a node, and so when a list is a listpack again, follows Redis's rules to the byte: OBJECT ENCODING
//! agrees at every step.

use std::sync::atomic::{AtomicUsize, Ordering};

/// From how many bytes on an element gets a plain node, whatever the setting says; 0: as the setting says.
static PACKED_THRESHOLD: AtomicUsize = AtomicUsize::new(0);

/// DEBUG QUICKLIST-PACKED-THRESHOLD: gives elements of `bytes` and more a node of their own; 0 ends that. It holds for all
/// lists of the process, since only tests want it.
pub fn set_packed_threshold(bytes: usize) {
    PACKED_THRESHOLD.store(bytes, Ordering::Relaxed);
}

/// Largest listpack, in bytes, where the limit is a number of elements.
const SAFE_BYTES: usize = 8192;
/// What Redis adds to an element's length before it knows how the element is stored.
const ELEMENT_OVERHEAD: usize = 8;
/// Where the setting means bytes: -1 is 4 KiB, each further step twice as much, down to -5.
const SMALLEST_BYTES: usize = 4096;
const BYTE_CLASSES: i64 = 5;

/// A limit for one listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// So many bytes.
    Bytes(usize),
    /// So many elements, in at most [`SAFE_BYTES`].
    Elements(usize),
    /// None: a list whose encoding is `listpack` is one listpack.
    Unlimited,
}

impl Fill {
    /// The meaning of the setting's value.
    pub(super) fn of(setting: i64) -> Self {
        match usize::try_from(setting) {
            Ok(elements) => Self::Elements(elements.max(1)),
            Err(_) => Self::Bytes(SMALLEST_BYTES << (-setting.max(-BYTE_CLASSES) - 1)),
        }
    }

    /// The value that a list keeps for its nodes: 16 bits are enough for it.
    pub(super) fn stored(setting: i64) -> i16 {
        i16::try_from(setting.max(-BYTE_CLASSES)).unwrap_or(i16::MAX)
    }

    /// Whether the number of elements matters.
    pub(super) fn counts_elements(self) -> bool {
        matches!(self, Self::Elements(_))
    }

    /// Whether a listpack may have `bytes` and `elements`.
    #[inline]
    pub(super) fn holds(self, bytes: usize, elements: usize) -> bool {
        match self {
            Self::Bytes(most) => bytes <= most,
            Self::Elements(most) => bytes <= SAFE_BYTES && elements <= most,
            Self::Unlimited => true,
        }
    }

    /// Whether a list that is read from a file is a listpack: where elements are counted, their bytes are not.
    pub(super) fn holds_stored(self, bytes: usize, elements: usize) -> bool {
        match self {
            Self::Bytes(most) => bytes <= most,
            Self::Elements(most) => elements <= most,
            Self::Unlimited => true,
        }
    }

    /// Whether a listpack is at most half of what it may be: then a list that lost elements becomes a listpack again,
    /// and does not turn back with the next one it gets.
    pub(super) fn holds_half(self, bytes: usize, elements: usize) -> bool {
        match self {
            Self::Bytes(most) => bytes <= most / 2,
            Self::Elements(most) => elements <= most / 2,
            Self::Unlimited => true,
        }
    }

    /// Whether a text of `text_bytes` may join a listpack of `bytes` and `elements`.
    #[inline]
    pub(super) fn takes(self, bytes: usize, elements: usize, text_bytes: usize) -> bool {
        self.holds(bytes + text_bytes + ELEMENT_OVERHEAD, elements + 1)
    }

    /// Whether a text of `text_bytes` is too large for any listpack and gets a plain node.
    #[inline]
    pub(super) fn is_large(self, text_bytes: usize) -> bool {
        let threshold = PACKED_THRESHOLD.load(Ordering::Relaxed);
        match self {
            Self::Bytes(_) | Self::Elements(_) if threshold > 0 => text_bytes >= threshold,
            Self::Bytes(most) => text_bytes > most,
            Self::Elements(_) => text_bytes > SAFE_BYTES,
            Self::Unlimited => false,
        }
    }
}
