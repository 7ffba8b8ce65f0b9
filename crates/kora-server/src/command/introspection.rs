//! COMMAND and its subcommands.

use kora_core::command::help::write_help;
use kora_core::command::spec::CommandSpec;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::{Handler, ServerCall, facts};
use crate::introspect::{commands, getkeys};

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<Handler>] = &[
    CommandSpec { facts: facts::COMMAND, handler: Handler::Server(info) },
    CommandSpec { facts: facts::COMMAND_COUNT, handler: Handler::Server(count) },
    CommandSpec { facts: facts::COMMAND_DOCS, handler: Handler::Server(docs) },
    CommandSpec { facts: facts::COMMAND_GETKEYS, handler: Handler::Server(keys) },
    CommandSpec { facts: facts::COMMAND_GETKEYSANDFLAGS, handler: Handler::Server(keys_and_flags) },
    CommandSpec { facts: facts::COMMAND_HELP, handler: Handler::Server(command_help) },
    CommandSpec { facts: facts::COMMAND_INFO, handler: Handler::Server(info) },
    CommandSpec { facts: facts::COMMAND_LIST, handler: Handler::Server(list) },
];

fn command_help(_: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(out, args, commands::HELP);
    Ok(())
}

fn count(call: ServerCall<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    commands::count(&call.front.engine.table, out);
    Ok(())
}

/// COMMAND without a subcommand, and COMMAND INFO.
fn info(call: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    commands::info(&call.front.engine.table, args.get(2..).unwrap_or_default(), out);
    Ok(())
}

fn docs(call: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    commands::docs(&call.front.engine.table, &args[2..], out);
    Ok(())
}

fn keys(call: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    getkeys::getkeys(&call.front.engine.table, &args[2..], out)
}

fn keys_and_flags(call: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    getkeys::getkeysandflags(&call.front.engine.table, &args[2..], out)
}

fn list(call: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    commands::list(&call.front.engine.table, &args[2..], out)
}
