//! The longest single SET on a bare store while its table grows: no operation may pay for a whole table.
//!
//! Not a criterion bench: what counts is the worst of millions of operations, not their mean. Each is timed on the
//! wall clock and on the thread's CPU clock; on a machine that does other things too, only the second one shows what
//! the store did. Usage: `cargo bench -p kora-benches --bench growth -- [KEYS]`.
#![expect(clippy::print_stdout, reason = "a bench talks to the terminal")]

use std::time::{Duration, Instant};

use kora_core::command::table::{CommandTable, Handler};
use kora_core::config::CoreConfig;
use kora_core::context::{Ctx, Stores};
use kora_core::journal::Journal;
use kora_core::reply::tree::TreeSink;
use kora_core::shard::store::{DbIndex, ShardStore};
use kora_core::slot::ShardId;
use kora_core::time::UnixMs;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Keys if none are asked for.
const KEYS: usize = 20_000_000;

/// No operation may keep a worker for longer.
const PAUSE_MAX: Duration = Duration::from_millis(2);

/// The worst that was met.
#[derive(Default)]
struct Worst {
    time: Duration,
    /// Number of keys at that moment.
    keys: usize,
}

impl Worst {
    fn note(&mut self, time: Duration, keys: usize) {
        if time > self.time {
            *self = Self { time, keys };
        }
    }
}

fn main() -> anyhow::Result<()> {
    // Cargo adds `--bench`.
    let keys = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let keys = keys.map_or(Ok(KEYS), |keys| keys.parse())?;
    let table = CommandTable::<()>::new(&[]);
    let Some(Handler::Core(set)) = table.find(b"set").map(|command| command.handler) else {
        anyhow::bail!("there is no SET");
    };
    let mut store = ShardStore::new(ShardId(0), CoreConfig::default(), 1);
    let mut journal = Journal::default();
    let (mut on_wall, mut on_cpu) = (Worst::default(), Worst::default());
    let begun = Instant::now();
    for index in 0..keys {
        let key = format!("key:{index:012}");
        let mut out = TreeSink::new(true);
        let (wall, cpu) = (Instant::now(), thread_time());
        let stores = Stores::One(&mut store);
        let mut ctx = Ctx { stores, journal: &mut journal, db: DbIndex(0), now: UnixMs(0), no_touch: false };
        set(&mut ctx, &[b"SET", key.as_bytes(), b"a value of 16 B."], &mut out)?;
        on_cpu.note(thread_time().saturating_sub(cpu), index);
        on_wall.note(wall.elapsed(), index);
    }
    println!(
        "A bare store grew to {keys} keys in {:.1} s. Longest SET: {:.0?} of CPU time (at {} keys), \
         {:.0?} on the wall clock (at {} keys).",
        begun.elapsed().as_secs_f64(),
        on_cpu.time,
        on_cpu.keys,
        on_wall.time,
        on_wall.keys
    );
    anyhow::ensure!(on_cpu.time <= PAUSE_MAX, "a SET took longer than {PAUSE_MAX:?}");
    Ok(())
}

/// CPU time of this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
