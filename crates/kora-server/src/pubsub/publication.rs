//! One publication, encoded once for all who get it.
//!
//! What subscribers get differs in its beginning only: an array in RESP2 or a push in RESP3, and the pattern by which it
//! reached them. The end, channel and payload, is the same bytes for all, and is shared by their outputs if it is long.

use std::sync::{Arc, LazyLock};

use kora_core::glob;
use kora_protocol::{Encoder, Resp};

use super::subscriptions::Subscriptions;
use super::{Name, Place, Space};

/// Bytes of a publication beside its text.
const OVERHEAD_BYTES: usize = 96;

/// What precedes a publication's channel and payload, by version of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heads {
    resp2: Vec<u8>,
    resp3: Vec<u8>,
}

impl Heads {
    fn new(len: usize, words: &[&[u8]]) -> Self {
        let encode = |resp| {
            let mut head = Vec::new();
            let mut encoder = Encoder::new(&mut head, resp);
            encoder.push(len);
            words.iter().for_each(|word| encoder.bulk(word));
            head
        };
        Self { resp2: encode(Resp::V2), resp3: encode(Resp::V3) }
    }

    /// Of what reaches subscribers of a pattern.
    pub(super) fn of_pattern(pattern: &[u8]) -> Self {
        Self::new(4, &[b"pmessage", pattern])
    }

    /// The bytes in a version of the protocol.
    pub(crate) fn of(&self, resp: Resp) -> &[u8] {
        match resp {
            Resp::V2 => &self.resp2,
            Resp::V3 => &self.resp3,
        }
    }
}

static MESSAGE: LazyLock<Heads> = LazyLock::new(|| Heads::new(3, &[b"message"]));
static SHARDED_MESSAGE: LazyLock<Heads> = LazyLock::new(|| Heads::new(3, &[b"smessage"]));

/// A message on its way to subscribers.
#[derive(Debug)]
pub(crate) struct Publication {
    is_sharded: bool,
    channel: Box<[u8]>,
    /// Number of the registry's state in which its receivers were counted.
    as_of: u64,
    /// Channel and payload, encoded.
    tail: Arc<Vec<u8>>,
    /// A connection that is not to get it: it has been given it.
    passed_by: Option<Place>,
}

impl Publication {
    pub(super) fn new(is_sharded: bool, channel: Box<[u8]>, payload: &[u8], as_of: u64) -> Self {
        let mut tail = Vec::with_capacity(channel.len() + payload.len() + 64);
        // Strings are the same in both versions.
        let mut encoder = Encoder::new(&mut tail, Resp::V2);
        encoder.bulk(&channel);
        encoder.bulk(payload);
        Self { is_sharded, channel, as_of, tail: Arc::new(tail), passed_by: None }
    }

    /// The same, but not for the connection at this place.
    pub(super) fn passing_by(self, passed_by: Option<Place>) -> Self {
        Self { passed_by, ..self }
    }

    /// Whether the connection at a place is not to get it.
    #[inline]
    pub(crate) fn passes_by(&self, place: Place) -> bool {
        self.passed_by == Some(place)
    }

    /// Writes what a connection with these subscriptions gets.
    pub(crate) fn write_for(&self, subscriptions: &Subscriptions, resp: Resp, out: &mut Vec<u8>) {
        let mut write = |heads: &Heads| {
            out.extend_from_slice(heads.of(resp));
            out.extend_from_slice(&self.tail);
        };
        let space = if self.is_sharded { Space::ShardChannels } else { Space::Channels };
        if subscriptions.contains(space, &self.channel) {
            write(self.heads());
        }
        if !self.is_sharded {
            let matching = |pattern: &&Name| glob::matches(pattern, &self.channel);
            let patterns = subscriptions.iter(Space::Patterns).filter(matching);
            patterns.for_each(|pattern| write(&Heads::of_pattern(pattern)));
        }
    }

    pub(super) fn is_sharded(&self) -> bool {
        self.is_sharded
    }

    pub(super) fn channel(&self) -> &[u8] {
        &self.channel
    }

    pub(super) fn as_of(&self) -> u64 {
        self.as_of
    }

    /// What precedes it for those who are subscribed to its channel.
    pub(super) fn heads(&self) -> &'static Heads {
        if self.is_sharded { &SHARDED_MESSAGE } else { &MESSAGE }
    }

    /// Channel and payload, encoded.
    pub(crate) fn tail(&self) -> &Arc<Vec<u8>> {
        &self.tail
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        OVERHEAD_BYTES + self.channel.len() + self.tail.len()
    }
}
