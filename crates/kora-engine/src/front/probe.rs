//! What a test does to the engine that it drives: see [`kora_core::shard::probe`].
//!
//! A front names its probe as a type, so that the compiler leaves nothing of one that does nothing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::db::DbIndex;
use kora_core::shard::executor::Executor;
use kora_core::shard::hub::Hub;
use kora_core::shard::operation::Operation;
use kora_core::shard::probe::{Note, Rule};
use kora_core::slot::ShardId;

use super::{Front, Origin, Workers};

/// See the module.
pub trait Probe: fmt::Debug + 'static {
    /// Nobody else works for the engine: what is thrown away is freed at once, and not by a thread.
    const IS_ALONE: bool = false;

    /// Whether this rule is broken.
    #[inline]
    fn breaks(_: Rule) -> bool {
        false
    }

    /// Hears what a shard does.
    #[inline]
    fn note(_: Note<'_, Origin>) {}

    /// Submits an operation, or keeps it to do so later.
    #[inline]
    fn submit<F: Front>(hub: &Hub<Workers<F>>, operation: Arc<Operation<Workers<F>>>) {
        hub.submit(operation);
    }

    /// Bytes in use that will stay, as a worker sees it, if that is not what the process has allocated.
    #[inline]
    fn bytes_staying<F: Front>(_: &mut Executor<Workers<F>>) -> Option<u64> {
        None
    }
}

/// The probe of a front that is no test's.
#[derive(Debug)]
pub struct NoProbe;

impl Probe for NoProbe {}

/// What a key takes as [`bytes_of_keys`] counts it.
pub const BYTES_PER_KEY: u64 = 1000;

/// Bytes in use if they are keys alone, all of one size: for tests whose memory is not to depend on the allocator and on what
/// else the process does. A worker knows the keys of shards that it holds, and those of others as they were last published.
pub fn bytes_of_keys<F: Front>(executor: &mut Executor<Workers<F>>) -> u64 {
    let hub = Arc::clone(executor.hub());
    let keys_of = |shard: ShardId| -> u64 {
        let store = executor.held(shard).and_then(|shard| shard.store());
        match store {
            Some(store) => {
                let databases = (0..store.config().database_count).map(DbIndex);
                databases.map(|db| store.database(db).len() as u64).sum()
            }
            None => hub.usage(shard).iter().map(|usage| usage.keys.load(Ordering::Relaxed)).sum(),
        }
    };
    hub.shards().map(keys_of).sum::<u64>() * BYTES_PER_KEY
}
