//! The keys of a database that have a deadline: how many they are, and a calendar that reminds of them.
//!
//! Each such entry has a stamp beside its deadline, and in the calendar lies a reminder with that stamp and the hash of the
//! key, at the deadline or before. A reminder that comes is looked after: is there an entry with that hash and stamp? If not,
//! it is void. If its deadline has come, it goes; else the reminder is put where the deadline is by then. So a deadline that
//! moves back, as that of a session does with each request, costs nothing; one that goes leaves a void reminder, and one that
//! moves nearer a void one and a new one.
//!
//! A reminder tells its entry from most others, not from all: one that lies near and has the same byte of hash and the same stamp
//! may pass for it. So a reminder is about all entries that answer to it: it stays until none is left, at the nearest
//! of their deadlines. Whatever becomes of the others, an entry's own reminder is there, and comes in time.
//!
//! Void reminders are kept down to as many as there are keys with a deadline, and a few: once there are more, each new
//! reminder has a few old ones reviewed, and the sweep reviews the rest. Stamps come round, so that one void reminder in
//! 4096 may pass for another; it is looked at once more then.
//!
//! Deadlines further away than the calendar reaches have no stamp and no reminder.

#[cfg(test)]
mod tests;

use super::calendar::{BATCH_LEN, Calendar};
use super::{Position, Table};
use crate::entry::Entry;
use crate::entry::deadline::{Deadline, STAMP_BITS};
use crate::time::UnixMs;

/// So many reminders may be void whatever the number of keys.
const VOID_LEN_MAX: usize = 1024;
/// New reminders to one review of a sheet of old ones: less than a third of the reminders on it, so that a review of all is
/// through before there are half as many again.
const NOTES_PER_REVIEW: u32 = 128;

/// What a database knows of its keys with a deadline.
#[derive(Debug, Default)]
pub(crate) struct Expiries {
    count: usize,
    /// The sum of all deadlines.
    sum: i128,
    pub(crate) calendar: Calendar,
    last_stamp: u16,
    /// Reminders that were noted while there were too many, since the last review.
    unreviewed: u32,
}

/// The bits of a hash that neither place a key in the table nor tell keys of one bucket apart: there a reminder has the stamp.
const STAMP_SHIFT: u32 = 8;
const STAMP_MASK: u64 = ((1 << STAMP_BITS) - 1) << STAMP_SHIFT;

/// A reminder: a hash, as far as the table needs it to find an entry, with a stamp.
#[inline]
fn reminder(hash: u64, stamp: u16) -> u64 {
    hash & !STAMP_MASK | u64::from(stamp) << STAMP_SHIFT
}

#[inline]
fn stamp_of(reminder: u64) -> Option<u16> {
    u16::try_from((reminder & STAMP_MASK) >> STAMP_SHIFT).ok()
}

impl Expiries {
    /// Number of keys with a deadline.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The mean of all deadlines; 0 if there are none.
    pub(crate) fn mean(&self) -> UnixMs {
        let mean = self.sum.checked_div(self.count as i128).unwrap_or(0);
        UnixMs(i64::try_from(mean).unwrap_or(i64::MAX))
    }

    /// The deadline of an entry whose key has this `hash` is about to change from `before` to `after`. Returns it as the entry
    /// is to hold it.
    #[inline]
    pub(crate) fn renew(
        &mut self,
        before: Option<Deadline>,
        after: Option<UnixMs>,
        hash: u64,
    ) -> Option<Deadline> {
        if let Some(before) = before {
            self.forget(before);
        }
        let at = after?;
        match before.and_then(|before| before.stamp().filter(|_| before.time() <= at)) {
            None => Some(self.add(at, hash)),
            // The reminder that there is comes early enough.
            Some(stamp) => Some(self.count_in(Deadline::stamped(at, stamp).unwrap_or(Deadline::at(at)))),
        }
    }

    /// An entry with a deadline comes in whose key has this `hash`. Returns the deadline as the entry is to hold it.
    #[inline]
    pub(crate) fn add(&mut self, at: UnixMs, hash: u64) -> Deadline {
        self.last_stamp = (self.last_stamp + 1) & ((1 << STAMP_BITS) - 1);
        let Some(deadline) = Deadline::stamped(at, self.last_stamp) else {
            return self.count_in(Deadline::at(at));
        };
        self.calendar.note(deadline.time(), reminder(hash, self.last_stamp));
        self.unreviewed += u32::from(self.has_too_many());
        self.count_in(deadline)
    }

    #[inline]
    fn count_in(&mut self, deadline: Deadline) -> Deadline {
        self.count += 1;
        self.sum += i128::from(deadline.time().0);
        deadline
    }

    /// An entry with this deadline has gone.
    #[inline]
    pub(crate) fn forget(&mut self, deadline: Deadline) {
        self.count -= 1;
        self.sum -= i128::from(deadline.time().0);
    }

    /// Whether so many reminders are void that they are to be reviewed.
    #[inline]
    pub(crate) fn has_too_many(&self) -> bool {
        self.calendar.len() > 2 * self.count + VOID_LEN_MAX
    }

    /// Whether new reminders have made a review due.
    #[inline]
    pub(crate) fn owes_review(&self) -> bool {
        self.unreviewed >= NOTES_PER_REVIEW
    }

    /// Takes some void reminders out. Returns how many were looked at.
    #[cold]
    pub(crate) fn review(&mut self, table: &Table) -> usize {
        self.unreviewed = 0;
        let is_any_left = self.count > 0;
        self.calendar.review(|sheet| if is_any_left { drop_void(sheet, table) } else { sheet.clear() })
    }
}

/// Takes out of a sheet the reminders that are void.
fn drop_void(sheet: &mut Vec<u64>, table: &Table) {
    let mut kept = 0;
    for from in (0..sheet.len()).step_by(BATCH_LEN) {
        let batch = from..sheet.len().min(from + BATCH_LEN);
        prefetch(&sheet[batch.clone()], table);
        for at in batch {
            let reminder = sheet[at];
            if find(reminder, table, |_| true).is_some() {
                sheet[kept] = reminder;
                kept += 1;
            }
        }
    }
    sheet.truncate(kept);
}

/// Starts to fetch what [`find`] reads, so that the waits overlap.
pub(crate) fn prefetch(reminders: &[u64], table: &Table) {
    reminders.iter().for_each(|&reminder| table.prefetch_bucket(reminder));
    reminders.iter().for_each(|&reminder| table.prefetch_entry(reminder));
}

/// Where the first entry lies that answers to a reminder and `is_wanted`.
pub(crate) fn find(
    reminder: u64,
    table: &Table,
    mut is_wanted: impl FnMut(&Entry) -> bool,
) -> Option<Position> {
    let stamp = stamp_of(reminder);
    let answers = |entry: &Entry| entry.deadline().is_some_and(|deadline| deadline.stamp() == stamp);
    table.find_where(reminder, |entry| answers(entry) && is_wanted(entry))
}
