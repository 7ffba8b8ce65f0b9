//! What a record holds: one shard's effects of one round, each with its place in the order.
//!
//! | item | bytes |
//! |---|---|
//! | effect | 1, database, count of arguments, then for each its length and its bytes |
//! | further effect | 2, and then the same: it belongs to one unit with the effect before it |
//! | part | 3, ticket, count of parts: what follows is of this operation, of which so many shards recorded a part |
//! | position | 4, position: what follows is of no operation; the shard had run all tickets below that |
//! | command | 5, index: what follows is of this command of the operation |
//! | time | 6, milliseconds since 1970: what follows happened then |
//! | life | 7: a process begins to record; what the one before recorded counts as far as the steps say that follow |
//! | step | 8, ticket, record: see [`crate::order::Step`] |
//!
//! Numbers are varints ([`crate::varint`]). Items follow one another in the order in which they apply. A record begins with the
//! position 0 and the time 0, and a part with its command 0. A *unit* is what is atomic: a command, a transaction, a script. In a part
//! of an operation of several parts each command is a unit, together with what other parts have of the same index.

mod build;
mod read;
#[cfg(test)]
mod tests;

pub use build::{Checkpoint, RecordBuilder};
pub use read::{Arguments, Effect, Item, Items, Malformed};

use crate::order::{Cut, Stamp, Step};
use crate::varint;

const EFFECT: u8 = 1;
const FURTHER_EFFECT: u8 = 2;
const PART: u8 = 3;
const POSITION: u8 = 4;
const COMMAND: u8 = 5;
const TIME: u8 = 6;
const LIFE: u8 = 7;
const STEP: u8 = 8;

/// Where and when an effect came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Its place in the order.
    pub stamp: Stamp,
    /// How many shards record a part of its operation; 0 if it is of none.
    pub parts: u16,
    /// Which command of the operation it is of, counted from 0 in the order in which the client sent them.
    pub command: u32,
    /// Milliseconds since 1970.
    pub time_ms: u64,
}

/// The first record of a life: what of the life before counts.
#[must_use]
pub fn begin_life(cut: &Cut) -> Vec<u8> {
    let mut bytes = vec![LIFE];
    for &Step { ticket, record } in cut.steps() {
        bytes.push(STEP);
        varint::push(&mut bytes, ticket);
        varint::push(&mut bytes, record);
    }
    bytes
}

/// What of the life before counts, if this is the first record of a life.
///
/// # Errors
/// If it can't be read.
pub fn life_begun(record: &[u8]) -> Result<Option<Cut>, Malformed> {
    let mut items = Items::new(record);
    if items.next().transpose()? != Some(Item::Life) {
        return Ok(None);
    }
    let step = |item| match item? {
        Item::Step(step) => Ok(step),
        _ => Err(Malformed { at: 0 }),
    };
    let steps = items.map(step).collect::<Result<Vec<_>, _>>()?;
    Cut::from_steps(steps).map(Some).ok_or(Malformed { at: 0 })
}

/// That a record holds one of an operation's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The operation.
    pub ticket: u64,
    /// How many parts it has.
    pub count: u16,
}
