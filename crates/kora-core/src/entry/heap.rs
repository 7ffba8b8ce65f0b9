//! Values on their way into an entry, and memory of their own on its way out.

use std::sync::Arc;

use super::Object;
use super::form::{Form, kind_bits, kind_of};
use super::long::Long;
use super::shape::{Repr, Shape};
use super::size::{Tally, text_len};
use crate::number::parse_i64;

/// A value to be stored.
#[derive(Debug)]
pub(crate) enum NewValue<'a> {
    /// A string that is an integer.
    Integer(i64),
    /// A string or a packed collection.
    Bytes {
        /// Its bytes.
        bytes: &'a [u8],
        /// What they are.
        form: Form,
    },
    /// The same in memory of its own, to be kept there.
    External {
        /// Its bytes.
        bytes: Long,
        /// What they are.
        form: Form,
    },
    /// A large collection.
    Object(Box<dyn Object>),
}

impl<'a> NewValue<'a> {
    /// A string as SET stores it: an integer if it is one.
    #[inline]
    pub(crate) fn text(bytes: &'a [u8]) -> Self {
        parse_i64(bytes).map_or(Self::Bytes { bytes, form: Form::Text }, Self::Integer)
    }

    /// A long string in memory that others hold as well.
    pub(crate) fn given(bytes: Arc<Vec<u8>>) -> Self {
        Self::External { bytes: Long::Shared(bytes), form: Form::Text }
    }

    /// The shape of an entry with this value.
    #[inline]
    pub(super) fn shape(&self, key_bytes: usize, has_deadline: bool) -> Shape {
        let (repr, inline_bytes) = match self {
            Self::Integer(_) => (Repr::Integer, 0),
            Self::Bytes { bytes, .. } if Shape::fits_inline(key_bytes, bytes.len()) => {
                (Repr::Inline, bytes.len())
            }
            Self::Bytes { .. } | Self::External { .. } => (Repr::External, 0),
            Self::Object(_) => (Repr::Object, 0),
        };
        Shape { repr, has_deadline, key_bytes, inline_bytes }
    }

    /// How the value is to be counted.
    pub(crate) fn tally(&self) -> Tally {
        Tally::of(kind_of(self.form_bits()), self.size())
    }

    /// How large the value is: see [`Entry::size`](super::Entry::size).
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Integer(value) => text_len(*value),
            Self::Bytes { bytes, form } => form.len_of(bytes),
            Self::External { bytes, form } => form.len_of(bytes.bytes()),
            Self::Object(object) => object.size(),
        }
    }

    /// The value with memory of its own, if that is what `shape` says.
    #[inline]
    pub(super) fn settled(self, shape: Shape) -> Self {
        match self {
            Self::Bytes { bytes, form } if shape.repr == Repr::External => Self::external(bytes, form),
            value => value,
        }
    }

    #[inline(never)]
    fn external(bytes: &[u8], form: Form) -> Self {
        Self::External { bytes: Long::of(bytes.to_vec(), form), form }
    }

    /// The bits of an entry's tag that tell kind and form.
    #[inline]
    pub(super) fn form_bits(&self) -> u8 {
        match self {
            Self::Integer(_) => Form::Text.bits(),
            Self::Bytes { form, .. } | Self::External { form, .. } => form.bits(),
            Self::Object(object) => kind_bits(object.kind()),
        }
    }
}

/// Memory that an entry owned beside its own allocation.
#[derive(Debug)]
pub(crate) enum Heap {
    /// A long string, or a packed collection.
    Bytes(Long),
    /// A large collection.
    Object(Box<dyn Object>),
}

impl Heap {
    /// What it takes to free it, in allocations: a KiB of a string, whose pages go back one by one, counts as one.
    pub(crate) fn effort(&self) -> usize {
        match self {
            Self::Bytes(bytes) => Self::bytes_effort(bytes),
            Self::Object(object) => object.free_effort(),
        }
    }

    /// The same for a long string.
    pub(crate) fn bytes_effort(bytes: &Long) -> usize {
        bytes.capacity() / 1024
    }
}
