//! COMMAND and its subcommands.

use std::sync::Arc;

use kora_core::command::spec::CommandSpec;
use kora_core::error::CommandResult;

use super::{Call, ServerHandler, facts};
use crate::introspect::{commands, getkeys};

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<ServerHandler>] = &[
    CommandSpec { facts: facts::COMMAND, handler: info },
    CommandSpec { facts: facts::COMMAND_COUNT, handler: count },
    CommandSpec { facts: facts::COMMAND_DOCS, handler: docs },
    CommandSpec { facts: facts::COMMAND_GETKEYS, handler: keys },
    CommandSpec { facts: facts::COMMAND_GETKEYSANDFLAGS, handler: keys_and_flags },
    CommandSpec { facts: facts::COMMAND_HELP, handler: command_help },
    CommandSpec { facts: facts::COMMAND_INFO, handler: info },
    CommandSpec { facts: facts::COMMAND_LIST, handler: list },
];

fn command_help(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    commands::help(commands::HELP, &mut call.reply());
    Ok(())
}

fn count(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let shared = Arc::clone(call.shared);
    commands::count(&shared.table, &mut call.reply());
    Ok(())
}

/// COMMAND without a subcommand, and COMMAND INFO.
fn info(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let shared = Arc::clone(call.shared);
    commands::info(&shared.table, args.get(2..).unwrap_or_default(), &mut call.reply());
    Ok(())
}

fn docs(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let shared = Arc::clone(call.shared);
    commands::docs(&shared.table, &args[2..], &mut call.reply());
    Ok(())
}

fn keys(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let shared = Arc::clone(call.shared);
    getkeys::getkeys(&shared.table, &args[2..], &mut call.reply())
}

fn keys_and_flags(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let shared = Arc::clone(call.shared);
    getkeys::getkeysandflags(&shared.table, &args[2..], &mut call.reply())
}

fn list(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let shared = Arc::clone(call.shared);
    commands::list(&shared.table, &args[2..], &mut call.reply())
}
