//! FT.DROPINDEX.
//!
//! Documents are deleted a slice at a time, and others come in between: they find the index, with the documents that are left. It is gone when all of
//! them are, at the place in the order at which the command replies.

use std::sync::Arc;

use kora_core::command::spec::{Arg, CommandSpec, Facts, Traits};
use kora_core::context::Ctx;
use kora_core::context::errand::{Effort, Errands};
use kora_core::error::CommandResult;
use kora_core::journal::{EventClass, Journal};
use kora_core::reply::Reply;
use kora_core::store::{Keyspace, ShardStore};
use kora_core::time::UnixMs;

use super::build::{self, Readiness};
use super::{CHANGES, UNKNOWN_INDEX, of_arguments, pause, service};
use crate::command::small::DropIndex;
use crate::companion::{self, DB, SearchPart};
use crate::service::{Declaration, Service};

/// Documents that are deleted between two looks at what is left of a slice.
const TOGETHER: usize = 32;
/// What the deletion of a document counts, in steps.
const DELETION_STEPS: usize = 20;

pub(super) const DROPINDEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.dropindex",
        since: "2.0.0",
        summary: "Deletes an index, and its documents if asked to",
        complexity: "O(1), O(N) with N documents to delete",
        args: &[Arg::string("index"), Arg::word("delete docs", "DD").optional()],
        traits: Traits::STANDS_ASIDE,
        ..CHANGES
    },
    handler: |ctx, args, out| drop_index(ctx, args, out, false),
};

pub(super) const DROPINDEX_IF_THERE: CommandSpec = CommandSpec {
    facts: Facts { name: "ft._dropindexifx", summary: "Deletes an index if there is one", ..DROPINDEX.facts },
    handler: |ctx, args, out| drop_index(ctx, args, out, true),
};

fn drop_index(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply, if_there: bool) -> CommandResult {
    let service = service(ctx)?;
    let DropIndex { index: name, with_documents } = DropIndex::parse(&args[1..]).map_err(of_arguments)?;
    let Some(declared) = service.find(&name) else {
        if if_there {
            out.ok();
            return Ok(());
        }
        return Err(UNKNOWN_INDEX);
    };
    ctx.permit_index(&declared.schema.prefixes, with_documents)?;
    if with_documents {
        if drop_with_documents(ctx, &service, &declared, out)? == Readiness::Now {
            out.ok();
        }
        return Ok(());
    }
    forget(ctx, &service, &declared);
    out.ok();
    Ok(())
}

/// Deletes an index with its documents, at once or in slices.
///
/// # Errors
/// None of its own.
pub(super) fn drop_with_documents(
    ctx: &mut Ctx<'_>,
    service: &Arc<Service>,
    declared: &Declaration,
    out: &mut dyn Reply,
) -> CommandResult<Readiness> {
    if build::finish(ctx, service, declared, out)? == Readiness::Later
        || delete_documents(ctx, service, declared.number, out)? == Readiness::Later
    {
        return Ok(Readiness::Later);
    }
    // The deletions are recorded as such, so that a replay need not know which documents there were.
    ctx.journal.effect(DB, &[b"FT.DROPINDEX", &declared.name]);
    forget(ctx, service, declared);
    Ok(Readiness::Now)
}

fn forget(ctx: &mut Ctx<'_>, service: &Service, declared: &Declaration) {
    ctx.each_store(|store, _| companion::remove(store, declared.number));
    service.state().remove(&declared.name);
    ctx.journal.changed(1);
}

/// Deletes the documents of an index, at once or in slices.
fn delete_documents(
    ctx: &mut Ctx<'_>,
    service: &Arc<Service>,
    number: u64,
    out: &mut dyn Reply,
) -> CommandResult<Readiness> {
    let now = ctx.now;
    loop {
        let mut effort = service.pace().whole(service.clock());
        let mut are_gone = true;
        ctx.each_store(|store, journal| {
            are_gone = are_gone && delete_some(store, journal, (number, now), &mut effort);
        });
        if are_gone {
            return Ok(Readiness::Now);
        }
        if pause::let_others_go_first(ctx, service, out)? == Errands::Over {
            return Ok(Readiness::Later);
        }
    }
}

/// Deletes documents of a store until the effort is spent; returns whether none are left.
fn delete_some(
    store: &mut ShardStore,
    journal: &mut Journal,
    (number, now): (u64, UnixMs),
    effort: &mut Effort,
) -> bool {
    companion::settle(store, journal, now);
    loop {
        let first_keys = |part: &mut SearchPart| Some(part.find(number)?.index.first_keys(TOGETHER));
        let keys = companion::with_part(store, |part, _| first_keys(part)).flatten().unwrap_or_default();
        if keys.is_empty() {
            return true;
        }
        let mut is_any = false;
        for key in &keys {
            let mut keyspace = Keyspace::new(store, journal, DB, now, true);
            if keyspace.delete(key) {
                is_any = true;
                keyspace.changed(EventClass::GENERIC, "del", key);
                journal.effect(DB, &[b"DEL", key]);
            }
        }
        effort.spend(keys.len() * DELETION_STEPS);
        if !is_any {
            return true;
        }
        if effort.is_spent() {
            return false;
        }
    }
}
