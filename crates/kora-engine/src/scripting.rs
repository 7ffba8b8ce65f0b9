//! The engine as the host of scripts: the commands they may call, its memory, its log.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::command::spec::Facts;
use kora_core::command::table::{CommandTable, Handler as Runner};
use kora_core::context::guard::{Asker, Guard};
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_core::services::Services;
use kora_core::shard::hub::Bells;
use kora_core::shard::probe::Rule;
use kora_core::slot::WorkerId;
use kora_core::time::UnixMs;
use kora_script::Host;
use kora_script::host::{Callee, Caller, LogLevel, NoCallee, resolve};
use kora_script::tally::Tally;

use crate::REDIS_VERSION;
use crate::admission::{Asked, Gates, NOT_FROM_SCRIPT, Path, ScriptState, Verdict, judge};
use crate::counters::{Counters, add};
use crate::engine::{Engine, Handler, ServerCall};
use crate::front::Front;
use crate::front::probe::Probe as _;
use crate::memory_limit::MemoryLimit;
use crate::persistence::Persistence;

thread_local! {
    /// The worker of this thread, whose counters nobody else adds to.
    static WORKER: Cell<Option<WorkerId>> = const { Cell::new(None) };
}

/// Says which worker this thread is.
pub fn set_worker(worker: WorkerId) {
    WORKER.set(Some(worker));
}

/// See the module.
#[derive(Debug)]
pub struct ScriptHost<F: Front> {
    table: Arc<CommandTable<Handler<F>>>,
    persistence: Arc<Persistence>,
    limit: MemoryLimit,
    counters: Arc<Counters>,
    bells: Arc<Bells>,
    may_debug: Arc<AtomicBool>,
}

impl<F: Front> ScriptHost<F> {
    pub(crate) fn new(
        table: Arc<CommandTable<Handler<F>>>,
        persistence: Arc<Persistence>,
        limit: MemoryLimit,
        counters: Arc<Counters>,
        bells: Arc<Bells>,
        may_debug: Arc<AtomicBool>,
    ) -> Self {
        Self { table, persistence, limit, counters, bells, may_debug }
    }
}

impl<F: Front> Host for ScriptHost<F> {
    fn resolve(&self, args: &[&[u8]]) -> Result<Callee, NoCallee> {
        resolve(&self.table, args)
    }

    fn admit(&self, facts: &'static Facts, args: &[&[u8]], caller: Caller<'_>) -> CommandResult {
        let may_debug = self.may_debug.load(Ordering::Relaxed);
        let path = Path::Script(ScriptState { is_read_only: caller.is_read_only, may_debug });
        let asked = Asked { facts, flags: facts.flags, path };
        let mut gates = Gates::default();
        if asked.must_be_kept() {
            gates.unkeepable = self.persistence.refusal().map(CommandError::from);
        }
        let permit = |guard: &Arc<dyn Guard>| guard.permit(facts.name, args, Asker::Script, caller.now);
        let may_use = || caller.guard.map_or(Ok(()), permit).map_err(Verdict::Refuse);
        match judge(&asked, &gates, may_use, || !caller.is_short_of_memory) {
            Verdict::Refuse(error) => Err(error),
            _ => Ok(()),
        }
    }

    fn run(
        &self,
        services: &Services,
        (place, args): (usize, &[&[u8]]),
        now: UnixMs,
        out: &mut dyn Reply,
    ) -> CommandResult {
        let Runner::Driver(handler) = self.table.all()[place].handler else { return Err(NOT_FROM_SCRIPT) };
        let handler = handler.in_script().ok_or(NOT_FROM_SCRIPT)?;
        let found = services.get::<Engine<F>>().zip(services.get::<F>());
        let (engine, front) = found.ok_or(CommandError::text("ERR the server is ending"))?;
        handler(ServerCall { engine, front, now }, args, out)
    }

    fn note_busy(&self) {
        self.bells.ring_all();
    }

    fn breaks(&self, rule: Rule) -> bool {
        F::Probe::breaks(rule)
    }

    fn count(&self, tally: &Tally) {
        let Some(worker) = WORKER.get() else { return };
        let counters = self.counters.of(worker);
        for command in tally.commands() {
            let total = &counters.commands[command.place];
            add(&total.calls, command.calls);
            add(&total.failed, command.failed);
            add(&total.rejected, command.rejected);
            add(&counters.commands_processed, command.calls);
        }
        tally.errors().for_each(|(prefix, count)| counters.count_error(prefix, count));
    }

    fn is_short_of_memory(&self) -> bool {
        self.limit.is_exceeded_for_good()
    }

    fn log(&self, level: LogLevel, message: &str) {
        match level {
            LogLevel::Debug => tracing::trace!("{message}"),
            LogLevel::Verbose => tracing::debug!("{message}"),
            LogLevel::Notice => tracing::info!("{message}"),
            LogLevel::Warning => tracing::warn!("{message}"),
        }
    }

    fn version(&self) -> &'static str {
        REDIS_VERSION
    }
}
