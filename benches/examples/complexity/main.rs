//! How the cost of each command grows with the collection that it works on: fills a store, then runs each command some times in
//! [`measured`], whose instructions an instruction counter outside counts. `cargo xtask bench --complexity` does so for all groups
//! of rows, at several sizes.
//!
//! `complexity rows` names the rows; `complexity run GROUP SIZE [TEXT ...]` does the work of a group, or of those of its rows that contain
//! one of the texts; `complexity uncovered` names the commands of the core that have no row, nor a reason to have none.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

mod excused;
mod geo;
mod hash;
mod keys;
mod list;
mod row;
mod set;
mod shard;
mod sorted_set;
mod stream;
mod string;
mod whole;

use anyhow::{Context as _, bail, ensure};
use kora_core::command::table::CommandTable;
use row::{Group, Growth, Row};
use shard::Shard;

/// The server's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// All groups.
const GROUPS: &[Group] = &[
    keys::GROUP,
    keys::EXPIRED,
    keys::SWEPT,
    string::GROUP,
    string::HYPERLOGLOG,
    list::GROUP,
    hash::GROUP,
    set::GROUP,
    sorted_set::GROUP,
    geo::GROUP,
    stream::GROUP,
];

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["rows"] => print_rows(),
        ["uncovered"] => {
            uncovered().iter().for_each(|name| println!("{name}"));
            Ok(())
        }
        ["run", group, size, ref texts @ ..] => run(group, size.parse()?, texts),
        _ => bail!("`rows`, `uncovered`, or `run GROUP SIZE [TEXT ...]`"),
    }
}

fn print_rows() -> anyhow::Result<()> {
    let commands = CommandTable::<()>::new(&[], &[]);
    for group in GROUPS {
        for (row, command) in group.rows() {
            let growth = match row.growth {
                Growth::Flat => "flat",
                Growth::Linear => "linear",
            };
            let args: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
            let facts = commands.resolve(&args)?.facts;
            println!("{}\t{growth}\t{}\t{command}", group.name, facts.complexity);
        }
    }
    Ok(())
}

/// The commands that nothing is said about.
fn uncovered() -> Vec<&'static str> {
    let commands = CommandTable::<()>::new(&[], &[]);
    let has_row = |id: usize| {
        let mut lines = GROUPS.iter().flat_map(Group::rows);
        lines.any(|(_, command)| {
            let args: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
            commands.resolve(&args).is_ok_and(|found| found.id == id)
        })
    };
    let is_excused = |name: &str| excused::COMMANDS.iter().any(|(excused, _)| *excused == name);
    let all = commands.all().iter();
    all.filter(|command| !is_excused(command.facts.name) && !has_row(command.id))
        .map(|command| command.facts.name)
        .collect()
}

fn run(name: &str, size: usize, texts: &[&str]) -> anyhow::Result<()> {
    ensure!(size >= row::TURNS * 2, "a size of at least {}", row::TURNS * 2);
    let group = GROUPS.iter().find(|group| group.name == name).context("no such group")?;
    let mut shard = Shard::new();
    (group.fill)(&mut shard, size);
    for (row, command) in group.rows() {
        if texts.is_empty() || texts.iter().any(|text| command.contains(text)) {
            run_row(&mut shard, &row, (&command, size))?;
        }
    }
    Ok(())
}

/// Runs a row in its turns. The counter is read where it ends.
fn run_row(shard: &mut Shard, row: &Row, (command, size): (&str, usize)) -> anyhow::Result<()> {
    shard.set_time(row.time());
    for turn in 0..row.turns() {
        for line in row.before {
            shard.run_line(&row::words(&line.replace("{main}", row.main), size, turn, &[]));
        }
        let payload = if command.contains("{payload}") { shard.dump(row.main) } else { Vec::new() };
        let line = row::words(command, size, turn, &payload);
        let args: Vec<&[u8]> = line.iter().map(Vec::as_slice).collect();
        let handler = shard.handler(&args)?;
        measured(shard, handler, &args);
        shard.free();
    }
    println!("{}\t{command}", row.turns());
    row_ends();
    Ok(())
}

/// The function whose instructions are counted: `cargo xtask bench` knows its name.
#[inline(never)]
fn measured(shard: &mut Shard, handler: kora_core::context::CoreHandler, args: &[&[u8]]) {
    shard.call(handler, args);
}

/// Where the counter gives out what it has counted and begins anew: the name is known to `cargo xtask bench`.
#[inline(never)]
fn row_ends() {
    std::hint::black_box(());
}
