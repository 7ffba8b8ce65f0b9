//! Clients that keep copies of what they read: is each told in time when a copy is void?
//!
//! A client that keeps copies receives a story over its connection: replies, and notices of what has become void. It puts what it reads in its
//! cache, drops what a notice names, and answers reads from the cache, which no server sees. What it can be blamed for is what it may
//! still have there at some moment of the story.
//!
//! **The rule.** When a client has received the reply to a request, each copy in its cache is at least as new as every write that was
//! acknowledged to whoever made it before
//!
//! - the request was sent, or
//! - a write was sent whose value the reply shows.
//!
//! The first says that whoever asks anything behind a write that he has heard of finds his copies dropped before the answer (PING is a
//! barrier). The second says that nobody sees what was written later, and what was there before: the order of what a client reads,
//! be it from its cache or not, is one that respects real time. At the end of all, with everything acknowledged, the copies that are left
//! are what the server holds. A copy that comes behind the notice that was to drop it stays for ever, and breaks the rule at the next reply.
//!
//! Versions tell what is newer: every write increments its key, and the reply says to what.

mod clients;

pub use clients::{Options, check_server};

use std::collections::HashMap;

use crate::history::Anomaly;

/// The number of a key.
pub type Key = usize;

/// A write that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    /// What was incremented.
    pub key: Key,
    /// To what.
    pub version: u64,
    /// When it was sent, by a clock that all clients share.
    pub sent: u64,
    /// When the reply to it had come.
    pub acknowledged: u64,
}

/// What a client received.
#[derive(Clone, Debug)]
pub enum Received {
    /// A reply to a request that was sent at this time, and shows these versions; 0: there was no such key.
    Reply(u64, Vec<(Key, u64)>),
    /// The copy of a key is void.
    Void(Key),
    /// All copies are void.
    AllVoid,
}

/// What all clients wrote, for quick questions.
#[derive(Debug, Default)]
pub struct Writes {
    /// By key and version when the write was sent.
    sent: HashMap<(Key, u64), u64>,
    /// By key when writes were acknowledged, ascending, and the newest version acknowledged by then.
    acknowledged: HashMap<Key, Vec<(u64, u64)>>,
}

impl Writes {
    /// These, in any order.
    #[must_use]
    pub fn new(writes: &[Write]) -> Self {
        let mut sorted: Vec<&Write> = writes.iter().collect();
        sorted.sort_by_key(|write| write.acknowledged);
        let mut of_all = Self::default();
        for write in sorted {
            of_all.sent.insert((write.key, write.version), write.sent);
            let of_key = of_all.acknowledged.entry(write.key).or_default();
            let newest = of_key.last().map_or(0, |(_, version)| *version).max(write.version);
            of_key.push((write.acknowledged, newest));
        }
        of_all
    }

    /// The newest version of a key that was acknowledged before a time.
    fn due(&self, key: Key, time: u64) -> u64 {
        let Some(of_key) = self.acknowledged.get(&key) else { return 0 };
        let count = of_key.partition_point(|(acknowledged, _)| *acknowledged < time);
        count.checked_sub(1).map_or(0, |at| of_key[at].1)
    }
}

/// Checks one client's story: see the module. Returns how many copies were looked at.
///
/// # Errors
/// If it had a copy that was too old.
pub fn check(writes: &Writes, story: &[Received]) -> Result<u64, Anomaly> {
    let mut cache: HashMap<Key, u64> = HashMap::new();
    let mut examined = 0;
    for (at, received) in story.iter().enumerate() {
        match received {
            Received::Void(key) => {
                cache.remove(key);
            }
            Received::AllVoid => cache.clear(),
            Received::Reply(sent, shown) => {
                let of_shown = shown.iter().filter_map(|shown| writes.sent.get(shown)).copied();
                let time = of_shown.max().map_or(*sent, |shown| shown.max(*sent));
                for (&key, &version) in &cache {
                    examined += 1;
                    let due = writes.due(key, time);
                    if version < due {
                        let text = format!(
                            "a copy of key {key} has version {version} behind event {at}, {received:?}; version {due} was \
                             acknowledged before"
                        );
                        return Err(Anomaly(text));
                    }
                }
                cache.extend(shown.iter().copied());
            }
        }
    }
    Ok(examined)
}

#[cfg(test)]
mod tests;
