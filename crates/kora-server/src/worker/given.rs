//! Large arguments, in memory that the store may keep.
//!
//! A request that did not come in one read lies in its connection's input. If it has a large argument, what is around that is copied,
//! and the argument moves to the beginning of the memory that it is in: the store keeps that, or lets it go. So a value is in memory
//! once while it is stored, and not in the input as well.

use std::sync::Arc;

use kora_core::journal::GIVEN_BYTES_MIN;
use kora_engine::turn::{Args, Commands};
use kora_protocol::Span;

use super::Worker;
use super::batch::Batch;
use crate::shared::connection::Session;

/// Memory that is larger than its argument by more than this part of it is not given: it would stay unused for as long as the value.
const UNUSED_PART: usize = 8;

/// Most bytes behind a request: they are copied.
const REST_BYTES_MAX: usize = 64 * 1024;

/// A request that was taken apart. Spans are those of the whole.
struct Given {
    head: Vec<u8>,
    argument: Arc<Vec<u8>>,
    tail: Vec<u8>,
    spans: Vec<Span>,
    /// Which of the arguments it is.
    at: usize,
}

impl Given {
    /// Takes the first request of a batch apart, which lies in `input`, and gives what is behind it. If that is not worth while, gives
    /// the input back.
    fn take(batch: &Batch, mut input: Vec<u8>) -> Result<(Self, Vec<u8>), Vec<u8>> {
        let Some((spans, end)) = batch.first() else { return Err(input) };
        let large = spans.iter().enumerate().find(|(_, span)| bytes_of(**span) >= GIVEN_BYTES_MIN);
        let Some((at, &span)) = large else { return Err(input) };
        let (start, behind) = (span.start as usize, span.end as usize);
        let unused = input.capacity() - bytes_of(span);
        if unused > bytes_of(span) / UNUSED_PART || input.len() - end > REST_BYTES_MAX {
            return Err(input);
        }
        let rest = input[end..].to_vec();
        let tail = input[behind..end].to_vec();
        let head = input[..start].to_vec();
        let spans = spans.to_vec();
        input.truncate(behind);
        input.drain(..start);
        Ok((Self { head, argument: Arc::new(input), tail, spans, at }, rest))
    }

    /// The request as it was, and what was behind it.
    fn put_back(self, rest: &[u8]) -> Vec<u8> {
        let mut input = Arc::try_unwrap(self.argument).unwrap_or_else(|shared| shared.to_vec());
        input.splice(..0, self.head);
        input.extend_from_slice(&self.tail);
        input.extend_from_slice(rest);
        input
    }

    fn argument(&self, index: usize) -> &[u8] {
        let (span, large) = (self.spans[index], self.spans[self.at]);
        match index {
            index if index < self.at => span.slice(&self.head),
            index if index > self.at => {
                let range = (span.start - large.end) as usize..(span.end - large.end) as usize;
                self.tail.get(range).unwrap_or_default()
            }
            _ => &self.argument,
        }
    }
}

fn bytes_of(span: Span) -> usize {
    (span.end - span.start) as usize
}

impl Commands for Given {
    fn count(&self) -> usize {
        1
    }

    fn args(&self, _: usize) -> Args<'_> {
        (0..self.spans.len()).map(|index| self.argument(index)).collect()
    }

    fn arg(&self, _: usize, at: usize) -> Option<&[u8]> {
        (at < self.spans.len()).then(|| self.argument(at))
    }

    fn size(&self, _: usize) -> usize {
        self.head.len() + self.argument.len() + self.tail.len()
    }

    fn rest(&self, index: usize) -> (usize, usize, usize) {
        (1, self.spans.len(), self.size(index))
    }
}

impl Worker {
    /// Runs the request at the beginning of `input`, if it is whole now and has a large argument; gives what is left of the input.
    pub(super) fn execute_given(&mut self, session: &mut Session, input: Vec<u8>) -> Vec<u8> {
        let parser = &mut session.link.parser;
        if input.len() < GIVEN_BYTES_MIN || !parser.is_mid_frame() || input.len() < parser.wanted() {
            return input;
        }
        self.take_up_config();
        let limits = self.limits(session);
        // What is wrong will be found again.
        let parsed = self.batch.fill(&mut session.link.parser, &input, &limits);
        if parsed.is_ok() && self.batch.len() == 0 {
            return input;
        }
        session.link.parser.reset();
        let (given, rest) = match Given::take(&self.batch, input) {
            Ok(taken) => taken,
            Err(input) => return input,
        };
        session.link.running_bytes = given.rest(0).2;
        self.turn.begin_serving(session);
        let before = self.turn.executor().journal().give(Some(Arc::clone(&given.argument)));
        let done = self.turn.run(session, &given);
        self.turn.executor().journal().give(before);
        session.link.running_bytes = 0;
        self.turn.end_serving(session);
        if done > 0 { rest } else { given.put_back(&rest) }
    }
}
