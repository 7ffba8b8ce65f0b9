//! What is to be freed, but not now: emptied tables with what belongs to them, long strings and large collections.
//!
//! Freeing millions of entries at once would stop the shard. So they wait here until the driver frees some between
//! two rounds, or takes all of it away to another thread.

use std::collections::VecDeque;

use super::Table;
use super::calendar::Calendar;
use super::deadlines::Deadlines;
use crate::entry::{Entry, Heap};

/// What takes more effort than this, in allocations, is freed later.
const LARGE_EFFORT: usize = 64;

/// What an allocation of a collection is taken to have, in bytes, to tell how much memory waits to be freed.
const ALLOCATION_BYTES: usize = 64;

/// Memory in which nothing of use is left.
#[derive(Debug, Default)]
pub struct Garbage {
    queue: VecDeque<Waste>,
    bytes: usize,
    objects: usize,
}

#[derive(Debug)]
enum Waste {
    Table(Table),
    Calendar(Box<Calendar>),
    Deadlines(Deadlines),
    Heap(Heap),
}

impl Garbage {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// About how many bytes were thrown in. Those of collections are not counted but estimated: whoever frees them
    /// learns the truth.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Objects that were thrown in: keys of tables, and values.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.objects
    }

    /// Frees up to about `budget` allocations. Returns whether anything is left.
    pub fn free_some(&mut self, budget: usize) -> bool {
        let mut left = budget;
        while left > 0
            && let Some(waste) = self.queue.front_mut()
        {
            let (effort, is_gone) = match waste {
                Waste::Table(table) => {
                    let freed = table.free_some(left);
                    (freed, freed < left)
                }
                Waste::Calendar(calendar) => {
                    let freed = calendar.free_some(left);
                    (freed, freed < left)
                }
                Waste::Deadlines(deadlines) => {
                    let freed = deadlines.free_some(left);
                    (freed, freed < left)
                }
                Waste::Heap(Heap::Bytes(bytes)) => (Heap::bytes_effort(bytes), true),
                Waste::Heap(Heap::Object(object)) => {
                    let freed = object.free_some(left);
                    (freed, freed < left)
                }
            };
            if is_gone {
                self.queue.pop_front();
            }
            left = left.saturating_sub(effort + 1);
        }
        !self.is_empty()
    }

    /// Takes a table to be freed later, unless it is empty.
    pub(crate) fn add_table(&mut self, table: Table) {
        if table.len() > 0 {
            self.bytes += table.memory_bytes() + table.len() * ALLOCATION_BYTES;
            self.objects += table.len();
            self.queue.push_back(Waste::Table(table));
        }
    }

    /// Takes the table of an emptied database, if there is one.
    pub(crate) fn add_emptied(&mut self, table: Option<Table>) {
        if let Some(table) = table {
            self.add_table(table);
        }
    }

    /// Takes the calendar of an emptied database, unless it holds little.
    pub(crate) fn add_calendar(&mut self, calendar: Calendar) {
        if calendar.allocations() > LARGE_EFFORT {
            self.bytes += calendar.memory_bytes();
            self.queue.push_back(Waste::Calendar(Box::new(calendar)));
        }
    }

    /// Takes the index of fields' deadlines of an emptied database, unless it holds little.
    pub(crate) fn add_deadlines(&mut self, deadlines: Deadlines) {
        if deadlines.allocations() > LARGE_EFFORT {
            self.bytes += deadlines.memory_bytes();
            self.queue.push_back(Waste::Deadlines(deadlines));
        }
    }

    /// Takes what a value owned, if it owned anything: frees it now if that is quick.
    #[inline]
    pub(crate) fn add_heap(&mut self, heap: Option<Heap>) {
        if let Some(heap) = heap {
            self.add_owned(heap);
        }
    }

    #[inline(never)]
    fn add_owned(&mut self, heap: Heap) {
        if heap.effort() > LARGE_EFFORT {
            self.bytes += match &heap {
                Heap::Bytes(bytes) => bytes.capacity(),
                Heap::Object(object) => object.free_effort() * ALLOCATION_BYTES,
            };
            self.objects += 1;
            self.queue.push_back(Waste::Heap(heap));
        }
    }

    /// Takes an entry: frees it now if that is quick.
    #[inline]
    pub(crate) fn add_entry(&mut self, mut entry: Entry) {
        self.add_heap(entry.take_heap());
    }
}
