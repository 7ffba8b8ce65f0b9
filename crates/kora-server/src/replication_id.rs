//! By what name replicas know the data.

use kora_locks::{RankedRwLock, rank};

/// The name of the history of changes that the data set has: 40 random hexadecimal digits.
#[derive(Debug)]
pub(crate) struct ReplicationId(RankedRwLock<{ rank::REPLICATION_ID }, String>);

impl ReplicationId {
    pub(crate) fn new(digits: String) -> Self {
        Self(RankedRwLock::new(digits))
    }

    pub(crate) fn get(&self) -> String {
        self.0.read().clone()
    }

    pub(crate) fn set(&self, digits: String) {
        *self.0.write() = digits;
    }
}
