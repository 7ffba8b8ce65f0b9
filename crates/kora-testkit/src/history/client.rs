//! A client of the checker: it sends pipelines drawn at random and checks or notes what it receives.
//!
//! Besides the appends and reads of [`super::lists`], whose order is checked later, it does things that each have an
//! invariant of their own, which any reader can check at once:
//!
//! - MSET gives a group of keys one value: an MGET of them must find one value.
//! - MSETNX makes a group of keys and DEL deletes it: MGET must find all or none, DEL delete all or none.
//! - RENAMENX moves tokens among names: an MGET of all names must find each token once.
//! - COPY replaces a copy by its source, which only grows: an MGET of both must not find the copy ahead.
//! - A pipeline writes a number to several keys in turn: who reads them in reverse must not see it shrink.
//! - Transactions append to several lists and read them, some of them only if what was read before has not changed, and
//!   count registers up: [`super::transactions`].
//! - Scripts do the same: [`super::scripts`].
//! - Elements are pushed to queues that others wait for: [`super::queues`].
//! - Rows are counted up and read through indexes, among the appends and reads of lists: [`super::rows`].
//! - Documents hold unique values: [`super::unique`].

use std::io;
use std::time::Instant;

use super::lists::{Action, Element, Event, Key, parse, render};
use super::queues::Queues;
use super::rows::OnRows;
use super::transactions::Registers;
use super::unique::Holds;
use super::{Anomaly, Shared};
use crate::frame::Frame;
use crate::simulation::random::Random;
use crate::target::tcp::TcpConnection;
use crate::target::{Connection as _, encode_into};

/// Lists in use at a time.
const LISTS_AT_A_TIME: usize = 8;

/// Appends after which other lists are used.
const APPENDS_PER_LISTS: u64 = 400;

/// Keys of each group.
const GROUP: [&str; 6] = ["0", "1", "2", "3", "4", "5"];

/// Names that tokens move among.
const NAMES: [&str; 8] = ["name:0", "name:1", "name:2", "name:3", "name:4", "name:5", "name:6", "name:7"];

/// What moves among them.
const TOKENS: [&str; 4] = ["A", "B", "C", "D"];

pub(super) type Args = Vec<Vec<u8>>;

/// One client on a connection of its own.
#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) process: usize,
    pub(super) process_count: usize,
    pub(super) connection: TcpConnection,
    pub(super) random: Random,
    pub(super) shared: &'a Shared,
    pub(super) events: Vec<Event>,
    /// Number of the last value this client wrote.
    pub(super) version: u64,
    /// Commands sent and answered.
    pub(super) command_count: u64,
    /// What it pushed and took.
    pub(super) queues: Queues,
    /// What it counted up.
    pub(super) registers: Registers,
    /// Unique values that it held.
    pub(super) holds: Holds,
}

/// A command on lists or rows, before it is answered.
pub(super) enum Planned {
    Append(Key, Element),
    Read(Vec<Key>),
    Rows(OnRows),
}

impl Planned {
    /// Names of the keys that it is about.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Append(key, _) => vec![list_name(key)],
            Self::Read(keys) => keys.iter().map(list_name).collect(),
            Self::Rows(on_rows) => on_rows.names(),
        }
    }
}

