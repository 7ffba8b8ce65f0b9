//! Writing a stream: its blocks, its past, its groups with what is pending and their consumers.

use std::ops::Bound;

use super::super::{Consumer, Group, Stream, StreamId};
use crate::codec::{Style, put_count, put_length, put_text};
use crate::entry::Entry;
use crate::entry::data_type::{Rest, WritePieces};

/// Pending entries of one piece.
const PIECE_PENDING: usize = 32;

/// Where a writer stands in a stream.
#[derive(Debug)]
enum StreamStep {
    /// Behind this block.
    Blocks(Option<StreamId>),
    Past,
    /// Behind this group.
    Groups(Option<Box<[u8]>>),
    /// In this group, behind this pending entry.
    Pending(Box<[u8]>, Option<StreamId>),
    /// In this group, behind this consumer.
    Consumers(Box<[u8]>, Option<Box<[u8]>>),
    /// In this group, at this consumer, behind this pending entry.
    Owned(Box<[u8]>, Box<[u8]>, Option<StreamId>),
}

/// What lies behind a place that was written last.
fn behind<T: ?Sized>(last: Option<&T>) -> (Bound<&T>, Bound<&T>) {
    (last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

fn put_id(out: &mut Vec<u8>, id: StreamId) {
    put_length(out, id.ms);
    put_length(out, id.seq);
}

pub(in crate::types::stream) fn write(entry: &Entry, _: Style, out: &mut Vec<u8>) -> Rest {
    let stream = Stream::of(entry)?;
    put_count(out, stream.log().live_block_count());
    Some(Box::new(StreamWriter(Some(StreamStep::Blocks(None)))))
}

/// Writes a stream.
#[derive(Debug)]
struct StreamWriter(Option<StreamStep>);

impl WritePieces for StreamWriter {
    fn write_piece(&mut self, entry: &Entry, style: Style, out: &mut Vec<u8>) -> bool {
        let stream = Stream::of(entry).expect("the value has not changed");
        self.0 = self.0.take().and_then(|step| step.write(stream, style.compress, out));
        self.0.is_some()
    }
}

impl StreamStep {
    /// Writes the next piece; `None` if that was the last.
    fn write(self, stream: &Stream, compress: bool, out: &mut Vec<u8>) -> Option<Self> {
        Some(match self {
            Self::Blocks(last) => write_block(stream, last, compress, out),
            Self::Past => {
                write_past(stream, out);
                Self::Groups(None)
            }
            Self::Groups(last) => {
                let (name, group) = stream.groups_behind(last.as_deref()).next()?;
                write_group(name, group, compress, out);
                Self::Pending(name.into(), None)
            }
            Self::Pending(name, last) => {
                let last = write_pending(group(stream, &name), last, out);
                match last {
                    Some(_) => Self::Pending(name, last),
                    None => {
                        put_count(out, group(stream, &name).consumers().len());
                        Self::Consumers(name, None)
                    }
                }
            }
            Self::Consumers(name, last) => {
                match group(stream, &name).consumers_behind(last.as_deref()).next() {
                    None => Self::Groups(Some(name)),
                    Some(consumer) => {
                        write_consumer(consumer, compress, out);
                        let consumer = consumer.name().into();
                        Self::Owned(name, consumer, None)
                    }
                }
            }
            Self::Owned(name, consumer, last) => {
                let last = write_owned(group(stream, &name), &consumer, last, out);
                match last {
                    Some(_) => Self::Owned(name, consumer, last),
                    None => Self::Consumers(name, Some(consumer)),
                }
            }
        })
    }
}

fn group<'a>(stream: &'a Stream, name: &[u8]) -> &'a Group {
    stream.group(name).expect("the stream has not changed")
}

fn write_block(stream: &Stream, last: Option<StreamId>, compress: bool, out: &mut Vec<u8>) -> StreamStep {
    let Some((base, bytes)) = stream.log().live_blocks_behind(last).next() else { return StreamStep::Past };
    put_text(out, &base.to_bytes(), false);
    put_text(out, bytes, compress);
    StreamStep::Blocks(Some(base))
}

fn write_past(stream: &Stream, out: &mut Vec<u8>) {
    let log = stream.log();
    put_length(out, log.len());
    put_id(out, log.last_id());
    put_id(out, log.first_id().unwrap_or(StreamId::MIN));
    put_id(out, log.max_deleted_id());
    put_length(out, log.entries_added());
    put_count(out, stream.groups().len());
}

fn write_group(name: &[u8], group: &Group, compress: bool, out: &mut Vec<u8>) {
    put_text(out, name, compress);
    put_id(out, group.last_id);
    put_length(out, group.entries_read.unwrap_or(u64::MAX));
    put_count(out, group.pending().len());
}

/// Writes pending entries behind `last`; the last one written.
fn write_pending(group: &Group, last: Option<StreamId>, out: &mut Vec<u8>) -> Option<StreamId> {
    let range = group.pending().range::<StreamId, _>(behind(last.as_ref()));
    let mut written = None;
    for (&id, pending) in range.take(PIECE_PENDING) {
        out.extend_from_slice(&id.to_bytes());
        out.extend_from_slice(&pending.delivered.0.to_le_bytes());
        put_length(out, pending.delivery_count);
        written = Some(id);
    }
    written
}

fn write_consumer(consumer: &Consumer, compress: bool, out: &mut Vec<u8>) {
    put_text(out, consumer.name(), compress);
    out.extend_from_slice(&consumer.seen.0.to_le_bytes());
    out.extend_from_slice(&consumer.active.map_or(-1, |at| at.0).to_le_bytes());
    put_count(out, consumer.pending().len());
}

/// Writes the IDs that are pending for a consumer behind `last`; the last one written.
fn write_owned(group: &Group, name: &[u8], last: Option<StreamId>, out: &mut Vec<u8>) -> Option<StreamId> {
    let consumer = group.find_consumer(name).map(|id| group.consumer(id));
    let pending = consumer.expect("the stream has not changed").pending();
    let mut written = None;
    for &id in pending.range::<StreamId, _>(behind(last.as_ref())).take(PIECE_PENDING) {
        out.extend_from_slice(&id.to_bytes());
        written = Some(id);
    }
    written
}
