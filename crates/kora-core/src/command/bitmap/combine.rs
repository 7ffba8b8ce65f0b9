//! BITOP: strings combined bit by bit and stored.

use super::FAMILY;
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::command::string::{bytes_of, count};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::types::bitmap::{Combination, Operator};

/// Since when there are operators that tell the first source from the others, or count the sources.
const LATER: &str = "8.2.0";

pub(super) const BITOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "bitop",
        arity: -4,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::one(KeyFlags::OW.update(), 2), KeySpec::range(KeyFlags::RO.access(), 3, -1, 1)],
        since: "2.6.0",
        summary: "Combines the strings stored at keys bit by bit and stores the result",
        complexity: "O(N) for N bytes in all strings",
        args: &[
            Arg::one_of(
                "operation",
                &[
                    Arg::word("and", "AND"),
                    Arg::word("or", "OR"),
                    Arg::word("xor", "XOR"),
                    Arg::word("not", "NOT"),
                    Arg::word("diff", "DIFF").since(LATER),
                    Arg::word("diff1", "DIFF1").since(LATER),
                    Arg::word("andor", "ANDOR").since(LATER),
                    Arg::word("one", "ONE").since(LATER),
                ],
            ),
            Arg::key("destkey"),
            Arg::key("key").spec(1).multiple(),
        ],
        history: &[(LATER, "New operations `DIFF`, `DIFF1`, `ANDOR` and `ONE`")],
        ..FAMILY
    },
    handler: bitop,
};

/// The operator, if it takes so many sources.
fn parse_operator(name: &[u8], source_count: usize) -> CommandResult<Operator> {
    let operators = [
        ("AND", Operator::And),
        ("OR", Operator::Or),
        ("XOR", Operator::Xor),
        ("NOT", Operator::Not),
        ("DIFF", Operator::Diff),
        ("DIFF1", Operator::Diff1),
        ("ANDOR", Operator::AndOr),
        ("ONE", Operator::One),
    ];
    let named = operators.iter().find(|(word, _)| name.eq_ignore_ascii_case(word.as_bytes()));
    let &(word, operator) = named.ok_or(CommandError::Syntax)?;
    match operator {
        Operator::Not if source_count != 1 => {
            Err(CommandError::text("ERR BITOP NOT must be called with a single source key."))
        }
        Operator::Diff | Operator::Diff1 | Operator::AndOr if source_count < 2 => Err(CommandError::Other(
            format!("ERR BITOP {word} must be called with at least two source keys.").into(),
        )),
        _ => Ok(operator),
    }
}

fn bitop(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (target, sources) = (args[2], &args[3..]);
    let mut combination = Combination::new(parse_operator(args[1], sources.len())?);
    for key in sources {
        let mut keyspace = ctx.keyspace(key);
        let mut digits = itoa::Buffer::new();
        let bytes = keyspace.read_string(key)?.map_or(&b""[..], |value| bytes_of(value, &mut digits));
        combination.take(bytes);
    }
    let result = combination.finish();
    let mut keyspace = ctx.keyspace(target);
    if !result.is_empty() {
        keyspace.set_raw(target, &result);
        keyspace.changed(EventClass::STRING, "set", target);
    } else if keyspace.delete(target) {
        keyspace.changed(EventClass::GENERIC, "del", target);
    }
    out.integer(count(result.len()));
    Ok(())
}
