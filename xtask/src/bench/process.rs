//! Servers under measurement: pinned to cores, with their CPU time and memory read from `/proc`.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kora_testkit::process::free_port;

/// A server that takes longer than this to listen has failed.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A server process; it ends when this is dropped.
pub(super) struct Server {
    pub(super) name: String,
    pub(super) port: u16,
    child: Child,
    _dir: tempfile::TempDir,
}

/// CPU time used by a process so far, in seconds.
#[derive(Clone, Copy)]
pub(super) struct CpuTime {
    pub(super) user: f64,
    pub(super) system: f64,
}

impl CpuTime {
    /// Seconds used since an earlier time.
    pub(super) fn since(self, earlier: Self) -> f64 {
        self.user - earlier.user + self.system - earlier.system
    }
}

impl Server {
    /// Redis with modules and nothing written to disk.
    pub(super) fn redis(path: &Path, cpus: &str) -> anyhow::Result<Self> {
        Self::start("redis", path, cpus, &["--save", "", "--appendonly", "no"])
    }

    /// Valkey with one thread and nothing written to disk.
    pub(super) fn valkey(path: &Path, cpus: &str) -> anyhow::Result<Self> {
        Self::valkey_with(path, cpus, 1)
    }

    /// The same with so many threads for sockets.
    pub(super) fn valkey_with(path: &Path, cpus: &str, threads: usize) -> anyhow::Result<Self> {
        let name = if threads == 1 { "valkey".to_owned() } else { format!("valkey-io-{threads}") };
        Self::start(
            &name,
            path,
            cpus,
            &["--io-threads", &threads.to_string(), "--save", "", "--appendonly", "no"],
        )
    }

    /// An earlier build of Kora.
    pub(super) fn kora_before(path: &Path, cpus: &str, workers: usize) -> anyhow::Result<Self> {
        Self::start(&format!("before-{workers}"), path, cpus, &["--workers", &workers.to_string()])
    }

    /// Kora with this many workers.
    pub(super) fn kora(path: &Path, cpus: &str, workers: usize) -> anyhow::Result<Self> {
        Self::start(&format!("kora-{workers}"), path, cpus, &["--workers", &workers.to_string()])
    }

    /// The same, whose connections go to all workers from the beginning.
    pub(super) fn kora_spread(path: &Path, cpus: &str, workers: usize) -> anyhow::Result<Self> {
        let workers = workers.to_string();
        let options = ["--workers", &workers, "--gather-connections", "no"];
        Self::start(&format!("kora-{workers}"), path, cpus, &options)
    }

    /// Kora with one worker and these options.
    pub(super) fn kora_with(name: &str, path: &Path, cpus: &str, options: &[&str]) -> anyhow::Result<Self> {
        Self::start(name, path, cpus, &[&["--workers", "1"], options].concat())
    }

    fn start(name: &str, path: &Path, cpus: &str, options: &[&str]) -> anyhow::Result<Self> {
        let port = free_port()?;
        let dir = tempfile::tempdir()?;
        let child = Command::new("taskset")
            .args(["--cpu-list", cpus])
            .arg(path)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(options)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("taskset")?;
        let mut server = Self { name: name.to_owned(), port, child, _dir: dir };
        let begun = Instant::now();
        while TcpStream::connect(server.address()).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended at its start: {status}");
            }
            if begun.elapsed() > START_TIMEOUT {
                bail!("{name} does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time used so far.
    pub(super) fn cpu_time(&self) -> anyhow::Result<CpuTime> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name of the program, in parentheses, may hold anything; the fields follow it.
        let (_, fields) = text.rsplit_once(')').context("/proc/PID/stat has a name")?;
        let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<f64>);
        let per_second = rustix::param::clock_ticks_per_second();
        let mut seconds =
            || anyhow::Ok(ticks.next().context("too few fields")?? / f64::from(u32::try_from(per_second)?));
        Ok(CpuTime { user: seconds()?, system: seconds()? })
    }

    /// Resident memory, in bytes.
    pub(super) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All cores, as taskset names them.
pub(super) fn all_cpus() -> String {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("0-{}", count - 1)
}
