//! A command's arguments: how they are written down, and what is left of them once some words were typed.
//!
//! [`remaining`] matches words to arguments greedily and in order, except that neighbouring optional arguments may come
//! in any order, as servers accept them.

use kora_protocol::Frame;

use super::{elements, field, text};

/// One argument, or a group of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Argument {
    /// How it is called in documentation.
    name: String,
    /// The word that announces it.
    pub(crate) token: Option<String>,
    kind: Kind,
    optional: bool,
    /// Whether it may be given several times.
    multiple: bool,
    /// Whether the token is repeated with it.
    multiple_token: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Any word.
    Word,
    /// A key.
    Key,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// The token and nothing else.
    Token,
    /// One of several.
    OneOf(Vec<Argument>),
    /// All of several.
    Block(Vec<Argument>),
}

impl Argument {
    /// Reads a list of arguments as `COMMAND DOCS` gives it.
    pub(super) fn read_all(frame: &Frame) -> Vec<Self> {
        elements(frame).iter().map(Self::read).collect()
    }

    fn read(frame: &Frame) -> Self {
        let inner = || field(frame, "arguments").map(Self::read_all).unwrap_or_default();
        let kind = match field(frame, "type").map(text).unwrap_or_default() {
            "integer" | "unix-time" => Kind::Integer,
            "double" => Kind::Double,
            "key" => Kind::Key,
            "pure-token" => Kind::Token,
            "oneof" => Kind::OneOf(inner()),
            "block" => Kind::Block(inner()),
            _ => Kind::Word,
        };
        let flag = |name| {
            field(frame, "flags").is_some_and(|flags| elements(flags).iter().any(|flag| text(flag) == name))
        };
        let name = field(frame, "display_text").or_else(|| field(frame, "name"));
        Self {
            name: name.map(text).unwrap_or_default().to_owned(),
            token: field(frame, "token")
                .map(text)
                .map(|token| if token.is_empty() { "\"\"" } else { token }.to_owned()),
            kind,
            optional: flag("optional"),
            multiple: flag("multiple"),
            multiple_token: flag("multiple_token"),
        }
    }

    /// The tokens of this argument and those inside it.
    pub(crate) fn tokens<'a>(&'a self, found: &mut Vec<&'a str>) {
        found.extend(self.token.as_deref());
        if let Kind::OneOf(inner) | Kind::Block(inner) = &self.kind {
            inner.iter().for_each(|argument| argument.tokens(found));
        }
    }

    /// The argument as documentation writes it.
    fn render(&self) -> String {
        let mut text = self.once();
        if self.multiple {
            let repeated = if self.multiple_token { self.once() } else { self.value() };
            text = format!("{text} [{repeated} ...]");
        }
        if self.optional { format!("[{text}]") } else { text }
    }

    /// Token and value.
    fn once(&self) -> String {
        match (&self.token, &self.kind) {
            (Some(token), Kind::Token) => token.clone(),
            (Some(token), _) => format!("{token} {}", self.value()),
            (None, _) => self.value(),
        }
    }

    /// What follows the token.
    fn value(&self) -> String {
        match &self.kind {
            Kind::OneOf(choices) => choices.iter().map(Self::render).collect::<Vec<_>>().join("|"),
            Kind::Block(parts) => render_all(parts),
            Kind::Token => self.token.clone().unwrap_or_else(|| self.name.clone()),
            Kind::Word | Kind::Key | Kind::Integer | Kind::Double => self.name.clone(),
        }
    }

    /// Matches this argument, with its repetitions, at the start of `words`.
    fn take(&self, words: &[&str]) -> Taken {
        let mut total = match self.take_once(words, true) {
            Taken::Whole(len) => len,
            other => return other,
        };
        while self.multiple && total < words.len() {
            let rest = words.get(total..).unwrap_or_default();
            match self.take_once(rest, self.multiple_token) {
                Taken::Whole(len) if len > 0 => total += len,
                Taken::Part(left) => return Taken::Part(left),
                _ => return Taken::Whole(total),
            }
        }
        if self.multiple && total == words.len() {
            let repeated = if self.multiple_token { self.once() } else { self.value() };
            return Taken::WholeSoFar(total, format!("[{repeated} ...]"));
        }
        Taken::Whole(total)
    }

    /// Matches one repetition; `with_token` says whether the token comes first.
    fn take_once(&self, words: &[&str], with_token: bool) -> Taken {
        let Some((first, rest)) = words.split_first() else { return Taken::Nothing };
        match &self.token {
            Some(token) if with_token => {
                if !first.eq_ignore_ascii_case(token) {
                    return Taken::Nothing;
                }
                if self.kind == Kind::Token {
                    return Taken::Whole(1);
                }
                if rest.is_empty() {
                    return Taken::Part(self.value());
                }
                match self.take_value(rest) {
                    Taken::Whole(len) => Taken::Whole(len + 1),
                    Taken::WholeSoFar(len, left) => Taken::WholeSoFar(len + 1, left),
                    other => other,
                }
            }
            _ => self.take_value(words),
        }
    }

    fn take_value(&self, words: &[&str]) -> Taken {
        let Some(first) = words.first() else { return Taken::Nothing };
        let matches = match &self.kind {
            Kind::Word | Kind::Key => true,
            Kind::Integer => first.parse::<i64>().is_ok(),
            Kind::Double => first.parse::<f64>().is_ok(),
            Kind::Token => false,
            Kind::OneOf(choices) => {
                return choices
                    .iter()
                    .map(|choice| choice.take(words))
                    .find(|taken| *taken != Taken::Nothing)
                    .unwrap_or(Taken::Nothing);
            }
            Kind::Block(parts) => {
                let Sequence { len, left, complete } = take_sequence(parts, words);
                return match (complete, len == words.len()) {
                    _ if len == 0 => Taken::Nothing,
                    (true, true) if !left.is_empty() => Taken::WholeSoFar(len, left),
                    (true, _) => Taken::Whole(len),
                    (false, true) => Taken::Part(left),
                    (false, false) => Taken::Nothing,
                };
            }
        };
        if matches { Taken::Whole(1) } else { Taken::Nothing }
    }
}

