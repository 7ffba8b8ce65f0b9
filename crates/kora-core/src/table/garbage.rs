//! What is to be freed, but not now: emptied tables with what belongs to them, long strings and large collections.
//!
//! Freeing millions of entries at once would stop the shard. So they wait here until the driver frees some between
//! two rounds, or takes all of it away to another thread.

use std::any::Any;
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
    /// What is freed in one go, by whoever does that.
    Whole(Box<dyn Any + Send>),
}

/// What it counts to free such.
const WHOLE_EFFORT: usize = 4096;

/// Entries that tell how much all of a table take. Too few bytes would count what waits to be freed as in use, and keys would go for it.
const ENTRIES_SAMPLED: u32 = 64;

/// What the entries of a table that is not empty take each, about. Complexity: O(1).
fn bytes_per_entry(table: &Table) -> usize {
    // Any sequence will do that meets many places: this is Knuth's generator.
    let mut state = 0_u64;
    let mut number = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state
    };
    let sampled = (0..ENTRIES_SAMPLED).filter_map(|_| table.random(&mut number));
    let bytes = sampled.map(|position| table.entry(position).waste_bytes(ALLOCATION_BYTES));
    bytes.sum::<usize>() / ENTRIES_SAMPLED as usize
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
                Waste::Whole(waste) => {
                    *waste = Box::new(());
                    (WHOLE_EFFORT, true)
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
            self.bytes += table.memory_bytes() + table.len() * bytes_per_entry(&table);
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

    /// Takes what somebody kept beside the keys, of about so many bytes.
    pub(crate) fn add_whole(&mut self, waste: Box<dyn Any + Send>, bytes: usize) {
        self.bytes += bytes;
        self.queue.push_back(Waste::Whole(waste));
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

#[cfg(test)]
mod tests {
    use crate::command::testing::BareShard;
    use crate::reply::Value;

    /// What tables of small and of large entries take is told well enough that no key goes for it.
    #[test]
    fn emptied_tables_tell_what_they_take() {
        for length in [1, 100, 1000, 3000] {
            let mut shard = BareShard::new();
            let mut bytes = 0;
            for number in 0..2000 {
                let key = format!("key:{number}");
                shard.run_args(&[b"SET", key.as_bytes(), &vec![b'v'; length]]);
                let Value::Integer(usage) = shard.run(&format!("MEMORY USAGE {key}")) else {
                    panic!("{key}")
                };
                bytes += usize::try_from(usage).unwrap();
            }
            shard.run("FLUSHALL ASYNC");
            // The table itself belongs to no key: at least a pointer for each, and up to twice that with what tells where.
            let most = bytes + bytes / 8 + 2000 * 20;
            let told = shard.store.garbage.bytes();
            assert!(
                (bytes - bytes / 8..most).contains(&told),
                "{told} told of {bytes} for values of {length}"
            );
        }
    }
}
