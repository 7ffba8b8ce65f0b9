//! Indexes that are declared TEMPORARY go with their documents when nobody has used them for so long.
//!
//! Time enters by the engine, which looks for what is due ([`Catalog::let_go`](kora_core::idle::Idle::let_go)) and then runs a
//! command for nobody. What that deletes is recorded as what it is: deletions of keys and of an index. A restart, where no clock counts, only repeats them.

use std::sync::atomic::Ordering;

use kora_core::command::spec::{CommandSpec, Facts, Traits};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::build::Readiness;
use super::drop::drop_with_documents;
use super::{CHANGES, service};

/// Deletes the temporary indexes that are due. It stands in no table, so that no client can send it.
pub(crate) const DROP_DUE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "(indexes due)",
        summary: "Deletes temporary indexes that were left alone",
        complexity: "O(N) with N documents to delete",
        traits: Traits::STANDS_ASIDE,
        ..CHANGES
    },
    handler: drop_due,
};

fn drop_due(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let service = service(ctx)?;
    while let Some(declared) = service.first_due(ctx.now) {
        declared.counters.is_leaving.store(true, Ordering::Relaxed);
        if drop_with_documents(ctx, &service, &declared, out)? == Readiness::Later {
            return Ok(());
        }
    }
    service.state().is_dropping = false;
    // What has become due meanwhile was not begun, since this was on its way.
    service.look_soon();
    out.ok();
    Ok(())
}
