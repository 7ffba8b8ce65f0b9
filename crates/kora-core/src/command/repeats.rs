//! Elements of a collection chosen at random, some of them many times: SRANDMEMBER, HRANDFIELD, ZRANDMEMBER and VRANDMEMBER with a negative count.
//!
//! Such a reply is as long as the client says. While it is no longer than the collection, it is written like one that gives each element once, and what is
//! longer but short is, too. What takes more is drawn from a copy of the elements, which takes as long as to give all of them once, and goes on aside ([`crate::context::errand`]): the
//! answer is of one moment, and the shard is free meanwhile. The reply ends where its client may leave no more unread, or has left.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use kora_locks::{RankedMutex, rank};

use super::texts::Texts;
use crate::context::Ctx;
use crate::context::errand::{Answer, Effort, Errand, Next, Pace, Share};
use crate::error::{CommandError, CommandResult};
use crate::hash::splitmix64;
use crate::reply::{Gather, Reply};
use crate::slot::ShardId;
use crate::store::ShardStore;

/// Most elements of such a reply.
const REPEATS_MAX: usize = 1 << 24;
/// Most bytes of it, about.
const BYTES_MAX: usize = 1 << 30;
/// Replies of so many elements, and of so many bytes, are written at once.
const AT_ONCE_MAX: usize = 2048;
const AT_ONCE_BYTES_MAX: usize = 4 << 20;
/// Bytes around an element, about.
const FRAME_BYTES: usize = 8;
/// Bytes that are copied in a step.
const STEP_BYTES: usize = 1024;

const OUT_OF_RANGE: CommandError = CommandError::text("ERR value is out of range");

/// The number of elements that a count asks for, negative or not.
#[must_use]
pub fn repeats(count: i64) -> usize {
    usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX)
}

/// Whether a reply of so many elements is drawn from a copy of a collection of that many. `bytes` is asked for the bytes of all of them if the reply is longer than
/// the collection.
///
/// # Errors
/// If nobody is given so many.
pub fn wants_copy(repeats: usize, len: usize, bytes: impl FnOnce() -> usize) -> CommandResult<bool> {
    if repeats > REPEATS_MAX {
        return Err(OUT_OF_RANGE);
    }
    if repeats <= len {
        return Ok(false);
    }
    let mean = bytes() / len.max(1) + FRAME_BYTES;
    match repeats.saturating_mul(mean) {
        reply if reply > BYTES_MAX => Err(OUT_OF_RANGE),
        reply => Ok(repeats > AT_ONCE_MAX || reply > AT_ONCE_BYTES_MAX),
    }
}

/// A copy of a collection's elements.
#[derive(Debug, Default)]
pub struct Lot {
    texts: Texts,
    /// What is told with each of them.
    with: With,
}

#[derive(Debug, Default)]
enum With {
    #[default]
    Nothing,
    /// The text behind it.
    Text,
    Scores(Vec<f64>),
}

impl Lot {
    /// Adds a text, of those that are told alone.
    pub fn push(&mut self, text: &[u8]) {
        self.texts.push(text);
    }

    /// Adds a text that is told with another one.
    pub fn push_pair(&mut self, text: &[u8], other: &[u8]) {
        self.with = With::Text;
        self.texts.push(text);
        self.texts.push(other);
    }

    /// Adds a text that is told with a score.
    pub fn push_scored(&mut self, text: &[u8], score: f64) {
        self.texts.push(text);
        match &mut self.with {
            With::Scores(scores) => scores.push(score),
            with => *with = With::Scores(vec![score]),
        }
    }

    fn len(&self) -> usize {
        self.texts.len() / if matches!(self.with, With::Text) { 2 } else { 1 }
    }

    fn is_paired(&self) -> bool {
        !matches!(self.with, With::Nothing)
    }

