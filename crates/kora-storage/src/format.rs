//! The log's format: names of files, the header of a segment, the header of a record.
//!
//! All numbers are little endian, all checksums CRC-32C over the directory's salt and the bytes named.
//!
//! | segment header | bytes | | record header | bytes |
//! |---|---|---|---|---|
//! | `KORALOG\0` | 8 | | payload length | 4 |
//! | format version, 4 | 2 | | lag | 4 |
//! | flags; 1: begun after a failure | 2 | | sequence number | 8 |
//! | sequence number of the first record | 8 | | checksum of the payload | 4 |
//! | salt | 8 | | checksum of the 20 bytes above | 4 |
//! | checksum of the 28 bytes above, without salt | 4 | | the payload follows | |
//! | a mark, or zeros | 24 | | | |
//!
//! The length has a checksum of its own, so that a flipped bit in it does not pass for an end that was not
//! written whole. The lag says how far the record was ahead of what was known to be durable when it was appended:
//! it tells damage from what a power cut left behind. The salt, which no client knows, keeps bytes inside a value
//! from passing for a record when a reader looks for one behind a broken place.
//!
//! A *mark* is a record's header with lag 0 and no payload, and has the number of a record before it: every record up to
//! that one is durable. One follows each sync, among the records; the one in the segment's header is written in place, now
//! and then, and tells of an end that is missing. What a payload holds is [`kora_stream::record`].

use std::path::Path;

use crc_fast::{CrcAlgorithm, Digest};

/// Bytes of a segment's header.
pub const SEGMENT_HEADER_LENGTH: usize = MARK_OFFSET + RECORD_HEADER_LENGTH;
/// Where the mark is in a segment's header.
pub const MARK_OFFSET: usize = 32;
/// Bytes of a record's header.
pub const RECORD_HEADER_LENGTH: usize = 24;

const MAGIC: &[u8; 8] = b"KORALOG\0";
const VERSION: u16 = 4;
/// The segment was begun after a failure: records before it are lost, and it counts only behind its own base.
const FLAG_AFTER_FAILURE: u16 = 1;

/// The name of the file that names the newest segment with durable records: [`trace`].
pub const TRACE_NAME: &str = "log.newest";
/// Bytes of that file.
pub const TRACE_LENGTH: usize = 20;
const TRACE_MAGIC: &[u8; 8] = b"KORANEW\0";

/// What it holds: eight bytes that are always the same, the number of the segment's first record, and a checksum of both.
#[must_use]
pub fn trace(first: u64) -> [u8; TRACE_LENGTH] {
    let mut bytes = [0; TRACE_LENGTH];
    bytes[..8].copy_from_slice(TRACE_MAGIC);
    bytes[8..16].copy_from_slice(&first.to_le_bytes());
    let sum = checksum(0, &bytes[..16]);
    bytes[16..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Reads it; none if it says nothing, or was not written whole.
#[must_use]
pub fn read_trace(bytes: &[u8]) -> Option<u64> {
    let first = u64::from_le_bytes(array_at(bytes, 8)?);
    (bytes == trace(first)).then_some(first)
}

/// The name of the segment whose first record has a number.
#[must_use]
pub fn segment_name(first: u64) -> String {
    format!("log-{first:020}.klog")
}

/// The name of the snapshot that holds the state before a record.
#[must_use]
pub fn base_name(first: u64) -> String {
    format!("base-{first:020}.rdb")
}

/// What a file's name says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A snapshot of the state before a record.
    Base(u64),
    /// A segment that begins with a record.
    Segment(u64),
    /// A snapshot that was never completed.
    Temporary,
    /// None of ours.
    Other,
}

/// Reads a file's name.
#[must_use]
pub fn parse_name(name: &str) -> Named {
    let number = |prefix, suffix| {
        let digits: &str = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
        let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|number: &u64| is_number && *number > 0)
    };
    if let Some(first) = number("base-", ".rdb") {
        Named::Base(first)
    } else if let Some(first) = number("log-", ".klog") {
        Named::Segment(first)
    } else if name.starts_with("temp-") && name.ends_with(".rdb") {
        Named::Temporary
    } else {
        Named::Other
    }
}

/// The file's name, for messages and for [`parse_name`].
pub(crate) fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// The checksum of salted bytes.
#[must_use]
pub fn checksum(salt: u64, bytes: &[u8]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(&salt.to_le_bytes());
    digest.update(bytes);
    u32::try_from(digest.finalize()).expect("the checksum has 32 bits")
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The head of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The sequence number of its first record.
    pub first: u64,
    /// Goes into the checksums of its records.
    pub salt: u64,
    /// Records before it are lost: it counts only behind its own base.
    pub after_failure: bool,
}

