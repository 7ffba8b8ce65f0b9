//! MULTI, EXEC, DISCARD, WATCH and UNWATCH: what concerns the connection. Their second half, which concerns shards, is
//! the worker's: see [`FollowUp`].

use kora_core::command::spec::CommandSpec;
use kora_core::command::transaction::WATCH;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::{Call, FollowUp, ServerHandler, facts};

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<ServerHandler>] = &[
    CommandSpec { facts: facts::DISCARD, handler: discard },
    CommandSpec { facts: facts::EXEC, handler: exec },
    CommandSpec { facts: facts::MULTI, handler: multi },
    CommandSpec { facts: facts::UNWATCH, handler: unwatch },
    CommandSpec { facts: WATCH.facts, handler: watch },
];

fn multi(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    if call.connection.session.queue.is_some() {
        return Err(CommandError::text("ERR MULTI calls can not be nested"));
    }
    call.follow_up = Some(FollowUp::Multi);
    call.reply().ok();
    Ok(())
}

fn exec(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let session = &mut call.connection.session;
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

fn discard(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    if call.connection.session.queue.is_none() {
        return Err(CommandError::text("ERR DISCARD without MULTI"));
    }
    call.end_transaction();
    call.reply().ok();
    Ok(())
}

fn unwatch(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    call.unwatch();
    call.reply().ok();
    Ok(())
}

fn watch(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let session = &call.connection.session;
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

impl Call<'_> {
    /// Forgets the queued commands and the watched keys.
    pub(super) fn end_transaction(&mut self) {
        self.connection.session.queue = None;
        self.unwatch();
    }

    fn unwatch(&mut self) {
        self.follow_up = self.connection.take_watched().map(FollowUp::Unwatch);
    }
}