impl Client<'_> {
    /// Puts the tokens in place.
    pub(super) fn prepare(&mut self) -> Result<(), Anomaly> {
        let pairs = NAMES.iter().zip(TOKENS).flat_map(|(name, token)| [*name, token]);
        let args: Vec<_> = std::iter::once("MSET").chain(pairs).collect();
        self.ask(&[words(&["FLUSHALL"]), words(&args)])?;
        self.prepare_rows()?;
        self.prepare_unique()
    }

    /// Sends one pipeline and checks its replies.
    pub(super) fn step(&mut self) -> Result<(), Anomaly> {
        match self.random.below(29) {
            0..=4 => self.use_lists(),
            5 | 6 => self.use_group(),
            7 => self.use_new_group(),
            8 | 9 => self.use_tokens(),
            10 => self.use_copy(),
            11..=13 => self.use_queues(),
            15..=17 => self.use_transaction(),
            18 | 19 => self.use_watch(),
            20 => self.use_registers(),
            21..=23 => self.use_script(),
            24 => self.use_register_script(),
            25 => self.use_documents(),
            26 => self.use_new_index(),
            27 | 28 => self.use_unique(),
            _ => self.use_pipeline(),
        }
    }

    /// Reads all lists from `first` on, so that every append has been seen.
    pub(super) fn read_lists(&mut self) -> Result<(), Anomaly> {
        let list_count = (self.shared.appends() / APPENDS_PER_LISTS) as usize + 1;
        for key in 0..list_count * LISTS_AT_A_TIME {
            self.run_planned(vec![Planned::Read(vec![key])])?;
        }
        Ok(())
    }

    pub(super) fn ask(&mut self, commands: &[Args]) -> Result<Vec<Frame>, Anomaly> {
        let replies =
            self.exchange(commands).map_err(|error| Anomaly(format!("the connection failed: {error}")))?;
        match replies
            .iter()
            .position(|reply| reply.is_error() && !reply.bytes().starts_with(b"ERR no such key"))
        {
            None => Ok(replies),
            Some(at) => Err(Anomaly(format!("{:?} was refused: {:?}", commands[at], replies[at]))),
        }
    }

    /// The reply to a command, be it an error.
    pub(super) fn ask_anyhow(&mut self, command: Args) -> Result<Frame, Anomaly> {
        let replies = self.exchange(&[command]);
        Ok(replies.map_err(|error| Anomaly(format!("the connection failed: {error}")))?.remove(0))
    }

    fn exchange(&mut self, commands: &[Args]) -> io::Result<Vec<Frame>> {
        let mut bytes = Vec::new();
        commands.iter().for_each(|args| encode_into(&mut bytes, args));
        self.connection.send_raw(&bytes)?;
        self.command_count += commands.len() as u64;
        commands.iter().map(|_| self.connection.receive()).collect()
    }

    fn use_lists(&mut self) -> Result<(), Anomaly> {
        let count = 1 + self.random.below(6);
        let planned = self.plan(count);
        self.run_planned(planned)
    }

    /// Appends and reads of the lists in use, and of rows.
    pub(super) fn plan(&mut self, count: usize) -> Vec<Planned> {
        let mut planned = Vec::with_capacity(count);
        for _ in 0..count {
            let first = (self.shared.appends() / APPENDS_PER_LISTS) as usize * LISTS_AT_A_TIME;
            let kind = self.random.below(7);
            if kind >= 5 {
                planned.push(Planned::Rows(OnRows::plan(&mut self.random, kind == 5)));
                continue;
            }
            let mut key = || first + self.random.below(LISTS_AT_A_TIME);
            planned.push(match kind {
                0 => Planned::Read(vec![key()]),
                1 => Planned::Read([key(), key(), key()].map(|key| key | 1).to_vec()),
                _ => {
                    let key = key();
                    Planned::Append(key, self.shared.next_element())
                }
            });
        }
        planned
    }

    pub(super) fn run_planned(&mut self, planned: Vec<Planned>) -> Result<(), Anomaly> {
        let commands: Vec<Args> = planned.iter().map(command_of).collect();
        let began = self.shared.now();
        let replies = self.ask(&commands)?;
        let ended = self.shared.now();
        for (planned, reply) in planned.into_iter().zip(replies) {
            let action = action(planned, &reply)?;
            self.events.push(Event { process: self.process, began, ended, actions: vec![action] });
        }
        Ok(())
    }

    /// Notes commands that ran as a unit, behind what was `seen` before and had not changed.
    pub(super) fn note_unit(
        &mut self,
        began: u64,
        seen: Vec<Action>,
        planned: Vec<Planned>,
        replies: &[Frame],
    ) -> Result<(), Anomaly> {
        let ended = self.shared.now();
        let mut actions = seen;
        for (planned, reply) in planned.into_iter().zip(replies) {
            actions.push(action(planned, reply)?);
        }
        self.events.push(Event { process: self.process, began, ended, actions });
        Ok(())
    }

    fn use_group(&mut self) -> Result<(), Anomaly> {
        let keys = GROUP.map(|key| format!("group:{key}"));
        if self.random.one_in(3) {
            let value = self.next_value();
            return self.ask(&[pairs("MSET", &keys, &value)]).map(drop);
        }
        let reply = self.ask(&[on_keys("MGET", &keys)])?.remove(0);
        if reply.items().windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(());
        }
        Err(Anomaly(format!("MGET saw half of an MSET: {reply:?}")))
    }

    fn use_new_group(&mut self) -> Result<(), Anomaly> {
        let keys = GROUP.map(|key| format!("new:{key}"));
        let value = self.next_value();
        let commands = [pairs("MSETNX", &keys, &value), on_keys("MGET", &keys), on_keys("DEL", &keys)];
        let first = self.random.below(2);
        let replies = self.ask(&commands[first..])?;
        for reply in &replies {
            let is_whole = match reply.number() {
                Some(number) => [0, 1, 6].contains(&number),
                None => reply.items().windows(2).all(|pair| pair[0] == pair[1]),
            };
            if !is_whole {
                return Err(Anomaly(format!("half of an MSETNX or DEL was seen: {replies:?}")));
            }
        }
        Ok(())
    }

    fn use_tokens(&mut self) -> Result<(), Anomaly> {
        let mut commands = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let (from, to) = (*self.random.choose(&NAMES), *self.random.choose(&NAMES));
            commands.push(words(&["RENAMENX", from, to]));
        }
        commands.push(on_keys("EXISTS", &NAMES));
        commands.push(on_keys("MGET", &NAMES));
        let mut replies = self.ask(&commands)?;
        let found = replies.pop().expect("MGET was answered");
        let count = replies.pop().expect("EXISTS was answered");
        let mut tokens: Vec<_> =
            found.items().iter().map(Frame::bytes).filter(|token| !token.is_empty()).collect();
        tokens.sort_unstable();
        if tokens == TOKENS.map(str::as_bytes) && count.number() == Some(4) {
            return Ok(());
        }
        Err(Anomaly(format!("tokens were lost or doubled: {found:?}, {count:?} exist")))
    }

    fn use_copy(&mut self) -> Result<(), Anomaly> {
        let names = |process: usize| (format!("source:{process}"), format!("copy:{process}"));
        let (source, copy) = names(self.process);
        let value = self.next_value();
        let (other_source, other_copy) = names(self.random.below(self.process_count));
        let replies = self.ask(&[
            words(&["SET", &source, &value]),
            words(&["COPY", &source, &copy, "REPLACE"]),
            words(&["MGET", &other_copy, &other_source]),
        ])?;
        let numbers: Vec<_> = replies[2].items().iter().map(|item| item.number().unwrap_or(0)).collect();
        if numbers.len() == 2 && numbers[0] <= numbers[1] {
            return Ok(());
        }
        Err(Anomaly(format!("a copy is ahead of its source: {:?}", replies[2])))
    }

    fn use_pipeline(&mut self) -> Result<(), Anomaly> {
        let key = |process: usize, at: &str| format!("pipeline:{process}:{at}");
        let value = self.next_value();
        let writes: Vec<_> = GROUP.iter().map(|at| words(&["SET", &key(self.process, at), &value])).collect();
        self.ask(&writes)?;
        let other = self.random.below(self.process_count);
        let reads: Vec<_> = GROUP.iter().rev().map(|at| words(&["GET", &key(other, at)])).collect();
        let replies = if self.random.one_in(2) {
            self.ask(&reads)?
        } else {
            let mut replies = Vec::new();
            for read in reads {
                replies.extend(self.ask(&[read])?);
            }
            replies
        };
        if replies.iter().map(|reply| reply.number().unwrap_or(0)).is_sorted() {
            return Ok(());
        }
        Err(Anomaly(format!("a pipeline was seen out of order: {replies:?}")))
    }

    /// A value that no other client writes, greater than those this one wrote before.
    fn next_value(&mut self) -> String {
        self.version += 1;
        format!("{}{:02}", self.version, self.process)
    }
}

