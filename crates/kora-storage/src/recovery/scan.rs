//! Finding the end of a segment: reading its records and marks one by one, and searching behind a broken one.

use std::collections::VecDeque;
use std::path::Path;

use kora_stream::order::{Cut as OrderCut, Operations};
use kora_stream::record::{Item, Items, Malformed, life_begun};

use super::{Cut, Segment};
use crate::disk::{Disk, DiskFile, read_full};
use crate::error::{Context, Damage, StorageError};
use crate::format::{RECORD_HEADER_LENGTH, RecordHeader, SEGMENT_HEADER_LENGTH, SegmentHeader, checksum};

/// How much of a file is read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// How often operations are forgotten that have all their parts, in records.
const FORGET_INTERVAL: u64 = 1024;

/// Reads a segment's records in order, each once.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    file: Box<dyn DiskFile>,
    length: u64,
    salt: u64,
    /// The number that the next record must have.
    expected: u64,
    /// Where the next record begins.
    offset: u64,
    /// The last record that was durable, as far as what was read says.
    durable: u64,
    chunk: Vec<u8>,
    /// Where in the file the chunk begins.
    chunk_at: u64,
}

/// What stands where a record should begin.
#[derive(Debug)]
pub(crate) enum Found {
    /// A whole record, from this offset on.
    Record(RecordHeader, u64),
    /// The end of the file.
    End,
    /// Something else.
    Broken(&'static str),
}

impl SegmentReader {
    pub(crate) fn open(disk: &dyn Disk, path: &Path, header: &SegmentHeader) -> Result<Self, StorageError> {
        let file = disk.open_read(path).context("open", path)?;
        let length = file.len().context("read", path)?;
        let mut head = [0; SEGMENT_HEADER_LENGTH];
        read_full(file.as_ref(), &mut head, 0).context("read", path)?;
        Ok(Self {
            file,
            length,
            salt: header.salt,
            expected: header.first,
            offset: SEGMENT_HEADER_LENGTH as u64,
            durable: header.durable(&head).unwrap_or(header.first - 1),
            chunk: Vec::new(),
            chunk_at: 0,
        })
    }

