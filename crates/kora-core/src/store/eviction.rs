//! Eviction: which key goes when memory is short.
//!
//! An exact order of all keys by use would cost memory for every key and work for every look-up. As Redis does, each
//! try looks at a few keys and keeps the best candidates of all tries in a [`Pool`]; the best of those goes. Two
//! things differ:
//!
//! - Keys are not drawn at random but taken bucket by bucket. Buckets are ordered by hash, so that is as good as a
//!   random choice; one cache line holds all keys of a try, the next one's entries can be fetched ahead, and no key
//!   is looked at twice before all others were.
//! - A candidate is judged again before it goes: one that was used since gets its place by what it is worth now.
//!
//! One try costs O(samples). Where few keys have a deadline, finding one among the others takes several tries: see
//! [`Eviction::Pending`].

mod pool;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use super::{Database, ShardStore};
use crate::config::{CoreConfig, EvictionOrder, EvictionScope};
use crate::db::DbIndex;
use crate::entry::Entry;
use crate::hash::{hash_key, splitmix64};
use crate::journal::{EventClass, Journal};
use crate::table::{Position, Table};
use crate::time::UnixMs;
use pool::{Candidate, POOL_LEN, Pool};

/// Buckets that a try passes at most in search of keys with a deadline.
const BUCKETS_MAX: usize = 512;

/// Tries in one database before the next one's turn comes.
const TRIES_PER_TURN: u16 = 16;

/// So many buckets lie between the one that is looked at and the one whose entries are fetched: what one try does takes
/// less time than memory does.
const BUCKETS_AHEAD: usize = 4;

/// For so long after a key went memory counts as short.
const SHORTAGE_MS: i64 = 1000;

/// What came of one try to evict a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// A key was deleted.
    Done,
    /// There are keys that may go, and this try found none: another one goes on from there.
    Pending,
    /// There is no key that may go.
    Nothing,
}

/// How far eviction has come on one shard.
#[derive(Debug, Default)]
pub(crate) struct EvictionState {
    pool: Pool,
    /// The database whose turn it is, and the tries that it has left.
    next_db: u16,
    tries_left: u16,
    /// Keys that were looked at beyond what the tries so far asked for: the next ones look at fewer.
    surplus: usize,
    /// When a key went last.
    last: Option<UnixMs>,
}

impl ShardStore {
    /// Deletes the key that `maxmemory-policy` values least, as far as is known: with its effect, and the event
    /// `evicted`. What is large is freed later.
    pub fn evict(&mut self, journal: &mut Journal, now: UnixMs) -> Eviction {
        let Some(db) = self.next_evictable_db() else { return Eviction::Nothing };
        let found = if self.config.eviction.order == EvictionOrder::Random {
            self.find_any(db)
        } else {
            self.sample(db, now);
            self.take_best(now)
        };
        let Some((db, position, hash)) = found else { return Eviction::Pending };
        self.eviction.last = Some(now);
        if let Some(keeps) = self.databases[db.index()].changes().keeps_mut() {
            keeps.give_up();
        }
        let entry = self.databases[db.index()].remove(position, hash, &self.hasher);
        self.evicted(journal, db, entry, now);
        self.fetch_next();
        Eviction::Done
    }

    /// Whether a key went for memory within the last second.
    #[must_use]
    pub fn is_short_of_memory(&self, now: UnixMs) -> bool {
        self.eviction.last.is_some_and(|last| now.0.saturating_sub(last.0) < SHORTAGE_MS)
    }

    /// Number of keys that may go.
    #[must_use]
    pub fn evictable(&self) -> usize {
        let scope = self.config.eviction.scope;
        self.used_databases().iter().map(|database| evictable(database, scope)).sum()
    }

    fn evicted(&mut self, journal: &mut Journal, db: DbIndex, entry: Entry, now: UnixMs) {
        if entry.is_expired(now) {
            self.bury(journal, db, entry);
            return;
        }
        self.note_removal(journal, db, entry.key(), true);
        self.stats.evicted += 1;
        journal.lapsed(db, entry.key());
        journal.incidental_event(EventClass::EVICTED, "evicted", db, entry.key());
        self.garbage.add_entry(entry);
    }

    /// The database in turn with keys that may go.
    fn next_evictable_db(&mut self) -> Option<DbIndex> {
        let scope = self.config.eviction.scope;
        let count = self.config.database_count;
        for _ in 0..=count {
            let db = DbIndex(self.eviction.next_db % count);
            if self.eviction.tries_left > 0 && evictable(&self.databases[db.index()], scope) > 0 {
                self.eviction.tries_left -= 1;
                return Some(db);
            }
            self.eviction.next_db = (db.0 + 1) % count;
            self.eviction.tries_left = TRIES_PER_TURN;
        }
        None
    }

    /// Any key that may go.
    fn find_any(&mut self, db: DbIndex) -> Option<(DbIndex, Position, u64)> {
        let Self { databases, random_state, hasher, config, .. } = self;
        let database = &mut databases[db.index()];
        let position = if config.eviction.scope == EvictionScope::AllKeys {
            database.table().random(|| splitmix64(random_state))
        } else {
            database.any_with_deadline(splitmix64(random_state))
        }?;
        Some((db, position, hash_key(hasher, database.table().entry(position).key())))
    }

