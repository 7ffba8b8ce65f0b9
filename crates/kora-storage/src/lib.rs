//! Kora's files: the only crate that touches disk.
//!
//! A data directory holds base snapshots `base-<number>.rdb` and segments of one ordered log,
//! `log-<number>.klog`; the state follows from their names and contents alone. `docs/adr/0021-the-log-on-disk.md`
//! describes the format and gives the reasons.
//!
//! - [`disk`]: what is asked of a disk, and the real one. `simulated` has one in memory with faults from a seed.
//! - [`log`]: appending by many workers, writing and syncing by one thread.
//! - [`recovery`]: what a directory holds, reading it, checking and repairing it.
//! - [`snapshot`]: writing a file that is there as a whole or not at all.
//! - [`aof`]: reading Redis's append-only files.
//!
//! Nothing here knows commands or data types. What a record's payload holds is `kora_stream`'s business; which of it counts is
//! decided here.
#![forbid(unsafe_code)]

pub mod aof;
#[cfg(any(test, feature = "simulation"))]
pub mod crash;
pub mod disk;
mod error;
pub mod format;
pub mod log;
pub mod recovery;
#[cfg(any(test, feature = "simulation"))]
pub mod simulated;
pub mod snapshot;

pub use error::{Damage, StorageError};
