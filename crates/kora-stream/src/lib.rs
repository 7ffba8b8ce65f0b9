//! The stream of effects: what a record holds, and in which order what several shards recorded took effect.
//!
//! Every change is recorded once, in its final form, by the shard on which it happened. The log on disk, and later replicas and
//! change-data cursors, read these records. No I/O, no clock, no locks.

pub mod merge;
pub mod order;
pub mod record;
mod varint;
