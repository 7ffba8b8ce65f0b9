//! SUBSCRIBE and its kin, PUBLISH, SPUBLISH, PUBSUB.
//!
//! Subscriptions belong to connections: those commands are the server's. To publish, and to ask who listens, runs on a
//! shard like any command of keys, so that it can be part of a transaction or a script: its message is announced in order
//! with the effects before it.

use std::sync::atomic::Ordering;

use kora_core::command::help::write_help;
use kora_core::command::spec::{CommandSpec, Facts, Flags};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::glob;
use kora_core::journal::Message;
use kora_core::reply::Reply;

use super::{Call, ServerHandler, facts};
use crate::connection::Connection;
use kora_engine::pubsub::{Broker, Name, Space};

/// The commands about a connection's subscriptions.
pub(crate) const COMMANDS: &[CommandSpec<ServerHandler>] = &[
    CommandSpec { facts: facts::PSUBSCRIBE, handler: psubscribe },
    CommandSpec { facts: facts::PUNSUBSCRIBE, handler: punsubscribe },
    CommandSpec { facts: facts::SSUBSCRIBE, handler: ssubscribe },
    CommandSpec { facts: facts::SUBSCRIBE, handler: subscribe },
    CommandSpec { facts: facts::SUNSUBSCRIBE, handler: sunsubscribe },
    CommandSpec { facts: facts::UNSUBSCRIBE, handler: unsubscribe },
];

/// The commands that run on shards.
pub(crate) const SHARD_COMMANDS: &[CommandSpec] = &[
    CommandSpec { facts: facts::PUBLISH, handler: publish },
    CommandSpec { facts: facts::PUBSUB, handler: container },
    CommandSpec { facts: facts::PUBSUB_CHANNELS, handler: channels },
    CommandSpec { facts: facts::PUBSUB_HELP, handler: pubsub_help },
    CommandSpec { facts: facts::PUBSUB_NUMPAT, handler: numpat },
    CommandSpec { facts: facts::PUBSUB_NUMSUB, handler: numsub },
    CommandSpec { facts: facts::PUBSUB_SHARDCHANNELS, handler: shardchannels },
    CommandSpec { facts: facts::PUBSUB_SHARDNUMSUB, handler: shardnumsub },
    CommandSpec { facts: facts::SPUBLISH, handler: spublish },
];

/// Lines of PUBSUB HELP.
const HELP: &[&str] = &[
    "CHANNELS [<pattern>]",
    "    Return the currently active channels matching a <pattern> (default: '*').",
    "NUMPAT",
    "    Return number of subscriptions to patterns.",
    "NUMSUB [<channel> ...]",
    "    Return the number of subscribers for the specified channels, excluding",
    "    pattern subscriptions(default: no channels).",
    "SHARDCHANNELS [<pattern>]",
    "    Return the currently active shard level channels matching a <pattern> (default: '*').",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    Return the number of subscribers for the specified shard level channel(s)",
];

/// Whether a command changes a connection's subscriptions: what confirms that is a message rather than a reply.
pub(crate) fn subscribes(facts: &Facts) -> bool {
    facts.flags.has(Flags::PUBSUB.with(Flags::NOSCRIPT))
}

/// Whether a command publishes.
pub(crate) fn publishes(facts: &Facts) -> bool {
    facts.flags.has(Flags::PUBSUB.with(Flags::MAY_REPLICATE))
}

/// Whether a client of RESP2 may use a command while it is subscribed.
pub(crate) fn is_allowed_in_subscribe_mode(facts: &Facts) -> bool {
    subscribes(facts) || matches!(facts.name, "ping" | "quit" | "reset")
}

/// What a client of RESP2 is told that is subscribed and uses another command.
pub(crate) fn subscribe_mode_error(facts: &Facts) -> String {
    format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
         context",
        facts.name
    )
}

fn subscribe(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    call.join("subscribe", Space::Channels, &args[1..]);
    Ok(())
}

fn psubscribe(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    call.join("psubscribe", Space::Patterns, &args[1..]);
    Ok(())
}

