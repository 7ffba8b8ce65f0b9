//! What the journals of a worker's executor tell of commands: it is counted with the worker that ran them, and what an operator looks for is kept.
//!
//! A command that several shards run in parts is noted once for each part in the statistics; its calls are counted where its client is. Among what
//! is slow it stands once, by the time of all parts.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kora_core::command::spec::{Facts, Flags, Route};
use kora_core::journal::meter::{Meter, Observer, Seen};
use kora_core::shard::executor::Executor;
use kora_core::slot::WorkerId;

use super::Turn;
use crate::client::ClientId;
use crate::counters::{LONG_NS, add};
use crate::engine::Engine;
use crate::front::{Front, Workers};
use crate::observe::command_log::{Kept, Kind, shown};
use crate::observe::events::Event;
use crate::observe::monitors;

/// Has an executor's commands timed.
pub(super) fn connect<F: Front>(
    executor: &mut Executor<Workers<F>>,
    engine: &Arc<Engine<F>>,
    front: &Arc<F>,
) {
    let here = executor.worker();
    let places: HashMap<&'static str, usize> =
        engine.table.all().iter().map(|command| (command.facts.name, command.id)).collect();
    let places = Arc::new(places);
    executor.set_up_journals(|journal| {
        let (engine, front, places) = (Arc::clone(engine), Arc::clone(front), Arc::clone(&places));
        let demand = Arc::clone(&engine.insight.demand);
        let watcher = Watcher { engine, front, here, places, held: Block::default() };
        journal.set_meter(Meter::new(F::nanoseconds, F::ticks, Box::new(watcher), demand));
    });
}

/// Notes what commands of a worker came to.
struct Watcher<F: Front> {
    engine: Arc<Engine<F>>,
    front: Arc<F>,
    here: WorkerId,
    places: Arc<HashMap<&'static str, usize>>,
    /// Lines of a transaction or script, which stand together.
    held: Block,
}

/// Lines for MONITOR that are told together.
#[derive(Default)]
struct Block {
    lines: Vec<Arc<str>>,
    bytes: usize,
    /// Lines behind these for which there is no room.
    dropped: u64,
}

impl Block {
    /// Adds a line, or notes that there would be one that is too long.
    fn push(&mut self, line: Option<String>) {
        let line =
            line.filter(|line| self.dropped == 0 && self.bytes + line.len() <= monitors::WAITING_BYTES_MAX);
        match line {
            Some(line) => {
                self.bytes += line.len();
                self.lines.push(line.into());
            }
            None => self.dropped += 1,
        }
    }
}

impl<F: Front> Watcher<F> {
    fn facts(&self, name: &str) -> Option<&'static Facts> {
        self.places.get(name).map(|&place| self.engine.table.get(place).facts)
    }
}

impl<F: Front> Watcher<F> {
    fn push_lines(&self, block: &Block) {
        for worker in self.engine.insight.monitors.push(&block.lines, block.dropped) {
            if worker != self.here {
                self.engine.hub.wake(worker);
            }
        }
    }
}

impl<F: Front> Observer for Watcher<F> {
    fn took(&mut self, name: &'static str, nanoseconds: u64, calls: u64) {
        let Some(&place) = self.places.get(name) else { return };
        let here = self.engine.counters.of(self.here);
        if nanoseconds > LONG_NS {
            add(&here.long_commands, 1);
        }
        let counters = &here.commands[place];
        add(&counters.nanoseconds, nanoseconds.saturating_mul(calls));
        if self.engine.tracks_latency.load(Ordering::Relaxed) {
            counters.latency.note(nanoseconds, calls);
        }
    }

    fn sampled(&mut self, seen: &Seen<'_>, calls: u64) {
        // Keys that a script uses count by what it declares.
        if let Some(facts) = self.facts(seen.name).filter(|_| seen.whose.client != 0) {
            self.engine.insight.hot_keys.count(facts, seen, calls);
        }
    }

    fn timed(&mut self, seen: &Seen<'_>, nanoseconds: u64) {
        if let Some(facts) = self.facts(seen.name) {
            self.engine.insight.tracking.note_time(facts, seen, nanoseconds);
        }
    }

    fn slow(&mut self, seen: &Seen<'_>, nanoseconds: u64) {
        if let Some(facts) = self.facts(seen.name) {
            note_slow(&self.engine, &*self.front, facts, seen, nanoseconds);
        }
    }

