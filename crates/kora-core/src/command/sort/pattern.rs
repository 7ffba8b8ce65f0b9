//! Values of other keys, named by a pattern and an element.

use memchr::{memchr, memmem};

use crate::command::string::bytes_of;
use crate::context::Ctx;
use crate::entry::Entry;
use crate::time::UnixMs;
use crate::types::hash::HashRef;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source<'a> {
    /// `#`: the element itself.
    Element,
    /// A pattern without `*`: there is no value.
    Nothing,
    /// The key that is the element between `prefix` and `suffix`.
    Key {
        /// What stands before the `*`.
        prefix: &'a [u8],
        /// What stands behind it.
        suffix: &'a [u8],
        /// The field, if the key is a hash.
        field: Option<&'a [u8]>,
    },
}

impl<'a> Source<'a> {
    /// Reads a pattern: `#`, `key_*` or `key_*->field`.
    pub(super) fn parse(pattern: &'a [u8]) -> Self {
        if pattern == b"#" {
            return Self::Element;
        }
        let Some(star) = memchr(b'*', pattern) else { return Self::Nothing };
        let (prefix, rest) = (&pattern[..star], &pattern[star + 1..]);
        match memmem::find(rest, b"->") {
            Some(arrow) if arrow + 2 < rest.len() => {
                Self::Key { prefix, suffix: &rest[..arrow], field: Some(&rest[arrow + 2..]) }
            }
            _ => Self::Key { prefix, suffix: rest, field: None },
        }
    }
}

/// Reads values, one after the other.
#[derive(Debug, Default)]
pub(super) struct Reader {
    key: Vec<u8>,
}

impl Reader {
    /// Lends the value that `source` names for `element`, if there is one, to `use_value`.
    pub(super) fn read<T>(
        &mut self,
        ctx: &mut Ctx<'_>,
        source: &Source<'_>,
        element: &[u8],
        use_value: impl FnOnce(Option<&[u8]>) -> T,
    ) -> T {
        match source {
            Source::Element => use_value(Some(element)),
            Source::Nothing => use_value(None),
            Source::Key { prefix, suffix, field } => {
                self.key.clear();
                [prefix, element, suffix].into_iter().for_each(|part| self.key.extend_from_slice(part));
                let now = ctx.now;
                let mut keyspace = ctx.keyspace(&self.key);
                match (keyspace.read(&self.key), field) {
                    (None, _) => use_value(None),
                    (Some(entry), Some(field)) => with_field(entry, field, now, use_value),
                    (Some(entry), None) => with_string(entry, use_value),
                }
            }
        }
    }
}

fn with_string<T>(entry: &Entry, use_value: impl FnOnce(Option<&[u8]>) -> T) -> T {
    let mut buffer = itoa::Buffer::new();
    use_value(entry.string().map(|value| bytes_of(value, &mut buffer)))
}

fn with_field<T>(entry: &Entry, field: &[u8], now: UnixMs, use_value: impl FnOnce(Option<&[u8]>) -> T) -> T {
    match HashRef::of(entry).and_then(|hash| hash.get_live(field, now)) {
        Some(field) => field.value.with(|value| use_value(Some(value))),
        None => use_value(None),
    }
}
