//! FUNCTION and its subcommands, but for those that must answer while a function runs.

use kora_core::command::help::write_help;
use kora_core::command::spec::{Arg, Categories, CommandSpec, Facts, Flags, Group};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::glob;
use kora_core::reply::Reply;

use crate::library::Library;
use crate::load::Restoring;
use crate::service::Scripts;

/// The subcommands that run on shards.
pub const FUNCTION_FAMILY: &[CommandSpec] = &[
    CommandSpec { facts: FUNCTION, handler: container },
    CommandSpec { facts: DELETE, handler: delete },
    CommandSpec { facts: DUMP, handler: dump },
    CommandSpec { facts: FLUSH, handler: flush },
    CommandSpec { facts: HELP, handler: help },
    CommandSpec { facts: LIST, handler: list },
    CommandSpec { facts: LOAD, handler: load },
    CommandSpec { facts: RESTORE, handler: restore },
];

const FUNCTION: Facts = Facts {
    name: "function",
    arity: -2,
    group: Group::Scripting,
    since: "7.0.0",
    summary: "A container for commands about functions",
    complexity: "That of the subcommand",
    ..Facts::NONE
};

/// What the subcommands have in common.
const SUBCOMMAND: Facts = Facts {
    flags: Flags::NOSCRIPT,
    categories: Categories::SCRIPTING,
    group: Group::Scripting,
    since: "7.0.0",
    complexity: "O(N) with N functions",
    ..Facts::NONE
};

const CHANGES: Facts = Facts {
    flags: Flags::NOSCRIPT.with(Flags::WRITE),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    ..SUBCOMMAND
};

const DELETE: Facts = Facts {
    name: "function|delete",
    arity: 3,
    summary: "Deletes a library and its functions",
    complexity: "O(1)",
    args: &[Arg::string("library-name")],
    ..CHANGES
};

const DUMP: Facts =
    Facts { name: "function|dump", arity: 2, summary: "Writes all libraries into one payload", ..SUBCOMMAND };

const FLUSH: Facts = Facts {
    name: "function|flush",
    arity: -2,
    summary: "Deletes all libraries and functions",
    args: &[Arg::one_of("flush-type", &[Arg::word("async", "ASYNC"), Arg::word("sync", "SYNC")]).optional()],
    ..CHANGES
};

const HELP: Facts = Facts {
    name: "function|help",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    summary: "Lists the subcommands",
    complexity: "O(1)",
    ..SUBCOMMAND
};

const LIST: Facts = Facts {
    name: "function|list",
    arity: -2,
    summary: "Tells what is known of libraries",
    args: &[
        Arg::string("library-name-pattern").token("LIBRARYNAME").optional(),
        Arg::word("withcode", "WITHCODE").optional(),
    ],
    tips: &["nondeterministic_output_order"],
    ..SUBCOMMAND
};

const LOAD: Facts = Facts {
    name: "function|load",
    arity: -3,
    flags: Flags::NOSCRIPT.with(Flags::WRITE).with(Flags::DENYOOM),
    summary: "Loads a library",
    complexity: "O(N) with N bytes of text",
    args: &[Arg::word("replace", "REPLACE").optional(), Arg::string("function-code")],
    ..CHANGES
};

const RESTORE: Facts = Facts {
    name: "function|restore",
    arity: -3,
    flags: Flags::NOSCRIPT.with(Flags::WRITE).with(Flags::DENYOOM),
    summary: "Loads all libraries of a payload",
    complexity: "O(N) with N functions in the payload",
    args: &[
        Arg::string("serialized-value"),
        Arg::one_of(
            "policy",
            &[Arg::word("flush", "FLUSH"), Arg::word("append", "APPEND"), Arg::word("replace", "REPLACE")],
        )
        .optional(),
    ],
    ..CHANGES
};

fn container(_: &mut Ctx<'_>, _: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    Err(CommandError::Arity("function".into()))
}

/// Runs `body` with the engine's scripts.
fn with<R>(ctx: &Ctx<'_>, body: impl FnOnce(&Scripts) -> CommandResult<R>) -> CommandResult<R> {
    body(ctx.services.get::<Scripts>().ok_or(CommandError::text("ERR there are no scripts here"))?)
}

fn delete(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    if !with(ctx, |scripts| Ok(scripts.delete_library(args[2])))? {
        return Err(CommandError::text("ERR Library not found"));
    }
    ctx.journal.changed(1);
    out.ok();
    Ok(())
}

fn dump(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    out.bulk(&with(ctx, |scripts| Ok(scripts.dump_libraries()))?);
    Ok(())
}

