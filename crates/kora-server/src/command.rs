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
pub(crate) mod persistence;
pub(crate) mod pubsub;
pub(crate) mod replication;
mod script;
pub(crate) mod scripting;
mod server;
mod transaction;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::command::spec::CommandSpec;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_core::shard::watch::Watched;
use kora_core::slot::ShardId;
use kora_core::time::UnixMs;

use crate::connection::Connection;
use crate::resp::RespSink;
use crate::shared::Shared;
use crate::transaction::Queue;

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
        crate::worker::note_memory(connection, &self.shared.counters[self.worker.index()]);
    }
}

/// What a command runs in that is about the server and no connection.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) now: UnixMs,
}

/// Runs a command that is about the server and no connection: scripts may call it, too.
pub(crate) type DeskHandler = fn(Desk<'_>, &[&[u8]], &mut dyn Reply) -> CommandResult;

impl Call<'_> {
    /// Runs a command that needs no connection.
    fn at_desk(&mut self, args: &[&[u8]], handler: DeskHandler) -> CommandResult {
        let desk = Desk { shared: self.shared, now: self.now };
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
    pubsub::COMMANDS,
    server::COMMANDS,
    transaction::COMMANDS,
];

/// Families of the server that run on shards.
pub(crate) const SHARD_FAMILIES: &[&[CommandSpec]] = &[
    kora_script::FAMILY,
    kora_script::FUNCTION_FAMILY,
    persistence::COMMANDS,
    &[migrate::MIGRATE],
    pubsub::SHARD_COMMANDS,
];

/// A container without its subcommand: its arity refuses that before it runs.
fn container(_: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    Err(CommandError::Arity(String::from_utf8_lossy(args[0]).to_lowercase().into()))
}
