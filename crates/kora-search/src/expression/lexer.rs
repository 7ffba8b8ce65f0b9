//! From the text of an expression to its pieces. A byte that begins none separates and is left out.

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    Number,
    /// A text in quotes.
    Text,
    /// `@name`.
    Property,
    /// A name of a function, or NULL.
    Symbol,
    LeftParen,
    RightParen,
    Comma,
    Not,
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
    Power,
}

/// One piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) offset: usize,
    /// Its text: without the `@` of a property, with the quotes of a text; empty for signs.
    pub(super) text: &'a str,
}

/// Cuts a text into pieces, one at a time.
pub(super) struct Lexer<'a> {
    text: &'a str,
    position: usize,
    last_offset: usize,
}

/// Signs, longer ones first.
const SIGNS: [(&str, Kind); 17] = [
    ("==", Kind::Equal),
    ("!=", Kind::NotEqual),
    ("<=", Kind::LessOrEqual),
    (">=", Kind::GreaterOrEqual),
    ("&&", Kind::And),
    ("||", Kind::Or),
    ("<", Kind::Less),
    (">", Kind::Greater),
    ("!", Kind::Not),
    ("(", Kind::LeftParen),
    (")", Kind::RightParen),
    (",", Kind::Comma),
    ("+", Kind::Plus),
    ("-", Kind::Minus),
    ("*", Kind::Times),
    ("/", Kind::Divide),
    ("%", Kind::Modulo),
];

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0, last_offset: 0 }
    }

    /// The next piece; [`Kind::End`] for ever once there is none, which is where the last one was.
    pub(super) fn next(&mut self) -> Token<'a> {
        while self.position < self.text.len() {
            let start = self.position;
            if let Some((kind, length)) = self.piece() {
                self.position = start + length;
                self.last_offset = start;
                let text = match kind {
                    Kind::Property => &self.text[start + 1..start + length],
                    Kind::Number | Kind::Text | Kind::Symbol => &self.text[start..start + length],
                    _ => "",
                };
                return Token { kind, offset: start, text };
            }
            self.position += self.text[start..].chars().next().map_or(1, char::len_utf8);
        }
        Token { kind: Kind::End, offset: self.last_offset, text: "" }
    }

    /// The piece at the position, and how long it is.
    fn piece(&self) -> Option<(Kind, usize)> {
        let rest = &self.text[self.position..];
        let bytes = rest.as_bytes();
        if let Some(length) = number_length(bytes) {
            return Some((Kind::Number, length));
        }
        match *bytes.first()? {
            b'@' => {
                let length = 1 + property_length(&bytes[1..]);
                (length > 1).then_some((Kind::Property, length))
            }
            quote @ (b'"' | b'\'') => text_length(bytes, quote).map(|length| (Kind::Text, length)),
            b'^' => Some((Kind::Power, 1)),
            first if first.is_ascii_alphabetic() => {
                let length = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
                Some((Kind::Symbol, length.count()))
            }
            _ => {
                let (sign, kind) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign))?;
                Some((*kind, sign.len()))
            }
        }
    }
}

fn number_length(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"-inf") || bytes.starts_with(b"+inf") {
        return Some(4);
    }
    let digits = |from: usize| {
        bytes.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(sign);
    if whole == 0 {
        return None;
    }
    let mut end = sign + whole;
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = end + 1 + usize::from(bytes.get(end + 1) == Some(&b'-'));
        if digits(signed) > 0 {
            end = signed + digits(signed);
        }
    }
    Some(end)
}

fn property_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(&byte) = bytes.get(length) {
        let is_escape = byte == b'\\'
            && bytes
                .get(length + 1)
                .is_some_and(|next| next.is_ascii_punctuation() || next.is_ascii_whitespace());
        if is_escape {
            length += 2;
        } else if byte >= 0x80 || byte.is_ascii_alphanumeric() || byte == b'_' {
            length += 1;
        } else {
            break;
        }
    }
    length
}

/// How long the text in quotes is that begins here; a backslash takes the next byte with it.
fn text_length(bytes: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}
