//! One worker of Kora in this process: its turn, driven without a socket and a thread, by a clock that moves only when a
//! transcript waits.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use kora_core::command::table::CommandTable;
use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_engine::front::{ClientId, Origin};
use kora_engine::session::{Choice, Session};
use kora_engine::settings::Settings;

use super::{Connection, Resp, Target};
use crate::frame::Frame;
use crate::stepped::{Stepped, SteppedFront};

/// Commands beside those of the core that need nothing of a server: transactions and scripts.
const OF_ENGINE: [&str; 11] = [
    "multi", "exec", "discard", "watch", "unwatch", "eval", "eval_ro", "evalsha", "fcall", "fcall_ro",
    "function",
];

/// One worker, whose shard is empty at first.
#[derive(Debug)]
pub struct ShardTarget {
    worker: Rc<RefCell<BareWorker>>,
}

#[derive(Debug)]
struct BareWorker {
    /// The commands of the core.
    table: CommandTable<()>,
    engine: Stepped,
    /// Replies that were not read yet.
    replies: HashMap<ClientId, VecDeque<Value>>,
}

impl Default for ShardTarget {
    fn default() -> Self {
        let worker = BareWorker {
            table: CommandTable::new(
                &[kora_doc::COMMANDS, kora_json::COMMANDS, kora_search::COMMANDS, kora_vector::COMMANDS],
                &[],
            ),
            engine: Stepped::new(1, 1, 1),
            replies: HashMap::new(),
        };
        Self { worker: Rc::new(RefCell::new(worker)) }
    }
}

impl Target for ShardTarget {
    fn connect(&mut self, resp: Resp) -> io::Result<Box<dyn Connection>> {
        let origin = self.worker.borrow_mut().connect(resp);
        Ok(Box::new(ShardConnection { worker: Rc::clone(&self.worker), origin, resp }))
    }

    fn has_command(&self, args: &[Vec<u8>]) -> bool {
        is_select(args) || self.worker.borrow().has(&args[0])
    }

    fn is_server(&self) -> bool {
        false
    }

    fn wait(&mut self, time: Duration) {
        let mut worker = self.worker.borrow_mut();
        worker.engine.pass(time);
        worker.go_round();
    }

    fn now_ms(&self) -> i64 {
        self.worker.borrow().engine.now().0
    }
}

impl BareWorker {
    /// Whether it has a command, whatever an engine alone makes of it.
    fn has(&self, name: &[u8]) -> bool {
        let is_own = |own: &&str| own.as_bytes().eq_ignore_ascii_case(name);
        self.table.find(name).is_some() || OF_ENGINE.iter().any(is_own)
    }

    fn connect(&mut self, resp: Resp) -> Origin {
        let choice = Choice { style: resp == Resp::V3, ..Choice::of_program(DbIndex(0)) };
        self.engine.connect(WorkerId(0), choice)
    }

    fn run(&mut self, origin: Origin, args: &[Vec<u8>]) {
        self.engine.send(origin, [args.to_vec()]);
        self.go_round();
    }

    /// Lets the worker do what there is to do.
    fn go_round(&mut self) {
        self.engine.round(0);
        for (client, value) in self.engine.answers() {
            self.replies.entry(client).or_default().push_back(value);
        }
    }

    fn session(&mut self, origin: Origin) -> Option<&mut Session<SteppedFront>> {
        self.engine.turns[0].sessions.of(origin)
    }
}

/// SELECT belongs to servers, so the engine does not have it; transcripts of keys need it.
fn is_select(args: &[Vec<u8>]) -> bool {
    args.len() == 2 && args[0].eq_ignore_ascii_case(b"SELECT")
}

struct ShardConnection {
    worker: Rc<RefCell<BareWorker>>,
    origin: Origin,
    resp: Resp,
}

impl Drop for ShardConnection {
    fn drop(&mut self) {
        let mut worker = self.worker.borrow_mut();
        worker.engine.leave(self.origin);
        worker.replies.remove(&self.origin.client);
        worker.go_round();
    }
}

impl Connection for ShardConnection {
    fn send(&mut self, args: &[Vec<u8>]) -> io::Result<()> {
        if is_select(args) {
            self.select(&args[1]);
        } else {
            self.worker.borrow_mut().run(self.origin, args);
        }
        Ok(())
    }

    fn send_raw(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::Error::other("a shard has no wire"))
    }

    fn receive(&mut self) -> io::Result<Frame> {
        let mut worker = self.worker.borrow_mut();
        let reply = worker.replies.get_mut(&self.origin.client).and_then(VecDeque::pop_front);
        let reply = reply.ok_or_else(|| io::Error::other("there is no reply"))?;
        Ok(frame(&reply, self.resp))
    }
}

impl ShardConnection {
    fn select(&mut self, db: &[u8]) {
        let db = std::str::from_utf8(db).ok().and_then(|text| text.parse().ok());
        let count = Settings::default().core.database_count;
        let mut worker = self.worker.borrow_mut();
        let Some(session) = worker.session(self.origin) else { return };
        let reply = match db.filter(|db| *db < count) {
            Some(db) => {
                session.choice.db = DbIndex(db);
                Value::Simple("OK".to_owned())
            }
            None => Value::Error("ERR DB index is out of range".to_owned()),
        };
        worker.replies.entry(self.origin.client).or_default().push_back(reply);
    }
}

/// A reply as it would travel.
fn frame(value: &Value, resp: Resp) -> Frame {
    let line = |kind, text: &str| Frame::Line { kind, text: kora_core::text::bytes(text).into_owned() };
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
        Value::Double(number) => line(b',', &number.to_string().to_ascii_lowercase()),
        Value::BigNumber(digits) => line(b'(', digits),
        Value::Verbatim(format, text) => {
            Frame::Blob { kind: b'=', bytes: [format.as_bytes(), b":", text].concat() }
        }
    }
}
