//! What a record's payload holds: effects, and which operations the record is a part of.
//!
//! | item | bytes |
//! |---|---|
//! | effect | 1, database, count of arguments, then for each its length and its bytes |
//! | part | 2, operation, count of parts |
//!
//! Numbers are varints: seven bits a byte, the low ones first, the high bit says that more follow. Items follow one
//! another in the order in which they apply. A decoder takes nothing for granted: it never allocates and never
//! panics, whatever the bytes.

#[cfg(test)]
mod tests;

const EFFECT: u8 = 1;
const PART: u8 = 2;

/// One worker's effects of one round, encoded as they come.
#[derive(Clone, Debug, Default)]
pub struct EffectBuffer {
    bytes: Vec<u8>,
    parts: Vec<(u64, u16)>,
}

impl EffectBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an effect: a command as it would be sent.
    pub fn push_effect<A: AsRef<[u8]>>(&mut self, db: u16, arguments: &[A]) {
        self.begin_effect(db, arguments.len());
        for argument in arguments {
            self.push_argument(argument.as_ref());
        }
    }

    /// Begins an effect; exactly `argument_count` calls of [`Self::push_argument`] must follow.
    pub fn begin_effect(&mut self, db: u16, argument_count: usize) {
        self.bytes.push(EFFECT);
        push_varint(&mut self.bytes, u64::from(db));
        push_varint(&mut self.bytes, argument_count as u64);
    }

    /// Adds an argument to the effect begun.
    pub fn push_argument(&mut self, argument: &[u8]) {
        push_varint(&mut self.bytes, argument.len() as u64);
        self.bytes.extend_from_slice(argument);
    }

    /// Says that the record holds one of an operation's parts. The operation counts once all are in the log.
    pub fn push_part(&mut self, operation: u64, parts: u16) {
        self.bytes.push(PART);
        push_varint(&mut self.bytes, operation);
        push_varint(&mut self.bytes, u64::from(parts));
        self.parts.push((operation, parts));
    }

    /// The payload so far.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.bytes
    }

    /// The operations of which it holds a part, each with the count of its parts.
    #[must_use]
    pub fn parts(&self) -> &[(u64, u16)] {
        &self.parts
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Empties it, and keeps its memory unless that is more than `bytes_max`.
    pub fn clear(&mut self, bytes_max: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(bytes_max);
        self.parts.clear();
    }
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

/// Takes a varint from the front. `None` if it is cut off or has more than 64 bits.
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let low = u64::from(byte & 0x7f);
        if shift == 63 && low > 1 {
            return None;
        }
        value |= low << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take_argument<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    let (argument, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(argument)
}

/// One thing a payload holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A change.
    Effect(Effect<'a>),
    /// The record is one of `parts` parts of an operation.
    Part {
        /// The operation's number.
        operation: u64,
        /// How many records hold a part of it.
        parts: u16,
    },
}

/// A change: a deterministic command on one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect<'a> {
    /// The database.
    pub db: u16,
    /// The command's name and arguments.
    pub arguments: Arguments<'a>,
}

/// The arguments of an effect, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments<'a> {
    /// Whole arguments: the decoder has walked over them.
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

/// A payload's bytes are not items. Since its checksum was right, whoever wrote it was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record's payload has no meaning at its byte {at}")]
pub struct Malformed {
    /// Where the item begins.
    pub at: usize,
}

/// A payload's items, in order. After an error it ends.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    payload: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    /// The items of a payload.
    #[must_use]
    pub fn new(payload: &'a [u8]) -> Self {
        Self { payload, rest: payload }
    }

    fn take_item(&mut self) -> Option<Item<'a>> {
        let (&kind, rest) = self.rest.split_first()?;
        self.rest = rest;
        match kind {
            EFFECT => {
                let db = u16::try_from(take_varint(&mut self.rest)?).ok()?;
                let count = usize::try_from(take_varint(&mut self.rest)?).ok()?;
                let begin = self.rest;
                for _ in 0..count {
                    take_argument(&mut self.rest)?;
                }
                let bytes = begin.get(..begin.len() - self.rest.len())?;
                Some(Item::Effect(Effect { db, arguments: Arguments { bytes, count } }))
            }
            PART => {
                let operation = take_varint(&mut self.rest)?;
                let parts = u16::try_from(take_varint(&mut self.rest)?).ok().filter(|parts| *parts > 0)?;
                Some(Item::Part { operation, parts })
            }
            _ => None,
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.payload.len() - self.rest.len();
        let item = self.take_item();
        if item.is_none() {
            self.rest = &[];
        }
        Some(item.ok_or(Malformed { at }))
    }
}
