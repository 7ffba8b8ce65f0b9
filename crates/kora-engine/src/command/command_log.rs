//! SLOWLOG, and COMMANDLOG, which knows large requests and replies too.

use kora_core::command::help::write_help;
use kora_core::command::spec::{Arg, CommandSpec, Facts, Flags, Group};
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use kora_core::reply::Reply;

use super::{Family, container};
use crate::engine::{Handler, ServerCall};
use crate::front::Front;
use crate::observe::command_log::{Entry, Kind};

/// Entries that SLOWLOG GET shows if it is not said how many.
const SHOWN: usize = 10;

impl<F: Front> Family<F> {
    /// SLOWLOG's and COMMANDLOG's.
    pub const COMMAND_LOG: &'static [CommandSpec<Handler<F>>] = &[
        CommandSpec { facts: COMMANDLOG, handler: Handler::Session(container) },
        CommandSpec { facts: COMMANDLOG_GET, handler: Handler::Server(commandlog_get) },
        CommandSpec { facts: COMMANDLOG_HELP, handler: Handler::Server(commandlog_help) },
        CommandSpec { facts: COMMANDLOG_LEN, handler: Handler::Server(commandlog_len) },
        CommandSpec { facts: COMMANDLOG_RESET, handler: Handler::Server(commandlog_reset) },
        CommandSpec { facts: SLOWLOG, handler: Handler::Session(container) },
        CommandSpec { facts: SLOWLOG_GET, handler: Handler::Server(slowlog_get) },
        CommandSpec { facts: SLOWLOG_HELP, handler: Handler::Server(slowlog_help) },
        CommandSpec { facts: SLOWLOG_LEN, handler: Handler::Server(slowlog_len) },
        CommandSpec { facts: SLOWLOG_RESET, handler: Handler::Server(slowlog_reset) },
    ];
}

const SLOWLOG: Facts = Facts {
    name: "slowlog",
    arity: -2,
    group: Group::Server,
    since: "2.2.12",
    summary: "A container for commands about slow commands",
    complexity: "That of the subcommand",
    ..Facts::NONE
};

const ADMINISTRATION: Flags = Flags::ADMIN.with(Flags::LOADING).with(Flags::STALE);

const SLOWLOG_GET: Facts = Facts {
    name: "slowlog|get",
    flags: ADMINISTRATION,
    summary: "Shows the last commands that took long",
    complexity: "O(N) for N entries shown",
    args: &[Arg::integer("count").optional()],
    history: &[("4.0.0", "Shows the client's address and name.")],
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    ..SLOWLOG
};

const SLOWLOG_HELP: Facts = Facts {
    name: "slowlog|help",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    since: "6.2.0",
    summary: "Lists the subcommands",
    complexity: "O(1)",
    ..SLOWLOG
};

const SLOWLOG_LEN: Facts = Facts {
    name: "slowlog|len",
    arity: 2,
    flags: ADMINISTRATION,
    summary: "Counts the commands that are kept because they took long",
    complexity: "O(1)",
    tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    ..SLOWLOG
};

const SLOWLOG_RESET: Facts = Facts {
    name: "slowlog|reset",
    arity: 2,
    flags: ADMINISTRATION,
    summary: "Forgets the commands that took long",
    complexity: "O(N) for N entries",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..SLOWLOG
};

/// Which log is meant.
const TYPE: Arg =
    Arg::one_of("type", &[Arg::string("slow"), Arg::string("large-request"), Arg::string("large-reply")]);

const COMMANDLOG: Facts = Facts {
    name: "commandlog",
    since: "8.1.0",
    summary: "A container for commands about slow commands, large requests and large replies",
    ..SLOWLOG
};

const COMMANDLOG_GET: Facts = Facts {
    name: "commandlog|get",
    arity: 4,
    since: "8.1.0",
    summary: "Shows the last commands of a log",
    args: &[Arg::integer("count"), TYPE],
    history: &[],
    ..SLOWLOG_GET
};

const COMMANDLOG_HELP: Facts = Facts { name: "commandlog|help", since: "8.1.0", ..SLOWLOG_HELP };

