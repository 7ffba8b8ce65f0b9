//! `clients`: client libraries of other languages, fetched from their registries, against a server.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use kora_testkit::process::Server;

/// Options of `clients`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The kora-server program; the one built in the release profile if not given
    #[arg(long, value_name = "PATH")]
    kora: Option<PathBuf>,
    /// Number of workers
    #[arg(long, default_value_t = 4)]
    workers: usize,
    /// Jobs that go through the queue of the Python script
    #[arg(long, default_value_t = 100_000)]
    jobs: u32,
    /// Entries that go through the stream of the JavaScript script
    #[arg(long, default_value_t = 20_000)]
    entries: u32,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let kora = match &args.kora {
        Some(path) => path.clone(),
        None => crate::program::build_kora()?,
    };
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/kora-testkit/tests/clients");
    let dir = crate::program::target_dir()?.join("clients");
    std::fs::create_dir_all(&dir)?;
    let server = Server::start(&kora, &["--workers", &args.workers.to_string()])?;
    let address = server.address();
    let (_, port) = address.rsplit_once(':').context("an address has a port")?;
    python(&dir, &scripts, port, args.jobs)?;
    javascript(&dir, &scripts, port, args.entries)
}

/// redis-py, in an environment of its own.
fn python(dir: &Path, scripts: &Path, port: &str, jobs: u32) -> anyhow::Result<()> {
    let environment = dir.join("python");
    if !environment.exists() {
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    let bin = environment.join("bin");
    succeed(Command::new(bin.join("pip")).args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "redis",
    ]))?;
    let script = |name: &str| {
        let mut command = Command::new(bin.join("python"));
        command.arg(scripts.join(name)).arg(port);
        command
    };
    succeed(&mut script("redis_py.py"))?;
    succeed(&mut script("leaderboard.py"))?;
    succeed(script("job_queue.py").arg(jobs.to_string()))
}

/// ioredis, in a folder of its own.
fn javascript(dir: &Path, scripts: &Path, port: &str, entries: u32) -> anyhow::Result<()> {
    let folder = dir.join("javascript");
    std::fs::create_dir_all(&folder)?;
    let quiet = ["install", "--silent", "--no-audit", "--no-fund", "--prefix"];
    succeed(Command::new("npm").args(quiet).arg(&folder).arg("ioredis@5"))?;
    let modules = folder.join("node_modules");
    let script = |name: &str| {
        let mut command = Command::new("node");
        command.env("NODE_PATH", &modules).arg(scripts.join(name)).arg(port);
        command
    };
    succeed(&mut script("ioredis.js"))?;
    succeed(script("streams.js").arg(entries.to_string()))
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| name.clone())?;
    ensure!(status.success(), "{name} failed: {status}");
    Ok(())
}
