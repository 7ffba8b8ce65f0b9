//! Commands that change documents in slices: between two of them the command stands aside and runs anew, with all stores in hand, once others had
//! their turn. What it has done until then is done, and recorded.

use std::sync::Arc;

use kora_core::context::Ctx;
use kora_core::context::errand::{Answer, Effort, Errand, Errands, Next, Share, ShareOf};
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_core::store::ShardStore;

use crate::service::Service;

/// Has the command run anew after others; at once, if it may not be put off.
///
/// # Errors
/// None of its own.
pub(super) fn let_others_go_first(
    ctx: &mut Ctx<'_>,
    service: &Arc<Service>,
    out: &mut dyn Reply,
) -> CommandResult<Errands> {
    let mut shares: Vec<ShareOf> = Vec::new();
    ctx.each_store(|store, _| {
        if shares.is_empty() {
            shares.push((store.id(), Box::new(Turn { is_over: false })));
        }
    });
    let errand: Arc<dyn Errand> = Arc::new(Pause { service: Arc::clone(service) });
    let whole = service.pace().whole(service.clock());
    ctx.run_errand(&errand, shares, whole, out)
}

/// The pause between two slices.
#[derive(Debug)]
struct Pause {
    service: Arc<Service>,
}

impl Errand for Pause {
    fn slice(&self) -> Effort {
        self.service.pace().slice(self.service.clock())
    }

    fn next(self: Arc<Self>, _: bool) -> Next {
        Next { answer: Some(Answer::Again), shares: Vec::new() }
    }

    fn reply(&self, _: &mut dyn Reply) -> CommandResult {
        Ok(())
    }
}

/// A turn in which nothing is done.
#[derive(Debug)]
struct Turn {
    is_over: bool,
}

impl Share for Turn {
    fn step(&mut self, _: &mut ShardStore, effort: &mut Effort) -> bool {
        effort.spend(effort.left());
        std::mem::replace(&mut self.is_over, true)
    }
}
