//! What all workers share: configuration, commands, clients, counters, and the requests that concern them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use kora_core::command::table::CommandTable;
use kora_core::shard::hub::Hub;
use kora_core::shard::store::ShardStore;
use kora_core::slot::ShardId;
use kora_core::time::UnixMs;
use kora_locks::{RankedMutex, RankedRwLock, rank};
use kora_script::Scripts;

use crate::client::Clients;
use crate::client::peaks::BufferPeaks;
use crate::command::ServerHandler;
use crate::command::replication::ReplicationId;
use crate::command::scripting::ServerHost;
use crate::config::Config;
use crate::driver::{ServerDriver, WorkerMail};
use crate::latency::Histogram;
use crate::log::LevelHandle;
use crate::memory::{Account, Reclaimer};
use crate::persistence::Persistence;
use crate::pubsub::Broker;
use crate::worker::ExpiryCounters;

/// Counters of one worker. Only that worker adds to them.
#[derive(Debug)]
pub(crate) struct WorkerCounters {
    /// The system's number of its thread.
    pub(crate) thread_id: AtomicI32,
    /// Connections it serves: read by whoever deals out new ones.
    pub(crate) connections: AtomicUsize,
    pub(crate) commands_processed: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) expired_fields: AtomicU64,
    pub(crate) expiry: ExpiryCounters,
    pub(crate) evicted: AtomicU64,
    /// Memory of its connections.
    pub(crate) client_bytes: AtomicU64,
    pub(crate) buffer_peaks: BufferPeaks,
    pub(crate) reply_buffer_shrinks: AtomicU64,
    pub(crate) reply_buffer_expands: AtomicU64,
    pub(crate) evicted_clients: AtomicU64,
    /// Keys of its shard that may be evicted; kept while there is a memory limit.
    pub(crate) evictable: AtomicU64,
    pub(crate) changes: AtomicU64,
    /// Whether it holds replies back until the log covers what they tell.
    pub(crate) holds_replies: AtomicBool,
    /// Keys of its shard that clients wait for.
    pub(crate) awaited_keys: AtomicU64,
    /// Those of them at which clients wait for a group of a stream.
    pub(crate) awaited_group_keys: AtomicU64,
    /// Its connections that wait for something until a time.
    pub(crate) timed_waits: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    /// Rounds of the worker's loop.
    pub(crate) rounds: AtomicU64,
    /// Nanoseconds that rounds took, without the waits between them.
    pub(crate) round_ns: AtomicU64,
    /// What it did per second of late.
    pub(crate) rates: Rates,
    pub(crate) output_limit_disconnections: AtomicU64,
    pub(crate) query_limit_disconnections: AtomicU64,
    /// By place in the command table.
    pub(crate) commands: Box<[CommandCounters]>,
    /// Error replies by prefix.
    pub(crate) errors: RankedMutex<{ rank::ERROR_COUNTS }, std::collections::BTreeMap<String, u64>>,
}

/// What a worker did per second between the last two looks at its counters.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    pub(crate) commands: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) rounds: AtomicU64,
    /// Of a second, so many nanoseconds were spent in rounds.
    pub(crate) round_ns: AtomicU64,
}

/// Counters of one command on one worker.
#[derive(Debug, Default)]
pub(crate) struct CommandCounters {
    pub(crate) calls: AtomicU64,
    pub(crate) nanoseconds: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// How long it took.
    pub(crate) latency: Histogram,
}

