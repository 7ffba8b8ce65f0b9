//! All that a server holds, read by commands.

use std::fmt;

use anyhow::ensure;
use kora_testkit::frame::Frame;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;

/// Bytes at the end of a payload of DUMP: the version of the format, and a checksum.
const FOOTER_BYTES: usize = 10;

/// Databases that are read.
const DATABASES: u16 = 16;

/// One key.
pub(super) struct Entry {
    pub(super) db: u16,
    pub(super) key: Vec<u8>,
    pub(super) deadline_ms: i64,
    /// A payload for RESTORE.
    pub(super) dump: Vec<u8>,
    kind: Vec<u8>,
    encoding: Vec<u8>,
    /// Replies whose order is free are sorted.
    replies: Vec<Frame>,
}

/// What has to be the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Depth {
    /// What clients read of data.
    State,
    /// The names of encodings of collections, too; Valkey embeds strings by the length of key and value.
    EncodingsOfCollections,
    /// All encodings, and the bytes of DUMP where they follow from the data.
    Payloads,
}

impl Entry {
    /// The version of the format that its payload says.
    pub(super) fn dump_version(&self) -> u16 {
        let footer = self.dump.len().checked_sub(FOOTER_BYTES).map(|at| &self.dump[at..]);
        footer.map_or(0, |footer| u16::from_le_bytes([footer[0], footer[1]]))
    }
}

/// Something that is not the same.
pub(super) struct Difference {
    place: String,
    what: String,
}

impl Difference {
    pub(super) fn new(entry: &Entry, what: String) -> Self {
        Self { place: format!("{}/{}", entry.db, abbreviated(&entry.key)), what }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

fn abbreviated(bytes: &[u8]) -> String {
    let mut text = bytes.escape_ascii().to_string();
    text.truncate(60);
    text
}

/// Reads all keys of all databases, by database and key.
pub(super) fn read_all(
    connection: &mut TcpConnection,
    has_field_deadlines: bool,
) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for db in 0..DATABASES {
        connection.call(&["SELECT", &db.to_string()])?;
        let mut keys: Vec<_> =
            connection.call(&["KEYS", "*"])?.items().iter().map(|key| key.bytes().to_vec()).collect();
        keys.sort();
        for key in keys {
            entries.push(read_entry(connection, db, key, has_field_deadlines)?);
        }
    }
    connection.call(&["SELECT", "0"])?;
    Ok(entries)
}

fn read_entry(
    connection: &mut TcpConnection,
    db: u16,
    key: Vec<u8>,
    has_field_deadlines: bool,
) -> anyhow::Result<Entry> {
    let mut ask = |words: &[&[u8]]| -> anyhow::Result<Frame> {
        connection.send(&words.iter().map(|word| word.to_vec()).collect::<Vec<_>>())?;
        let reply = connection.receive()?;
        ensure!(!reply.is_error(), "{}: {reply}", abbreviated(words[0]));
        Ok(reply)
    };
    let kind = ask(&[b"TYPE", &key])?.bytes().to_vec();
    let encoding = ask(&[b"OBJECT", b"ENCODING", &key])?.bytes().to_vec();
    let deadline_ms = ask(&[b"PEXPIRETIME", &key])?.number().unwrap_or(0);
    let dump = ask(&[b"DUMP", &key])?.bytes().to_vec();
    let replies = match kind.as_slice() {
        b"string" => vec![ask(&[b"GET", &key])?],
        b"list" => vec![ask(&[b"LRANGE", &key, b"0", b"-1"])?],
        b"set" => vec![sorted(&ask(&[b"SMEMBERS", &key])?, 1)],
        b"zset" => vec![ask(&[b"ZRANGE", &key, b"0", b"-1", b"WITHSCORES"])?],
        b"hash" => {
            let pairs = sorted(&ask(&[b"HGETALL", &key])?, 2);
            let mut replies = vec![pairs];
            if has_field_deadlines {
                let count = (replies[0].items().len() / 2).to_string();
                let mut words: Vec<&[u8]> = vec![b"HPEXPIRETIME", &key, b"FIELDS", count.as_bytes()];
                words.extend(replies[0].items().iter().step_by(2).map(Frame::bytes));
                let deadlines = ask(&words)?;
                // Without deadlines it is told as by a server that has none.
                if deadlines.items().iter().any(|deadline| deadline.number() != Some(-1)) {
                    replies.push(deadlines);
                }
            }
            replies
        }
        b"stream" => {
            vec![
                ask(&[b"XINFO", b"STREAM", &key, b"FULL", b"COUNT", b"0"])?,
                ask(&[b"XRANGE", &key, b"-", b"+"])?,
            ]
        }
        other => anyhow::bail!("a type of {}", abbreviated(other)),
    };
    Ok(Entry { db, key, deadline_ms, dump, kind, encoding, replies })
}

/// Sorts the items of a reply, so many at a time.
fn sorted(reply: &Frame, width: usize) -> Frame {
    let mut groups: Vec<_> = reply.items().chunks(width).map(<[Frame]>::to_vec).collect();
    groups.sort();
    Frame::Many { kind: b'*', items: groups.concat() }
}

/// What is not the same in two readings.
pub(super) fn compare(expected: &[Entry], found: &[Entry], depth: Depth, way: &str) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut others = found.iter().peekable();
    for entry in expected {
        let mut other = None;
        while let Some(next) = others.next_if(|other| (other.db, &other.key) <= (entry.db, &entry.key)) {
            if (next.db, &next.key) == (entry.db, &entry.key) {
                other = Some(next);
            } else {
                differences.push(Difference::new(next, format!("{way}: is only there after")));
            }
        }
        let Some(other) = other else {
            differences.push(Difference::new(entry, format!("{way}: is gone")));
            continue;
        };
        let what = difference(entry, other, depth);
        differences.extend(what.map(|what| Difference::new(entry, format!("{way}: {what}"))));
    }
    differences.extend(others.map(|other| Difference::new(other, format!("{way}: is only there after"))));
    differences
}

