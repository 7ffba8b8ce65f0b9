//! The list of all metrics in Markdown, made from what `/metrics` shows: `docs/metrics-list.md`.

use std::fmt::Write;
use std::io;
use std::sync::atomic::Ordering;

use kora_core::shard::hub::Wake;
use kora_core::slot::{ShardId, WorkerId};

use crate::config::Config;
use crate::http::metrics_text;
use crate::server::assemble;

/// A worker that does not run.
struct Absent;

impl Wake for Absent {
    fn wake(&self) {}
}

/// What `/metrics` shows of a server that does not run, in which something of everything was counted.
fn sample() -> io::Result<String> {
    let shared = assemble(Config::default(), vec![Box::new(Absent)], None)?.shared;
    let counters = shared.engine.counters.of(WorkerId(0));
    counters.count_error("ERR", 1);
    counters.commands[0].calls.store(1, Ordering::Relaxed);
    counters.commands[0].latency.note(1, 1);
    shared.engine.hub.usage(ShardId(0))[0].keys.store(1, Ordering::Relaxed);
    let times = &shared.disk_times;
    let all = [&times.log_writes, &times.log_syncs, &times.snapshot_writes, &times.snapshot_syncs];
    all.into_iter().for_each(|times| times.of(|| ()));
    Ok(metrics_text(&shared))
}

/// All of them: name, kind, labels, and what it tells.
pub(crate) fn markdown() -> io::Result<String> {
    let text = sample()?;
    let mut page = String::from(
        "# All metrics\n\nMade from their declarations by `cargo xtask docs`; what they are for is in [metrics.md](metrics.md). \
         A histogram has the samples `_bucket`, `_sum` and `_count`.\n\n\
         | name | kind | labels | what it tells |\n|---|---|---|---|\n",
    );
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        let kind = lines.next().and_then(|line| line.rsplit(' ').next()).unwrap_or_default();
        let labels: Vec<&str> = lines.peek().map(|line| labels(line)).unwrap_or_default();
        let row = [&format!("`{name}`"), kind, &labels.join(", "), help].map(|cell| cell.replace('|', "\\|"));
        writeln!(page, "| {} |", row.join(" | ")).expect("a string takes whatever is written");
    }
    Ok(page)
}

/// The labels of a sample; that of a histogram's buckets is understood.
fn labels(line: &str) -> Vec<&str> {
    if line.starts_with('#') {
        return Vec::new();
    }
    let Some((_, labels)) = line.split_once('{') else { return Vec::new() };
    // No value of these samples has a comma before a letter.
    let names = labels.split(',').filter_map(|label| Some(label.split_once("=\"")?.0));
    names.filter(|name| *name != "le").collect()
}
