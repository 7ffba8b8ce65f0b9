//! Writing a key and its value.
//!
//! A packed collection is copied as it lies. A large one is written piece by piece, each a node, a block or a few records, and
//! where the writer stands is told by a position, a cursor, a rank or an ID: so it can stop after any piece.

mod stream;

use super::format::{kind, node, opcode};
use super::write::{put_count, put_integer, put_length, put_text};
use crate::config::{CoreConfig, EvictionOrder, EvictionScope};
use crate::keyspace::entry::{Entry, Kind, Packing, StringRef};
use crate::time::UnixMs;
use crate::types::hash::{self, HashRef};
use crate::types::list::{ListRef, Stored};
use crate::types::listpack::{self, ListPack};
use crate::types::packed_table::{PackedTable, Record};
use crate::types::set::SetRef;
use crate::types::stream::Stream;
use crate::types::zset::ZSetRef;
use stream::StreamStep;

/// Records of one piece.
const PIECE_RECORDS: usize = 16;

/// What is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A file: only hashes that do have fields with deadlines need version 12.
    File,
    /// DUMP: as Redis does it, a hash that once had such fields is laid down like one that has.
    Dump,
}

/// How values are written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether strings are compressed.
    pub compress: bool,
    /// For what.
    pub purpose: Purpose,
}

/// Whether the value needs version 12 of the format.
#[must_use]
pub fn needs_field_deadlines(entry: &Entry) -> bool {
    hash::next_deadline(entry).is_some()
}

/// Adds all that stands in a file for one key of a database.
pub fn write_entry(entry: &Entry, style: Style, now: UnixMs, config: &CoreConfig, out: &mut Vec<u8>) {
    write_entry_head(entry, style, now, config, out);
    ValueWriter::new(style).write_some(entry, out, usize::MAX);
}

/// Adds what stands before the value, for a [`ValueWriter`] to go on: deadline, use as far as `maxmemory-policy` asks for
/// it, type and key.
pub fn write_entry_head(entry: &Entry, style: Style, now: UnixMs, config: &CoreConfig, out: &mut Vec<u8>) {
    if let Some(at) = entry.expiry() {
        out.push(opcode::EXPIRY_MS);
        out.extend_from_slice(&at.0.to_le_bytes());
    }
    match config.eviction.order {
        EvictionOrder::Lru if config.eviction.scope != EvictionScope::Nothing => {
            out.push(opcode::IDLE);
            put_length(out, entry.idle_seconds(now).into());
        }
        EvictionOrder::Lfu => {
            out.push(opcode::FREQUENCY);
            out.push(u8::try_from(entry.frequency(now, config)).unwrap_or(u8::MAX));
        }
        _ => {}
    }
    out.push(type_of(entry, style.purpose));
    put_text(out, entry.key(), style.compress);
}

/// Adds type and value, as DUMP shows them.
pub fn write_value(entry: &Entry, style: Style, out: &mut Vec<u8>) {
    out.push(type_of(entry, style.purpose));
    ValueWriter::new(style).write_some(entry, out, usize::MAX);
}

/// The type byte that says how the value is laid down.
fn type_of(entry: &Entry, purpose: Purpose) -> u8 {
    let packing = entry.packed().map(|(packing, _)| packing);
    match (entry.kind(), packing) {
        (Kind::String, _) => kind::STRING,
        (Kind::List, _) => kind::LIST_QUICKLIST_2,
        (Kind::Set, Some(Packing::IntSet)) => kind::SET_INTSET,
        (Kind::Set, Some(_)) => kind::SET_LISTPACK,
        (Kind::Set, None) => kind::SET,
        (Kind::SortedSet, Some(_)) => kind::ZSET_LISTPACK,
        (Kind::SortedSet, None) => kind::ZSET_2,
        (Kind::Hash, Some(Packing::ListPackEx)) if has_room_for_deadlines(entry, purpose) => {
            kind::HASH_LISTPACK_EX
        }
        (Kind::Hash, Some(_)) => kind::HASH_LISTPACK,
        (Kind::Hash, None) if needs_field_deadlines(entry) => kind::HASH_METADATA,
        (Kind::Hash, None) => kind::HASH,
        (Kind::Stream, _) => kind::STREAM_LISTPACKS_3,
    }
}

