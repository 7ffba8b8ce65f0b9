//! `durability roundtrip`: data sets of every type and encoding, at sizes about every threshold, carried between servers.
//!
//! A set is made on one server by ordinary commands, saved, and loaded by another; then each key goes over by DUMP and RESTORE.
//! What both hold is read by commands and compared, with the names of the encodings, which the source tells after it has
//! loaded its own file again: loading may choose a smaller form. `redis-check-rdb` looks at Kora's files, if it is there.

mod data;
mod state;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use kora_testkit::durability::program::{Launch, Program};
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;

use data::{DataSet, data_sets};
use state::{Depth, Difference, Entry, read_all};

/// Options of `durability roundtrip`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The kora-server program; built in release if not given
    #[arg(long, value_name = "PATH")]
    kora: Option<PathBuf>,
    /// A redis-server 8.0; redis-check-rdb is looked for beside it
    #[arg(long, value_name = "PATH")]
    redis: Option<PathBuf>,
    /// A valkey-server 8.1
    #[arg(long, value_name = "PATH")]
    valkey: Option<PathBuf>,
    /// Only data sets whose name contains this
    #[arg(default_value = "")]
    only: String,
}

/// A server that takes part.
struct Party {
    name: &'static str,
    path: PathBuf,
    has_field_deadlines: bool,
    /// The newest version of payloads that RESTORE takes.
    dump_version_max: u16,
    checker: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let kora = match &args.kora {
        Some(path) => path.clone(),
        None => crate::program::build_kora()?,
    };
    let party = |name, path: &Path, has_field_deadlines| {
        let checker = path.with_file_name("redis-check-rdb");
        let checker = Some(checker).filter(|path| path.is_file());
        let dump_version_max = if has_field_deadlines { 12 } else { 11 };
        Party { name, path: path.to_owned(), has_field_deadlines, dump_version_max, checker }
    };
    let kora = party("kora", &kora, true);
    let others: Vec<_> = [("redis", &args.redis, true), ("valkey", &args.valkey, false)]
        .into_iter()
        .filter_map(|(name, path, fields)| Some(party(name, path.as_deref()?, fields)))
        .collect();
    if others.is_empty() {
        println!("no reference server was given: Kora's files are only read by Kora");
    }
    let mut failures = 0;
    for set in data_sets().iter().filter(|set| set.name.contains(&args.only)) {
        let mut ways = vec![(&kora, &kora)];
        let able = |party: &&Party| party.has_field_deadlines || !set.has_field_deadlines;
        others.iter().filter(able).for_each(|other| ways.extend([(&kora, other), (other, &kora)]));
        for (from, to) in ways {
            let carried = carry(set, from, to);
            let carried =
                carried.with_context(|| format!("{} from {} to {}", set.name, from.name, to.name))?;
            println!("{}: {} -> {}: {}", set.name, from.name, to.name, carried.summary());
            carried.differences.iter().take(12).for_each(|difference| println!("    {difference}"));
            failures += carried.differences.len();
        }
    }
    ensure!(failures == 0, "{failures} differences");
    Ok(())
}

/// What became of one data set on one way.
#[derive(Default)]
struct Carried {
    keys: usize,
    dumps: usize,
    differences: Vec<Difference>,
}

impl Carried {
    fn summary(&self) -> String {
        let Self { keys, dumps, differences } = self;
        let verdict = match differences.len() {
            0 => "the same".to_owned(),
            count => format!("{count} differences"),
        };
        format!("{keys} keys by file, {dumps} by DUMP: {verdict}")
    }
}

