//! One store, driven command by command.

use std::hint::black_box;

use anyhow::bail;
use kora_core::command::table::{CommandTable, Handler};
use kora_core::config::CoreConfig;
use kora_core::context::{CoreHandler, Ctx, Stores};
use kora_core::db::DbIndex;
use kora_core::journal::Journal;
use kora_core::reply::Value;
use kora_core::reply::tree::TreeSink;
use kora_core::slot::ShardId;
use kora_core::store::ShardStore;
use kora_core::time::UnixMs;

/// Elements that one command of a fixture adds.
const BATCH: usize = 500;

/// See the module.
pub(crate) struct Shard {
    store: Box<ShardStore>,
    journal: Journal,
    commands: CommandTable<()>,
    now: UnixMs,
}

impl Shard {
    pub(crate) fn new() -> Self {
        let store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1));
        let commands = CommandTable::new(&[], &[]);
        Self { store, journal: Journal::default(), commands, now: UnixMs(1) }
    }

    /// Sets the clock.
    pub(crate) fn set_time(&mut self, ms: i64) {
        self.now = UnixMs(ms);
    }

    pub(crate) fn handler(&self, args: &[&[u8]]) -> anyhow::Result<CoreHandler> {
        match self.commands.resolve(args)?.handler {
            Handler::Core(handler) => Ok(handler),
            Handler::Driver(()) => bail!("{} is none of the core's", args[0].escape_ascii()),
        }
    }

    /// Runs a command that is not measured.
    ///
    /// # Panics
    /// If it is refused: the rows are wrong then.
    pub(crate) fn run(&mut self, args: &[&[u8]]) {
        let handler = self.handler(args).expect("a command of the core");
        self.call(handler, args);
    }

    /// Runs a command that is not measured, and frees what it threw away.
    pub(crate) fn run_line(&mut self, words: &[Vec<u8>]) {
        self.run(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        self.free();
    }

    /// Adds elements to a value, many with each command: the arguments of each are those that `element` gives.
    pub(crate) fn fill<const N: usize>(
        &mut self,
        head: &[&str],
        size: usize,
        element: impl Fn(usize) -> [String; N],
    ) {
        for first in (0..size).step_by(BATCH) {
            let texts: Vec<String> = (first..size.min(first + BATCH)).flat_map(&element).collect();
            let args: Vec<&[u8]> =
                head.iter().copied().chain(texts.iter().map(String::as_str)).map(str::as_bytes).collect();
            self.run(&args);
        }
    }

    /// The DUMP of a key.
    pub(crate) fn dump(&mut self, key: &str) -> Vec<u8> {
        let args: [&[u8]; 2] = [b"DUMP", key.as_bytes()];
        let handler = self.handler(&args).expect("DUMP is one of the core's");
        match self.reply(handler, &args).take_values().pop() {
            Some(Value::Bulk(payload)) => payload.to_vec(),
            other => panic!("{key} has no payload: {other:?}"),
        }
    }

    /// Frees what was thrown away: in the server a thread does that.
    pub(crate) fn free(&mut self) {
        drop(self.store.take_garbage());
    }

    pub(crate) fn call(&mut self, handler: CoreHandler, args: &[&[u8]]) {
        black_box(self.reply(handler, args));
    }

    fn reply(&mut self, handler: CoreHandler, args: &[&[u8]]) -> TreeSink {
        let mut out = TreeSink::new(true);
        let stores = Stores::One(&mut self.store);
        let mut ctx = Ctx::bare(stores, &mut self.journal, DbIndex(0), self.now);
        if let Err(error) = handler(&mut ctx, args, &mut out) {
            let line = args.iter().take(8).map(|arg| arg.escape_ascii().to_string()).collect::<Vec<_>>();
            panic!("{}: {error}", line.join(" "));
        }
        out
    }
}
