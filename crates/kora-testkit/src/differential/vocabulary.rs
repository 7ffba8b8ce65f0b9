//! The words that random commands are made of. Few keys and few values, so that commands meet.

/// A source of random choices (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub(crate) struct Rng(pub(super) u64);

impl Rng {
    /// The choices of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in `count` times.
    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// A place in something so long, which is not empty.
    pub(crate) fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("it is below a length")
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        let index = self.below(choices.len() as u64);
        choices[usize::try_from(index).expect("an index into a slice")]
    }
}

/// Keys: some share a slot, some are odd.
const KEYS: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"d",
    b"e",
    b"f",
    b"g",
    b"h",
    b"key:1",
    b"key:2",
    b"key:3",
    b"key:10",
    b"{t}1",
    b"{t}2",
    b"{t}3",
    b"{u}1",
    b"{u}2",
    b"counter",
    b"x{",
    b"{}y",
    b"",
    b"\0\xff\r\n",
    b"a*c",
    b"K",
];

/// Keys that only LCS reads, so that its operands stay short.
const LCS_KEYS: &[&[u8]] = &[b"{lcs}a", b"{lcs}b", b"lcs:c", b"lcs:d"];

const VALUES: &[&[u8]] = &[
    b"",
    b"0",
    b"1",
    b"-1",
    b"7",
    b"10",
    b"9999",
    b"10000",
    b"123456789",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"007",
    b" 1",
    b"1 ",
    b"+1",
    b"-0",
    b"1.5",
    b"-2.25",
    b"3.0",
    b"1e3",
    b"0.1",
    b"abc",
    b"Hello World",
    b"\0\x01\xfe\xff",
    b"a\r\nb",
    b"inf",
    b"nan",
    b"0x10",
];

const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "10",
    "-10",
    "100",
    "12345",
    "9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775807",
    "4611686018427387904",
];

const FLOATS: &[&str] = &[
    "0.1",
    "-0.1",
    "0.2",
    "1.5",
    "3",
    "-3",
    "1e3",
    "1e-5",
    "2.5e10",
    "1e20",
    "0.000001",
    "3.14159265358979",
    "-123.456",
    "1e-17",
    "5.0e3",
    "0x1p-2",
    "99999999999.99",
];

const SCORES: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "-1",
    "10",
    "100",
    "-2.5",
    "1.5",
    "0.1",
    "0.2",
    "3.14159",
    "1e3",
    "1e30",
    "inf",
    "-inf",
    "+inf",
    "-0",
    "12345.678",
    "5",
    "7",
];

const OFFSETS: &[&str] =
    &["0", "1", "2", "3", "5", "10", "30", "44", "100", "-1", "-2", "-5", "-100", "1000"];

/// Types of integers within a string.
const FIELDS: &[&str] = &[
    "u8", "i8", "u1", "i1", "u4", "i5", "u16", "i16", "i33", "u63", "i64", "u7", "i12", "u64", "i65", "u0",
    "x8",
];

const INDEXES: &[&str] = &[
    "0", "0", "1", "2", "3", "5", "8", "13", "21", "50", "200", "-1", "-1", "-2", "-3", "-7", "-20", "-100",
];

const PATTERNS: &[&str] = &[
    "*",
    "a*",
    "*1",
    "key:?",
    "key:*",
    "{t}*",
    "[a-c]",
    "[^a-c]",
    "?",
    "a\\*c",
    "",
    "nothing",
    "k[e]y:[1-2]",
    "*{*",
];

const HASH_FIELDS: &[&str] = &["a", "b", "c", "name", "1", "2", "-3", "007", "", "field:with:a:longer:name"];

const TYPES: &[&str] = &["string", "STRING", "list", "hash", "zset"];

/// What is no number, or none that makes a short deadline.
const JUNK: &[&[u8]] = &[
    b"",
    b"abc",
    b"-1",
    b"0",
    b"1.5",
    b" 1",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"NX",
    b"GET",
    b"\0",
];

/// Moments so far away that every server agrees whether they are past.
const SECONDS_AT: &[&str] =
    &["1", "33177117420", "33177117421", "20000000000", "9223372036854775", "-1", "0"];

const MILLISECONDS_AT: &[&str] = &[
    "1",
    "33177117420123",
    "33177117420124",
    "33177117420500",
    "20000000000000",
    "9223372036854775807",
    "-1",
    "0",
];

/// The shortest and the longest deadline, in seconds from now, that may decide a comparison: chosen so widely that
/// two of them are practically never as close as servers are late.
const SECONDS: std::ops::Range<u64> = 100_000..1_000_100_000;

