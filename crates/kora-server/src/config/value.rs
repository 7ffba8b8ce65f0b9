//! What a directive's value can be: its shapes, how each is read from words and how it is written.
//!
//! The error texts are Redis's, since clients see them through CONFIG SET.

use kora_core::number::parse_i64;

/// A directive's value between its text and the typed field it goes into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `yes` or `no`.
    Bool(bool),
    /// A decimal number.
    Int(i64),
    /// File permissions, written in octal.
    Octal(u32),
    /// A size in bytes.
    Bytes(u64),
    /// One of the words its shape lists.
    Choice(&'static str),
    /// Any bytes.
    Text(Vec<u8>),
    /// Several words.
    Words(Vec<Vec<u8>>),
}

/// Which values a directive takes.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `yes` or `no`.
    Bool,
    /// A decimal number between two bounds, both allowed.
    Int(i64, i64),
    /// File permissions in octal, up to 0777.
    Octal,
    /// A size such as `64mb` between two bounds, both allowed.
    Bytes(u64, u64),
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
    /// One or more of these words, in any case.
    Choices(&'static [&'static str]),
    /// One argument. As in Redis it ends before a NUL, if it has one.
    Text,
    /// One argument of any bytes.
    Opaque,
    /// Any number of words, each an argument of its own or several in one with a space between two: there may be empty ones.
    Fields,
    /// Any number of words, each an argument of its own or several in one, as where they are quoted.
    Words,
}

/// Why a value is refused: the text behind the directive's name in the error.
pub type InvalidValue = String;

impl Shape {
    /// Reads the arguments that follow a directive's name.
    ///
    /// # Errors
    /// If they do not have this shape; the text is Redis's.
    pub fn parse(self, args: &[Vec<u8>]) -> Result<Setting, InvalidValue> {
        if let Self::Words = self {
            return Ok(Setting::Words(args.iter().flat_map(|arg| words_of(arg)).collect()));
        }
        if let Self::Choices(choices) = self {
            let words: Vec<Vec<u8>> = args.iter().flat_map(|arg| words_of(arg)).collect();
            let given = if words.is_empty() { vec![Vec::new()] } else { words };
            let found = given.iter().map(|word| parse_choice(word, choices).map(Into::into));
            return found.collect::<Result<_, _>>().map(Setting::Words);
        }
        if let Self::Fields = self {
            return Ok(Setting::Words(fields_of(args)));
        }
        let [whole] = args else { return Err("wrong number of arguments".into()) };
        let arg = until_nul(whole);
        match self {
            Self::Bool => parse_bool(arg).map(Setting::Bool),
            Self::Int(min, max) => parse_int(whole, min, max).map(Setting::Int),
            Self::Octal => parse_octal(arg).map(Setting::Octal),
            Self::Bytes(min, max) => {
                let bytes = parse_bytes(arg).ok_or("argument must be a memory value")?;
                in_bounds(bytes, min, max).map(Setting::Bytes)
            }
            Self::Choice(words) => parse_choice(arg, words).map(Setting::Choice),
            Self::Text => Ok(Setting::Text(arg.to_vec())),
            Self::Opaque | Self::Words | Self::Fields | Self::Choices(_) => Ok(Setting::Text(whole.clone())),
        }
    }
}

impl Setting {
    /// The value as CONFIG GET shows it.
    #[must_use]
    pub fn shown(&self) -> Vec<u8> {
        match self {
            Self::Bool(value) => if *value { "yes" } else { "no" }.into(),
            Self::Int(value) => value.to_string().into(),
            Self::Octal(value) => format!("{value:o}").into(),
            Self::Bytes(value) => value.to_string().into(),
            Self::Choice(word) => (*word).into(),
            Self::Text(bytes) => bytes.clone(),
            Self::Words(words) => words.join(&b' '),
        }
    }

    /// The value as a configuration file spells it: sizes with units, text in quotes where needed.
    #[must_use]
    pub fn spelled(&self) -> Vec<u8> {
        match self {
            Self::Bytes(value) => spell_bytes(*value).into(),
            Self::Text(bytes) => quote(bytes),
            Self::Words(words) if words.is_empty() => quote(b""),
            Self::Words(words) => words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(&b' '),
            Self::Bool(_) | Self::Int(_) | Self::Octal(_) | Self::Choice(_) => self.shown(),
        }
    }
}