    /// Starts to fetch what the next tries will read: the best candidate's entry, whose bucket was fetched when it was
    /// the second best, and the second best one's bucket.
    fn fetch_next(&self) {
        let mut best = self.eviction.pool.best_first();
        if let Some(first) = best.next() {
            self.databases[first.db.index()].table().prefetch_entry(first.hash);
        }
        if let Some(second) = best.next() {
            self.databases[second.db.index()].table().prefetch_bucket(second.hash);
        }
    }

    /// Offers the pool some keys of a database.
    fn sample(&mut self, db: DbIndex, now: UnixMs) {
        let Self { databases, eviction, hasher, config, .. } = self;
        let database = &mut databases[db.index()];
        if config.eviction.scope == EvictionScope::AllKeys
            && eviction.tries_left.is_multiple_of(TRIES_PER_TURN)
        {
            database.fetch_ahead();
        }
        let wanted = config.eviction.samples as usize;
        let (mut met, mut buckets) = (eviction.surplus, 0);
        while met < wanted && buckets < BUCKETS_MAX {
            let (entries, next) = database.table().bucket(database.next_sampled);
            for (_, entry) in entries.filter(|(_, entry)| may_go(entry, config.eviction.scope)) {
                met += 1;
                let score = score(entry, config, now);
                if eviction.pool.takes(score) {
                    let hash = hash_key(hasher, entry.key());
                    eviction.pool.offer(Candidate { score, hash, db });
                }
            }
            database.next_sampled = next;
            if config.eviction.scope == EvictionScope::AllKeys {
                database.next_fetched = database.table().prefetch_headers(database.next_fetched);
            }
            buckets += 1;
        }
        eviction.surplus = met.saturating_sub(wanted);
    }

    /// Takes the best candidate that is still worth as little as it was when it was found.
    fn take_best(&mut self, now: UnixMs) -> Option<(DbIndex, Position, u64)> {
        // After a look at each of them all scores are up to date.
        for _ in 0..=POOL_LEN {
            let candidate = self.eviction.pool.take_best()?;
            let table = self.databases[candidate.db.index()].table();
            let Some(position) = table.find_hash(candidate.hash, &self.hasher) else { continue };
            let entry = table.entry(position);
            if !may_go(entry, self.config.eviction.scope) {
                continue;
            }
            let score = score(entry, &self.config, now);
            if score >= candidate.score {
                return Some((candidate.db, position, candidate.hash));
            }
            self.eviction.pool.offer(Candidate { score, ..candidate });
        }
        None
    }
}

impl Database {
    /// Starts to fetch the entries of the next buckets. To be called now and then: a table that changes brings the
    /// cursors of what is looked at and what is fetched nearer to each other, or lets one overtake the other.
    fn fetch_ahead(&mut self) {
        self.next_fetched = self.next_sampled;
        for _ in 0..BUCKETS_AHEAD {
            self.next_fetched = self.table().prefetch_headers(self.next_fetched);
        }
    }

    /// Some key with a deadline, found from a random place on; a search that takes too long goes on at the next call.
    fn any_with_deadline(&mut self, random: u64) -> Option<Position> {
        if self.next_sampled == 0 {
            self.next_sampled = Table::random_cursor(random);
        }
        for _ in 0..BUCKETS_MAX {
            let (entries, next) = self.table().bucket(self.next_sampled);
            let found: SmallVec<[Position; 7]> =
                entries.filter(|(_, entry)| entry.has_expiry()).map(|(position, _)| position).collect();
            self.next_sampled = next;
            if !found.is_empty() {
                // The next search begins elsewhere.
                self.next_sampled = 0;
                #[expect(clippy::cast_possible_truncation, reason = "a bucket holds few entries")]
                return Some(found[(random % found.len() as u64) as usize]);
            }
        }
        None
    }
}

fn evictable(database: &Database, scope: EvictionScope) -> usize {
    match scope {
        EvictionScope::Nothing => 0,
        EvictionScope::Volatile => database.expires(),
        EvictionScope::AllKeys => database.len(),
    }
}

#[inline]
fn may_go(entry: &Entry, scope: EvictionScope) -> bool {
    match scope {
        EvictionScope::Nothing => false,
        EvictionScope::Volatile => entry.has_expiry(),
        EvictionScope::AllKeys => true,
    }
}

/// How little an entry is worth: the higher, the sooner it goes.
fn score(entry: &Entry, config: &CoreConfig, now: UnixMs) -> u64 {
    if entry.is_expired(now) {
        return u64::MAX;
    }
    match config.eviction.order {
        EvictionOrder::Lru => entry.idle_seconds(now).into(),
        EvictionOrder::Lfu => u64::from(u8::MAX) - u64::from(entry.frequency(now, config)),
        EvictionOrder::Ttl => entry.expiry().map_or(0, |at| (i64::MAX - at.0).unsigned_abs()),
        EvictionOrder::Random => 0,
    }
}
