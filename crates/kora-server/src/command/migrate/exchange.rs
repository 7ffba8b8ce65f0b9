//! What MIGRATE says to the other server, and what follows from the answers.
//!
//! All commands go out at once: AUTH if there are words for it, SELECT, and a RESTORE for each key. A key has moved when the other server has
//! said so for its RESTORE, whatever becomes of the others. Of several refusals the first is told; if the connection fails, that
//! is told instead.

use std::io;
use std::time::{Duration, Instant};

use kora_protocol::{Frame, encode_request};

use crate::net::link::{Cause, Failure, Phase};
use crate::net::links::{LinkId, Links, Remote};

const CONNECTING: &str = "IOERR error or timeout connecting to the client";
const WRITING: &str = "IOERR error or timeout writing to target instance";
const READING: &str = "IOERR error or timeout reading to target instance";

/// Where keys go.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) server: Remote,
    pub(super) db: i64,
    /// How long each step may take.
    pub(super) timeout: Duration,
    /// AUTH with its arguments, if it is to be sent.
    pub(super) auth: Option<Vec<Vec<u8>>>,
}

impl Target {
    /// What a connection is kept as: nobody else's rights come with it.
    fn name(&self) -> Vec<u8> {
        let Remote { host, port, security } = &self.server;
        let kind = if security.is_some() { "tls" } else { "tcp" };
        let mut name = format!("{kind}:{host}:{port}").into_bytes();
        for word in self.auth.iter().flatten() {
            encode_request(&mut name, &[word]);
        }
        name
    }
}

/// All that is to be said.
#[derive(Debug)]
pub(super) struct Request {
    target: Target,
    bytes: Vec<u8>,
    keys: Vec<Vec<u8>>,
}

impl Request {
    /// What comes before the keys.
    pub(super) fn new(target: Target) -> Self {
        let mut bytes = Vec::new();
        if let Some(auth) = &target.auth {
            encode_request(&mut bytes, auth);
        }
        encode_request(&mut bytes, &[&b"SELECT"[..], target.db.to_string().as_bytes()]);
        Self { target, bytes, keys: Vec::new() }
    }

    /// Adds a key.
    pub(super) fn restore(&mut self, key: &[u8], ttl_ms: i64, payload: &[u8], replaces: bool) {
        let ttl = ttl_ms.to_string();
        let args: [&[u8]; 5] = [b"RESTORE", key, ttl.as_bytes(), payload, b"REPLACE"];
        encode_request(&mut self.bytes, if replaces { &args } else { &args[..4] });
        self.keys.push(key.to_vec());
    }

    /// Whether there are no keys.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// What came of it: the keys that the other server has taken, and what went wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) taken: Vec<Vec<u8>>,
    pub(super) error: Option<String>,
}

/// An exchange under way.
#[derive(Debug)]
pub(super) struct Exchange {
    link: LinkId,
    /// What the link will be kept as.
    name: Vec<u8>,
    is_encrypted: bool,
    answers: Answers,
}

impl Exchange {
    /// Begins: by a link that was kept, if there is one.
    pub(super) fn begin(request: Request, links: &mut Links, now: Instant) -> Self {
        let Request { target, bytes, keys } = request;
        let (name, is_encrypted) = (target.name(), target.server.security.is_some());
        let answers = Answers::new(target.auth.is_some(), keys);
        let link =
            links.take_kept(&name, now).unwrap_or_else(|| links.open(&target.server, target.timeout, now));
        links.send(link, bytes, answers.left(), target.timeout, now);
        Self { link, name, is_encrypted, answers }
    }

    /// Takes what has come; what came of it all, once that is known.
    pub(super) fn go_on(&mut self, links: &mut Links, now: Instant) -> Option<Outcome> {
        let Some(link) = links.get(self.link) else {
            return Some(std::mem::take(&mut self.answers).failed(READING));
        };
        while self.answers.left() > 0
            && let Some(reply) = link.take_reply()
        {
            self.answers.take(&reply);
        }
        if self.answers.left() == 0 {
            if self.answers.is_refused {
                links.close(self.link);
            } else {
                links.keep(self.link, std::mem::take(&mut self.name), now);
            }
            return Some(std::mem::take(&mut self.answers).outcome);
        }
        let failure = link.failure()?;
        links.close(self.link);
        Some(std::mem::take(&mut self.answers).failed(describe(failure, self.is_encrypted)))
    }
}

/// How Redis words a failure. It finds out when it writes that it could not connect, unless it has to encrypt.
fn describe(failure: Failure, is_encrypted: bool) -> &'static str {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset};
    match failure {
        Failure { phase: Phase::Connecting, .. } if is_encrypted => CONNECTING,
        Failure { phase: Phase::Connecting, cause: Cause::System(ConnectionRefused | ConnectionReset) }
        | Failure { phase: Phase::Sending, .. } => WRITING,
        Failure { phase: Phase::Connecting, .. } => CONNECTING,
        Failure { phase: Phase::Receiving, .. } => READING,
    }
}

/// What the answers have led to so far.
#[derive(Debug, Default)]
struct Answers {
    awaits_auth: bool,
    awaits_select: bool,
    /// Whether keys went into the database that they were meant for.
    is_selected: bool,
    /// The other server wants to know nothing of us.
    is_refused: bool,
    /// Keys of which nothing is known yet.
    keys: std::vec::IntoIter<Vec<u8>>,
    outcome: Outcome,
}

impl Answers {
    fn new(awaits_auth: bool, keys: Vec<Vec<u8>>) -> Self {
        Self { awaits_auth, awaits_select: true, keys: keys.into_iter(), ..Self::default() }
    }

    /// Answers to come that matter.
    fn left(&self) -> usize {
        if self.is_refused {
            return 0;
        }
        usize::from(self.awaits_auth) + usize::from(self.awaits_select) + self.keys.len()
    }

    fn take(&mut self, reply: &Frame) {
        let refusal = match reply {
            Frame::Error(text) | Frame::BlobError(text) => {
                Some(format!("ERR Target instance replied with error: {}", kora_core::text::of(text)))
            }
            _ => None,
        };
        let is_refused = refusal.is_some();
        self.outcome.error = self.outcome.error.take().or(refusal);
        if self.awaits_auth {
            (self.awaits_auth, self.is_refused) = (false, is_refused);
        } else if self.awaits_select {
            (self.awaits_select, self.is_selected) = (false, !is_refused);
        } else if let Some(key) = self.keys.next()
            && self.is_selected
            && !is_refused
        {
            self.outcome.taken.push(key);
        }
    }

    /// The connection has failed.
    fn failed(self, error: &str) -> Outcome {
        Outcome { error: Some(error.to_owned()), ..self.outcome }
    }
}

#[cfg(test)]
mod tests;
