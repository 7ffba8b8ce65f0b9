//! Values of expressions: what stands in them, and what they are of attributes.

use std::borrow::Cow;

use super::{json, number};

/// A value that an expression holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constant {
    Number(f64),
    Text(Vec<u8>),
    /// Values that `in` looks among; there are no lists in it.
    List(Vec<Self>),
    Null,
}

impl Constant {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::Text(Text { raw: text, is_escaped: false }),
            Self::List(values) => Value::List(values),
            Self::Null => Value::Null,
        }
    }
}

/// A value at a step: small, as there is one for each step and element.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Number(f64),
    Text(Text<'a>),
    /// One of the attributes is empty here: only `in` looks into it, and looks there.
    List(&'a [Constant]),
    Null,
}

/// A text, which is read as it is written until somebody asks what it stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    pub(super) raw: &'a [u8],
    pub(super) is_escaped: bool,
}

impl<'a> Text<'a> {
    fn plain(self) -> Cow<'a, [u8]> {
        if self.is_escaped { Cow::Owned(json::unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

impl Value<'_> {
    /// Whether it counts as true.
    #[inline]
    pub(super) fn is_true(self) -> bool {
        match self {
            Self::Number(number) => number != 0.0,
            Self::Text(text) => !text.plain().is_empty(),
            Self::List(_) => true,
            Self::Null => false,
        }
    }

    /// As a number: a text that is none counts as 0, as does whatever is no text.
    #[inline]
    pub(super) fn number(self) -> f64 {
        match self {
            Self::Number(number) => number,
            Self::Text(text) => number::whole(&text.plain()).unwrap_or(0.0),
            Self::List(_) | Self::Null => 0.0,
        }
    }

    /// Texts are equal by their bytes, other values as numbers; nothing is equal only to nothing.
    #[inline]
    pub(super) fn equals(self, other: Value<'_>) -> bool {
        match (self, other) {
            (Self::Text(a), Value::Text(b)) => a.plain() == b.plain(),
            (Self::Null, other) => matches!(other, Value::Null),
            (_, Value::Null) => false,
            _ => self.number() == other.number(),
        }
    }

    /// Whether it is one of a list, or a part of a text.
    pub(super) fn is_in(self, other: Value<'_>) -> bool {
        match (self, other) {
            (_, Value::List(values)) => values.iter().any(|value| self.equals(value.value())),
            (Self::Text(part), Value::Text(text)) => {
                memchr::memmem::find(&text.plain(), &part.plain()).is_some()
            }
            _ => false,
        }
    }
}
