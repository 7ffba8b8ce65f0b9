//! The core's replies as RESP: straight into a connection's output, or collected for an operation's origin.

use kora_core::forward_reply;
use kora_core::reply::Reply;
use kora_core::shard::replies::Replies;
use kora_protocol::{Encoder, ProtocolError, Resp};

/// Writes replies to the end of a buffer.
pub(crate) struct RespSink<'a> {
    encoder: Encoder<'a>,
}

impl<'a> RespSink<'a> {
    #[inline]
    pub(crate) fn new(out: &'a mut Vec<u8>, resp: Resp) -> Self {
        Self { encoder: Encoder::new(out, resp) }
    }

    /// What a connection is told that breaks the protocol.
    pub(crate) fn protocol_error(&mut self, error: ProtocolError) {
        self.encoder.protocol_error(error);
    }
}

impl Reply for RespSink<'_> {
    forward_reply!(encoder);

    #[inline]
    fn array(&mut self, len: usize) {
        self.encoder.array(len);
    }

    #[inline]
    fn is_resp3(&self) -> bool {
        self.encoder.is_resp3()
    }
}

/// Encoded replies of one part of an operation.
#[derive(Debug)]
pub(crate) struct RespReplies {
    bytes: Vec<u8>,
    resp: Resp,
    /// Where each item's reply ends.
    ends: Vec<usize>,
    counts: Vec<i64>,
    skips_head: bool,
    next_item: usize,
    next_count: usize,
}

impl RespReplies {
    /// A collection that goes on at the end of `bytes`, to put an operation's replies together in a connection's
    /// output.
    pub(crate) fn over(bytes: Vec<u8>, resp: Resp) -> Self {
        Self {
            bytes,
            resp,
            ends: Vec::new(),
            counts: Vec::new(),
            skips_head: false,
            next_item: 0,
            next_count: 0,
        }
    }

    /// Which items are errors, and where their texts begin, when the first item began at `begin`.
    pub(crate) fn failures(&self, begin: usize) -> Vec<(usize, usize)> {
        let starts = std::iter::once(begin).chain(self.ends.iter().copied());
        let is_error = |&(_, start): &(usize, usize)| self.bytes.get(start) == Some(&b'-');
        starts
            .take(self.ends.len())
            .enumerate()
            .filter(is_error)
            .map(|(index, start)| (index, start + 1))
            .collect()
    }

    /// All bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    #[inline]
    fn encoder(&mut self) -> Encoder<'_> {
        Encoder::new(&mut self.bytes, self.resp)
    }

    /// The range of the next item's reply.
    fn take_item(&mut self) -> std::ops::Range<usize> {
        let start = self.next_item.checked_sub(1).map_or(0, |last| self.ends[last]);
        let end = self.ends[self.next_item];
        self.next_item += 1;
        start..end
    }
}

macro_rules! encode {
    ($($method:ident($($name:ident: $type:ty),*)),* $(,)?) => {
        $(#[inline]
        fn $method(&mut self, $($name: $type),*) {
            self.encoder().$method($($name),*);
        })*
    };
}

impl Reply for RespReplies {
    encode!(
        simple(text: &str), error(text: &str), integer(value: i64), bulk(bytes: &[u8]), null(), null_array(),
        map(len: usize), set(len: usize), push(len: usize), boolean(value: bool), double(value: f64),
        big_number(digits: &str), verbatim(format: &str, text: &[u8]), attribute(len: usize),
    );

    fn array(&mut self, len: usize) {
        if std::mem::take(&mut self.skips_head) {
            self.counts.push(i64::try_from(len).expect("a reply's length fits 63 bits"));
        } else {
            self.encoder().array(len);
        }
    }

    fn is_resp3(&self) -> bool {
        self.resp == Resp::V3
    }
}

impl Replies for RespReplies {
    type Style = Resp;

    fn new(resp: Resp) -> Self {
        Self::over(Vec::new(), resp)
    }

    fn end_item(&mut self) {
        self.skips_head = false;
        self.ends.push(self.bytes.len());
    }

    fn begin_elements(&mut self) {
        self.skips_head = true;
    }

    fn push_count(&mut self, count: i64) {
        self.counts.push(count);
    }

    fn next_count(&mut self) -> i64 {
        self.next_count += 1;
        self.counts.get(self.next_count - 1).copied().unwrap_or_default()
    }

    fn move_item(&mut self, into: &mut Self) {
        let item = self.take_item();
        into.bytes.extend_from_slice(&self.bytes[item]);
    }

    fn skip_item(&mut self) {
        self.take_item();
    }
}
