//! Cuts a Lua text into tokens, as far as the translation needs them.

use super::super::number;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name,
    /// A number by Lua 5.1's rules, well formed or not.
    Number,
    /// A string in quotes, with them.
    Text,
    /// A string in long brackets, with them.
    LongText,
    /// Any other byte, or a run of points.
    Symbol,
    /// A byte that no token of Lua 5.1 has, but LuaJIT knows.
    Foreign,
    /// The end of the text; empty.
    End,
}

/// A piece of the text.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// The line it starts on, from 1.
    pub(super) line: usize,
}

impl Token {
    pub(super) fn bytes<'a>(&self, source: &'a [u8]) -> &'a [u8] {
        source.get(self.start..self.end).unwrap_or_default()
    }
}

/// The tokens of a text, [`Kind::End`] the last of them. Unfinished strings and comments end with the text.
pub(super) struct Tokens<'a> {
    source: &'a [u8],
    at: usize,
    line: usize,
    ended: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(source: &'a [u8]) -> Self {
        Self { source, at: 0, line: 1, ended: false }
    }

    fn peek(&self, offset: usize) -> Option<u8> {
        self.source.get(self.at + offset).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        let rest = self.source.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|&byte| !wanted(byte)).unwrap_or(rest.len());
    }

    fn skip_space_and_comments(&mut self) {
        while let Some(byte) = self.peek(0) {
            if byte == b'\n' {
                self.line += 1;
            } else if byte == b'-' && self.peek(1) == Some(b'-') {
                self.at += 2;
                match self.long_bracket() {
                    Some(level) => self.skip_long(level),
                    None => self.skip_while(|byte| byte != b'\n'),
                }
                continue;
            } else if !byte.is_ascii_whitespace() && byte != 0x0B {
                return;
            }
            self.at += 1;
        }
    }

    /// The level of the long bracket that opens here: the number of its equals signs.
    fn long_bracket(&self) -> Option<usize> {
        let rest = self.source.get(self.at..)?.strip_prefix(b"[")?;
        let level = rest.iter().position(|&byte| byte != b'=')?;
        (rest.get(level) == Some(&b'[')).then_some(level)
    }

    /// Skips to behind the long bracket that closes the one that opens here.
    fn skip_long(&mut self, level: usize) {
        self.at += level + 2;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            self.line += usize::from(byte == b'\n');
            if byte != b']' {
                continue;
            }
            let rest = self.source.get(self.at..).unwrap_or_default();
            if rest.len() > level && rest.iter().take(level).all(|&byte| byte == b'=') && rest[level] == b']'
            {
                self.at += level + 1;
                return;
            }
        }
    }

    fn skip_quoted(&mut self, quote: u8) {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                byte if byte == quote => return,
                // An unfinished string: an error that ends the compilation.
                b'\n' => {
                    self.line += 1;
                    return;
                }
                b'\\' => {
                    self.line += usize::from(self.peek(0) == Some(b'\n'));
                    self.at = (self.at + 1).min(self.source.len());
                }
                _ => {}
            }
        }
    }

    fn skip_number(&mut self) {
        self.skip_while(|byte| byte.is_ascii_digit() || byte == b'.');
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(0), Some(b'+' | b'-')));
        }
        self.skip_while(is_word);
    }

    fn skip_token(&mut self, first: u8) -> Kind {
        match first {
            b'"' | b'\'' => {
                self.skip_quoted(first);
                Kind::Text
            }
            b'0'..=b'9' => {
                self.skip_number();
                Kind::Number
            }
            b'.' if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) => {
                self.skip_number();
                Kind::Number
            }
            b'.' => {
                self.skip_while(|byte| byte == b'.');
                Kind::Symbol
            }
            b'~' if self.peek(1) == Some(b'=') => {
                self.at += 2;
                Kind::Symbol
            }
            b'!' | b'&' | b'|' | b'?' | b'~' | 0x80.. => {
                self.at += 1;
                Kind::Foreign
            }
            b'[' if self.long_bracket().is_some() => {
                let level = self.long_bracket().unwrap_or(0);
                self.skip_long(level);
                Kind::LongText
            }
            byte if is_word(byte) => {
                self.skip_while(is_word);
                Kind::Name
            }
            _ => {
                self.at += 1;
                Kind::Symbol
            }
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        if self.ended {
            return None;
        }
        self.skip_space_and_comments();
        let (start, line) = (self.at, self.line);
        let kind = match self.peek(0) {
            Some(first) => self.skip_token(first),
            None => Kind::End,
        };
        self.ended = kind == Kind::End;
        Some(Token { kind, start, end: self.at, line })
    }
}

/// LuaJIT takes the bytes above ASCII as letters; Lua 5.1 refuses them, outside of strings.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether `strtod` reads all of `text`, which starts with a digit or a point.
pub(super) fn is_number(text: &[u8]) -> bool {
    number::prefix(text).is_some_and(|(_, length)| length == text.len())
}
