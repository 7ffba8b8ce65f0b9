//! A notice: what has become void, and who is told.

use std::sync::Arc;

use kora_core::slot::WorkerId;
use smallvec::SmallVec;

use super::Located;
use crate::client::ClientId;

/// Bytes of a notice beside its keys.
const OVERHEAD_BYTES: usize = 96;

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// What was read of these keys is void.
    Keys(Box<[Box<[u8]>]>),
    /// Whatever was read is void.
    All,
    /// The client has left to which others were told to go.
    Broken(ClientId),
}

/// Who is told.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// The client.
    pub client: ClientId,
    /// Where it is.
    pub located: Arc<dyn Located>,
    /// Whether another client has read, and redirects to this one.
    pub is_redirected: bool,
    /// Whether the client that has read has made the change itself.
    pub is_own: bool,
    /// Whether the client that has read can tell messages from replies.
    pub tells_apart: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Notice {
    /// What is told.
    pub content: Content,
    /// Who is told.
    pub recipients: Box<[Recipient]>,
}

impl Notice {
    pub(super) fn new(content: Content, recipients: Vec<Recipient>) -> Self {
        Self { content, recipients: recipients.into() }
    }

    /// The same for one recipient alone.
    #[must_use]
    pub fn for_one(&self, index: usize) -> Self {
        Self { content: self.content.clone(), recipients: [self.recipients[index].clone()].into() }
    }

    /// The workers that serve recipients, each once.
    pub(crate) fn workers(&self) -> SmallVec<[WorkerId; 8]> {
        let mut workers = SmallVec::new();
        for worker in self.recipients.iter().map(|recipient| recipient.located.place().worker) {
            if !workers.contains(&worker) {
                workers.push(worker);
            }
        }
        workers
    }

    /// Bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let keys = match &self.content {
            Content::Keys(keys) => keys.iter().map(|key| key.len() + size_of::<Box<[u8]>>()).sum(),
            Content::All | Content::Broken(_) => 0,
        };
        OVERHEAD_BYTES + keys + size_of_val(&*self.recipients)
    }
}