    pub(crate) fn expected(&self) -> u64 {
        self.expected
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of the file, fewer if it ends. Memory follows what is there, never what a header says.
    fn bytes(&mut self, offset: u64, length: usize) -> std::io::Result<&[u8]> {
        let available = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = length.min(available);
        let chunk_end = self.chunk_at + self.chunk.len() as u64;
        if offset < self.chunk_at || offset + length as u64 > chunk_end {
            self.chunk.resize(length.max(CHUNK_BYTES).min(available), 0);
            let count = read_full(self.file.as_ref(), &mut self.chunk, offset)?;
            self.chunk.truncate(count);
            self.chunk.shrink_to(length.max(CHUNK_BYTES));
            self.chunk_at = offset;
        }
        let at = usize::try_from(offset - self.chunk_at).unwrap_or(usize::MAX);
        let rest = self.chunk.get(at..).unwrap_or_default();
        Ok(rest.get(..length).unwrap_or(rest))
    }

    /// The bytes at an offset that are in memory, a header's length at least unless the file ends.
    fn window(&mut self, offset: u64) -> std::io::Result<&[u8]> {
        let chunk_end = self.chunk_at + self.chunk.len() as u64;
        let is_held = offset >= self.chunk_at && offset + RECORD_HEADER_LENGTH as u64 <= chunk_end;
        let length = if is_held { chunk_end - offset } else { CHUNK_BYTES as u64 };
        self.bytes(offset, usize::try_from(length).unwrap_or(CHUNK_BYTES))
    }

    /// Looks at the next record, behind marks, and steps over it if it is whole.
    pub(crate) fn next_record(&mut self) -> std::io::Result<Found> {
        let (salt, expected) = (self.salt, self.expected);
        let header = loop {
            if self.offset >= self.length {
                return Ok(Found::End);
            }
            let bytes = self.bytes(self.offset, RECORD_HEADER_LENGTH)?;
            if bytes.len() < RECORD_HEADER_LENGTH {
                return Ok(Found::Broken("a record's header is cut off"));
            }
            let Some(header) = RecordHeader::decode(bytes, salt) else {
                return Ok(Found::Broken("the checksum of a record's header is wrong"));
            };
            self.durable = self.durable.max(header.durable());
            if header.sequence >= expected || header != RecordHeader::mark(header.sequence) {
                break header;
            }
            self.offset += RECORD_HEADER_LENGTH as u64;
        };
        let offset = self.offset;
        if header.sequence != expected {
            return Ok(Found::Broken("a record has the wrong number"));
        }
        if header.record_length() > self.length - offset {
            return Ok(Found::Broken("a record is cut off"));
        }
        if checksum(salt, self.payload(&header, offset)?) != header.payload_checksum {
            return Ok(Found::Broken("the checksum of a record is wrong"));
        }
        self.offset += header.record_length();
        self.expected += 1;
        Ok(Found::Record(header, offset))
    }

    /// The payload of a record.
    pub(crate) fn payload(&mut self, header: &RecordHeader, offset: u64) -> std::io::Result<&[u8]> {
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        self.bytes(offset + RECORD_HEADER_LENGTH as u64, length)
    }

    /// Searches behind a broken place for whole records, and for marks, that came later.
    pub(crate) fn search(&mut self) -> std::io::Result<Later> {
        let mut later = Later::default();
        let (broken, salt) = (self.expected, self.salt);
        let mut offset = self.offset + 1;
        while offset + RECORD_HEADER_LENGTH as u64 <= self.length {
            let rest = self.length - offset;
            let sequence_max = broken + self.length / RECORD_HEADER_LENGTH as u64;
            let window = self.window(offset)?;
            let is_plausible = |bytes: &[u8]| {
                RecordHeader::decode_unchecked(bytes).is_some_and(|header| {
                    header.sequence >= broken
                        && header.sequence <= sequence_max
                        && header.record_length() <= rest
                }) && RecordHeader::decode(bytes, salt).is_some()
            };
            let mut places = window.windows(RECORD_HEADER_LENGTH);
            let Some(at) = places.position(is_plausible) else {
                // The last bytes of the window may begin a header.
                offset += (window.len() + 1).saturating_sub(RECORD_HEADER_LENGTH).max(1) as u64;
                continue;
            };
            offset += at as u64;
            let header = RecordHeader::decode(self.bytes(offset, RECORD_HEADER_LENGTH)?, salt);
            let Some(header) = header.filter(|header| header.record_length() <= self.length - offset) else {
                offset += 1;
                continue;
            };
            // A header that is whole was written by us: what it says counts even if its payload is not there.
            later.durable = later.durable.max(header.durable());
            if header.is_mark() {
                offset += RECORD_HEADER_LENGTH as u64;
            } else if checksum(salt, self.payload(&header, offset)?) == header.payload_checksum {
                later.records += 1;
                offset += header.record_length();
            } else {
                offset += 1;
            }
        }
        Ok(later)
    }
}

/// What was found behind a broken place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Later {
    /// How many whole records.
    pub(crate) records: u64,
    /// The last record that they and marks know to be durable.
    pub(crate) durable: u64,
}

/// How the log ends.
#[derive(Debug)]
pub(crate) struct Tail {
    /// The last record that counts.
    pub(crate) last: u64,
    /// Where it ends.
    pub(crate) end: u64,
    /// Where the records begin that are not known to be durable.
    pub(crate) undurable_from: u64,
    pub(crate) cut: Option<Cut>,
    /// What of its records counts.
    pub(crate) order_cut: OrderCut,
}

/// Notes the parts that a payload holds.
fn note_parts(operations: &mut Operations, sequence: u64, payload: &[u8]) -> Result<(), Malformed> {
    for item in Items::new(payload) {
        if let Item::Part(part) = item? {
            operations.note(sequence, part.ticket, part.count);
        }
    }
    Ok(())
}

/// What of the life before counts, if a life begins with the first record of a segment.
pub(crate) fn life_of(disk: &dyn Disk, segment: &Segment) -> Result<Option<OrderCut>, StorageError> {
    let path = &segment.path;
    let mut reader = SegmentReader::open(disk, path, &segment.header)?;
    let Found::Record(header, offset) = reader.next_record().context("read", path)? else { return Ok(None) };
    let begun = life_begun(reader.payload(&header, offset).context("read", path)?);
    begun.map_err(|malformed| Damage::new(path, offset, malformed.to_string()).into())
}

/// What counts of a segment that is whole; none if it has no records.
pub(crate) fn scan_order(disk: &dyn Disk, segment: &Segment) -> Result<Option<OrderCut>, StorageError> {
    let path = &segment.path;
    let mut reader = SegmentReader::open(disk, path, &segment.header)?;
    let mut scanned = Scanned::new(&segment.header);
    while let Found::Record(header, offset) = reader.next_record().context("read", path)? {
        let durable = reader.durable();
        let payload = reader.payload(&header, offset).context("read", path)?;
        let noted = scanned.take((header.sequence, offset), payload, durable);
        noted.map_err(|malformed| Damage::new(path, offset, malformed.to_string()))?;
    }
    let last = reader.expected() - 1;
    Ok((last >= segment.header.first).then(|| scanned.operations.cut(last)))
}

/// Looks through the last segment for the end of what counts.
pub(crate) fn scan_tail(disk: &dyn Disk, segment: &Segment) -> Result<Tail, StorageError> {
    let path = &segment.path;
    let mut reader = SegmentReader::open(disk, path, &segment.header)?;
    let mut scanned = Scanned::new(&segment.header);
    let broken = loop {
        match reader.next_record().context("read", path)? {
            Found::Record(header, offset) => {
                let durable = reader.durable();
                let payload = reader.payload(&header, offset).context("read", path)?;
                let noted = scanned.take((header.sequence, offset), payload, durable);
                noted.map_err(|malformed| Damage::new(path, offset, malformed.to_string()))?;
            }
            Found::End => break None,
            Found::Broken(what) => break Some(what),
        }
    };
    let (last, end) = (reader.expected() - 1, reader.offset());
    let mut tail = Tail {
        last,
        end,
        undurable_from: scanned.undurable_from(),
        cut: None,
        order_cut: scanned.operations.cut(last),
    };
    let later = reader.search().context("read", path)?;
    let durable = reader.durable().max(later.durable);
    if durable > last {
        let what = broken.unwrap_or("the file ends too early");
        let what = format!("{what}, but all records up to {durable} were durable");
        return Err(Damage::new(path, end, what).into());
    }
    let records = later.records;
    if let Some(what) = broken {
        tail.cut = Some(Cut {
            path: path.clone(),
            offset: end,
            bytes: reader.length() - end,
            records,
            behind: records,
            what: what.to_owned(),
        });
    }
    Ok(tail)
}

/// What is kept of the records scanned: little, however many they are.
#[derive(Debug)]
struct Scanned {
    operations: Operations,
    /// The last record known to be durable.
    durable: u64,
    /// Records with their offsets, one in each [`CHUNK_BYTES`]: the first is not behind `durable`.
    samples: VecDeque<(u64, u64)>,
}

impl Scanned {
    fn new(header: &SegmentHeader) -> Self {
        Self {
            operations: Operations::default(),
            durable: header.first - 1,
            samples: [(header.first, SEGMENT_HEADER_LENGTH as u64)].into(),
        }
    }

    fn take(
        &mut self,
        (sequence, offset): (u64, u64),
        payload: &[u8],
        durable: u64,
    ) -> Result<(), Malformed> {
        note_parts(&mut self.operations, sequence, payload)?;
        // There may be many records, and few operations that lack parts.
        if sequence % FORGET_INTERVAL == 0 {
            let covered = self.operations.covered(sequence);
            self.operations.forget(covered);
        }
        if self.samples.back().is_none_or(|sample| offset - sample.1 >= CHUNK_BYTES as u64) {
            self.samples.push_back((sequence, offset));
        }
        self.durable = durable;
        while self.samples.get(1).is_some_and(|sample| sample.0 <= self.durable) {
            self.samples.pop_front();
        }
        Ok(())
    }

    /// A place behind which lie all records that are not known to be durable.
    fn undurable_from(&self) -> u64 {
        self.samples.front().map_or(SEGMENT_HEADER_LENGTH as u64, |sample| sample.1)
    }
}
