//! Commands that the server answers itself: connections, configuration, introspection.
//!
//! Each runs on the worker that serves its connection. What it needs of other workers is in [`Shared`], or is asked
//! of them by a message.

mod client;
mod config;
pub(crate) mod connection;
mod debug;
pub mod facts;
mod function;
mod info;
mod introspection;
mod memory;
mod migrate;
mod module;
mod panic;
pub(crate) mod replication;
mod script;
mod server;
pub(crate) mod subscription;
#[cfg(test)]
mod tests;
mod transaction;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::command::spec::CommandSpec;
use kora_core::command::table::CommandTable;
use kora_core::error::{CommandError, CommandResult};
use kora_core::shard::watch::Watched;
use kora_core::slot::ShardId;
use kora_core::time::UnixMs;

use crate::connection::Connection;
use crate::resp::RespSink;
use crate::shared::Shared;
use crate::transaction::Queue;
use kora_engine::desk::AtDesk;

/// Runs a command of the server: writes one reply to [`Call::reply`], or refuses before writing any.
pub(crate) type ServerHandler = fn(&mut Call<'_>, &[&[u8]]) -> CommandResult;

/// What a command of the server runs in.
pub(crate) struct Call<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) connection: &'a mut Connection,
    /// The worker it runs on.
    pub(crate) worker: ShardId,
    pub(crate) now: UnixMs,
    /// What the worker has to do when the command has run.
    pub(crate) follow_up: Option<FollowUp>,
}

/// What a command leaves to its worker, which has the shard.
#[derive(Debug)]
pub(crate) enum FollowUp {
    /// Begin to queue commands.
    Multi,
    /// Run these as a unit, and reply.
    Exec(Box<Queue>),
    /// Watch the keys among the arguments, and reply.
    Watch,
    /// Have the shards forget these.
    Unwatch(Box<Watched>),
    /// Start all counts anew.
    ResetStats,
    /// Save, and end the server.
    ShutDown,
    /// Have the connection's wait end when a record of the log is durable, or, if that is not all it waits for, change what it
    /// will be told.
    WaitForLog {
        /// The record.
        record: u64,
        /// Whether that is all.
        is_all: bool,
    },
}

impl Call<'_> {
    /// Where the reply goes.
    pub(crate) fn reply(&mut self) -> RespSink<'_> {
        RespSink::new(&mut self.connection.output, self.connection.session.resp)
    }

    /// Shows other commands and workers the connection as it is now, while it runs a command of these arguments.
    fn publish(&self, args: &[&[u8]]) {
        let (connection, client) = (&*self.connection, &self.connection.client);
        connection.publish(self.now);
        connection.publish_buffers();
        let bytes = args.iter().map(|arg| arg.len()).sum();
        client.argument_bytes.store(bytes, Ordering::Relaxed);
        let free = crate::worker::READ_BYTES.saturating_sub(connection.running_bytes);
        client.query_free_bytes.store(free, Ordering::Relaxed);
        crate::worker::note_memory(connection, &self.shared.traffic[self.worker.index()]);
    }
}

/// What a command runs in that is about the server and no connection.
pub(crate) type Desk<'a> = kora_engine::desk::Desk<'a, Shared>;

/// Runs a command that is about the server and no connection: scripts may call it, too.
pub(crate) type DeskHandler = kora_engine::desk::DeskHandler<Shared>;

impl Call<'_> {
    /// Runs a command that needs no connection.
    fn at_desk(&mut self, args: &[&[u8]], handler: DeskHandler) -> CommandResult {
        let desk = Desk { engine: &self.shared.engine, front: self.shared, now: self.now };
        handler(desk, args, &mut self.reply())
    }
}

/// All families of the server.
pub(crate) const FAMILIES: &[&[CommandSpec<ServerHandler>]] = &[
    &[panic::DEBUG_PANIC],
    client::COMMANDS,
    config::COMMANDS,
    connection::COMMANDS,
    debug::COMMANDS,
    function::COMMANDS,
    introspection::COMMANDS,
    memory::COMMANDS,
    module::COMMANDS,
    replication::COMMANDS,
    script::COMMANDS,
    subscription::COMMANDS,
    server::COMMANDS,
    transaction::COMMANDS,
];

/// Families of the server that run on shards.
pub(crate) const SHARD_FAMILIES: &[&[CommandSpec]] = &[&[migrate::MIGRATE]];

/// The server's commands that scripts may call.
pub(crate) const AT_DESK: &[&AtDesk<Shared>] = &[
    client::AT_DESK,
    config::AT_DESK,
    connection::AT_DESK,
    debug::AT_DESK,
    introspection::AT_DESK,
    memory::AT_DESK,
    module::AT_DESK,
    script::AT_DESK,
    server::AT_DESK,
];

/// All commands that there are.
pub(crate) fn table() -> CommandTable<ServerHandler> {
    let of_shards: Vec<_> =
        kora_engine::command::SHARD_FAMILIES.iter().chain(SHARD_FAMILIES).copied().collect();
    CommandTable::new(&of_shards, FAMILIES)
}

/// A container without its subcommand: its arity refuses that before it runs.
fn container(_: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    Err(CommandError::Arity(String::from_utf8_lossy(args[0]).to_lowercase().into()))
}
