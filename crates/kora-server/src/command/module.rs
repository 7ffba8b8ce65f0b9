//! MODULE: none can be loaded. Clients decide by the list what a server is able to do, so that it tells of what is built in here and a module in
//! Redis.

use kora_core::command::help::write_help;
use kora_core::command::spec::{CommandSpec, Facts, Flags, Group};
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::{Handler, ServerCall};
use crate::introspect::modules::MODULES;

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<Handler>] = &[
    CommandSpec { facts: MODULE, handler: Handler::Session(super::container) },
    CommandSpec { facts: MODULE_HELP, handler: Handler::Server(help) },
    CommandSpec { facts: MODULE_LIST, handler: Handler::Session(list) },
];

const MODULE: Facts = Facts {
    name: "module",
    arity: -2,
    group: Group::Server,
    since: "4.0.0",
    summary: "A container for commands about modules",
    complexity: "That of the subcommand",
    ..Facts::NONE
};

const MODULE_HELP: Facts = Facts {
    name: "module|help",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    since: "5.0.0",
    summary: "Lists the subcommands",
    complexity: "O(1)",
    ..MODULE
};

const MODULE_LIST: Facts = Facts {
    name: "module|list",
    arity: 2,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT),
    summary: "Lists what is a module in Redis and built in here",
    complexity: "O(1)",
    tips: &["nondeterministic_output_order"],
    ..MODULE
};

fn help(_: ServerCall<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(out, "MODULE", &["LIST", "    Return a list of loaded modules."]);
    Ok(())
}

fn list(call: &mut super::Call<'_>, _: &[&[u8]]) -> CommandResult {
    write_modules(&mut call.reply());
    Ok(())
}

/// Answers the modules, as MODULE LIST and HELLO do.
pub(super) fn write_modules(out: &mut dyn Reply) {
    out.array(MODULES.len());
    for &(name, version) in MODULES {
        out.map(4);
        out.bulk(b"name");
        out.bulk(name.as_bytes());
        out.bulk(b"ver");
        out.integer(version);
        out.bulk(b"path");
        out.bulk(b"");
        out.bulk(b"args");
        out.array(0);
    }
}
