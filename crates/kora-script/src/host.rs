//! What scripts need of whoever starts the engine: the commands they may run, and the state of its memory.

use std::sync::Arc;

use kora_core::command::spec::Facts;
use kora_core::command::table::{CommandTable, Handler};
use kora_core::context::CoreHandler;
use kora_core::context::guard::Guard;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_core::services::Services;
use kora_core::shard::probe::Rule;
use kora_core::time::UnixMs;

use crate::tally::Tally;

/// A command that a script calls.
#[derive(Clone, Copy, Debug)]
pub struct Callee {
    /// What is known of it.
    pub facts: &'static Facts,
    /// What runs it.
    pub runs: Runs,
    /// Its place in the host's table.
    pub place: usize,
}

/// What runs a command.
#[derive(Clone, Copy, Debug)]
pub enum Runs {
    /// The stores in hand.
    OnShard(CoreHandler),
    /// The host.
    ByHost,
}

/// Why there is no such command to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCallee {
    /// No command or subcommand has this name.
    #[error("ERR Unknown Redis command called from script")]
    Unknown,
    /// It takes another number of arguments; its place in the host's table.
    #[error("ERR Wrong number of args calling Redis command from script")]
    Arity(usize),
}

/// What is known of a script that calls a command.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// It may not write.
    pub is_read_only: bool,
    /// The memory limit was exceeded when it began, and it has written nothing since.
    pub is_short_of_memory: bool,
    /// Whom it runs for, if that is somebody who may not do everything.
    pub guard: Option<&'a Arc<dyn Guard>>,
    /// The time.
    pub now: UnixMs,
}

/// How a message of redis.log() is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// `LOG_DEBUG`.
    Debug,
    /// `LOG_VERBOSE`.
    Verbose,
    /// `LOG_NOTICE`.
    Notice,
    /// `LOG_WARNING`.
    Warning,
}

/// A host of nothing: for tests of what is read of scripts.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct CoreHost(CommandTable<()>);

#[cfg(test)]
impl Default for CoreHost {
    fn default() -> Self {
        Self(CommandTable::new(&[crate::FAMILY, crate::FUNCTION_FAMILY], &[]))
    }
}

#[cfg(test)]
impl Host for CoreHost {
    fn resolve(&self, args: &[&[u8]]) -> Result<Callee, NoCallee> {
        resolve(&self.0, args)
    }

    fn run(&self, _: &Services, _: (usize, &[&[u8]]), _: UnixMs, _: &mut dyn Reply) -> CommandResult {
        Err(CommandError::text("ERR This Redis command is not allowed from script"))
    }

    fn admit(&self, _: &'static Facts, _: &[&[u8]], _: Caller<'_>) -> CommandResult {
        Ok(())
    }

    fn is_short_of_memory(&self) -> bool {
        false
    }

    fn count(&self, _: &Tally) {}

    fn log(&self, _: LogLevel, _: &str) {}

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// The command of `table` that `args`, which are not empty, call.
///
/// # Errors
/// If there is none, or it takes another number of arguments.
pub fn resolve<H: Copy>(table: &CommandTable<H>, args: &[&[u8]]) -> Result<Callee, NoCallee> {
    let command = table.resolve(args).map_err(|error| match error {
        CommandError::Arity(name) => table
            .find_declared(name.as_bytes())
            .map_or(NoCallee::Unknown, |command| NoCallee::Arity(command.id)),
        _ => NoCallee::Unknown,
    })?;
    let runs = match command.handler {
        Handler::Core(handler) => Runs::OnShard(handler),
        Handler::Driver(_) => Runs::ByHost,
    };
    Ok(Callee { facts: command.facts, runs, place: command.id })
}

/// What scripts need of whoever starts the engine.
pub trait Host: Send + Sync {
    /// The command that `args`, which are not empty, call.
    ///
    /// # Errors
    /// If there is none, or it takes another number of arguments.
    fn resolve(&self, args: &[&[u8]]) -> Result<Callee, NoCallee>;

    /// Whether a script may call the command now.
    ///
    /// # Errors
    /// What the script is told if it may not.
    fn admit(&self, facts: &'static Facts, args: &[&[u8]], caller: Caller<'_>) -> CommandResult;

    /// Runs a command of its own, with the services that the script's command was given.
    ///
    /// # Errors
    /// As the command does.
    fn run(
        &self,
        services: &Services,
        call: (usize, &[&[u8]]),
        now: UnixMs,
        out: &mut dyn Reply,
    ) -> CommandResult;

    /// Whether the memory limit is exceeded and nothing may be evicted.
    fn is_short_of_memory(&self) -> bool;

    /// Hears that something takes long: everyone who waits is to be told that the server is busy.
    fn note_busy(&self) {}

    /// Whether a test has this rule broken.
    fn breaks(&self, _: Rule) -> bool {
        false
    }

    /// Takes what the commands of a run came to.
    fn count(&self, tally: &Tally);

    /// Takes a message of redis.log().
    fn log(&self, level: LogLevel, message: &str);

    /// The version that scripts are told.
    fn version(&self) -> &'static str;
}
