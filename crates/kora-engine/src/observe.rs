//! What an operator sees of the work: slow and large commands, latency events, all commands as they run, hot keys.
//!
//! The executors' journals tell a [`Watcher`](crate::turn) what happens ([`kora_core::journal::meter`]); what is worth keeping is kept here, for
//! whoever asks: commands, the library, the metrics. `docs/observability.md` says what each costs.

pub mod command_log;
pub mod events;
pub mod hot_keys;
pub mod monitors;
mod sketch;
pub mod tracking;

use std::sync::Arc;

use kora_core::journal::meter::Demand;

use command_log::CommandLog;
use events::LatencyEvents;
use hot_keys::HotKeys;
use monitors::Monitors;
use tracking::Tracking;

/// What is looked for, as the directives of these names say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObserveSettings {
    /// `slowlog-log-slower-than`: microseconds from which on a command is slow; negative: none is.
    pub slow_us: i64,
    /// `slowlog-max-len`: slow commands kept.
    pub slow_kept_max: i64,
    /// `commandlog-request-larger-than`: bytes from which on a request is large; negative: none is.
    pub request_bytes: i64,
    /// `commandlog-large-request-max-len`: commands with large requests kept.
    pub requests_kept_max: i64,
    /// `commandlog-reply-larger-than`: bytes from which on a reply is large; negative: none is.
    pub reply_bytes: i64,
    /// `commandlog-large-reply-max-len`: commands with large replies kept.
    pub replies_kept_max: i64,
    /// `latency-monitor-threshold`: milliseconds from which on an event is kept; 0: none is.
    pub event_ms: i64,
}

impl Default for ObserveSettings {
    fn default() -> Self {
        Self {
            slow_us: 10_000,
            slow_kept_max: 128,
            request_bytes: 1024 * 1024,
            requests_kept_max: 128,
            reply_bytes: 1024 * 1024,
            replies_kept_max: 128,
            event_ms: 0,
        }
    }
}

/// Below this every command is timed: the ticker is too coarse.
const EXACT_BELOW_NS: u64 = 10_000_000;

/// See the module.
#[derive(Debug)]
pub struct Insight {
    /// What is asked of the meters of all executors.
    pub demand: Arc<Demand>,
    /// Slow commands, large requests, large replies.
    pub log: CommandLog,
    /// What took long of late, by event.
    pub events: LatencyEvents,
    /// Who is told of all commands.
    pub monitors: Monitors,
    /// Which keys are used most.
    pub hot_keys: HotKeys,
    /// Which cost most, while somebody asks.
    pub tracking: Tracking,
}

impl Insight {
    pub(crate) fn new(worker_count: u16, shard_count: u16) -> Self {
        let demand = Arc::new(Demand::default());
        Self {
            monitors: Monitors::new(worker_count, Arc::clone(&demand)),
            tracking: Tracking::new(Arc::clone(&demand)),
            demand,
            log: CommandLog::default(),
            events: LatencyEvents::default(),
            hot_keys: HotKeys::new(shard_count),
        }
    }

    /// Takes up what is looked for.
    pub(crate) fn configure(&self, settings: &ObserveSettings) {
        self.log.configure(settings);
        let event_ms = u64::try_from(settings.event_ms).unwrap_or(0);
        self.events.configure(event_ms);
        let slow = u64::try_from(settings.slow_us).map_or(u64::MAX, |us| us.saturating_mul(1000));
        let event = match event_ms {
            0 => u64::MAX,
            ms => ms.saturating_mul(1_000_000),
        };
        let least = slow.min(event);
        self.demand.set_slow(least);
        self.demand.set(Demand::EXACT, least < EXACT_BELOW_NS);
    }
}