impl SegmentHeader {
    /// The bytes at the head of the file, without a mark.
    #[must_use]
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_LENGTH] {
        let mut bytes = [0; SEGMENT_HEADER_LENGTH];
        let flags = if self.after_failure { FLAG_AFTER_FAILURE } else { 0 };
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[10..12].copy_from_slice(&flags.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.first.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.salt.to_le_bytes());
        let sum = checksum(0, &bytes[..28]);
        bytes[28..MARK_OFFSET].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads the head of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let header: [u8; SEGMENT_HEADER_LENGTH] =
            array_at(bytes, 0).ok_or("the segment's header is cut off")?;
        if !header.starts_with(MAGIC) {
            return Err("not a segment of a log");
        }
        if array_at(&header, 28).map(u32::from_le_bytes) != Some(checksum(0, &header[..28])) {
            return Err("the checksum of the segment's header is wrong");
        }
        let number = |at| array_at(&header, at).map_or(0, u64::from_le_bytes);
        let half = |at| array_at(&header, at).map_or(0, u16::from_le_bytes);
        if half(8) != VERSION || half(10) & !FLAG_AFTER_FAILURE != 0 {
            return Err("a format of the log that this version doesn't know");
        }
        Ok(Self { first: number(12), salt: number(20), after_failure: half(10) & FLAG_AFTER_FAILURE != 0 })
    }

    /// The last record that the mark in the head of a file calls durable; none if there is no whole mark.
    #[must_use]
    pub fn durable(&self, bytes: &[u8]) -> Option<u64> {
        let mark = RecordHeader::decode(bytes.get(MARK_OFFSET..)?, self.salt)?;
        (mark.is_mark() && mark.sequence >= self.first).then_some(mark.sequence)
    }
}

/// Whether what stands where a segment's head has its mark was never written so, not even in part: a mark has zeros everywhere but
/// in its number and its checksum. `is_whole`: it was synced, so that no part of it can be missing.
#[must_use]
pub fn is_mark_damaged(head: &[u8; SEGMENT_HEADER_LENGTH], salt: u64, is_whole: bool) -> bool {
    let mark = &head[MARK_OFFSET..];
    let is_mark = RecordHeader::decode(mark, salt).is_some_and(|mark| mark.is_mark());
    let is_empty = mark.iter().all(|byte| *byte == 0);
    let may_be_torn = mark[..8].iter().chain(&mark[16..20]).all(|byte| *byte == 0);
    !is_mark && !is_empty && (is_whole || !may_be_torn)
}

/// The head of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// Bytes of its payload.
    pub length: u32,
    /// How far it was ahead of what was known durable, with itself; `u32::MAX` if farther than that. 0 in a mark.
    pub lag: u32,
    /// Its number; in a mark, that of the last record known to be durable.
    pub sequence: u64,
    /// The checksum of its payload.
    pub payload_checksum: u32,
}

impl RecordHeader {
    /// The mark that says that every record up to this one is durable.
    #[must_use]
    pub fn mark(sequence: u64) -> Self {
        Self { length: 0, lag: 0, sequence, payload_checksum: 0 }
    }

    /// Whether it is a mark and no record.
    #[must_use]
    pub fn is_mark(&self) -> bool {
        self.lag == 0
    }

    /// The bytes in front of the payload.
    #[must_use]
    pub fn encode(&self, salt: u64) -> [u8; RECORD_HEADER_LENGTH] {
        let mut bytes = [0; RECORD_HEADER_LENGTH];
        bytes[..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.lag.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.payload_checksum.to_le_bytes());
        let sum = checksum(salt, &bytes[..20]);
        bytes[20..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads what may be a header. `None` if its checksum is wrong or bytes are missing.
    #[must_use]
    pub fn decode(bytes: &[u8], salt: u64) -> Option<Self> {
        let header = Self::decode_unchecked(bytes)?;
        let sum = array_at(bytes, 20).map(u32::from_le_bytes)?;
        (sum == checksum(salt, bytes.get(..20)?)).then_some(header)
    }

    /// Reads the numbers, whatever the checksum says.
    pub(crate) fn decode_unchecked(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            length: u32::from_le_bytes(array_at(bytes, 0)?),
            lag: u32::from_le_bytes(array_at(bytes, 4)?),
            sequence: u64::from_le_bytes(array_at(bytes, 8)?),
            payload_checksum: u32::from_le_bytes(array_at(bytes, 16)?),
        })
    }

    /// Every record up to this one was known to be durable when this one was appended, or this mark made.
    #[must_use]
    pub fn durable(&self) -> u64 {
        if self.lag == u32::MAX { 0 } else { self.sequence.saturating_sub(u64::from(self.lag)) }
    }

