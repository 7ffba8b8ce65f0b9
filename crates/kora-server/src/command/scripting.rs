//! The server as the host of scripts: the commands they may call, its memory, its log.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use kora_core::command::spec::{Facts, Flags};
use kora_core::command::table::CommandTable;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_core::slot::ShardId;
use kora_core::time::UnixMs;
use kora_script::Host;
use kora_script::host::{Callee, LogLevel, NoCallee, resolve};
use kora_script::tally::Tally;

use super::connection::REDIS_VERSION;
use super::{Desk, DeskHandler, ServerHandler};
use crate::client::add;
use crate::config::Config;
use crate::shared::Shared;

thread_local! {
    /// The worker of this thread, whose counters nobody else adds to.
    static WORKER: Cell<Option<ShardId>> = const { Cell::new(None) };
}

/// Says which worker this thread is.
pub(crate) fn set_worker(worker: ShardId) {
    WORKER.set(Some(worker));
}

/// See the module.
#[derive(Debug)]
pub(crate) struct ServerHost {
    table: Arc<CommandTable<ServerHandler>>,
    /// Commands of the server's own that scripts may call, by place in the table.
    at_desk: HashMap<usize, DeskHandler>,
    shared: OnceLock<Weak<Shared>>,
    /// Whether writes are refused, as persistence knows.
    refuses: Arc<AtomicBool>,
    /// Whether there is a limit of memory.
    has_limit: AtomicBool,
    /// DEBUG SET-DISABLE-DENY-SCRIPTS: whether scripts may call DEBUG.
    permits_debug: AtomicBool,
}

impl ServerHost {
    /// A host for a server that is still to be made.
    pub(crate) fn new(table: Arc<CommandTable<ServerHandler>>, refuses: Arc<AtomicBool>) -> Self {
        let families = [
            super::client::AT_DESK,
            super::config::AT_DESK,
            super::connection::AT_DESK,
            super::debug::AT_DESK,
            super::introspection::AT_DESK,
            super::memory::AT_DESK,
            super::module::AT_DESK,
            super::script::AT_DESK,
            super::server::AT_DESK,
        ];
        let place = |name: &str| table.find_by_full_name(name.as_bytes()).map(|command| command.id);
        let handlers = families.into_iter().flatten();
        let at_desk = handlers.filter_map(|(name, handler)| Some((place(name)?, *handler))).collect();
        Self {
            table,
            at_desk,
            shared: OnceLock::new(),
            refuses,
            has_limit: AtomicBool::new(false),
            permits_debug: AtomicBool::new(false),
        }
    }

    /// Tells it the server.
    pub(crate) fn serve(&self, shared: &Arc<Shared>) {
        // It is told once.
        let _ = self.shared.set(Arc::downgrade(shared));
    }

    /// Takes up what concerns scripts of a configuration.
    pub(crate) fn configure(&self, config: &Config) {
        self.has_limit.store(config.max_memory.0 > 0, Ordering::Relaxed);
    }

    /// Lets scripts call DEBUG from now on, or no more.
    pub(crate) fn permit_debug(&self, is_permitted: bool) {
        self.permits_debug.store(is_permitted, Ordering::Relaxed);
    }

    fn shared(&self) -> Option<Arc<Shared>> {
        self.shared.get()?.upgrade()
    }
}

impl Host for ServerHost {
    fn resolve(&self, args: &[&[u8]]) -> Result<Callee, NoCallee> {
        resolve(&self.table, args)
    }

    fn refuses_writes(&self) -> Option<CommandError> {
        if !self.refuses.load(Ordering::Relaxed) {
            return None;
        }
        let refusal = self.shared()?.persistence.refusal()?;
        Some(CommandError::Other(refusal.text().into()))
    }

    /// Of what scripts may not call DEBUG is all that a test can be allowed: the rest would run scripts in scripts, or
    /// is about a connection.
    fn permits(&self, facts: &Facts) -> bool {
        let is_debug = facts.name.starts_with("debug|") && !facts.flags.has(Flags::NO_MULTI);
        !facts.flags.has(Flags::NOSCRIPT) || is_debug && self.permits_debug.load(Ordering::Relaxed)
    }

    fn run(&self, place: usize, args: &[&[u8]], now: UnixMs, out: &mut dyn Reply) -> CommandResult {
        let handler = self.at_desk.get(&place);
        let handler =
            handler.ok_or(CommandError::text("ERR This Redis command is not allowed from script"))?;
        let shared = self.shared().ok_or(CommandError::text("ERR the server is ending"))?;
        handler(Desk { shared: &shared, now }, args, out)
    }

    fn note_busy(&self) {
        if let Some(shared) = self.shared() {
            shared.wake_all();
        }
    }

    fn count(&self, tally: &Tally) {
        let (Some(worker), Some(shared)) = (WORKER.get(), self.shared()) else { return };
        let counters = &shared.counters[worker.index()];
        for command in tally.commands() {
            let total = &counters.commands[command.place];
            add(&total.calls, command.calls);
            add(&total.failed, command.failed);
            add(&total.rejected, command.rejected);
            add(&total.nanoseconds, u64::try_from(command.elapsed.as_nanos()).unwrap_or(u64::MAX));
            add(&counters.commands_processed, command.calls);
        }
        tally.errors().for_each(|(prefix, count)| counters.count_error(prefix, count));
    }

    fn is_short_of_memory(&self) -> bool {
        self.has_limit.load(Ordering::Relaxed)
            && self.shared().is_some_and(|shared| shared.is_short_of_memory())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{FAMILIES, SHARD_FAMILIES};
    use kora_core::command::later::{is_later_command, is_later_subcommand};
    use kora_core::command::table::Handler;

    /// What is said to come later is not there yet.
    #[test]
    fn no_command_is_both_there_and_missing() {
        let table = CommandTable::<ServerHandler>::new(SHARD_FAMILIES, FAMILIES);
        for command in table.all() {
            let name = command.facts.name;
            let is_later = match name.split_once('|') {
                Some((container, name)) => is_later_subcommand(container, name.as_bytes()),
                None => is_later_command(name.as_bytes()),
            };
            assert!(!is_later, "{name}");
        }
    }

    /// A command that scripts may call runs for them too, but for SELECT, which is the interpreter's.
    #[test]
    fn every_command_that_scripts_may_call_has_a_form_for_them() {
        let host = ServerHost::new(Arc::new(CommandTable::new(SHARD_FAMILIES, FAMILIES)), Arc::default());
        for command in host.table.all() {
            let is_called = matches!(command.handler, Handler::Driver(_))
                && !command.facts.flags.has(Flags::NOSCRIPT)
                && command.subcommands.is_empty()
                && command.facts.name != "select";
            if is_called {
                assert!(host.at_desk.contains_key(&command.id), "{}", command.facts.name);
            }
        }
    }
}