/// Fills in a placeholder such as `<key>`; any other word stands for itself.
pub(super) fn fill(word: &str, rng: &mut Rng) -> Vec<u8> {
    let text = match word {
        "<key>" => return rng.pick(KEYS).to_vec(),
        "<lcs-key>" => return rng.pick(LCS_KEYS).to_vec(),
        "<lcs-value>" => return letters(rng),
        "<sketch-key>" => rng.pick(&["sketch:1", "sketch:2", "{t}sketch", "sketch:3"]),
        "<element>" => return number(rng.below(20_000)),
        "<stream>" => rng.pick(&["stream:1", "stream:2", "{t}stream", "stream:3"]),
        "<new-id>" => return new_id(rng),
        "<stream-id>" => return stream_id(rng),
        "<range-end>" => return range_end(rng),
        "<group>" => rng.pick(&["g", "g", "h", "i"]),
        "<group-id>" => return if rng.one_in(3) { b"$".to_vec() } else { stream_id(rng) },
        "<consumer>" => rng.pick(&["alice", "bob", "carol"]),
        "<block-entries>" => rng.pick(&["1", "2", "3", "5", "10", "100", "0"]),
        "<bit-offset>" => return bit_offset(rng),
        "<hash-field>" => rng.pick(HASH_FIELDS),
        "<expire-if>" => rng.pick(&["NX", "XX", "GT", "LT", "gt"]),
        "<set-if>" => rng.pick(&["FNX", "FXX", "fxx"]),
        "<field>" => rng.pick(FIELDS),
        "<value>" => return value(rng),
        "<item>" => return item(rng),
        "<lex-key>" => rng.pick(&["{t}names", "names:1", "names:2"]),
        "<geo-key>" => rng.pick(&["{t}geo", "geo:1", "geo:2"]),
        "<geo-result>" => rng.pick(&["{t}near", "near:1", "near:2"]),
        "<member>" => return member(rng),
        "<zset-member>" => return zset_member(rng),
        "<score>" => rng.pick(SCORES),
        "<score-end>" => return score_end(rng),
        "<lex-end>" => return lex_end(rng),
        "<zadd-option>" => rng.pick(&["NX", "XX", "GT", "LT", "CH", "INCR", "nx", "ch"]),
        "<geoadd-option>" => rng.pick(&["NX", "XX", "CH", "ch", "GT"]),
        "<place>" => return [b"place:".to_vec(), number(rng.below(60))].concat(),
        "<longitude>" => return degrees(rng, 180),
        "<latitude>" => return degrees(rng, 85),
        "<radius>" => rng.pick(&["0", "1", "50.5", "200", "1000", "3000", "8000", "20000", "-1", "x"]),
        "<unit>" => rng.pick(&["m", "km", "km", "km", "ft", "mi", "KM"]),
        "<short>" => return short(rng),
        "<junk>" => return rng.pick(JUNK).to_vec(),
        "<integer>" => rng.pick(INTEGERS),
        "<float>" => rng.pick(FLOATS),
        "<offset>" => rng.pick(OFFSETS),
        "<count>" => rng.pick(&["0", "1", "2", "3", "5", "10", "100"]),
        "<end>" => rng.pick(&["LEFT", "RIGHT", "left", "right"]),
        "<index>" => rng.pick(INDEXES),
        "<side>" => rng.pick(&["BEFORE", "AFTER", "before", "after"]),
        "<pattern>" => rng.pick(PATTERNS),
        "<type>" => rng.pick(TYPES),
        "<at>" => rng.pick(SECONDS_AT),
        "<at-ms>" => rng.pick(MILLISECONDS_AT),
        "<db>" => rng.pick(&["0", "0", "1", "1", "2", "3", "15", "16"]),
        "<soon-ms>" => rng.pick(&["1", "2", "5", "10"]),
        "<seconds>" => return number(SECONDS.start + rng.below(SECONDS.end - SECONDS.start)),
        "<ms>" => return number((SECONDS.start + rng.below(SECONDS.end - SECONDS.start)) * 1000),
        literal => literal,
    };
    text.as_bytes().to_vec()
}

fn number(value: u64) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.below(10) {
        0 => number(rng.next() >> 1),
        1 => rng.pick(&[&b"x"[..], b"ab", b"\xff"]).repeat(usize::from(rng.next().to_le_bytes()[0])),
        2 if rng.one_in(4) => b"long ".repeat(1000),
        _ => rng.pick(VALUES).to_vec(),
    }
}

/// The ID of an entry to be added: mostly above all others.
fn new_id(rng: &mut Rng) -> Vec<u8> {
    match rng.below(40) {
        0 => stream_id(rng),
        1..10 => format!("{}-*", 1 + rng.below(40)).into_bytes(),
        10 => b"41".to_vec(),
        _ => b"40-*".to_vec(),
    }
}

