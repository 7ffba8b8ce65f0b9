//! Clients that ask for one small value every millisecond, and note for how long they wait.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kora_protocol::encode_request;

use super::Layout;
use super::line::Line;
use crate::bench::process::Server;

/// Time between two requests.
const PERIOD: Duration = Duration::from_millis(1);

/// Connections tried, at most, to get one at a certain worker.
const TRIES: usize = 64;

/// The longest wait of one probe.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stop {
    pub(super) total_us: u64,
    /// For how long the worker ran that serves the probe meanwhile.
    pub(super) work_us: u64,
    /// For how long the server's busiest worker did: it may have had the shard in hand.
    pub(super) busiest_us: u64,
}

/// What a probe's thread and the one that reads it share.
#[derive(Default)]
struct Shared {
    total_us: AtomicU64,
    work_us: AtomicU64,
    busiest_us: AtomicU64,
    is_over: AtomicBool,
}

/// One probe.
struct Probe {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// All probes: on the same shard and on another from another worker's connection, and on another shard from the command's worker.
pub(super) struct Probes([Option<Probe>; 3]);

impl Probes {
    /// Starts them; `own` is the worker of the connection that sends the commands.
    pub(super) fn start(server: &Server, layout: &Layout, own: usize) -> anyhow::Result<Self> {
        let other = if layout.workers == 1 { own } else { (own + 1) % layout.workers };
        let near = Some(Probe::start(server, &layout.near, (other, layout.workers))?);
        let far = |worker| match &layout.far {
            Some(key) => Probe::start(server, key, (worker, layout.workers)).map(Some),
            None => Ok(None),
        };
        Ok(Self([near, far(other)?, far(own)?]))
    }

    /// Forgets what was so far.
    pub(super) fn begin(&self) {
        for probe in self.0.iter().flatten() {
            probe.shared.total_us.store(0, Ordering::Relaxed);
        }
    }

    /// The longest stops since the beginning.
    pub(super) fn end(&self) -> [Option<Stop>; 3] {
        let stop = |probe: &Probe| Stop {
            total_us: probe.shared.total_us.load(Ordering::Relaxed),
            work_us: probe.shared.work_us.load(Ordering::Relaxed),
            busiest_us: probe.shared.busiest_us.load(Ordering::Relaxed),
        };
        self.0.each_ref().map(|probe| probe.as_ref().map(stop))
    }
}

impl Probe {
    /// One whose connection this worker serves, of so many.
    fn start(server: &Server, key: &str, (worker, workers): (usize, usize)) -> anyhow::Result<Self> {
        let line = connect_to(server, worker)?;
        let clocks = Clocks {
            own: worker,
            all: (0..workers)
                .map(|worker| server.thread(&format!("kora-worker-{worker}")))
                .collect::<anyhow::Result<_>>()?,
        };
        let mut request = Vec::new();
        encode_request(&mut request, &[b"GET", key.as_bytes()]);
        let shared = Arc::new(Shared::default());
        let body = {
            let shared = Arc::clone(&shared);
            move || {
                if let Err(error) = ask(line, &request, &clocks, &shared)
                    && !shared.is_over.load(Ordering::Relaxed)
                {
                    eprintln!("a probe failed: {error}");
                }
            }
        };
        Ok(Self { shared, thread: Some(std::thread::spawn(body)) })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its failure was told.
            let _ = thread.join();
        }
    }
}

/// A connection that this worker serves. Those at others are closed only then: each new one goes to the worker with fewest.
fn connect_to(server: &Server, worker: usize) -> anyhow::Result<Line> {
    let mut others = Vec::new();
    for _ in 0..TRIES {
        let mut line = Line::connect(server.address())?;
        if line.worker()? == worker {
            return Ok(line);
        }
        others.push(line);
    }
    anyhow::bail!("no connection at worker {worker}")
}

fn ask(mut line: Line, request: &[u8], clocks: &Clocks, shared: &Shared) -> anyhow::Result<()> {
    let mut next = Instant::now();
    while !shared.is_over.load(Ordering::Relaxed) {
        next = (next + PERIOD).max(Instant::now());
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        let before = clocks.read()?;
        let begun = Instant::now();
        line.ask(request)?;
        let waited = begun.elapsed();
        let total_us = u64::try_from(waited.as_micros())?;
        if total_us > shared.total_us.load(Ordering::Relaxed) {
            let ran: Vec<u64> =
                clocks.read()?.iter().zip(&before).map(|(after, before)| after - before).collect();
            shared.work_us.store(ran[clocks.own].min(total_us), Ordering::Relaxed);
            let busiest = ran.iter().copied().max().unwrap_or(0).min(total_us);
            shared.busiest_us.store(busiest, Ordering::Relaxed);
            shared.total_us.store(total_us, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// The `schedstat` of all workers.
struct Clocks {
    own: usize,
    all: Vec<PathBuf>,
}

impl Clocks {
    /// For how long each has run, in microseconds: the first number of its `schedstat`.
    fn read(&self) -> anyhow::Result<Vec<u64>> {
        let ran_for = |clock: &PathBuf| {
            let text = std::fs::read_to_string(clock)?;
            let ns = text.split_whitespace().next().context("schedstat has numbers")?;
            Ok(ns.parse::<u64>()? / 1000)
        };
        self.all.iter().map(ran_for).collect()
    }
}

impl Server {
    /// The `schedstat` of the thread with this name.
    fn thread(&self, name: &str) -> anyhow::Result<PathBuf> {
        for task in std::fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let path = task?.path();
            if std::fs::read_to_string(path.join("comm"))?.trim_end() == name {
                return Ok(path.join("schedstat"));
            }
        }
        anyhow::bail!("the server has no thread {name}")
    }
}
