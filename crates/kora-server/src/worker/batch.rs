//! The requests found in one stretch of a connection's bytes, before they run.
//!
//! Looking at many requests at once lets their table look-ups overlap: see [`kora_engine::turn`].

use kora_engine::turn::{Args, Commands};
use kora_protocol::{Limits, ProtocolError, RequestParser, Source, Span};

/// Most requests of one batch.
const REQUESTS_MAX: usize = 128;

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

    /// The arguments of the first request and where it ends, if both are in the bytes.
    pub(super) fn first(&self) -> Option<(&[Span], usize)> {
        let frame = self.frames.first().filter(|frame| frame.source == Source::Buffer)?;
        Some((&self.spans[frame.first_span..frame.first_span + frame.span_count], frame.end))
    }

    /// Where request `index` ends in the bytes.
    #[inline]
    pub(super) fn end(&self, index: usize) -> usize {
        self.frames[index].end
    }
}

/// The requests of a batch where they lie: in `bytes`, and in the parser.
pub(super) struct Requests<'a> {
    pub(super) batch: &'a Batch,
    pub(super) bytes: &'a [u8],
    pub(super) parser: &'a RequestParser,
}

impl Commands for Requests<'_> {
    #[inline]
    fn count(&self) -> usize {
        self.batch.frames.len()
    }

    #[inline]
    fn args(&self, index: usize) -> Args<'_> {
        let frame = &self.batch.frames[index];
        let source = match frame.source {
            Source::Buffer => &self.bytes[frame.start..frame.end],
            Source::Side => {
                let request = kora_protocol::Request { consumed: 0, source: frame.source };
                self.parser.source(&request, self.bytes)
            }
        };
        let spans = &self.batch.spans[frame.first_span..frame.first_span + frame.span_count];
        spans.iter().map(|span| span.slice(source)).collect()
    }

    #[inline]
    fn arg(&self, index: usize, at: usize) -> Option<&[u8]> {
        let frame = &self.batch.frames[index];
        if at >= frame.span_count || frame.source == Source::Side {
            return None;
        }
        Some(self.batch.spans[frame.first_span + at].slice(&self.bytes[frame.start..frame.end]))
    }

    fn size(&self, index: usize) -> usize {
        let frame = &self.batch.frames[index];
        frame.end - frame.start
    }

    fn rest(&self, index: usize) -> (usize, usize, usize) {
        let (frame, end) = (self.batch.frames[index], self.batch.end(self.batch.len() - 1));
        (self.batch.len() - index, self.batch.spans.len() - frame.first_span, end - frame.start)
    }
}
