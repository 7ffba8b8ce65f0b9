//! Builds an engine from options: the one place that knows which part needs which.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use crossbeam_channel::Receiver;
use kora_core::command::spec::CommandSpec;
use kora_core::command::table::{CommandTable, RenameError};
use kora_core::entry::data_type::Extensions;
use kora_core::services::Services;
use kora_core::shard::executor::{Executor, new_executors};
use kora_core::shard::hub::Wake;
use kora_core::time::UnixMs;
use kora_script::{Looks, Scripts};
use kora_storage::disk::Disk;

use crate::access::Access;
use crate::command::{self, SHARD_FAMILIES};
use crate::counters::Counters;
use crate::ending::Ending;
use crate::engine::{Engine, Handler};
use crate::front::probe::Probe as _;
use crate::front::{Front, Workers};
use crate::memory::Account;
use crate::memory_limit::MemoryLimit;
use crate::observe::Insight;
use crate::pause::Pause;
use crate::persistence::{Drive, Needs, Persistence};
use crate::pubsub::Broker;
use crate::reclaim::Reclaimer;
use crate::scripting::ScriptHost;
use crate::settings::{RenamedCommand, Settings, SettingsInForce};
use crate::stream::Stream;

/// Shards for each worker, where there are several workers: the more there are, the rarer it is that somebody else holds one.
const SHARDS_PER_WORKER: u16 = 4;

/// How many shards an engine has with so many workers, if nothing else is said.
#[must_use]
pub const fn shards_for(worker_count: u16) -> u16 {
    if worker_count > 1 { worker_count.saturating_mul(SHARDS_PER_WORKER) } else { 1 }
}

/// What an engine is built from.
pub struct Options<F: Front> {
    /// What it goes by at first.
    pub settings: Settings,
    /// One worker is made for each.
    pub wakers: Vec<Box<dyn Wake>>,
    /// Number of shards: see [`shards_for`].
    pub shard_count: u16,
    /// Decides hashing and random choices.
    pub seed: u64,
    /// The time.
    pub started: UnixMs,
    /// Where files are.
    pub disk: Arc<dyn Disk>,
    /// Who writes the log.
    pub drive: Drive,
    /// Data types that are not built in. Their commands are among the front's.
    pub extensions: Extensions,
    /// The front's commands that run on shards.
    pub shard_families: &'static [&'static [CommandSpec]],
    /// Its other commands.
    pub families: &'static [&'static [CommandSpec<Handler<F>>]],
    /// Most bytes that scripts take on each worker; 1 GiB if it is not said.
    pub script_bytes_max: Option<usize>,
    /// How scripts that run are looked at, if not by the system's clock.
    pub script_looks: Option<Looks>,
}

/// What is built.
pub struct Assembly<F: Front> {
    /// What the workers share.
    pub engine: Arc<Engine<F>>,
    /// What commands find by its type. The front puts itself there, too.
    pub services: Services,
    /// One for each worker.
    pub executors: Vec<Executor<Workers<F>>>,
    /// Told when the engine is to end.
    pub ended: Receiver<()>,
}

impl<F: Front> std::fmt::Debug for Assembly<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assembly").field("executors", &self.executors).finish_non_exhaustive()
    }
}

