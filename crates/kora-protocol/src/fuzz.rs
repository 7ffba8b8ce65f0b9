//! Bodies of the fuzz targets: functions that take any bytes and panic if a promise of this crate is broken.
//!
//! The promise checked first is that the pieces in which bytes arrive make no difference. The same bodies are run by
//! coverage-guided targets (`fuzz/`), on the corpus kept there, and on inputs generated from a seed: mostly shaped like
//! the protocol, so that they come further than the first byte, and broken in a few places.

mod generate;

use crate::request::{Request, RequestParser, Source, Span};
use crate::{DecodeError, Decoder, Frame, Limits, ProtocolError, encode_request, split_line};
use generate::Generator;

/// What a run met. A generator that only makes rubbish would show here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Inputs tried.
    pub inputs: u64,
    /// Requests or replies found in them.
    pub frames: u64,
    /// Inputs that ended in an error.
    pub refused: u64,
}

impl Tally {
    /// Both tallies together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            inputs: self.inputs.saturating_add(other.inputs),
            frames: self.frames.saturating_add(other.frames),
            refused: self.refused.saturating_add(other.refused),
        }
    }
}

/// Checks `count` generated streams of requests.
///
/// # Panics
/// If one of them breaks a promise; the message holds the input.
#[must_use]
pub fn requests(seed: u64, count: u64) -> Tally {
    let mut generator = Generator::new(seed);
    let mut check = RequestCheck::default();
    for _ in 0..count {
        let cuts = generator.cuts();
        check.run(generator.request_stream(), cuts);
    }
    check.tally
}

/// Checks `count` generated streams of replies.
///
/// # Panics
/// If one of them breaks a promise; the message holds the input.
#[must_use]
pub fn replies(seed: u64, count: u64) -> Tally {
    let mut generator = Generator::new(seed);
    let mut tally = Tally::default();
    for _ in 0..count {
        let cuts = generator.cuts();
        tally = tally.plus(check_replies(generator.reply_stream(), cuts));
    }
    tally
}

/// Checks one stream of requests; its first two bytes say where it is cut.
pub fn request_input(input: &[u8]) {
    let (cuts, stream) = cuts_of(input);
    RequestCheck::default().run(stream, cuts);
}

/// Checks one stream of replies; its first two bytes say where it is cut.
pub fn reply_input(input: &[u8]) {
    let (cuts, stream) = cuts_of(input);
    check_replies(stream, cuts);
}

/// Checks that a line splits into words that, quoted, split into themselves.
pub fn line_input(line: &[u8]) {
    let Ok(words) = split_line(line) else { return };
    let mut quoted = Vec::new();
    for byte_of_word in words.iter().map(|word| word.iter().map(|byte| format!("\\x{byte:02x}"))) {
        quoted.extend(format!("\"{}\" ", byte_of_word.collect::<String>()).bytes());
    }
    assert_eq!(split_line(&quoted), Ok(words), "{}", line.escape_ascii());
}

fn cuts_of(input: &[u8]) -> ([usize; 2], &[u8]) {
    match input.split_first_chunk::<2>() {
        Some((&[first, second], stream)) => ([usize::from(first), usize::from(second)], stream),
        None => ([0, 0], input),
    }
}

type Parsed = Result<Option<Request>, ProtocolError>;

/// Two parsers that must agree, with their buffers kept from input to input.
#[derive(Default)]
struct RequestCheck {
    at_once: RequestParser,
    in_pieces: RequestParser,
    spans: Vec<Span>,
    spans_in_pieces: Vec<Span>,
    tally: Tally,
}

impl RequestCheck {
    fn run(&mut self, stream: &[u8], cuts: [usize; 2]) {
        self.tally.inputs = self.tally.inputs.saturating_add(1);
        let limits = match cuts {
            [first, second] if first > second => Limits::new(64),
            [first, second] if first == second => Limits::unauthenticated(512 << 20),
            _ => Limits::default(),
        };
        let mut rest = stream;
        loop {
            let parsed = self.at_once.parse(rest, &limits, &mut self.spans);
            let parsed_in_pieces = self.parse_in_pieces(rest, &limits, cuts);
            assert_eq!(parsed, parsed_in_pieces, "{}", stream.escape_ascii());
            match parsed {
                Ok(Some(request)) => rest = self.check_request(request, rest),
                Ok(None) => break assert!(self.spans.is_empty() && self.spans_in_pieces.is_empty()),
                Err(_) => break self.tally.refused = self.tally.refused.saturating_add(1),
            }
            self.tally.frames = self.tally.frames.saturating_add(1);
        }
        self.at_once.reset();
        self.in_pieces.reset();
    }

    /// Offers ever longer beginnings of `buf`, the last of them all of it, until one is decided.
    fn parse_in_pieces(&mut self, buf: &[u8], limits: &Limits, cuts: [usize; 2]) -> Parsed {
        let [first, second] = cuts;
        for piece in
            [buf.get(..first.min(second)), buf.get(..first.max(second)), Some(buf)].into_iter().flatten()
        {
            let parsed = self.in_pieces.parse(piece, limits, &mut self.spans_in_pieces);
            if parsed != Ok(None) {
                return parsed;
            }
        }
        Ok(None)
    }

    /// Checks that the arguments lie in the frame, one after the other, and are the same for both parsers; returns
    /// what follows the frame.
    fn check_request<'a>(&self, request: Request, buf: &'a [u8]) -> &'a [u8] {
        assert_eq!(self.spans, self.spans_in_pieces);
        let source = self.at_once.source(&request, buf);
        if request.source == Source::Side {
            assert_eq!(source, self.in_pieces.source(&request, buf));
        }
        let mut previous_end = 0;
        for span in &self.spans {
            assert!(previous_end <= span.start && span.start <= span.end);
            previous_end = span.end;
        }
        assert!(previous_end as usize <= source.len().min(request.consumed));
        assert!(request.consumed > 0);
        buf.get(request.consumed..).expect("a frame ends in its buffer")
    }
}

fn check_replies(stream: &[u8], cuts: [usize; 2]) -> Tally {
    let at_once = decode(&[stream]);
    let [first, second] = cuts.map(|cut| cut.min(stream.len()));
    let (head, rest) = stream.split_at(first.min(second));
    let (middle, tail) = rest.split_at(first.abs_diff(second));
    let in_pieces = decode(&[head, middle, tail]);
    // NaN is unequal to itself, but not its text.
    let same = at_once == in_pieces || format!("{at_once:?}") == format!("{in_pieces:?}");
    assert!(same, "{}", stream.escape_ascii());
    let (frames, error) = at_once;
    Tally { inputs: 1, frames: frames.len() as u64, refused: u64::from(error.is_some()) }
}

fn decode(pieces: &[&[u8]]) -> (Vec<Frame>, Option<DecodeError>) {
    let (mut decoder, mut frames) = (Decoder::new(), Vec::new());
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests may panic")]
mod tests;
