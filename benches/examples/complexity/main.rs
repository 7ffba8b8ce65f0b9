//! How the cost of each command grows with the collection that it works on: fills a store, then runs one command many times
//! in [`measured`], whose instructions an instruction counter outside counts. `cargo xtask bench --complexity` does so for
//! all rows, at several sizes.
//!
//! `complexity rows` names the rows; `complexity run ROW SIZE` does the work of one. A row is a command line, with `{first}`,
//! `{quarter}`, `{middle}` and `{last}` for positions, and `{new}` for a text that is new each time. A type adds its rows in a
//! file of its own.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

mod geo;
mod list;
mod sorted_set;
mod stream;

use std::hint::black_box;

use anyhow::{Context as _, bail, ensure};
use kora_core::command::table::{CommandTable, Handler};
use kora_core::config::CoreConfig;
use kora_core::context::{CoreHandler, Ctx, Stores};
use kora_core::db::DbIndex;
use kora_core::journal::Journal;
use kora_core::reply::tree::TreeSink;
use kora_core::slot::ShardId;
use kora_core::store::ShardStore;
use kora_core::time::UnixMs;

/// Times that a row's command is run.
const RUNS: usize = 64;

/// How the cost of a command may grow with the size of its collection.
#[derive(Clone, Copy)]
pub(crate) enum Growth {
    /// Not at all, or with the logarithm.
    Flat,
    /// In proportion to the size.
    Linear,
}

/// A command to be measured.
pub(crate) struct Row {
    /// The command line.
    pub(crate) command: &'static str,
    /// Makes the keys, with so many elements.
    pub(crate) fill: fn(&mut Shard, usize),
    pub(crate) growth: Growth,
}

/// All rows.
const ROWS: &[&[Row]] = &[list::ROWS, sorted_set::ROWS, geo::ROWS, stream::ROWS];

/// One store, driven command by command.
pub(crate) struct Shard {
    store: ShardStore,
    journal: Journal,
    commands: CommandTable<()>,
}

impl Shard {
    fn new() -> Self {
        let store = ShardStore::new(ShardId(0), CoreConfig::default(), 1);
        Self { store, journal: Journal::default(), commands: CommandTable::new(&[], &[]) }
    }

    fn handler(&self, args: &[&[u8]]) -> anyhow::Result<CoreHandler> {
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

    fn call(&mut self, handler: CoreHandler, args: &[&[u8]]) {
        let mut out = TreeSink::new(true);
        let stores = Stores::One(&mut self.store);
        let mut ctx = Ctx::bare(stores, &mut self.journal, DbIndex(0), UnixMs(1));
        handler(&mut ctx, args, &mut out).expect("the rows' commands fit their keys");
        black_box(out);
    }
}

/// What the counter counts: the name is known to `cargo xtask bench`.
#[inline(never)]
fn measured(shard: &mut Shard, handler: CoreHandler, lines: &[Vec<Vec<u8>>]) {
    for line in lines {
        let args: Vec<&[u8]> = line.iter().map(Vec::as_slice).collect();
        shard.call(handler, &args);
    }
}

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["rows"] => {
            for row in ROWS.iter().copied().flatten() {
                let growth = match row.growth {
                    Growth::Flat => "flat",
                    Growth::Linear => "linear",
                };
                println!("{growth}\t{}", row.command);
            }
            Ok(())
        }
        ["run", command, size] => run(command, size.parse()?),
        _ => bail!("`rows`, or `run ROW SIZE`"),
    }
}

fn run(command: &str, size: usize) -> anyhow::Result<()> {
    ensure!(size >= RUNS * 2, "a size of at least {}", RUNS * 2);
    let row = ROWS.iter().copied().flatten().find(|row| row.command == command).context("no such row")?;
    let mut shard = Shard::new();
    (row.fill)(&mut shard, size);
    let lines: Vec<_> = (0..RUNS).map(|turn| words(command, size, turn)).collect();
    let handler = shard.handler(&lines[0].iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    measured(&mut shard, handler, &lines);
    println!("{RUNS}");
    Ok(())
}

fn words(command: &str, size: usize, turn: usize) -> Vec<Vec<u8>> {
    let places = [
        ("{first}", turn.to_string()),
        ("{quarter}", (size / 4 + turn).to_string()),
        ("{middle}", (size / 2 + turn).to_string()),
        ("{last}", (size - RUNS + turn).to_string()),
        ("{new}", format!("new:{turn:08}")),
    ];
    let filled =
        |word: &str| places.iter().fold(word.to_owned(), |word, (name, text)| word.replace(name, text));
    command.split(' ').map(|word| filled(word).into_bytes()).collect()
}
