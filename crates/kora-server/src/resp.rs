//! The core's replies as RESP: straight into a connection's output, or collected for an operation's origin.

mod frames;

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use kora_core::reply::{Gather, Reply};
use kora_core::shard::replies::Replies;
use kora_engine::front;
use kora_engine::front::OUTPUT_HIGH_WATER_BYTES;
use kora_protocol::{Encoder, ProtocolError, Resp};

use crate::output::{Output, SHARED_BYTES_MIN};
use frames::frame_length;

/// How replies to a connection are written, and collected for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) resp: Resp,
    /// Of what is collected for it, what is behind so many bytes is dropped, as it would be from its output: 0 for no limit.
    pub(crate) limit_bytes: u64,
}

impl Style {
    /// Without a limit.
    pub(crate) fn of(resp: Resp) -> Self {
        Self { resp, limit_bytes: 0 }
    }
}

/// Writes replies to the end of an output.
pub(crate) struct RespSink<'a> {
    output: &'a mut Output,
    resp: Resp,
}

impl RespSink<'_> {
    /// What a connection is told that breaks the protocol.
    pub(crate) fn protocol_error(&mut self, error: ProtocolError) {
        self.encoder().protocol_error(error);
    }

    #[inline]
    fn encoder(&mut self) -> Encoder<'_> {
        Encoder::new(self.output.open(), self.resp)
    }
}

/// The shapes of replies as RESP, in the output of a type that has an `encoder`; but for arrays.
macro_rules! encode {
    (@each $($method:ident($($name:ident: $type:ty),*)),* $(,)?) => {
        $(#[inline]
        fn $method(&mut self, $($name: $type),*) {
            self.encoder().$method($($name),*);
            self.output.close_full();
        })*
    };
    () => {
        encode!(@each
            simple(text: &str), error(text: &str), integer(value: i64), null(), null_array(), map(len: usize),
            set(len: usize), push(len: usize), boolean(value: bool), double(value: f64), big_number(digits: &str),
            attribute(len: usize),
        );

        #[inline]
        fn bulk(&mut self, bytes: &[u8]) {
            self.output.make_room(bytes.len());
            self.encoder().bulk(bytes);
            self.output.close_full();
        }

        fn bulk_shared(&mut self, bytes: &Arc<Vec<u8>>, part: Range<usize>) {
            if part.len() < SHARED_BYTES_MIN {
                return self.bulk(&bytes[part]);
            }
            self.encoder().bulk_head(part.len());
            self.output.share(bytes, part);
            self.encoder().bulk_end();
            self.output.close_full();
        }

        fn bulk_owned(&mut self, bytes: Vec<u8>) {
            if bytes.len() < SHARED_BYTES_MIN {
                return self.bulk(&bytes);
            }
            let part = 0..bytes.len();
            self.bulk_shared(&Arc::new(bytes), part);
        }

        fn bulks(&mut self, texts: &[&[u8]]) {
            if self.encoder().short_bulks(texts) {
                self.output.close_full();
            } else {
                texts.iter().for_each(|text| self.bulk(text));
            }
        }

        fn verbatim(&mut self, format: &str, text: &[u8]) {
            self.output.make_room(text.len());
            self.encoder().verbatim(format, text);
            self.output.close_full();
        }

        #[inline]
        fn is_resp3(&self) -> bool {
            self.resp == Resp::V3
        }

        fn aside(&self) -> Option<Box<dyn Gather>> {
            let style = Style { resp: self.resp, limit_bytes: self.output.limit() };
            Some(Box::new(<RespReplies as Replies>::new(style)))
        }

        fn take_in(&mut self, gathered: Box<dyn Gather>) {
            let gathered: Box<dyn Any> = gathered;
            if let Ok(gathered) = gathered.downcast::<RespReplies>() {
                self.output.take_in(gathered.output);
            }
        }

        fn is_full(&self) -> bool {
            self.output.is_overfull()
        }
    };
}

impl Reply for RespSink<'_> {
    encode!();

    #[inline]
    fn array(&mut self, len: usize) {
        self.encoder().array(len);
        self.output.close_full();
    }
}

/// Encoded replies of one part of an operation.
#[derive(Debug)]
pub(crate) struct RespReplies {
    output: Output,
    resp: Resp,
    /// Where each item's reply ends.
    ends: Vec<usize>,
    counts: Vec<i64>,
    skips_head: bool,
    next_item: usize,
    next_count: usize,
}

