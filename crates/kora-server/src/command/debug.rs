//! DEBUG subcommands about the process rather than its data; the container is the core's.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kora_core::command::spec::{CommandSpec, Facts, Flags, Group, Traits};
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::{parse_f64, parse_i64};
use kora_core::reply::Reply;
use kora_core::types::list::set_packed_threshold;

use super::{Call, Handler, ServerCall};
use crate::config::value::parse_bytes;
use kora_engine::entropy;

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<Handler>] = &[
    CommandSpec { facts: Facts { name: "debug|assert", ..DEBUG }, handler: Handler::Session(crash) },
    CommandSpec {
        facts: Facts { name: "debug|change-repl-id", ..DEBUG },
        handler: Handler::Session(change_repl_id),
    },
    CommandSpec { facts: Facts { name: "debug|oom", ..DEBUG }, handler: Handler::Session(crash) },
    CommandSpec {
        facts: Facts { name: "debug|quicklist-packed-threshold", ..DEBUG },
        handler: Handler::Server(packed_threshold),
    },
    CommandSpec { facts: Facts { name: "debug|segfault", ..DEBUG }, handler: Handler::Session(crash) },
    CommandSpec {
        facts: Facts { name: "debug|set-disable-deny-scripts", ..DEBUG },
        handler: Handler::Server(set_disable_deny_scripts),
    },
];

/// The facts that every DEBUG subcommand about the process shares.
pub(super) const DEBUG: Facts = Facts {
    hidden: true,
    is_syscmd: true,
    arity: -2,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    traits: Traits::DEBUG,
    group: Group::Server,
    complexity: "O(1)",
    ..Facts::NONE
};

/// Largest threshold that Redis takes is smaller than this.
const THRESHOLD_END: u64 = (1 << 32) - (1 << 20) + 1;

fn unknown(args: &[&[u8]]) -> CommandError {
    CommandError::DebugSubcommand(kora_core::text::of(args[1]).into_owned())
}

/// Ends the process at once, as a fault in it would: for tests of what a crash leaves behind.
fn crash(_: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    tracing::error!("DEBUG {}: the process is made to crash", args[1].escape_ascii());
    std::process::abort();
}

fn change_repl_id(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let [_, _] = args else { return Err(unknown(args)) };
    let id = entropy::id().map_err(|_| CommandError::text("ERR there is no random number to be had"))?;
    call.front.replication_id.set(id);
    call.reply().ok();
    Ok(())
}

fn packed_threshold(_: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, size] = args else { return Err(unknown(args)) };
    let bytes = if size.is_empty() { Some(0) } else { parse_bytes(size) };
    let bytes = bytes.filter(|bytes| *bytes < THRESHOLD_END);
    let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok()).ok_or(CommandError::text(
        "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
    ))?;
    set_packed_threshold(bytes);
    out.ok();
    Ok(())
}

/// Anything that is not a number other than 0 means off, as in Redis.
fn set_disable_deny_scripts(call: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, switch] = args else { return Err(unknown(args)) };
    let may_debug = parse_i64(switch).is_some_and(|number| number != 0);
    call.engine.scripts_may_debug.store(may_debug, Ordering::Relaxed);
    out.ok();
    Ok(())
}

/// DEBUG SLEEP in a script: its worker, and whoever needs the stores it has, waits.
pub(super) fn sleep_in_script(_: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, seconds] = args else { return Err(unknown(args)) };
    let seconds = parse_f64(seconds).filter(|seconds| *seconds > 0.0).unwrap_or(0.0);
    std::thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    out.ok();
    Ok(())
}
