//! CONFIG and its subcommands.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::command::help::write_help;
use kora_core::command::spec::CommandSpec;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::{Call, Handler, ServerCall, facts};
use crate::config::access::{Changes, HELP, refuse_protected, set_failed};
use crate::config::table::{Apply, Directive};
use crate::config::tls::Contexts;
use crate::config::{Config, Permission};
use crate::descriptors;
use crate::net::listen;
use crate::net::tls::contexts;
use crate::shared::Shared;
use crate::shared::mail::WorkerMail;
use crate::users;
use kora_engine::engine::FollowUp;
use kora_engine::front::Mail;
use kora_engine::session::{ReplyMode, TimedReply, Wait};

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<Handler>] = &[
    CommandSpec { facts: facts::CONFIG, handler: Handler::Session(super::container) },
    CommandSpec { facts: facts::CONFIG_GET, handler: Handler::Session(get) },
    CommandSpec { facts: facts::CONFIG_HELP, handler: Handler::Server(config_help) },
    CommandSpec { facts: facts::CONFIG_RESETSTAT, handler: Handler::Session(resetstat) },
    CommandSpec { facts: facts::CONFIG_REWRITE, handler: Handler::Session(rewrite) },
    CommandSpec { facts: facts::CONFIG_SET, handler: Handler::Session(set) },
];

fn config_help(_: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(out, args, HELP);
    Ok(())
}

fn get(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let found = call.front.config().get(&args[2..]);
    let mut out = call.reply();
    out.map(found.len());
    for (name, value) in &found {
        out.bulk(name);
        out.bulk(value);
    }
    Ok(())
}

fn set(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let shared = Arc::clone(call.front);
    let pairs = &args[2..];
    let permission = shared.config().protected_configs;
    if permission == Permission::No || permission == Permission::Local && !call.session.choice.is_local {
        refuse_protected(pairs)?;
    }
    let mut next = (*shared.config()).clone();
    next.set(pairs)?;
    let is_log_wanted = next.persistence.append_only;
    let names_log = pairs.iter().step_by(2).any(|name| name.eq_ignore_ascii_case(b"appendonly"));
    if !names_log
        || shared.engine.persistence.loading.is_on()
        || !shared.engine.persistence.must_switch(is_log_wanted)
    {
        apply(&shared, pairs)?;
        call.reply().ok();
        return Ok(());
    }
    let session = &call.session;
    if session.is_executing || session.choice.reply_mode != ReplyMode::On {
        // The reply can't come later.
        let applied =
            shared.engine.persistence.alone_at_once(|| apply_with_log(&shared, pairs, is_log_wanted, false));
        applied.unwrap_or_else(|| Err(set_failed("appendonly", "another change of it is under way")))?;
        call.reply().ok();
        return Ok(());
    }
    // Files are read and written, which no worker waits for.
    let origin = call.session.origin();
    let pairs: Vec<Vec<u8>> = pairs.iter().map(|word| word.to_vec()).collect();
    let body = move || {
        let pairs: Vec<&[u8]> = pairs.iter().map(Vec::as_slice).collect();
        let applied =
            shared.engine.persistence.alone(|| apply_with_log(&shared, &pairs, is_log_wanted, true));
        let answer = applied.map_err(|error| error.to_string());
        shared.engine.hub.send_driver_mail(origin.worker, Mail::Answer(origin, answer));
    };
    let thread = kora_engine::threads::spawn("kora-keeper", body);
    thread.map_err(|error| set_failed("appendonly", &error.to_string()))?;
    call.session.client.set_blocked(true);
    call.session.wait = Wait::Until(None, TimedReply::Ok);
    Ok(())
}

/// Puts settings in force among which is `appendonly`, and begins or ends the log.
fn apply_with_log(
    shared: &Arc<Shared>,
    pairs: &[&[u8]],
    is_log_wanted: bool,
    may_wait: bool,
) -> CommandResult {
    let persistence = &shared.engine.persistence;
    if is_log_wanted {
        let prepared = persistence.prepare_log(may_wait);
        prepared.map_err(|_| set_failed("appendonly", "Unable to turn on AOF. Check server logs."))?;
    }
    let applied = apply(shared, pairs);
    if !shared.config().persistence.append_only {
        persistence.end_log();
    }
    applied
}

