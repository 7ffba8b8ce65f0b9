//! Digests of values and of all data, which depend on neither the order of members, nor encodings, nor shards: what
//! DEBUG DIGEST and DEBUG DIGEST-VALUE show, as Redis defines it, so that two servers can be compared.
//!
//! Redis's digest knows of a deadline only that there is one, and nothing of a stream's groups. The other details take
//! them in too.

use sha1::{Digest as _, Sha1};

use crate::db::DbIndex;

/// What a digest depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What it depends on in Redis.
    AsRedis,
    /// Also deadlines, of keys and of fields, and the groups of streams, but for when their consumers were last seen: what
    /// effects reproduce.
    Effects,
    /// All.
    All,
}

/// A digest: of a value, of the keys of a database, of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(pub [u8; 20]);

impl Digest {
    /// Takes in bytes whose place among others does not matter.
    pub fn add(&mut self, bytes: &[u8]) {
        self.merge(Self(Sha1::digest(bytes).into()));
    }

    /// Takes in bytes whose place among others matters.
    pub fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Takes in what another one stands for, wherever that was.
    pub fn merge(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(own, other)| *own ^= other);
    }

    /// In 40 hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The digest of all data, made of the merged digests of the databases that have keys, in their order.
    #[must_use]
    pub fn of_databases(databases: impl IntoIterator<Item = (DbIndex, Self)>) -> Self {
        let mut digest = Self::default();
        for (db, keys) in databases {
            digest.mix(&u32::from(db.0).to_be_bytes());
            digest.merge(keys);
        }
        digest
    }
}
