//! What subscribers are sent, as RESP.

use std::sync::LazyLock;

use kora_engine::pubsub::Via;
use kora_protocol::{Encoder, Resp};

/// What precedes a publication's channel and payload, by version of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    resp2: Vec<u8>,
    resp3: Vec<u8>,
}

static MESSAGE: LazyLock<Head> = LazyLock::new(|| Head::new(3, &[b"message"]));
static SHARDED_MESSAGE: LazyLock<Head> = LazyLock::new(|| Head::new(3, &[b"smessage"]));

impl Head {
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

    /// Calls `body` with the head of what reaches subscribers so.
    pub(crate) fn with<T>(via: Via<'_>, body: impl FnOnce(&Self) -> T) -> T {
        match via {
            Via::Channel => body(&MESSAGE),
            Via::ShardChannel => body(&SHARDED_MESSAGE),
            Via::Pattern(pattern) => body(&Self::new(4, &[b"pmessage", pattern])),
        }
    }

    /// The bytes in a version of the protocol.
    pub(crate) fn of(&self, resp: Resp) -> &[u8] {
        match resp {
            Resp::V2 => &self.resp2,
            Resp::V3 => &self.resp3,
        }
    }
}

/// Channel and payload, which follow the head in both versions of the protocol.
pub(crate) fn tail(channel: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut tail = Vec::with_capacity(channel.len() + payload.len() + 64);
    let mut encoder = Encoder::new(&mut tail, Resp::V2);
    encoder.bulk(channel);
    encoder.bulk(payload);
    tail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(via: Via<'_>, resp: Resp) -> String {
        let bytes = Head::with(via, |head| [head.of(resp), &tail(b"news", b"hello")].concat());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_message_is_an_array_or_a_push() {
        let channel = message(Via::Channel, Resp::V2);
        assert_eq!(channel, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
        let pattern = message(Via::Pattern(b"n*"), Resp::V3);
        assert_eq!(pattern, ">4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
        let sharded = message(Via::ShardChannel, Resp::V3);
        assert_eq!(sharded, ">3\r\n$8\r\nsmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
    }
}
