//! Strings as readers see them.

use std::sync::Arc;

use super::long::Long;
use super::shape::Repr;
use super::{Entry, Kind};

/// A string value, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringRef<'a> {
    /// Stored as an integer.
    Integer(i64),
    /// Stored as bytes.
    Bytes(&'a [u8]),
}

/// A string value as it is held, for a reply that may take a reference to it.
#[derive(Clone, Copy, Debug)]
pub enum StringValue<'a> {
    /// An integer.
    Integer(i64),
    /// Bytes that belong to the entry.
    Own(&'a [u8]),
    /// Long bytes, which others may hold as well: they never change while they do.
    Shared(&'a Arc<Vec<u8>>),
}

impl<'a> From<StringValue<'a>> for StringRef<'a> {
    #[inline]
    fn from(value: StringValue<'a>) -> Self {
        match value {
            StringValue::Integer(number) => Self::Integer(number),
            StringValue::Own(bytes) => Self::Bytes(bytes),
            StringValue::Shared(bytes) => Self::Bytes(bytes),
        }
    }
}

impl Entry {
    /// The string value, if it is one.
    #[inline]
    #[must_use]
    pub fn string(&self) -> Option<StringRef<'_>> {
        self.string_value().map(StringRef::from)
    }

    /// The string value, if it is one, as it is held.
    #[inline]
    #[must_use]
    pub fn string_value(&self) -> Option<StringValue<'_>> {
        if self.kind() != Kind::String {
            return None;
        }
        match self.header().repr() {
            Repr::Inline => Some(StringValue::Own(self.inline_value())),
            Repr::Integer => self.integer().map(StringValue::Integer),
            Repr::External => Some(match self.long() {
                Long::Own(bytes) => StringValue::Own(bytes),
                Long::Shared(bytes) => StringValue::Shared(bytes),
            }),
            Repr::Object => None,
        }
    }
}
