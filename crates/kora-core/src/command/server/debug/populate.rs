//! DEBUG POPULATE: many keys at once, for tests that need a large database.

use super::{HIDDEN, unknown};
use crate::command::spec::{CommandSpec, Facts, Route};
use crate::context::Ctx;
use crate::entry::Ttl;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;

pub(in crate::command::server) const DEBUG_POPULATE: CommandSpec = CommandSpec {
    facts: Facts { name: "debug|populate", route: Route::LendAll, ..HIDDEN },
    handler: debug_populate,
};

/// Longest name of a key, in bytes, as in Redis: a longer one is cut.
const NAME_BYTES_MAX: usize = 127;

/// More keys than this no memory holds.
const KEYS_MAX: u64 = 1 << 40;

/// `<count> [<prefix>] [<size>]`. Keys that are there stay as they are. In contrast to Redis the keys are recorded, so that a
/// log and what is built on these keys agree.
fn debug_populate(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (count, prefix, size) = match *args {
        [_, _, count] => (count, &b"key"[..], None),
        [_, _, count, prefix] => (count, prefix, None),
        [_, _, count, prefix, size] => (count, prefix, Some(size)),
        _ => return Err(unknown(args)),
    };
    let count = positive(count)?;
    let size = size.map_or(Ok(0), positive)?;
    if count > KEYS_MAX {
        return Err(CommandError::text("ERR OOM in dictTryExpand"));
    }
    let size = usize::try_from(size).ok().filter(|_| size <= ctx.config().max_bulk_bytes);
    let size = size.ok_or(CommandError::StringTooLong)?;
    let prefix = prefix.split(|byte| *byte == 0).next().unwrap_or_default();
    let (db, mut key, mut value) = (ctx.db, Vec::new(), Vec::new());
    for number in 0..count {
        let number = number.to_string();
        fill(&mut key, &[prefix, b":", number.as_bytes()]);
        key.truncate(NAME_BYTES_MAX);
        let mut keyspace = ctx.keyspace(&key);
        if keyspace.peek(&key).is_some() {
            continue;
        }
        fill(&mut value, &[b"value:", number.as_bytes()]);
        if size > 0 {
            value.resize(size, 0);
        }
        keyspace.set_string(&key, &value, Ttl::Clear);
        keyspace.touched(&key);
        keyspace.show_uncounted();
        keyspace.journal().effect(db, &[b"SET", &key, &value]);
    }
    out.ok();
    Ok(())
}

fn fill(text: &mut Vec<u8>, parts: &[&[u8]]) {
    text.clear();
    parts.iter().for_each(|part| text.extend_from_slice(part));
}

fn positive(text: &[u8]) -> CommandResult<u64> {
    let number = parse_i64(text).and_then(|number| u64::try_from(number).ok());
    number.ok_or(CommandError::text("ERR value is out of range, must be positive"))
}
