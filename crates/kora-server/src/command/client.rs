//! CLIENT and its subcommands.

use std::sync::Arc;

use kora_core::command::help::write_help;
use kora_core::command::options::timeout_ms;
use kora_core::command::spec::{CommandSpec, Facts, Traits};
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use kora_core::reply::Reply;

use super::{Call, Handler, ServerCall, facts, publish};
use crate::introspect::clients::{HELP, KillFilter, ListFilter, ServerFacts};
use crate::shared::Shared;
use crate::shared::client::{Client, flag};
use crate::shared::connection::close_after_output;
use crate::shared::describe::describe;
use crate::shared::mail::WorkerMail;
use kora_engine::front::{ClientId, Mail};
use kora_engine::metrics::add;
use kora_engine::pause::PauseMode;
use kora_engine::session::ReplyMode;

pub(super) mod tracking;

/// One of the family: what CLIENT CACHING has said of the next command holds behind it.
const fn row(facts: Facts, handler: Handler) -> CommandSpec<Handler> {
    CommandSpec { facts: Facts { traits: facts.traits.with(Traits::KEEPS_CACHING), ..facts }, handler }
}

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<Handler>] = &[
    row(facts::CLIENT, Handler::Session(super::container)),
    row(facts::CLIENT_CACHING, Handler::Session(tracking::caching)),
    row(facts::CLIENT_CAPA, Handler::Session(capa)),
    row(facts::CLIENT_GETNAME, Handler::Session(getname)),
    row(facts::CLIENT_GETREDIR, Handler::Session(tracking::getredir)),
    row(facts::CLIENT_HELP, Handler::Server(client_help)),
    row(facts::CLIENT_ID, Handler::Session(id)),
    row(facts::CLIENT_IMPORT_SOURCE, Handler::Session(import_source)),
    row(facts::CLIENT_INFO, Handler::Session(info)),
    row(facts::CLIENT_KILL, Handler::Session(kill)),
    row(facts::CLIENT_LIST, Handler::Session(list)),
    row(facts::CLIENT_NO_EVICT, Handler::Session(no_evict)),
    row(facts::CLIENT_NO_TOUCH, Handler::Session(no_touch)),
    row(facts::CLIENT_PAUSE, Handler::Session(pause)),
    row(facts::CLIENT_REPLY, Handler::Session(reply)),
    row(facts::CLIENT_SETINFO, Handler::Session(setinfo)),
    row(facts::CLIENT_SETNAME, Handler::Session(setname)),
    row(facts::CLIENT_TRACKING, Handler::Session(tracking::tracking)),
    row(facts::CLIENT_TRACKINGINFO, Handler::Session(tracking::trackinginfo)),
    row(facts::CLIENT_UNBLOCK, Handler::Session(unblock)),
    row(facts::CLIENT_UNPAUSE, Handler::Session(unpause)),
];

/// Whether a client may call itself `name`.
pub(super) fn check_name(name: &[u8]) -> CommandResult {
    if is_plain(name) {
        Ok(())
    } else {
        Err(CommandError::text("ERR Client names cannot contain spaces, newlines or special characters."))
    }
}

