use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::{Changed, Companion};
use crate::command::testing::BareShard;
use crate::db::DbIndex;
use crate::entry::Kind;
use crate::store::ShardStore;
use crate::time::UnixMs;

/// Knows the strings of a database by its own book, and counts how often it had to begin anew.
#[derive(Debug, Default)]
struct Book {
    strings: BTreeMap<Box<[u8]>, usize>,
    replacements: usize,
}

fn strings_of(store: &ShardStore, db: DbIndex) -> BTreeMap<Box<[u8]>, usize> {
    let (mut strings, mut cursor) = (BTreeMap::new(), 0);
    loop {
        cursor = store.show_entries(db, cursor, 10, &mut |entry| {
            if entry.kind() == Kind::String {
                strings.insert(entry.key().into(), entry.size());
            }
        });
        if cursor == 0 {
            return strings;
        }
    }
}

const DB: DbIndex = DbIndex(0);

impl Companion for Book {
    fn catch_up(&mut self, store: &mut ShardStore, changes: Changed) {
        if changes.is_replaced {
            self.replacements += 1;
            self.strings = strings_of(store, DB);
        }
        for (key, _) in changes.keys {
            match store.peek(DB, &key).filter(|entry| entry.kind() == Kind::String) {
                Some(entry) => drop(self.strings.insert(key, entry.size())),
                None => drop(self.strings.remove(&key)),
            }
        }
    }
}

/// Knows the keys of hashes in another database.
#[derive(Debug, Default)]
struct Hashes(BTreeSet<Box<[u8]>>);

fn hashes_of(store: &ShardStore) -> BTreeSet<Box<[u8]>> {
    let mut keys = BTreeSet::new();
    // The database may not have been used.
    let Some(_) = store.used_databases().get(1) else { return keys };
    let mut cursor = 0;
    loop {
        cursor = store.show_entries(DbIndex(1), cursor, 10, &mut |entry| {
            if entry.kind() == Kind::Hash {
                keys.insert(entry.key().into());
            }
        });
        if cursor == 0 {
            return keys;
        }
    }
}

impl Companion for Hashes {
    fn catch_up(&mut self, store: &mut ShardStore, changes: Changed) {
        if changes.is_replaced {
            self.0 = hashes_of(store);
        }
        for (key, _) in changes.keys {
            if store.peek(DbIndex(1), &key).is_some_and(|entry| entry.kind() == Kind::Hash) {
                self.0.insert(key);
            } else {
                self.0.remove(&key);
            }
        }
    }
}

/// Commands on few keys of two databases, in which values change type, come, go and change databases.
fn command() -> impl Strategy<Value = String> {
    let key = || "[abc]";
    prop_oneof![
        (key(), "[xy]{0,60}").prop_map(|(key, value)| format!("SET {key} \"{value}\"")),
        (key(), "[xy]{1,3}").prop_map(|(key, value)| format!("APPEND {key} {value}")),
        (key(), 0..100).prop_map(|(key, at)| format!("SETRANGE {key} {at} z")),
        key().prop_map(|key| format!("HSET {key} field value")),
        key().prop_map(|key| format!("GETDEL {key}")),
        key().prop_map(|key| format!("DEL {key}")),
        (key(), key()).prop_map(|(from, to)| format!("RENAME {from} {to}")),
        (key(), key()).prop_map(|(from, to)| format!("COPY {from} {to} REPLACE")),
        (key(), 0..2).prop_map(|(key, db)| format!("MOVE {key} {db}")),
        (key(), 1..50).prop_map(|(key, ms)| format!("PEXPIRE {key} {ms}")),
        Just("SELECT".to_owned()),
        Just("SWAPDB 0 1".to_owned()),
        Just("SWAPDB 1 2".to_owned()),
        Just("FLUSHDB".to_owned()),
        Just("FLUSHALL".to_owned()),
        Just("PASS".to_owned()),
    ]
}

proptest! {
    #[test]
    fn a_companion_knows_what_the_database_holds(commands in prop::collection::vec((command(), any::<bool>()), 1..80)) {
        let mut shard = BareShard::new();
        let follows: fn(Kind) -> bool = |kind| kind == Kind::String;
        shard.store.accompany(Box::new(Book::default()), DB, (follows, Arc::default()));
        // Another one follows other values, of another database.
        shard.store.accompany(Box::new(Hashes::default()), DbIndex(1), (|kind| kind == Kind::Hash, Arc::default()));
        for (command, looks) in commands {
            match command.as_str() {
                "SELECT" => shard.db = DbIndex(1 - shard.db.0),
                "PASS" => shard.now = UnixMs(shard.now.0 + 20),
                _ => drop(shard.run(&command)),
            }
            if looks {
                let book = shard.store.with_companion(|book: &mut Book, _| book.strings.clone());
                prop_assert_eq!(book.expect("it has a book"), strings_of(&shard.store, DB));
                let hashes = shard.store.with_companion(|hashes: &mut Hashes, _| hashes.0.clone());
                prop_assert_eq!(hashes.expect("it has both"), hashes_of(&shard.store));
            }
        }
        // It begins anew only where a whole database was exchanged.
        let before = shard.store.with_companion(|book: &mut Book, _| book.replacements);
        shard.db = DB;
        shard.run("SET a value");
        let after = shard.store.with_companion(|book: &mut Book, _| (book.replacements, book.strings.clone()));
        prop_assert_eq!(after, Some((before.expect("it has a book"), strings_of(&shard.store, DB))));
        shard.store.dismiss::<Book>();
        shard.run("SET a another");
        prop_assert!(shard.store.with_companion(|_: &mut Book, _| ()).is_none());
        let hashes = shard.store.with_companion(|hashes: &mut Hashes, _| hashes.0.clone());
        prop_assert_eq!(hashes, Some(hashes_of(&shard.store)), "the other one stays");
        shard.store.abandon();
        prop_assert!(shard.store.with_companion(|_: &mut Hashes, _| ()).is_none());
    }
}
