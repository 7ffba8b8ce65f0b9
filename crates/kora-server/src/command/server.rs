//! TIME, SHUTDOWN, LOLWUT, and the DEBUG subcommands about the process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kora_core::command::spec::{CommandSpec, Facts};
use kora_core::error::{CommandError, CommandResult};
use kora_core::hash::splitmix64;
use kora_core::number::parse_f64;
use kora_core::reply::Reply;

use super::debug::DEBUG;
use super::{Call, Handler, ServerCall, facts};
use crate::introspect::lolwut::Picture;
use crate::shared::connection::close_after_output;
use crate::shared::mail::WorkerMail;
use kora_engine::REDIS_VERSION;
use kora_engine::engine::FollowUp;
use kora_engine::front::Mail;

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<Handler>] = &[
    CommandSpec { facts: DEBUG_LOG, handler: Handler::Session(debug_log) },
    CommandSpec { facts: DEBUG_SLEEP, handler: Handler::Either(debug_sleep, super::debug::sleep_in_script) },
    CommandSpec { facts: facts::INFO, handler: Handler::Server(super::info::info) },
    CommandSpec { facts: facts::LOLWUT, handler: Handler::Server(lolwut) },
    CommandSpec { facts: facts::SHUTDOWN, handler: Handler::Session(shutdown) },
    CommandSpec { facts: facts::TIME, handler: Handler::Server(time) },
];

const DEBUG_LOG: Facts = Facts { name: "debug|log", ..DEBUG };

const DEBUG_SLEEP: Facts = Facts { name: "debug|sleep", ..DEBUG };

fn time(_: ServerCall<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    out.array(2);
    out.bulk(since_epoch.as_secs().to_string().as_bytes());
    out.bulk(since_epoch.subsec_micros().to_string().as_bytes());
    Ok(())
}

fn lolwut(call: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let picture = Picture::parse(&args[1..])?;
    let mut state = call.now.0.unsigned_abs();
    let text = picture.draw(splitmix64(&mut state), env!("CARGO_PKG_VERSION"), REDIS_VERSION);
    out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Ends the server, after a last snapshot if one is asked for, or if there are rules for snapshots.
fn shutdown(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let (mut saves, mut nosave, mut abort, mut is_forced) = (false, false, false, false);
    for option in &args[1..] {
        match option.to_ascii_lowercase().as_slice() {
            b"save" => saves = true,
            b"nosave" => nosave = true,
            b"now" => {}
            b"force" => is_forced = true,
            b"abort" => abort = true,
            _ => return Err(CommandError::Syntax),
        }
    }
    if (saves && nosave) || (abort && args.len() > 2) {
        return Err(CommandError::Syntax);
    }
    if abort {
        return Err(CommandError::text("ERR No shutdown in progress."));
    }
    if !nosave && call.engine.scripts.is_busy() {
        // It would wait for the script, or lose half of it.
        return Err(call.engine.scripts.busy_error());
    }
    let config = call.front.config();
    let will_save = saves || !nosave && !config.persistence.save.rules().is_empty();
    // A snapshot would not help: a start goes by the log that was there before.
    if !is_forced && call.engine.persistence.is_log_unfinished() {
        tracing::error!("SHUTDOWN refused: the first snapshot of the log is not there yet");
        return Err(CommandError::text("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    if call.engine.persistence.has_log_failed() {
        // As in Redis: who asks for the end of a server whose disk is full must not wait for it for ever.
        tracing::error!("the log has failed: the server ends without the last writes");
    }
    tracing::warn!("SHUTDOWN received from client {}", call.session.client.id.0);
    if will_save && !call.engine.persistence.loading.is_on() {
        call.follow_up = Some(FollowUp::ShutDown);
        return Ok(());
    }
    close_after_output(call.session);
    call.engine.ending.begin();
    Ok(())
}

fn debug_log(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let [_, _, message] = args else { return Err(unknown(args)) };
    tracing::warn!("DEBUG LOG: {}", message.escape_ascii());
    call.reply().ok();
    Ok(())
}

/// Stops all workers for a while: what a test needs to see a server that does not answer.
fn debug_sleep(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let [_, _, seconds] = args else { return Err(unknown(args)) };
    let seconds = parse_f64(seconds).filter(|seconds| *seconds > 0.0).unwrap_or(0.0);
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    let here = call.worker;
    for worker in call.engine.hub.workers().filter(|worker| *worker != here) {
        call.engine.hub.send_driver_mail(worker, Mail::Front(WorkerMail::Sleep(duration)));
    }
    std::thread::sleep(duration);
    call.reply().ok();
    Ok(())
}

fn unknown(args: &[&[u8]]) -> CommandError {
    CommandError::DebugSubcommand(kora_core::text::of(args[1]).into_owned())
}
