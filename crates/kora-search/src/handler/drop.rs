//! FT.DROPINDEX, and what FLUSHALL does to indexes.

use kora_core::command::spec::{Arg, CommandSpec, Facts, Traits};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::journal::EventClass;
use kora_core::reply::Reply;
use kora_core::store::Keyspace;

use super::build::{self, Readiness};
use super::{CHANGES, UNKNOWN_INDEX, of_arguments, service};
use crate::command::small::DropIndex;
use crate::companion::{self, DB};

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
    if with_documents {
        if build::finish(ctx, &service, &declared, out)? == Readiness::Later {
            return Ok(());
        }
        delete_documents(ctx, declared.number);
        // The deletions are recorded as such, so that a replay need not know which documents there were.
        ctx.journal.effect(ctx.db, &[b"FT.DROPINDEX", &declared.name]);
    }
    ctx.each_store(|store, _| companion::remove(store, declared.number));
    service.state().remove(&declared.name);
    ctx.journal.changed(1);
    out.ok();
    Ok(())
}

fn delete_documents(ctx: &mut Ctx<'_>, number: u64) {
    let now = ctx.now;
    ctx.each_store(|store, journal| {
        companion::settle(store, journal, now);
        let keys = companion::with_part(store, |part, store| part.documents(store, number));
        for key in keys.unwrap_or_default() {
            let mut keyspace = Keyspace::new(store, journal, DB, now, true);
            if keyspace.delete(&key) {
                keyspace.changed(EventClass::GENERIC, "del", &key);
                journal.effect(DB, &[b"DEL", &key]);
            }
        }
    });
}
