//! A sink that keeps replies as trees: for the library's callers and for tests.
//!
//! Aggregates arrive depth first, so the sink keeps a stack of those whose elements are still to come; an element
//! that completes its aggregate closes it, and so on outwards. For a RESP2 reader it gives shapes the rendering
//! that Redis gives them there, so that a tree can be compared with what such a client reads.

use std::any::Any;

use kora_format::double::encode_double;

use super::{Gather, Reply, Value};

/// Collects replies as [`Value`]s.
///
/// Attributes are read and dropped: [`Value`] has no place for them.
#[derive(Debug, Default)]
pub struct TreeSink {
    is_resp3: bool,
    /// Aggregates whose elements are still to come, the innermost last.
    open: Vec<Open>,
    done: Vec<Value>,
}

#[derive(Debug)]
struct Open {
    shape: Shape,
    /// Elements still to come; never 0 between calls.
    missing: usize,
    elements: Vec<Value>,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Array,
    Map,
    Set,
    Push,
    Attribute,
}

impl Shape {
    fn close(self, elements: Vec<Value>) -> Option<Value> {
        match self {
            Self::Array => Some(Value::Array(elements)),
            Self::Set => Some(Value::Set(elements)),
            Self::Push => Some(Value::Push(elements)),
            Self::Map => {
                let mut pairs = Vec::with_capacity(elements.len() / 2);
                let mut elements = elements.into_iter();
                while let (Some(key), Some(value)) = (elements.next(), elements.next()) {
                    pairs.push((key, value));
                }
                Some(Value::Map(pairs))
            }
            Self::Attribute => None,
        }
    }
}

impl TreeSink {
    /// An empty sink; `is_resp3` chooses which protocol's shapes it keeps.
    #[must_use]
    pub fn new(is_resp3: bool) -> Self {
        Self { is_resp3, ..Self::default() }
    }

    /// Takes the complete replies so far, in the order written.
    pub fn take_values(&mut self) -> Vec<Value> {
        debug_assert!(self.open.is_empty(), "an aggregate reply was left incomplete: {:?}", self.open);
        std::mem::take(&mut self.done)
    }

    /// The complete replies so far, in the order written.
    ///
    /// # Panics
    ///
    /// If an aggregate was begun and not all of its elements written: a bug of the command that did so.
    #[must_use]
    pub fn into_values(self) -> Vec<Value> {
        assert!(self.open.is_empty(), "an aggregate reply was left incomplete: {:?}", self.open);
        self.done
    }

    /// Adds a whole reply.
    pub fn add(&mut self, value: Value) {
        let mut value = Some(value);
        while let Some(complete) = value {
            let Some(parent) = self.open.last_mut() else {
                self.done.push(complete);
                return;
            };
            parent.elements.push(complete);
            parent.missing -= 1;
            if parent.missing > 0 {
                return;
            }
            value = self.open.pop().and_then(|closed| closed.shape.close(closed.elements));
        }
    }

    /// Chooses which protocol's shapes it keeps from now on.
    pub fn set_resp3(&mut self, is_resp3: bool) {
        self.is_resp3 = is_resp3;
    }

    /// How many complete replies there are, and elements of incomplete ones.
    #[must_use]
    pub fn count(&self) -> usize {
        self.done.len() + self.open.iter().map(|open| open.elements.len()).sum::<usize>()
    }

    /// The complete reply at a place, or the element that was written last.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&Value> {
        match self.done.get(place) {
            None if place + 1 == self.count() => self.open.last()?.elements.last(),
            found => found,
        }
    }

    /// Takes out all but the first `count` replies, which must be complete.
    #[must_use]
    pub fn split_off(&mut self, count: usize) -> Self {
        Self {
            is_resp3: self.is_resp3,
            open: std::mem::take(&mut self.open),
            done: self.done.split_off(count),
        }
    }

    /// Takes back complete replies, all but the first `count`. Elements of incomplete ones stay.
    pub fn truncate(&mut self, count: usize) {
        self.done.truncate(count);
    }

    fn begin(&mut self, shape: Shape, len: usize) {
        if len > 0 {
            self.open.push(Open { shape, missing: len, elements: Vec::new() });
        } else if let Some(value) = shape.close(Vec::new()) {
            self.add(value);
        }
    }

    /// `shape` for RESP3 readers, a flat array for others.
    fn begin_resp3(&mut self, shape: Shape, len: usize) {
        self.begin(if self.is_resp3 { shape } else { Shape::Array }, len);
    }
}