fn ssubscribe(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    if call.connection.session.is_executing {
        return Err(CommandError::text("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
    }
    call.join("ssubscribe", Space::ShardChannels, &args[1..]);
    Ok(())
}

fn unsubscribe(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    call.leave("unsubscribe", Space::Channels, &args[1..]);
    Ok(())
}

fn punsubscribe(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    call.leave("punsubscribe", Space::Patterns, &args[1..]);
    Ok(())
}

fn sunsubscribe(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    call.leave("sunsubscribe", Space::ShardChannels, &args[1..]);
    Ok(())
}

/// Ends all subscriptions of a connection without a word to it: RESET.
pub(super) fn end_all(call: &mut Call<'_>) {
    end_subscriptions(&call.shared.broker, call.connection);
    call.connection.subscriptions = Default::default();
    call.show_subscriptions();
}

/// Takes a connection out of the broker's books.
pub(crate) fn end_subscriptions(broker: &Broker, connection: &Connection) {
    for space in Space::ALL {
        let names = connection.subscriptions.names(space);
        if !names.is_empty() {
            broker.leave(connection.place(), space, &names);
        }
    }
}

impl Call<'_> {
    /// Subscribes to names, and confirms each.
    fn join(&mut self, kind: &str, space: Space, names: &[&[u8]]) {
        let mut joined: Vec<Name> = Vec::new();
        for name in names {
            joined.extend(self.connection.subscriptions.add(space, name));
            self.confirm(kind, space, Some(name));
        }
        if !joined.is_empty() {
            self.shared.broker.join(self.connection.place(), space, &joined);
            self.show_subscriptions();
        }
    }

    /// Ends subscriptions, to all names if none is given, and confirms each.
    fn leave(&mut self, kind: &str, space: Space, names: &[&[u8]]) {
        let all = if names.is_empty() { self.connection.subscriptions.names(space) } else { Vec::new() };
        let all: Vec<&[u8]> = all.iter().map(|name| &**name).collect();
        let named = if names.is_empty() { &all } else { names };
        let mut left: Vec<Name> = Vec::new();
        for name in named {
            left.extend(self.connection.subscriptions.remove(space, name));
            self.confirm(kind, space, Some(name));
        }
        if named.is_empty() {
            self.confirm(kind, space, None);
        }
        if !left.is_empty() {
            self.shared.broker.leave(self.connection.place(), space, &left);
            self.show_subscriptions();
        }
    }

    fn confirm(&mut self, kind: &str, space: Space, name: Option<&[u8]>) {
        let count = self.connection.subscriptions.confirmed_count(space);
        let mut out = self.reply();
        out.push(3);
        out.bulk(kind.as_bytes());
        match name {
            Some(name) => out.bulk(name),
            None => out.null(),
        }
        out.integer(as_integer(count));
    }

    /// Shows other workers how many subscriptions there are.
    fn show_subscriptions(&self) {
        let Connection { client, subscriptions, .. } = &*self.connection;
        for (shown, space) in client.subscriptions.iter().zip(Space::ALL) {
            shown.store(subscriptions.count_in(space), Ordering::Relaxed);
        }
    }
}

fn as_integer(count: usize) -> i64 {
    i64::try_from(count).expect("what is in memory is fewer than 2^63")
}

fn broker<'a>(ctx: &Ctx<'a>) -> &'a Broker {
    ctx.services.get().expect("a server's shards are given its broker")
}

fn publish(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    announce(ctx, false, args, out);
    Ok(())
}

fn spublish(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    announce(ctx, true, args, out);
    Ok(())
}

fn announce(ctx: &mut Ctx<'_>, is_sharded: bool, args: &[&[u8]], out: &mut dyn Reply) {
    let (channel, payload) = (args[1], args[2]);
    let (count, as_of) = broker(ctx).count_receivers(is_sharded, channel);
    if count > 0 {
        let (channel, payload) = (channel.into(), payload.into());
        ctx.journal.publish(Message { is_sharded, channel, payload, as_of });
    }
    out.integer(as_integer(count));
}

/// PUBSUB alone: its arity refuses that before it runs.
fn container(_: &mut Ctx<'_>, args: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    Err(CommandError::Arity(String::from_utf8_lossy(args[0]).to_lowercase().into()))
}

fn pubsub_help(_: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(out, "PUBSUB", HELP);
    Ok(())
}

fn channels(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, Space::Channels, args, out)
}

fn shardchannels(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, Space::ShardChannels, args, out)
}

fn list(ctx: &Ctx<'_>, space: Space, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let names = match args {
        [_, _] => broker(ctx).names(space, |_| true),
        [_, _, pattern] => broker(ctx).names(space, |name| glob::matches(pattern, name)),
        _ => return Err(unknown(args)),
    };
    out.array(names.len());
    names.iter().for_each(|name| out.bulk(name));
    Ok(())
}

fn numpat(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    out.integer(as_integer(broker(ctx).name_count(Space::Patterns)));
    Ok(())
}

fn numsub(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    count(ctx, Space::Channels, &args[2..], out);
    Ok(())
}

fn shardnumsub(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    count(ctx, Space::ShardChannels, &args[2..], out);
    Ok(())
}

fn count(ctx: &Ctx<'_>, space: Space, names: &[&[u8]], out: &mut dyn Reply) {
    let counts = broker(ctx).subscriber_counts(space, names);
    out.array(names.len() * 2);
    for (name, count) in names.iter().zip(counts) {
        out.bulk(name);
        out.integer(as_integer(count));
    }
}

fn unknown(args: &[&[u8]]) -> CommandError {
    CommandError::SubcommandForm(String::from_utf8_lossy(args[1]).into_owned(), "PUBSUB")
}
