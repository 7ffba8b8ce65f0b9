//! MIGRATE: keys that move to another server, whole and in one piece.
//!
//! The stores of the keys stay in hand until the other server has answered, so that nobody sees a key in both places or in
//! none. The worker's links talk to it; meanwhile the command stands aside, and its worker serves whoever does not need
//! these stores. What is said, and what follows from the answers, is in [`exchange`].

mod exchange;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use kora_core::command::keys::{InvalidKeys, Keys, push};
use kora_core::command::spec::{
    Arg, BeginSearch, Categories, CommandSpec, Facts, FindKeys, Flags, Group, KeyFlags, KeySpec, Route,
};
use kora_core::context::moved::MovedContext;
use kora_core::context::{Ctx, Resumed};
use kora_core::error::{CommandError, CommandResult};
use kora_core::journal::EventClass;
use kora_core::number::parse_i64;
use kora_core::rdb::dump::dump;
use kora_core::reply::Reply;

use crate::net::Poller;
use crate::net::links::{self, Links, Remote};
use crate::net::tls::Security;
use crate::shared::Shared;
use exchange::{Exchange, Outcome, Request, Target};

/// How long an operation of the network may take if nothing better is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// Every worker has links.
const NO_LINKS: CommandError = CommandError::text("ERR this thread has no connections to other servers");

const MOVED: KeyFlags = KeyFlags::RW.access().delete();

pub(super) const MIGRATE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "migrate",
        arity: -6,
        flags: Flags::WRITE.with(Flags::MOVABLEKEYS),
        categories: Categories::KEYSPACE.with(Categories::DANGEROUS),
        group: Group::Generic,
        route: Route::Script,
        keys: &[
            KeySpec::one(MOVED, 3),
            KeySpec {
                flags: KeyFlags::RW.access().delete().incomplete(),
                begin: BeginSearch::Keyword("KEYS", -2),
                find: FindKeys::Range { last: -1, step: 1, limit: 0 },
                notes: None,
            },
        ],
        key_finder: Some(find_keys),
        secrets: Some(is_secret),
        since: "2.6.0",
        summary: "Moves keys to another server, atomically",
        complexity: "O(N) with N bytes of the values, as for DUMP, the other server's RESTORE and DEL",
        args: &[
            Arg::string("host"),
            Arg::integer("port"),
            Arg::one_of("key-selector", &[Arg::key("key").spec(0), Arg::word("empty-string", "")]),
            Arg::integer("destination-db"),
            Arg::integer("timeout"),
            Arg::word("copy", "COPY").optional().since("3.0.0"),
            Arg::word("replace", "REPLACE").optional().since("3.0.0"),
            Arg::one_of(
                "authentication",
                &[
                    Arg::string("auth").display("password").token("AUTH").since("4.0.7"),
                    Arg::block("auth2", &[Arg::string("username"), Arg::string("password")])
                        .token("AUTH2")
                        .since("6.0.0"),
                ],
            )
            .optional(),
            Arg::key("keys").display("key").spec(1).token("KEYS").optional().multiple().since("3.0.6"),
        ],
        history: &[
            ("3.0.0", "Options `COPY` and `REPLACE`"),
            ("3.0.6", "Option `KEYS`"),
            ("4.0.7", "Option `AUTH`"),
            ("6.0.0", "Option `AUTH2`"),
        ],
        tips: &["nondeterministic_output"],
        ..Facts::NONE
    },
    handler: migrate,
};

/// Finds the one key, or those behind the word KEYS, as the command does: a password or a key may be called so, too.
fn find_keys(args: &[&[u8]], keys: &mut Keys) -> Result<(), InvalidKeys> {
    let mut at = 6;
    while let Some(word) = args.get(at) {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        at += 1;
        if is(b"KEYS") {
            if !args[3].is_empty() {
                return Err(InvalidKeys);
            }
            if at == args.len() {
                break;
            }
            return (at..args.len()).try_for_each(|index| push(keys, index, 1, args.len()));
        }
        if is(b"AUTH") {
            at += 1;
        } else if is(b"AUTH2") {
            at += 2;
        }
    }
    push(keys, 3, 0, args.len())
}

/// What is asked for.
#[derive(Debug)]
struct Asked<'a> {
    keys: &'a [&'a [u8]],
    copies: bool,
    replaces: bool,
    target: Target,
}