    fn ran(&mut self, seen: &Seen<'_>, is_held: bool) {
        let Some(facts) = self.facts(seen.name) else { return };
        // Of a script it is told when it begins.
        let is_skipped = facts.flags.has(Flags::SKIP_MONITOR) && facts.route != Route::Script;
        if facts.flags.has(Flags::ADMIN) || is_skipped {
            return;
        }
        let line = self.line(facts, seen);
        self.held.push(line);
        if !is_held {
            self.release(true);
        }
    }

    fn release(&mut self, is_kept: bool) {
        let block = std::mem::take(&mut self.held);
        if is_kept {
            self.push_lines(&block);
        }
    }
}

impl<F: Front> Watcher<F> {
    /// The line for MONITOR of a command, unless it is too long.
    fn line(&self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let bytes: usize = seen.args.iter().map(|arg| arg.len()).sum();
        if bytes > monitors::WAITING_BYTES_MAX {
            return None;
        }
        let client = match seen.whose.client {
            0 => "lua".to_owned(),
            client => String::from_utf8_lossy(&self.front.names_of(ClientId(client)).0).into_owned(),
        };
        let words = (0..seen.args.len()).map(|index| shown(facts, seen.args, index));
        Some(monitors::line(self.front.unix_us(), seen.whose.db.0, &client, words))
    }
}

/// Keeps a slow command, in the log and among the events.
pub(super) fn note_slow<F: Front>(
    engine: &Engine<F>,
    front: &F,
    facts: &'static Facts,
    seen: &Seen<'_>,
    nanoseconds: u64,
) {
    let event = if facts.flags.has(Flags::FAST) { Event::FastCommand } else { Event::Command };
    let at_seconds = seen.whose.now.0 / 1000;
    engine.insight.events.note(event, Duration::from_nanos(nanoseconds), at_seconds);
    keep(engine, front, (Kind::Slow, nanoseconds / 1000), facts, seen);
}

/// Keeps a command in a log, if it is to stand there.
fn keep<F: Front>(
    engine: &Engine<F>,
    front: &F,
    (kind, value): (Kind, u64),
    facts: &'static Facts,
    seen: &Seen<'_>,
) {
    if facts.flags.has(Flags::SKIP_SLOWLOG) || !engine.insight.log.takes(kind, value) {
        return;
    }
    let names = match seen.whose.client {
        0 => Default::default(),
        client => front.names_of(ClientId(client)),
    };
    let kept = Kept { facts, args: seen.args, at_seconds: seen.whose.now.0 / 1000, value };
    engine.insight.log.push(kind, &kept, names);
}

/// Bytes around an argument in a request, about.
const FRAME_BYTES: usize = 6;

/// From how many bytes on a request or a reply is to be looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct SizeLimits {
    pub(super) request: usize,
    pub(super) reply: usize,
}

impl SizeLimits {
    /// No size is.
    pub(super) const NONE: Self = Self { request: usize::MAX, reply: usize::MAX };
}

impl<F: Front> Turn<F> {
    /// Takes up from which sizes on commands are kept.
    pub(super) fn load_size_limits(&mut self) {
        let limit = |bytes: i64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let observe = &self.settings.observe;
        self.sizes = SizeLimits { request: limit(observe.request_bytes), reply: limit(observe.reply_bytes) };
    }

    /// From how many bytes on a reply is to be looked at.
    #[inline]
    pub(super) fn reply_limit(&self) -> usize {
        if self.engine.insight.tracking.counts_bytes() { 0 } else { self.sizes.reply }
    }

    /// Looks at a command whose reply is as large as [`Turn::reply_limit`] says.
    #[cold]
    pub(super) fn look_at_reply(&self, bytes: usize, facts: &'static Facts, seen: &Seen<'_>) {
        if self.engine.insight.tracking.counts_bytes() {
            let request: usize = seen.args.iter().map(|arg| arg.len() + FRAME_BYTES).sum();
            self.engine.insight.tracking.note_bytes(facts, seen, (request + bytes) as u64);
        }
        self.note_large(Kind::LargeReply, bytes, facts, seen);
    }

    /// Keeps a command whose request or reply is large.
    #[cold]
    pub(super) fn note_large(&self, kind: Kind, bytes: usize, facts: &'static Facts, seen: &Seen<'_>) {
        keep(&self.engine, &*self.front, (kind, bytes as u64), facts, seen);
    }
}
