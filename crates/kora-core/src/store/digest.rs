//! The digest of the keys of a database.

use super::Keyspace;
use crate::digest::{Detail, Digest};

/// Keys that are looked at between two looks at what has expired.
const SCAN_KEYS: usize = 1000;

impl Digest {
    /// The digest of the keys of a database that live in one store. Those of all stores are to be merged.
    #[must_use]
    pub fn of_keys(keyspace: &mut Keyspace<'_>, detail: Detail) -> Self {
        let (mut digest, mut cursor) = (Self::default(), 0);
        loop {
            cursor = keyspace.scan(cursor, SCAN_KEYS, &mut |entry| {
                let mut own = Self::default();
                own.mix(entry.key());
                own.add_value(entry, detail);
                digest.add(&own.0);
            });
            if cursor == 0 {
                return digest;
            }
        }
    }
}
