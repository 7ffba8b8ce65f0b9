//! Inputs for the fuzz bodies, from a seed.

use super::encode_request;

/// What streams of requests are made of.
const REQUEST_TOKENS: &[&[u8]] = &[
    b"*1\r\n",
    b"*2\r\n",
    b"*3\r\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"*",
    b"$",
    b"$0\r\n\r\n",
    b"$1\r\na\r\n",
    b"$4\r\nPING\r\n",
    b"$10\r\n0123456789\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b"-",
    b"0",
    b"1",
    b"7",
    b"99",
    b"4294967296",
    b"2147483648",
    b"99999999999999999999",
    b"PING",
    b" ",
    b"\t",
    b"\x0b",
    b"\"",
    b"'",
    b"\\",
    b"\\x4",
    b"\\x41",
    b"\0",
    b"\xff",
    b"a",
];

/// What streams of replies are made of.
const REPLY_TOKENS: &[&[u8]] = &[
    b"+OK\r\n",
    b"-ERR\r\n",
    b":1\r\n",
    b":-0\r\n",
    b"$1\r\na\r\n",
    b"$0\r\n\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*1\r\n",
    b"*2\r\n",
    b"%1\r\n",
    b"%0\r\n",
    b"~2\r\n",
    b">1\r\n",
    b"|1\r\n",
    b"|0\r\n",
    b"_\r\n",
    b"#t\r\n",
    b"#f\r\n",
    b",1.5\r\n",
    b",nan\r\n",
    b",inf\r\n",
    b"(12345678901234567890\r\n",
    b"=5\r\ntxt:a\r\n",
    b"!3\r\nERR\r\n",
    b"*4294967296\r\n",
    b"$9223372036854775807\r\n",
    b"%9223372036854775807\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b"1",
    b"a",
    b"*",
    b"$",
    b"\0",
];

/// A stream of inputs, the same for the same seed.
pub(super) struct Generator {
    state: u64,
    stream: Vec<u8>,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed, stream: Vec::new() }
    }

    /// Where the next stream is to be cut.
    pub(super) fn cuts(&mut self) -> [usize; 2] {
        [self.below(48), self.below(48)]
    }

    pub(super) fn request_stream(&mut self) -> &[u8] {
        self.stream.clear();
        match self.below(4) {
            0 | 1 => {
                for _ in 0..=self.below(2) {
                    self.push_request();
                }
            }
            _ => self.push_tokens(REQUEST_TOKENS),
        }
        self.damage();
        &self.stream
    }

    pub(super) fn reply_stream(&mut self) -> &[u8] {
        self.stream.clear();
        self.push_tokens(REPLY_TOKENS);
        self.damage();
        &self.stream
    }

    fn push_request(&mut self) {
        const TEXT: [u8; 300] = [b'v'; 300];
        let mut arguments: [&[u8]; 4] = [b""; 4];
        for argument in &mut arguments {
            let longest = if self.below(8) == 0 { TEXT.len() } else { 20 };
            *argument = TEXT.get(..self.below(longest)).unwrap_or_default();
        }
        let count = self.below(arguments.len()).saturating_add(1);
        encode_request(&mut self.stream, arguments.get(..count).unwrap_or_default());
    }

    fn push_tokens(&mut self, tokens: &[&[u8]]) {
        for _ in 0..self.below(12) {
            let token = tokens.get(self.below(tokens.len())).copied().unwrap_or_default();
            self.stream.extend_from_slice(token);
        }
    }

    /// Changes, drops or cuts off bytes, in half of the streams.
    fn damage(&mut self) {
        for _ in 0..self.below(6).saturating_sub(2) {
            if self.stream.is_empty() {
                return;
            }
            let place = self.below(self.stream.len());
            match self.below(8) {
                0 => self.stream.truncate(place),
                1 | 2 => drop(self.stream.remove(place)),
                _ => {
                    let [byte, ..] = self.next().to_le_bytes();
                    self.stream.insert(place, byte);
                }
            }
        }
    }

    /// A number below `bound`; 0 if there is none. Slightly uneven, which does not matter here.
    fn below(&mut self, bound: usize) -> usize {
        let [.., a, b, c, d] = self.next().to_be_bytes();
        (u32::from_be_bytes([a, b, c, d]) as usize).checked_rem(bound).unwrap_or(0)
    }

    /// `SplitMix64` (Steele, Lea and Flood 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
