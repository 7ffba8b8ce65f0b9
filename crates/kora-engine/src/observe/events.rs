//! Latency events: what took long of late, by what it was.
//!
//! An event keeps its last samples, one a second: of two in one second the longer.

mod graph;
mod report;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kora_locks::{RankedMutex, rank};

pub use graph::graph;
pub use report::report;

/// Samples kept of each event.
const SAMPLES_MAX: usize = 160;

/// What may take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// Writing to the log.
    LogWrite,
    /// Syncing the log under `appendfsync always`.
    LogSync,
    /// Syncing the log under `appendfsync everysec`, by a thread of its own.
    LogSyncApart,
    /// A command.
    Command,
    /// Evicting keys until there is room.
    EvictionCycle,
    /// Deleting keys whose time has come.
    ExpireCycle,
    /// A command that is fast by its kind.
    FastCommand,
}

impl Event {
    /// All events.
    pub const ALL: [Self; 7] = [
        Self::LogWrite,
        Self::LogSync,
        Self::LogSyncApart,
        Self::Command,
        Self::EvictionCycle,
        Self::ExpireCycle,
        Self::FastCommand,
    ];

    /// Its name in LATENCY.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LogWrite => "aof-write",
            Self::LogSync => "aof-fsync-always",
            Self::LogSyncApart => "aof-fsync-everysec",
            Self::Command => "command",
            Self::EvictionCycle => "eviction-cycle",
            Self::ExpireCycle => "expire-cycle",
            Self::FastCommand => "fast-command",
        }
    }
}

/// How long an event took, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Seconds since the Unix epoch.
    pub at_seconds: i64,
    /// Milliseconds.
    pub milliseconds: u64,
}

/// What is known of an event.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The oldest first.
    pub samples: VecDeque<Sample>,
    /// The longest that was ever kept, in milliseconds.
    pub longest_ms: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct LatencyEvents {
    /// Milliseconds; 0: nothing is kept.
    least_ms: AtomicU64,
    events: RankedMutex<{ rank::LATENCY_EVENTS }, BTreeMap<Event, Series>>,
}

impl LatencyEvents {
    pub(super) fn configure(&self, least_ms: u64) {
        self.least_ms.store(least_ms, Ordering::Relaxed);
    }

    /// Whether events are kept.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.least_ms.load(Ordering::Relaxed) > 0
    }

    /// Keeps an event that took so long, if that is long enough.
    #[inline]
    pub fn note(&self, event: Event, took: Duration, at_seconds: i64) {
        let least_ms = self.least_ms.load(Ordering::Relaxed);
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if least_ms > 0 && milliseconds >= least_ms {
            self.keep(event, Sample { at_seconds, milliseconds });
        }
    }

    #[cold]
    fn keep(&self, event: Event, sample: Sample) {
        let mut events = self.events.lock();
        let series = events.entry(event).or_default();
        series.longest_ms = series.longest_ms.max(sample.milliseconds);
        match series.samples.back_mut().filter(|last| last.at_seconds == sample.at_seconds) {
            Some(last) => last.milliseconds = last.milliseconds.max(sample.milliseconds),
            None => {
                if series.samples.len() == SAMPLES_MAX {
                    series.samples.pop_front();
                }
                series.samples.push_back(sample);
            }
        }
    }

    /// All events that have samples.
    #[must_use]
    pub fn all(&self) -> Vec<(Event, Series)> {
        self.events.lock().iter().map(|(event, series)| (*event, series.clone())).collect()
    }

    /// The event of this name, if it has samples.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<(Event, Series)> {
        let event = Event::ALL.into_iter().find(|event| event.name().as_bytes() == name)?;
        self.events.lock().get(&event).map(|series| (event, series.clone()))
    }

    /// Forgets the events of these names, or all if there are none; returns how many there were.
    pub fn reset(&self, names: &[&[u8]]) -> usize {
        let mut events = self.events.lock();
        let before = events.len();
        let is_meant = |event: &Event| names.is_empty() || names.contains(&event.name().as_bytes());
        events.retain(|event, _| !is_meant(event));
        before - events.len()
    }
}

#[cfg(test)]
mod tests;