/// An ID that some entries have.
fn stream_id(rng: &mut Rng) -> Vec<u8> {
    match rng.below(30) {
        0 => rng
            .pick(&["0", "0-0", "18446744073709551615-18446744073709551615", "x", "-", "1-"])
            .as_bytes()
            .to_vec(),
        1..8 => number(rng.below(42)),
        8..15 => format!("{}-{}", rng.below(41), rng.below(4)).into_bytes(),
        _ => format!("40-{}", rng.below(60)).into_bytes(),
    }
}

fn range_end(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0..2 => b"-".to_vec(),
        2..4 => b"+".to_vec(),
        4 => [b"(".to_vec(), stream_id(rng)].concat(),
        _ => stream_id(rng),
    }
}

/// Offsets of bits, or of integers; none so far off that strings become large.
fn bit_offset(rng: &mut Rng) -> Vec<u8> {
    match rng.below(30) {
        0 => rng.pick(&["-1", "4294967296", "9223372036854775808", "x", "", "#-1", "#x"]).as_bytes().to_vec(),
        1..4 => [b"#".to_vec(), number(rng.below(30))].concat(),
        4..8 => number(rng.below(4000)),
        _ => number(rng.below(200)),
    }
}

/// What collections hold: few short ones, so that some are met again, and some of the length at which nodes fill up.
fn item(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0 => rng.pick(&[&b"m"[..], b"nn", b"-77"]).repeat(usize::from(rng.next().to_le_bytes()[0])),
        1 => rng.pick(&[&b"long "[..], b"4 "]).repeat(1000),
        2 if rng.one_in(4) => b"very long ".repeat(1000),
        3 => value(rng),
        _ => rng
            .pick(&[&b"a"[..], b"b", b"c", b"", b"1", b"-1", b"300", b"70000", b"5000000000", b"0x"])
            .to_vec(),
    }
}

/// Members of sets: mostly integers, so that some sets have no others, and few words.
fn member(rng: &mut Rng) -> Vec<u8> {
    match rng.below(40) {
        0 => item(rng),
        1 => value(rng),
        2..8 => format!("w{}", rng.below(150)).into_bytes(),
        8..12 => number(rng.below(100_000)),
        12..24 => number(rng.below(800)),
        _ => number(rng.below(20)),
    }
}

/// Members of sorted sets: some so long that the set is large from then on.
fn zset_member(rng: &mut Rng) -> Vec<u8> {
    match rng.below(80) {
        0 => b"long member ".repeat(6),
        1..10 => rng.pick(VALUES).to_vec(),
        10..40 => letters(rng)[..].iter().take(2).copied().collect(),
        _ => [b"m:".to_vec(), number(rng.below(100))].concat(),
    }
}

/// An end of a range of scores.
fn score_end(rng: &mut Rng) -> Vec<u8> {
    let score = if rng.one_in(40) { rng.pick(JUNK).to_vec() } else { rng.pick(SCORES).as_bytes().to_vec() };
    if rng.one_in(3) { [b"(".to_vec(), score].concat() } else { score }
}

/// An end of a range of names.
fn lex_end(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0..3 => b"-".to_vec(),
        3..6 => b"+".to_vec(),
        6 if rng.one_in(4) => rng.pick(JUNK).to_vec(),
        6..9 => [b"[".to_vec(), zset_member(rng)].concat(),
        _ => [b"(".to_vec(), zset_member(rng)].concat(),
    }
}

/// Degrees of longitude or latitude: most of them in one part of the world.
fn degrees(rng: &mut Rng, max: u64) -> Vec<u8> {
    let millionths = match rng.below(20) {
        0 => {
            return rng
                .pick(&["180", "-180", "85.05112878", "-85.05112878", "0", "85.1", "x"])
                .as_bytes()
                .to_vec();
        }
        1..5 => rng.below(max * 2_000_000),
        _ => max * 1_000_000 + rng.below(20_000_000),
    };
    let sign = if millionths < max * 1_000_000 { "-" } else { "" };
    let millionths = millionths.abs_diff(max * 1_000_000);
    format!("{sign}{}.{:06}", millionths / 1_000_000, millionths % 1_000_000).into_bytes()
}

/// A text that replies show in full.
fn short(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => rng.pick(&[&b"m"[..], b"n"]).repeat(usize::from(rng.next().to_le_bytes()[0])),
        1 => rng.pick(VALUES).to_vec(),
        _ => rng.pick(&[&b"a"[..], b"b", b"", b"1", b"-1", b"300", b"70000", b"5000000000"]).to_vec(),
    }
}

fn letters(rng: &mut Rng) -> Vec<u8> {
    let count = rng.below(40);
    (0..count).map(|_| *rng.pick(&[&b'a', &b'b', &b'c', &b'd'])).collect()
}
