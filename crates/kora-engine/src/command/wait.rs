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
use crate::session::TimedReply;

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
    if local == 0 {
        let is_durable = is_log_durable(&call.engine.persistence);
        call.wait_for_replicas(replicas, until, TimedReply::Pair(is_durable.into(), 0));
        return Ok(());
    }
    let record = call.engine.persistence.appended().ok_or(NO_LOG_TO_WAIT_FOR)?;
    if call.engine.persistence.is_durable(record) {
        call.wait_for_replicas(replicas, until, TimedReply::Pair(1, 0));
    } else if call.session.is_executing {
        TimedReply::Pair(0, 0).write(&mut call.reply());
    } else {
        call.wait_for_replicas(1, until, TimedReply::Pair(0, 0));
        call.follow_up = Some(FollowUp::WaitForLog { record, is_all: replicas == 0 });
    }
    Ok(())
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
    if local > 0 && !call.engine.persistence.has_log() {
        return Err(NO_LOG_TO_WAIT_FOR);
    }
    TimedReply::Pair(is_log_durable(&call.engine.persistence).into(), 0).write(out);
    Ok(())
}

const NO_LOG_TO_WAIT_FOR: CommandError =
    CommandError::text("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");

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
    persistence.appended().is_some_and(|record| persistence.is_durable(record))
}
