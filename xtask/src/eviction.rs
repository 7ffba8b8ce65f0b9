//! `eviction`: how well the server does at its memory limit.
//!
//! - Hit ratios, beside Redis: every server gets a limit at which it holds the same number of keys, and then the same
//!   requests in the same batches at the same time, since the clocks of LRU and LFU go by the second and the minute.
//! - How far the limit is exceeded while several connections write as fast as they can.
//! - The rate of writes that evict, against the same writes without a limit.
//! - On demand how much memory is lost between values of different sizes.
//! - On demand a long run at the limit with all types, whose memory must stay flat.

mod client;
mod fragmentation;
mod hits;
mod limit;
mod soak;
mod trace;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kora_testkit::process::Server;

use client::Client;

/// Options of `eviction`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The program of a real Redis server, to compare hit ratios with
    #[arg(long, value_name = "PATH")]
    reference: Option<PathBuf>,
    /// The kora-server program; built in release if not given
    #[arg(long, value_name = "PATH")]
    kora: Option<PathBuf>,
    /// Requests of each trace
    #[arg(long, default_value_t = 2_000_000)]
    requests: usize,
    /// Requests per second of the traces
    #[arg(long, default_value_t = 50_000)]
    rate: usize,
    /// Only these measurements: hits, limit, fragmentation
    #[arg(long, value_delimiter = ',', default_values = ["hits", "limit"])]
    only: Vec<String>,
    /// Run at the limit with all types for so long instead
    #[arg(long, value_name = "SECONDS")]
    soak: Option<u64>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let kora = match &args.kora {
        Some(path) => path.clone(),
        None => crate::program::build_kora()?,
    };
    if let Some(seconds) = args.soak {
        return soak::run(&kora, seconds);
    }
    let wants = |what: &str| args.only.iter().any(|wanted| wanted == what);
    if wants("hits") {
        let reference = args.reference.as_deref();
        let reference = reference.context("hit ratios are held against a real server: give --reference")?;
        hits::run(reference, &kora, args.requests, args.rate)?;
    }
    if wants("limit") {
        limit::run(&kora)?;
    }
    if wants("fragmentation") {
        fragmentation::run(args.reference.as_deref(), &kora)?;
    }
    Ok(())
}

/// A Kora with this many workers.
fn start_kora(path: &Path, workers: usize) -> anyhow::Result<Server> {
    Server::start(path, &["--workers", &workers.to_string()])
}

/// A number that INFO shows.
fn info(client: &mut Client, field: &str) -> anyhow::Result<u64> {
    let text = client.text(&["INFO", "everything"])?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    Ok(line.with_context(|| format!("INFO has no {field}"))?.trim().parse()?)
}

/// Resident memory of a server.
fn resident_bytes(server: &Server) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.id()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

#[expect(clippy::cast_precision_loss, reason = "counts and sizes of a run are far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
