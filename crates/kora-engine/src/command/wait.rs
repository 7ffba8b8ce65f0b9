//! WAIT and WAITAOF: a connection waits until what it wrote is kept elsewhere, too. There are no replicas, so the time-out is what
//! whoever waits for them waits for.

use kora_core::command::options::timeout_ms;
use kora_core::command::spec::{Arg, Categories, CommandSpec, Facts, Flags, Group};
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use kora_core::reply::Reply;

use super::Family;
use crate::engine::{Call, FollowUp, Handler, ServerCall};
use crate::front::Front;
use crate::persistence::Persistence;
use crate::session::{Cover, LogWait, TimedReply, Wait};

impl<F: Front> Family<F> {
    /// WAIT and WAITAOF.
    pub const WAIT: &'static [CommandSpec<Handler<F>>] = &[
        CommandSpec { facts: WAIT, handler: Handler::Either(wait, wait_for_nobody) },
        CommandSpec { facts: WAITAOF, handler: Handler::Either(waitaof, waitaof_for_nobody) },
    ];
}

/// `WAIT`.
const WAIT: Facts = Facts {
    name: "wait",
    arity: 3,
    flags: Flags::BLOCKING,
    categories: Categories::CONNECTION,
    since: "3.0.0",
    summary: "Waits until replicas have received the writes made so far by the connection",
    complexity: "O(1)",
    args: &[Arg::integer("numreplicas"), Arg::integer("timeout")],
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    ..Facts::NONE
};

/// `WAITAOF`.
const WAITAOF: Facts = Facts {
    name: "waitaof",
    arity: 4,
    flags: Flags::BLOCKING,
    categories: Categories::CONNECTION,
    group: Group::Generic,
    since: "7.2.0",
    summary: "Waits until the writes made so far by the connection are in the append-only files of this server and of replicas",
    complexity: "O(1)",
    args: &[Arg::integer("numlocal"), Arg::integer("numreplicas"), Arg::integer("timeout")],
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    ..Facts::NONE
};

fn wait<F: Front>(call: &mut Call<'_, F>, args: &[&[u8]]) -> CommandResult {
    let replicas = parse_i64(args[1]).ok_or(CommandError::NotInteger)?;
    let until = timeout_ms(args[2], call.now)?;
    call.wait_for_replicas(replicas, until, TimedReply::Integer(0));
    Ok(())
}

fn waitaof<F: Front>(call: &mut Call<'_, F>, args: &[&[u8]]) -> CommandResult {
    let (local, replicas) = numbers_of_waitaof(args)?;
    let until = timeout_ms(args[3], call.now)?;
    let persistence = &call.engine.persistence;
    let is_wanted = local > 0;
    if is_wanted && !persistence.wants_log() {
        return Err(CommandError::text(NO_LOG_TO_WAIT_FOR));
    }
    let position = call.session.cover.written.or_else(|| persistence.log_end());
    let is_durable = are_writes_durable(persistence, &call.session.cover);
    let reply = TimedReply::Pair(is_durable.into(), 0);
    let waits_for_log = is_wanted && !is_durable;
    call.wait_for_replicas(if waits_for_log { replicas.max(1) } else { replicas }, until, reply);
    if matches!(call.session.wait, Wait::Until(..)) {
        let position = position.filter(|_| call.session.cover.wrote_in == 0);
        call.session.cover.log_wait = Some(Box::new(LogWait { position, is_wanted, is_all: replicas == 0 }));
        call.follow_up = Some(FollowUp::WaitForLog);
    }
    Ok(())
}

/// Whether there is a log, and all that a session wrote is durable in it: what others wrote does not matter.
fn are_writes_durable(persistence: &Persistence, cover: &Cover) -> bool {
    let is_kept = |position| persistence.is_durable(position);
    persistence.log_end().is_some() && cover.wrote_in == 0 && cover.written.is_none_or(is_kept)
}

/// WAIT in a script, which does not wait.
fn wait_for_nobody<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    parse_i64(args[1]).ok_or(CommandError::NotInteger)?;
    timeout_ms(args[2], call.now)?;
    TimedReply::Integer(0).write(out);
    Ok(())
}

/// WAITAOF in a script, likewise.
fn waitaof_for_nobody<F: Front>(
    call: ServerCall<'_, F>,
    args: &[&[u8]],
    out: &mut dyn Reply,
) -> CommandResult {
    let (local, _) = numbers_of_waitaof(args)?;
    timeout_ms(args[3], call.now)?;
    if local > 0 && !call.engine.persistence.wants_log() {
        return Err(CommandError::text(NO_LOG_TO_WAIT_FOR));
    }
    TimedReply::Pair(is_log_durable(&call.engine.persistence).into(), 0).write(out);
    Ok(())
}

/// What those are told who wait for a log that nobody wants.
pub(crate) const NO_LOG_TO_WAIT_FOR: &str =
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/// How many logs and replicas WAITAOF is to wait for.
fn numbers_of_waitaof(args: &[&[u8]]) -> CommandResult<(i64, i64)> {
    let local = parse_i64(args[1]).ok_or(CommandError::NotInteger)?;
    if !(0..=1).contains(&local) {
        return Err(CommandError::text("ERR value is out of range, value must between 0 and 1"));
    }
    let replicas = parse_i64(args[2]).filter(|count| *count >= 0);
    let replicas = replicas.ok_or(CommandError::text("ERR value is out of range, must be positive"))?;
    Ok((local, replicas))
}

/// Whether there is a log, and all that was recorded is durable.
fn is_log_durable(persistence: &Persistence) -> bool {
    persistence.log_end().is_some_and(|end| persistence.is_durable(end))
}
