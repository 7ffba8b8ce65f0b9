//! One shard of Kora in this process: no socket, no thread, and a clock that moves only when a transcript waits.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use kora_core::command::table::{CommandTable, Handler};
use kora_core::config::CoreConfig;
use kora_core::context::{Ctx, Stores};
use kora_core::journal::Journal;
use kora_core::reply::tree::TreeSink;
use kora_core::reply::{Reply, Value};
use kora_core::shard::store::{DbIndex, ShardStore};
use kora_core::slot::ShardId;
use kora_core::time::UnixMs;

use super::{Connection, Resp, Target};
use crate::frame::Frame;

/// The time at which a shard starts: some day in 2023.
const START: UnixMs = UnixMs(1_700_000_000_000);

/// One shard, empty at first.
#[derive(Debug)]
pub struct ShardTarget {
    shard: Rc<RefCell<BareShard>>,
}

#[derive(Debug)]
struct BareShard {
    table: CommandTable<()>,
    store: ShardStore,
    journal: Journal,
    now: UnixMs,
}

impl Default for ShardTarget {
    fn default() -> Self {
        let shard = BareShard {
            table: CommandTable::new(&[]),
            store: ShardStore::new(ShardId(0), CoreConfig::default(), 1),
            journal: Journal::default(),
            now: START,
        };
        Self { shard: Rc::new(RefCell::new(shard)) }
    }
}

impl Target for ShardTarget {
    fn connect(&mut self, resp: Resp) -> io::Result<Box<dyn Connection>> {
        let shard = Rc::clone(&self.shard);
        Ok(Box::new(ShardConnection { shard, resp, db: DbIndex(0), replies: VecDeque::new() }))
    }

    fn has_command(&self, args: &[Vec<u8>]) -> bool {
        is_select(args) || self.shard.borrow().table.find(&args[0]).is_some()
    }

    fn is_server(&self) -> bool {
        false
    }

    fn wait(&mut self, time: Duration) {
        let mut shard = self.shard.borrow_mut();
        shard.now.0 += i64::try_from(time.as_millis()).expect("transcripts wait for less than an age");
    }

    fn now_ms(&self) -> i64 {
        self.shard.borrow().now.0
    }
}

/// SELECT belongs to connections, so the core does not have it; transcripts of keys need it.
fn is_select(args: &[Vec<u8>]) -> bool {
    args.len() == 2 && args[0].eq_ignore_ascii_case(b"SELECT")
}

struct ShardConnection {
    shard: Rc<RefCell<BareShard>>,
    resp: Resp,
    db: DbIndex,
    replies: VecDeque<Frame>,
}

impl Connection for ShardConnection {
    fn send(&mut self, args: &[Vec<u8>]) -> io::Result<()> {
        let value = if is_select(args) { self.select(&args[1]) } else { self.run(args) };
        self.replies.push_back(frame(&value, self.resp));
        Ok(())
    }

    fn send_raw(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::Error::other("a shard has no wire"))
    }

    fn receive(&mut self) -> io::Result<Frame> {
        self.replies.pop_front().ok_or_else(|| io::Error::other("there was no command"))
    }
}

impl ShardConnection {
    fn select(&mut self, db: &[u8]) -> Value {
        let db = std::str::from_utf8(db).ok().and_then(|text| text.parse().ok());
        let count = self.shard.borrow().store.config().database_count;
        match db.filter(|db| *db < count) {
            Some(db) => {
                self.db = DbIndex(db);
                Value::Simple("OK".to_owned())
            }
            None => Value::Error("ERR DB index is out of range".to_owned()),
        }
    }

    fn run(&mut self, args: &[Vec<u8>]) -> Value {
        let args: Vec<_> = args.iter().map(Vec::as_slice).collect();
        let mut shard = self.shard.borrow_mut();
        let BareShard { table, store, journal, now } = &mut *shard;
        let mut sink = TreeSink::new(self.resp == Resp::V3);
        let result = table.resolve(&args).and_then(|command| {
            let Handler::Core(handler) = command.handler else { unreachable!("there is no driver") };
            let stores = Stores::One(store);
            handler(&mut Ctx { stores, journal, db: self.db, now: *now, no_touch: false }, &args, &mut sink)
        });
        if let Err(error) = result {
            sink.refuse(&error);
        }
        sink.into_values().pop().expect("a command has a reply")
    }
}

/// A reply as it would travel.
fn frame(value: &Value, resp: Resp) -> Frame {
    let line = |kind, text: &str| Frame::Line { kind, text: text.as_bytes().to_vec() };
    let many = |kind, values: &[Value]| {
        let items = values.iter().map(|value| frame(value, resp)).collect();
        Frame::Many { kind, items }
    };
    match value {
        Value::Simple(text) => line(b'+', text),
        Value::Error(text) => line(b'-', &text.replace(['\r', '\n'], " ")),
        Value::Integer(number) => line(b':', &number.to_string()),
        Value::Bulk(bytes) => Frame::Blob { kind: b'$', bytes: bytes.clone() },
        Value::Null | Value::NullArray if resp == Resp::V3 => line(b'_', ""),
        Value::Null => Frame::Nil { kind: b'$' },
        Value::NullArray => Frame::Nil { kind: b'*' },
        Value::Array(values) => many(b'*', values),
        Value::Set(values) => many(b'~', values),
        Value::Push(values) => many(b'>', values),
        Value::Map(pairs) => {
            let values: Vec<_> = pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect();
            many(b'%', &values)
        }
        Value::Boolean(truth) => line(b'#', if *truth { "t" } else { "f" }),
        Value::Double(number) => line(b',', &number.to_string()),
        Value::BigNumber(digits) => line(b'(', digits),
        Value::Verbatim(format, text) => {
            Frame::Blob { kind: b'=', bytes: [format.as_bytes(), b":", text].concat() }
        }
    }
}
