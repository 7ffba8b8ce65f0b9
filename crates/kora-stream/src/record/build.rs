//! Building a record: effects are encoded as they come about, in one run of bytes.

use super::{COMMAND, EFFECT, FURTHER_EFFECT, PART, POSITION, Part, Scope, TIME};
use crate::varint;

/// Where an effect ends, to take effects back.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// Where its database and arguments begin.
    body: usize,
    end: usize,
    scope: Scope,
    is_incidental: bool,
}

/// A place in a record to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint {
    bytes: usize,
    effects: usize,
    parts: usize,
    said: Scope,
}

/// A record on its way. Its memory is used again and again.
#[derive(Debug, Default)]
pub struct RecordBuilder {
    pub(super) bytes: Vec<u8>,
    heads: Vec<Head>,
    parts: Vec<Part>,
    /// What the items so far say of the effects that follow.
    said: Scope,
}

impl RecordBuilder {
    /// Bytes kept for the next record.
    const BYTES_KEPT: usize = 256 * 1024;

    /// Adds an effect: a command that reproduces a change. `is_further`: it belongs to one unit with the effect before it.
    /// `is_incidental`: no command made it, so [`RecordBuilder::roll_back`] leaves it.
    pub fn push_effect(
        &mut self,
        scope: &Scope,
        db: u16,
        args: &[&[u8]],
        is_further: bool,
        is_incidental: bool,
    ) {
        self.say(scope);
        self.bytes.push(if is_further { FURTHER_EFFECT } else { EFFECT });
        let body = self.bytes.len();
        varint::push(&mut self.bytes, u64::from(db));
        varint::push(&mut self.bytes, args.len() as u64);
        for arg in args {
            varint::push(&mut self.bytes, arg.len() as u64);
            self.bytes.extend_from_slice(arg);
        }
        self.heads.push(Head { body, end: self.bytes.len(), scope: *scope, is_incidental });
    }

    /// Says that a part of the scope's operation was run here, whether it changed anything or not.
    pub fn push_part(&mut self, scope: &Scope) {
        debug_assert!(scope.parts > 0, "only operations have parts");
        self.say(scope);
    }

    /// Adds what is to be said so that effects of `scope` may follow.
    fn say(&mut self, scope: &Scope) {
        if scope.time_ms != self.said.time_ms {
            self.push(TIME, scope.time_ms);
        }
        let mut command = self.said.command;
        if (scope.stamp, scope.parts) != (self.said.stamp, self.said.parts) {
            match scope.stamp.ticket() {
                Some(ticket) => {
                    self.push(PART, ticket);
                    varint::push(&mut self.bytes, u64::from(scope.parts));
                    self.parts.push(Part { ticket, count: scope.parts });
                }
                None => self.push(POSITION, scope.stamp.position().unwrap_or_default()),
            }
            command = 0;
        }
        if scope.command != command {
            self.push(COMMAND, u64::from(scope.command));
        }
        self.said = *scope;
    }

    fn push(&mut self, kind: u8, value: u64) {
        self.bytes.push(kind);
        varint::push(&mut self.bytes, value);
    }

    /// The present place.
    #[inline]
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            bytes: self.bytes.len(),
            effects: self.heads.len(),
            parts: self.parts.len(),
            said: self.said,
        }
    }

    /// Takes back the effects since a checkpoint, but for incidental ones. The record must not have been cleared since.
    pub fn roll_back(&mut self, to: &Checkpoint) {
        let dropped = self.bytes.split_off(to.bytes);
        let heads = self.heads.split_off(to.effects);
        self.parts.truncate(to.parts);
        self.said = to.said;
        for head in heads.iter().filter(|head| head.is_incidental) {
            self.say(&head.scope);
            self.bytes.push(EFFECT);
            let body = self.bytes.len();
            self.bytes.extend_from_slice(&dropped[head.body - to.bytes..head.end - to.bytes]);
            self.heads.push(Head { body, end: self.bytes.len(), ..*head });
        }
    }

    /// The record so far.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of effects.
    #[inline]
    #[must_use]
    pub fn effect_count(&self) -> usize {
        self.heads.len()
    }

    /// Whether nothing was added.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The operations of which it holds a part.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Empties it, and keeps some of its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(Self::BYTES_KEPT);
        self.heads.clear();
        self.parts.clear();
        self.said = Scope::default();
    }
}
