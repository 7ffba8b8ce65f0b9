//! JSON.MGET and JSON.MSET: several keys at one moment.

use std::collections::BTreeSet;

use kora_core::command::spec::{Arg, CommandSpec, Facts, KeyFlags, KeySpec};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::journal::EventClass;
use kora_core::reply::Reply;

use super::set::{check, put};
use super::{GROWS, READS, at_least, path_of, read, run_of, utf8};
use crate::packed::Value;
use crate::path::{Budget, Path, TooMuch};
use crate::text::{self, Layout};

pub(super) const MGET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.mget",
        keys: &[KeySpec::range(KeyFlags::RO.access(), 1, -2, 1)],
        summary: "Gives the values that a path finds at several keys, as text",
        complexity: "O(N) with N bytes of the values",
        args: &[Arg::key("key").multiple(), Arg::string("path")],
        ..READS
    },
    handler: mget,
};

fn mget(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 3, "json.mget")?;
    let (path, keys) = args[1..].split_last().ok_or(CommandError::Arity("json.mget".into()))?;
    utf8(path)?;
    let path = path_of(path).ok();
    let mut budget = Budget::default();
    let mut texts = Vec::with_capacity(keys.len());
    let mut looked_at = BTreeSet::new();
    for key in keys {
        let mut keyspace = ctx.keyspace(key);
        // A key of another type is like one that is not there, and so is whatever a text finds that is no path.
        let json = read(&mut keyspace, key).ok().flatten();
        let Some((json, path)) = json.zip(path.as_ref()) else {
            texts.push(None);
            continue;
        };
        if looked_at.insert(*key) {
            budget.allow_for(json.root());
        }
        texts.push(found_text(json.root(), path, &mut budget)?);
    }
    out.array(texts.len());
    for text in texts {
        match text {
            Some(text) => out.bulk_owned(text),
            None => out.null(),
        }
    }
    Ok(())
}

fn found_text(root: Value<'_>, path: &Path, budget: &mut Budget) -> Result<Option<Vec<u8>>, TooMuch> {
    if path.is_legacy() {
        return Ok(path.first_within(root, budget)?.map(text::of));
    }
    let found = path.find_within(root, budget)?;
    let mut out = Vec::new();
    Layout::default().write_array(found.len(), found.into_iter(), 0, &mut out);
    Ok(Some(out))
}

pub(super) const MSET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.mset",
        keys: &[KeySpec::range(KeyFlags::RW.access().update(), 1, -1, 3)],
        summary: "Puts values in place at several keys, all or none of them",
        complexity: "O(N) with N bytes of the values",
        args: &[Arg::block("data", &[Arg::key("key"), Arg::string("path"), Arg::string("value")]).multiple()],
        ..GROWS
    },
    handler: mset,
};

fn mset(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 4, "json.mset")?;
    let (triples, rest) = args[1..].as_chunks::<3>();
    if !rest.is_empty() {
        return Err(CommandError::Arity("json.mset".into()));
    }
    let mut runs = Vec::with_capacity(triples.len());
    for [key, path, value] in triples {
        let mut keyspace = ctx.keyspace(key);
        runs.push(check(&mut keyspace, key, path, run_of(value)?)?);
    }
    for ([key, path, _], run) in triples.iter().zip(runs) {
        let mut keyspace = ctx.keyspace(key);
        // What was there when all was checked may have gone with what was put at the same key meanwhile. Then there is no place for it.
        if put(&mut keyspace, key, path, run).unwrap_or(false) {
            keyspace.changed(EventClass::MODULE, "json.mset", key);
        }
    }
    out.ok();
    Ok(())
}
