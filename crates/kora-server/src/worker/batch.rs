//! The requests found in one stretch of a connection's bytes, before they run.
//!
//! Looking at many requests at once lets their table look-ups overlap: see [`super::execute`].

use kora_protocol::{Limits, ProtocolError, RequestParser, Source, Span};
use smallvec::SmallVec;

/// Most requests of one batch.
const REQUESTS_MAX: usize = 128;

/// A request's arguments while it runs.
pub(super) type Args<'a> = SmallVec<[&'a [u8]; 8]>;

/// One whole request.
#[derive(Clone, Copy, Debug)]
struct Frame {
    start: usize,
    end: usize,
    first_span: usize,
    span_count: usize,
    source: Source,
}

/// Whole requests at the beginning of some bytes. Its memory is used again and again.
#[derive(Debug, Default)]
pub(super) struct Batch {
    frames: Vec<Frame>,
    spans: Vec<Span>,
    scratch: Vec<Span>,
}

impl Batch {
    /// Finds the whole requests at the beginning of `bytes`.
    ///
    /// A request with unquoted words of its own ends the batch, since those live in the parser until its next call.
    ///
    /// # Errors
    /// If bytes behind the requests found break the protocol.
    pub(super) fn fill(
        &mut self,
        parser: &mut RequestParser,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<(), ProtocolError> {
        self.frames.clear();
        self.spans.clear();
        let mut start = 0;
        while self.frames.len() < REQUESTS_MAX && start < bytes.len() {
            let Some(request) = parser.parse(&bytes[start..], limits, &mut self.scratch)? else { break };
            let end = start + request.consumed;
            let (first_span, span_count) = (self.spans.len(), self.scratch.len());
            self.spans.extend_from_slice(&self.scratch);
            self.frames.push(Frame { start, end, first_span, span_count, source: request.source });
            start = end;
            if request.source == Source::Side {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// How many requests, arguments and bytes there are from request `index` on.
    pub(super) fn rest(&self, index: usize) -> (usize, usize, usize) {
        let (frame, end) = (self.frames[index], self.end(self.len() - 1));
        (self.len() - index, self.spans.len() - frame.first_span, end - frame.start)
    }

    /// Where request `index` ends in the bytes.
    #[inline]
    pub(super) fn end(&self, index: usize) -> usize {
        self.frames[index].end
    }

    /// Argument `at` of request `index`, if that lies in `bytes`.
    #[inline]
    pub(super) fn arg<'a>(&self, index: usize, at: usize, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let frame = &self.frames[index];
        if at >= frame.span_count || frame.source == Source::Side {
            return None;
        }
        Some(self.spans[frame.first_span + at].slice(&bytes[frame.start..frame.end]))
    }

    /// The arguments of request `index`; none if it is empty.
    #[inline]
    pub(super) fn args<'a>(&self, index: usize, bytes: &'a [u8], parser: &'a RequestParser) -> Args<'a> {
        let frame = &self.frames[index];
        let source = match frame.source {
            Source::Buffer => &bytes[frame.start..frame.end],
            Source::Side => {
                parser.source(&kora_protocol::Request { consumed: 0, source: frame.source }, bytes)
            }
        };
        let spans = &self.spans[frame.first_span..frame.first_span + frame.span_count];
        spans.iter().map(|span| span.slice(source)).collect()
    }
}