/// Whether a key holds a list, which only one command can read at a time, rather than elements one behind the other in a
/// string, of which MGET reads several.
fn is_list(key: Key) -> bool {
    key.is_multiple_of(2)
}

/// What a key is called on the server.
pub(super) fn list_name(key: &Key) -> String {
    format!("list:{key}")
}

pub(super) fn command_of(planned: &Planned) -> Args {
    match planned {
        Planned::Append(key, element) => {
            words(&[if is_list(*key) { "RPUSH" } else { "APPEND" }, &list_name(key), &render(*element)])
        }
        Planned::Read(keys) => match keys.as_slice() {
            [key] if is_list(*key) => words(&["LRANGE", &list_name(key), "0", "-1"]),
            [key] => words(&["GETRANGE", &list_name(key), "0", "-1"]),
            keys => on_keys("MGET", &keys.iter().map(list_name).collect::<Vec<_>>()),
        },
        Planned::Rows(on_rows) => on_rows.command(),
    }
}

/// What a command has done, by its reply.
fn action(planned: Planned, reply: &Frame) -> Result<Action, Anomaly> {
    let command = command_of(&planned).join(&b' ');
    answered(planned, reply)
        .ok_or_else(|| Anomaly(format!("no reply to {}: {reply:?}", command.escape_ascii())))
}

fn answered(planned: Planned, reply: &Frame) -> Option<Action> {
    match planned {
        Planned::Append(key, element) => {
            let length = usize::try_from(reply.number()?).ok()?;
            let length = if is_list(key) { length } else { length / super::lists::ELEMENT_BYTES };
            Some(Action::Append(key, element, length))
        }
        Planned::Read(keys) if keys.len() == 1 && is_list(keys[0]) => {
            let elements = reply.items().iter().map(|element| parse(element.bytes())?.first().copied());
            Some(Action::Read(vec![(keys[0], elements.collect::<Option<_>>()?)]))
        }
        Planned::Read(keys) if keys.len() == 1 => Some(Action::Read(vec![(keys[0], parse(reply.bytes())?)])),
        Planned::Read(keys) => {
            let reads = keys.into_iter().zip(reply.items());
            let reads = reads.map(|(key, item)| Some((key, parse(item.bytes())?)));
            Some(Action::Read(reads.collect::<Option<_>>()?))
        }
        Planned::Rows(on_rows) => on_rows.action(reply),
    }
}

pub(super) fn words(words: &[&str]) -> Args {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

pub(super) fn on_keys(name: &str, keys: &[impl AsRef<str>]) -> Args {
    std::iter::once(name).chain(keys.iter().map(AsRef::as_ref)).map(|word| word.as_bytes().to_vec()).collect()
}

fn pairs(name: &str, keys: &[impl AsRef<str>], value: &str) -> Args {
    let pairs = keys.iter().flat_map(|key| [key.as_ref(), value]);
    std::iter::once(name).chain(pairs).map(|word| word.as_bytes().to_vec()).collect()
}

/// The time since `start`.
pub(super) fn nanoseconds_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
