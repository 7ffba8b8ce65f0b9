//! Writes replies (a server's side) and requests (a client's side).
//!
//! A reply's shape is named by its meaning; an encoder for RESP2 renders the shapes that only RESP3 has as Redis does
//! for such clients: a map is a flat array of keys and values, a boolean 0 or 1, a double or big number a bulk string.

use crate::limits::ProtocolError;
use kora_format::double::encode_double;
use kora_format::text;

/// Version of the protocol that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resp {
    /// The version every connection starts with.
    #[default]
    V2,
    /// The version that `HELLO 3` selects.
    V3,
}

/// Bytes beside the payload of a bulk string: type, 20 digits of length, two line ends; rounded up.
const BULK_OVERHEAD_BYTES: usize = 32;

/// Appends replies to a buffer, depth first: an aggregate's head, then its elements.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    resp: Resp,
}

impl<'a> Encoder<'a> {
    /// An encoder that appends to `out`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, resp: Resp) -> Self {
        Self { out, resp }
    }

    /// The protocol version written.
    #[must_use]
    #[inline]
    pub fn resp(&self) -> Resp {
        self.resp
    }

    /// Whether RESP3 is written.
    #[must_use]
    #[inline]
    pub fn is_resp3(&self) -> bool {
        self.resp == Resp::V3
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string: the bytes that `text` stands for ([`kora_format::text`]). CR and LF in it become blanks, as they would end it.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', &text::bytes(text));
    }

    /// An error: the bytes that `text` stands for ([`kora_format::text`]), prefix included (`ERR ...`). Line ends at its end are dropped,
    /// others become blanks.
    pub fn error(&mut self, text: &str) {
        self.error_bytes(&text::bytes(text));
    }

    /// [`Self::error`], for a text that quotes arbitrary bytes.
    pub fn error_bytes(&mut self, text: &[u8]) {
        let mut text = text;
        while let [head @ .., b'\r' | b'\n'] = text {
            text = head;
        }
        self.line(b'-', text);
    }

    /// The error reply for a request that breaks the protocol.
    pub fn protocol_error(&mut self, error: ProtocolError) {
        self.error_bytes(&[b"ERR Protocol error: ".as_slice(), &error.reason()].concat());
    }

    /// An error whose text may hold any bytes; a plain error in RESP2.
    pub fn blob_error(&mut self, text: &[u8]) {
        match self.resp {
            Resp::V2 => self.error_bytes(text),
            Resp::V3 => self.blob(b'!', text),
        }
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        match u8::try_from(value) {
            Ok(digit @ 0..=9) => self.out.extend_from_slice(&[b':', digit | b'0', b'\r', b'\n']),
            _ => self.number_line(b':', itoa::Buffer::new().format(value)),
        }
    }

    /// A binary-safe string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.blob(b'$', bytes);
    }

    /// What stands before the `len` bytes of a binary-safe string; behind them comes [`Self::bulk_end`].
    #[inline]
    pub fn bulk_head(&mut self, len: usize) {
        self.head(b'$', len);
    }

    /// What stands behind the bytes of a binary-safe string.
    #[inline]
    pub fn bulk_end(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }

    /// Binary-safe strings, one behind the other: each as [`Self::bulk`] writes it. `false` if one of them has a length of three digits or
    /// more: then none is written, and they are better written one by one. The buffer grows once for all of them.
    #[inline]
    pub fn short_bulks(&mut self, texts: &[&[u8]]) -> bool {
        let lengths = texts.iter().map(|text| text.len());
        let (longest, total) =
            lengths.fold((0, 0_usize), |(longest, total), len| (len.max(longest), total.saturating_add(len)));
        if longest >= HEADS.len() {
            return false;
        }
        let begin = self.out.len();
        let room = total.saturating_add(texts.len().saturating_mul(SHORT_OVERHEAD_BYTES));
        self.out.resize(begin.saturating_add(room), 0);
        let mut rest = self.out.get_mut(begin..).unwrap_or_default();
        for text in texts {
            rest = write_short(rest, text).expect("there is room for each");
        }
        let unused = rest.len();
        self.out.truncate(self.out.len().saturating_sub(unused));
        true
    }

    /// The absent string.
    #[inline]
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.resp {
            Resp::V2 => b"$-1\r\n",
            Resp::V3 => b"_\r\n",
        });
    }

    /// The absent array: differs from [`Self::null`] in RESP2 only.
    #[inline]
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.resp {
            Resp::V2 => b"*-1\r\n",
            Resp::V3 => b"_\r\n",
        });
    }

    /// Head of an array of `len` replies.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.head(b'*', len);
    }

    /// Head of a map of `len` pairs: `2 * len` replies follow.
    pub fn map(&mut self, len: usize) {
        match self.resp {
            Resp::V2 => self.head(b'*', len.saturating_mul(2)),
            Resp::V3 => self.head(b'%', len),
        }
    }

    /// Head of an unordered collection of `len` replies.
    pub fn set(&mut self, len: usize) {
        self.head(if self.is_resp3() { b'~' } else { b'*' }, len);
    }

    /// Head of an out-of-band message of `len` replies; an array in RESP2, as pub/sub messages are there.
    pub fn push(&mut self, len: usize) {
        self.head(if self.is_resp3() { b'>' } else { b'*' }, len);
    }

    /// Head of an attribute of `len` pairs, which describes the reply after it.
    ///
    /// # Panics
    /// In debug builds, if RESP2 is written: it has nothing that a reader could skip.
    pub fn attribute(&mut self, len: usize) {
        debug_assert!(self.is_resp3(), "RESP2 has no attributes");
        self.head(b'|', len);
    }

    /// A truth value.
    pub fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(match (self.resp, value) {
            (Resp::V2, false) => b":0\r\n",
            (Resp::V2, true) => b":1\r\n",
            (Resp::V3, false) => b"#f\r\n",
            (Resp::V3, true) => b"#t\r\n",
        });
    }

    /// A double, as [`encode_double`] prints it.
    pub fn double(&mut self, value: f64) {
        let text = encode_double(value);
        match self.resp {
            Resp::V2 => self.bulk(&text),
            Resp::V3 => self.number_line(b',', text.as_str()),
        }
    }

    /// An integer of any size, in decimal digits.
    pub fn big_number(&mut self, digits: &str) {
        // A script may give what is no number.
        let digits = text::bytes(digits);
        match self.resp {
            Resp::V2 => self.bulk(&digits),
            Resp::V3 => self.line(b'(', &digits),
        }
    }

    /// Text with a three-letter format such as `txt` or `mkd`; one of another length is cut or filled up with blanks.
    pub fn verbatim(&mut self, format: &str, content: &[u8]) {
        if self.resp == Resp::V2 {
            return self.bulk(content);
        }
        self.out.reserve(content.len().saturating_add(BULK_OVERHEAD_BYTES));
        self.head(b'=', content.len().saturating_add(4));
        // A script may give any other length.
        let format = text::bytes(format);
        self.out.extend(format.iter().copied().chain(std::iter::repeat(b' ')).take(3));
        self.out.push(b':');
        self.out.extend_from_slice(content);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A type byte, a length, and the payload behind it.
    #[inline]
    fn blob(&mut self, kind: u8, bytes: &[u8]) {
        // The buffer grows once, not once for each of the three pieces.
        self.out.reserve(bytes.len().saturating_add(BULK_OVERHEAD_BYTES));
        self.head(kind, bytes.len());
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A type byte and a length. Lengths of up to two digits, nearly all there are, are written as one fixed-size piece.
    #[inline]
    fn head(&mut self, kind: u8, len: usize) {
        match u8::try_from(len) {
            Ok(digit @ 0..=9) => self.out.extend_from_slice(&[kind, digit | b'0', b'\r', b'\n']),
            Ok(short @ 10..=99) => {
                let [tens, units] = [short / 10, short % 10];
                self.out.extend_from_slice(&[kind, tens | b'0', units | b'0', b'\r', b'\n']);
            }
            _ => self.number_line(kind, itoa::Buffer::new().format(len)),
        }
    }

    /// A type byte and a number's text, which has no line ends.
    fn number_line(&mut self, kind: u8, text: &str) {
        self.out.reserve(BULK_OVERHEAD_BYTES);
        self.out.push(kind);
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// A type byte and any text, kept to one line.
    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.reserve(text.len().saturating_add(BULK_OVERHEAD_BYTES));
        self.out.push(kind);
        let one_line = |byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
        self.out.extend(text.iter().map(one_line));
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Bytes around a string of up to two digits' length, rounded up: its head is written in one piece of [`HEAD_BYTES`].
const SHORT_OVERHEAD_BYTES: usize = 16;
const HEAD_BYTES: usize = 8;

/// The line that tells the length of a bulk string, and the bytes it has.
type Head = ([u8; HEAD_BYTES], usize);

/// Those of lengths of up to two digits: nearly all that are written many at a time.
static HEADS: [Head; 100] = {
    let mut heads = [([0; HEAD_BYTES], 0); 100];
    let mut rest: &mut [Head] = &mut heads;
    let mut len = 0;
    while let [first, others @ ..] = rest {
        let [tens, units] = [b'0' + len / 10, b'0' + len % 10];
        *first = match len {
            0..10 => ([b'$', units, b'\r', b'\n', 0, 0, 0, 0], 4),
            _ => ([b'$', tens, units, b'\r', b'\n', 0, 0, 0], 5),
        };
        len += 1;
        rest = others;
    }
    heads
};

/// Writes a string to the beginning of `room`; returns what is left. `None` if its head is not among [`HEADS`], or there is no room.
#[inline]
fn write_short<'a>(room: &'a mut [u8], text: &[u8]) -> Option<&'a mut [u8]> {
    let (head, head_bytes) = HEADS.get(text.len())?;
    *room.first_chunk_mut()? = *head;
    let (_, room) = room.split_at_mut_checked(*head_bytes)?;
    let (payload, room) = room.split_at_mut_checked(text.len())?;
    payload.copy_from_slice(text);
    let (end, rest) = room.split_first_chunk_mut()?;
    *end = *b"\r\n";
    Some(rest)
}

/// Appends the request `args`, as clients send it: a multibulk array of bulk strings.
pub fn encode_request<A: AsRef<[u8]>>(out: &mut Vec<u8>, args: &[A]) {
    let mut encoder = Encoder::new(out, Resp::V2);
    encoder.array(args.len());
    for argument in args {
        encoder.bulk(argument.as_ref());
    }
}

#[cfg(test)]
mod tests;
