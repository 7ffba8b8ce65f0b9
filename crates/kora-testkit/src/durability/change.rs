//! The changes that clients make: as commands, and as what they do to a [`State`].
//!
//! A client's keys are its own but for one list, to which all append. So the order of changes of a key is the order in which its
//! client sent them, and what a server holds must be what some number of them, the first ones, make.

use std::collections::VecDeque;

use super::state::{Entry, Key, State, Value, now_ms};
use crate::simulation::random::Random;

/// Keys of each family that a client has.
const KEYS: usize = 6;

/// Families of keys; the type of a key follows from its name.
const FAMILIES: [&str; 8] = ["register", "counter", "list", "hash", "set", "scores", "stream", "brief"];

/// Runs commands given as arguments, each behind the number of its words.
const SCRIPT: &str = "local at = 1
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + count))
  at = at + count + 1
end
return 1";

/// How several changes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    MultiSet,
    Transaction,
    Script { declares_keys: bool },
}

/// One command's change, or that of several as a unit.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Set { key: Key, value: Vec<u8>, deadline_ms: Option<i64> },
    Delete { keys: Vec<Key> },
    Count { key: Key },
    Append { key: Key, element: Vec<u8> },
    Trim { key: Key, keep: usize },
    SetField { key: Key, field: Vec<u8>, value: Vec<u8> },
    Add { key: Key, member: Vec<u8> },
    Remove { key: Key, member: Vec<u8> },
    Score { key: Key, member: Vec<u8>, by: i64 },
    Enter { key: Key, id: Vec<u8>, value: Vec<u8> },
    Expire { key: Key, deadline_ms: i64 },
    Several { unit: Unit, changes: Vec<Change> },
}

type Command = Vec<Vec<u8>>;

fn command(words: &[&[u8]]) -> Command {
    words.iter().map(|word| word.to_vec()).collect()
}

fn digits(number: impl ToString) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// All keys of a client.
pub(super) fn keys_of(client: usize) -> Vec<Key> {
    FAMILIES.iter().flat_map(|family| (0..KEYS).map(move |at| key_of(client, family, at))).collect()
}

pub(super) fn key_of(client: usize, family: &str, at: usize) -> Key {
    format!("client-{client}:{family}:{at}").into_bytes()
}

impl Change {
    /// The commands that make it; a unit's are several only for a transaction.
    pub(super) fn commands(&self) -> Vec<Command> {
        match self {
            Self::Several { unit: Unit::Transaction, changes } => {
                let inner = changes.iter().flat_map(Self::commands);
                [command(&[b"MULTI"])].into_iter().chain(inner).chain([command(&[b"EXEC"])]).collect()
            }
            Self::Several { unit: Unit::MultiSet, changes } => {
                let mut words = command(&[b"MSET"]);
                for change in changes {
                    // SET key value
                    words.extend(change.commands().remove(0).drain(1..3));
                }
                vec![words]
            }
            Self::Several { unit: Unit::Script { declares_keys }, changes } => {
                vec![script(*declares_keys, changes)]
            }
            single => vec![single.command()],
        }
    }

    fn command(&self) -> Command {
        match self {
            Self::Set { key, value, deadline_ms: None } => command(&[b"SET", key, value]),
            Self::Set { key, value, deadline_ms: Some(at) } => {
                command(&[b"SET", key, value, b"PXAT", &digits(at)])
            }
            Self::Delete { keys } => command(&[b"DEL"]).into_iter().chain(keys.iter().cloned()).collect(),
            Self::Count { key } => command(&[b"INCR", key]),
            Self::Append { key, element } => command(&[b"RPUSH", key, element]),
            Self::Trim { key, keep } => command(&[b"LTRIM", key, &digits(format!("-{keep}")), b"-1"]),
            Self::SetField { key, field, value } => command(&[b"HSET", key, field, value]),
            Self::Add { key, member } => command(&[b"SADD", key, member]),
            Self::Remove { key, member } => command(&[b"SREM", key, member]),
            Self::Score { key, member, by } => command(&[b"ZINCRBY", key, &digits(by), member]),
            Self::Enter { key, id, value } => command(&[b"XADD", key, id, b"field", value]),
            Self::Expire { key, deadline_ms } => command(&[b"PEXPIREAT", key, &digits(deadline_ms)]),
            Self::Several { .. } => Vec::new(),
        }
    }