/// Whether a packed hash of triples is written as such.
fn has_room_for_deadlines(entry: &Entry, purpose: Purpose) -> bool {
    purpose == Purpose::Dump || needs_field_deadlines(entry)
}

/// Writes a value, in slices if it is asked to. Between two slices the value must not change.
#[derive(Debug)]
pub struct ValueWriter {
    style: Style,
    step: Step,
}

/// Where a writer stands.
#[derive(Debug)]
enum Step {
    Begin,
    /// The element of a list that begins the next node.
    Node(usize),
    /// The cursor of the next records of a table.
    Records(u64),
    /// How many entries of a sorted set are still to come.
    Ranks(usize),
    Stream(StreamStep),
    Done,
}

impl ValueWriter {
    /// A writer of one value.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self { style, step: Step::Begin }
    }

    /// Goes on with writing the value of `entry`, until about `budget` bytes were added: a node, a block or an element may
    /// go beyond. Returns whether all is written.
    pub fn write_some(&mut self, entry: &Entry, out: &mut Vec<u8>, budget: usize) -> bool {
        let end = out.len().saturating_add(budget);
        while !matches!(self.step, Step::Done) {
            if out.len() >= end {
                return false;
            }
            self.step = self.write_piece(entry, out);
        }
        true
    }

    fn text(&self, out: &mut Vec<u8>, text: &[u8]) {
        put_text(out, text, self.style.compress);
    }

    fn write_piece(&mut self, entry: &Entry, out: &mut Vec<u8>) -> Step {
        match std::mem::replace(&mut self.step, Step::Done) {
            Step::Begin => self.begin(entry, out),
            Step::Node(at) => self.node(entry, at, out),
            Step::Records(cursor) => self.records(entry, cursor, out),
            Step::Ranks(left) => self.ranks(entry, left, out),
            Step::Stream(step) => {
                step.write(stream_of(entry), self.style.compress, out).map_or(Step::Done, Step::Stream)
            }
            Step::Done => Step::Done,
        }
    }

    /// Writes what is small whole, and of what is large the number of its elements.
    fn begin(&self, entry: &Entry, out: &mut Vec<u8>) -> Step {
        match entry.string() {
            Some(StringRef::Integer(value)) => put_integer(out, value),
            Some(StringRef::Bytes(bytes)) => self.text(out, bytes),
            None => return self.begin_collection(entry, out),
        }
        Step::Done
    }

    fn begin_collection(&self, entry: &Entry, out: &mut Vec<u8>) -> Step {
        if let Some(list) = ListRef::of(entry) {
            put_count(out, list.stored_count());
            return Step::Node(0);
        }
        if let Some((packing, bytes)) = entry.packed() {
            self.packed(entry, packing, bytes, out);
            return Step::Done;
        }
        if let Some(set) = SetRef::of(entry) {
            put_count(out, set.len());
            return Step::Records(0);
        }
        if let Some(set) = ZSetRef::of(entry) {
            put_count(out, set.len());
            return Step::Ranks(set.len());
        }
        if let Some(hash) = HashRef::of(entry) {
            if let Some(next) = hash.next_deadline() {
                out.extend_from_slice(&next.0.to_le_bytes());
            }
            put_count(out, hash.len());
            return Step::Records(0);
        }
        Step::Stream(StreamStep::begin(stream_of(entry), out))
    }

    fn packed(&self, entry: &Entry, packing: Packing, bytes: &[u8], out: &mut Vec<u8>) {
        if packing != Packing::ListPackEx {
            return self.text(out, bytes);
        }
        if has_room_for_deadlines(entry, self.style.purpose) {
            let next = hash::next_deadline(entry).unwrap_or(UnixMs(0));
            out.extend_from_slice(&next.0.to_le_bytes());
            return self.text(out, bytes);
        }
        self.text(out, &without_deadlines(ListPack::new(bytes)));
    }

    fn node(&self, entry: &Entry, at: usize, out: &mut Vec<u8>) -> Step {
        let list = ListRef::of(entry).expect("the value has not changed");
        let Some((stored, behind)) = list.stored(at) else { return Step::Done };
        match stored {
            Stored::Bare(list) => {
                put_length(out, node::LISTPACK);
                self.text(out, &whole(list));
            }
            Stored::Listpack(list) => {
                put_length(out, node::LISTPACK);
                self.text(out, list.bytes());
            }
            Stored::Plain(text) => {
                put_length(out, node::PLAIN);
                self.text(out, text);
            }
        }
        if behind < list.len() { Step::Node(behind) } else { Step::Done }
    }

    fn records(&self, entry: &Entry, cursor: u64, out: &mut Vec<u8>) -> Step {
        let (table, next_deadline) = table_of(entry);
        let is_hash = entry.kind() == Kind::Hash;
        let next = table.scan(cursor, PIECE_RECORDS, |record| {
            if let Some(next) = next_deadline {
                put_length(out, deadline_beyond(next, &record));
            }
            self.text(out, record.key);
            if is_hash {
                self.text(out, record.value);
            }
        });
        if next == 0 { Step::Done } else { Step::Records(next) }
    }

    fn ranks(&self, entry: &Entry, left: usize, out: &mut Vec<u8>) -> Step {
        let set = ZSetRef::of(entry).expect("the value has not changed");
        let Some(rank) = left.checked_sub(1) else { return Step::Done };
        set.walk(rank, PIECE_RECORDS, true, |member, score| {
            self.text(out, member);
            out.extend_from_slice(&score.to_le_bytes());
            true
        });
        match left.saturating_sub(PIECE_RECORDS) {
            0 => Step::Done,
            left => Step::Ranks(left),
        }
    }
}