fn parse<'a>(args: &'a [&'a [u8]]) -> CommandResult<Asked<'a>> {
    let (mut copies, mut replaces, mut auth) = (false, false, None);
    let mut keys = &args[3..4];
    let mut at = 6;
    while at < args.len() {
        let option = args[at].to_ascii_lowercase();
        let rest = args.len() - at - 1;
        match option.as_slice() {
            b"copy" => copies = true,
            b"replace" => replaces = true,
            b"auth" if rest >= 1 => {
                auth = Some(vec![b"AUTH".to_vec(), args[at + 1].to_vec()]);
                at += 1;
            }
            b"auth2" if rest >= 2 => {
                auth = Some(vec![b"AUTH".to_vec(), args[at + 1].to_vec(), args[at + 2].to_vec()]);
                at += 2;
            }
            b"keys" if !args[3].is_empty() => {
                return Err(CommandError::text(
                    "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                ));
            }
            b"keys" => {
                keys = &args[at + 1..];
                at = args.len();
            }
            _ => return Err(CommandError::Syntax),
        }
        at += 1;
    }
    let timeout = parse_i64(args[5]).ok_or(CommandError::NotInteger)?;
    let db = parse_i64(args[4]).ok_or(CommandError::NotInteger)?;
    let timeout = u64::try_from(timeout).ok().filter(|ms| *ms > 0).map(Duration::from_millis);
    let target = Target {
        server: Remote {
            host: String::from_utf8_lossy(args[1]).into_owned(),
            // One that is none can't be connected to.
            port: parse_i64(args[2]).and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
            security: None,
        },
        db,
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
        auth,
    };
    Ok(Asked { keys, copies, replaces, target })
}

/// Whether an argument says who asks the other server.
fn is_secret(args: &[&[u8]], index: usize) -> bool {
    let is = |at: usize, word: &[u8]| args[at].eq_ignore_ascii_case(word);
    let are_keys = |at: usize| (6..at).any(|before| is(before, b"KEYS"));
    (1..=2).any(|distance| {
        index >= 6 + distance && {
            let at = index - distance;
            (is(at, b"AUTH2") || distance == 1 && is(at, b"AUTH")) && !are_keys(at)
        }
    })
}

fn migrate(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let Asked { keys, copies, replaces, mut target } = parse(args)?;
    target.server.security = security(ctx, &target.server.host);
    let (now, compress) = (ctx.now, ctx.config().compresses_dumps);
    let mut request = Request::new(target);
    for key in keys {
        let mut keyspace = ctx.keyspace(key);
        let Some(entry) = keyspace.read(key) else { continue };
        let ttl_ms = entry.expiry().map_or(0, |at| (at.0 - now.0).max(1));
        request.restore(key, ttl_ms, &dump(entry, compress), replaces);
    }
    if request.is_empty() {
        out.simple("NOKEY");
        return Ok(());
    }
    // While a command of this worker stands aside, another one does not; nor does one in a script.
    let may_pause = ctx.may_pause() && UNDER_WAY.with_borrow(Option::is_none);
    let begun = if may_pause {
        links::with(|links| Exchange::begin(request, links, Instant::now())).ok_or(NO_LINKS)?
    } else {
        return conclude(ctx, &run_alone(request), copies, out);
    };
    let mut hand = MovedContext::default();
    hand.fill(ctx);
    UNDER_WAY.set(Some(UnderWay { hand, exchange: begun, copies }));
    ctx.pause(go_on);
    Ok(())
}

/// How connections to other servers are encrypted, if they are.
fn security(ctx: &Ctx<'_>, host: &str) -> Option<Security> {
    let shared = ctx.services.get::<Shared>()?;
    Some(Security::new(shared.config().contexts.client.clone()?, host))
}

/// A command that stands aside.
struct UnderWay {
    hand: MovedContext,
    exchange: Exchange,
    copies: bool,
}

thread_local! {
    /// The command of this worker that stands aside.
    static UNDER_WAY: RefCell<Option<UnderWay>> = const { RefCell::new(None) };
}

/// Looks whether the other server has answered. Its worker is woken when something comes from it, or its time is over.
fn go_on(ctx: &mut Ctx<'_>, out: &mut dyn Reply) -> Resumed {
    let Some(mut under_way) = UNDER_WAY.take() else {
        return Resumed::Done(Err(CommandError::text("ERR the command was lost")));
    };
    let Some(progress) = links::with(|links| under_way.exchange.go_on(links, Instant::now())) else {
        under_way.hand.empty(ctx);
        return Resumed::Done(Err(NO_LINKS));
    };
    let Some(outcome) = progress else {
        UNDER_WAY.set(Some(under_way));
        return Resumed::Waiting;
    };
    under_way.hand.empty(ctx);
    Resumed::Done(conclude(ctx, &outcome, under_way.copies, out))
}

/// Talks to the other server while the worker does nothing else: in a script, which does not stand aside within a command.
fn run_alone(request: Request) -> Outcome {
    let talk = || -> std::io::Result<Outcome> {
        let mut poller = Poller::new()?;
        let mut links = Links::new(&poller)?;
        let mut exchange = Exchange::begin(request, &mut links, Instant::now());
        let mut ready = Vec::new();
        loop {
            let now = Instant::now();
            ready.drain(..).for_each(|ready| links.note_ready(ready, now));
            links.run(now);
            if let Some(outcome) = exchange.go_on(&mut links, now) {
                return Ok(outcome);
            }
            poller.wait(links.until_next(now).min(DEFAULT_TIMEOUT), &mut ready)?;
        }
    };
    talk().unwrap_or_else(|error| Outcome { taken: Vec::new(), error: Some(format!("IOERR {error}")) })
}

/// Deletes what the other server has taken, and replies.
fn conclude(ctx: &mut Ctx<'_>, outcome: &Outcome, copies: bool, out: &mut dyn Reply) -> CommandResult {
    if !copies && !outcome.taken.is_empty() {
        let db = ctx.db;
        for key in &outcome.taken {
            let mut keyspace = ctx.keyspace(key);
            if keyspace.delete(key) {
                keyspace.changed(EventClass::GENERIC, "del", key);
            }
        }
        let args: Vec<&[u8]> =
            std::iter::once(&b"DEL"[..]).chain(outcome.taken.iter().map(|key| &key[..])).collect();
        ctx.journal.effect(db, &args);
    }
    match &outcome.error {
        Some(error) => Err(CommandError::Other(error.clone().into())),
        None => {
            out.ok();
            Ok(())
        }
    }
}
