//! Commands that may take long: while one runs, its worker holds no shard but those that it needs. Its batch has taken the shards of
//! all commands, and others could not run anything there until the batch has come to its end.

use kora_core::command::keys::extract_keys;
use kora_core::command::spec::{Facts, Flags, Route};
use kora_core::db::DbIndex;
use kora_core::slot::ShardId;

use super::Turn;
use super::ahead::shard_of;
use crate::front::Front;

/// Elements from which on a value is large: to look at all of them takes longer than to put the shards back.
const LARGE_SIZE: usize = 8192;

/// Keys of a command that are looked at.
const KEYS_MAX: usize = 8;

/// Arguments of one command on several shards that runs on all of them at once. With more it runs in parts, which hold one shard each.
pub(super) const TOGETHER_ARGUMENTS_MAX: usize = 4096;

impl<F: Front> Turn<F> {
    /// Puts back what is in hand besides `shards`, where the command is about to run, if it may take long.
    #[inline]
    pub(super) fn keep_only(&mut self, facts: &Facts, db: DbIndex, args: &[&[u8]], shards: &[ShardId]) {
        // What is split by keys does little for each, however large its value.
        if self.executor.in_hand_count() > shards.len()
            && !facts.flags.has(Flags::FAST)
            && !matches!(facts.route, Route::Split(_))
            && self.has_large_key(facts, db, args)
        {
            self.executor.release_others(shards);
        }
    }

    #[cold]
    fn has_large_key(&mut self, facts: &Facts, db: DbIndex, args: &[&[u8]]) -> bool {
        let shard_count = self.engine.hub.shard_count();
        let Ok(keys) = extract_keys(facts, args) else { return false };
        keys.iter().take(KEYS_MAX).any(|at| {
            let key = args[at.index as usize];
            let held = self.executor.held(shard_of(key, shard_count));
            let store = held.and_then(|shard| shard.store());
            store.is_some_and(|store| store.least_size(db, key) >= LARGE_SIZE)
        })
    }
}