const COMMANDLOG_LEN: Facts = Facts {
    name: "commandlog|len",
    arity: 3,
    since: "8.1.0",
    summary: "Counts the commands of a log",
    args: &[TYPE],
    ..SLOWLOG_LEN
};

const COMMANDLOG_RESET: Facts = Facts {
    name: "commandlog|reset",
    arity: 3,
    since: "8.1.0",
    summary: "Forgets the commands of a log",
    args: &[TYPE],
    ..SLOWLOG_RESET
};

fn slowlog_get<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let count = match args {
        [_, _] => SHOWN,
        [_, _, count] => parse_count(count)?,
        _ => {
            let name = kora_core::text::of(args[1]);
            let text = format!(
                "ERR unknown subcommand or wrong number of arguments for '{name}'. Try SLOWLOG HELP."
            );
            return Err(CommandError::Other(text.into()));
        }
    };
    write_entries(call, Kind::Slow, count, out);
    Ok(())
}

fn commandlog_get<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let count = parse_count(args[2])?;
    write_entries(call, parse_kind(args[3])?, count, out);
    Ok(())
}

fn parse_count(text: &[u8]) -> CommandResult<usize> {
    let count = parse_i64(text).filter(|count| *count >= -1);
    let count = count.ok_or(CommandError::text("ERR count should be greater than or equal to -1"))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn parse_kind(text: &[u8]) -> CommandResult<Kind> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name().as_bytes().eq_ignore_ascii_case(text));
    kind.ok_or(CommandError::text(
        "ERR type should be one of the following: slow, large-request, large-reply",
    ))
}

fn write_entries<F: Front>(call: ServerCall<'_, F>, kind: Kind, count: usize, out: &mut dyn Reply) {
    let entries = call.engine.insight.log.newest(kind, count);
    out.array(entries.len());
    for entry in entries {
        let Entry { id, at_seconds, value, args, address, name } = &*entry;
        out.array(6);
        out.integer(i64::try_from(*id).unwrap_or(i64::MAX));
        out.integer(*at_seconds);
        out.integer(i64::try_from(*value).unwrap_or(i64::MAX));
        out.array(args.len());
        args.iter().for_each(|arg| out.bulk(arg));
        out.bulk(address);
        out.bulk(name);
    }
}

fn write_len<F: Front>(call: ServerCall<'_, F>, kind: Kind, out: &mut dyn Reply) {
    out.integer(i64::try_from(call.engine.insight.log.len(kind)).unwrap_or(i64::MAX));
}

fn slowlog_len<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_len(call, Kind::Slow, out);
    Ok(())
}

fn commandlog_len<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_len(call, parse_kind(args[2])?, out);
    Ok(())
}

fn slowlog_reset<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    call.engine.insight.log.reset(Kind::Slow);
    out.ok();
    Ok(())
}

fn commandlog_reset<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    call.engine.insight.log.reset(parse_kind(args[2])?);
    out.ok();
    Ok(())
}

fn slowlog_help<F: Front>(_: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(
        out,
        args,
        &[
            "GET [<count>]",
            "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
            "    Entries are made of:",
            "    id, timestamp, time in microseconds, arguments array, client IP and port,",
            "    client name",
            "LEN",
            "    Return the length of the slowlog.",
            "RESET",
            "    Reset the slowlog.",
        ],
    );
    Ok(())
}

fn commandlog_help<F: Front>(_: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(
        out,
        args,
        &[
            "GET <count> <type>",
            "    Return top <count> entries of the specified <type> from the commandlog (-1 mean all).",
            "    Entries are made of:",
            "    id, timestamp,",
            "        time in microseconds for type of slow,",
            "        or size in bytes for type of large-request,",
            "        or size in bytes for type of large-reply",
            "    arguments array, client IP and port,",
            "    client name",
            "LEN <type>",
            "    Return the length of the specified type of commandlog.",
            "RESET <type>",
            "    Reset the specified type of commandlog.",
        ],
    );
    Ok(())
}
