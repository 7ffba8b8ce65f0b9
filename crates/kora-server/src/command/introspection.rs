//! COMMAND and its subcommands.

use kora_core::command::spec::CommandSpec;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::{Desk, DeskHandler, ServerHandler, facts};
use crate::introspect::{commands, getkeys};

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<ServerHandler>] = &[
    CommandSpec { facts: facts::COMMAND, handler: |call, args| call.at_desk(args, info) },
    CommandSpec { facts: facts::COMMAND_COUNT, handler: |call, args| call.at_desk(args, count) },
    CommandSpec { facts: facts::COMMAND_DOCS, handler: |call, args| call.at_desk(args, docs) },
    CommandSpec { facts: facts::COMMAND_GETKEYS, handler: |call, args| call.at_desk(args, keys) },
    CommandSpec {
        facts: facts::COMMAND_GETKEYSANDFLAGS,
        handler: |call, args| call.at_desk(args, keys_and_flags),
    },
    CommandSpec { facts: facts::COMMAND_HELP, handler: |call, args| call.at_desk(args, command_help) },
    CommandSpec { facts: facts::COMMAND_INFO, handler: |call, args| call.at_desk(args, info) },
    CommandSpec { facts: facts::COMMAND_LIST, handler: |call, args| call.at_desk(args, list) },
];

/// Those that scripts may call: all.
pub(super) const AT_DESK: &[(&str, DeskHandler)] = &[
    ("command", info),
    ("command|count", count),
    ("command|docs", docs),
    ("command|getkeys", keys),
    ("command|getkeysandflags", keys_and_flags),
    ("command|help", command_help),
    ("command|info", info),
    ("command|list", list),
];

fn command_help(_: Desk<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    commands::help(commands::HELP, out);
    Ok(())
}

fn count(desk: Desk<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    commands::count(&desk.front.engine.table, out);
    Ok(())
}

/// COMMAND without a subcommand, and COMMAND INFO.
fn info(desk: Desk<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    commands::info(&desk.front.engine.table, args.get(2..).unwrap_or_default(), out);
    Ok(())
}

fn docs(desk: Desk<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    commands::docs(&desk.front.engine.table, &args[2..], out);
    Ok(())
}

fn keys(desk: Desk<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    getkeys::getkeys(&desk.front.engine.table, &args[2..], out)
}

fn keys_and_flags(desk: Desk<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    getkeys::getkeysandflags(&desk.front.engine.table, &args[2..], out)
}

fn list(desk: Desk<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    commands::list(&desk.front.engine.table, &args[2..], out)
}