impl RespReplies {
    #[inline]
    fn encoder(&mut self) -> Encoder<'_> {
        Encoder::new(self.output.open(), self.resp)
    }

    /// The length of the next item's reply, which is the first in the output. Of what was dropped less is left, which nobody is sent.
    fn take_item(&mut self) -> usize {
        let start = self.next_item.checked_sub(1).map_or(0, |last| self.ends[last]);
        let end = self.ends[self.next_item];
        self.next_item += 1;
        end.saturating_sub(start).min(self.output.len())
    }
}

impl Reply for RespReplies {
    encode!();

    fn array(&mut self, len: usize) {
        if std::mem::take(&mut self.skips_head) {
            self.counts.push(i64::try_from(len).expect("a reply's length fits 63 bits"));
        } else {
            self.encoder().array(len);
            self.output.close_full();
        }
    }
}

impl Replies for RespReplies {
    type Style = Style;

    fn new(style: Style) -> Self {
        let mut output = Output::default();
        output.set_limit(style.limit_bytes);
        front::Collect::over(output, style)
    }

    fn end_item(&mut self) {
        self.skips_head = false;
        self.ends.push(self.output.end());
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
        let bytes = self.take_item();
        self.output.move_front(bytes, &mut into.output);
    }

    fn skip_item(&mut self) {
        let bytes = self.take_item();
        self.output.skip_front(bytes);
    }
}

impl front::Collect<Output> for RespReplies {
    fn over(output: Output, style: Style) -> Self {
        Self {
            output,
            resp: style.resp,
            ends: Vec::new(),
            counts: Vec::new(),
            skips_head: false,
            next_item: 0,
            next_count: 0,
        }
    }

    fn into_output(self) -> Output {
        self.output
    }

    fn failures(&self, begin: usize) -> Vec<(usize, usize)> {
        let starts = std::iter::once(begin).chain(self.ends.iter().copied());
        let is_error = |&(_, start): &(usize, usize)| self.output.text_at(start).first() == Some(&b'-');
        starts.take(self.ends.len()).enumerate().filter(is_error).collect()
    }

    fn larger_than(&self, begin: usize, bytes: usize) -> Vec<(usize, usize)> {
        if self.output.end() - begin < bytes {
            return Vec::new();
        }
        let starts = std::iter::once(begin).chain(self.ends.iter().copied());
        let sizes = starts.zip(&self.ends).map(|(start, end)| end.saturating_sub(start));
        sizes.enumerate().filter(|(_, size)| *size >= bytes).collect()
    }
}

impl front::Output<Style> for Output {
    type Sink<'a> = RespSink<'a>;

    #[inline]
    fn sink(&mut self, style: Style) -> RespSink<'_> {
        RespSink { output: self, resp: style.resp }
    }

    #[inline]
    fn end(&self) -> usize {
        self.end()
    }

    fn truncate(&mut self, position: usize) {
        self.truncate(position);
    }

    #[inline]
    fn error_at(&self, position: usize) -> Option<&[u8]> {
        if let [b'-', text @ ..] = self.text_at(position) { Some(text) } else { None }
    }

    #[inline]
    fn unsent(&self) -> usize {
        self.len()
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.len() < OUTPUT_HIGH_WATER_BYTES && !self.is_overfull()
    }

    fn append(&mut self, mut other: Self) {
        let bytes = other.len();
        other.move_front(bytes, self);
    }

    fn split_off(&mut self, kept: usize) -> Self {
        let mut before = Self::default();
        self.move_front(kept, &mut before);
        std::mem::replace(self, before)
    }

    fn refuse_from(&mut self, kept: usize, Style { resp, .. }: Style, error: &str) -> bool {
        let bytes = self.take_from(kept);
        let mut rest = bytes.as_slice();
        let mut out = Vec::new();
        while !rest.is_empty() {
            let Some(length) = frame_length(rest) else { return false };
            let (frame, behind) = rest.split_at(length);
            rest = behind;
            if resp == Resp::V3 && frame.starts_with(b">") {
                out.extend_from_slice(frame);
            } else {
                Encoder::new(&mut out, resp).error(error);
            }
        }
        self.add(&out);
        true
    }
}
