//! FT.CREATE and FT.ALTER.
//!
//! An index is declared with all stores in hand; how it is built over the keys that are there is in [`super::build`].

use std::sync::Arc;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_index::Index;

use super::{BUILDS, UNKNOWN, build, of_arguments, refusal, service};
use crate::command::create::{Alter, Create};
use crate::companion::{self, DB};
use crate::service::{Arguments, Declaration, Service, altered};
use crate::words::Synonyms;

const ARGS: &[Arg] = &[Arg::string("index"), Arg::string("argument").multiple()];

pub(super) const CREATE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.create",
        summary: "Creates an index over hashes or JSON values",
        complexity: "O(N) with N keys",
        args: ARGS,
        ..BUILDS
    },
    handler: |ctx, args, out| create(ctx, args, out, false),
};

pub(super) const CREATE_IF_NEW: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft._createifnx",
        summary: "Creates an index if there is none of the name",
        ..CREATE.facts
    },
    handler: |ctx, args, out| create(ctx, args, out, true),
};

pub(super) const ALTER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.alter",
        summary: "Adds fields to an index",
        complexity: "O(N) with N keys",
        args: ARGS,
        ..BUILDS
    },
    handler: |ctx, args, out| alter(ctx, args, out, false),
};

pub(super) const ALTER_IF_NEW: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft._alterifnx",
        summary: "Adds fields to an index if it has none of the names",
        ..ALTER.facts
    },
    handler: |ctx, args, out| alter(ctx, args, out, true),
};

/// Arguments to keep: those behind the command's name.
pub(super) fn kept(args: &[&[u8]]) -> Arguments {
    args[1..].iter().map(|argument| Box::from(*argument)).collect()
}

fn create(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply, if_new: bool) -> CommandResult {
    let service = service(ctx)?;
    if args.len() < 5 {
        return Err(CommandError::Arity("FT.CREATE".into()));
    }
    if ctx.db != DB {
        return Err(CommandError::text("Cannot create index on db != 0"));
    }
    if service.state().indexes.contains_key(args[1]) {
        if if_new {
            out.ok();
            return Ok(());
        }
        return Err(CommandError::text("Index already exists"));
    }
    let Create { index: name, schema } = Create::parse(&args[1..]).map_err(of_arguments)?;
    // An index that goes by itself takes its documents along.
    ctx.permit_index(&schema.prefixes, schema.temporary_seconds.is_some())?;
    if let Some(hidden) = service.find(&name) {
        // The name is an alias, which will be heard no more.
        ctx.permit_index(&hidden.schema.prefixes, false)?;
    }
    if let Some(error) = Index::new(&schema, 0).err() {
        return Err(refusal(error));
    }
    let number = service.state().next_number();
    let declared = Declaration::new(number, &name, schema, Synonyms::default(), vec![kept(args)]);
    let declared = Arc::new(declared.map_err(refusal)?);
    service.state().indexes.insert(name.into(), Arc::clone(&declared));
    declared.counters.renew(ctx.now);
    service.note_due(declared.deadline(ctx.now));
    ctx.each_store(|store, _| companion::add(store, &service, &declared));
    ctx.journal.changed(1);
    build::build(ctx, &service, &declared, out)
}

fn alter(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply, if_new: bool) -> CommandResult {
    let service = service(ctx)?;
    let alter = Alter::parse(&args[1..]).map_err(of_arguments)?;
    let index = service.find(&alter.index).ok_or(UNKNOWN)?;
    ctx.permit_index(&index.schema.prefixes, false)?;
    index.counters.renew(ctx.now);
    let declared = match altered(&index, &alter, kept(args)) {
        Ok(declared) => declared,
        Err(error) if if_new && error.starts_with("Duplicate field") => {
            out.ok();
            return Ok(());
        }
        Err(error) => return Err(refusal(error)),
    };
    if let Some(error) = Index::new(&declared.schema, 0).err() {
        return Err(refusal(error));
    }
    replace(ctx, &service, declared, !alter.skip_initial_scan, out)
}

/// Puts a changed declaration in place of the one before, and looks at the keys again if it is to.
///
/// # Errors
/// None of its own.
pub(super) fn replace(
    ctx: &mut Ctx<'_>,
    service: &Arc<Service>,
    declared: Declaration,
    scans: bool,
    out: &mut dyn Reply,
) -> CommandResult {
    let declared = Arc::new(declared);
    service.state().indexes.insert(declared.name.clone(), Arc::clone(&declared));
    ctx.each_store(|store, _| companion::redeclare(store, &declared, scans));
    ctx.journal.changed(1);
    build::build(ctx, service, &declared, out)
}
