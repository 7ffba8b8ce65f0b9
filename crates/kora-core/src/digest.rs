//! Digests of values and of all data, which depend on neither the order of members, nor encodings, nor shards: what
//! DEBUG DIGEST and DEBUG DIGEST-VALUE show, as Redis defines it, so that two servers can be compared.
//!
//! Redis's digest knows of a deadline only that there is one, and nothing of a stream's groups. The other details take
//! them in too.

use sha1::{Digest as _, Sha1};

use crate::keyspace::Keyspace;
use crate::keyspace::entry::{Entry, Kind, StringRef};
use crate::number::format_shortest;
use crate::shard::store::DbIndex;
use crate::types::hash::HashRef;
use crate::types::list::ListRef;
use crate::types::set::SetRef;
use crate::types::stream::{Group, Stream, StreamId};
use crate::types::zset::ZSetRef;

/// Keys that are looked at between two looks at what has expired.
const SCAN_KEYS: usize = 1000;

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
    fn add(&mut self, bytes: &[u8]) {
        self.merge(Self(Sha1::digest(bytes).into()));
    }

    /// Takes in bytes whose place among others matters.
    fn mix(&mut self, bytes: &[u8]) {
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

    /// The digest of a value: its type, its content and its deadline.
    #[must_use]
    pub fn of_value(entry: &Entry, detail: Detail) -> Self {
        let mut digest = Self::default();
        digest.add_value(entry, detail);
        digest
    }

    fn add_value(&mut self, entry: &Entry, detail: Detail) {
        self.mix(&type_number(entry.kind()).to_be_bytes());
        if let Some(text) = entry.string() {
            match text {
                StringRef::Integer(value) => {
                    self.mix(itoa::Buffer::new().format(value).as_bytes());
                }
                StringRef::Bytes(bytes) => self.mix(bytes),
            }
        } else if let Some(list) = ListRef::of(entry) {
            list.each(0..list.len(), |element| element.with(|text| self.mix(text)));
        } else if let Some(set) = SetRef::of(entry) {
            set.for_each(|member| member.with(|text| self.add(text)));
        } else if let Some(set) = ZSetRef::of(entry) {
            set.for_each(|member, score| self.add_member(member, score));
        } else if let Some(hash) = HashRef::of(entry) {
            self.add_fields(hash, detail);
        } else if let Some(stream) = entry.as_object().and_then(|object| object.as_any().downcast_ref()) {
            self.mix_stream(stream, detail);
        }
        if let Some(at) = entry.expiry() {
            self.add(b"!!expire!!");
            if detail != Detail::AsRedis {
                self.mix(&at.0.to_be_bytes());
            }
        }
    }

    fn add_member(&mut self, member: &[u8], score: f64) {
        let mut digest = Self::default();
        digest.mix(member);
        digest.mix(format_shortest(score).as_bytes());
        self.add(&digest.0);
    }

    fn add_fields(&mut self, hash: HashRef<'_>, detail: Detail) {
        hash.for_each(|field| {
            let mut digest = Self::default();
            field.name.with(|name| digest.mix(name));
            field.value.with(|value| digest.mix(value));
            if let Some(at) = field.deadline {
                digest.add(b"!!hexpire!!");
                if detail != Detail::AsRedis {
                    digest.mix(&at.0.to_be_bytes());
                }
            }
            self.add(&digest.0);
        });
    }

    fn mix_stream(&mut self, stream: &Stream, detail: Detail) {
        for entry in stream.log().range(StreamId::MIN, StreamId::MAX) {
            self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (field, value) in entry.pairs() {
                field.with(|field| self.mix(field));
                value.with(|value| self.mix(value));
            }
        }
        if detail != Detail::AsRedis {
            let log = stream.log();
            self.mix(&log.last_id().to_bytes());
            self.mix(&log.max_deleted_id().to_bytes());
            self.mix(&log.entries_added().to_be_bytes());
            stream.groups().for_each(|(name, group)| self.mix_group(name, group, detail));
        }
    }

    fn mix_group(&mut self, name: &[u8], group: &Group, detail: Detail) {
        self.mix(name);
        self.mix(&group.last_id.to_bytes());
        self.mix(&group.entries_read.unwrap_or(u64::MAX).to_be_bytes());
        for consumer in group.consumers() {
            self.mix(consumer.name());
            if detail == Detail::All {
                self.mix(&consumer.seen.0.to_be_bytes());
                self.mix(&consumer.active.map_or(-1, |at| at.0).to_be_bytes());
            }
            for id in consumer.pending() {
                let pending = &group.pending()[id];
                self.mix(&id.to_bytes());
                self.mix(&pending.delivered.0.to_be_bytes());
                self.mix(&pending.delivery_count.to_be_bytes());
            }
        }
    }

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

/// Redis's number of a type.
fn type_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::SortedSet => 3,
        Kind::Hash => 4,
        Kind::Stream => 6,
    }
}
