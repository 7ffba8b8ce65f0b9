//! Commands about the connection they come through: PING, ECHO, QUIT, RESET, HELLO, AUTH, SELECT.

use std::sync::atomic::Ordering;

use kora_acl::log::{Place, Reason, Refusal};
use kora_acl::users::DEFAULT;
use kora_core::command::spec::CommandSpec;
use kora_core::db::DbIndex;
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use kora_core::reply::Reply;
use kora_engine::REDIS_VERSION;
use kora_protocol::Resp;

use super::{Call, Handler, ServerCall, facts};
use crate::shared::client::flag;
use crate::shared::connection::{become_user, close_after_output};
use kora_engine::command::{monitor, subscription};
use kora_engine::front::Front as _;
use kora_engine::session::ReplyMode;

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<Handler>] = &[
    CommandSpec { facts: facts::AUTH, handler: Handler::Session(auth) },
    CommandSpec { facts: facts::ECHO, handler: Handler::Server(echo) },
    CommandSpec { facts: facts::HELLO, handler: Handler::Session(hello) },
    CommandSpec { facts: facts::PING, handler: Handler::Either(ping_connection, ping) },
    CommandSpec { facts: facts::QUIT, handler: Handler::Session(quit) },
    CommandSpec { facts: facts::RESET, handler: Handler::Session(reset) },
    CommandSpec { facts: facts::SELECT, handler: Handler::Session(select) },
];

fn ping(_: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    match args {
        [_] => out.simple("PONG"),
        [_, message] => out.bulk(message),
        _ => return Err(CommandError::Arity("ping".into())),
    }
    Ok(())
}

/// PING on a connection, which tells one that is in subscribe mode in the form of a message.
fn ping_connection(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    if args.len() > 2 || !call.session.is_in_subscribe_mode() {
        return call.run_server(args, ping);
    }
    let mut out = call.reply();
    out.array(2);
    out.bulk(b"pong");
    out.bulk(args.get(1).copied().unwrap_or_default());
    Ok(())
}

fn echo(_: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    out.bulk(args[1]);
    Ok(())
}

fn quit(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    call.reply().ok();
    close_after_output(call.session);
    Ok(())
}

/// Puts the connection into the state of a new one, save for what its library calls itself.
fn reset(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    monitor::end(call);
    subscription::end_all(call);
    call.end_transaction();
    let user = call.engine.access.default_user();
    let is_open = user.is_open();
    become_user(call.session, call.front, user, is_open);
    let session = &mut call.session;
    session.choice.db = DbIndex(0);
    session.choice.no_touch = false;
    if session.choice.reply_mode != ReplyMode::Skip {
        // Where this reply is the one left out, it stays so.
        session.choice.reply_mode = ReplyMode::On;
    }
    super::client::tracking::end(call);
    set_resp(call, Resp::V2);
    let client = &call.session.client;
    client.set_flag(flag::NO_EVICT | flag::NO_TOUCH, false);
    client.text.lock().name.clear();
    call.reply().simple("RESET");
    Ok(())
}

fn select(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    call.session.choice.db = parse_db(args[1], call.front.config().databases)?;
    call.reply().ok();
    Ok(())
}

/// The database that SELECT names.
fn parse_db(text: &[u8], database_count: u16) -> CommandResult<DbIndex> {
    let index = parse_i64(text).ok_or(CommandError::NotInteger)?;
    if i32::try_from(index).is_err() {
        return Err(CommandError::text(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        ));
    }
    let db = u16::try_from(index).ok().filter(|&index| index < database_count);
    db.map(DbIndex).ok_or(CommandError::DbIndex)
}

fn auth(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    match args {
        [_, _] if call.engine.access.default_user().needs_no_password() => Err(CommandError::text(
            "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
             configuration is correct?",
        )),
        [name, password] => authenticate(call, name, (DEFAULT, password)),
        [name, user, password] => authenticate(call, name, (user, password)),
        _ => Err(CommandError::Syntax),
    }?;
    call.reply().ok();
    Ok(())
}

/// What HELLO asks for.
#[derive(Debug, Default)]
struct Hello<'a> {
    resp: Option<Resp>,
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn parse_hello<'a>(args: &[&'a [u8]]) -> CommandResult<Hello<'a>> {
    let mut hello = Hello::default();
    let [_, version, options @ ..] = args else { return Ok(hello) };
    let mut options = options;
    hello.resp = Some(parse_resp(version)?);
    while let Some(option) = options.first() {
        match options {
            [_, user, password, rest @ ..] if option.eq_ignore_ascii_case(b"AUTH") => {
                hello.credentials = Some((*user, *password));
                options = rest;
            }
            [_, wanted, rest @ ..] if option.eq_ignore_ascii_case(b"SETNAME") => {
                hello.name = Some(*wanted);
                options = rest;
            }
            _ => {
                let option = kora_core::text::of(option);
                return Err(CommandError::Other(
                    format!("ERR Syntax error in HELLO option '{option}'").into(),
                ));
            }
        }
    }
    Ok(hello)
}

fn hello(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let Hello { resp, credentials, name } = parse_hello(args)?;
    if let Some(name) = name {
        super::client::check_name(name)?;
    }
    if let Some(credentials) = credentials {
        authenticate(call, args[0], credentials)?;
    }
    if !call.session.choice.is_authenticated {
        return Err(CommandError::text(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the \
             same time",
        ));
    }
    if let Some(name) = name {
        call.session.client.text.lock().name = name.to_vec();
    }
    let resp = resp.unwrap_or(call.session.choice.style.resp);
    set_resp(call, resp);
    describe_server(call);
    Ok(())
}

fn parse_resp(version: &[u8]) -> CommandResult<Resp> {
    match parse_i64(version) {
        Some(2) => Ok(Resp::V2),
        Some(3) => Ok(Resp::V3),
        Some(_) => Err(CommandError::text("NOPROTO unsupported protocol version")),
        None => Err(CommandError::text("ERR Protocol version is not an integer or out of range")),
    }
}

fn describe_server(call: &mut Call<'_>) {
    let version = if call.session.choice.style.resp == Resp::V3 { 3 } else { 2 };
    let id = i64::try_from(call.session.client.id.0).expect("clients are numbered from 1");
    let mut out = call.reply();
    out.map(7);
    for (field, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        out.bulk(field.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"proto");
    out.integer(version);
    out.bulk(b"id");
    out.integer(id);
    for (field, value) in [("mode", "standalone"), ("role", "master")] {
        out.bulk(field.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"modules");
    super::module::write_modules(&mut out);
}

/// Chooses the version of the protocol for all replies from now on.
fn set_resp(call: &mut Call<'_>, resp: Resp) {
    call.session.choice.style.resp = resp;
    let version = if resp == Resp::V3 { 3 } else { 2 };
    call.session.client.resp.store(version, Ordering::Relaxed);
    super::client::tracking::note_style(call);
}

/// Checks a user's password. `command` is the name under which that is asked for.
fn authenticate(call: &mut Call<'_>, command: &[u8], (name, password): (&[u8], &[u8])) -> CommandResult {
    if let Some(user) = call.engine.access.authenticate(name, password) {
        become_user(call.session, call.front, user, true);
        return Ok(());
    }
    let place = if call.session.is_executing { Place::Multi } else { Place::TopLevel };
    call.engine.access.note(Refusal {
        reason: Reason::Auth,
        place,
        object: command.to_vec(),
        user: name.to_vec(),
        client: call.front.client_line(&call.session.client, call.now),
        at_ms: call.now.0,
    });
    Err(CommandError::text("WRONGPASS invalid username-password pair or user is disabled."))
}
