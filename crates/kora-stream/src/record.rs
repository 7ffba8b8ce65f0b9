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

use crate::order::Stamp;

const EFFECT: u8 = 1;
const FURTHER_EFFECT: u8 = 2;
const PART: u8 = 3;
const POSITION: u8 = 4;
const COMMAND: u8 = 5;
const TIME: u8 = 6;

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

/// That a record holds one of an operation's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The operation.
    pub ticket: u64,
    /// How many parts it has.
    pub count: u16,
}
