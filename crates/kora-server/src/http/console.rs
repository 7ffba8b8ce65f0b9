//! The console: a page for an operator, and what it asks for.
//!
//! The page and its parts are embedded, and load nothing from elsewhere. What it shows of keys, clients and settings it asks for by commands, each of which
//! runs as any client's would, over a connection of the console's own, under the rights of the user who has logged in. Where the first user
//! needs no password nobody need log in, and the console only reads.
//!
//! A browser may be made to ask by other pages. So requests must name a host that is ours ([`door`]), those that do something must come from our page
//! (`Origin`), and the token of a session is in a cookie that other pages neither see nor send.

mod assets;
mod door;
mod json;
mod judge;
mod link;
mod live;
mod sessions;

use std::os::fd::AsFd;
use std::time::Instant;

use kora_acl::users::DEFAULT;
use kora_engine::entropy;
use kora_http::{Request, Response, Ticket};
use serde_json::{Value, json};

use crate::command::ServerCall;
use crate::shared::Shared;
use link::{Answer, Link, Question};
use sessions::{LoggedIn, Sessions};

/// Commands that are asked for at a time.
const COMMANDS_MAX: usize = 1024;

/// What those are told whose session is gone.
const ENDED: &str = "the session has ended: log in again";

/// A command's name and arguments.
type Command = Vec<Vec<u8>>;

/// The cookie that holds a session's token: its name but for the port. Cookies are by host, and a host may have several servers.
const COOKIE: &str = "kora_console";

