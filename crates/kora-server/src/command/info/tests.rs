//! Every metric is shown and reset as it is declared, and INFO keeps its fields and their order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kora_core::shard::hub::Wake;
use kora_core::time::UnixMs;
use kora_engine::access::Denials;
use kora_engine::counters::{ShardCounters, WorkerCounters};
use kora_engine::front::Front as _;
use kora_engine::memory::Account;
use kora_engine::metrics::{Metric, Reading, Source};

use super::*;
use crate::config::Config;
use crate::introspect::info::{heading, text};
use crate::server::assemble;
use crate::shared::Shared;

/// Derived numbers that RESETSTAT does not bring to nought: the peak begins anew with what is in use.
const BEGIN_ANEW_ELSEWHERE: [&str; 1] = ["used_memory_peak"];

struct Unwoken;

impl Wake for Unwoken {
    fn wake(&self) {}
}

/// What two workers share of a server that does not run.
fn shared() -> Arc<Shared> {
    let wakers = (0..2).map(|_| Box::new(Unwoken) as Box<dyn Wake>).collect();
    assemble(Config::default(), wakers, None).unwrap().shared
}

fn call(shared: &Shared) -> ServerCall<'_> {
    ServerCall { engine: &shared.engine, front: shared, now: UnixMs(1_000_000) }
}

fn info_text(shared: &Shared) -> String {
    let sections = Sections::parse(&[b"everything", b"debug"]);
    text(&snapshot(call(shared), sections), sections)
}

/// The fields and values of each section.
fn sections(text: &str) -> BTreeMap<&str, Vec<(&str, &str)>> {
    let mut sections = BTreeMap::<_, Vec<_>>::new();
    let mut present = "";
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            present = heading;
        } else if let Some(field) = line.split_once(':') {
            sections.entry(present).or_default().push(field);
        }
    }
    sections
}

fn cells<'a, S>(
    tables: &'a [&'static [Metric<S>]],
    source: &'a S,
) -> impl Iterator<Item = (&'static str, &'a AtomicU64)> {
    tables.iter().copied().flatten().filter_map(move |metric| match metric.source {
        Source::Cell(cell) => Some((metric.about.name, cell(source))),
        Source::Derived { .. } => None,
    })
}

/// Every cell of a server, by the name of its metric.
fn all_cells(shared: &Shared) -> Vec<(&'static str, &AtomicU64)> {
    let of_workers =
        shared.engine.counters.iter().flat_map(|counters| cells(&WorkerCounters::METRICS, counters));
    let of_shards =
        shared.engine.counters.shards().flat_map(|counters| cells(&ShardCounters::METRICS, counters));
    let of_traffic = shared.traffic.iter().flat_map(|traffic| cells(&Traffic::METRICS, traffic));
    let of_account = cells(&Account::METRICS, &*shared.engine.account);
    let of_users = cells(&Denials::METRICS, &shared.engine.access.denials);
    of_workers.chain(of_shards).chain(of_traffic).chain(of_account).chain(of_users).collect()
}

/// Gives every number that CONFIG RESETSTAT resets another value than nought.
fn stir(shared: &Shared) {
    for (at, (_, cell)) in (1..).zip(all_cells(shared)) {
        cell.store(at * 1_000_000, Ordering::Relaxed);
    }
    for counters in shared.engine.counters.iter() {
        counters.count_error("ERR", 3);
        counters.count_error("WRONGTYPE", 4);
        counters.commands[0].nanoseconds.store(5_000_000, Ordering::Relaxed);
    }
    shared.engine.account.exceeded.note(true);
    std::thread::sleep(Duration::from_millis(3));
}

#[test]
fn every_metric_is_shown_once_in_its_section() {
    let shared = shared();
    stir(&shared);
    let readings = crate::metrics::read(&shared, |_| true);
    let text = info_text(&shared);
    let sections = sections(&text);
    let stirred: Vec<_> = all_cells(&shared).iter().map(|(name, _)| *name).collect();
    for reading in &readings {
        let name = reading.about.name;
        let found: Vec<_> = sections
            .iter()
            .flat_map(|(section, fields)| fields.iter().map(move |(name, value)| (section, name, value)))
            .filter(|(_, field, _)| **field == name)
            .collect();
        let [(section, _, value)] = found[..] else { panic!("{name} is shown {} times", found.len()) };
        assert_eq!(*section, heading(reading.about.section), "{name}");
        if stirred.contains(&name) {
            assert_eq!(*value, reading.to_string(), "{name}");
            assert_ne!(reading.value, 0, "{name}");
        }
        assert!(!reading.about.help.is_empty(), "{name}");
    }
    assert!(readings.len() > stirred.len() / 2);
}

#[test]
fn a_metric_starts_anew_just_if_it_says_so() {
    let shared = shared();
    stir(&shared);
    let before = crate::metrics::read(&shared, |_| true);
    shared.engine.reset_stats();
    shared.reset_stats();
    let after = crate::metrics::read(&shared, |_| true);
    assert_eq!(before.len(), after.len());
    for (Reading { about, value }, after) in before.iter().zip(&after) {
        let name = about.name;
        if BEGIN_ANEW_ELSEWHERE.contains(&name) {
            assert!(about.is_reset, "{name}");
        } else if about.is_reset {
            assert_ne!(*value, 0, "{name}: a test that can't fail");
            assert_eq!(after.value, 0, "{name}");
        } else {
            assert_eq!(after.value, *value, "{name}");
        }
    }
    for (name, cell) in all_cells(&shared) {
        let is_reset = before.iter().any(|reading| reading.about.name == name && reading.about.is_reset);
        assert_eq!(cell.load(Ordering::Relaxed) == 0, is_reset, "{name}");
    }
}

/// Monitoring reads INFO by name, and some of it by place. `fields.txt` lists them.
#[test]
fn fields_keep_their_names_and_order() {
    let shared = shared();
    let text = info_text(&shared);
    let mut shown = text.lines().map(|line| line.split(':').next().unwrap_or(line));
    for field in include_str!("fields.txt").lines() {
        assert!(shown.any(|name| name == field), "{field} is not in its place in {text}");
    }
}
