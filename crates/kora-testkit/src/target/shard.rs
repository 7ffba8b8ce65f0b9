//! One shard of Kora in this process: no socket, no thread, and a clock that moves only when a transcript waits.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use kora_core::command::table::{CommandTable, Handler};
use kora_core::config::CoreConfig;
use kora_core::db::DbIndex;
use kora_core::reply::tree::TreeSink;
use kora_core::reply::{Reply, Value};
use kora_core::shard::claim::Abandoned;
use kora_core::shard::hub::Wake;
use kora_core::shard::operation::{Driver, Operation, Part, Request, Setting};
use kora_core::shard::replies::{Replies as _, TreeReplies};
use kora_core::shard::route::Placement;
use kora_core::shard::runner::{Ran, Shard, new_shards};
use kora_core::shard::serve::Blocked;
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

/// A shard's connection, by number.
type ConnectionId = usize;

#[derive(Debug)]
struct BareDriver;

impl Driver for BareDriver {
    type Replies = TreeReplies;
    type Origin = ConnectionId;
    type Mail = ();

    fn home(_: &ConnectionId) -> Option<ShardId> {
        Some(ShardId(0))
    }

    fn deliver(_: Part<Self>) {
        unreachable!("the only shard is every connection's home");
    }

    fn blocked(_: Blocked<Self>) {
        unreachable!("the only shard is every connection's home");
    }
}

/// Nobody sleeps here.
#[derive(Debug)]
struct NoBell;

impl Wake for NoBell {
    fn wake(&self) {}
}

#[derive(Debug)]
struct BareShard {
    table: CommandTable<()>,
    shard: Shard<BareDriver>,
    now: UnixMs,
    /// Replies that were not read yet.
    replies: HashMap<ConnectionId, VecDeque<Value>>,
    /// Operations that wait.
    blocked: Vec<Blocked<BareDriver>>,
    connection_count: usize,
}

impl Default for ShardTarget {
    fn default() -> Self {
        let mut shards = new_shards(vec![Box::new(NoBell)], &CoreConfig::default(), 1);
        let shard = BareShard {
            table: CommandTable::new(&[], &[]),
            shard: shards.remove(0),
            now: START,
            replies: HashMap::new(),
            blocked: Vec::new(),
            connection_count: 0,
        };
        Self { shard: Rc::new(RefCell::new(shard)) }
    }
}

impl Target for ShardTarget {
    fn connect(&mut self, resp: Resp) -> io::Result<Box<dyn Connection>> {
        let id = {
            let mut shard = self.shard.borrow_mut();
            shard.connection_count += 1;
            shard.connection_count
        };
        let shard = Rc::clone(&self.shard);
        Ok(Box::new(ShardConnection { shard, id, resp, db: DbIndex(0) }))
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
        shard.end_due_waits();
    }

    fn now_ms(&self) -> i64 {
        self.shard.borrow().now.0
    }
}

impl BareShard {
    fn run(&mut self, connection: ConnectionId, db: DbIndex, resp: Resp, args: &[&[u8]]) {
        let mut sink = TreeSink::new(resp == Resp::V3);
        let command = match self.table.resolve(args) {
            Ok(command) => command,
            Err(error) => {
                sink.refuse(&error);
                return self.reply(connection, sink.into_values());
            }
        };
        let Handler::Core(handler) = command.handler else { unreachable!("there is no driver") };
        let style = resp == Resp::V3;
        let setting = Setting { db, now: self.now, no_touch: false, style, watch: None };
        assert!(self.shard.is_free(), "nothing waits for a lane where there is one shard");
        match self.shard.run((command.facts, handler), args, &setting, &mut sink) {
            Ran::Replied => self.reply(connection, sink.into_values()),
            Ran::Paused(_) => unreachable!("nothing here takes long"),
            Ran::Deferred => {
                let mut request = Request::default();
                let here = ShardId(0);
                request.push((command.facts, handler), args, &Placement::One(here), 1, here);
                self.shard.submit(request, setting, connection);
            }
        }
        self.settle();
    }

