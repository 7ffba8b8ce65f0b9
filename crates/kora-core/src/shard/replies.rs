//! Replies on their way from the shards that made them to the connection that waits for them.

use crate::error::CommandError;
use crate::reply::Reply;

/// Collects the replies of one part of an operation, and gives them back one by one in the same order.
///
/// The driver chooses the form: encoded bytes for the server, trees for the library.
pub trait Replies: Reply + Send + 'static {
    /// How replies are rendered for this connection (the protocol's version).
    type Style: Copy + Send + Sync + 'static;

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

/// Keeps the integer or the error a handler replies with, for replies that are added up.
#[derive(Debug, Default)]
pub(super) struct SumSink {
    pub(super) sum: i64,
    pub(super) error: Option<String>,
}

impl SumSink {
    fn unexpected(&mut self) {
        debug_assert!(false, "only integers can be added up");
    }
}

impl Reply for SumSink {
    fn simple(&mut self, _: &str) {
        self.unexpected();
    }
    fn error(&mut self, text: &str) {
        self.error = Some(text.to_owned());
    }
    fn integer(&mut self, value: i64) {
        self.sum += value;
    }
    fn bulk(&mut self, _: &[u8]) {
        self.unexpected();
    }
    fn null(&mut self) {
        self.unexpected();
    }
    fn null_array(&mut self) {
        self.unexpected();
    }
    fn array(&mut self, _: usize) {
        self.unexpected();
    }
    fn map(&mut self, _: usize) {
        self.unexpected();
    }
    fn set(&mut self, _: usize) {
        self.unexpected();
    }
    fn push(&mut self, _: usize) {
        self.unexpected();
    }
    fn boolean(&mut self, _: bool) {
        self.unexpected();
    }
    fn double(&mut self, _: f64) {
        self.unexpected();
    }
    fn big_number(&mut self, _: &str) {
        self.unexpected();
    }
    fn verbatim(&mut self, _: &str, _: &[u8]) {
        self.unexpected();
    }
    fn attribute(&mut self, _: usize) {
        self.unexpected();
    }
    fn is_resp3(&self) -> bool {
        false
    }
    fn refuse(&mut self, error: &CommandError) {
        self.error(&error.to_string());
    }
}
