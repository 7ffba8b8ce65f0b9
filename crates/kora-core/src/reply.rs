//! Where commands write their replies. The server supplies a RESP2/RESP3 sink, the library a value sink, tests a
//! tree: the core knows the shapes of replies and none of their encodings.

mod bulks;
pub mod tree;

use std::any::Any;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use crate::error::CommandError;
pub(crate) use bulks::Bulks;

/// A sink for one or more replies, written depth first: an aggregate's head, then its elements.
///
/// Shapes that exist only in RESP3 (map, set, double, boolean ...) are given as what they mean; a RESP2 sink renders
/// them as Redis does for RESP2 clients (a map as a flat array, a double as a bulk string, a boolean as 0 or 1).
pub trait Reply {
    /// A simple string such as `OK`: the bytes that `text` stands for ([`crate::text`]). Must not contain CR or LF.
    fn simple(&mut self, text: &str);
    /// An error: the bytes that `text` stands for ([`crate::text`]), prefix included (`ERR ...`).
    fn error(&mut self, text: &str);
    /// An integer.
    fn integer(&mut self, value: i64);
    /// A binary-safe string.
    fn bulk(&mut self, bytes: &[u8]);
    /// A part of bytes that the sink may keep a reference to: they don't change while it does.
    fn bulk_shared(&mut self, bytes: &Arc<Vec<u8>>, part: Range<usize>) {
        self.bulk(&bytes[part]);
    }
    /// Bytes that the sink may keep.
    fn bulk_owned(&mut self, bytes: Vec<u8>) {
        self.bulk(&bytes);
    }
    /// Binary-safe strings, one behind the other: each as [`Reply::bulk`] writes it.
    fn bulks(&mut self, texts: &[&[u8]]) {
        texts.iter().for_each(|text| self.bulk(text));
    }
    /// The absent string.
    fn null(&mut self);
    /// The absent array: differs from [`Reply::null`] in RESP2 only.
    fn null_array(&mut self);
    /// Head of an array of `len` replies.
    fn array(&mut self, len: usize);
    /// Head of a map of `len` pairs: `2 * len` replies follow.
    fn map(&mut self, len: usize);
    /// Head of an unordered collection of `len` replies.
    fn set(&mut self, len: usize);
    /// Head of an out-of-band message of `len` replies.
    fn push(&mut self, len: usize);
    /// A truth value.
    fn boolean(&mut self, value: bool);
    /// A double.
    fn double(&mut self, value: f64);
    /// An integer of any size, in decimal digits.
    fn big_number(&mut self, digits: &str);
    /// Text with a three-letter format such as `txt` or `mkd`.
    fn verbatim(&mut self, format: &str, text: &[u8]);
    /// Head of an attribute of `len` pairs that precedes the reply it describes. RESP2 sinks must not be given one.
    fn attribute(&mut self, len: usize);
    /// Whether the reader understands RESP3, for the few commands whose reply differs in more than encoding.
    fn is_resp3(&self) -> bool;

    /// A sink of the same kind that stands by itself: what takes long is written there a slice at a time, and taken in when it is complete. None if all is to
    /// be written at once.
    fn aside(&self) -> Option<Box<dyn Gather>> {
        None
    }

    /// Writes what was written to a sink that [`Reply::aside`] gave.
    fn take_in(&mut self, _: Box<dyn Gather>) {
        debug_assert!(false, "who takes in has sinks that stand aside");
    }

    /// Whether nobody will read what is written from here on: the reader has left too much unread, and is told no more.
    fn is_full(&self) -> bool {
        false
    }

    /// `+OK`.
    fn ok(&mut self) {
        self.simple("OK");
    }

    /// A command's refusal.
    fn refuse(&mut self, error: &CommandError) {
        self.error(&error.to_string());
    }
}

/// A sink that owns what is written to it.
pub trait Gather: Reply + Any + Debug + Send {}

impl<T: Reply + Any + Debug + Send> Gather for T {}

/// Implements the shapes of [`Reply`] for a type by passing them to one of its fields.
///
/// The field must itself have the methods of [`Reply`]; what the macro does not list (`ok`, `refuse`) keeps its default.
#[macro_export]
macro_rules! forward_reply {
    ($field:ident) => {
        $crate::forward_reply!(@methods $field
            simple(text: &str), error(text: &str), integer(value: i64), bulk(bytes: &[u8]), null(), null_array(),
            map(len: usize), set(len: usize), push(len: usize), boolean(value: bool), double(value: f64),
            big_number(digits: &str), verbatim(format: &str, text: &[u8]), attribute(len: usize),
            take_in(gathered: Box<dyn $crate::reply::Gather>));

        fn aside(&self) -> Option<Box<dyn $crate::reply::Gather>> {
            self.$field.aside()
        }

        fn is_full(&self) -> bool {
            self.$field.is_full()
        }
    };
    (@methods $field:ident $($method:ident($($name:ident: $type:ty),*)),*) => {
        $(
            #[inline]
            fn $method(&mut self, $($name: $type),*) {
                self.$field.$method($($name),*);
            }
        )*
    };
}

/// Takes a reply that nobody wants, and keeps the error if it is one.
#[derive(Debug, Default)]
pub struct NoReply {
    /// The first error, prefix included.
    pub error: Option<String>,
}

impl Reply for NoReply {
    fn simple(&mut self, _: &str) {}
    fn error(&mut self, text: &str) {
        self.error.get_or_insert_with(|| text.to_owned());
    }
    fn integer(&mut self, _: i64) {}
    fn bulk(&mut self, _: &[u8]) {}
    fn null(&mut self) {}
    fn null_array(&mut self) {}
    fn array(&mut self, _: usize) {}
    fn map(&mut self, _: usize) {}
    fn set(&mut self, _: usize) {}
    fn push(&mut self, _: usize) {}
    fn boolean(&mut self, _: bool) {}
    fn double(&mut self, _: f64) {}
    fn big_number(&mut self, _: &str) {}
    fn verbatim(&mut self, _: &str, _: &[u8]) {}
    fn attribute(&mut self, _: usize) {}
    fn is_resp3(&self) -> bool {
        false
    }
}

/// A reply as a tree: what the library and tests read.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A simple string.
    Simple(String),
    /// An error, prefix included.
    Error(String),
    /// An integer.
    Integer(i64),
    /// A binary-safe string.
    Bulk(Vec<u8>),
    /// The absent string.
    Null,
    /// The absent array.
    NullArray,
    /// An array.
    Array(Vec<Value>),
    /// A map, pairs in the order given.
    Map(Vec<(Value, Value)>),
    /// An unordered collection, in the order given.
    Set(Vec<Value>),
    /// An out-of-band message.
    Push(Vec<Value>),
    /// A truth value.
    Boolean(bool),
    /// A double.
    Double(f64),
    /// An integer of any size, in decimal digits.
    BigNumber(String),
    /// Text with its three-letter format.
    Verbatim(String, Vec<u8>),
}
