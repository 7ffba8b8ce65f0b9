//! A log whose process was killed, with one byte changed or its end missing: a start refuses it, or finds at least what was
//! durable.

use std::ops::Range;

use super::super::Flips;
use super::{Checked, Process, Trouble, World, load};
use crate::disk::Disk;
use crate::error::StorageError;
use crate::format::{SEGMENT_HEADER_LENGTH, SegmentHeader, TRACE_NAME, read_trace};
use crate::recovery::Recovery;
use crate::simulated::{Fault, SimulatedDisk};

/// What a start made of a file that is not what was written.
enum Outcome {
    Refused,
    /// The log ends with this record.
    Found(u64),
}

impl World {
    /// A life that ends with a kill; then each `stride`-th byte of the last segment is changed, and the segment cut there.
    pub(in super::super) fn live_and_flip(&mut self, stride: usize) -> Checked<Flips> {
        let mut process = self.start()?;
        let actions = 40 + self.choices.below(80);
        for _ in 0..actions {
            self.act(&mut process)?;
            self.observe(&mut process)?;
        }
        self.disk.end(Fault::Kill);
        let Process { log, .. } = process;
        let durable = self.history.covered(log.durable());
        self.disk.restart();
        let plan = Recovery::inspect(&self.disk, &self.dir).map_err(|error| error.to_string())?;
        let mut flips = Flips::default();
        let Some(segment) = plan.segments.last() else { return Ok(flips) };
        let whole = self.disk.contents(&segment.path).unwrap_or_default();
        let last = plan.next - 1;
        if last < durable {
            return Err(format!("record {durable} was durable, but the log ends with {last}"));
        }
        for at in (0..whole.len()).step_by(stride.max(1)) {
            let mut bytes = whole.clone();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= u8::try_from(at % 255 + 1).unwrap_or(1);
            }
            flips.bytes += 1;
            match self.start_with(segment.path.as_path(), &bytes)? {
                Outcome::Refused => flips.refused += 1,
                Outcome::Found(found) if found < durable => {
                    return Err(format!(
                        "byte {at}: record {durable} was durable, but the log ends with {found}"
                    ));
                }
                Outcome::Found(found) if found == last => flips.same += 1,
                Outcome::Found(_) => flips.cut += 1,
            }
        }
        let Ok(header) = SegmentHeader::decode(&whole) else { return Ok(flips) };
        let marked = header.durable(&whole).map_or(0, |marked| self.history.covered(marked));
        self.cut_everywhere(&segment.path, &whole, (stride, marked), &mut flips)?;
        let trace = self.disk.contents(&self.dir.join(TRACE_NAME)).unwrap_or_default();
        if read_trace(&trace) == Some(header.first) {
            self.check_traced(&segment.path, &whole)?;
            flips.traced += 1;
        }
        Ok(flips)
    }

    /// Cuts the segment where it has records: what its head calls durable must not be lacking.
    fn cut_everywhere(
        &self,
        path: &std::path::Path,
        whole: &[u8],
        (stride, marked): (usize, u64),
        flips: &mut Flips,
    ) -> Checked {
        let lengths: Range<usize> = SEGMENT_HEADER_LENGTH..whole.len();
        for length in lengths.step_by(stride.max(1)) {
            let bytes = whole.get(..length).unwrap_or_default();
            flips.ends += 1;
            match self.start_with(path, bytes)? {
                Outcome::Refused => flips.refused_ends += 1,
                Outcome::Found(found) if found < marked => {
                    return Err(format!("cut to {length} bytes: the log ends with {found} of {marked}"));
                }
                Outcome::Found(_) => {}
            }
        }
        Ok(())
    }

    /// A segment of which the trace speaks must be there, with its whole header.
    fn check_traced(&self, path: &std::path::Path, whole: &[u8]) -> Checked {
        for length in 0..SEGMENT_HEADER_LENGTH {
            let Outcome::Refused = self.start_with(path, whole.get(..length).unwrap_or_default())? else {
                return Err(format!("cut to {length} bytes: the log is taken for one without the segment"));
            };
        }
        let disk = self.disk.fork(0);
        disk.remove(path).map_err(|error| error.to_string())?;
        let Outcome::Refused = self.start_on(&disk)? else {
            return Err("nobody misses the last segment".to_owned());
        };
        Ok(())
    }

    /// What a start finds if a file has other contents.
    fn start_with(&self, path: &std::path::Path, contents: &[u8]) -> Checked<Outcome> {
        let disk: SimulatedDisk = self.disk.fork(0);
        disk.put(path, contents);
        self.start_on(&disk)
    }

    fn start_on(&self, disk: &SimulatedDisk) -> Checked<Outcome> {
        let found = Recovery::inspect(disk, &self.dir).map_err(Trouble::from);
        let found = found.and_then(|plan| Ok((plan.next - 1, load(disk as &dyn Disk, &plan)?)));
        match found {
            Ok((last, state)) if self.history.state_at(last).as_ref() == Some(&state) => {
                Ok(Outcome::Found(last))
            }
            Ok((last, _)) => Err(format!("the state after record {last} is another")),
            Err(Trouble::Storage(StorageError::Damage(_) | StorageError::Missing { .. })) => {
                Ok(Outcome::Refused)
            }
            Err(Trouble::Storage(error)) => Err(error.to_string()),
            Err(Trouble::Anomaly(what)) => Err(what),
        }
    }
}
