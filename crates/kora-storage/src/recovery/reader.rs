//! Reading the records that count, over all segments.

use std::path::Path;

use kora_stream::order::Cut;

use super::{Lives, Plan, Segment};
use crate::disk::Disk;
use crate::error::{Context, Damage, StorageError};
use crate::recovery::scan::{Found, SegmentReader};

/// A record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its number.
    pub sequence: u64,
    /// What it holds: see [`kora_stream::record`].
    pub payload: &'a [u8],
    /// What of it counts.
    pub cut: &'a Cut,
    /// The segment it is in.
    pub path: &'a Path,
    /// Where it begins there.
    pub offset: u64,
}

/// The records of a plan, in order. Whatever is not as it should be is an error: the plan's end is before
/// everything that may be cut.
#[derive(Debug)]
pub struct LogReader<'a> {
    disk: &'a dyn Disk,
    segments: std::slice::Iter<'a, Segment>,
    current: Option<(&'a Segment, SegmentReader)>,
    expected: u64,
    /// The number behind the last record.
    next: u64,
    lives: &'a Lives,
}

impl<'a> LogReader<'a> {
    pub(super) fn new(disk: &'a dyn Disk, plan: &'a Plan) -> Self {
        let expected = plan.segments.first().map_or(plan.next, |segment| segment.header.first);
        Self {
            disk,
            segments: plan.segments.iter(),
            current: None,
            expected,
            next: plan.next,
            lives: &plan.lives,
        }
    }

    /// The next record; none behind the last.
    ///
    /// # Errors
    /// [`StorageError::Damage`] or [`StorageError::Missing`] with the file and the place, or what the system says.
    #[allow(clippy::should_implement_trait, reason = "a record borrows the reader's buffer")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, StorageError> {
        let Some((header, offset)) = self.advance()? else { return Ok(None) };
        let Some((segment, reader)) = &mut self.current else { return Ok(None) };
        let payload = reader.payload(&header, offset).context("read", &segment.path)?;
        let cut = self.lives.cut_at(header.sequence);
        Ok(Some(Record { sequence: header.sequence, payload, cut, path: &segment.path, offset }))
    }

    fn advance(&mut self) -> Result<Option<(crate::format::RecordHeader, u64)>, StorageError> {
        loop {
            if let Some((segment, reader)) = &mut self.current {
                if self.expected == self.next && self.segments.len() == 0 {
                    return Ok(None);
                }
                let path = &segment.path;
                match reader.next_record().context("read", path)? {
                    Found::Record(header, offset) => {
                        self.expected = header.sequence + 1;
                        return Ok(Some((header, offset)));
                    }
                    Found::Broken(what) => return Err(Damage::new(path, reader.offset(), what).into()),
                    Found::End => {}
                }
            }
            let Some(segment) = self.segments.next() else { return self.end() };
            self.check_continuity(segment)?;
            self.current = Some((segment, SegmentReader::open(self.disk, &segment.path, &segment.header)?));
        }
    }

    fn end(&self) -> Result<Option<(crate::format::RecordHeader, u64)>, StorageError> {
        match &self.current {
            Some((segment, reader)) if self.expected != self.next => {
                Err(Damage::new(&segment.path, reader.offset(), "records are gone").into())
            }
            _ => Ok(None),
        }
    }

    /// A segment begins with the record behind the last of the one before.
    fn check_continuity(&self, segment: &Segment) -> Result<(), StorageError> {
        let first = segment.header.first;
        let Some((before, reader)) = self.current.as_ref().filter(|_| first != self.expected) else {
            return Ok(());
        };
        let what = format!(
            "it ends with record {}, but the next segment begins with record {first}",
            self.expected.saturating_sub(1)
        );
        Err(Damage::new(&before.path, reader.offset(), what).into())
    }
}
