//! What a server remembers of a connection and a client has to know.

use kora_protocol::Frame;

use super::command::name;

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
    /// The database to return to if the transaction does not take place.
    db_before: u32,
    replies: Replies,
}

impl State {
    /// A new connection whose database is `db`.
    pub(crate) fn at(db: u32) -> Self {
        Self { db, in_transaction: false, db_before: db, replies: Replies::On }
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
