//! An engine: what its workers share.

mod call;
mod server_call;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kora_acl::Users;
use kora_core::command::table::CommandTable;
use kora_core::entry::data_type::Extensions;
use kora_core::shard::hub::Hub;
use kora_core::store::ShardStore;
use kora_script::Scripts;

use crate::access::{Access, Denials};
use crate::counters::{Counters, ShardCounters, WorkerCounters};
use crate::ending::Ending;
use crate::front::{Front, Mail, Workers};
use crate::latency::Distribution;
use crate::memory::Account;
use crate::metrics::{self, About, Reading, Series};
use crate::observe::Insight;
use crate::pause::Pause;
use crate::persistence::Persistence;
use crate::pubsub::Broker;
use crate::reclaim::Reclaimer;
use crate::settings::{Settings, SettingsInForce};
use crate::stream::Stream;
pub use call::{Call, FollowUp, Handler, SessionHandler};
pub use server_call::{ServerCall, ServerHandler};

/// See the module.
#[derive(Debug)]
#[expect(missing_docs, reason = "fields are named after their types, which say what they are")]
pub struct Engine<F: Front> {
    /// All commands.
    pub table: Arc<CommandTable<Handler<F>>>,
    pub hub: Arc<Hub<Workers<F>>>,
    /// The data types that are not built in.
    pub extensions: Extensions,
    pub settings: Arc<SettingsInForce>,
    pub counters: Arc<Counters>,
    pub broker: Arc<Broker>,
    pub scripts: Arc<Scripts>,
    pub persistence: Arc<Persistence>,
    /// The stream of effects.
    pub stream: Arc<Stream>,
    /// What the process has allocated.
    pub account: Arc<Account>,
    /// Frees what the shards throw away.
    pub reclaimer: Reclaimer,
    /// Who may do what.
    pub access: Arc<Access>,
    pub pause: Pause,
    pub ending: Arc<Ending>,
    /// What an operator sees of the work.
    pub insight: Arc<Insight>,
    /// Whether it is counted how long commands take.
    pub tracks_latency: AtomicBool,
    /// DEBUG SET-DISABLE-DENY-SCRIPTS: whether scripts may call DEBUG.
    pub scripts_may_debug: Arc<AtomicBool>,
    /// Whether there is a limit of memory.
    pub(crate) has_limit: Arc<AtomicBool>,
    /// How many times CONFIG RESETSTAT has started the counts anew.
    pub(crate) stats_resets: AtomicU64,
}

impl<F: Front> Engine<F> {
    /// Puts settings in force. Every worker takes them up before it runs another command.
    pub fn set_settings(&self, settings: Settings) {
        self.spread(&settings);
        self.settings.set(settings);
        self.hub.bells().ring_all();
    }

    /// Tells those who have no look at the settings what concerns them.
    pub(crate) fn spread(&self, settings: &Settings) {
        self.broker.set_event_flags(settings.event_flags);
        self.scripts.set_busy_threshold(settings.busy_reply_threshold_ms);
        self.insight.configure(&settings.observe);
        self.has_limit.store(settings.max_memory > 0, Ordering::Relaxed);
        self.tracks_latency.store(settings.tracks_latency, Ordering::Relaxed);
        for counters in self.counters.shards() {
            counters.evictable.store(ShardCounters::UNKNOWN, Ordering::Relaxed);
        }
    }

    /// The commands that Redis knows, in the order of the table, each with the places of what counts as it.
    #[must_use]
    pub fn known_commands(&self) -> Vec<(&'static str, Vec<usize>)> {
        let mut known: Vec<(&'static str, Vec<usize>)> = Vec::new();
        let mut places = HashMap::new();
        for command in self.table.all() {
            let name = command.facts.known_name();
            let place = *places.entry(name).or_insert_with(|| {
                known.push((name, Vec::new()));
                known.len() - 1
            });
            known[place].1.push(command.id);
        }
        known
    }

    /// How long the calls of these commands took, on all workers; none if none was called.
    #[must_use]
    pub fn times_of(&self, places: &[usize]) -> Option<Distribution> {
        let counters = self.counters.iter();
        Distribution::of(
            counters.flat_map(|counters| places.iter().map(|&id| &counters.commands[id].latency)),
        )
    }

    /// Brings the settings of a store up to date.
    #[inline]
    pub fn configure_store(&self, store: &mut ShardStore) {
        self.reset_store(store);
        let version = self.settings.version();
        if store.config_version() != version {
            let mut core = self.settings.get().core.clone();
            core.active_expire = store.config().active_expire;
            core.skips_checksums = store.config().skips_checksums;
            store.set_config_of(version, core);
        }
    }

    /// Changes the users. Every worker looks at its sessions before it sleeps again, and before it runs another command of one.
    pub fn change_users<T>(&self, change: impl FnOnce(&mut Users) -> T) -> T {
        let changed = self.access.change(change);
        self.hub.bells().ring_all();
        changed
    }

    /// Sends every worker a message.
    pub fn send_all(&self, mail: impl Fn() -> Mail<F::Mail>) {
        self.hub.workers().for_each(|worker| self.hub.send_driver_mail(worker, mail()));
    }

    /// Starts the counts of a store anew if it has missed a CONFIG RESETSTAT.
    #[inline]
    pub fn reset_store(&self, store: &mut ShardStore) {
        store.reset_stats_of(self.stats_resets.load(Ordering::Acquire));
    }

    /// Starts all counts anew but those that stores keep: those follow when each is next in hand.
    pub fn reset_stats(&self) {
        self.stats_resets.fetch_add(1, Ordering::AcqRel);
        self.insight.demand.restart();
        self.counters.iter().for_each(WorkerCounters::reset);
        self.counters.shards().for_each(ShardCounters::reset);
        metrics::reset(&Account::METRICS, &self.account);
        metrics::reset(&Denials::METRICS, &self.access.denials);
        self.persistence.reset_stats();
    }

    /// Reads the metrics that are `wanted`.
    pub fn read_metrics(&self, wanted: impl Fn(&About) -> bool + Copy, readings: &mut Vec<Reading>) {
        metrics::read(&WorkerCounters::METRICS, self.counters.iter(), wanted, readings);
        metrics::read(&ShardCounters::METRICS, self.counters.shards(), wanted, readings);
        metrics::read(&Account::METRICS, std::iter::once(&*self.account), wanted, readings);
        metrics::read(&Denials::METRICS, std::iter::once(&self.access.denials), wanted, readings);
    }

    /// Reads all metrics, source by source.
    pub fn read_series(&self, series: &mut Vec<Series>) {
        let process = std::iter::once(&*self.account);
        metrics::read_series(&WorkerCounters::METRICS, Some("worker"), self.counters.iter(), series);
        metrics::read_series(&ShardCounters::METRICS, Some("shard"), self.counters.shards(), series);
        metrics::read_series(&Account::METRICS, None, process, series);
        metrics::read_series(&Denials::METRICS, None, std::iter::once(&self.access.denials), series);
    }

    /// The sum of a counter over all workers.
    pub fn sum(&self, counter: impl Fn(&WorkerCounters) -> &AtomicU64) -> u64 {
        self.counters.sum(counter)
    }
}
