//! Reading a record. Nothing is taken for granted: a reader never allocates and never panics, whatever the bytes.

use super::{COMMAND, EFFECT, FURTHER_EFFECT, LIFE, PART, POSITION, Part, STEP, Scope, TIME};
use crate::order::{Stamp, Step};
use crate::varint;

/// One thing that a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A change.
    Effect(Effect<'a>),
    /// The record holds a part of an operation. Its effects follow, if there are any.
    Part(Part),
    /// A process begins to record.
    Life,
    /// A step of the cut of the life before.
    Step(Step),
}

/// A change: a deterministic command on one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect<'a> {
    /// The database.
    pub db: u16,
    /// The command's name and arguments.
    pub arguments: Arguments<'a>,
    /// Where and when it came about.
    pub scope: Scope,
    /// Whether it belongs to one unit with the effect before it.
    pub is_further: bool,
}

/// The arguments of an effect, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments<'a> {
    /// Whole arguments: the reader has walked over them.
    bytes: &'a [u8],
    count: usize,
}

impl<'a> Iterator for Arguments<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let argument = take_argument(&mut self.bytes)?;
        self.count -= 1;
        Some(argument)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Arguments<'_> {}

fn take_argument<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint::take(bytes)?).ok()?;
    let (argument, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(argument)
}

/// A record's bytes are not items. Since its checksum was right, whoever wrote it was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record's payload has no meaning at its byte {at}")]
pub struct Malformed {
    /// Where the item begins.
    pub at: usize,
}

/// A record's items, in order. After an error it ends.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    record: &'a [u8],
    rest: &'a [u8],
    scope: Scope,
}

impl<'a> Items<'a> {
    /// The items of a record.
    #[must_use]
    pub fn new(record: &'a [u8]) -> Self {
        Self { record, rest: record, scope: Scope::default() }
    }

    /// Takes what comes next: an item, or `None` within if it only says something of those that follow.
    fn take_next(&mut self) -> Option<Option<Item<'a>>> {
        let (&kind, rest) = self.rest.split_first()?;
        self.rest = rest;
        match kind {
            EFFECT | FURTHER_EFFECT => {
                let db = u16::try_from(varint::take(&mut self.rest)?).ok()?;
                let count = usize::try_from(varint::take(&mut self.rest)?).ok()?;
                let begin = self.rest;
                for _ in 0..count {
                    take_argument(&mut self.rest)?;
                }
                let bytes = begin.get(..begin.len() - self.rest.len())?;
                let arguments = Arguments { bytes, count };
                let is_further = kind == FURTHER_EFFECT;
                return Some(Some(Item::Effect(Effect { db, arguments, scope: self.scope, is_further })));
            }
            PART => {
                let ticket = self.take_stamp()?;
                let count = u16::try_from(varint::take(&mut self.rest)?).ok().filter(|count| *count > 0)?;
                self.scope =
                    Scope { stamp: Stamp::of_ticket(ticket), parts: count, command: 0, ..self.scope };
                return Some(Some(Item::Part(Part { ticket, count })));
            }
            POSITION => {
                let position = self.take_stamp()?;
                self.scope =
                    Scope { stamp: Stamp::of_position(position), parts: 0, command: 0, ..self.scope };
            }
            COMMAND => self.scope.command = u32::try_from(varint::take(&mut self.rest)?).ok()?,
            LIFE => return Some(Some(Item::Life)),
            STEP => {
                let (ticket, record) = (self.take_stamp()?, varint::take(&mut self.rest)?);
                return Some(Some(Item::Step(Step { ticket, record })));
            }
            TIME => self.scope.time_ms = varint::take(&mut self.rest)?,
            _ => return None,
        }
        Some(None)
    }

    /// A ticket or a position: a stamp needs one bit more.
    fn take_stamp(&mut self) -> Option<u64> {
        varint::take(&mut self.rest).filter(|number| *number <= u64::MAX >> 1)
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let at = self.record.len() - self.rest.len();
            match self.take_next() {
                Some(Some(item)) => return Some(Ok(item)),
                Some(None) => {}
                None => {
                    self.rest = &[];
                    return Some(Err(Malformed { at }));
                }
            }
        }
        None
    }
}
