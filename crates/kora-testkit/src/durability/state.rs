//! What one client's keys hold: as its changes say, and as a server says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::frame::Frame;
use crate::target::tcp::TcpConnection;
use crate::target::{Connection as _, encode_into};

/// A key's bytes.
pub(super) type Key = Vec<u8>;

/// A value of any type that the clients use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(Vec<u8>),
    List(VecDeque<Vec<u8>>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    Scores(BTreeMap<Vec<u8>, i64>),
    Stream(Vec<(Vec<u8>, Vec<u8>)>),
}

/// A value, and when it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) deadline_ms: Option<i64>,
}

/// The keys of one client that hold something.
pub(super) type State = BTreeMap<Key, Entry>;

/// What a server held, and when that was read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) state: State,
    pub(super) began_ms: i64,
    pub(super) ended_ms: i64,
}

impl Reading {
    /// Whether what was read of a key is what is expected there; expired keys may or may not have gone.
    pub(super) fn agrees(&self, key: &[u8], expected: Option<&Entry>) -> bool {
        let found = self.state.get(key);
        match expected.and_then(|entry| entry.deadline_ms) {
            Some(at) if at <= self.began_ms => found.is_none(),
            Some(at) if at <= self.ended_ms => found.is_none() || found == expected,
            _ => found == expected,
        }
    }
}

/// The time, in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Reads keys.
pub(super) fn read(connection: &mut TcpConnection, keys: &[Key]) -> io::Result<Reading> {
    let mut reading = Reading { began_ms: now_ms(), ..Reading::default() };
    for key in keys {
        if let Some(entry) = read_entry(connection, key)? {
            reading.state.insert(key.clone(), entry);
        }
    }
    reading.ended_ms = now_ms();
    Ok(reading)
}

fn read_entry(connection: &mut TcpConnection, key: &[u8]) -> io::Result<Option<Entry>> {
    // The deadline comes with the value, lest the key expire between the two.
    let mut ask = |words: &[&[u8]]| -> io::Result<(Frame, Option<i64>)> {
        let mut bytes = Vec::new();
        let commands: [&[&[u8]]; 4] = [&[b"MULTI"], &[b"PEXPIRETIME", key], words, &[b"EXEC"]];
        for command in commands {
            let command: Vec<_> = command.iter().map(|word| word.to_vec()).collect();
            encode_into(&mut bytes, &command);
        }
        connection.send_raw(&bytes)?;
        for _ in 0..3 {
            connection.receive()?;
        }
        let reply = connection.receive()?;
        let [deadline, value] = reply.items() else {
            return Err(io::Error::other(format!("EXEC replied {reply}")));
        };
        if value.is_error() {
            return Err(io::Error::other(format!("{}: {value}", key.escape_ascii())));
        }
        Ok((value.clone(), deadline.number().filter(|&at| at > 0)))
    };
    let (kind, _) = ask(&[b"TYPE", key])?;
    let (value, deadline_ms) = match kind.bytes() {
        b"string" => ask(&[b"GET", key])?,
        b"list" => ask(&[b"LRANGE", key, b"0", b"-1"])?,
        b"hash" => ask(&[b"HGETALL", key])?,
        b"set" => ask(&[b"SMEMBERS", key])?,
        b"zset" => ask(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"])?,
        b"stream" => ask(&[b"XRANGE", key, b"-", b"+"])?,
        b"none" => return Ok(None),
        other => return Err(io::Error::other(format!("a type of {}", other.escape_ascii()))),
    };
    // It may have expired since its type was asked for.
    let value = to_value(kind.bytes(), &value);
    Ok(value.map(|value| Entry { value, deadline_ms }))
}

fn to_value(kind: &[u8], reply: &Frame) -> Option<Value> {
    let items = reply.items();
    let text = |frame: &Frame| frame.bytes().to_vec();
    let pairs = || items.chunks_exact(2).map(|pair| (text(&pair[0]), &pair[1]));
    let value = match kind {
        b"string" => Value::Text(matches!(reply, Frame::Blob { .. }).then(|| text(reply))?),
        b"list" => Value::List(items.iter().map(text).collect()),
        b"hash" => Value::Hash(pairs().map(|(field, value)| (field, text(value))).collect()),
        b"set" => Value::Set(items.iter().map(text).collect()),
        b"zset" => Value::Scores(
            pairs().map(|(member, score)| (member, score.number().unwrap_or(i64::MIN))).collect(),
        ),
        _ => Value::Stream(items.iter().map(to_stream_entry).collect()),
    };
    (kind == b"string" || !items.is_empty()).then_some(value)
}

fn to_stream_entry(frame: &Frame) -> (Vec<u8>, Vec<u8>) {
    match frame.items() {
        [id, fields] => {
            let value = fields.items().last().map(|value| value.bytes().to_vec());
            (id.bytes().to_vec(), value.unwrap_or_default())
        }
        _ => (Vec::new(), Vec::new()),
    }
}
