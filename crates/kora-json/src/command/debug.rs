//! JSON.DEBUG: how much memory values take.

use kora_core::command::spec::{Arg, CommandSpec, Facts, KeyFlags, KeySpec};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::{READS, ROOT, answer, at_least, count, no_path, path_of, read};

pub(super) const DEBUG: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.debug",
        keys: &[KeySpec::one(KeyFlags::RO.access(), 2)],
        summary: "Tells the bytes that the values take that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: &[Arg::one_of(
            "subcommand",
            &[
                Arg::block(
                    "memory",
                    &[Arg::word("memory", "MEMORY"), Arg::key("key"), Arg::string("path").optional()],
                ),
                Arg::word("help", "HELP"),
            ],
        )],
        ..READS
    },
    handler: debug,
};

fn debug(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 2, "json.debug")?;
    if args[1].eq_ignore_ascii_case(b"HELP") {
        out.array(2);
        out.bulk(b"MEMORY <key> [path] - reports memory usage");
        out.bulk(b"HELP                - this message");
        return Ok(());
    }
    if !args[1].eq_ignore_ascii_case(b"MEMORY") {
        return Err(CommandError::text("ERR unknown subcommand - try `JSON.DEBUG HELP`"));
    }
    at_least(args, 3, "json.debug")?;
    let mut keyspace = ctx.keyspace(args[2]);
    let json = read(&mut keyspace, args[2])?;
    let path = path_of(args.get(3).copied().unwrap_or(ROOT))?;
    let Some(json) = json else {
        if path.is_legacy() {
            out.integer(0)
        } else {
            out.array(0)
        }
        return Ok(());
    };
    let found = path.find(json.root())?;
    if path.is_legacy() && found.is_empty() {
        return Err(no_path(&path.modern_text()));
    }
    answer(out, &path, found, |out, value| out.integer(count(value.bytes().len())));
    Ok(())
}
