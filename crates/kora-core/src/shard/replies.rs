//! Replies on their way from the shards that made them to the connection that waits for them.

use std::collections::VecDeque;

use crate::forward_reply;
use crate::reply::tree::TreeSink;
use crate::reply::{Reply, Value};

/// Collects the replies of one part of an operation, and gives them back one by one in the same order.
///
/// The driver chooses the form: encoded bytes for the server, trees for the library.
pub trait Replies: Reply + Send + std::fmt::Debug + 'static {
    /// How replies are rendered for this connection (the protocol's version).
    type Style: Copy + Send + Sync + std::fmt::Debug + 'static;

    /// An empty collection.
    fn new(style: Self::Style) -> Self;

    /// Closes the reply of one item.
    fn end_item(&mut self);

    /// The next array's head is not kept: its length becomes a count, its elements this item's reply.
    fn begin_elements(&mut self);

    /// Adds a count beside the replies.
    fn push_count(&mut self, count: i64);

    /// The next count in order of pushing; 0 when there is none left.
    fn next_count(&mut self) -> i64;

    /// Moves the next item's reply to the end of `into`, as part of the item that is open there.
    fn move_item(&mut self, into: &mut Self);

    /// Passes over the next item's reply.
    fn skip_item(&mut self);
}

macro_rules! unexpected_shapes {
    ($($method:ident($($name:ident: $type:ty),*)),*) => {
        $(fn $method(&mut self, $($name: $type),*) {
            unexpected();
        })*
    };
}

/// Keeps the integer or the error a handler replies with, for replies that are added up.
#[derive(Debug, Default)]
pub(super) struct SumSink {
    pub(super) sum: i64,
    pub(super) error: Option<String>,
}

impl Reply for SumSink {
    fn integer(&mut self, value: i64) {
        self.sum += value;
    }

    fn error(&mut self, text: &str) {
        self.error = Some(text.to_owned());
    }

    fn array(&mut self, _: usize) {
        unexpected();
    }

    fn is_resp3(&self) -> bool {
        false
    }

    unexpected_shapes!(
        simple(_text: &str), bulk(_bytes: &[u8]), null(), null_array(), map(_len: usize), set(_len: usize),
        push(_len: usize), boolean(_value: bool), double(_value: f64), big_number(_digits: &str),
        verbatim(_format: &str, _text: &[u8]), attribute(_len: usize)
    );
}

fn unexpected() {
    debug_assert!(false, "a command whose replies are added up answers with integers");
}

/// Replies as trees: for the library and for tests.
#[derive(Debug)]
pub struct TreeReplies {
    sink: TreeSink,
    items: VecDeque<Vec<Value>>,
    counts: VecDeque<i64>,
    skips_head: bool,
}

impl TreeReplies {
    /// The replies, one for each item.
    #[must_use]
    pub fn into_values(self) -> Vec<Value> {
        self.items.into_iter().flatten().collect()
    }

    /// The replies of items, and what was written behind the last.
    #[must_use]
    pub fn into_all(mut self) -> Vec<Value> {
        self.items.push_back(self.sink.take_values());
        self.into_values()
    }

    /// The replies of each item.
    pub fn items(&self) -> impl Iterator<Item = &[Value]> {
        self.items.iter().map(Vec::as_slice)
    }
}

impl Reply for TreeReplies {
    forward_reply!(sink);

    fn array(&mut self, len: usize) {
        if std::mem::take(&mut self.skips_head) {
            self.push_count(i64::try_from(len).expect("lengths fit"));
        } else {
            self.sink.array(len);
        }
    }

    fn is_resp3(&self) -> bool {
        self.sink.is_resp3()
    }
}

impl Replies for TreeReplies {
    /// Whether trees have RESP3's shapes.
    type Style = bool;

    fn new(is_resp3: bool) -> Self {
        Self {
            sink: TreeSink::new(is_resp3),
            items: VecDeque::new(),
            counts: VecDeque::new(),
            skips_head: false,
        }
    }

    fn end_item(&mut self) {
        self.skips_head = false;
        self.items.push_back(self.sink.take_values());
    }

    fn begin_elements(&mut self) {
        self.skips_head = true;
    }

    fn push_count(&mut self, count: i64) {
        self.counts.push_back(count);
    }

    fn next_count(&mut self) -> i64 {
        self.counts.pop_front().unwrap_or_default()
    }

    fn move_item(&mut self, into: &mut Self) {
        for value in self.items.pop_front().unwrap_or_default() {
            into.sink.add(value);
        }
    }

    fn skip_item(&mut self) {
        self.items.pop_front();
    }
}
