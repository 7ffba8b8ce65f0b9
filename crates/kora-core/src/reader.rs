//! Clients that keep copies of what they read, and are told when it changes.

/// A client that keeps copies, by its number, which is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReaderId(pub u64);

/// Such a client, as a command of it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Which client.
    pub id: ReaderId,
    /// Whether it is to be told when a key changes that the command reads.
    pub is_noted: bool,
}

/// A key has changed of which clients may keep copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalidation {
    /// The key.
    pub key: Box<[u8]>,
    /// Those who have read it since it last changed.
    pub readers: Vec<ReaderId>,
    /// The client whose command met the change or made it, if it is one that keeps copies.
    pub author: Option<ReaderId>,
    /// Whether no command made the change: the key expired or was evicted.
    pub is_incidental: bool,
    /// Whether those are told, too, who want to hear of all keys with some prefix.
    pub is_broadcast: bool,
}
