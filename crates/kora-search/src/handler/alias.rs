//! Aliases of indexes.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::{CHANGES, exactly, service};

const ARGS: &[Arg] = &[Arg::string("alias"), Arg::string("index")];

const COMPLEXITY: &str = "O(log N) with N aliases";

pub(super) const ALIASADD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.aliasadd",
        summary: "Gives an index another name",
        complexity: COMPLEXITY,
        args: ARGS,
        ..CHANGES
    },
    handler: |ctx, args, out| add(ctx, args, out, false),
};

pub(super) const ALIASADD_IF_NEW: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft._aliasaddifnx",
        summary: "Gives an index another name if that is free",
        ..ALIASADD.facts
    },
    handler: |ctx, args, out| add(ctx, args, out, true),
};

pub(super) const ALIASUPDATE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.aliasupdate",
        summary: "Gives an index another name, whatever had it",
        ..ALIASADD.facts
    },
    handler: update,
};

pub(super) const ALIASDEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.aliasdel",
        summary: "Deletes another name of an index",
        complexity: COMPLEXITY,
        args: &[Arg::string("alias")],
        ..CHANGES
    },
    handler: |ctx, args, out| delete(ctx, args, out, false),
};

pub(super) const ALIASDEL_IF_THERE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft._aliasdelifx",
        summary: "Deletes another name of an index if there is one",
        ..ALIASDEL.facts
    },
    handler: |ctx, args, out| delete(ctx, args, out, true),
};

const NO_INDEX: CommandError = CommandError::text("Unknown index name (or name is an alias itself)");

fn add(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply, if_new: bool) -> CommandResult {
    let [alias, index] = *exactly(args, "FT.ALIASADD")?;
    let service = service(ctx)?;
    let mut state = service.state();
    let declared = state.indexes.get(index).ok_or(NO_INDEX)?;
    ctx.permit_index(&declared.schema.prefixes, false)?;
    declared.counters.renew(ctx.now);
    if state.aliases.contains_key(alias) {
        if !if_new {
            return Err(CommandError::text("Alias already exists"));
        }
    } else {
        state.aliases.insert(alias.into(), index.into());
        ctx.journal.changed(1);
    }
    out.ok();
    Ok(())
}

fn update(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [alias, index] = *exactly(args, "FT.ALIASUPDATE")?;
    let service = service(ctx)?;
    if let Some(left) = service.find(alias) {
        ctx.permit_index(&left.schema.prefixes, false)?;
    }
    let mut state = service.state();
    let declared = state.indexes.get(index).ok_or(NO_INDEX)?;
    ctx.permit_index(&declared.schema.prefixes, false)?;
    declared.counters.renew(ctx.now);
    state.aliases.insert(alias.into(), index.into());
    ctx.journal.changed(1);
    out.ok();
    Ok(())
}

fn delete(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply, if_there: bool) -> CommandResult {
    let [alias] = *exactly(args, "FT.ALIASDEL")?;
    let service = service(ctx)?;
    if let Some(declared) = service.find(alias) {
        ctx.permit_index(&declared.schema.prefixes, false)?;
    }
    let is_there = {
        let mut state = service.state();
        let index = state.aliases.remove(alias);
        if let Some(declared) = index.as_deref().and_then(|index| state.indexes.get(index)) {
            declared.counters.renew(ctx.now);
        }
        index.is_some()
    };
    if !is_there && !if_there {
        return Err(CommandError::text("Alias does not exist"));
    }
    ctx.journal.changed(u64::from(is_there));
    out.ok();
    Ok(())
}
