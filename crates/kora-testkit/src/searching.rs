//! Random documents and random queries: an index must find what a look at every key finds, whatever happened to the keys.
//!
//! The engine is the one that serves clients, in one thread ([`crate::stepped`]). Between queries documents change in every way there
//! is: commands of hashes and of JSON, expiry of keys and of fields, eviction, RENAME, COPY, RESTORE, MOVE, SWAPDB, FLUSHALL, transactions,
//! scripts, also those that fail or are killed. Indexes come, go and get more fields, and are built while documents change.
//!
//! Collections are asked beside them, by DOC commands.
//!
//! The model is naive: it reads all keys by HGETALL and JSON.GET, and holds each question against each document. A query that was answered
//! before anything else ran is held against what is read behind it; one that goes on aside while documents change, against what was read
//! before it began.

mod asking;
mod changes;
mod collection;
pub mod condition;
mod document;
mod question;
mod schema;
mod world;

use std::fmt;

use world::World;

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Number of workers.
    pub worker_count: u16,
    /// Number of shards, no fewer than that.
    pub shard_count: u16,
    /// Queries for each seed.
    pub query_count: u64,
}

/// What was played.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Queries whose answers were as expected.
    pub queries: u64,
    /// Those of them that went on aside while documents changed.
    pub aside: u64,
    /// Those of them asked while an index was built.
    pub building: u64,
    /// Those of them in a transaction or a script that had written.
    pub within: u64,
    /// Documents that they found.
    pub found: u64,
    /// Changes between them.
    pub changes: u64,
    /// Keys that were evicted.
    pub evicted: u64,
    /// Scripts that were killed.
    pub kills: u64,
}

impl Tally {
    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            queries: self.queries + other.queries,
            aside: self.aside + other.aside,
            building: self.building + other.building,
            within: self.within + other.within,
            found: self.found + other.found,
            changes: self.changes + other.changes,
            evicted: self.evicted + other.evicted,
            kills: self.kills + other.kills,
        }
    }
}

/// A query that was answered otherwise than a look at every key says.
#[derive(Debug)]
pub struct Difference {
    /// Its seed.
    pub seed: u64,
    /// The query and both answers.
    pub reason: String,
    /// What was sent last.
    pub log: String,
}

impl std::error::Error for Difference {}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}\n{}", self.seed, self.reason, self.log)
    }
}

/// Plays `seed`.
///
/// # Errors
/// The first query whose answer is not the model's.
pub fn search(seed: u64, options: &Options) -> Result<Tally, Box<Difference>> {
    let mut world = World::new(seed, options);
    match world.play(options.query_count) {
        Ok(()) => {
            let evicted = world.evicted();
            Ok(Tally { evicted, ..world.tally })
        }
        Err(reason) => Err(Box::new(Difference { seed, reason, log: world.log() })),
    }
}