/// Puts settings in force.
fn apply(shared: &Arc<Shared>, pairs: &[&[u8]]) -> CommandResult {
    let mut probe = (*shared.config()).clone();
    let asked = probe.set(pairs)?;
    let contexts = encryption(&asked, &probe)?;
    let listeners = listeners(shared, &asked, &probe)?;
    if asked.need(Apply::Descriptors) {
        descriptors::provide(&probe).map_err(|most| set_failed("maxclients", &too_many_clients(most)))?;
    }
    let change = shared.config_change.lock();
    let mut next = (*shared.config()).clone();
    let changes = next.set(pairs)?;
    if let Some(contexts) = contexts {
        if next.tls != probe.tls {
            let first = first_of_tls(&asked).unwrap_or_default();
            return Err(set_failed(first, "another change of it is under way"));
        }
        next.contexts = contexts;
    }
    if let Some(handle) = shared.log_level.as_ref().filter(|_| changes.need(Apply::Log)) {
        handle.set(next.log_level);
    }
    shared.engine.persistence.set_policy(next.persistence.append_fsync.into());
    let password = changes.changed.iter().any(|directive| directive.name == "requirepass");
    let password = password.then(|| next.password.clone());
    shared.set_config(next);
    if let Some(password) = password {
        shared.engine.change_users(|users| users.set_default_password(&password));
    }
    drop(change);
    for (name, reason) in &changes.without_effect {
        tracing::info!("'{name}' was set and has no effect: {reason}");
    }
    shared.engine.persistence.reconsider();
    if let Some(listeners) = listeners {
        let first = shared.engine.hub.workers().next().expect("there is at least one worker");
        shared.engine.hub.send_driver_mail(first, Mail::Front(WorkerMail::Listen(listeners)));
    }
    Ok(())
}

/// The name of the first directive about encryption among those that were given.
fn first_of_tls(asked: &Changes) -> Option<&'static str> {
    let is_tls = |directive: &&&Directive| matches!(directive.apply, Apply::Tls | Apply::TlsListeners);
    asked.changed.iter().find(is_tls).map(|directive| directive.name)
}

/// What encryption comes to, if something about it was given.
fn encryption(asked: &Changes, next: &Config) -> CommandResult<Option<Contexts>> {
    let Some(name) = first_of_tls(asked) else { return Ok(None) };
    let built = contexts::build(&next.tls).map_err(|error| {
        tracing::error!("CONFIG SET: TLS: {error}");
        set_failed(name, "Unable to update TLS configuration. Check server logs.")
    });
    built.map(Some)
}

/// The listeners that addresses and ports ask for, if something about those was given.
fn listeners(shared: &Shared, asked: &Changes, next: &Config) -> CommandResult<Option<listen::Change>> {
    if !asked.need(Apply::Listeners) && !asked.need(Apply::TlsListeners) {
        return Ok(None);
    }
    let opened = listen::change(&shared.config(), next).map_err(|error| {
        tracing::error!("CONFIG SET: {error}");
        let given = |name: &str| asked.changed.iter().any(|directive| directive.name == name);
        match ["bind", "port", "tls-port"].into_iter().find(|name| given(name)) {
            Some("bind") => set_failed("bind", "Failed to bind to specified addresses."),
            name => set_failed(name.unwrap_or("port"), "Unable to listen on this port. Check server logs."),
        }
    });
    opened.map(Some)
}

/// The error of CONFIG SET where the system grants descriptors for at most so many clients.
fn too_many_clients(most: u32) -> String {
    format!("The operating system is not able to handle the specified number of clients, try with {most}")
}

fn rewrite(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let shared = Arc::clone(call.front);
    // Who comes second does not wait for the other's file.
    if shared.is_config_rewritten.swap(true, Ordering::AcqRel) {
        return Err(CommandError::text("ERR Rewriting config file: it is being rewritten"));
    }
    let config = shared.config();
    let rewritten = config.rewrite(&users::lines(&shared.engine, &config));
    shared.is_config_rewritten.store(false, Ordering::Release);
    rewritten?;
    call.reply().ok();
    Ok(())
}

fn resetstat(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    call.follow_up = Some(FollowUp::ResetStats);
    call.reply().ok();
    Ok(())
}
