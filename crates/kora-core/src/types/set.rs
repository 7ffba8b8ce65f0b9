//! Sets of strings, in Redis's three encodings.
//!
//! A set of integers is an [`intset`](crate::packed::intset) while it has few members, another small set a
//! [`listpack`](crate::packed::listpack); both lie in the keyspace entry. A large set is a [`PackedTable`]. [`SetLimits`] says how
//! large that is. A set grows from one form to the next and never goes back, but for what SINTERSTORE and SPOP leave.
//!
//! [`SetRef`] reads a set in whatever form; [`add`], [`remove`] and [`pop`] change it, wherever it is kept ([`SetHome`]): in an
//! entry, or as a [`SetValue`] that is being made.

mod data_type;
mod edit;
mod rdb;
#[cfg(test)]
mod tests;
mod value;
mod view;

use std::any::Any;

use super::packed_table::PackedTable;
use crate::config::CoreConfig;
use crate::entry::data_type::DataType;
use crate::entry::object::{Ahead, Object};
use crate::entry::{Account, Encoding};
pub(crate) use data_type::DATA_TYPE;
pub use edit::{Open, SetHome, add, pop, prepare, remove};
pub use value::SetValue;
pub use view::{SetRef, below};

/// Beyond this many members nothing is an intset, whatever the configuration says.
const INTSET_ENTRIES_MAX: u64 = 1 << 30;
/// Beyond this many bytes nothing is a listpack, whatever the configuration says.
const LISTPACK_BYTES_MAX: usize = 1 << 30;

/// Up to what size sets stay packed, and the seed of the table they become beyond.
#[derive(Clone, Copy, Debug)]
pub struct SetLimits {
    intset_entries: usize,
    listpack_entries: usize,
    listpack_value_bytes: usize,
    table_seed: u64,
}

impl SetLimits {
    /// The limits that the configuration sets. The seed must be secret and of no other table.
    #[must_use]
    pub fn new(config: &CoreConfig, table_seed: u64) -> Self {
        let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            intset_entries: size(config.set_max_intset_entries.min(INTSET_ENTRIES_MAX)),
            listpack_entries: size(config.set_max_listpack_entries),
            listpack_value_bytes: size(config.set_max_listpack_value),
            table_seed,
        }
    }
}

/// A large set.
#[derive(Clone, Debug)]
pub struct SetTable {
    table: PackedTable,
    account: Account,
}

impl SetTable {
    /// A set of a table's keys: what is no longer needed of a table is freed as one.
    pub(crate) fn of(table: PackedTable) -> Self {
        Self { table, account: Account::default() }
    }
}

impl Object for SetTable {
    fn data_type(&self) -> &'static DataType {
        &DATA_TYPE
    }

    fn encoding(&self) -> Encoding {
        Encoding::HashTable
    }

    fn size(&self) -> usize {
        self.table.len()
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.table.memory_bytes()
    }

    fn account(&self) -> &Account {
        &self.account
    }

    fn account_mut(&mut self) -> &mut Account {
        &mut self.account
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }

    fn free_effort(&self) -> usize {
        self.table.allocations()
    }

    fn free_some(&mut self, budget: usize) -> usize {
        self.table.free_some(budget)
    }

    fn fetch_ahead(&self, part: &[u8]) -> Option<Ahead> {
        self.table.fetch_ahead(part)
    }

    fn fetch_further(&self, ahead: Ahead, step: usize) {
        self.table.fetch_further(ahead, step);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
