//! Holds Kora to what real servers do.
//!
//! - [`transcript`]: commands and the exact replies of a real server, as text that people read and write.
//! - [`session`]: plays a transcript on a [`target`]: to record replies, or to compare them with those recorded.
//! - [`wrapped`]: the same commands as transactions, on one worker and on several.
//! - [`differential`]: random commands to two servers at once; replies and final state must agree.
//! - [`history`]: clients of a real server at work at once; is what they saw explained by one order?
//! - [`caching`]: clients that keep copies of what they read; is each told in time when a copy is void?
//! - [`simulation`]: the engine's shards, workers and clients under a schedule drawn from a seed.
//! - [`crash`]: what the crash test of all commands has beside the core's.
//! - [`searching`]: random documents and queries; an index must find what a look at every key finds.
//! - [`stepped`]: an engine in one thread whose workers take a round when a test says so.
//! - [`durability`]: what survives the end of a server, held against what its clients were told.
//! - [`process`]: starts the servers that these need, and ends them.
//! - [`storm`]: random commands of the whole table, which a server must live through.
//! - [`subject`]: which program end-to-end tests run.
//!
//! Nothing here shares code with Kora's codec: what measures must not have the faults of what is measured.

pub mod caching;
pub mod crash;
pub mod differential;
pub mod durability;
pub mod frame;
pub mod history;
pub mod process;
pub mod searching;
pub mod session;
pub mod simulation;
pub mod stepped;
pub mod storm;
pub mod subject;
pub mod target;
pub mod transcript;
pub mod words;
pub mod wrapped;