fn flush(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let is_mode = |word: &[u8]| [&b"sync"[..], b"async"].iter().any(|mode| word.eq_ignore_ascii_case(mode));
    match args[2..] {
        [] => {}
        [mode] if is_mode(mode) => {}
        [_] => return Err(CommandError::text("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")),
        _ => {
            let name = kora_core::text::of(args[1]).into_owned();
            return Err(CommandError::SubcommandForm(name, "FUNCTION"));
        }
    }
    with(ctx, |scripts| {
        scripts.flush_libraries();
        Ok(())
    })?;
    ctx.journal.changed(1);
    out.ok();
    Ok(())
}

fn load(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let mut replaces = false;
    let (code, options) = args[2..].split_last().ok_or(CommandError::Syntax)?;
    for option in options {
        if !option.eq_ignore_ascii_case(b"replace") {
            let option = kora_core::text::of(option);
            return Err(CommandError::Other(format!("ERR Unknown option given: {option}").into()));
        }
        replaces = true;
    }
    let name = with(ctx, |scripts| scripts.load_library(code, replaces))?;
    ctx.journal.changed(1);
    out.bulk(&name);
    Ok(())
}

fn restore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let policy = match args[3..] {
        [] => Restoring::Appends,
        [policy] => Restoring::parse(policy).ok_or(CommandError::text(
            "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
        ))?,
        _ => {
            let name = kora_core::text::of(args[1]).into_owned();
            return Err(CommandError::SubcommandForm(name, "FUNCTION"));
        }
    };
    with(ctx, |scripts| scripts.restore_libraries(args[2], policy))?;
    ctx.journal.changed(1);
    out.ok();
    Ok(())
}

fn list(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (mut pattern, mut has_code) = (None, false);
    let mut rest = &args[2..];
    while let [option, after @ ..] = rest {
        rest = match after {
            after if !has_code && option.eq_ignore_ascii_case(b"withcode") => {
                has_code = true;
                after
            }
            after if pattern.is_none() && option.eq_ignore_ascii_case(b"libraryname") => {
                let Some((name, after)) = after.split_first() else {
                    return Err(CommandError::text("ERR library name argument was not given"));
                };
                pattern = Some(*name);
                after
            }
            _ => {
                let option = kora_core::text::of(option);
                return Err(CommandError::Other(format!("ERR Unknown argument {option}").into()));
            }
        };
    }
    let libraries = with(ctx, |scripts| Ok(scripts.libraries()))?;
    let chosen: Vec<_> = libraries
        .iter()
        .filter(|library| pattern.is_none_or(|pattern| glob::matches_ignore_case(pattern, &library.name)))
        .collect();
    out.array(chosen.len());
    chosen.into_iter().for_each(|library| describe(library, has_code, out));
    Ok(())
}

fn describe(library: &Library, has_code: bool, out: &mut dyn Reply) {
    out.map(3 + usize::from(has_code));
    out.bulk(b"library_name");
    out.bulk(&library.name);
    out.bulk(b"engine");
    out.bulk(b"LUA");
    out.bulk(b"functions");
    out.array(library.functions.len());
    for function in &library.functions {
        out.map(3);
        out.bulk(b"name");
        out.bulk(&function.name);
        out.bulk(b"description");
        match &function.description {
            Some(text) => out.bulk(text),
            None => out.null(),
        }
        out.bulk(b"flags");
        out.set(function.flags.names().count());
        function.flags.names().for_each(|name| out.simple(name));
    }
    if has_code {
        out.bulk(b"library_code");
        out.bulk(&library.code);
    }
}

fn help(_: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(out, args, HELP_LINES);
    Ok(())
}

const HELP_LINES: &[&str] = &[
    "LOAD [REPLACE] <FUNCTION CODE>",
    "    Create a new library with the given library name and code.",
    "DELETE <LIBRARY NAME>",
    "    Delete the given library.",
    "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
    "    Return general information on all the libraries:",
    "    * Library name",
    "    * The engine used to run the Library",
    "    * Functions list",
    "    * Library code (if WITHCODE is given)",
    "    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
    "STATS",
    "    Return information about the current function running:",
    "    * Function name",
    "    * Command used to run the function",
    "    * Duration in MS that the function is running",
    "    If no function is running, return nil",
    "    In addition, returns a list of available engines.",
    "KILL",
    "    Kill the current running function.",
    "FLUSH [ASYNC|SYNC]",
    "    Delete all the libraries.",
    "    When called without the optional mode argument, the behavior is determined by the",
    "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
    "    * ASYNC: Asynchronously flush the libraries.",
    "    * SYNC: Synchronously flush the libraries.",
    "DUMP",
    "    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command",
    "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
    "    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
    "    control how to handle existing libraries (default APPEND):",
    "    * FLUSH: delete all existing libraries.",
    "    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
    "    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
    "      libraries with the new libraries (notice that even on this option there is a chance of failure",
    "      in case of functions name collision with another library).",
];
