//! Fetching the memory of a batch ahead, so that the waits for it overlap.
//!
//! Of each key the table's and then the entry's memory is fetched, each in a pass over the batch; and where commands name members or
//! fields of large collections, as SADD and HGET do, what these are looked up in, in three more.

use kora_core::command::spec::{Facts, Route};
use kora_core::context::KnownKeys;
use kora_core::db::DbIndex;
use kora_core::entry::object::{self, STEPS_AHEAD};
use kora_core::slot::{ShardId, Slot};
use kora_core::store::LargeValue;

use super::Turn;
use super::run::Commands;
use super::shard_set::ShardSet;
use crate::front::Front;
use crate::session::Session;

/// Keys of one batch whose memory is fetched ahead, and as many members and fields: more would push each other out of the nearest cache.
const FETCHED_MAX: usize = 128;

/// Which of the keys fetched ahead are a command's: from the first on, before the last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fetched(u32, u32);

/// What is fetched ahead for a batch.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Shards and hashes of keys. The hash is 0 where somebody else holds the shard.
    keys: Vec<(ShardId, u64)>,
    /// Commands that name members or fields: what they are in the batch, and the shard and hash of the key.
    naming: Vec<(usize, ShardId, u64)>,
    parts: Vec<Part>,
    /// Batches looked at in a row whose commands named parts of small collections only, up to [`FRUITLESS_MAX`].
    fruitless: u32,
    /// Batches that are not looked at before the next one is.
    passes: u32,
}

/// After so many fruitless batches as many are passed over: where collections are small, asking costs and gains nothing.
const FRUITLESS_MAX: u32 = 8;

/// A member or field that is looked up in a large collection, and how far the look-up has come.
#[derive(Clone, Copy, Debug)]
struct Part {
    shard: ShardId,
    value: LargeValue,
    ahead: object::Ahead,
}

/// The shard of a key.
#[inline]
pub(super) fn shard_of(key: &[u8], shard_count: u16) -> ShardId {
    if shard_count == 1 { ShardId(0) } else { Slot::of(key).shard(shard_count) }
}

impl<F: Front> Turn<F> {
    /// Fetches the memory of the batch's keys. The shards of these keys are taken, those that nobody else holds.
    pub(super) fn fetch_ahead<C: Commands>(&mut self, session: &Session<F>, commands: &C) {
        let (db, shard_count) = (session.choice.db, self.engine.hub.shard_count());
        self.scratch.ahead.keys.clear();
        self.scratch.ahead.naming.clear();
        for index in 0..self.scratch.resolved.len() {
            let Some(facts) = self.scratch.resolved[index].map(|resolved| resolved.facts) else { continue };
            let begin = self.scratch.ahead.count();
            let shards = self.fetch_tables(db, (commands, index), facts);
            if let Some(resolved) = &mut self.scratch.resolved[index]
                && ShardSet::is_for(shard_count)
                && facts.route != Route::Script
            {
                resolved.shards = shards;
                resolved.keys = Fetched(begin, self.scratch.ahead.count());
            }
        }
        // What is alone has nothing to overlap with.
        if self.scratch.ahead.keys.len() > 1 {
            for &(shard, hash) in &self.scratch.ahead.keys {
                if let Some(store) = self.executor.store_of(shard) {
                    store.prefetch_entry(db, hash);
                }
            }
        }
        if self.scratch.ahead.is_worth_a_look() {
            self.fetch_parts(db, commands);
        }
    }

    /// Starts to fetch the table's memory for the keys of a command; returns their shards, if it was done for all.
    #[inline]
    fn fetch_tables<C: Commands>(
        &mut self,
        db: DbIndex,
        (commands, index): (&C, usize),
        facts: &Facts,
    ) -> ShardSet {
        let shard_count = self.engine.hub.shard_count();
        let mut shards = ShardSet::default();
        let keys = match facts.route {
            // The first key of a script, or, if it has none, an argument: which does no harm.
            Route::Script => Some((3, usize::MAX)),
            _ => facts.only_key().map(|key| (key, usize::MAX)).or_else(|| facts.keys_to_end()),
        };
        let Some((first, step)) = keys else { return shards };
        let mut at = first;
        while let Some(key) = commands.arg(index, at) {
            if self.scratch.ahead.keys.len() >= FETCHED_MAX {
                return ShardSet::default();
            }
            let shard = shard_of(key, shard_count);
            shards.add(shard);
            if let Some(store) = self.executor.store_of(shard) {
                let hash = store.prefetch_bucket(db, key);
                self.scratch.ahead.keys.push((shard, hash));
                if facts.parts.is_some() {
                    self.scratch.ahead.naming.push((index, shard, hash));
                }
            } else {
                self.scratch.ahead.keys.push((shard, 0));
            }
            at = at.saturating_add(step);
        }
        shards
    }

    /// Fetches the memory in which members and fields of large collections are looked up. The entries have arrived, or are waited for:
    /// all at once.
    fn fetch_parts<C: Commands>(&mut self, db: DbIndex, commands: &C) {
        let Ahead { naming, parts, .. } = &mut self.scratch.ahead;
        parts.clear();
        for &(index, shard, hash) in &*naming {
            let Some(facts) = self.scratch.resolved[index].map(|resolved| resolved.facts) else { continue };
            let key = facts.only_key().and_then(|at| commands.arg(index, at));
            if let (Some(key), Some(store)) = (key, self.executor.store_of(shard))
                && let Some(value) = store.large_value(db, hash, key)
                && let Some((mut at, step)) = facts.parts
            {
                while parts.len() < FETCHED_MAX
                    && let Some(part) = commands.arg(index, at)
                    && let Some(ahead) = store.fetch_part(db, value, part)
                {
                    parts.push(Part { shard, value, ahead });
                    at = at.saturating_add(step);
                }
            }
        }
        for step in 0..STEPS_AHEAD {
            for &Part { shard, value, ahead } in &*parts {
                if let Some(store) = self.executor.store_of(shard) {
                    store.fetch_part_further(db, value, ahead, step);
                }
            }
        }
        self.scratch.ahead.note_fruit();
    }
}

impl Ahead {
    /// How many keys there are.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "there are no more than FETCHED_MAX")]
    fn count(&self) -> u32 {
        self.keys.len() as u32
    }

    /// What is known of the keys of the command `args`.
    #[inline]
    pub(super) fn known_keys<'a>(
        &'a self,
        facts: &Facts,
        args: &'a [&'a [u8]],
        Fetched(begin, end): Fetched,
    ) -> KnownKeys<'a> {
        let Some(places) = facts.keys_to_end() else { return KnownKeys::default() };
        KnownKeys::new(args, places, &self.keys[begin as usize..end as usize])
    }

    /// Whether commands of the batch may name parts of large collections.
    #[inline]
    fn is_worth_a_look(&mut self) -> bool {
        let is_due = self.passes == 0;
        self.passes = self.passes.saturating_sub(1);
        is_due && !self.naming.is_empty()
    }

    /// Learns from a batch that was looked at.
    fn note_fruit(&mut self) {
        self.fruitless = if self.parts.is_empty() { (self.fruitless + 1).min(FRUITLESS_MAX) } else { 0 };
        self.passes = if self.fruitless == FRUITLESS_MAX { FRUITLESS_MAX } else { 0 };
    }
}
