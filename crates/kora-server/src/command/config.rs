//! CONFIG and its subcommands.

use std::sync::Arc;

use kora_core::command::spec::CommandSpec;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::{Call, Desk, DeskHandler, FollowUp, ServerHandler, facts};
use crate::config::access::{HELP, set_failed};
use crate::config::table::Apply;
use crate::driver::WorkerMail;
use crate::introspect::commands::help;
use crate::listen;

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<ServerHandler>] = &[
    CommandSpec { facts: facts::CONFIG, handler: super::container },
    CommandSpec { facts: facts::CONFIG_GET, handler: get },
    CommandSpec { facts: facts::CONFIG_HELP, handler: |call, args| call.at_desk(args, config_help) },
    CommandSpec { facts: facts::CONFIG_RESETSTAT, handler: resetstat },
    CommandSpec { facts: facts::CONFIG_REWRITE, handler: rewrite },
    CommandSpec { facts: facts::CONFIG_SET, handler: set },
];

/// Those that scripts may call.
pub(super) const AT_DESK: &[(&str, DeskHandler)] = &[("config|help", config_help)];

fn config_help(_: Desk<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    help(HELP, out);
    Ok(())
}

fn get(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let found = call.shared.config().get(&args[2..]);
    let mut out = call.reply();
    out.map(found.len());
    for (name, value) in &found {
        out.bulk(name);
        out.bulk(value);
    }
    Ok(())
}

fn set(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let shared = Arc::clone(call.shared);
    let _change = shared.config_change.lock();
    let mut next = (*shared.config()).clone();
    let changes = next.set(&args[2..])?;
    let listeners = if changes.need(Apply::Listeners) {
        // Addresses in use by the listeners there are stay usable: these are opened beside them.
        let opened = listen::open(&next);
        Some(opened.map_err(|_| set_failed("port", "Unable to listen on this port. Check server logs."))?)
    } else {
        None
    };
    if let Some(handle) = shared.log_level.as_ref().filter(|_| changes.need(Apply::Log)) {
        handle.set(next.log_level);
    }
    for (name, reason) in &changes.without_effect {
        tracing::info!("'{name}' was set and has no effect: {reason}");
    }
    let is_log_wanted = next.persistence.append_only;
    shared.persistence.set_policy(next.persistence.append_fsync.into());
    shared.set_config(next);
    if changes.need(Apply::Persistence) {
        shared.persistence.want_log(is_log_wanted);
    }
    shared.persistence.reconsider();
    if let Some(listeners) = listeners {
        let first = shared.shards().next().expect("there is at least one worker");
        shared.hub.send_driver_mail(first, WorkerMail::Listen(listeners));
    }
    call.reply().ok();
    Ok(())
}

fn rewrite(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let shared = Arc::clone(call.shared);
    let _change = shared.config_change.lock();
    shared.config().rewrite()?;
    call.reply().ok();
    Ok(())
}

fn resetstat(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    call.follow_up = Some(FollowUp::ResetStats);
    call.reply().ok();
    Ok(())
}