impl WorkerCounters {
    /// CONFIG RESETSTAT, of what is a copy of the store's counts.
    fn reset_copies(&self) {
        for counter in [&self.hits, &self.misses, &self.expired, &self.expired_fields, &self.evicted] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// CONFIG RESETSTAT, of what the worker itself counts.
    pub(crate) fn reset(&self) {
        for counter in [
            &self.commands_processed,
            &self.bytes_in,
            &self.bytes_out,
            &self.evicted_clients,
            &self.rounds,
            &self.round_ns,
            &self.reads,
            &self.writes,
            &self.output_limit_disconnections,
            &self.query_limit_disconnections,
            &self.reply_buffer_shrinks,
            &self.reply_buffer_expands,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        self.expiry.reset();
        for command in &self.commands {
            command.latency.reset();
            for counter in [&command.calls, &command.nanoseconds, &command.rejected, &command.failed] {
                counter.store(0, Ordering::Relaxed);
            }
        }
        self.errors.lock().clear();
    }

    /// Shows what a store knows that was in the hands of its worker.
    pub(crate) fn show(&self, store: &ShardStore) {
        let stats = store.stats();
        self.hits.store(stats.hits, Ordering::Relaxed);
        self.misses.store(stats.misses, Ordering::Relaxed);
        self.expired.store(stats.expired, Ordering::Relaxed);
        self.expired_fields.store(stats.expired_fields, Ordering::Relaxed);
        self.evicted.store(stats.evicted, Ordering::Relaxed);
        self.awaited_keys.store(store.awaited_keys() as u64, Ordering::Relaxed);
        self.awaited_group_keys.store(store.awaited_group_keys() as u64, Ordering::Relaxed);
    }

    pub(crate) fn new(command_count: usize) -> Self {
        Self {
            thread_id: AtomicI32::new(0),
            connections: AtomicUsize::new(0),
            commands_processed: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            expired_fields: AtomicU64::new(0),
            expiry: ExpiryCounters::default(),
            evicted: AtomicU64::new(0),
            client_bytes: AtomicU64::new(0),
            buffer_peaks: BufferPeaks::default(),
            reply_buffer_shrinks: AtomicU64::new(0),
            reply_buffer_expands: AtomicU64::new(0),
            evicted_clients: AtomicU64::new(0),
            evictable: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            holds_replies: AtomicBool::new(false),
            awaited_keys: AtomicU64::new(0),
            awaited_group_keys: AtomicU64::new(0),
            timed_waits: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            rounds: AtomicU64::new(0),
            round_ns: AtomicU64::new(0),
            rates: Rates::default(),
            output_limit_disconnections: AtomicU64::new(0),
            query_limit_disconnections: AtomicU64::new(0),
            commands: (0..command_count).map(|_| CommandCounters::default()).collect(),
            errors: RankedMutex::default(),
        }
    }
}

/// Distinct error prefixes counted; as in Redis, a limit against clients that make prefixes up.
const ERROR_PREFIXES_MAX: usize = 128;

impl WorkerCounters {
    /// Counts error replies by their prefix.
    pub(crate) fn count_error(&self, prefix: &str, times: u64) {
        let mut errors = self.errors.lock();
        if let Some(count) = errors.get_mut(prefix) {
            *count += times;
        } else if errors.len() < ERROR_PREFIXES_MAX {
            errors.insert(prefix.to_owned(), times);
        }
    }
}

/// CLIENT PAUSE: until when, and whether only writes wait.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    until_ms: AtomicI64,
    writes_only: AtomicBool,
}

impl Pause {
    /// Whether commands wait at `now`: writes, and others too?
    #[inline]
    pub(crate) fn at(&self, now: UnixMs) -> Option<PauseMode> {
        if now.0 >= self.until_ms.load(Ordering::Acquire) {
            return None;
        }
        Some(if self.writes_only.load(Ordering::Relaxed) { PauseMode::Write } else { PauseMode::All })
    }

    /// When it ends.
    pub(crate) fn until(&self) -> UnixMs {
        UnixMs(self.until_ms.load(Ordering::Acquire))
    }

    /// Begins or prolongs a pause. As in Redis, a second pause never ends the first one sooner nor makes it milder.
    pub(crate) fn begin(&self, until: UnixMs, mode: PauseMode, now: UnixMs) {
        let current = self.at(now);
        let writes_only = mode == PauseMode::Write && current != Some(PauseMode::All);
        let until_ms = if current.is_some() { until.0.max(self.until().0) } else { until.0 };
        self.writes_only.store(writes_only, Ordering::Relaxed);
        self.until_ms.store(until_ms, Ordering::Release);
    }

