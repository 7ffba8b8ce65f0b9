//! One publication, encoded once for all who get it.
//!
//! What subscribers get differs in its beginning only, by the way in which it reached them ([`Via`]) and by their protocol. The
//! end, channel and payload, is the same bytes for all: the front encodes it when it is first delivered.

use std::sync::{Arc, OnceLock};

use kora_core::glob;

use super::subscriptions::Subscriptions;
use super::{Name, Space};
use crate::client::SessionPlace;

/// Bytes of a publication beside its text.
const OVERHEAD_BYTES: usize = 96;

/// How a publication reaches a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via<'a> {
    /// By its channel.
    Channel,
    /// By its channel, which belongs to a slot.
    ShardChannel,
    /// By a pattern, this one, that matches its channel.
    Pattern(&'a [u8]),
}

/// A message on its way to subscribers.
#[derive(Debug)]
pub struct Publication {
    is_sharded: bool,
    channel: Box<[u8]>,
    payload: Box<[u8]>,
    /// Number of the registry's state in which its receivers were counted.
    as_of: u64,
    /// Channel and payload, encoded.
    encoded: OnceLock<Arc<Vec<u8>>>,
    /// A connection that is not to get it: it has been given it.
    passed_by: Option<SessionPlace>,
}

impl Publication {
    pub(super) fn new(is_sharded: bool, channel: Box<[u8]>, payload: Box<[u8]>, as_of: u64) -> Self {
        Self { is_sharded, channel, payload, as_of, encoded: OnceLock::new(), passed_by: None }
    }

    /// The same, but not for the connection at this place.
    pub(super) fn passing_by(self, passed_by: Option<SessionPlace>) -> Self {
        Self { passed_by, ..self }
    }

    /// Whether the connection at a place is not to get it.
    #[inline]
    #[must_use]
    pub fn passes_by(&self, place: SessionPlace) -> bool {
        self.passed_by == Some(place)
    }

    /// Visits the ways in which it reaches a connection with these subscriptions.
    pub fn each_way(&self, subscriptions: &Subscriptions, mut visit: impl FnMut(Via<'_>)) {
        let space = if self.is_sharded { Space::ShardChannels } else { Space::Channels };
        if subscriptions.contains(space, &self.channel) {
            visit(self.via());
        }
        if !self.is_sharded {
            let matching = |pattern: &&Name| glob::matches(pattern, &self.channel);
            let patterns = subscriptions.iter(Space::Patterns).filter(matching);
            patterns.for_each(|pattern| visit(Via::Pattern(pattern)));
        }
    }

    pub(super) fn is_sharded(&self) -> bool {
        self.is_sharded
    }

    /// The channel.
    #[must_use]
    pub fn channel(&self) -> &[u8] {
        &self.channel
    }

    /// What is said there.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(super) fn as_of(&self) -> u64 {
        self.as_of
    }

    /// How it reaches those who are subscribed to its channel.
    pub(super) fn via(&self) -> Via<'static> {
        if self.is_sharded { Via::ShardChannel } else { Via::Channel }
    }

    /// Channel and payload as `encode` writes them: whoever delivers it first does so for all. An engine has one encoding.
    pub fn encoded(&self, encode: impl FnOnce(&[u8], &[u8]) -> Vec<u8>) -> &Arc<Vec<u8>> {
        self.encoded.get_or_init(|| Arc::new(encode(&self.channel, &self.payload)))
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        OVERHEAD_BYTES + 2 * self.channel.len() + self.payload.len()
    }
}
