//! MODULE: none can be loaded, and that is answered as by a Redis whose `enable-module-command` is `no`. Clients decide by the list what a server is able to do, so that it tells of what is built in here and a module in
//! Redis.

use kora_core::command::help::write_help;
use kora_core::command::spec::{Arg, CommandSpec, Facts, Flags, Group, Traits};
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_engine::NO_MODULES;

use super::{Handler, ServerCall};
use crate::introspect::modules::MODULES;

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<Handler>] = &[
    CommandSpec { facts: MODULE, handler: Handler::Session(super::container) },
    CommandSpec { facts: MODULE_HELP, handler: Handler::Server(help) },
    CommandSpec { facts: MODULE_LIST, handler: Handler::Session(list) },
    CommandSpec { facts: MODULE_LOAD, handler: Handler::Session(refuse) },
    CommandSpec { facts: MODULE_LOADEX, handler: Handler::Session(refuse) },
    CommandSpec { facts: MODULE_UNLOAD, handler: Handler::Session(refuse) },
];

const HELP: &[&str] = &[
    "LIST",
    "    Return a list of loaded modules.",
    "LOAD <path> [<arg> ...]",
    "    Load a module library from <path>, passing to it any optional arguments.",
    "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
    "    Load a module library from <path>, while passing it module configurations and optional arguments.",
    "UNLOAD <name>",
    "    Unload a module.",
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

/// What those have in common that would change which modules there are.
/// It is refused before it would be queued.
const CHANGE: Facts = Facts {
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::NO_ASYNC_LOADING),
    complexity: "O(1)",
    traits: Traits::LOADS_MODULES,
    ..MODULE
};

const MODULE_LOAD: Facts = Facts {
    name: "module|load",
    arity: -3,
    summary: "Would load a module: refused",
    args: &[Arg::string("path"), Arg::string("arg").optional().multiple()],
    ..CHANGE
};

const MODULE_LOADEX: Facts = Facts {
    name: "module|loadex",
    arity: -3,
    since: "7.0.0",
    summary: "Would load a module with its settings: refused",
    args: &[
        Arg::string("path"),
        Arg::block("configs", &[Arg::string("name"), Arg::string("value")])
            .token("CONFIG")
            .optional()
            .multiple()
            .repeated_token(),
        Arg::string("args").token("ARGS").optional().multiple(),
    ],
    ..CHANGE
};

const MODULE_UNLOAD: Facts = Facts {
    name: "module|unload",
    arity: 3,
    summary: "Would unload a module: refused",
    args: &[Arg::string("name")],
    ..CHANGE
};

fn refuse(_: &mut super::Call<'_>, _: &[&[u8]]) -> CommandResult {
    Err(NO_MODULES)
}

fn help(_: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(out, args, HELP);
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
