//! A front whose sessions read replies as values: for a program that has the engine in itself, and for tests.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use kora_core::forward_reply;
use kora_core::reply::tree::TreeSink;
use kora_core::reply::{Reply, Value};
use kora_core::shard::replies::{Replies, TreeReplies};

use super::probe::{NoProbe, Probe};
use super::{Collect, Front, OUTPUT_HIGH_WATER_BYTES, Output, Standing};
use crate::pubsub::{Publication, Via};

/// See the module. `L` is what is kept with a session, `M` what the workers tell each other, `P` what a test does to them.
pub struct ValueFront<L, M, P = NoProbe> {
    elapsed: Box<dyn Fn() -> Duration + Send + Sync>,
    types: PhantomData<fn() -> (L, M)>,
    probe: PhantomData<fn() -> P>,
}

impl<L, M, P> fmt::Debug for ValueFront<L, M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValueFront")
    }
}

impl<L, M, P> ValueFront<L, M, P> {
    /// A front that goes by this clock: time since some moment that stays the same.
    pub fn new(elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { elapsed: Box::new(elapsed), types: PhantomData, probe: PhantomData }
    }
}

/// What others may know of a client of a [`ValueFront`].
#[derive(Debug)]
pub struct ValueClient<L: fmt::Debug + 'static, M: fmt::Debug + Send + 'static, P: Probe = NoProbe>(
    pub Standing<ValueFront<L, M, P>>,
);

impl<L: fmt::Debug, M: fmt::Debug + Send, P: Probe> Deref for ValueClient<L, M, P> {
    type Target = Standing<ValueFront<L, M, P>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<L: fmt::Debug + 'static, M: fmt::Debug + Send + 'static, P: Probe> Front for ValueFront<L, M, P> {
    type Replies = ValueReplies;
    type Output = Values;
    type Head = Vec<Value>;
    type Link = L;
    type Client = ValueClient<L, M, P>;
    type Buffers = ();
    type Mail = M;
    type Probe = P;

    fn elapsed(&self) -> Duration {
        (self.elapsed)()
    }

    /// Commands are not timed.
    fn nanoseconds() -> u64 {
        0
    }

    fn plain() -> bool {
        true
    }

    fn tells_messages_apart(_: bool) -> bool {
        true
    }

    fn style_of(_: bool) -> bool {
        true
    }

    fn prepare((): &mut (), _: &mut Values, _: bool) {}

    fn with_head<T>(via: Via<'_>, body: impl FnOnce(&Vec<Value>) -> T) -> T {
        let bulk = |bytes: &[u8]| Value::Bulk(bytes.into());
        body(&match via {
            Via::Channel => vec![bulk(b"message")],
            Via::ShardChannel => vec![bulk(b"smessage")],
            Via::Pattern(pattern) => vec![bulk(b"pmessage"), bulk(pattern)],
        })
    }

    fn push(output: &mut Values, _: bool, head: &Vec<Value>, publication: &Publication) {
        let mut words = head.clone();
        words.extend([publication.channel(), publication.payload()].map(|bytes| Value::Bulk(bytes.into())));
        output.sink.add(Value::Push(words));
    }

    fn has_input(_: &L) -> bool {
        true
    }
}

/// Replies and messages as values. A position counts values, and elements of one that is not complete.
#[derive(Debug, Default)]
pub struct Values {
    sink: TreeSink,
}

impl Values {
    /// Takes what is there: all of it is complete between two batches of commands.
    pub fn take(&mut self) -> Vec<Value> {
        self.sink.take_values()
    }
}

/// Writes a reply to [`Values`].
#[derive(Debug)]
pub struct ValueSink<'a> {
    sink: &'a mut TreeSink,
}

impl Reply for ValueSink<'_> {
    forward_reply!(sink);

    fn array(&mut self, len: usize) {
        self.sink.array(len);
    }

    fn is_resp3(&self) -> bool {
        self.sink.is_resp3()
    }
}

/// The style says whether values have RESP3's shapes.
impl Output<bool> for Values {
    type Sink<'a> = ValueSink<'a>;

    fn sink(&mut self, is_resp3: bool) -> ValueSink<'_> {
        self.sink.set_resp3(is_resp3);
        ValueSink { sink: &mut self.sink }
    }

    fn end(&self) -> usize {
        self.sink.count()
    }

    fn truncate(&mut self, position: usize) {
        self.sink.truncate(position);
    }

    /// That of the last command of an EXEC is not found any more, since it completes the reply to EXEC.
    fn error_at(&self, position: usize) -> Option<&[u8]> {
        match self.sink.get(position)? {
            Value::Error(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    fn unsent(&self) -> usize {
        self.sink.count()
    }

    fn has_room(&self) -> bool {
        self.unsent() < OUTPUT_HIGH_WATER_BYTES
    }

    fn append(&mut self, mut other: Self) {
        other.take().into_iter().for_each(|value| self.sink.add(value));
    }

    fn split_off(&mut self, kept: usize) -> Self {
        Self { sink: self.sink.split_off(kept) }
    }

    fn refuse_from(&mut self, kept: usize, _: bool, error: &str) -> bool {
        let mut values = self.take();
        for value in values.iter_mut().skip(kept).filter(|value| !matches!(value, Value::Push(_))) {
            *value = Value::Error(error.into());
        }
        values.into_iter().for_each(|value| self.sink.add(value));
        true
    }
}

/// Replies of one part of an operation as values.
#[derive(Debug)]
pub struct ValueReplies {
    /// What they are put behind.
    output: Values,
    tree: TreeReplies,
}

impl Reply for ValueReplies {
    forward_reply!(tree);

    fn array(&mut self, len: usize) {
        self.tree.array(len);
    }

    fn is_resp3(&self) -> bool {
        self.tree.is_resp3()
    }
}

impl Replies for ValueReplies {
    type Style = bool;

    fn new(is_resp3: bool) -> Self {
        Self::over(Values::default(), is_resp3)
    }

    fn end_item(&mut self) {
        self.tree.end_item();
    }

    fn begin_elements(&mut self) {
        self.tree.begin_elements();
    }

    fn push_count(&mut self, count: i64) {
        self.tree.push_count(count);
    }

    fn next_count(&mut self) -> i64 {
        self.tree.next_count()
    }

    fn move_item(&mut self, into: &mut Self) {
        self.tree.move_item(&mut into.tree);
    }

    fn skip_item(&mut self) {
        self.tree.skip_item();
    }
}

impl Collect<Values> for ValueReplies {
    fn over(output: Values, is_resp3: bool) -> Self {
        Self { output, tree: TreeReplies::new(is_resp3) }
    }

    fn into_output(mut self) -> Values {
        self.tree.into_all().into_iter().for_each(|value| self.output.sink.add(value));
        self.output
    }

    fn failures(&self, begin: usize) -> Vec<(usize, usize)> {
        let is_error = |values: &[Value]| matches!(values, [Value::Error(_)]);
        let items = self.tree.items().enumerate();
        items.filter(|(_, values)| is_error(values)).map(|(index, _)| (index, begin + index)).collect()
    }
}