fn carry(set: &DataSet, from: &Party, to: &Party) -> anyhow::Result<Carried> {
    let home = tempfile::tempdir()?;
    let source = start(set, from, &home.path().join("source"))?;
    let mut connection = source.connect()?;
    fill(set, from, &mut connection)?;
    let made = read_all(&mut connection, from.has_field_deadlines)?;
    let saved = connection.call(&["SAVE"])?;
    ensure!(!saved.is_error(), "SAVE: {saved}");
    let are_alike = from.name != "valkey" && to.name != "valkey";
    let depth = if are_alike { Depth::Payloads } else { Depth::EncodingsOfCollections };
    let file = home.path().join("source/dump.rdb");
    let mut carried = Carried { keys: made.len(), ..Carried::default() };
    if from.name == "kora" {
        check_file(to, &file)?;
    }
    std::fs::create_dir(home.path().join("target"))?;
    std::fs::copy(&file, home.path().join("target/dump.rdb"))?;
    let target = start(set, to, &home.path().join("target"))?;
    let mut other = target.connect()?;
    let found = read_all(&mut other, to.has_field_deadlines)?;
    // The source's own reading of the file.
    let reloaded = connection.call(&["DEBUG", "RELOAD"])?;
    ensure!(!reloaded.is_error(), "DEBUG RELOAD: {reloaded}");
    let reread = read_all(&mut connection, from.has_field_deadlines)?;
    carried.differences.extend(state::compare(&made, &found, Depth::State, "by file"));
    carried.differences.extend(state::compare(&reread, &found, depth, "by file, after loading"));
    carried.differences.extend(state::compare_functions(&mut connection, &mut other)?);
    restore_each((&reread, depth), &mut other, to, &mut carried)?;
    Ok(carried)
}

fn start(set: &DataSet, party: &Party, dir: &Path) -> anyhow::Result<Program> {
    let common = ["--appendonly", "no", "--save", "", "--enable-debug-command", "yes"];
    let options: Vec<_> = common.iter().chain(&set.options).copied().collect();
    Launch::new(&party.path, dir, &options).start().context(party.name)
}

fn fill(set: &DataSet, party: &Party, connection: &mut TcpConnection) -> anyhow::Result<()> {
    for command in &set.commands {
        connection.send(command)?;
        let reply = connection.receive()?;
        let words: Vec<_> = command.iter().take(3).map(|word| word.escape_ascii().to_string()).collect();
        ensure!(!reply.is_error(), "{} replied to {words:.60?}: {reply}", party.name);
    }
    connection.call(&["SELECT", "0"])?;
    Ok(())
}

/// Has the reference server's tool look at a file.
fn check_file(party: &Party, file: &Path) -> anyhow::Result<()> {
    let Some(checker) = party.checker.as_ref().filter(|_| party.name == "redis") else { return Ok(()) };
    let output = Command::new(checker).arg(file).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success() && text.contains("RDB looks OK"), "redis-check-rdb: {text}");
    Ok(())
}

/// Carries each key by DUMP and RESTORE into a database that is empty.
fn restore_each(
    (entries, depth): (&[Entry], Depth),
    other: &mut TcpConnection,
    to: &Party,
    carried: &mut Carried,
) -> anyhow::Result<()> {
    // Valkey refuses what Redis 8 dumps, and so what we do.
    if entries.iter().any(|entry| entry.dump_version() > to.dump_version_max) {
        return Ok(());
    }
    other.call(&["FLUSHALL"])?;
    let mut db = None;
    for entry in entries {
        if db != Some(entry.db) {
            other.call(&["SELECT", &entry.db.to_string()])?;
            db = Some(entry.db);
        }
        let deadline = entry.deadline_ms.max(0).to_string().into_bytes();
        let mut command = vec![b"RESTORE".to_vec(), entry.key.clone(), deadline, entry.dump.clone()];
        if entry.deadline_ms > 0 {
            command.push(b"ABSTTL".to_vec());
        }
        other.send(&command)?;
        let reply = other.receive()?;
        if reply.is_error() {
            carried.differences.push(Difference::new(entry, format!("RESTORE: {reply}")));
        }
        carried.dumps += 1;
    }
    let restored = read_all(other, to.has_field_deadlines)?;
    carried.differences.extend(state::compare(entries, &restored, depth, "by DUMP"));
    Ok(())
}