/// Builds an engine.
///
/// # Errors
/// If the system refuses a thread, or a command can't be renamed.
pub fn assemble<F: Front>(options: Options<F>) -> io::Result<Assembly<F>> {
    let Options { settings, wakers, shard_count, seed, started, disk, drive, extensions, .. } = options;
    let Options { shard_families, families, script_bytes_max, script_looks, .. } = options;
    let executors = new_executors::<Workers<F>>(wakers, shard_count, &settings.core, seed);
    let hub = Arc::clone(executors[0].hub());
    hub.each_store(|store| store.set_extensions(extensions));
    let account = Arc::new(Account::open());
    let of_shards: Vec<_> = SHARD_FAMILIES.iter().chain(shard_families).copied().collect();
    let table = Arc::new(renamed(command::table(shard_families, families), &settings.renamed_commands)?);
    let counters = Arc::new(Counters::new(hub.worker_count(), hub.shard_count(), table.all().len()));
    let has_limit = Arc::new(AtomicBool::new(false));
    let reclaimer = reclaimer::<F>(&account, &settings)?;
    let settings = Arc::new(SettingsInForce::new(settings));
    let stream = Arc::new(Stream::default());
    let insight = Arc::new(Insight::new(hub.worker_count(), hub.shard_count()));
    let needs = Needs {
        stream: Arc::clone(&stream),
        settings: Arc::clone(&settings),
        counters: Arc::clone(&counters),
        bells: Arc::clone(hub.bells()),
        account: Arc::clone(&account),
        insight: Arc::clone(&insight),
        effects: Arc::new(CommandTable::new(&of_shards, &[])),
    };
    let persistence = Arc::new(Persistence::new(needs, disk, drive, started));
    let limit = limit(&persistence, &has_limit);
    let scripts_may_debug = Arc::new(AtomicBool::new(false));
    let script_host = ScriptHost::new(
        Arc::clone(&table),
        Arc::clone(&persistence),
        limit,
        Arc::clone(&counters),
        Arc::clone(hub.bells()),
        Arc::clone(&scripts_may_debug),
    );
    let scripts = scripts::<F>(script_host, script_looks, script_bytes_max);
    let (sender, ended) = crossbeam_channel::unbounded();
    let ending = Ending::new(sender, Arc::clone(&scripts), Arc::clone(&persistence), Arc::clone(hub.bells()));
    let engine = Arc::new(Engine {
        access: Arc::new(Access::new(table.all().iter().map(|command| command.facts))),
        table,
        broker: Arc::new(Broker::new(hub.worker_count())),
        insight,
        hub,
        extensions,
        settings,
        counters,
        scripts,
        persistence,
        stream,
        reclaimer,
        account,
        pause: Pause::default(),
        ending: Arc::new(ending),
        tracks_latency: AtomicBool::new(false),
        scripts_may_debug,
        has_limit,
        stats_resets: AtomicU64::new(0),
    });
    engine.spread(&engine.settings.get());
    share(&engine);
    let services = Services::default()
        .with(Arc::clone(&engine.broker))
        .with(Arc::clone(&engine.scripts))
        .with(Arc::new(Arc::clone(&engine.persistence)))
        .with(Arc::clone(&engine.ending))
        .with(Arc::clone(&engine));
    Ok(Assembly { engine, services, executors, ended })
}

/// What judges whether the limit of memory is exceeded.
fn limit(persistence: &Arc<Persistence>, is_set: &Arc<AtomicBool>) -> MemoryLimit {
    let needs = &persistence.needs;
    MemoryLimit {
        settings: Arc::clone(&needs.settings),
        account: Arc::clone(&needs.account),
        persistence: Arc::clone(persistence),
        counters: Arc::clone(&needs.counters),
        is_set: Arc::clone(is_set),
    }
}

/// Gives every store what it shares with the others.
fn share<F: Front>(engine: &Engine<F>) {
    engine.hub.each_store(|store| {
        store.share_expiry_hold(engine.pause.shared_until());
        store.share_readership(Arc::clone(engine.broker.readers.readership()));
    });
}

/// What the workers share of scripts.
fn scripts<F: Front>(host: ScriptHost<F>, looks: Option<Looks>, bytes_max: Option<usize>) -> Arc<Scripts> {
    let scripts = Scripts::new(Arc::new(host)).looked_at(looks.unwrap_or_default());
    Arc::new(match bytes_max {
        Some(bytes) => scripts.limited_to(bytes),
        None => scripts,
    })
}

/// Who frees what is thrown away.
fn reclaimer<F: Front>(account: &Arc<Account>, settings: &Settings) -> io::Result<Reclaimer> {
    let account = Arc::clone(account);
    if F::Probe::IS_ALONE {
        return Ok(Reclaimer::at_once(account));
    }
    Reclaimer::start(account, settings.processors.background.clone())
}

/// The table with the names that clients know commands by.
fn renamed<H: Copy>(mut table: CommandTable<H>, names: &[RenamedCommand]) -> io::Result<CommandTable<H>> {
    for RenamedCommand { from, to } in names {
        table.rename(from, to).map_err(|error| not_renamed((from, to), error))?;
    }
    Ok(table)
}

fn not_renamed((from, to): (&[u8], &[u8]), error: RenameError) -> io::Error {
    let [from, to] = [from, to].map(String::from_utf8_lossy);
    io::Error::new(io::ErrorKind::InvalidInput, format!("'rename-command {from} \"{to}\"': {error}"))
}
