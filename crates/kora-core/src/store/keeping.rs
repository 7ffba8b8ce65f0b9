//! What entries held at a moment, kept for whoever reads them later: each entry is shown once before its next change, and whoever wants what it
//! holds takes a copy.
//!
//! It is for those who follow a database as its companion does ([`super::companion`]): values of the kinds that are followed are shown. When all
//! keys are replaced, nothing is kept any more.

mod copies;

use std::any::Any;

pub use self::copies::{Copies, Loss};
use super::ShardStore;
use crate::db::DbIndex;
use crate::table::changes::Keeps;
pub use crate::table::changes::{Keep, KeepId};

impl ShardStore {
    /// Shows entries of a database before they change, from now on. None if nobody follows the database.
    pub fn begin_keeping(&mut self, db: DbIndex, keep: Box<dyn Keep>) -> Option<KeepId> {
        Some(self.databases[db.index()].changes().keeps_mut()?.add(keep))
    }

    /// What was kept so far; none if all keys were replaced since.
    #[must_use]
    pub fn kept<T: Keep>(&self, db: DbIndex, id: KeepId) -> Option<&T> {
        let keep: &dyn Any = self.databases[db.index()].keeps()?.find(id)?;
        keep.downcast_ref()
    }

    /// Keeps nothing more, and forgets what was kept.
    pub fn end_keeping(&mut self, db: DbIndex, id: KeepId) {
        if let Some(keeps) = self.databases[db.index()].changes().keeps_mut() {
            keeps.end(id);
        }
    }

    /// For how many something of a database is kept.
    #[must_use]
    pub fn keep_count(&self, db: DbIndex) -> usize {
        self.databases[db.index()].keeps().map_or(0, Keeps::count)
    }
}

#[cfg(test)]
mod tests;
