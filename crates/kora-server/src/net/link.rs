//! A connection to another server, without its socket: what is to be sent, what has come back, and until when.
//!
//! A link does no input or output and knows no clock. Whoever drives it sends what [`Link::unsent`] shows, gives it what arrives, and
//! calls [`Link::expire`] when [`Link::deadline`] has come. Whoever uses it gives it bytes and the number of replies that they lead to,
//! and takes the replies in the order in which they come. A link that has failed stays so; replies that came before can still be taken.
//!
//! The other side may be anybody: there are never more replies than were awaited, and a reply has a greatest size.
//!
//! Its patience is for a step, not for the whole: to connect, to have another 64 KiB sent, to get another whole reply.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use kora_protocol::{Decoder, Frame};

/// Bytes whose sending is a step.
const STEP_BYTES: usize = 64 * 1024;

/// Longest reply.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// What a link was about when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// To connect.
    Connecting,
    /// To send.
    Sending,
    /// To wait for replies, or for something to do.
    Receiving,
}

/// Why a link has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The other side did nothing for too long.
    TimedOut,
    /// It has closed the connection.
    Closed,
    /// It has sent what is no reply, too long a one, or one that was not awaited.
    Nonsense,
    /// What the system says.
    System(io::ErrorKind),
}

/// How a link failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What it was about.
    pub(crate) phase: Phase,
    /// What happened.
    pub(crate) cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Open,
    Failed(Failure),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    state: State,
    output: Vec<u8>,
    sent_bytes: usize,
    /// Bytes that were sent when the present step began.
    step_begun_bytes: usize,
    decoder: Decoder,
    /// Bytes of the reply that is not whole, or a few more.
    partial_bytes: usize,
    replies: VecDeque<Frame>,
    /// Replies to come.
    awaited: usize,
    patience: Duration,
    /// When the present step began.
    step_begun: Instant,
}

impl Link {
    /// A link that is to be connected.
    pub(crate) fn new(patience: Duration, now: Instant) -> Self {
        Self {
            state: State::Connecting,
            output: Vec::new(),
            sent_bytes: 0,
            step_begun_bytes: 0,
            decoder: Decoder::new(),
            partial_bytes: 0,
            replies: VecDeque::new(),
            awaited: 0,
            patience,
            step_begun: now,
        }
    }

    /// Sends `bytes`, which lead to so many replies. From now on each step may take `patience`.
    pub(crate) fn send(&mut self, bytes: Vec<u8>, replies: usize, patience: Duration, now: Instant) {
        if matches!(self.state, State::Failed(_)) {
            return;
        }
        if self.deadline().is_none() {
            self.step_begun = now;
        }
        self.patience = patience;
        self.awaited += replies;
        if self.output.is_empty() {
            self.output = bytes;
        } else {
            self.output.extend_from_slice(&bytes);
        }
    }

    /// The next reply that has come.
    pub(crate) fn take_reply(&mut self) -> Option<Frame> {
        self.replies.pop_front()
    }

    /// How it has failed, if it has.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match self.state {
            State::Failed(failure) => Some(failure),
            State::Connecting | State::Open => None,
        }
    }

    /// Whether it is connected, nothing is under way, and nothing is left to take.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Open
            && self.output.is_empty()
            && self.awaited == 0
            && self.replies.is_empty()
            && !self.decoder.is_mid_frame()
    }

    /// Whether it is not connected yet.
    pub(crate) fn is_connecting(&self) -> bool {
        self.state == State::Connecting
    }

    /// When the present step will have taken too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let is_under_way = match self.state {
            State::Connecting => true,
            State::Open => !self.output.is_empty() || self.awaited > 0,
            State::Failed(_) => false,
        };
        is_under_way.then(|| self.step_begun + self.patience)
    }

    /// It is `now`; whether the deadline has come and the link has failed by it.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let is_over = self.deadline().is_some_and(|deadline| deadline <= now);
        if is_over {
            self.fail(Cause::TimedOut);
        }
        is_over
    }

    /// There is another address to connect to, and as much time for that.
    pub(crate) fn connect_anew(&mut self, now: Instant) {
        self.state = State::Connecting;
        self.step_begun = now;
    }

    /// It is connected.
    pub(crate) fn established(&mut self, now: Instant) {
        self.state = State::Open;
        self.step_begun = now;
    }

    /// What is to be sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        if self.state == State::Open { &self.output[self.sent_bytes..] } else { &[] }
    }

    /// So many bytes of it are sent.
    pub(crate) fn sent(&mut self, count: usize, now: Instant) {
        self.sent_bytes += count;
        let is_all = self.sent_bytes == self.output.len();
        if is_all || self.sent_bytes - self.step_begun_bytes >= STEP_BYTES {
            self.step_begun = now;
            self.step_begun_bytes = self.sent_bytes;
        }
        if is_all {
            (self.output, self.sent_bytes, self.step_begun_bytes) = (Vec::new(), 0, 0);
        }
    }

    /// These bytes have arrived.
    pub(crate) fn received(&mut self, bytes: &[u8], now: Instant) {
        if self.state != State::Open {
            return;
        }
        self.decoder.feed(bytes);
        self.partial_bytes += bytes.len();
        loop {
            match self.decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) if self.awaited > 0 => {
                    self.awaited -= 1;
                    self.partial_bytes = bytes.len();
                    self.step_begun = now;
                    self.replies.push_back(frame);
                }
                Ok(Some(_)) | Err(_) => return self.fail(Cause::Nonsense),
            }
        }
        if !self.decoder.is_mid_frame() {
            self.partial_bytes = 0;
        } else if self.partial_bytes > REPLY_BYTES_MAX + bytes.len() {
            self.fail(Cause::Nonsense);
        }
    }

    /// It fails, unless it has.
    pub(crate) fn fail(&mut self, cause: Cause) {
        let phase = match self.state {
            State::Failed(_) => return,
            State::Connecting => Phase::Connecting,
            State::Open if !self.output.is_empty() => Phase::Sending,
            State::Open => Phase::Receiving,
        };
        self.state = State::Failed(Failure { phase, cause });
        if phase != Phase::Connecting {
            self.output = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests;
