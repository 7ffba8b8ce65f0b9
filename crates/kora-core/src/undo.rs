//! Takes back what commands did: for a script that began with some stores and turns out to need others.
//!
//! Before a command changes a key for the first time, the key's value is copied. That is refused where the copy would be
//! large; then the command must not run before all stores are in hand.
//!
//! What nobody asked for stays: keys that expired meanwhile are gone for good, and recorded as such. Whoever watches a key hears
//! of a change only when it can't be taken back any more.

use hashbrown::HashTable;

use crate::command::keys::extract_keys;
use crate::command::spec::{Facts, Route, Traits};
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::entry::Entry;
use crate::hash::KeyHasher;
use crate::journal::RollbackPoint;
use crate::reader::Invalidation;
use crate::store::ShardStore;

/// A value that takes more bytes than this is not copied.
const COPY_BYTES_MAX: usize = 16 * 1024;

/// The command might do what can't be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Irrevocable;

/// What keys held before commands changed them.
#[derive(Debug)]
pub struct Undo {
    begun: RollbackPoint,
    saved: Vec<Saved>,
    /// Places of what is saved, by hashes of databases and keys.
    places: HashTable<usize>,
    hasher: KeyHasher,
}

#[derive(Debug)]
struct Saved {
    db: DbIndex,
    key: Box<[u8]>,
    entry: Option<Entry>,
}

impl Undo {
    /// Begins: what commands do from now on can be taken back, until [`Undo::keep`] or [`Undo::roll_back`].
    #[must_use]
    pub fn begin(ctx: &mut Ctx<'_>) -> Self {
        each_store(ctx, ShardStore::hold_watches);
        Self {
            begun: ctx.journal.rollback_point(),
            saved: Vec::new(),
            places: HashTable::new(),
            hasher: KeyHasher::new(),
        }
    }

    /// Ends: what was done stays.
    pub fn keep(self, ctx: &mut Ctx<'_>) {
        each_store(ctx, |store| store.release_watches(true));
    }

    /// Saves the values of the keys that the command `args` may change.
    ///
    /// # Errors
    /// If it can't be taken back; nothing has been done then.
    pub fn save(&mut self, ctx: &mut Ctx<'_>, facts: &Facts, args: &[&[u8]]) -> Result<(), Irrevocable> {
        let is_by_keys = matches!(facts.route, Route::Keys | Route::Split(_) | Route::Patterns);
        if !is_by_keys || facts.traits.has(Traits::OTHER_DATABASE) {
            return Err(Irrevocable);
        }
        // A command whose keys can't be told refuses its arguments.
        let Ok(keys) = extract_keys(facts, args) else { return Ok(()) };
        for at in keys {
            let key = args[at.index as usize];
            // The stores of a command's keys are in hand; of one that has others its arguments are wrong, and it will refuse them.
            if ctx.has_store_of(key) {
                self.save_key(ctx, key)?;
            }
        }
        Ok(())
    }

    fn save_key(&mut self, ctx: &mut Ctx<'_>, key: &[u8]) -> Result<(), Irrevocable> {
        let db = ctx.db;
        let Self { saved, places, hasher, .. } = self;
        let hash = hasher.hash_one((db.0, key));
        if places.find(hash, |place| saved[*place].db == db && *saved[*place].key == *key).is_some() {
            return Ok(());
        }
        let mut keyspace = ctx.keyspace(key);
        // It is for the command to find out that a key has expired.
        let entry = match Some(()).filter(|()| keyspace.holds(key)).and_then(|()| keyspace.peek(key)) {
            None => None,
            Some(entry) if entry.as_object().is_some() || entry.memory_bytes() > COPY_BYTES_MAX => {
                return Err(Irrevocable);
            }
            Some(entry) => Some(entry.duplicate()),
        };
        places.insert_unique(hash, saved.len(), |place| {
            hasher.hash_one((saved[*place].db.0, &*saved[*place].key))
        });
        saved.push(Saved { db, key: key.into(), entry });
        Ok(())
    }

    /// Gives the keys back what they held, and takes effects and announcements out of the journal.
    pub fn roll_back(self, ctx: &mut Ctx<'_>) {
        for Saved { db, key, entry } in self.saved {
            let mut keyspace = ctx.keyspace_in(db, &key);
            match entry {
                Some(entry) => keyspace.insert(&key, entry),
                None => {
                    keyspace.delete(&key);
                }
            }
        }
        for Invalidation { key, readers, .. } in ctx.journal.roll_back(&self.begun) {
            // Their copies are as good as before.
            ctx.store_of(&key).restore_readers(&key, &readers);
        }
        each_store(ctx, |store| store.release_watches(false));
    }
}