    /// Ends the pause.
    pub(crate) fn end(&self) {
        self.until_ms.store(0, Ordering::Release);
    }
}

/// What a pause holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PauseMode {
    /// Commands that may change data.
    Write,
    /// All commands.
    All,
}

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) table: Arc<CommandTable<ServerHandler>>,
    /// The scripts that are known.
    pub(crate) scripts: Arc<Scripts>,
    pub(crate) script_host: Arc<ServerHost>,
    pub(crate) hub: Arc<Hub<ServerDriver>>,
    config: RankedRwLock<{ rank::CONFIG }, Arc<Config>>,
    config_version: AtomicU64,
    /// How many times CONFIG RESETSTAT has started the counts anew.
    stats_resets: AtomicU64,
    /// Held while CONFIG SET puts settings in force, so that two do not overwrite each other.
    pub(crate) config_change: RankedMutex<{ rank::CONFIG_CHANGE }, ()>,
    /// CONFIG REWRITE is at work.
    pub(crate) is_config_rewritten: AtomicBool,
    pub(crate) clients: Clients,
    /// Publish/subscribe.
    pub(crate) broker: Arc<Broker>,
    pub(crate) counters: Box<[WorkerCounters]>,
    /// `latency-tracking`.
    pub(crate) tracks_latency: AtomicBool,
    pub(crate) pause: Pause,
    /// Files.
    pub(crate) persistence: Arc<Persistence>,
    pub(crate) started: UnixMs,
    pub(crate) run_id: String,
    pub(crate) replication_id: ReplicationId,
    pub(crate) connections_received: AtomicU64,
    pub(crate) connections_rejected: AtomicU64,
    pub(crate) auth_denied: AtomicU64,
    /// What the process has allocated.
    pub(crate) account: Arc<Account>,
    ending: AtomicBool,
    /// A signal asked for the end, and the last snapshot is not there yet.
    pub(crate) is_end_asked: AtomicBool,
    /// Workers that submit nothing any more.
    finishing: AtomicUsize,
    /// Changes the level of the log, if the process has one of ours.
    pub(crate) log_level: Option<LevelHandle>,
    /// Frees what the shards throw away.
    pub(crate) reclaimer: Reclaimer,
    /// Told when the server is to end.
    end_sender: crossbeam_channel::Sender<()>,
}

/// What a [`Shared`] is made of.
pub(crate) struct SharedParts {
    pub(crate) table: Arc<CommandTable<ServerHandler>>,
    /// The scripts that are known.
    pub(crate) scripts: Arc<Scripts>,
    pub(crate) script_host: Arc<ServerHost>,
    pub(crate) hub: Arc<Hub<ServerDriver>>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) persistence: Arc<Persistence>,
    pub(crate) config: Config,
    pub(crate) started: UnixMs,
    pub(crate) run_id: String,
    pub(crate) replication_id: ReplicationId,
    pub(crate) account: Arc<Account>,
    pub(crate) reclaimer: Reclaimer,
    pub(crate) log_level: Option<LevelHandle>,
    pub(crate) end_sender: crossbeam_channel::Sender<()>,
}

