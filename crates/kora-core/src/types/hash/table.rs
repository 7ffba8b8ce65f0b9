//! Large hashes: fields in a packed table, and an index of their deadlines.
//!
//! A field's deadline stands in its record; the index holds it once more, with the record's place in the table, so that
//! what is due is found in order of time.
//!
//! Invariant: `deadlines` holds the deadline and the place of every record that has one, and nothing else.

use std::any::Any;

use crate::entry::data_type::DataType;
use crate::entry::object::{Ahead, Object};
use crate::entry::{Account, Encoding, Ttl, size_class};
use crate::table::deadlines::Deadlines;
use crate::time::UnixMs;
use crate::types::packed_table::{PackedTable, Position, Record};

/// A large hash.
#[derive(Clone, Debug)]
pub struct HashTable {
    table: PackedTable,
    deadlines: Deadlines,
    account: Account,
}

impl HashTable {
    /// An empty one, whose hashes depend on `seed`, with room for `len` fields.
    #[must_use]
    pub(crate) fn new(seed: u64, len: usize) -> Self {
        let mut table = PackedTable::new(seed);
        table.reserve(len);
        Self { table, deadlines: Deadlines::default(), account: Account::default() }
    }

    /// The fields, for reading.
    #[inline]
    pub(crate) fn table(&self) -> &PackedTable {
        &self.table
    }

    /// The next deadline of a field.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<UnixMs> {
        self.deadlines.first().map(|(at, _)| at)
    }

    /// Gives a field its value and says whether it is new.
    pub(crate) fn set(&mut self, field: &[u8], value: &[u8], ttl: Ttl) -> bool {
        let wanted = if let Ttl::At(deadline) = ttl { Some(deadline) } else { None };
        if wanted.is_none() && self.deadlines.len() == 0 {
            return self.table.insert(&Record { key: field, value, deadline: None });
        }
        let present = self.table.get(field).and_then(|record| record.deadline);
        let deadline = if ttl == Ttl::Keep { present } else { wanted };
        self.deadlines.change(present, deadline, self.table.cursor_of(field));
        self.table.insert(&Record { key: field, value, deadline })
    }

    /// Gives a field that is there a deadline or takes it away.
    pub(super) fn set_deadline(&mut self, field: &[u8], deadline: Option<UnixMs>) {
        let value = self.table.get(field).map(|record| record.value.to_vec());
        if let Some(value) = value {
            self.set(field, &value, deadline.map_or(Ttl::Clear, Ttl::At));
        }
    }

    /// Takes a field out; says whether it was there.
    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        let found = self.table.find(field);
        if let Some(position) = found {
            self.remove_at(position);
        }
        found.is_some()
    }

    fn remove_at(&mut self, position: Position) {
        let record = self.table.record(position);
        if let Some(at) = record.deadline {
            self.deadlines.remove(at, self.table.cursor_of(record.key));
        }
        self.table.remove_at(position);
    }

    /// Takes out up to `most` fields whose deadline is before `now`, and shows their names.
    pub(super) fn expire(&mut self, now: UnixMs, most: usize, visit: &mut dyn FnMut(&[u8])) {
        for _ in 0..most {
            let Some((at, place)) = self.deadlines.first().filter(|(at, _)| *at < now) else { break };
            let position = self.table.find_at(place, |record| record.deadline == Some(at));
            let position = position.expect("the index holds deadlines of records");
            visit(self.table.record(position).key);
            self.remove_at(position);
        }
    }

    /// Takes out those of `fields` whose deadline is before `now`, and shows their names.
    pub(super) fn expire_named<'f>(
        &mut self,
        now: UnixMs,
        fields: impl Iterator<Item = &'f [u8]>,
        visit: &mut dyn FnMut(&[u8]),
    ) {
        for field in fields {
            let is_due = |position: &Position| {
                self.table.record(*position).deadline.is_some_and(|deadline| deadline < now)
            };
            if let Some(position) = self.table.find(field).filter(is_due) {
                visit(field);
                self.remove_at(position);
            }
        }
    }
}

impl Object for HashTable {
    fn data_type(&self) -> &'static DataType {
        &super::DATA_TYPE
    }

    fn encoding(&self) -> Encoding {
        Encoding::HashTable
    }

    fn size(&self) -> usize {
        self.table.len()
    }

    fn memory_bytes(&self) -> usize {
        size_class(size_of::<Self>()) + self.table.memory_bytes() + self.deadlines.memory_bytes()
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
        self.table.allocations() + self.deadlines.allocations()
    }

    fn free_some(&mut self, budget: usize) -> usize {
        let freed = self.deadlines.free_some(budget);
        if freed < budget { freed + self.table.free_some(budget - freed) } else { freed }
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
