//! Commands that take fields out: HDEL and HGETDEL. A hash without fields is deleted.

use super::fields::{FIELDS, Wording, parse_fields};
use super::{FAMILY, count, fields_deleted, record_deleted, write_value};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::reply::Reply;
use crate::types::hash::Due;

pub(super) const HDEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hdel",
        parts: Some((2, 1)),
        arity: -3,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.delete(), 1)],
        since: "2.0.0",
        summary: "Deletes fields of a hash, and the hash with its last field",
        complexity: "O(N) with N fields given",
        args: &[Arg::key("key"), Arg::string("field").multiple()],
        history: &[("2.4.0", "Several fields at once")],
        ..FAMILY
    },
    handler: hdel,
};

/// Deletes and counts what is stored, fields included whose time has come and that nobody has met since.
fn hdel(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, fields) = (args[1], &args[2..]);
    let mut keyspace = ctx.keyspace(key);
    let (mut deleted, mut is_empty) = (0, false);
    if let Some(mut hash) = keyspace.write_hash(key, Due::Nothing)? {
        for field in fields {
            deleted += usize::from(hash.remove(field));
            is_empty = hash.is_empty();
            if is_empty {
                break;
            }
        }
    }
    if deleted > 0 {
        fields_deleted(&mut keyspace, key, deleted, is_empty);
    }
    out.integer(count(deleted));
    Ok(())
}

pub(super) const HGETDEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hgetdel",
        arity: -5,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.access().delete(), 1)],
        since: "8.0.0",
        summary: "Deletes fields of a hash and gives the values they had",
        complexity: "O(N) with N fields given",
        args: &[Arg::key("key"), FIELDS],
        ..FAMILY
    },
    handler: hgetdel,
};

fn hgetdel(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, db) = (args[1], ctx.db);
    let mut keyspace = ctx.keyspace(key);
    // A refusal of the key's type goes before one of the arguments.
    let fields = parse_fields(args, 2, Wording::Positive);
    let mut deleted = Vec::new();
    let is_empty = if let Some(mut hash) = keyspace.write_hash(key, Due::among(&args[4..]))? {
        let fields = fields?;
        out.array(fields.len());
        for field in fields {
            write_value(out, hash.get(field));
            if hash.remove(field) {
                deleted.push(*field);
            }
        }
        hash.is_empty()
    } else {
        let fields = fields?;
        out.array(fields.len());
        fields.iter().for_each(|_| out.null());
        false
    };
    if !deleted.is_empty() {
        fields_deleted(&mut keyspace, key, deleted.len(), is_empty);
        record_deleted(&mut keyspace, db, key, &deleted);
    }
    Ok(())
}
