//! SUBSCRIBE and its kin: they are about a connection's subscriptions.

use std::sync::atomic::Ordering;

use kora_core::command::spec::{CommandSpec, Facts, Flags};
use kora_core::error::{CommandError, CommandResult};
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
    end_subscriptions(&call.shared.engine.broker, call.connection);
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
            self.shared.engine.broker.join(self.connection.place(), space, &joined);
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
            self.shared.engine.broker.leave(self.connection.place(), space, &left);
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
        out.integer(i64::try_from(count).expect("what is in memory is fewer than 2^63"));
    }

    /// Shows other workers how many subscriptions there are.
    fn show_subscriptions(&self) {
        let Connection { client, subscriptions, .. } = &*self.connection;
        for (shown, space) in client.subscriptions.iter().zip(Space::ALL) {
            shown.store(subscriptions.count_in(space), Ordering::Relaxed);
        }
    }
}
