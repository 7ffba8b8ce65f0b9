//! Clients of a real server that keep copies, and others that write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use super::{Key, Received, Write, Writes, check};
use crate::frame::Frame;
use crate::history::Anomaly;
use crate::simulation::random::Random;
use crate::target::Connection as _;
use crate::target::tcp::{TcpConnection, TcpTarget};

/// Keys that clients read and write: few, so that they meet.
const KEYS: Key = 24;

/// Requests that a client sends at once, at most.
const PIPELINE_MAX: usize = 6;

/// Requests of each client in a round, which begins on an empty server.
const ROUND_REQUESTS: usize = 2000;

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Requests in all, at least.
    pub request_count: u64,
    /// Clients that keep copies; half as many only write.
    pub client_count: usize,
    /// Whether some of them hear of prefixes. Redis tells those when all is answered that came together: a reply in front may show what
    /// was written later.
    pub broadcasts: bool,
    /// Decides what the clients send; not when.
    pub seed: u64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// Requests.
    pub requests: u64,
    /// Notices received.
    pub notices: u64,
    /// Copies that were looked at, behind each reply.
    pub copies: u64,
}

/// How a client hears of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Plain,
    OptsOut,
    Broadcast,
}

/// Runs clients against the server at `address`, whose data is lost.
///
/// # Errors
/// At the first copy that is too old, or when a connection fails.
pub fn check_server(address: &str, options: &Options) -> Result<Done, Anomaly> {
    let mut done = Done::default();
    let mut round = 0;
    while done.requests < options.request_count {
        let of_round = check_round(address, options, options.seed.wrapping_add(round))?;
        done.requests += of_round.requests;
        done.notices += of_round.notices;
        done.copies += of_round.copies;
        round += 1;
    }
    Ok(done)
}

fn check_round(address: &str, options: &Options, seed: u64) -> Result<Done, Anomaly> {
    let (start, has_failed) = (Instant::now(), AtomicBool::new(false));
    let mut seeds = Random::new(seed);
    let mut connect = |mode: Option<Mode>| {
        let connection = TcpTarget::new(address).and_then(|target| target.open()).map_err(broken)?;
        let random = Random::new(seeds.bits());
        let mut client = Client {
            connection,
            random,
            start,
            has_failed: &has_failed,
            mode,
            writes: Vec::new(),
            story: Vec::new(),
            request_count: 0,
        };
        client.prepare()?;
        Ok::<_, Anomaly>(client)
    };
    connect(None)?.connection.call(&["FLUSHALL"]).map_err(broken)?;
    let client_count = options.client_count;
    let last = if options.broadcasts { Mode::Broadcast } else { Mode::Plain };
    let modes = [Mode::Plain, Mode::Plain, Mode::OptsOut, last];
    let mut clients = Vec::new();
    for index in 0..client_count {
        clients.push(connect(Some(modes[index % modes.len()]))?);
    }
    for _ in 0..client_count.div_ceil(2) {
        clients.push(connect(None)?);
    }
    let outcomes: Vec<Result<Client<'_>, Anomaly>> = thread::scope(|scope| {
        let threads: Vec<_> = clients.into_iter().map(|client| scope.spawn(|| client.run())).collect();
        threads.into_iter().map(|thread| thread.join().expect("clients do not panic")).collect()
    });
    let mut clients = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let writes: Vec<Write> = clients.iter().flat_map(|client| client.writes.iter().copied()).collect();
    let writes = Writes::new(&writes);
    let mut done = Done::default();
    for client in &mut clients {
        done.requests += client.request_count;
        if client.mode.is_some() {
            // Behind everything: what is left is what the server holds.
            client.exchange(&[Request::Ping])?;
            let is_notice = |received: &&Received| !matches!(received, Received::Reply(..));
            done.notices += client.story.iter().filter(is_notice).count() as u64;
            done.copies += check(&writes, &client.story)?;
        }
    }
    Ok(done)
}

