//! MONITOR: the client is told of every command from now on.

use kora_core::command::spec::{CommandSpec, Facts, Flags, Group};
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::Family;
use crate::engine::{Call, Handler};
use crate::front::Front;
use crate::observe::monitors::Monitor;

impl<F: Front> Family<F> {
    /// MONITOR: for fronts whose sessions stay to hear.
    pub const MONITOR: &'static [CommandSpec<Handler<F>>] =
        &[CommandSpec { facts: MONITOR, handler: Handler::Session(monitor) }];
}

const MONITOR: Facts = Facts {
    name: "monitor",
    arity: 1,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    group: Group::Server,
    summary: "Tells of every command that runs, until the client leaves or resets the connection",
    ..Facts::NONE
};

fn monitor<F: Front>(call: &mut Call<'_, F>, _: &[&[u8]]) -> CommandResult {
    if call.session.is_executing {
        return Err(CommandError::text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    if call.session.monitor.is_some() {
        // It is told already, and Redis answers nothing.
        return Ok(());
    }
    call.reply().ok();
    call.session.monitor = Some(Box::new(Monitor::default()));
    call.engine.insight.monitors.add(call.session.origin());
    F::show_monitor(&call.session.client, true);
    Ok(())
}

/// Ends what MONITOR began, if it did: RESET.
pub fn end<F: Front>(call: &mut Call<'_, F>) {
    if call.session.monitor.take().is_some() {
        call.engine.insight.monitors.remove(call.session.origin());
        F::show_monitor(&call.session.client, false);
    }
}
