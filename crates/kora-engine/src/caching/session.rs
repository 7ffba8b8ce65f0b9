//! What a session keeps of it that keeps copies.

use std::sync::Arc;

use kora_core::reader::{Reader, ReaderId};

use super::{Modes, Notice};
use crate::client::ClientId;

/// A notice that waits for the end of an operation.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its number among what the worker was sent.
    pub number: u64,
    /// The notice.
    pub notice: Arc<Notice>,
    /// Which of its recipients the session is.
    pub recipient: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Caching {
    /// What the client has chosen.
    pub modes: Modes,
    /// CLIENT CACHING was given for the command that follows.
    pub is_given: bool,
    /// Notices that may belong behind the replies to what it waits for.
    pub held: Vec<Held>,
}

impl Caching {
    /// The client, as its next command runs.
    #[must_use]
    pub fn reader(&self, client: ClientId) -> Reader {
        let Modes { is_broadcast, opts_in, opts_out, .. } = self.modes;
        let is_left_out = if self.is_given { opts_out } else { opts_in };
        Reader { id: ReaderId(client.0), is_noted: !(is_broadcast || is_left_out) }
    }
}