fn cookie_name(shared: &Shared) -> String {
    format!("{COOKIE}_{}", shared.config().metrics.port)
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Console {
    sessions: Sessions,
}

/// Who asks.
enum Caller {
    /// One who has logged in, under a token.
    User { token: String, name: String, may_write: bool },
    /// One who had logged in: the session has ended.
    Former,
    /// One who need not.
    Anybody,
    /// One who has to.
    Stranger,
}

impl Console {
    /// Answers a request; none if the answer comes later.
    pub(super) fn answer(
        &mut self,
        call: ServerCall<'_>,
        request: &Request,
        ticket: Ticket,
    ) -> Option<Response> {
        let shared = call.front;
        if let Err(refusal) = door::admit(shared, request) {
            return Some(refusal);
        }
        let is_read = matches!(request.method.as_str(), "GET" | "HEAD");
        if let Some(asset) = assets::find(&request.path) {
            return Some(if is_read { asset } else { not_for("GET, HEAD") });
        }
        let is_post = request.method == "POST";
        match request.path.as_str() {
            "/api/session" | "/api/live" if !is_read => Some(not_for("GET, HEAD")),
            "/api/login" | "/api/logout" | "/api/command" if !is_post => Some(not_for("POST")),
            "/api/session" => Some(self.session(shared, request)),
            "/api/live" => Some(self.live(call, request)),
            "/api/login" => self.log_in(shared, request, ticket),
            "/api/logout" => Some(self.log_out(shared, request)),
            "/api/command" => self.command(shared, request, ticket),
            _ => Some(failure(404, "there is nothing here")),
        }
    }

    /// Links that are waited for.
    pub(super) fn links(&self) -> Vec<kora_http::Link<'_>> {
        self.sessions.links().map(watch).collect()
    }

    /// When the next of them is late.
    pub(super) fn due(&self) -> Option<Instant> {
        self.sessions.links().filter_map(Link::due).min()
    }

    /// Goes on with what was asked.
    pub(super) fn go_on(&mut self, shared: &Shared, answer: &mut dyn FnMut(Ticket, Response)) {
        let mut answers = Vec::new();
        self.sessions.go_on(&mut answers);
        for Answer { ticket, replies } in answers {
            answer(
                ticket,
                match replies {
                    Ok(replies) => {
                        let mut body = b"{\"replies\":".to_vec();
                        json::put_list(&replies, &mut body);
                        body.push(b'}');
                        api(200, body)
                    }
                    Err(told) => failure(told.told().0, told.told().1),
                },
            );
        }
        let needs_password = |name: &str| {
            shared
                .engine
                .access
                .read(|users| users.get(name.as_bytes()).is_some_and(|user| !user.needs_no_password()))
        };
        for outcome in self.sessions.go_on_with_logins(|| entropy::id().ok(), needs_password) {
            match outcome {
                LoggedIn::Yes { ticket, token, user } => {
                    tracing::info!("{user} has logged in to the console");
                    let name = cookie_name(shared);
                    let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict");
                    answer(ticket, object(200, &json!({ "user": user })).with("Set-Cookie", cookie));
                }
                LoggedIn::No { ticket, reason } => {
                    tracing::warn!("a login to the console has failed");
                    answer(ticket, failure(401, &reason));
                }
            }
        }
    }

    fn caller(&mut self, shared: &Shared, request: &Request) -> Caller {
        if let Some(token) = token_of(shared, request) {
            // Whoever was sent away does not go on as somebody else without being told.
            let Some(session) = self.sessions.find(&token) else { return Caller::Former };
            return Caller::User { token, name: session.user.clone(), may_write: session.may_write };
        }
        if is_open(shared, request) { Caller::Anybody } else { Caller::Stranger }
    }

    fn session(&mut self, shared: &Shared, request: &Request) -> Response {
        let caller = self.caller(shared, request);
        let has_ended = matches!(caller, Caller::Former);
        let (mode, user) = match caller {
            Caller::User { name, may_write: true, .. } => ("user", name),
            Caller::User { name, may_write: false, .. } => ("reader", name),
            Caller::Anybody => ("anybody", name_of_default()),
            // The answer ends the cookie.
            Caller::Former if is_open(shared, request) => ("anybody", name_of_default()),
            Caller::Former | Caller::Stranger => ("stranger", String::new()),
        };
        let config = shared.config();
        let told = object(
            200,
            &json!({ "mode": mode, "user": user, "databases": config.databases,
                     "version": env!("CARGO_PKG_VERSION"), "port": config.port }),
        );
        if has_ended { told.with("Set-Cookie", no_cookie(shared)) } else { told }
    }

    fn live(&mut self, call: ServerCall<'_>, request: &Request) -> Response {
        match self.caller(call.front, request) {
            Caller::Stranger => failure(401, "log in first"),
            Caller::Former => failure(401, ENDED),
            Caller::User { .. } | Caller::Anybody => api(200, live::text(call)),
        }
    }

    fn log_in(&mut self, shared: &Shared, request: &Request, ticket: Ticket) -> Option<Response> {
        let words: Option<Value> = serde_json::from_slice(&request.body).ok();
        let word = |name: &str| Some(words.as_ref()?.get(name)?.as_str()?.to_owned());
        let Some(password) = word("password") else {
            return Some(failure(400, "a login is {\"user\": ..., \"password\": ...}"));
        };
        let user = word("user").filter(|user| !user.is_empty());
        let user = user.unwrap_or_else(name_of_default);
        if self.sessions.is_crowded() {
            return Some(failure(429, "too many logins: wait a minute"));
        }
        match connect(shared, request) {
            Ok(link) => {
                // The session that the browser had would go on without anybody who could end it.
                token_of(shared, request).into_iter().for_each(|token| self.sessions.end(&token));
                self.sessions.log_in(ticket, user, &password, link);
                None
            }
            Err(error) => Some(failure(503, &error.to_string())),
        }
    }

    fn log_out(&mut self, shared: &Shared, request: &Request) -> Response {
        token_of(shared, request).into_iter().for_each(|token| self.sessions.end(&token));
        object(200, &json!({})).with("Set-Cookie", no_cookie(shared))
    }

    fn command(&mut self, shared: &Shared, request: &Request, ticket: Ticket) -> Option<Response> {
        let caller = self.caller(shared, request);
        let may_write = match &caller {
            Caller::User { may_write, .. } => *may_write,
            Caller::Anybody => false,
            Caller::Stranger => return Some(failure(401, "log in first")),
            Caller::Former => return Some(failure(401, ENDED)),
        };
        let (db, commands) = match read_commands(&request.body, shared.config().databases) {
            Ok(read) => read,
            Err(reason) => return Some(failure(400, reason)),
        };
        if let Some(reason) = commands.iter().find_map(|args| judge::refusal(shared, args, may_write)) {
            return Some(failure(403, &reason));
        }
        let link = match caller {
            Caller::User { token, .. } => self.sessions.find(&token)?.link(),
            Caller::Anybody | Caller::Stranger | Caller::Former => {
                let place = self.sessions.anonymous(is_local(request));
                if place.is_none() {
                    match connect(shared, request) {
                        Ok(mut link) => {
                            let hello = ["HELLO", "3", "SETNAME", "kora-console"];
                            let hello = hello.map(|word| word.as_bytes().to_vec()).to_vec();
                            // A new link takes a question, and nobody waits for this answer.
                            let _ =
                                link.ask(Question { ticket: Ticket::NOBODY, db: 0, commands: vec![hello] });
                            *place = Some(link);
                        }
                        Err(error) => return Some(failure(503, &error.to_string())),
                    }
                }
                place.as_mut()?
            }
        };
        match link.ask(Question { ticket, db, commands }) {
            Ok(()) => None,
            Err(told) => Some(failure(told.told().0, told.told().1)),
        }
    }
}

