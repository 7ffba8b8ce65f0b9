//! MIGRATE: keys that move to another server, whole and in one piece.
//!
//! The stores of the keys stay in hand until the other server has answered, so that nobody sees a key in both places or in
//! none. A thread talks to the other server; meanwhile the command stands aside, and its worker serves whoever does not need
//! these stores.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use kora_core::command::keys::{InvalidKeys, Keys, push};
use kora_core::command::spec::{
    Arg, BeginSearch, Categories, CommandSpec, Facts, FindKeys, Flags, Group, KeyFlags, KeySpec, Route,
};
use kora_core::context::{Ctx, Resumed};
use kora_core::error::{CommandError, CommandResult};
use kora_core::hand::Hand;
use kora_core::journal::EventClass;
use kora_core::number::parse_i64;
use kora_core::rdb::dump::dump;
use kora_core::reply::Reply;

/// How long an operation of the network may take if nothing better is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a worker looks for the answer before it does something else.
const PATIENCE: Duration = Duration::from_micros(100);

/// Longest line of an answer that is read.
const LINE_BYTES_MAX: usize = 64 * 1024;

const WRITING: &str = "IOERR error or timeout writing to target instance";

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
struct Wish<'a> {
    keys: &'a [&'a [u8]],
    copies: bool,
    job: Job,
}

/// What the thread does.
#[derive(Debug)]
struct Job {
    host: String,
    port: u16,
    db: i64,
    timeout: Duration,
    replaces: bool,
    /// AUTH with its arguments, if it is to be sent.
    auth: Option<Vec<Vec<u8>>>,
    items: Vec<Moved>,
}

/// A key on its way.
#[derive(Debug)]
struct Moved {
    key: Vec<u8>,
    ttl_ms: i64,
    payload: Vec<u8>,
}

/// What came of it: the keys that the other server has taken, and what went wrong.
#[derive(Debug, Default)]
struct Outcome {
    taken: Vec<Vec<u8>>,
    error: Option<String>,
}

fn parse<'a>(args: &'a [&'a [u8]]) -> CommandResult<Wish<'a>> {
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
    let job = Job {
        host: String::from_utf8_lossy(args[1]).into_owned(),
        // One that is none can't be connected to.
        port: parse_i64(args[2]).and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
        db,
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
        replaces,
        auth,
        items: Vec::new(),
    };
    Ok(Wish { keys, copies, job })
}

fn migrate(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let Wish { keys, copies, mut job } = parse(args)?;
    let (now, compress) = (ctx.now, ctx.config().compresses_dumps);
    for key in keys {
        let mut keyspace = ctx.keyspace(key);
        let Some(entry) = keyspace.read(key) else { continue };
        let ttl_ms = entry.expiry().map_or(0, |at| (at.0 - now.0).max(1));
        job.items.push(Moved { key: key.to_vec(), ttl_ms, payload: dump(entry, compress) });
    }
    if job.items.is_empty() {
        out.simple("NOKEY");
        return Ok(());
    }
    if !ctx.may_defer() {
        return conclude(ctx, &job.run(), copies, out);
    }
    let (sender, outcome) = bounded(1);
    let body = move || {
        // If the command is gone, so is the server.
        let _ = sender.send(job.run());
    };
    let thread = kora_engine::threads::spawn("kora-migrate", body);
    thread.map_err(|error| CommandError::Other(format!("ERR no thread: {error}").into()))?;
    let mut hand = Hand::default();
    hand.fill(ctx);
    UNDER_WAY.with_borrow_mut(|under_way| *under_way = Some(UnderWay { hand, outcome, copies }));
    ctx.pause(go_on);
    Ok(())
}

/// A command that stands aside.
struct UnderWay {
    hand: Hand,
    outcome: Receiver<Outcome>,
    copies: bool,
}

thread_local! {
    /// The command of this worker that stands aside: the stores it needs are with it, so there is no other.
    static UNDER_WAY: RefCell<Option<UnderWay>> = const { RefCell::new(None) };
}

fn go_on(ctx: &mut Ctx<'_>, out: &mut dyn Reply) -> Resumed {
    let Some(mut under_way) = UNDER_WAY.take() else {
        return Resumed::Done(Err(CommandError::text("ERR the command was lost")));
    };
    let outcome = match under_way.outcome.recv_timeout(PATIENCE) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => {
            UNDER_WAY.set(Some(under_way));
            return Resumed::Paused;
        }
        Err(RecvTimeoutError::Disconnected) => {
            Outcome { error: Some("ERR the thread of MIGRATE has died".to_owned()), ..Outcome::default() }
        }
    };
    under_way.hand.empty(ctx);
    Resumed::Done(conclude(ctx, &outcome, under_way.copies, out))
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

impl Job {
    /// Sends the keys, and tells which were taken.
    fn run(self) -> Outcome {
        let mut outcome = Outcome::default();
        if let Err(error) = self.talk(&mut outcome) {
            outcome.error = Some(error);
        }
        outcome
    }

    fn talk(&self, outcome: &mut Outcome) -> Result<(), String> {
        let mut stream = self.connect().map_err(|error| match error.kind() {
            // What Redis finds out when it writes.
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => WRITING.to_owned(),
            _ => "IOERR error or timeout connecting to the client".to_owned(),
        })?;
        stream.write_all(&self.request()).map_err(|_| WRITING.to_owned())?;
        let mut answers = Answers { stream, buffer: Vec::new() };
        let mut next =
            || answers.next().map_err(|_| "IOERR error or timeout reading from target instance".to_owned());
        if self.auth.is_some() {
            refused(&next()?)?;
        }
        // A key that went into another database than the chosen one has not been moved.
        let mut result = refused(&next()?);
        let is_selected = result.is_ok();
        for item in &self.items {
            kora_engine::memory::tell_if_much();
            match refused(&next()?) {
                Ok(()) if is_selected => outcome.taken.push(item.key.clone()),
                Ok(()) => {}
                // Of several errors the first is told.
                Err(error) => result = result.and(Err(error)),
            }
        }
        result
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in (&*self.host, self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(self.timeout))?;
                    stream.set_write_timeout(Some(self.timeout))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// All commands in one go.
    fn request(&self) -> Vec<u8> {
        let mut request = Vec::new();
        if let Some(auth) = &self.auth {
            push_command(&mut request, &auth.iter().map(|arg| &arg[..]).collect::<Vec<_>>());
        }
        push_command(&mut request, &[b"SELECT", self.db.to_string().as_bytes()]);
        for Moved { key, ttl_ms, payload } in &self.items {
            let ttl = ttl_ms.to_string();
            let args: [&[u8]; 5] = [b"RESTORE", key, ttl.as_bytes(), payload, b"REPLACE"];
            push_command(&mut request, if self.replaces { &args } else { &args[..4] });
        }
        request
    }
}

fn push_command(request: &mut Vec<u8>, args: &[&[u8]]) {
    request.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
    for arg in args {
        request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        request.extend_from_slice(arg);
        request.extend_from_slice(b"\r\n");
    }
}

/// An error if the other server has answered with one.
fn refused(answer: &str) -> Result<(), String> {
    match answer.strip_prefix('-') {
        Some(error) => Err(format!("ERR Target instance replied with error: {error}")),
        None => Ok(()),
    }
}

/// Answers of one line each, which is what the commands sent here have.
struct Answers {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Answers {
    fn next(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.buffer.extend_from_slice(&chunk[..count]),
            }
        }
    }
}
