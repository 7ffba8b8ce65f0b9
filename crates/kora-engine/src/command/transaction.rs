//! MULTI, EXEC, DISCARD, WATCH and UNWATCH: what concerns the session. Their second half, which concerns shards, is
//! the turn's: see [`FollowUp`].

use kora_core::command::spec::CommandSpec;
use kora_core::command::transaction::WATCH;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::{Family, facts};
use crate::engine::{Call, FollowUp, Handler};
use crate::front::Front;

impl<F: Front> Family<F> {
    /// MULTI and its kin.
    pub const TRANSACTION: &'static [CommandSpec<Handler<F>>] = &[
        CommandSpec { facts: facts::DISCARD, handler: Handler::Session(discard) },
        CommandSpec { facts: facts::EXEC, handler: Handler::Session(exec) },
        CommandSpec { facts: facts::MULTI, handler: Handler::Session(multi) },
        CommandSpec { facts: facts::UNWATCH, handler: Handler::Session(unwatch) },
        CommandSpec { facts: WATCH.facts, handler: Handler::Session(watch) },
    ];
}

fn multi<F: Front>(call: &mut Call<'_, F>, _: &[&[u8]]) -> CommandResult {
    if call.session.queue.is_some() {
        return Err(CommandError::text("ERR MULTI calls can not be nested"));
    }
    call.follow_up = Some(FollowUp::Multi);
    call.reply().ok();
    Ok(())
}

fn exec<F: Front>(call: &mut Call<'_, F>, _: &[&[u8]]) -> CommandResult {
    let session = &mut call.session;
    let Some(queue) = session.queue.take() else {
        return Err(CommandError::text("ERR EXEC without MULTI"));
    };
    if queue.is_aborted {
        call.end_transaction();
        return Err(CommandError::text("EXECABORT Transaction discarded because of previous errors."));
    }
    call.follow_up = Some(FollowUp::Exec(queue));
    Ok(())
}

fn discard<F: Front>(call: &mut Call<'_, F>, _: &[&[u8]]) -> CommandResult {
    if call.session.queue.is_none() {
        return Err(CommandError::text("ERR DISCARD without MULTI"));
    }
    call.end_transaction();
    call.reply().ok();
    Ok(())
}

fn unwatch<F: Front>(call: &mut Call<'_, F>, _: &[&[u8]]) -> CommandResult {
    call.unwatch();
    call.reply().ok();
    Ok(())
}

fn watch<F: Front>(call: &mut Call<'_, F>, _: &[&[u8]]) -> CommandResult {
    let session = &call.session;
    if session.queue.is_some() {
        return Err(CommandError::text("ERR WATCH inside MULTI is not allowed"));
    }
    if session.has_failed_watch() {
        // The transaction will fail anyway.
        call.reply().ok();
    } else {
        call.follow_up = Some(FollowUp::Watch);
    }
    Ok(())
}

impl<F: Front> Call<'_, F> {
    /// Forgets the queued commands and the watched keys.
    pub fn end_transaction(&mut self) {
        self.session.queue = None;
        self.unwatch();
    }

    fn unwatch(&mut self) {
        self.follow_up = self.session.take_watched().map(FollowUp::Unwatch);
    }
}