    /// The keys that it may change.
    pub(super) fn keys(&self) -> Vec<&Key> {
        match self {
            Self::Set { key, .. }
            | Self::Count { key }
            | Self::Append { key, .. }
            | Self::Trim { key, .. }
            | Self::SetField { key, .. }
            | Self::Add { key, .. }
            | Self::Remove { key, .. }
            | Self::Score { key, .. }
            | Self::Enter { key, .. }
            | Self::Expire { key, .. } => vec![key],
            Self::Delete { keys } => keys.iter().collect(),
            Self::Several { changes, .. } => changes.iter().flat_map(Self::keys).collect(),
        }
    }

    /// Makes it.
    pub(super) fn apply(&self, state: &mut State) {
        match self {
            Self::Set { key, value, deadline_ms } => {
                let value = Value::Text(value.clone());
                state.insert(key.clone(), Entry { value, deadline_ms: *deadline_ms });
            }
            Self::Delete { keys } => keys.iter().for_each(|key| drop(state.remove(key))),
            Self::Expire { key, deadline_ms } => {
                if let Some(entry) = state.get_mut(key) {
                    entry.deadline_ms = Some(*deadline_ms);
                }
            }
            Self::Trim { .. } | Self::Remove { .. } => self.shrink(state),
            Self::Several { changes, .. } => changes.iter().for_each(|change| change.apply(state)),
            _ => self.grow(state),
        }
    }

    /// Takes something out, and the key with the last of it.
    fn shrink(&self, state: &mut State) {
        let (Self::Trim { key, .. } | Self::Remove { key, .. }) = self else { return };
        let Some(entry) = state.get_mut(key) else { return };
        let is_empty = match (self, &mut entry.value) {
            (Self::Trim { keep, .. }, Value::List(elements)) => {
                elements.drain(..elements.len().saturating_sub(*keep));
                elements.is_empty()
            }
            (Self::Remove { member, .. }, Value::Set(members)) => {
                members.remove(member);
                members.is_empty()
            }
            _ => false,
        };
        if is_empty {
            state.remove(key);
        }
    }

    /// Adds something to a key that may not be there.
    fn grow(&self, state: &mut State) {
        let [key] = self.keys()[..] else { return };
        let empty = || Entry { value: self.empty(), deadline_ms: None };
        let value = &mut state.entry(key.clone()).or_insert_with(empty).value;
        match (self, value) {
            (Self::Count { .. }, Value::Text(text)) => {
                let number: i64 =
                    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
                *text = digits(number + 1);
            }
            (Self::Append { element, .. }, Value::List(elements)) => elements.push_back(element.clone()),
            (Self::SetField { field, value, .. }, Value::Hash(fields)) => {
                fields.insert(field.clone(), value.clone());
            }
            (Self::Add { member, .. }, Value::Set(members)) => drop(members.insert(member.clone())),
            (Self::Score { member, by, .. }, Value::Scores(scores)) => {
                *scores.entry(member.clone()).or_insert(0) += by;
            }
            (Self::Enter { id, value, .. }, Value::Stream(entries)) => {
                entries.push((id.clone(), value.clone()));
            }
            _ => unreachable!("a key's type follows from its name"),
        }
    }

    fn empty(&self) -> Value {
        match self {
            Self::Append { .. } => Value::List(VecDeque::new()),
            Self::SetField { .. } => Value::Hash([].into()),
            Self::Add { .. } => Value::Set([].into()),
            Self::Score { .. } => Value::Scores([].into()),
            Self::Enter { .. } => Value::Stream(Vec::new()),
            _ => Value::Text(b"0".to_vec()),
        }
    }
}

