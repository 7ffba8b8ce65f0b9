//! Cursors: what FT.AGGREGATE WITHCURSOR has found and has not replied yet.
//!
//! A cursor holds the rows that are left, so that all of them are of one moment. How many cursors an index has, and how much memory the
//! rows of all of them take, is limited. One that was left alone for too long goes by itself.

use std::collections::BTreeMap;

use kora_core::time::UnixMs;

use super::kept_rows::KeptRows;
use crate::value::Value;

/// Cursors of one index.
pub(crate) const CURSORS_MAX: usize = 128;

/// The largest number of a cursor: clients that know doubles only keep it as it is.
pub(crate) const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Bytes of the rows that all cursors hold; tests need no more than a few.
const BYTES_MAX: usize = if cfg!(test) { 1 << 20 } else { 256 << 20 };

/// A row of a reply: names and values.
pub(crate) type Fields = Vec<(std::sync::Arc<str>, Value)>;

/// An open cursor.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The index that it was opened with.
    pub(crate) index: Box<[u8]>,
    /// Rows that are left.
    pub(crate) rows: KeptRows,
    /// Values are shown as their types.
    pub(crate) is_expanded: bool,
    /// Rows of a reply.
    pub(crate) count: usize,
    pub(crate) idle_ms_max: u64,
    /// When it was last read.
    pub(crate) used: UnixMs,
}

impl Opened {
    /// When it is left alone for too long if nobody reads it.
    pub(crate) fn idle_at(&self) -> UnixMs {
        let idle_ms_max = i64::try_from(self.idle_ms_max).unwrap_or(i64::MAX);
        UnixMs(self.used.0.saturating_add(idle_ms_max).saturating_add(1))
    }

    fn is_idle(&self, now: UnixMs) -> bool {
        self.idle_at() <= now
    }
}

/// All cursors.
#[derive(Debug, Default)]
pub(crate) struct Cursors {
    by_number: BTreeMap<u64, Opened>,
    bytes: usize,
}

impl Cursors {
    /// Keeps a cursor under a number that is free from `number` on, which it returns.
    ///
    /// # Errors
    /// In the words of RediSearch, if there are too many.
    pub(crate) fn open(&mut self, number: u64, cursor: Opened) -> Result<u64, &'static str> {
        self.take_idle(cursor.used);
        if self.of_index(&cursor.index) >= CURSORS_MAX {
            return Err("Too many cursors allocated for index");
        }
        if self.bytes + cursor.rows.memory_bytes() > BYTES_MAX {
            return Err("Too many rows are held by cursors");
        }
        let mut number = number.clamp(1, NUMBER_MAX);
        while self.by_number.contains_key(&number) {
            number = number % NUMBER_MAX + 1;
        }
        self.bytes += cursor.rows.memory_bytes();
        self.by_number.insert(number, cursor);
        Ok(number)
    }

    /// Takes a cursor out.
    pub(crate) fn take(&mut self, number: u64, now: UnixMs) -> Option<Opened> {
        self.take_idle(now);
        let cursor = self.by_number.remove(&number)?;
        self.bytes -= cursor.rows.memory_bytes();
        Some(cursor)
    }

    /// The index of a cursor, as it was named.
    pub(crate) fn index(&self, number: u64) -> Option<Box<[u8]>> {
        self.by_number.get(&number).map(|cursor| cursor.index.clone())
    }

    /// Puts back what was taken.
    pub(crate) fn put_back(&mut self, number: u64, cursor: Opened) {
        self.bytes += cursor.rows.memory_bytes();
        self.by_number.insert(number, cursor);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }

    /// How many an index has. Complexity: O(cursors).
    pub(crate) fn of_index(&self, index: &[u8]) -> usize {
        self.by_number.values().filter(|cursor| *cursor.index == *index).count()
    }

    /// Forgets those of an index.
    pub(crate) fn remove_of(&mut self, index: &[u8]) {
        self.take_out(|cursor| *cursor.index == *index);
    }

    /// Takes those out that were left alone for too long.
    pub(crate) fn take_idle(&mut self, now: UnixMs) -> Vec<Opened> {
        self.take_out(|cursor| cursor.is_idle(now))
    }

    /// When one was left alone for too long if nobody reads it.
    pub(crate) fn next_idle(&self) -> Option<UnixMs> {
        self.by_number.values().map(Opened::idle_at).min()
    }

    fn take_out(&mut self, goes: impl Fn(&Opened) -> bool) -> Vec<Opened> {
        let gone: Vec<_> =
            self.by_number.extract_if(.., |_, cursor| goes(cursor)).map(|(_, cursor)| cursor).collect();
        self.bytes -= gone.iter().map(|cursor| cursor.rows.memory_bytes()).sum::<usize>();
        gone
    }
}
