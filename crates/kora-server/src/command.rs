//! Commands that the server answers itself: connections, configuration, introspection.
//!
//! Each runs on the worker that serves its connection. What it needs of other workers is in [`Shared`], or is asked
//! of them by a message.

mod acl;
mod client;
mod config;
pub(crate) mod connection;
mod debug;
pub mod facts;
pub(crate) mod info;
mod introspection;
mod migrate;
mod module;
mod panic;
mod replication;
mod server;
#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;

use kora_core::command::spec::CommandSpec;
use kora_core::command::table::CommandTable;

use crate::shared::Shared;
use kora_engine::command::{Family, container};

/// What runs a command of the server.
pub(crate) type Handler = kora_engine::engine::Handler<Shared>;

/// What a command of the server runs in.
pub(crate) type Call<'a> = kora_engine::engine::Call<'a, Shared>;

/// Shows other commands and workers a connection as it is now, while it runs a command of these arguments.
fn publish(call: &Call<'_>, args: &[&[u8]]) {
    let (session, client) = (&*call.session, &call.session.client);
    crate::shared::connection::publish((client, &session.link, &session.output), session.figures(), call.now);
    crate::shared::connection::publish_buffers(session);
    let bytes = args.iter().map(|arg| arg.len()).sum();
    client.argument_bytes.store(bytes, Ordering::Relaxed);
    let free = crate::worker::READ_BYTES.saturating_sub(session.link.running_bytes);
    client.query_free_bytes.store(free, Ordering::Relaxed);
    crate::worker::note_memory(session, &call.front.traffic[call.worker.index()]);
}

/// What a command runs in that is about the server and no connection.
pub(crate) type ServerCall<'a> = kora_engine::engine::ServerCall<'a, Shared>;

/// All families of the server.
pub(crate) const FAMILIES: &[&[CommandSpec<Handler>]] = &[
    &[panic::DEBUG_PANIC],
    acl::COMMANDS,
    client::COMMANDS,
    config::COMMANDS,
    connection::COMMANDS,
    debug::COMMANDS,
    introspection::COMMANDS,
    module::COMMANDS,
    replication::COMMANDS,
    Family::<Shared>::MONITOR,
    Family::<Shared>::SUBSCRIPTION,
    server::COMMANDS,
];

/// Families of the server that run on shards.
pub(crate) const SHARD_FAMILIES: &[&[CommandSpec]] = &[
    &[migrate::MIGRATE],
    kora_doc::COMMANDS,
    kora_json::COMMANDS,
    kora_search::COMMANDS,
    kora_vector::COMMANDS,
];

/// All commands that there are.
pub(crate) fn table() -> CommandTable<Handler> {
    kora_engine::command::table(SHARD_FAMILIES, FAMILIES)
}