fn script(declares_keys: bool, changes: &[Change]) -> Command {
    let keys: Vec<_> =
        if declares_keys { changes.iter().flat_map(Change::keys).collect() } else { Vec::new() };
    let mut words = command(&[b"EVAL", SCRIPT.as_bytes(), &digits(keys.len())]);
    words.extend(keys.into_iter().cloned());
    for inner in changes.iter().flat_map(Change::commands) {
        words.push(digits(inner.len()));
        words.extend(inner);
    }
    words
}

/// Draws changes of one client's keys.
#[derive(Debug)]
pub(super) struct Generator {
    client: usize,
    random: Random,
    /// Grows with each change, over all cycles: what is unique is made of it.
    number: u64,
}

impl Generator {
    pub(super) fn new(client: usize, seed: u64) -> Self {
        Self { client, random: Random::new(seed), number: 0 }
    }

    pub(super) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    fn key(&mut self, family: &str) -> Key {
        let at = self.random.below(KEYS);
        key_of(self.client, family, at)
    }

    /// Something that no other change has.
    pub(super) fn unique(&mut self) -> Vec<u8> {
        self.number += 1;
        let mut text = format!("{}-{}", self.client, self.number);
        // Sometimes long, so that records have all sizes.
        if self.random.one_in(50) {
            let more = self.random.below(3000);
            text.extend(std::iter::repeat_n('x', more));
        }
        text.into_bytes()
    }

    /// The next change.
    pub(super) fn next(&mut self) -> Change {
        let unit = match self.random.below(20) {
            0 | 1 => Unit::MultiSet,
            2 | 3 => Unit::Transaction,
            4 => Unit::Script { declares_keys: true },
            5 if self.random.one_in(3) => Unit::Script { declares_keys: false },
            _ => return self.single(),
        };
        let count = 2 + self.random.below(4);
        let changes = (0..count).map(|_| if unit == Unit::MultiSet { self.set() } else { self.single() });
        Change::Several { unit, changes: changes.collect() }
    }

    fn set(&mut self) -> Change {
        Change::Set { key: self.key("register"), value: self.unique(), deadline_ms: None }
    }

    fn single(&mut self) -> Change {
        let small = |random: &mut Random| digits(random.below(300));
        match self.random.below(30) {
            0..5 => self.set(),
            5..9 => Change::Count { key: self.key("counter") },
            9..14 => Change::Append { key: self.key("list"), element: self.unique() },
            14 => Change::Trim { key: self.key("list"), keep: self.random.below(200) + 1 },
            15..18 => {
                let field = small(&mut self.random);
                Change::SetField { key: self.key("hash"), field, value: self.unique() }
            }
            18 | 19 => Change::Add { key: self.key("set"), member: small(&mut self.random) },
            20 => Change::Remove { key: self.key("set"), member: small(&mut self.random) },
            21..23 => {
                let (member, by) = (small(&mut self.random), self.random.below(9));
                Change::Score { key: self.key("scores"), member, by: i64::try_from(by).unwrap_or(1) }
            }
            23 | 24 => {
                let value = self.unique();
                let id = digits(format!("{}-1", self.number));
                Change::Enter { key: self.key("stream"), id, value }
            }
            25 | 26 => {
                let at = now_ms() + i64::try_from(self.random.below(2000)).unwrap_or(0) - 200;
                Change::Set { key: self.key("brief"), value: self.unique(), deadline_ms: Some(at) }
            }
            27 => {
                let family = *self.random.choose(&FAMILIES[..7]);
                Change::Expire { key: self.key(family), deadline_ms: now_ms() + 86_400_000 }
            }
            // Rare enough for collections to outgrow their packed forms.
            _ if !self.random.one_in(6) => self.set(),
            _ => {
                let count = 1 + self.random.below(2);
                let families: Vec<_> = (0..count).map(|_| *self.random.choose(&FAMILIES)).collect();
                Change::Delete { keys: families.into_iter().map(|family| self.key(family)).collect() }
            }
        }
    }
}
