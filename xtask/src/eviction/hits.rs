//! Hit ratios of Kora and Redis on the same traces, at the same number of keys held.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kora_protocol::Frame;
use kora_testkit::process::Server;

use super::client::Client;
use super::trace::Trace;
use super::{info, ratio, start_kora};

/// Different keys of the Zipf distribution.
const UNIVERSE: usize = 500_000;

/// Keys that a server holds at its limit: a tenth.
const HELD: usize = 50_000;

/// Keys that one scan asks for: two thirds of what is held.
const SCAN_LEN: u64 = 33_000;

/// Requests sent before their replies are read.
const BATCH: usize = 50;

/// The part of a trace that fills the servers, and is not counted, in tenths.
const WARM_TENTHS: usize = 4;

const VALUE: [u8; 100] = [b'v'; 100];

/// A server under measurement.
struct Subject {
    name: &'static str,
    client: Client,
    _server: Server,
    hits: u64,
    requests: u64,
}

type MakeTrace = fn() -> Trace;

pub(super) fn run(reference: &Path, kora: &Path, requests: usize, rate: usize) -> anyhow::Result<()> {
    println!(
        "Hit ratios: {requests} requests at {rate}/s, keys held {HELD} of {UNIVERSE}, equal on all servers.\n\n\
         | trace | policy | server | keys held | hit ratio | against Redis |\n|---|---|---|---|---|---|"
    );
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
        let traces: [(&str, MakeTrace); 2] = [
            ("Zipf 0.99", || Trace::zipf(UNIVERSE, 1)),
            ("Zipf with scans", || Trace::scanning(UNIVERSE, SCAN_LEN, 2)),
        ];
        for (name, trace) in traces {
            let mut subjects = [
                Subject::new("redis", Server::start(reference, &[""; 0])?)?,
                Subject::new("kora, 1 worker", start_kora(kora, 1)?)?,
                Subject::new("kora, 4 workers", start_kora(kora, 4)?)?,
            ];
            for subject in &mut subjects {
                subject.limit(policy)?;
            }
            play(trace(), &mut subjects, requests, rate)?;
            report(name, policy, &mut subjects)?;
        }
    }
    Ok(())
}

impl Subject {
    fn new(name: &'static str, server: Server) -> anyhow::Result<Self> {
        let client = Client::connect(&server.address())?;
        Ok(Self { name, client, _server: server, hits: 0, requests: 0 })
    }

    /// Sets the limit at which the server holds [`HELD`] keys: what it uses with so many, then empties it.
    fn limit(&mut self, policy: &str) -> anyhow::Result<()> {
        for first in (0..HELD).step_by(BATCH) {
            for number in first..(first + BATCH).min(HELD) {
                self.client.push(&[b"SET", format!("key:{number:012}").as_bytes(), &VALUE]);
            }
            self.client.flush()?;
        }
        // What growing tables have left behind is freed in the background.
        std::thread::sleep(Duration::from_millis(500));
        let bytes = info(&mut self.client, "used_memory")?.to_string();
        self.client.push(&["FLUSHALL"]);
        self.client.flush()?;
        self.client.configure(&["maxmemory-policy", policy, "maxmemory", &bytes])
    }

    /// Asks for `keys`.
    fn ask(&mut self, keys: &[Vec<u8>]) -> anyhow::Result<()> {
        for key in keys {
            self.client.push(&[b"GET", key.as_slice()]);
        }
        self.client.send()
    }

    /// Reads what came of it, and sets the keys that were not there.
    fn fill(&mut self, keys: &[Vec<u8>], is_counted: bool) -> anyhow::Result<()> {
        let mut missing = Vec::new();
        for key in keys {
            match self.client.receive()? {
                Frame::Null => missing.push(key),
                _ => self.hits += u64::from(is_counted),
            }
        }
        self.requests += if is_counted { keys.len() as u64 } else { 0 };
        for key in missing {
            self.client.push(&[b"SET", key.as_slice(), &VALUE]);
        }
        self.client.flush().with_context(|| self.name)
    }
}

fn play(mut trace: Trace, subjects: &mut [Subject], requests: usize, rate: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    for first in (0..requests).step_by(BATCH) {
        let keys: Vec<_> = (0..BATCH).map(|_| trace.next_key()).collect();
        let is_counted = first * 10 >= requests * WARM_TENTHS;
        subjects.iter_mut().try_for_each(|subject| subject.ask(&keys))?;
        subjects.iter_mut().try_for_each(|subject| subject.fill(&keys, is_counted))?;
        let due = Duration::from_secs(first as u64) / u32::try_from(rate).context("a rate")?;
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    Ok(())
}

fn report(trace: &str, policy: &str, subjects: &mut [Subject]) -> anyhow::Result<()> {
    let mut base = None;
    for subject in subjects {
        let held = subject.client.integer(&["DBSIZE"])?;
        let percent = 100.0 * ratio(subject.hits, subject.requests);
        let difference = percent - *base.get_or_insert(percent);
        println!("| {trace} | {policy} | {} | {held} | {percent:.2} % | {difference:+.2} |", subject.name);
    }
    Ok(())
}