    /// Takes what the shard has to say to connections.
    fn settle(&mut self) {
        self.shard.poll();
        let blocked = self.shard.take_blocked();
        self.blocked.extend(blocked);
        for part in self.shard.take_finished() {
            self.blocked.retain(|blocked| !Arc::ptr_eq(&blocked.operation, &part.operation));
            self.answer(part);
        }
    }

    fn answer(&mut self, part: Part<BareDriver>) {
        let operation = Arc::clone(&part.operation);
        let mut whole = TreeReplies::new(true);
        operation.assemble(&mut [part], &mut whole);
        self.reply(operation.origin, whole.into_values());
    }

    fn reply(&mut self, connection: ConnectionId, values: Vec<Value>) {
        self.replies.entry(connection).or_default().extend(values);
    }

    /// Ends the waits whose time has come.
    fn end_due_waits(&mut self) {
        let now = self.now;
        let is_due = |blocked: &Blocked<BareDriver>| blocked.waiter.until().is_some_and(|until| until <= now);
        let due = self.end_waits(is_due);
        due.into_iter().for_each(|operation| self.answer(operation.timed_out()));
    }

    /// Ends waits; returns those that nothing will be heard of any more.
    fn end_waits(
        &mut self,
        is_over: impl Fn(&Blocked<BareDriver>) -> bool,
    ) -> Vec<Arc<Operation<BareDriver>>> {
        let mut ended: Vec<_> = self.blocked.extract_if(.., |blocked| is_over(blocked)).collect();
        ended.sort_by_key(|blocked| blocked.waiter.until());
        ended.retain(|blocked| blocked.operation.abandon() == Abandoned::Now);
        for blocked in &ended {
            self.shard.hub().forget(&blocked.waiter);
        }
        self.shard.poll();
        ended.into_iter().map(|blocked| blocked.operation).collect()
    }
}

/// SELECT belongs to connections, so the core does not have it; transcripts of keys need it.
fn is_select(args: &[Vec<u8>]) -> bool {
    args.len() == 2 && args[0].eq_ignore_ascii_case(b"SELECT")
}

struct ShardConnection {
    shard: Rc<RefCell<BareShard>>,
    id: ConnectionId,
    resp: Resp,
    db: DbIndex,
}

impl Drop for ShardConnection {
    fn drop(&mut self) {
        let id = self.id;
        self.shard.borrow_mut().end_waits(|blocked| blocked.operation.origin == id);
    }
}

impl Connection for ShardConnection {
    fn send(&mut self, args: &[Vec<u8>]) -> io::Result<()> {
        if is_select(args) {
            let value = self.select(&args[1]);
            self.shard.borrow_mut().reply(self.id, vec![value]);
        } else {
            let args: Vec<_> = args.iter().map(Vec::as_slice).collect();
            self.shard.borrow_mut().run(self.id, self.db, self.resp, &args);
        }
        Ok(())
    }

    fn send_raw(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::Error::other("a shard has no wire"))
    }

    fn receive(&mut self) -> io::Result<Frame> {
        let reply = self.shard.borrow_mut().replies.get_mut(&self.id).and_then(VecDeque::pop_front);
        let reply = reply.ok_or_else(|| io::Error::other("there is no reply"))?;
        Ok(frame(&reply, self.resp))
    }
}

impl ShardConnection {
    fn select(&mut self, db: &[u8]) -> Value {
        let db = std::str::from_utf8(db).ok().and_then(|text| text.parse().ok());
        let mut shard = self.shard.borrow_mut();
        let store = shard.shard.store().expect("the only shard lends its store to nobody");
        match db.filter(|db| *db < store.config().database_count) {
            Some(db) => {
                self.db = DbIndex(db);
                Value::Simple("OK".to_owned())
            }
            None => Value::Error("ERR DB index is out of range".to_owned()),
        }
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