/// `text` up to its first NUL, which is where Redis takes a name to end.
pub(super) fn c_string(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Whether `text` would leave a line of CLIENT LIST readable.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

fn client_help(_: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(out, args, HELP);
    Ok(())
}

fn id(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let id = i64::try_from(call.session.client.id.0).expect("clients are numbered from 1");
    call.reply().integer(id);
    Ok(())
}

fn getname(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let name = call.session.client.text.lock().name.clone();
    if name.is_empty() {
        call.reply().null()
    } else {
        call.reply().bulk(&name)
    }
    Ok(())
}

fn setname(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let name = c_string(args[2]);
    check_name(name)?;
    call.session.client.text.lock().name = name.to_vec();
    call.reply().ok();
    Ok(())
}

fn setinfo(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let (option, value) = (kora_core::text::of(args[2]), c_string(args[3]));
    let is_name = option.eq_ignore_ascii_case("lib-name");
    if !is_name && !option.eq_ignore_ascii_case("lib-ver") {
        return Err(CommandError::Other(format!("ERR Unrecognized option '{option}'").into()));
    }
    if !is_plain(value) {
        let text = format!("ERR {option} cannot contain spaces, newlines or special characters.");
        return Err(CommandError::Other(text.into()));
    }
    let client = Arc::clone(&call.session.client);
    let mut text = client.text.lock();
    let field = if is_name { &mut text.lib_name } else { &mut text.lib_version };
    *field = value.to_vec();
    call.reply().ok();
    Ok(())
}

fn info(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    publish(call, args);
    let mut line = Vec::new();
    describe(call.front, &call.session.client, call.now).write_line(&mut line);
    call.reply().verbatim("txt", &line);
    Ok(())
}

impl ServerFacts for Shared {
    fn is_user(&self, name: &[u8]) -> bool {
        self.engine.access.read(|users| users.get(name).is_some())
    }

    fn database_count(&self) -> u16 {
        self.config().databases
    }
}

fn list(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let filter = ListFilter::parse(&args[2..], &**call.front)?;
    publish(call, args);
    let clients: Vec<_> =
        call.front.clients.all().iter().map(|client| describe(call.front, client, call.now)).collect();
    let lines = filter.lines(&clients, call.session.client.id.0);
    call.reply().verbatim("txt", &lines);
    Ok(())
}

fn kill(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let filter = KillFilter::parse(&args[2..], &**call.front)?;
    let me = call.session.client.id;
    let shared = Arc::clone(call.front);
    let now = call.now;
    let count = end_clients(call, |client| filter.matches(&describe(&shared, client, now), me.0));
    match (filter.is_old_form, count) {
        (true, 0) => return Err(CommandError::text("ERR No such client")),
        (true, _) => call.reply().ok(),
        (false, count) => call.reply().integer(count),
    }
    Ok(())
}

/// Ends the clients that are any of these users.
pub(super) fn end_clients_of(call: &mut Call<'_>, users: &[&[u8]]) {
    if !users.is_empty() {
        end_clients(call, |client| users.contains(&client.text.lock().user.as_slice()));
    }
}

/// Ends the clients that are `meant`, the one that asks once it is told; how many there were.
fn end_clients(call: &mut Call<'_>, is_meant: impl Fn(&Client) -> bool) -> i64 {
    let me = call.session.client.id;
    let mut count = 0;
    let mut subscribers = Vec::new();
    let as_of = call.engine.broker.version();
    for client in call.front.clients.all() {
        if !is_meant(&client) {
            continue;
        }
        count += 1;
        if client.id == me {
            close_after_output(call.session);
        } else {
            // For everyone else it is gone at once: nothing more is given to it.
            let was_there = call.front.clients.remove(client.id);
            let _ = client.end_wait();
            client.note_left();
            call.engine.broker.readers.end(client.id);
            // Nobody else has had its place since then, if it was there.
            if was_there && client.is_subscriber() {
                subscribers.push(client.place());
            }
            call.engine.hub.send_driver_mail(client.worker(), Mail::Front(WorkerMail::Kill(client)));
        }
    }
    if !subscribers.is_empty() {
        call.engine.broker.expel(&subscribers, as_of);
    }
    count
}

/// Notes what the client says it can do; what nobody knows is passed over, as in Valkey. A server that is nobody's replica sends no
/// client elsewhere.
fn capa(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    if args[2..].iter().any(|claim| claim.eq_ignore_ascii_case(b"redirect")) {
        call.session.client.set_flag(flag::TAKES_REDIRECTS, true);
    }
    call.reply().ok();
    Ok(())
}

/// There is no import mode, in which alone Valkey takes it.
fn import_source(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    if !args[2].eq_ignore_ascii_case(b"off") {
        return Err(CommandError::text("ERR Server is not in import mode"));
    }
    call.reply().ok();
    Ok(())
}

fn no_evict(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let is_on = parse_switch(args[2])?;
    call.session.client.set_flag(flag::NO_EVICT, is_on);
    call.reply().ok();
    Ok(())
}

fn no_touch(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let is_on = parse_switch(args[2])?;
    call.session.choice.no_touch = is_on;
    call.session.client.set_flag(flag::NO_TOUCH, is_on);
    call.reply().ok();
    Ok(())
}

fn parse_switch(word: &[u8]) -> CommandResult<bool> {
    match word.to_ascii_lowercase().as_slice() {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}

fn reply(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let mode = &mut call.session.choice.reply_mode;
    match args[2].to_ascii_lowercase().as_slice() {
        b"on" => {
            *mode = ReplyMode::On;
            call.reply().ok();
        }
        b"off" => *mode = ReplyMode::Off,
        b"skip" if *mode == ReplyMode::Off => {}
        b"skip" => *mode = ReplyMode::SkipNext,
        _ => return Err(CommandError::Syntax),
    }
    Ok(())
}

fn refuse_more_than_four(args: &[&[u8]]) -> CommandResult {
    if args.len() > 4 {
        let name = kora_core::text::of(args[1]).into_owned();
        return Err(CommandError::SubcommandForm(name, "CLIENT"));
    }
    Ok(())
}

fn pause(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    refuse_more_than_four(args)?;
    let mode = match args.get(3).map(|mode| mode.to_ascii_lowercase()).as_deref() {
        None | Some(b"all") => PauseMode::All,
        Some(b"write") => PauseMode::Write,
        Some(_) => return Err(CommandError::text("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let until = timeout_ms(args[2], call.now)?.unwrap_or(call.now);
    call.engine.pause.begin(until, mode, call.now);
    call.engine.send_all(|| Mail::PauseChanged);
    call.reply().ok();
    Ok(())
}

fn unpause(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    call.engine.pause.end();
    call.engine.send_all(|| Mail::PauseChanged);
    call.reply().ok();
    Ok(())
}

fn unblock(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    refuse_more_than_four(args)?;
    let with_error = match args.get(3).map(|reason| reason.to_ascii_lowercase()).as_deref() {
        None | Some(b"timeout") => false,
        Some(b"error") => true,
        Some(_) => return Err(CommandError::text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    let id = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    let client = u64::try_from(id).ok().and_then(|id| call.front.clients.get(ClientId(id)));
    let is_ended = client.as_ref().is_some_and(|client| client.end_wait());
    if let Some(client) = client.filter(|_| is_ended) {
        let origin = client.origin();
        call.engine.hub.send_driver_mail(origin.worker, Mail::Unblock(origin, with_error));
        if with_error {
            count_as_failed(call, args);
        }
    }
    call.reply().integer(is_ended.into());
    Ok(())
}

/// Counts the command as failed, as Redis and Valkey do where it gives an error to another client.
fn count_as_failed(call: &Call<'_>, args: &[&[u8]]) {
    if let Ok(command) = call.engine.table.named(args) {
        add(&call.engine.counters.of(call.worker).commands[command.id].failed, 1);
    }
}
