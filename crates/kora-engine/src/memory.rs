//! The process's memory: what the allocator says, and the account that the limit is held against.

mod account;
mod allocator;
mod exceeded;
mod ledger;

pub use account::Account;
pub(crate) use account::doomed_bytes;
pub use allocator::{name as allocator_name, purge, report as allocator_report};
pub(crate) use ledger::thread_bytes;
pub use ledger::{judge, judge_if_due, open_share, own_bytes, tell, tell_if_much, told};
