//! How far a group has come in a stream: the counts behind `entries-read` and `lag`.
//!
//! The number of entries up to an ID can be told from the counts at the ends of the stream, unless entries between were
//! deleted one by one: only the highest ID of those is kept. Where it cannot be told, nothing is; the rules are Redis's.

use super::group::Group;
use super::id::StreamId;
use super::log::Log;

impl Log {
    /// How many entries were ever added up to `id`, as far as it can be told.
    #[must_use]
    pub fn entries_up_to(&self, id: StreamId) -> Option<u64> {
        let added = self.entries_added();
        if added == 0 || (self.is_empty() && id <= self.last_id()) {
            return Some(added);
        }
        if id != StreamId::MIN && id < self.max_deleted_id() {
            return None;
        }
        if id >= self.last_id() {
            return (id == self.last_id()).then_some(added);
        }
        let first = self.first_id()?;
        if self.max_deleted_id() != StreamId::MIN && self.max_deleted_id() >= first {
            return None;
        }
        // Wraps where entries-added was set to less than there are, as Redis's does.
        let before_first = added.wrapping_sub(self.len());
        match id.cmp(&first) {
            std::cmp::Ordering::Less => Some(before_first),
            std::cmp::Ordering::Equal => Some(before_first.wrapping_add(1)),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// Whether an entry from `start` on was deleted by itself, as far as it is known.
    #[must_use]
    pub fn has_deleted_since(&self, start: StreamId) -> bool {
        !self.is_empty() && self.max_deleted_id() != StreamId::MIN && start <= self.max_deleted_id()
    }

    /// How many entries a group has yet to read, as far as it can be told.
    #[must_use]
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let behind = |read: u64| self.entries_added().wrapping_sub(read).cast_signed();
        let Some(first) = self.first_id() else { return Some(0) };
        if self.entries_added() == 0 {
            return Some(0);
        }
        if group.last_id < first && self.max_deleted_id() < first {
            return Some(self.len().cast_signed());
        }
        match group.entries_read {
            Some(read) if !self.has_deleted_since(group.last_id) => Some(behind(read)),
            _ => self.entries_up_to(group.last_id).map(behind),
        }
    }

    /// Moves a group on to `id`, the next entry that it reads; `first` is what [`Log::first_id`] answers.
    pub fn advance(&self, group: &mut Group, id: StreamId, first: Option<StreamId>) {
        let is_counting =
            !self.has_deleted_since(group.last_id) && first.is_none_or(|first| group.last_id >= first);
        group.entries_read = match group.entries_read {
            Some(read) if is_counting => Some(read.wrapping_add(1)),
            _ if self.entries_added() > 0 => self.entries_up_to(id),
            unchanged => unchanged,
        };
        group.last_id = id;
    }
}
