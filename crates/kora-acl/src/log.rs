//! ACL LOG: what was refused of late, and to whom. Like refusals within a minute are one entry.

use std::collections::VecDeque;

/// Entries no further apart than so many milliseconds are one, if they are alike otherwise.
const TOGETHER_MS: i64 = 60_000;

/// So many of the newest entries are compared with a new one.
const COMPARED: usize = 10;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
    /// To be somebody.
    Auth,
}

impl Reason {
    /// As ACL LOG names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Key => "key",
            Self::Channel => "channel",
            Self::Auth => "auth",
        }
    }
}

/// How the command came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A client sent it.
    TopLevel,
    /// A client sent it between MULTI and EXEC, or EXEC was to run it.
    Multi,
    /// A script called it.
    Lua,
}

impl Place {
    /// As ACL LOG names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TopLevel => "toplevel",
            Self::Multi => "multi",
            Self::Lua => "lua",
        }
    }
}

/// A refusal.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What was refused.
    pub reason: Reason,
    /// How the command came.
    pub place: Place,
    /// The command, key or channel.
    pub object: Vec<u8>,
    /// To whom.
    pub user: Vec<u8>,
    /// The client, as CLIENT INFO shows it.
    pub client: Vec<u8>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Like refusals.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The last of them.
    pub last: Refusal,
    /// How many.
    pub count: u64,
    /// Its number.
    pub id: u64,
    /// When the first was, in milliseconds since 1970.
    pub first_ms: i64,
}

/// See the module.
#[derive(Debug)]
pub struct Log {
    /// The newest first.
    entries: VecDeque<Entry>,
    next_id: u64,
    entries_max: usize,
}

impl Log {
    /// An empty one that will hold so many entries.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self { entries: VecDeque::new(), next_id: 0, entries_max }
    }

    /// `acllog-max-len`.
    pub fn set_max(&mut self, entries_max: usize) {
        self.entries_max = entries_max;
    }

    /// Adds a refusal.
    pub fn add(&mut self, refusal: Refusal) {
        if self.entries_max == 0 {
            return self.entries.clear();
        }
        let like = self.entries.iter().take(COMPARED).position(|entry| are_alike(&entry.last, &refusal));
        let entry = match like.and_then(|at| self.entries.remove(at)) {
            Some(entry) => Entry { count: entry.count + 1, last: refusal, ..entry },
            None => {
                self.next_id += 1;
                Entry { count: 1, id: self.next_id - 1, first_ms: refusal.at_ms, last: refusal }
            }
        };
        self.entries.push_front(entry);
        self.entries.truncate(self.entries_max);
    }

    /// The entries, the newest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

fn are_alike(one: &Refusal, other: &Refusal) -> bool {
    one.reason == other.reason
        && one.place == other.place
        && one.at_ms.abs_diff(other.at_ms) <= TOGETHER_MS.unsigned_abs()
        && one.object == other.object
        && one.user == other.user
}