/// What an argument takes of the words typed.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    /// They are something else.
    Nothing,
    /// This many, and it is complete.
    Whole(usize),
    /// This many, which are all; it is complete but may go on as described.
    WholeSoFar(usize, String),
    /// All of them, and this is still missing.
    Part(String),
}

/// `arguments` as documentation writes them.
pub(crate) fn render_all(arguments: &[Argument]) -> String {
    arguments.iter().map(Argument::render).collect::<Vec<_>>().join(" ")
}

/// What may follow `words`, which were typed after a command's name; `None` if they do not fit its arguments.
pub(crate) fn remaining(arguments: &[Argument], words: &[&str]) -> Option<String> {
    let taken = take_sequence(arguments, words);
    (taken.len == words.len()).then_some(taken.left)
}

/// Whether the word at `position` is a key. Only arguments that always stand at the same place are looked at, and those that are repeated.
pub(crate) fn has_key_at(arguments: &[Argument], position: usize) -> bool {
    let mut at = 0;
    for argument in arguments {
        if argument.token.is_some() || argument.optional {
            return false;
        }
        let parts = match &argument.kind {
            Kind::Block(parts) => parts.as_slice(),
            _ => std::slice::from_ref(argument),
        };
        if position < at + parts.len() || argument.multiple {
            return parts
                .get((position - at) % parts.len().max(1))
                .is_some_and(|part| part.kind == Kind::Key);
        }
        at += parts.len();
    }
    false
}

/// What a list of arguments takes of the words typed.
struct Sequence {
    /// Words taken.
    len: usize,
    /// What may or must follow.
    left: String,
    /// Whether nothing must follow.
    complete: bool,
}

/// Matches `arguments` in order.
fn take_sequence(arguments: &[Argument], words: &[&str]) -> Sequence {
    let mut pending: Vec<&Argument> = arguments.iter().collect();
    let mut at = 0;
    let mut complete = true;
    let mut left = Vec::new();
    while at < words.len() {
        let rest = words.get(at..).unwrap_or_default();
        // Optional arguments may be skipped and may change places; the first required one may not.
        let candidates =
            pending.iter().position(|argument| !argument.optional).map_or(pending.len(), |at| at + 1);
        let found = pending
            .iter()
            .take(candidates)
            .map(|argument| argument.take(rest))
            .enumerate()
            .find(|(_, taken)| *taken != Taken::Nothing);
        let Some((index, taken)) = found else { break };
        let argument = pending.remove(index);
        if !argument.optional {
            pending.drain(..index);
        }
        match taken {
            Taken::Nothing => break,
            Taken::Whole(len) => at += len,
            Taken::WholeSoFar(len, text) => {
                at += len;
                left.push(text);
            }
            Taken::Part(text) => {
                at = words.len();
                complete = false;
                left.push(text);
            }
        }
    }
    complete &= pending.iter().all(|argument| argument.optional);
    left.extend(pending.into_iter().map(Argument::render));
    Sequence { len: at, left: left.join(" "), complete }
}
