//! What there is to say about replication by a server that has no replicas: ROLE.

use kora_core::command::spec::{Categories, CommandSpec, Facts, Flags, Group};
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::{Call, Handler};

/// Where the stream of changes to replicas stands. There are none, so nothing has been sent.
pub(crate) const OFFSET: i64 = 0;

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<Handler>] =
    &[CommandSpec { facts: ROLE, handler: Handler::Session(role) }];

const ROLE: Facts = Facts {
    name: "role",
    arity: 1,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE).with(Flags::FAST),
    categories: Categories::ADMIN.with(Categories::DANGEROUS),
    group: Group::Server,
    since: "2.8.12",
    summary: "Tells the part the server plays in replication",
    complexity: "O(1)",
    ..Facts::NONE
};

/// A master, how far its stream of changes has come, and its replicas.
fn role(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let mut out = call.reply();
    out.array(3);
    out.bulk(b"master");
    out.integer(OFFSET);
    out.array(0);
    Ok(())
}