fn broken(error: std::io::Error) -> Anomaly {
    Anomaly(format!("a connection failed: {error}"))
}

/// A request, and what its reply shows.
#[derive(Clone, Debug)]
enum Request {
    Read(Key),
    ReadSome(Vec<Key>),
    /// The same as a transaction of so many replies in front, or as a script.
    ReadAll(Vec<Key>),
    ReadByScript(Vec<Key>),
    Write(Key),
    WriteAll(Vec<Key>),
    Ping,
}

struct Client<'a> {
    connection: TcpConnection,
    random: Random,
    start: Instant,
    has_failed: &'a AtomicBool,
    /// None: it keeps no copies.
    mode: Option<Mode>,
    writes: Vec<Write>,
    story: Vec<Received>,
    request_count: u64,
}

fn name(key: Key) -> String {
    format!("cached:{key}")
}

fn key_of(name: &[u8]) -> Option<Key> {
    std::str::from_utf8(name).ok()?.strip_prefix("cached:")?.parse().ok()
}

impl Client<'_> {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn prepare(&mut self) -> Result<(), Anomaly> {
        let Some(mode) = self.mode else { return Ok(()) };
        let words: &[&str] = match mode {
            Mode::Plain => &["CLIENT", "TRACKING", "ON"],
            Mode::OptsOut => &["CLIENT", "TRACKING", "ON", "OPTOUT"],
            Mode::Broadcast => {
                &["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "cached:1", "PREFIX", "cached:2"]
            }
        };
        for words in [&["HELLO", "3"][..], words] {
            let reply = self.connection.call(words).map_err(broken)?;
            if reply.is_error() {
                return Err(Anomaly(format!("{words:?} was refused: {reply}")));
            }
        }
        Ok(())
    }

    fn run(mut self) -> Result<Self, Anomaly> {
        for _ in 0..ROUND_REQUESTS / PIPELINE_MAX {
            if self.has_failed.load(Ordering::Relaxed) {
                break;
            }
            let count = 1 + self.random.below(PIPELINE_MAX);
            let requests: Vec<Request> = (0..count).map(|_| self.request()).collect();
            if let Err(anomaly) = self.exchange(&requests) {
                self.has_failed.store(true, Ordering::Relaxed);
                return Err(anomaly);
            }
        }
        Ok(self)
    }

    /// Keys of which the client is told: one that hears of prefixes keeps no others.
    fn key(&mut self) -> Key {
        loop {
            let key = self.random.below(KEYS);
            if self.mode != Some(Mode::Broadcast) || matches!(name(key).as_bytes()[7], b'1' | b'2') {
                return key;
            }
        }
    }

    fn keys(&mut self) -> Vec<Key> {
        let count = 2 + self.random.below(3);
        (0..count).map(|_| self.key()).collect()
    }

    fn request(&mut self) -> Request {
        let kind = self.random.below(if self.mode.is_some() { 16 } else { 4 });
        match kind {
            0 => Request::Write(self.key()),
            1 if self.mode.is_none() => Request::WriteAll(self.keys()),
            2 | 3 if self.mode.is_none() => Request::Write(self.key()),
            1 => Request::Ping,
            2..=4 => Request::ReadSome(self.keys()),
            5 => Request::ReadAll(self.keys()),
            6 => Request::ReadByScript(self.keys()),
            _ => Request::Read(self.key()),
        }
    }

    /// Sends requests at once, and notes all that comes until the last is answered.
    fn exchange(&mut self, requests: &[Request]) -> Result<(), Anomaly> {
        let sent = self.now();
        let mut bytes = Vec::new();
        requests.iter().for_each(|request| request.encode(&mut bytes));
        self.connection.send_raw(&bytes).map_err(broken)?;
        for request in requests {
            let mut reply = self.reply()?;
            for _ in 0..request.replies_in_front() {
                reply = self.reply()?;
            }
            self.note(request, sent, &reply)?;
            self.request_count += 1;
        }
        Ok(())
    }

    /// The next reply; notices in front of it are noted.
    fn reply(&mut self) -> Result<Frame, Anomaly> {
        loop {
            let frame = self.connection.receive().map_err(broken)?;
            if frame.kind() != b'>' {
                return Ok(frame);
            }
            let [kind, keys] = frame.items() else {
                return Err(Anomaly(format!("{frame} is no notice")));
            };
            if kind.bytes() != b"invalidate" {
                return Err(Anomaly(format!("{frame} is no notice")));
            }
            if keys.kind() == b'_' {
                self.story.push(Received::AllVoid);
            }
            let void = keys.items().iter().filter_map(|key| key_of(key.bytes())).map(Received::Void);
            self.story.extend(void);
        }
    }

    fn note(&mut self, request: &Request, sent: u64, reply: &Frame) -> Result<(), Anomaly> {
        let acknowledged = self.now();
        let wrong = || Anomaly(format!("{request:?} was answered {reply}"));
        let mut shown = Vec::new();
        match request {
            Request::Read(key) => shown.push((*key, version(reply).ok_or_else(wrong)?)),
            Request::ReadSome(keys) | Request::ReadAll(keys) | Request::ReadByScript(keys) => {
                if reply.items().len() != keys.len() {
                    return Err(wrong());
                }
                for (key, item) in keys.iter().zip(reply.items()) {
                    shown.push((*key, version(item).ok_or_else(wrong)?));
                }
            }
            Request::Write(key) => {
                let version = version(reply).ok_or_else(wrong)?;
                self.writes.push(Write { key: *key, version, sent, acknowledged });
            }
            Request::WriteAll(keys) => {
                for (key, item) in keys.iter().zip(reply.items()) {
                    let version = version(item).ok_or_else(wrong)?;
                    self.writes.push(Write { key: *key, version, sent, acknowledged });
                }
            }
            Request::Ping => {}
        }
        if self.mode.is_some() {
            self.story.push(Received::Reply(sent, shown));
        }
        Ok(())
    }
}

