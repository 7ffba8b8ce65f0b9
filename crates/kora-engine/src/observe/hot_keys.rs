//! Which keys are used most.
//!
//! The meters sample one command in sixteen or so, at random; the keys of those go into a sketch of their shard. Reads and writes are counted apart,
//! and decay. That is always on: it adds nothing to a command that is not sampled.

use kora_core::command::keys::extract_keys;
use kora_core::command::spec::{Facts, KeyFlags};
use kora_core::db::DbIndex;
use kora_core::journal::meter::Seen;
use kora_core::slot::{ShardId, Slot};
use kora_core::time::UnixMs;
use kora_locks::{RankedMutex, rank};

use super::sketch::{HALF_LIFE_MS, Sketch};

/// Keys of one command that are counted; it is rarely more than one that makes it slow.
const KEYS_OF_COMMAND_MAX: usize = 16;

/// A key that is used much.
#[derive(Clone, Debug, PartialEq)]
pub struct HotKey {
    /// The key.
    pub key: Box<[u8]>,
    /// Its database.
    pub db: DbIndex,
    /// Its shard.
    pub shard: ShardId,
    /// Commands a second that read it, of late.
    pub reads: f64,
    /// Commands a second that write it, of late.
    pub writes: f64,
    /// Commands a second that may have been others'.
    pub error: f64,
}

/// See the module.
#[derive(Debug)]
pub struct HotKeys {
    sketches: Box<[RankedMutex<{ rank::HOT_KEYS }, Sketch>]>,
}

impl HotKeys {
    pub(super) fn new(shard_count: u16) -> Self {
        Self { sketches: (0..shard_count).map(|_| RankedMutex::default()).collect() }
    }

    fn shard_of(&self, key: &[u8]) -> ShardId {
        match u16::try_from(self.sketches.len()) {
            Ok(count) if count > 1 => Slot::of(key).shard(count),
            _ => ShardId(0),
        }
    }

    /// Counts the keys of a command that stands for so many calls.
    #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
    pub(crate) fn count(&self, facts: &Facts, seen: &Seen<'_>, calls: u64) {
        let Ok(keys) = extract_keys(facts, seen.args) else { return };
        for key in keys.iter().take(KEYS_OF_COMMAND_MAX) {
            let flags = key.flags(facts, seen.args);
            if flags.has(KeyFlags::NOT_KEY) {
                continue;
            }
            let text = seen.args[key.index as usize];
            // Nobody waits for it: a sample less is no loss.
            if let Some(mut sketch) = self.sketches[self.shard_of(text).index()].try_lock() {
                sketch.add((seen.whose.db, text), !flags.has(KeyFlags::RO), calls as f64, seen.whose.now);
            }
        }
    }

    /// The `count` keys that are used most, by reads and writes together, most first. Complexity: O(shards).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a time in milliseconds")]
    pub fn most_used(&self, count: usize, now: UnixMs) -> Vec<HotKey> {
        // What a key that is used once a second comes to in the end.
        let per_second = HALF_LIFE_MS as f64 / 1000.0 / std::f64::consts::LN_2;
        let mut found: Vec<HotKey> = Vec::new();
        for (shard, sketch) in (0..).map(ShardId).zip(&self.sketches) {
            let mut sketch = sketch.lock();
            found.extend(sketch.keys(now).iter().map(|tracked| HotKey {
                key: tracked.key.clone(),
                db: tracked.db,
                shard,
                reads: tracked.reads / per_second,
                writes: tracked.writes / per_second,
                error: tracked.before / per_second,
            }));
        }
        found.sort_by(|one, other| {
            (other.reads + other.writes)
                .total_cmp(&(one.reads + one.writes))
                .then_with(|| one.key.cmp(&other.key))
        });
        found.truncate(count);
        found
    }

    /// Begins anew.
    pub fn reset(&self) {
        self.sketches.iter().for_each(|sketch| sketch.lock().clear());
    }
}
