//! The process's memory: what the allocator says, the account that the limit is held against, and a thread that frees
//! what the shards throw away.

mod account;
mod allocator;
mod exceeded;
mod ledger;
mod limit;
mod reclaim;

pub use account::Account;
pub use allocator::{purge, report as allocator_report};
pub use ledger::{judge, judge_if_due, open_share, tell, tell_if_much, told};
pub(crate) use limit::MemoryLimit;
pub use reclaim::Reclaimer;
