//! One worker of Kora in this process: its turn, driven without a socket and a thread, by a clock that moves only when a
//! transcript waits.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use kora_core::command::table::CommandTable;
use kora_core::db::DbIndex;
use kora_core::entry::data_type::Extensions;
use kora_core::reply::Value;
use kora_core::shard::hub::Wake;
use kora_core::time::UnixMs;
use kora_engine::assembly::{self, Assembly, assemble};
use kora_engine::front::probe::Probe;
use kora_engine::front::values::{ValueClient, ValueFront};
use kora_engine::front::{ClientId, Origin, Standing};
use kora_engine::persistence::Drive;
use kora_engine::session::{Choice, Session};
use kora_engine::settings::Settings;
use kora_engine::turn::{Args, Commands, Turn};
use kora_storage::disk::RealDisk;

use super::{Connection, Resp, Target};
use crate::frame::Frame;

/// The time at which a worker starts: some day in 2023.
const START: UnixMs = UnixMs(1_700_000_000_000);

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

/// Nobody else works for the engine.
#[derive(Debug)]
struct Alone;

impl Probe for Alone {
    const IS_ALONE: bool = true;
}

/// A session keeps the replies that were not read yet.
type BareFront = ValueFront<VecDeque<Value>, (), Alone>;

/// Nobody sleeps here.
#[derive(Debug)]
struct NoBell;

impl Wake for NoBell {
    fn wake(&self) {}
}

#[derive(Debug)]
struct BareWorker {
    /// The commands of the core.
    table: CommandTable<()>,
    turn: Turn<BareFront>,
    now: UnixMs,
    clock: Arc<AtomicI64>,
    connection_count: u64,
}

/// One command.
struct Single<'a>(&'a [Vec<u8>]);

impl Commands for Single<'_> {
    fn count(&self) -> usize {
        1
    }

    fn args(&self, _: usize) -> Args<'_> {
        self.0.iter().map(Vec::as_slice).collect()
    }

    fn arg(&self, _: usize, at: usize) -> Option<&[u8]> {
        self.0.get(at).map(Vec::as_slice)
    }

    fn rest(&self, _: usize) -> (usize, usize, usize) {
        (1, self.0.len(), self.0.iter().map(Vec::len).sum())
    }
}

impl Default for ShardTarget {
    fn default() -> Self {
        let clock = Arc::new(AtomicI64::new(START.0));
        let Assembly { engine, services, mut shards, .. } = assemble(assembly::Options::<BareFront> {
            settings: Settings::default(),
            wakers: vec![Box::new(NoBell)],
            seed: 1,
            started: START,
            disk: Arc::new(RealDisk),
            drive: Drive::Thread { begin: Instant::now(), entropy: || Ok(0) },
            extensions: Extensions::default(),
            shard_families: &[],
            families: &[],
            script_bytes_max: None,
        })
        .expect("an engine without a disk asks the system for nothing");
        let elapsed = Arc::clone(&clock);
        let front = Arc::new(BareFront::new(move || {
            Duration::from_millis(elapsed.load(Ordering::Relaxed).unsigned_abs())
        }));
        let mut shard = shards.remove(0);
        shard.set_services(Arc::new(services.with(Arc::clone(&front))));
        let worker = BareWorker {
            table: CommandTable::new(&[], &[]),
            turn: Turn::new(shard, engine, front, START),
            now: START,
            clock,
            connection_count: 0,
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
        worker.now.0 += i64::try_from(time.as_millis()).expect("transcripts wait for less than an age");
        worker.clock.store(worker.now.0, Ordering::Relaxed);
        worker.go_round();
    }

    fn now_ms(&self) -> i64 {
        self.worker.borrow().now.0
    }
}

impl BareWorker {
    /// Whether it has a command, whatever an engine alone makes of it.
    fn has(&self, name: &[u8]) -> bool {
        let is_own = |own: &&str| own.as_bytes().eq_ignore_ascii_case(name);
        self.table.find(name).is_some() || OF_ENGINE.iter().any(is_own)
    }

    fn connect(&mut self, resp: Resp) -> Origin {
        self.connection_count += 1;
        let client = ClientId(self.connection_count);
        let origin = Origin { worker: self.turn.id(), slot: self.turn.sessions.next_slot(), client };
        let standing = Arc::new(ValueClient(Standing::new(origin)));
        let choice = Choice { style: resp == Resp::V3, ..Choice::of_program(DbIndex(0)) };
        self.turn.sessions.insert(Session::new(standing, VecDeque::new(), choice));
        origin
    }

    fn run(&mut self, origin: Origin, args: &[Vec<u8>]) {
        self.turn.begin_round(self.now, true);
        if let Some(mut session) = self.turn.sessions.take_to_serve(origin.slot) {
            self.turn.begin_serving(&mut session);
            let done = self.turn.run(&mut session, &Single(args));
            assert_eq!(done, 1, "a transcript waits for the reply to a command before it sends the next");
            self.turn.end_serving(&mut session);
            self.turn.sessions.put(session);
        }
        self.go_round();
    }

    /// Lets the worker do what there is to do.
    fn go_round(&mut self) {
        self.turn.begin_round(self.now, false);
        self.turn.read_mail();
        self.turn.finish_round();
        drop((self.turn.sessions.take_runnable(), self.turn.take_sendable()));
        for session in self.turn.sessions.iter_mut() {
            session.is_dirty = false;
            let replies = session.output.take();
            session.link.extend(replies);
        }
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
        drop(worker.turn.close(self.origin.slot));
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
        let reply = worker.turn.sessions.of(self.origin).and_then(|session| session.link.pop_front());
        let reply = reply.ok_or_else(|| io::Error::other("there is no reply"))?;
        Ok(frame(&reply, self.resp))
    }
}

impl ShardConnection {
    fn select(&mut self, db: &[u8]) {
        let db = std::str::from_utf8(db).ok().and_then(|text| text.parse().ok());
        let count = Settings::default().core.database_count;
        let mut worker = self.worker.borrow_mut();
        let Some(session) = worker.turn.sessions.of(self.origin) else { return };
        let reply = match db.filter(|db| *db < count) {
            Some(db) => {
                session.choice.db = DbIndex(db);
                Value::Simple("OK".to_owned())
            }
            None => Value::Error("ERR DB index is out of range".to_owned()),
        };
        session.link.push_back(reply);
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
