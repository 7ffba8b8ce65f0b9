//! What a server remembers of a connection and a client has to know.

use std::collections::BTreeSet;

use kora_protocol::Frame;

use super::command::{Kind, name};

/// Which commands are answered, as `CLIENT REPLY` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replies {
    On,
    Off,
    /// The next command is not answered.
    SkipNext,
}

/// The state of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// Selected database.
    pub(crate) db: u32,
    /// Whether commands are being queued.
    pub(crate) in_transaction: bool,
    /// The database to switch back to if the transaction is discarded.
    db_before: u32,
    replies: Replies,
    /// Active subscriptions: how each was made, and its channel or pattern.
    subscriptions: BTreeSet<(Via, Vec<u8>)>,
}

/// The three kinds of subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Via {
    Channel,
    Pattern,
    Sharded,
}

impl Via {
    /// The kind that a command or a message named `word` is about.
    fn of(word: &str) -> Option<Self> {
        match word {
            "subscribe" | "unsubscribe" => Some(Self::Channel),
            "psubscribe" | "punsubscribe" => Some(Self::Pattern),
            "ssubscribe" | "sunsubscribe" => Some(Self::Sharded),
            _ => None,
        }
    }
}

/// The elements of what may be a message, and the word that says which.
fn message(frame: &Frame) -> Option<(&str, &[Frame])> {
    let (Frame::Push(elements) | Frame::Array(elements)) = frame.bare() else { return None };
    let (Frame::Bulk(word) | Frame::Simple(word)) = elements.first()? else { return None };
    Some((std::str::from_utf8(word).ok()?, elements))
}

impl State {
    /// A new connection whose database is `db`.
    pub(crate) fn at(db: u32) -> Self {
        Self {
            db,
            in_transaction: false,
            db_before: db,
            replies: Replies::On,
            subscriptions: BTreeSet::new(),
        }
    }

    /// Whether the command that was just sent will be answered.
    pub(super) fn expects_reply(&mut self, args: &[Vec<u8>]) -> bool {
        if self.replies == Replies::SkipNext {
            self.replies = Replies::On;
            return false;
        }
        if (name(args, 0).as_str(), name(args, 1).as_str()) == ("client", "reply") && args.len() == 3 {
            match name(args, 2).as_str() {
                "on" => self.replies = Replies::On,
                "off" => self.replies = Replies::Off,
                "skip" if self.replies == Replies::On => {
                    self.replies = Replies::SkipNext;
                    return false;
                }
                _ => {}
            }
        }
        self.replies == Replies::On
    }

    /// Whether messages come.
    pub(crate) fn is_subscribed(&self) -> bool {
        !self.subscriptions.is_empty()
    }

    /// Whether `frame` is a message that no command asked for just now.
    pub(super) fn is_message(&self, frame: &Frame) -> bool {
        self.is_subscribed()
            && message(frame).is_some_and(|(word, _)| matches!(word, "message" | "pmessage" | "smessage"))
    }

    /// How many replies a command has, unless they have no end.
    pub(super) fn reply_count(&self, kind: Kind, args: &[Vec<u8>]) -> usize {
        let named = args.len().saturating_sub(1);
        let of_kind = || {
            let via = Via::of(&name(args, 0));
            self.subscriptions.iter().filter(|(subscribed, _)| Some(*subscribed) == via).count()
        };
        match kind {
            // A transaction says once that it will be done.
            _ if self.in_transaction => 1,
            Kind::Subscribe => named.max(1),
            Kind::Unsubscribe if named == 0 => of_kind().max(1),
            Kind::Unsubscribe => named,
            Kind::Ordinary | Kind::Stream => 1,
        }
    }

    /// Follows what a message says of subscriptions.
    pub(super) fn follow_message(&mut self, frame: &Frame) {
        let Some((word, elements)) = message(frame) else { return };
        let (Some(via), Some(Frame::Bulk(channel))) = (Via::of(word), elements.get(1)) else { return };
        let subscription = (via, channel.clone());
        if word.contains("unsubscribe") {
            self.subscriptions.remove(&subscription);
        } else {
            self.subscriptions.insert(subscription);
        }
    }

    /// Follows the effect of a command that was answered with an error: `EXEC` ends the transaction even so.
    pub(super) fn follow_refused(&mut self, args: &[Vec<u8>]) {
        if name(args, 0) == "exec" && self.in_transaction {
            self.in_transaction = false;
            self.db = self.db_before;
        }
    }

    /// Follows the effect of a command that was answered without an error.
    pub(super) fn follow(&mut self, args: &[Vec<u8>], frame: &Frame) {
        match name(args, 0).as_str() {
            "select" => {
                if let Some(Ok(db)) = args.get(1).and_then(|db| std::str::from_utf8(db).ok()).map(str::parse)
                {
                    self.db = db;
                }
            }
            "multi" => {
                self.in_transaction = true;
                self.db_before = self.db;
            }
            "exec" => {
                self.in_transaction = false;
                if matches!(frame.bare(), Frame::Null | Frame::NullArray) {
                    self.db = self.db_before;
                }
            }
            "discard" => {
                self.in_transaction = false;
                self.db = self.db_before;
            }
            "reset" => *self = Self::at(0),
            _ => {}
        }
    }
}