fn difference(entry: &Entry, other: &Entry, depth: Depth) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if entry.kind != other.kind {
        return Some(format!("{} became {}", text(&entry.kind), text(&other.kind)));
    }
    if entry.deadline_ms != other.deadline_ms {
        return Some(format!("deadline {} became {}", entry.deadline_ms, other.deadline_ms));
    }
    for (before, after) in entry.replies.iter().zip(&other.replies) {
        if before != after {
            let mut shown = [before, after].map(|frame| frame.clone().abbreviated().to_string());
            let begin = shown[0].bytes().zip(shown[1].bytes()).take_while(|(a, b)| a == b).count();
            for shown in &mut shown {
                *shown = shown.chars().skip(begin.saturating_sub(40)).take(160).collect();
            }
            let [before, after] = shown;
            return Some(format!("…{before} became …{after}"));
        }
    }
    if entry.replies.len() != other.replies.len() {
        return Some("deadlines of fields came or went".to_owned());
    }
    if depth >= Depth::EncodingsOfCollections && !is_same_encoding(entry, other, depth) {
        return Some(format!("encoding {} became {}", text(&entry.encoding), text(&other.encoding)));
    }
    if depth >= Depth::Payloads { payload_difference(entry, other) } else { None }
}

fn is_same_encoding(entry: &Entry, other: &Entry, depth: Depth) -> bool {
    let one = |entry: &Entry| match entry.encoding.as_slice() {
        b"raw" if depth == Depth::EncodingsOfCollections => b"embstr".to_vec(),
        other => other.to_vec(),
    };
    one(entry) == one(other)
}

fn payload_difference(entry: &Entry, other: &Entry) -> Option<String> {
    // In these forms the order is that of the data, not of a table.
    if !matches!(
        entry.encoding.as_slice(),
        b"int" | b"embstr" | b"raw" | b"intset" | b"listpack" | b"skiplist"
    ) {
        return None;
    }
    let payload = |entry: &Entry| entry.dump[..entry.dump.len() - FOOTER_BYTES].to_vec();
    let (before, after) = (payload(entry), payload(other));
    // Of two lengths if one of them is compressed, which each server does in its way.
    if before.len() != after.len() {
        return None;
    }
    let at = before.iter().zip(&after).position(|(a, b)| a != b)?;
    let encoding = entry.encoding.escape_ascii();
    Some(format!("DUMP of {} bytes differs at {at}, encoding {encoding}", before.len()))
}

/// What is not the same among the libraries of functions.
pub(super) fn compare_functions(
    one: &mut TcpConnection,
    other: &mut TcpConnection,
) -> anyhow::Result<Option<Difference>> {
    let read = |connection: &mut TcpConnection| -> anyhow::Result<Vec<Frame>> {
        let reply = connection.call(&["FUNCTION", "LIST", "WITHCODE"])?;
        let mut libraries: Vec<_> = reply.items().iter().map(without_order).collect();
        libraries.sort();
        Ok(libraries)
    };
    let (before, after) = (read(one)?, read(other)?);
    let difference =
        || Difference { place: "functions".to_owned(), what: format!("{before:?} became {after:?}") };
    Ok((before != after).then(difference))
}

/// A library with its functions in order.
fn without_order(frame: &Frame) -> Frame {
    match frame {
        Frame::Many { kind, items } => {
            let mut items: Vec<_> = items.iter().map(without_order).collect();
            if items.iter().all(|item| matches!(item, Frame::Many { .. })) {
                items.sort();
            }
            Frame::Many { kind: *kind, items }
        }
        other => other.clone(),
    }
}
