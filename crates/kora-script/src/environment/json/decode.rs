//! From JSON to Lua values.
//!
//! The parser keeps its own stack of open tables, so the depth of a text cannot exhaust the thread's.

use mlua::{Lua, Table, Value};

use super::super::native::{self, Arguments, Failure, Outcome, STACK_MAX};
use super::super::number;
use super::{NULL, Settings};

/// `cjson.decode(text)`.
pub(super) fn decode(lua: &Lua, arguments: &Arguments, settings: &Settings) -> Outcome {
    if arguments.len() != 1 {
        return Err(Failure::argument(1, "expected 1 argument"));
    }
    let text = arguments.bytes(1)?;
    if matches!(text.get(..2), Some([0, _] | [_, 0])) {
        return Err(Failure::message("JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut parser = Parser { lua, settings, text: &text, at: 0, top: 1, scratch: Vec::new() };
    let value = parser.document()?;
    native::one(lua, value)
}

/// A token, with a value if it stands for one.
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Colon,
    Comma,
    End,
    /// The bytes are in the parser's scratch space.
    String,
    Number(f64),
    Boolean(bool),
    Null,
    Error(&'static str),
}

impl Token {
    fn name(&self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::End => "T_END",
            Self::String => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::Error(problem) => problem,
        }
    }
}

/// A table that is being read, and where its next value goes.
enum Open {
    Array(Table, i64),
    Object(Table, mlua::LuaString),
}

struct Parser<'a> {
    lua: &'a Lua,
    settings: &'a Settings,
    text: &'a [u8],
    at: usize,
    /// How high the stack of Lua would stand in the C library, whose limit bounds the depth.
    top: usize,
    scratch: Vec<u8>,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Value, Failure> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let (token, start) = self.token();
            let mut value = match token {
                Token::String => Value::String(self.lua.create_string(&self.scratch)?),
                Token::Number(number) => Value::Number(number),
                Token::Boolean(value) => Value::Boolean(value),
                Token::Null => Value::LightUserData(NULL),
                Token::ArrayBegin => match self.array(&mut open)? {
                    Some(empty) => empty,
                    None => continue,
                },
                Token::ObjectBegin => match self.object(&mut open)? {
                    Some(empty) => empty,
                    None => continue,
                },
                other => return Err(unexpected("value", &other, start)),
            };
            // Every table that ends here is the value of the one around it.
            loop {
                let Some(last) = open.last_mut() else {
                    let (token, start) = self.token();
                    return if matches!(token, Token::End) {
                        Ok(value)
                    } else {
                        Err(unexpected("the end", &token, start))
                    };
                };
                let (token, start) = self.token();
                match (last, token) {
                    (Open::Array(table, index), Token::Comma) => {
                        table.raw_set(*index, value)?;
                        *index += 1;
                    }
                    (Open::Object(table, key), Token::Comma) => {
                        table.raw_set(&*key, value)?;
                        *key = self.key(None)?;
                    }
                    (Open::Array(table, index), Token::ArrayEnd) => {
                        table.raw_set(*index, value)?;
                        value = Value::Table(table.clone());
                        open.pop();
                        self.top -= 1;
                        continue;
                    }
                    (Open::Object(table, key), Token::ObjectEnd) => {
                        table.raw_set(&*key, value)?;
                        value = Value::Table(table.clone());
                        open.pop();
                        self.top -= 2;
                        continue;
                    }
                    (Open::Array(..), token) => return Err(unexpected("comma or array end", &token, start)),
                    (Open::Object(..), token) => {
                        return Err(unexpected("comma or object end", &token, start));
                    }
                }
                break;
            }
        }
    }

    /// Opens an array; one that ends at once is returned.
    fn array(&mut self, open: &mut Vec<Open>) -> Result<Option<Value>, Failure> {
        self.descend(open.len() + 1, 2)?;
        let table = self.lua.create_table()?;
        let start = self.at;
        if matches!(self.token().0, Token::ArrayEnd) {
            return Ok(Some(Value::Table(table)));
        }
        self.at = start;
        self.top += 1;
        open.push(Open::Array(table, 1));
        Ok(None)
    }

    /// Opens an object and reads its first key; one that ends at once is returned.
    fn object(&mut self, open: &mut Vec<Open>) -> Result<Option<Value>, Failure> {
        self.descend(open.len() + 1, 3)?;
        let table = self.lua.create_table()?;
        let first = self.token();
        if matches!(first.0, Token::ObjectEnd) {
            return Ok(Some(Value::Table(table)));
        }
        let key = self.key(Some(first))?;
        self.top += 2;
        open.push(Open::Object(table, key));
        Ok(None)
    }

    /// A key and its colon; `first` is the key's token, if it was read.
    fn key(&mut self, first: Option<(Token, usize)>) -> Result<mlua::LuaString, Failure> {
        let (token, start) = first.unwrap_or_else(|| self.token());
        if !matches!(token, Token::String) {
            return Err(unexpected("object key string", &token, start));
        }
        let key = self.lua.create_string(&self.scratch)?;
        match self.token() {
            (Token::Colon, _) => Ok(key),
            (token, start) => Err(unexpected("colon", &token, start)),
        }
    }

    fn descend(&self, depth: usize, slots: usize) -> Result<(), Failure> {
        let allowed = usize::try_from(self.settings.decode_max_depth.get()).unwrap_or(0);
        if depth <= allowed && self.top + slots <= STACK_MAX {
            return Ok(());
        }
        let text = format!("Found too many nested data structures ({depth}) at character {}", self.at);
        Err(Failure::message(text))
    }

    /// A zero ends the text, as in C.
    fn peek(&self, offset: usize) -> u8 {
        self.text.get(self.at + offset).copied().unwrap_or(0)
    }

    /// The next token and where it starts, or where the error in it is.
    fn token(&mut self) -> (Token, usize) {
        while matches!(self.peek(0), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let start = self.at;
        let single = match self.peek(0) {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b':' => Token::Colon,
            b',' => Token::Comma,
            0 => return (Token::End, start),
            _ => return self.long_token(start),
        };
        self.at += 1;
        (single, start)
    }

    fn long_token(&mut self, start: usize) -> (Token, usize) {
        let rest = self.text.get(start..).unwrap_or_default();
        let invalid_allowed = self.settings.decode_invalid_numbers.get();
        for (word, token) in
            [("true", Token::Boolean(true)), ("false", Token::Boolean(false)), ("null", Token::Null)]
        {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return (token, start);
            }
        }
        match self.peek(0) {
            b'"' => {
                let token = self.string();
                let place = if matches!(token, Token::Error(_)) { self.at } else { start };
                (token, place)
            }
            b'-' | b'0'..=b'9' if invalid_allowed || !is_invalid_number(rest) => (self.number(rest), start),
            b'-' | b'0'..=b'9' => (Token::Error("invalid number"), start),
            b'+' | b'i' | b'I' | b'n' | b'N' if invalid_allowed && is_invalid_number(rest) => {
                (self.number(rest), start)
            }
            _ => (Token::Error("invalid token"), start),
        }
    }

    fn number(&mut self, rest: &[u8]) -> Token {
        match number::prefix(rest) {
            Some((number, length)) => {
                self.at += length;
                Token::Number(number)
            }
            None => Token::Error("invalid number"),
        }
    }

    /// Reads a string into the scratch space; on an error the place of it is where the parser stands.
    fn string(&mut self) -> Token {
        self.scratch.clear();
        self.at += 1;
        loop {
            let byte = self.peek(0);
            match byte {
                b'"' => {
                    self.at += 1;
                    return Token::String;
                }
                0 => return Token::Error("unexpected end of string"),
                b'\\' => match unescape(self.peek(1)) {
                    Some(b'u') => {
                        if self.unicode().is_none() {
                            return Token::Error("invalid unicode escape code");
                        }
                    }
                    Some(byte) => {
                        self.scratch.push(byte);
                        self.at += 2;
                    }
                    None => return Token::Error("invalid escape code"),
                },
                _ => {
                    self.scratch.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    /// Reads a `\uXXXX`, or two that are a surrogate pair.
    fn unicode(&mut self) -> Option<()> {
        let first = self.code(2)?;
        let (code, length) = if first & 0xF800 == 0xD800 {
            if first & 0x400 != 0 || self.peek(6) != b'\\' || self.peek(7) != b'u' {
                return None;
            }
            let second = self.code(8)?;
            if second & 0xFC00 != 0xDC00 {
                return None;
            }
            (((first & 0x3FF) << 10 | second & 0x3FF) + 0x1_0000, 12)
        } else {
            (first, 6)
        };
        let mut bytes = [0; 4];
        self.scratch.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut bytes).as_bytes());
        self.at += length;
        Some(())
    }

    fn code(&self, offset: usize) -> Option<u32> {
        (offset..offset + 4)
            .try_fold(0, |code, offset| Some(code << 4 | char::from(self.peek(offset)).to_digit(16)?))
    }
}

fn unescape(letter: u8) -> Option<u8> {
    match letter {
        b'"' | b'\\' | b'/' | b'u' => Some(letter),
        b'b' => Some(0x08),
        b't' => Some(b'\t'),
        b'n' => Some(b'\n'),
        b'f' => Some(0x0C),
        b'r' => Some(b'\r'),
        _ => None,
    }
}

/// Whether a number that starts here is none of JSON's: hexadecimal, a leading zero or plus, NaN, infinity.
fn is_invalid_number(text: &[u8]) -> bool {
    if text.first() == Some(&b'+') {
        return true;
    }
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    match digits.first() {
        Some(b'0') => matches!(digits.get(1), Some(b'x' | b'X' | b'0'..=b'9')),
        Some(0..=b'9') | None => false,
        _ => digits
            .get(..3)
            .is_some_and(|word| word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")),
    }
}

fn unexpected(wanted: &str, token: &Token, at: usize) -> Failure {
    Failure::message(format!("Expected {wanted} but found {} at character {}", token.name(), at + 1))
}