impl Reply for TreeSink {
    fn simple(&mut self, text: &str) {
        self.add(Value::Simple(text.into()));
    }

    fn error(&mut self, text: &str) {
        self.add(Value::Error(text.into()));
    }

    fn integer(&mut self, value: i64) {
        self.add(Value::Integer(value));
    }

    fn bulk(&mut self, bytes: &[u8]) {
        self.add(Value::Bulk(bytes.into()));
    }

    fn null(&mut self) {
        self.add(Value::Null);
    }

    fn null_array(&mut self) {
        self.add(if self.is_resp3 { Value::Null } else { Value::NullArray });
    }

    fn array(&mut self, len: usize) {
        self.begin(Shape::Array, len);
    }

    fn map(&mut self, len: usize) {
        self.begin_resp3(Shape::Map, len * 2);
    }

    fn set(&mut self, len: usize) {
        self.begin_resp3(Shape::Set, len);
    }

    fn push(&mut self, len: usize) {
        self.begin_resp3(Shape::Push, len);
    }

    fn boolean(&mut self, value: bool) {
        self.add(if self.is_resp3 { Value::Boolean(value) } else { Value::Integer(value.into()) });
    }

    fn double(&mut self, value: f64) {
        self.add(if self.is_resp3 {
            Value::Double(value)
        } else {
            Value::Bulk(encode_double(value).to_vec())
        });
    }

    fn big_number(&mut self, digits: &str) {
        self.add(if self.is_resp3 { Value::BigNumber(digits.into()) } else { Value::Bulk(digits.into()) });
    }

    fn verbatim(&mut self, format: &str, text: &[u8]) {
        self.add(if self.is_resp3 {
            Value::Verbatim(format.into(), text.into())
        } else {
            Value::Bulk(text.into())
        });
    }

    fn attribute(&mut self, len: usize) {
        debug_assert!(self.is_resp3, "RESP2 has no attributes");
        self.begin(Shape::Attribute, len * 2);
    }

    fn is_resp3(&self) -> bool {
        self.is_resp3
    }

    fn aside(&self) -> Option<Box<dyn Gather>> {
        Some(Box::new(Self::new(self.is_resp3)))
    }

    fn take_in(&mut self, gathered: Box<dyn Gather>) {
        let gathered: Box<dyn Any> = gathered;
        if let Ok(gathered) = gathered.downcast::<Self>() {
            gathered.into_values().into_iter().for_each(|value| self.add(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_all(sink: &mut TreeSink) {
        sink.array(3);
        sink.map(1);
        sink.bulk(b"k");
        sink.set(2);
        sink.boolean(true);
        sink.double(1.5);
        sink.array(0);
        sink.null_array();
        sink.integer(7);
    }

    #[test]
    fn resp3_keeps_every_shape() {
        let mut sink = TreeSink::new(true);
        write_all(&mut sink);
        let set = Value::Set(vec![Value::Boolean(true), Value::Double(1.5)]);
        let map = Value::Map(vec![(Value::Bulk(b"k".to_vec()), set)]);
        let array = Value::Array(vec![map, Value::Array(vec![]), Value::Null]);
        assert_eq!(sink.into_values(), [array, Value::Integer(7)]);
    }

    #[test]
    fn resp2_sees_flat_arrays() {
        let mut sink = TreeSink::new(false);
        write_all(&mut sink);
        let set = Value::Array(vec![Value::Integer(1), Value::Bulk(b"1.5".to_vec())]);
        let map = Value::Array(vec![Value::Bulk(b"k".to_vec()), set]);
        let array = Value::Array(vec![map, Value::Array(vec![]), Value::NullArray]);
        assert_eq!(sink.into_values(), [array, Value::Integer(7)]);
    }

    #[test]
    fn attributes_are_dropped() {
        let mut sink = TreeSink::new(true);
        sink.attribute(1);
        sink.simple("ttl");
        sink.array(1);
        sink.integer(3600);
        sink.bulk(b"value");
        assert_eq!(sink.into_values(), [Value::Bulk(b"value".to_vec())]);
    }

    #[test]
    #[should_panic(expected = "left incomplete")]
    fn an_incomplete_reply_is_a_bug() {
        let mut sink = TreeSink::new(true);
        sink.array(2);
        sink.null();
        drop(sink.into_values());
    }
}
