//! What strangers, crowds and accidents may do to a server: it serves everyone else, and its memory stays bounded.
//!
//! By default sizes are such that everything runs in seconds. `cargo xtask robust` runs the same tests at full size
//! (`KORA_ROBUST=full`), one after another, on an optimised server: only then are latencies held to figures.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and shows its figures"
)]

#[path = "robust/account.rs"]
mod account;
#[path = "robust/admission.rs"]
mod admission;
#[path = "robust/age.rs"]
mod age;
#[path = "robust/blocking.rs"]
mod blocking;
#[path = "robust/bulk.rs"]
mod bulk;
#[path = "robust/client.rs"]
mod client;
#[path = "robust/crowd.rs"]
mod crowd;
#[path = "robust/ending.rs"]
mod ending;
#[path = "robust/expiry.rs"]
mod expiry;
#[path = "robust/flush.rs"]
mod flush;
#[path = "robust/hostile.rs"]
mod hostile;
#[path = "robust/indexes.rs"]
mod indexes;
#[path = "robust/info.rs"]
mod info;
#[path = "robust/large.rs"]
mod large;
#[path = "robust/leaving.rs"]
mod leaving;
#[path = "robust/limits.rs"]
mod limits;
#[path = "robust/listening.rs"]
mod listening;
#[path = "robust/memory.rs"]
mod memory;
#[path = "robust/migrate.rs"]
mod migrate;
#[path = "robust/moving.rs"]
mod moving;
#[path = "robust/observe.rs"]
mod observe;
#[path = "robust/panics.rs"]
mod panics;
#[path = "robust/pubsub.rs"]
mod pubsub;
#[path = "robust/renamed.rs"]
mod renamed;
#[path = "robust/scan.rs"]
mod scan;
#[path = "robust/scripts.rs"]
mod scripts;
#[path = "robust/searches.rs"]
mod searches;
#[path = "robust/server.rs"]
mod server;
#[path = "robust/statistics.rs"]
mod statistics;
#[path = "robust/storm.rs"]
mod storm;
#[path = "robust/targets.rs"]
mod targets;
#[path = "robust/threads.rs"]
mod threads;
#[path = "robust/transaction.rs"]
mod transaction;
#[path = "robust/users.rs"]
mod users;
#[path = "robust/values.rs"]
mod values;
#[path = "robust/words.rs"]
mod words;

/// `fast`, or `full` where all is asked for.
fn size<T>(fast: T, full: T) -> T {
    if is_full() { full } else { fast }
}

/// Whether the tests run at full size.
fn is_full() -> bool {
    std::env::var_os("KORA_ROBUST").is_some_and(|value| value == "full")
}
