//! One publication, encoded once for all who get it.
//!
//! What subscribers get differs in its beginning only: an array in RESP2 or a push in RESP3, and the pattern by which it
//! reached them. The end, channel and payload, is the same bytes for all, and is shared by their outputs if it is long.

use std::sync::{Arc, LazyLock};

use kora_protocol::{Encoder, Resp};

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
}

impl Publication {
    pub(super) fn new(is_sharded: bool, channel: Box<[u8]>, payload: &[u8], as_of: u64) -> Self {
        let mut tail = Vec::with_capacity(channel.len() + payload.len() + 64);
        // Strings are the same in both versions.
        let mut encoder = Encoder::new(&mut tail, Resp::V2);
        encoder.bulk(&channel);
        encoder.bulk(payload);
        Self { is_sharded, channel, as_of, tail: Arc::new(tail) }
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