fn watch(link: &Link) -> kora_http::Link<'_> {
    kora_http::Link { descriptor: link.stream().as_fd(), reads: true, writes: link.writes() }
}

/// Whether one need not log in: as clients need not.
fn is_open(shared: &Shared, request: &Request) -> bool {
    let is_protected = shared.config().protected_mode && !is_local(request);
    shared.engine.access.default_user().is_open() && !is_protected
}

fn is_local(request: &Request) -> bool {
    request.peer.ip().to_canonical().is_loopback()
}

fn connect(shared: &Shared, request: &Request) -> std::io::Result<Link> {
    shared.connect_inside(&request.peer, request.local).map(Link::new)
}

fn token_of(shared: &Shared, request: &Request) -> Option<String> {
    let name = cookie_name(shared);
    let mut cookies = request.header("cookie")?.split(';');
    cookies.find_map(|cookie| Some(cookie.trim().strip_prefix(&*name)?.strip_prefix('=')?.to_owned()))
}

/// Has a browser forget the token of a session.
fn no_cookie(shared: &Shared) -> String {
    format!("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0", cookie_name(shared))
}

fn name_of_default() -> String {
    String::from_utf8_lossy(DEFAULT).into_owned()
}

/// The database and the commands of a request's body.
fn read_commands(body: &[u8], databases: u16) -> Result<(u16, Vec<Command>), &'static str> {
    const FORM: &str = "commands are {\"db\": 0, \"commands\": [[\"PING\"]]}";
    let body: Value = serde_json::from_slice(body).map_err(|_| FORM)?;
    let db = body.get("db").map_or(Some(0), Value::as_u64).ok_or(FORM)?;
    let db = u16::try_from(db).ok().filter(|db| *db < databases).ok_or("there is no such database")?;
    let commands = body.get("commands").and_then(Value::as_array).ok_or(FORM)?;
    if commands.is_empty() || commands.len() > COMMANDS_MAX {
        return Err("from one to 1024 commands can be asked for at a time");
    }
    let read = |args: &Value| -> Option<Command> {
        let args: Vec<_> = args.as_array()?.iter().map(json::argument).collect::<Option<_>>()?;
        (!args.is_empty()).then_some(args)
    };
    let commands = commands.iter().map(read).collect::<Option<Vec<_>>>().ok_or(FORM)?;
    Ok((db, commands))
}

fn api(status: u16, body: Vec<u8>) -> Response {
    Response::new(status, "application/json", body).with("Cache-Control", "no-store")
}

fn object(status: u16, value: &Value) -> Response {
    api(status, value.to_string().into_bytes())
}

fn failure(status: u16, reason: &str) -> Response {
    object(status, &json!({ "error": reason }))
}

fn not_for(allowed: &'static str) -> Response {
    failure(405, "that method is not for this").with("Allow", allowed)
}