impl Shared {
    pub(crate) fn new(parts: SharedParts) -> Self {
        let SharedParts {
            table,
            scripts,
            script_host,
            hub,
            broker,
            persistence,
            config,
            started,
            run_id,
            replication_id,
            account,
            reclaimer,
            log_level,
            end_sender,
        } = parts;
        let command_count = table.all().len();
        broker.set_event_flags(config.event_flags);
        let tracks_latency = config.tracks_latency;
        let counters = (0..hub.shard_count()).map(|_| WorkerCounters::new(command_count)).collect();
        Self {
            table,
            scripts,
            script_host,
            hub,
            broker,
            config: RankedRwLock::new(Arc::new(config)),
            config_version: AtomicU64::new(0),
            stats_resets: AtomicU64::new(0),
            config_change: RankedMutex::new(()),
            is_config_rewritten: AtomicBool::new(false),
            clients: Clients::default(),
            counters,
            tracks_latency: AtomicBool::new(tracks_latency),
            pause: Pause::default(),
            persistence,
            started,
            run_id,
            replication_id,
            connections_received: AtomicU64::new(0),
            connections_rejected: AtomicU64::new(0),
            auth_denied: AtomicU64::new(0),
            account,
            log_level,
            reclaimer,
            ending: AtomicBool::new(false),
            is_end_asked: AtomicBool::new(false),
            finishing: AtomicUsize::new(0),
            end_sender,
        }
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read())
    }

    /// Changes with every [`Shared::set_config`].
    #[inline]
    pub(crate) fn config_version(&self) -> u64 {
        self.config_version.load(Ordering::Acquire)
    }

    /// Puts a configuration in force. Every worker takes it up before it runs another command.
    pub(crate) fn set_config(&self, config: Config) {
        self.broker.set_event_flags(config.event_flags);
        self.configure_scripts(&config);
        self.tracks_latency.store(config.tracks_latency, Ordering::Relaxed);
        *self.config.write() = Arc::new(config);
        self.config_version.fetch_add(1, Ordering::Release);
        self.wake_all();
    }

    /// Whether the memory limit is exceeded, and nothing may be evicted or is being freed.
    pub(crate) fn is_short_of_memory(&self) -> bool {
        let limit = self.config.read().max_memory.0;
        limit > 0
            && self.account.used().saturating_sub(self.persistence.exempt_bytes()) > limit
            && self.sum(|counters| &counters.evictable) == 0
            && !self.account.has_doomed()
    }

    /// Brings the settings of a store up to date.
    #[inline]
    pub(crate) fn configure_store(&self, store: &mut ShardStore) {
        self.reset_store(store);
        let version = self.config_version();
        if store.config_version() != version {
            let mut core = self.config().core();
            core.active_expire = store.config().active_expire;
            store.set_config_of(version, core);
        }
    }

    /// Tells scripts what concerns them of a configuration.
    pub(crate) fn configure_scripts(&self, config: &Config) {
        self.scripts.set_busy_threshold(config.busy_reply_threshold_ms);
        self.script_host.configure(config);
    }

    /// Makes the workers finish what runs and end.
    pub(crate) fn end(&self) {
        if !self.ending.swap(true, Ordering::AcqRel) {
            self.scripts.end();
            self.persistence.loading.stop();
            // The receiver may be gone already, which is the same as told.
            let _ = self.end_sender.send(());
            self.wake_all();
        }
    }

    /// A worker submits nothing any more.
    pub(crate) fn note_finishing(&self) {
        self.finishing.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether no worker submits anything any more: whatever there will be is in inboxes and lanes by now.
    pub(crate) fn are_all_finishing(&self) -> bool {
        self.finishing.load(Ordering::Acquire) >= usize::from(self.hub.shard_count())
    }

    #[inline]
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// All workers' shards.
    pub(crate) fn shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.hub.shard_count()).map(ShardId)
    }

    pub(crate) fn wake_all(&self) {
        self.shards().for_each(|shard| self.hub.wake_anyway(shard));
    }

    /// Wakes the workers that hold replies back.
    pub(crate) fn wake_holders(&self) {
        for (shard, counters) in self.shards().zip(self.counters.iter()) {
            if counters.holds_replies.load(Ordering::SeqCst) {
                self.hub.wake_anyway(shard);
            }
        }
    }

    /// Sends every worker a message.
    pub(crate) fn send_all(&self, mail: impl Fn() -> WorkerMail) {
        self.shards().for_each(|shard| self.hub.send_driver_mail(shard, mail()));
    }

    /// Starts the counts of a store anew if it has missed a CONFIG RESETSTAT.
    #[inline]
    pub(crate) fn reset_store(&self, store: &mut ShardStore) {
        store.reset_stats_of(self.stats_resets.load(Ordering::Acquire));
    }

    /// Starts all counts anew but those that stores keep: those follow when each is next in hand.
    pub(crate) fn reset_stats(&self) {
        self.stats_resets.fetch_add(1, Ordering::AcqRel);
        for counters in &self.counters {
            counters.reset_copies();
            counters.reset();
        }
        for counter in [&self.connections_received, &self.connections_rejected, &self.auth_denied] {
            counter.store(0, Ordering::Relaxed);
        }
        self.account.reset();
    }

    /// The sum of a counter over all workers.
    pub(crate) fn sum(&self, counter: impl Fn(&WorkerCounters) -> &AtomicU64) -> u64 {
        self.counters.iter().map(|counters| counter(counters).load(Ordering::Relaxed)).sum()
    }
}
