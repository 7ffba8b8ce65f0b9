//! SUBSCRIBE and its kin: they are about a session's subscriptions.

use std::sync::atomic::Ordering;

use kora_core::command::spec::CommandSpec;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::{Family, facts};
use crate::engine::{Call, Handler};
use crate::front::Front;
use crate::pubsub::{Broker, Name, Space};
use crate::session::Session;

impl<F: Front> Family<F> {
    /// The commands about a session's subscriptions.
    pub const SUBSCRIPTION: &'static [CommandSpec<Handler<F>>] = &[
        CommandSpec { facts: facts::PSUBSCRIBE, handler: Handler::Session(psubscribe) },
        CommandSpec { facts: facts::PUNSUBSCRIBE, handler: Handler::Session(punsubscribe) },
        CommandSpec { facts: facts::SSUBSCRIBE, handler: Handler::Session(ssubscribe) },
        CommandSpec { facts: facts::SUBSCRIBE, handler: Handler::Session(subscribe) },
        CommandSpec { facts: facts::SUNSUBSCRIBE, handler: Handler::Session(sunsubscribe) },
        CommandSpec { facts: facts::UNSUBSCRIBE, handler: Handler::Session(unsubscribe) },
    ];
}

fn subscribe<F: Front>(call: &mut Call<'_, F>, args: &[&[u8]]) -> CommandResult {
    call.join("subscribe", Space::Channels, &args[1..]);
    Ok(())
}

fn psubscribe<F: Front>(call: &mut Call<'_, F>, args: &[&[u8]]) -> CommandResult {
    call.join("psubscribe", Space::Patterns, &args[1..]);
    Ok(())
}

fn ssubscribe<F: Front>(call: &mut Call<'_, F>, args: &[&[u8]]) -> CommandResult {
    if call.session.is_executing {
        return Err(CommandError::text("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
    }
    call.join("ssubscribe", Space::ShardChannels, &args[1..]);
    Ok(())
}

fn unsubscribe<F: Front>(call: &mut Call<'_, F>, args: &[&[u8]]) -> CommandResult {
    call.leave("unsubscribe", Space::Channels, &args[1..]);
    Ok(())
}

fn punsubscribe<F: Front>(call: &mut Call<'_, F>, args: &[&[u8]]) -> CommandResult {
    call.leave("punsubscribe", Space::Patterns, &args[1..]);
    Ok(())
}

fn sunsubscribe<F: Front>(call: &mut Call<'_, F>, args: &[&[u8]]) -> CommandResult {
    call.leave("sunsubscribe", Space::ShardChannels, &args[1..]);
    Ok(())
}

/// Ends all subscriptions of a connection without a word to it: RESET.
pub fn end_all<F: Front>(call: &mut Call<'_, F>) {
    end_subscriptions(&call.engine.broker, call.session);
    call.session.subscriptions = Default::default();
    call.show_subscriptions();
}

/// Takes a connection out of the broker's books.
pub(crate) fn end_subscriptions<F: Front>(broker: &Broker, session: &Session<F>) {
    for space in Space::ALL {
        let names = session.subscriptions.names(space);
        if !names.is_empty() {
            broker.leave(session.place(), space, &names);
        }
    }
}

impl<F: Front> Call<'_, F> {
    /// Subscribes to names, and confirms each.
    fn join(&mut self, kind: &str, space: Space, names: &[&[u8]]) {
        let mut joined: Vec<Name> = Vec::new();
        for name in names {
            joined.extend(self.session.subscriptions.add(space, name));
            self.confirm(kind, space, Some(name));
        }
        if !joined.is_empty() {
            self.engine.broker.join(self.session.place(), space, &joined);
            self.show_subscriptions();
        }
    }

    /// Ends subscriptions, to all names if none is given, and confirms each.
    fn leave(&mut self, kind: &str, space: Space, names: &[&[u8]]) {
        let all = if names.is_empty() { self.session.subscriptions.names(space) } else { Vec::new() };
        let all: Vec<&[u8]> = all.iter().map(|name| &**name).collect();
        let named = if names.is_empty() { &all } else { names };
        let mut left: Vec<Name> = Vec::new();
        for name in named {
            left.extend(self.session.subscriptions.remove(space, name));
            self.confirm(kind, space, Some(name));
        }
        if named.is_empty() {
            self.confirm(kind, space, None);
        }
        if !left.is_empty() {
            self.engine.broker.leave(self.session.place(), space, &left);
            self.show_subscriptions();
        }
    }

    fn confirm(&mut self, kind: &str, space: Space, name: Option<&[u8]>) {
        let count = self.session.subscriptions.confirmed_count(space);
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
        let Session { client, subscriptions, .. } = &*self.session;
        for (shown, space) in client.subscriptions.iter().zip(Space::ALL) {
            shown.store(subscriptions.count_in(space), Ordering::Relaxed);
        }
    }
}