    /// The head of a reply of so many elements: pairs are arrays of two in RESP3, and flat in RESP2.
    fn write_head(&self, count: usize, out: &mut dyn Reply) {
        out.array(if self.is_paired() && !out.is_resp3() { count * 2 } else { count });
    }

    /// Writes an element, and says how many bytes that is.
    fn write(&self, at: usize, out: &mut dyn Reply) -> usize {
        if self.is_paired() && out.is_resp3() {
            out.array(2);
        }
        let first = self.texts.get(if matches!(self.with, With::Text) { 2 * at } else { at });
        out.bulk(first);
        match &self.with {
            With::Nothing => first.len(),
            With::Text => {
                let second = self.texts.get(2 * at + 1);
                out.bulk(second);
                first.len() + second.len()
            }
            With::Scores(scores) => {
                out.double(scores[at]);
                first.len()
            }
        }
    }
}

/// Replies with `count` elements of a copy, which is not empty, each chosen at random: at once or aside. `shard` is that of the collection.
///
/// # Errors
/// None of its own: those of who goes on aside.
pub fn repeat(
    ctx: &mut Ctx<'_>,
    shard: ShardId,
    (lot, count): (Lot, usize),
    out: &mut dyn Reply,
) -> CommandResult {
    let mut drawing = Drawing { lot, left: count, random: ctx.random() };
    let aside = if ctx.may_defer() { out.aside() } else { None };
    let Some(mut reply) = aside else {
        drawing.lot.write_head(count, out);
        let mut endless = Effort::ENDLESS;
        drawing.go_on(out, &mut endless);
        return Ok(());
    };
    drawing.lot.write_head(count, &mut *reply);
    let repeating = Arc::new(Repeating::default());
    let part = Part { repeating: Arc::clone(&repeating), going: Some((drawing, reply)) };
    let errand: Arc<dyn Errand> = repeating;
    let _ = ctx.run_errand(&errand, vec![(shard, Box::new(part))], Pace::default().whole(None), out)?;
    Ok(())
}

/// A reply on its way.
#[derive(Debug)]
struct Drawing {
    lot: Lot,
    left: usize,
    random: u64,
}

impl Drawing {
    /// Writes elements until the effort is spent; returns whether the reply is complete, or nobody reads more of it.
    fn go_on(&mut self, out: &mut dyn Reply, effort: &mut Effort) -> bool {
        while self.left > 0 && !out.is_full() {
            if effort.is_spent() {
                return false;
            }
            let scaled = u128::from(splitmix64(&mut self.random)) * self.lot.len() as u128;
            let at = usize::try_from(scaled >> 64).expect("it is below the number of elements");
            let bytes = self.lot.write(at, out);
            effort.spend(1 + bytes / STEP_BYTES);
            self.left -= 1;
        }
        true
    }
}

/// A reply that is written aside.
#[derive(Debug, Default)]
struct Repeating {
    reply: RankedMutex<{ rank::QUERY }, Option<Box<dyn Gather>>>,
}

impl Errand for Repeating {
    fn slice(&self) -> Effort {
        Pace::default().slice(None)
    }

    fn next(self: Arc<Self>, _: bool) -> Next {
        Next { answer: Some(Answer::Reply), shares: Vec::new() }
    }

    fn reply(&self, out: &mut dyn Reply) -> CommandResult {
        let reply = self.reply.lock().take();
        out.take_in(reply.expect("its share has written the reply"));
        Ok(())
    }
}

/// Its share.
#[derive(Debug)]
struct Part {
    repeating: Arc<Repeating>,
    going: Option<(Drawing, Box<dyn Gather>)>,
}

impl Share for Part {
    fn step(&mut self, _: &mut ShardStore, effort: &mut Effort) -> bool {
        let Some((mut drawing, mut reply)) = self.going.take() else { return true };
        let is_done = drawing.go_on(&mut *reply, effort);
        if is_done {
            *self.repeating.reply.lock() = Some(reply);
        } else {
            self.going = Some((drawing, reply));
        }
        is_done
    }
}