/// What a value shows; 0 if there is none.
fn version(frame: &Frame) -> Option<u64> {
    match frame.kind() {
        b'_' => Some(0),
        b'$' if matches!(frame, Frame::Nil { .. }) => Some(0),
        _ => std::str::from_utf8(frame.bytes()).ok()?.parse().ok(),
    }
}

impl Request {
    /// Replies before the one that shows something: to MULTI, and to what is queued.
    fn replies_in_front(&self) -> usize {
        match self {
            Self::ReadAll(keys) | Self::WriteAll(keys) => keys.len() + 1,
            _ => 0,
        }
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        let mut add = |words: &[String]| {
            bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
            for word in words {
                bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
            }
        };
        let word = |word: &str| word.to_owned();
        match self {
            Self::Read(key) => add(&[word("GET"), name(*key)]),
            Self::Write(key) => add(&[word("INCR"), name(*key)]),
            Self::Ping => add(&[word("PING")]),
            Self::ReadSome(keys) => {
                let words: Vec<_> =
                    std::iter::once(word("MGET")).chain(keys.iter().map(|key| name(*key))).collect();
                add(&words);
            }
            Self::ReadByScript(keys) => {
                let script = "local shown = {} for at, key in ipairs(KEYS) do shown[at] = redis.call('GET', key) or '0' end return shown";
                let mut words = vec![word("EVAL"), word(script), keys.len().to_string()];
                words.extend(keys.iter().map(|key| name(*key)));
                add(&words);
            }
            Self::ReadAll(keys) | Self::WriteAll(keys) => {
                let command = if matches!(self, Self::ReadAll(_)) { "GET" } else { "INCR" };
                add(&[word("MULTI")]);
                keys.iter().for_each(|key| add(&[word(command), name(*key)]));
                add(&[word("EXEC")]);
            }
        }
    }
}
