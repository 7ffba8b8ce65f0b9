//! The lives of a process that a log holds, and what of each counts.
//!
//! The order of what several shards recorded is that of one life: docs/adr/0031-order-stamps.md. A process that goes on with
//! a log begins with a record that says what of the life before counts.

use kora_stream::order::Cut;

use super::Segment;
use super::scan::{life_of, scan_order};
use crate::disk::Disk;
use crate::error::StorageError;

/// What counts of the lives that a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lives {
    /// The first record of each life but the first, ascending, with what of the life before counts.
    begun: Vec<(u64, Cut)>,
    /// What of the last life counts.
    last: Cut,
}

impl Lives {
    /// Reads what segments say of the lives before. `last` is what counts of the last segment.
    pub(super) fn read(disk: &dyn Disk, segments: &[Segment], last: Cut) -> Result<Self, StorageError> {
        let mut lives = Self { begun: Vec::new(), last };
        for segment in segments {
            if let Some(cut) = life_of(disk, segment)? {
                lives.begun.push((segment.header.first, cut));
            }
        }
        Ok(lives)
    }

    /// What counts of segments of which the last has no records: a life that has not begun, or a barrier, at which no operation lacks
    /// parts.
    pub(super) fn order_before(disk: &dyn Disk, segments: &[Segment]) -> Result<Cut, StorageError> {
        for segment in segments.iter().rev() {
            if let Some(cut) = scan_order(disk, segment)? {
                return Ok(cut);
            }
        }
        Ok(Cut::default())
    }

    /// What counts of the life that a record is of.
    #[must_use]
    pub fn cut_at(&self, record: u64) -> &Cut {
        let behind = self.begun.partition_point(|(first, _)| *first <= record);
        self.begun.get(behind).map_or(&self.last, |(_, cut)| cut)
    }

    /// What counts of the last life: the next one is to begin with that.
    #[must_use]
    pub fn last_cut(&self) -> &Cut {
        &self.last
    }
}
