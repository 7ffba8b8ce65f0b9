//! XTRIM.

use super::add::{REFERENCES, TRIM_STRATEGY};
use super::argument::{TrimOptions, exact_words};
use super::{DELETES_FROM_KEY, FAMILY, integer, write_stream};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;

pub(super) const XTRIM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xtrim",
        arity: -4,
        flags: Flags::WRITE,
        keys: DELETES_FROM_KEY,
        summary: "Takes the oldest entries of a stream away",
        complexity: "O(N) for N entries taken away, with little for each: most go as whole blocks",
        args: &[
            Arg::key("key"),
            Arg::block("trim", TRIM_STRATEGY),
            Arg::one_of("condition", REFERENCES).optional().since("8.2.0"),
        ],
        history: &[
            ("6.2.0", "New option `LIMIT`, and trimming by `MINID`."),
            ("8.2.0", "New options `KEEPREF`, `DELREF` and `ACKED`."),
        ],
        tips: &["nondeterministic_output"],
        ..FAMILY
    },
    handler: xtrim,
};

fn xtrim(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (mut options, mut rest) = (TrimOptions::default(), &args[2..]);
    while !rest.is_empty() {
        rest = options.take(rest)?.ok_or(CommandError::Syntax)?;
    }
    if options.is_idle() {
        return Err(CommandError::text("ERR syntax error, XTRIM must be called with a trimming strategy"));
    }
    let trim = options.finish(ctx.config())?.expect("there is something to trim by");
    let (key, db) = (args[1], ctx.db);
    let mut keyspace = ctx.keyspace(key);
    let (deleted, length) = match write_stream(&mut keyspace, key)? {
        Some(mut stream) => (stream.trim(&trim), stream.log().len()),
        None => (0, 0),
    };
    if deleted > 0 {
        keyspace.changed(EventClass::STREAM, "xtrim", key);
        let journal = keyspace.journal();
        journal.changed(deleted - 1);
        if trim.is_approximate && journal.is_recording() {
            let words = exact_words(&trim, length);
            let args: Vec<&[u8]> =
                [&b"XTRIM"[..], key].into_iter().chain(words.iter().map(|word| &word[..])).collect();
            journal.effect(db, &args);
        }
    }
    out.integer(integer(deleted));
    Ok(())
}