/// How the deadline of a field is written: 0 for none, else one more than its distance from the next one.
fn deadline_beyond(next: UnixMs, record: &Record<'_>) -> u64 {
    record.deadline.map_or(0, |at| at.0.wrapping_sub(next.0).wrapping_add(1).cast_unsigned())
}

/// The table of a large set or hash, and the next deadline of its fields.
fn table_of(entry: &Entry) -> (&PackedTable, Option<UnixMs>) {
    if let Some(SetRef::Table(table)) = SetRef::of(entry) {
        return (table, None);
    }
    match HashRef::of(entry) {
        Some(HashRef::Table(hash)) => (hash.table(), hash.next_deadline()),
        _ => unreachable!("the value has not changed: it is a table"),
    }
}

fn stream_of(entry: &Entry) -> &Stream {
    let stream = entry.as_object().and_then(|object| object.as_any().downcast_ref());
    stream.expect("what is none of the other kinds is a stream")
}

/// A listpack with head and end.
fn whole(bare: ListPack<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(bare.total_bytes());
    bytes.extend_from_slice(&listpack::EMPTY[..listpack::EMPTY.len() - 1]);
    bytes.extend_from_slice(bare.elements());
    listpack::rebuild(bytes, bare.len())
}

/// The fields and values of a packed hash of triples.
fn without_deadlines(triples: ListPack<'_>) -> Vec<u8> {
    let mut run = listpack::Run::default();
    for (index, element) in triples.iter().enumerate() {
        if index % 3 != 2 {
            run.push_element(element);
        }
    }
    let mut bytes = listpack::EMPTY.to_vec();
    listpack::push_run(&mut bytes, &run);
    bytes
}