    /// Bytes of the record, header and payload.
    #[must_use]
    pub fn record_length(&self) -> u64 {
        RECORD_HEADER_LENGTH as u64 + u64::from(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_the_way_to_disk_and_no_flipped_bit_does() {
        let segment = SegmentHeader { first: 7, salt: 99, after_failure: true };
        let record = RecordHeader { length: 3, lag: 2, sequence: 12, payload_checksum: 5 };
        let (segment_bytes, record_bytes) = (segment.encode(), record.encode(99));
        assert_eq!(SegmentHeader::decode(&segment_bytes), Ok(segment));
        assert_eq!(RecordHeader::decode(&record_bytes, 99), Some(record));
        assert_eq!(RecordHeader::decode(&record_bytes, 98), None);
        for bit in 0..MARK_OFFSET * 8 {
            let mut bytes = segment_bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&bytes).is_err());
        }
        for bit in 0..record_bytes.len() * 8 {
            let mut bytes = record_bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(RecordHeader::decode(&bytes, 99), None);
        }
    }

    #[test]
    fn a_mark_in_a_segments_head_counts_if_it_is_whole_and_the_segments_own() {
        let header = SegmentHeader { first: 7, salt: 99, after_failure: false };
        let with = |bytes: &[u8]| [&header.encode()[..MARK_OFFSET], bytes].concat();
        assert_eq!(header.durable(&header.encode()), None);
        let mark = RecordHeader::mark(9).encode(99);
        assert_eq!(header.durable(&with(&mark)), Some(9));
        assert_eq!(header.durable(&with(&mark)[..SEGMENT_HEADER_LENGTH - 1]), None);
        for bit in 0..mark.len() * 8 {
            let mut bytes = mark;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(header.durable(&with(&bytes)), None);
        }
        assert_eq!(header.durable(&with(&RecordHeader::mark(9).encode(98))), None, "another log's");
        assert_eq!(header.durable(&with(&RecordHeader::mark(6).encode(99))), None, "another segment's");
        let record = RecordHeader { length: 0, lag: 1, sequence: 9, payload_checksum: 0 };
        assert_eq!(header.durable(&with(&record.encode(99))), None, "no mark");
    }

    #[test]
    fn a_damaged_mark_is_told_from_a_torn_one_where_that_is_possible() {
        let header = SegmentHeader { first: 7, salt: 99, after_failure: false };
        let mut head = header.encode();
        assert!(!is_mark_damaged(&head, 99, true), "there is none");
        let (old, new) = (RecordHeader::mark(9).encode(99), RecordHeader::mark(300).encode(99));
        for torn in 0..=new.len() {
            head[MARK_OFFSET..].copy_from_slice(&[&new[..torn], &old[torn..]].concat());
            assert!(!is_mark_damaged(&head, 99, false), "{torn}");
        }
        for bit in 0..new.len() * 8 {
            let mut flipped = head;
            flipped[MARK_OFFSET + bit / 8] ^= 1 << (bit % 8);
            let is_told = bit / 64 == 0 || bit / 32 == 4;
            assert_eq!(is_mark_damaged(&flipped, 99, false), is_told, "{bit}");
            assert!(is_mark_damaged(&flipped, 99, true), "{bit}");
        }
    }

    #[test]
    fn a_trace_counts_if_it_is_whole() {
        let bytes = trace(7);
        assert_eq!(read_trace(&bytes), Some(7));
        assert_eq!(read_trace(&bytes[..TRACE_LENGTH - 1]), None);
        assert_eq!(read_trace(&[0; TRACE_LENGTH]), None);
        for bit in 0..TRACE_LENGTH * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_trace(&bytes), None);
        }
    }

    #[test]
    fn names_are_read_as_written() {
        assert_eq!(parse_name(&segment_name(1)), Named::Segment(1));
        assert_eq!(parse_name(&base_name(u64::MAX)), Named::Base(u64::MAX));
        assert_eq!(parse_name("temp-7.rdb"), Named::Temporary);
        for name in
            ["log-1.klog", "log-00000000000000000000.klog", "base-0000000000000000000x.rdb", "kora.lock"]
        {
            assert_eq!(parse_name(name), Named::Other, "{name}");
        }
    }

    #[test]
    fn the_durable_mark_saturates() {
        let record = |lag| RecordHeader { length: 0, lag, sequence: 1 << 40, payload_checksum: 0 };
        assert_eq!(record(1).durable(), (1 << 40) - 1);
        assert_eq!(record(u32::MAX).durable(), 0);
        assert_eq!(RecordHeader::mark(7).durable(), 7);
    }
}
