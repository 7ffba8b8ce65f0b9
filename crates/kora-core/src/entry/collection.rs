//! A collection on its way into an entry, in whatever form it was made.

use super::object::Object;
use super::{Entry, Kind, Packing};
use crate::time::UnixMs;

/// A collection that is in no entry yet.
#[derive(Debug)]
pub enum Collection {
    /// A small one.
    Packed(Kind, Packing, Vec<u8>),
    /// A large one.
    Object(Box<dyn Object>),
}

impl Collection {
    /// An entry that holds it.
    #[must_use]
    pub fn into_entry(self, key: &[u8], expiry: Option<UnixMs>) -> Entry {
        match self {
            Self::Packed(kind, packing, bytes) => Entry::new_packed(key, (kind, packing), &bytes, expiry),
            Self::Object(object) => Entry::new_object(key, object, expiry),
        }
    }
}
