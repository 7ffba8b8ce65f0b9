//! A connection of the console's to the server it is part of: a client like any other, with its rights and its place in CLIENT LIST.
//!
//! It asks for one thing at a time: commands that are sent together, in one database. Nothing here waits.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use kora_http::Ticket;
use kora_protocol::{Decoder, Frame, encode_request};

/// How long commands may take together.
const TIME_MAX: Duration = Duration::from_secs(20);

/// Bytes of the replies to what is asked at a time.
const REPLY_BYTES_MAX: usize = 1 << 20;

/// Requests that wait for a link.
const WAITING_MAX: usize = 64;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;

/// Commands, and who asks.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) ticket: Ticket,
    pub(super) db: u16,
    pub(super) commands: Vec<Vec<Vec<u8>>>,
}

/// What came of it: a reply to each command, or why there is none.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) ticket: Ticket,
    pub(super) replies: Result<Vec<Frame>, Failure>,
}

/// Why there are no replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server has closed the connection: the user is gone, or an administrator has sent it away.
    Closed,
    /// They took too long.
    Late,
    /// They were too large.
    Large,
    /// Too much was asked at a time.
    Busy,
}

impl Failure {
    /// The status and the words that tell it.
    pub(super) fn told(self) -> (u16, &'static str) {
        match self {
            Self::Closed => (401, "the server has closed the console's connection: log in again"),
            Self::Late => {
                (504, "that took longer than the console waits; its connection is closed, log in again")
            }
            Self::Large => {
                (502, "the reply is larger than the console takes; its connection is closed, log in again")
            }
            Self::Busy => (429, "too much is asked at a time"),
        }
    }
}

#[derive(Debug)]
struct Present {
    question: Question,
    /// The database is being chosen; the commands follow.
    is_choosing: bool,
    replies: Vec<Frame>,
    bytes: usize,
    deadline: Instant,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
    decoder: Decoder,
    output: Vec<u8>,
    sent: usize,
    db: u16,
    present: Option<Present>,
    waiting: VecDeque<Question>,
}

impl Link {
    /// Over a connection that is new.
    pub(super) fn new(stream: UnixStream) -> Self {
        let (decoder, output) = (Decoder::new(), Vec::new());
        Self { stream, decoder, output, sent: 0, db: 0, present: None, waiting: VecDeque::new() }
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Whether there is something to send.
    pub(super) fn writes(&self) -> bool {
        self.sent < self.output.len()
    }

    /// When the present question has waited long enough.
    pub(super) fn due(&self) -> Option<Instant> {
        self.present.as_ref().map(|present| present.deadline)
    }

    /// Asks when those before have been answered.
    pub(super) fn ask(&mut self, question: Question) -> Result<(), Failure> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(Failure::Busy);
        }
        self.waiting.push_back(question);
        Ok(())
    }

    /// All that was asked and will not be answered: the link is of no use any more.
    pub(super) fn abandoned(self) -> Vec<Ticket> {
        let present = self.present.into_iter().map(|present| present.question);
        present.chain(self.waiting).map(|question| question.ticket).collect()
    }

    /// Goes on as far as possible without waiting.
    pub(super) fn go_on(&mut self, now: Instant, answers: &mut Vec<Answer>) -> Result<(), Failure> {
        loop {
            self.begin(now);
            self.send()?;
            let is_drained = self.receive()?;
            while let Some(frame) = self.decoder.next_frame().map_err(|_| Failure::Closed)? {
                self.take(frame, answers);
            }
            if is_drained && (self.present.is_some() || self.waiting.is_empty()) {
                break;
            }
        }
        if self.present.as_ref().is_some_and(|present| present.deadline <= now) {
            return Err(Failure::Late);
        }
        self.send()
    }

    /// Begins with the next question, if none is under way.
    fn begin(&mut self, now: Instant) {
        if self.present.is_some() {
            return;
        }
        let Some(question) = self.waiting.pop_front() else { return };
        let is_choosing = question.db != self.db;
        let (replies, bytes, deadline) = (Vec::new(), 0, now + TIME_MAX);
        if is_choosing {
            encode_request(&mut self.output, &["SELECT", &question.db.to_string()]);
        } else {
            put_commands(&question, &mut self.output);
        }
        self.present = Some(Present { question, is_choosing, replies, bytes, deadline });
    }

    /// Takes a reply. Messages that nobody has asked for are dropped.
    fn take(&mut self, frame: Frame, answers: &mut Vec<Answer>) {
        if matches!(frame.bare(), Frame::Push(_)) {
            return;
        }
        let Some(present) = &mut self.present else { return };
        let count = present.question.commands.len();
        if mem::take(&mut present.is_choosing) {
            if frame.as_error().is_none() {
                self.db = present.question.db;
                put_commands(&present.question, &mut self.output);
            } else {
                present.replies = vec![frame; count];
            }
        } else {
            present.replies.push(frame);
        }
        if present.replies.len() < count {
            return;
        }
        if let Some(Present { question, replies, .. }) = self.present.take() {
            answers.push(Answer { ticket: question.ticket, replies: Ok(replies) });
        }
    }

    fn send(&mut self) -> Result<(), Failure> {
        while self.writes() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if is_for_later(&error) => return Ok(()),
                Err(_) => return Err(Failure::Closed),
            }
        }
        self.output.clear();
        self.sent = 0;
        Ok(())
    }

    /// Receives once; whether there is no more for now.
    fn receive(&mut self) -> Result<bool, Failure> {
        let mut buffer = vec![0; READ_BYTES];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(Failure::Closed),
            Ok(count) => {
                if let Some(present) = &mut self.present {
                    present.bytes += count;
                    if present.bytes > REPLY_BYTES_MAX {
                        return Err(Failure::Large);
                    }
                }
                self.decoder.feed(&buffer[..count]);
                Ok(false)
            }
            Err(error) if is_for_later(&error) => Ok(true),
            Err(_) => Err(Failure::Closed),
        }
    }
}

fn put_commands(question: &Question, output: &mut Vec<u8>) {
    question.commands.iter().for_each(|args| encode_request(output, args));
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