/// Each store in hand.
fn each_store(ctx: &mut Ctx<'_>, body: impl Fn(&mut ShardStore)) {
    for shard in ctx.stores.shards() {
        if let Some(store) = ctx.stores.of_shard(shard) {
            body(store);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::command::table::{CommandTable, Handler};
    use crate::config::CoreConfig;
    use crate::context::Stores;
    use crate::entry::StringRef;
    use crate::journal::{EventClass, Journal};
    use crate::reply::tree::TreeSink;
    use crate::slot::ShardId;
    use crate::store::ShardStore;
    use crate::store::watch::Watch;
    use crate::time::UnixMs;

    fn run(ctx: &mut Ctx<'_>, undo: &mut Undo, line: &str) -> Result<(), Irrevocable> {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let table = CommandTable::<()>::new(&[], &[]);
        let command = table.resolve(&args).unwrap();
        let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
        undo.save(ctx, command.facts, &args)?;
        let (mark, db) = (ctx.journal.open_command(ctx.now), ctx.db);
        handler(ctx, &args, &mut TreeSink::new(true)).unwrap();
        ctx.journal.close_command(mark, db, command.facts.name, &args);
        Ok(())
    }

    #[test]
    fn commands_are_taken_back() {
        let mut store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1));
        let mut journal = Journal::default();
        journal.set_recording(true);
        journal.set_event_mask(EventClass::STRING.0 | EventClass::EXPIRED.0);
        let mut ctx = Ctx::bare(Stores::One(&mut store), &mut journal, DbIndex(0), UnixMs(1000));
        let mut before = Undo::begin(&mut ctx);
        for line in ["SET a 1", "RPUSH l x y", "HSET h f v", "SET gone 1 PX 10"] {
            run(&mut ctx, &mut before, line).unwrap();
        }
        before.keep(&mut ctx);
        ctx.journal.take_effects();
        ctx.journal.take_announcements();
        ctx.now = UnixMs(2000);
        let mut undo = Undo::begin(&mut ctx);
        for line in ["INCR a", "SET b 2", "LPOP l", "DEL h", "GET gone", "RPUSH l z", "APPEND a 5"] {
            run(&mut ctx, &mut undo, line).unwrap();
        }
        undo.roll_back(&mut ctx);
        assert_eq!(ctx.keyspace(b"a").read_string(b"a"), Ok(Some(StringRef::Integer(1))));
        assert_eq!(ctx.keyspace(b"b").read_string(b"b"), Ok(None));
        assert!(ctx.keyspace(b"h").peek(b"h").is_some());
        assert_eq!(ctx.keyspace(b"a").len(), 3, "what expired stays gone");
        let effects = ctx.journal.take_effects();
        let names: Vec<_> = effects.iter().map(|effect| effect.args.to_vec()).collect();
        assert_eq!(names, [vec![Box::from(&b"DEL"[..]), Box::from(&b"gone"[..])]]);
        assert_eq!(ctx.journal.take_announcements().len(), 1, "only that it expired");
    }

    #[test]
    fn many_keys_are_saved_once_each() {
        let mut store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1));
        let mut journal = Journal::default();
        let mut ctx = Ctx::bare(Stores::One(&mut store), &mut journal, DbIndex(0), UnixMs(1000));
        let begun = std::time::Instant::now();
        let mut undo = Undo::begin(&mut ctx);
        for number in (0..100_000).chain(0..100_000) {
            undo.save_key(&mut ctx, format!("key:{number}").as_bytes()).unwrap();
        }
        assert_eq!(undo.saved.len(), 100_000);
        // Each compared with each would take minutes.
        assert!(begun.elapsed().as_secs() < 20);
        undo.roll_back(&mut ctx);
    }

    #[test]
    fn who_watches_hears_only_of_what_stays() {
        let mut store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1));
        let mut journal = Journal::default();
        let mut ctx = Ctx::bare(Stores::One(&mut store), &mut journal, DbIndex(0), UnixMs(1000));
        for is_kept in [false, true] {
            let (changed, other) = (Arc::new(Watch::default()), Arc::new(Watch::default()));
            ctx.keyspace(b"a").watch(b"a", &changed);
            ctx.keyspace(b"b").watch(b"b", &other);
            let mut undo = Undo::begin(&mut ctx);
            run(&mut ctx, &mut undo, "SET a 1").unwrap();
            assert!(!changed.is_dirty());
            if is_kept {
                undo.keep(&mut ctx);
            } else {
                undo.roll_back(&mut ctx);
            }
            assert_eq!((changed.is_dirty(), other.is_dirty()), (is_kept, false));
        }
    }

    /// MSET with a key that has no value may run on any shard, whatever its keys are: it refuses them.
    #[test]
    fn a_command_with_wrong_arguments_needs_none_of_its_keys() {
        let mut store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1).among(4));
        let mut journal = Journal::default();
        let mut ctx = Ctx::bare(Stores::One(&mut store), &mut journal, DbIndex(0), UnixMs(1000));
        let mut undo = Undo::begin(&mut ctx);
        let args: Vec<&[u8]> = vec![b"MSET", b"a", b"1", b"b", b"2", b"c", b"3", b"d"];
        assert!(!args[1..].iter().all(|key| ctx.has_store_of(key)), "some keys are on other shards");
        let table = CommandTable::<()>::new(&[], &[]);
        let command = table.resolve(&args).unwrap();
        assert_eq!(undo.save(&mut ctx, command.facts, &args), Ok(()));
        let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
        assert!(handler(&mut ctx, &args, &mut TreeSink::new(true)).is_err());
        undo.roll_back(&mut ctx);
        assert!(store.database(DbIndex(0)).is_empty());
    }

    #[test]
    fn large_values_and_other_databases_are_left_alone() {
        let mut store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1));
        let mut journal = Journal::default();
        let mut ctx = Ctx::bare(Stores::One(&mut store), &mut journal, DbIndex(0), UnixMs(1000));
        let mut undo = Undo::begin(&mut ctx);
        run(&mut ctx, &mut undo, "SETBIT large 200000 1").unwrap();
        run(&mut ctx, &mut undo, "APPEND large x").unwrap();
        undo.keep(&mut ctx);
        let mut undo = Undo::begin(&mut ctx);
        assert_eq!(run(&mut ctx, &mut undo, "APPEND large x"), Err(Irrevocable));
        assert_eq!(run(&mut ctx, &mut undo, "MOVE large 1"), Err(Irrevocable));
        assert_eq!(run(&mut ctx, &mut undo, "FLUSHDB"), Err(Irrevocable));
    }
}
