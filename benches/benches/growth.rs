//! The longest single SET on a bare store while its table grows: no operation may pay for a whole table.
//!
//! Not a criterion bench: what counts is the worst of millions of operations, not their mean. Each is timed on the
//! thread's CPU clock. Even that one counts what the machine under a virtual machine takes for itself, so when an
//! operation took too long all is repeated, and only what took long at the same key every time is the store's doing.
//! Usage: `cargo bench -p kora-benches --bench growth -- [KEYS]`.
#![expect(clippy::print_stdout, reason = "a bench talks to the terminal")]

use std::collections::BTreeMap;
use std::time::Duration;

use kora_core::command::table::{CommandTable, Handler};
use kora_core::config::CoreConfig;
use kora_core::context::{CoreHandler, Ctx, Stores};
use kora_core::db::DbIndex;
use kora_core::journal::Journal;
use kora_core::reply::tree::TreeSink;
use kora_core::slot::ShardId;
use kora_core::store::ShardStore;
use kora_core::time::UnixMs;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Keys if none are asked for.
const KEYS: usize = 20_000_000;

/// No operation may keep a worker for longer.
const PAUSE_MAX: Duration = Duration::from_millis(2);

/// Operations that take longer are remembered.
const NOTED: Duration = Duration::from_micros(500);

/// Most times the growth is repeated to tell the store's pauses from the machine's.
const RUNS_MAX: usize = 5;

fn main() -> anyhow::Result<()> {
    // Cargo adds `--bench`.
    let keys = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let keys = keys.map_or(Ok(KEYS), |keys| keys.parse())?;
    let table = CommandTable::<()>::new(&[], &[]);
    let Some(Handler::Core(set)) = table.find(b"set").map(|command| command.handler) else {
        anyhow::bail!("there is no SET");
    };
    let mut slow = grow(keys, set)?;
    report("run 1", &slow);
    for run in 2..=RUNS_MAX {
        if longest(&slow) <= PAUSE_MAX {
            break;
        }
        let again = grow(keys, set)?;
        report(&format!("run {run}"), &again);
        slow.retain(|at, _| again.contains_key(at));
        slow.iter_mut().for_each(|(at, time)| *time = again[at].min(*time));
    }
    println!(
        "A bare store grew to {keys} keys. Longest SET at the same key in every run: {:.0?}.",
        longest(&slow)
    );
    anyhow::ensure!(longest(&slow) <= PAUSE_MAX, "a SET takes longer than {PAUSE_MAX:?}");
    Ok(())
}

/// Sets so many keys, always the same in the same order; the operations that took long, by number.
fn grow(keys: usize, set: CoreHandler) -> anyhow::Result<BTreeMap<usize, Duration>> {
    let mut store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1));
    let mut journal = Journal::default();
    let mut slow = BTreeMap::new();
    for index in 0..keys {
        let key = format!("key:{index:012}");
        let mut out = TreeSink::new(true);
        let begun = thread_time();
        let stores = Stores::One(&mut store);
        let mut ctx = Ctx::bare(stores, &mut journal, DbIndex(0), UnixMs(0));
        set(&mut ctx, &[b"SET", key.as_bytes(), b"a value of 16 B."], &mut out)?;
        let time = thread_time().saturating_sub(begun);
        if time > NOTED {
            slow.insert(index, time);
        }
    }
    Ok(slow)
}

fn report(run: &str, slow: &BTreeMap<usize, Duration>) {
    println!("{run}: {} of the SETs took longer than {NOTED:?}, {:.0?} at most", slow.len(), longest(slow));
}

fn longest(slow: &BTreeMap<usize, Duration>) -> Duration {
    slow.values().copied().max().unwrap_or_default()
}

/// CPU time of this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