fn words_of(arg: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    arg.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(<[u8]>::to_vec)
}

fn fields_of(args: &[Vec<u8>]) -> Vec<Vec<u8>> {
    if matches!(args, [only] if only.is_empty()) {
        return Vec::new();
    }
    args.iter().flat_map(|arg| arg.split(|byte| *byte == b' ')).map(<[u8]>::to_vec).collect()
}

/// What is before the first NUL of a value: Redis keeps most of them as strings of C.
#[must_use]
pub fn until_nul(arg: &[u8]) -> &[u8] {
    arg.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Reads a number as C's `strtol` does, to the end: with a sign, with zeros before it; nothing at all is 0. One that is out of range is
/// the nearest that is not.
#[must_use]
pub fn parse_number(field: &[u8]) -> Option<i64> {
    let text = until_nul(field);
    let (is_negative, digits) = match text {
        [] => return Some(0),
        [sign @ (b'+' | b'-'), digits @ ..] => (*sign == b'-', digits),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: i64, digit: &u8| {
        let (sum, digit) = (sum.saturating_mul(10), i64::from(digit - b'0'));
        if is_negative { sum.saturating_sub(digit) } else { sum.saturating_add(digit) }
    };
    Some(digits.iter().fold(0, add))
}

fn parse_bool(arg: &[u8]) -> Result<bool, InvalidValue> {
    if arg.eq_ignore_ascii_case(b"yes") {
        Ok(true)
    } else if arg.eq_ignore_ascii_case(b"no") {
        Ok(false)
    } else {
        Err("argument must be 'yes' or 'no'".into())
    }
}

fn parse_int(arg: &[u8], min: i64, max: i64) -> Result<i64, InvalidValue> {
    let value = parse_i64(arg).ok_or("argument couldn't be parsed into an integer")?;
    in_bounds(value, min, max)
}

fn parse_octal(arg: &[u8]) -> Result<u32, InvalidValue> {
    let value = std::str::from_utf8(arg).ok().and_then(|text| u32::from_str_radix(text, 8).ok());
    let value = value.ok_or("argument couldn't be parsed into an integer")?;
    if value <= 0o777 { Ok(value) } else { Err("argument must be between 0 and 777 inclusive".into()) }
}

fn parse_choice(arg: &[u8], words: &'static [&'static str]) -> Result<&'static str, InvalidValue> {
    let found = words.iter().find(|word| word.as_bytes().eq_ignore_ascii_case(arg));
    found.copied().ok_or_else(|| format!("argument(s) must be one of the following: {}", words.join(", ")))
}

fn in_bounds<T: Ord + std::fmt::Display>(value: T, min: T, max: T) -> Result<T, InvalidValue> {
    if (&min..=&max).contains(&&value) {
        Ok(value)
    } else {
        Err(format!("argument must be between {min} and {max} inclusive"))
    }
}

/// Units of sizes: those ending in `b` count in powers of 1024, the bare letters in powers of 1000.
const UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("b", 1),
    ("k", 1000),
    ("kb", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1 << 30),
];

/// Reads a size such as `100`, `1k` or `64MB`; one too large for 64 bits is the largest there is, and one without digits is 0.
#[must_use]
pub fn parse_bytes(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(unit))?;
    let number =
        number.iter().fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(number.saturating_mul(*factor))
}

fn spell_bytes(value: u64) -> String {
    for (unit, factor) in [("gb", 1u64 << 30), ("mb", 1 << 20), ("kb", 1 << 10)] {
        if value != 0 && value.is_multiple_of(factor) {
            return format!("{}{unit}", value / factor);
        }
    }
    value.to_string()
}

/// `bytes` as one word of a configuration line: bare if it can be, otherwise in double quotes with escapes.
#[must_use]
pub fn quote(bytes: &[u8]) -> Vec<u8> {
    let is_bare = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'#');
    if !bytes.is_empty() && bytes.iter().all(is_bare) {
        return bytes.to_vec();
    }
    let mut quoted = vec![b'"'];
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', byte]),
            b'\n' => quoted.extend(b"\\n"),
            b'\r' => quoted.extend(b"\\r"),
            b'\t' => quoted.extend(b"\\t"),
            b' '..=b'~' => quoted.push(byte),
            _ => quoted.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}
