//! How long the disk takes for the log: a disk that looks at the clock.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use kora_engine::latency::{Distribution, Histogram};
use kora_storage::disk::{DirLock, Disk, DiskFile, SyncHandle};

/// How long calls of one kind took.
#[derive(Debug, Default)]
pub(crate) struct Times {
    histogram: Histogram,
    nanoseconds: AtomicU64,
}

impl Times {
    /// Notes the time that `body` takes, whatever becomes of it.
    pub(crate) fn of<T>(&self, body: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = body();
        let nanoseconds = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.histogram.note_among_others(nanoseconds);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        result
    }

    /// All that was noted, and its sum in nanoseconds; none if there was nothing.
    pub(crate) fn read(&self) -> Option<(Distribution, u64)> {
        let sum = self.nanoseconds.load(Ordering::Relaxed);
        Some((Distribution::of(std::iter::once(&self.histogram))?, sum))
    }
}

/// How long the disk takes, by what it is asked for.
#[derive(Debug, Default)]
pub(crate) struct DiskTimes {
    /// Records written to the log.
    pub(crate) log_writes: Times,
    /// The log made durable.
    pub(crate) log_syncs: Times,
    /// Pieces of snapshots written.
    pub(crate) snapshot_writes: Times,
    /// Snapshots made durable.
    pub(crate) snapshot_syncs: Times,
}

/// What a file is for.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Log,
    Snapshot,
    Other,
}

impl DiskTimes {
    fn writes(&self, purpose: Purpose) -> Option<&Times> {
        match purpose {
            Purpose::Log => Some(&self.log_writes),
            Purpose::Snapshot => Some(&self.snapshot_writes),
            Purpose::Other => None,
        }
    }

    fn syncs(&self, purpose: Purpose) -> Option<&Times> {
        match purpose {
            Purpose::Log => Some(&self.log_syncs),
            Purpose::Snapshot => Some(&self.snapshot_syncs),
            Purpose::Other => None,
        }
    }
}

fn timed<T>(times: Option<&Times>, body: impl FnOnce() -> T) -> T {
    match times {
        Some(times) => times.of(body),
        None => body(),
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct TimedDisk<D> {
    disk: D,
    times: Arc<DiskTimes>,
}

impl<D: Disk> TimedDisk<D> {
    pub(crate) fn new(disk: D, times: Arc<DiskTimes>) -> Self {
        Self { disk, times }
    }

    fn file(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        let purpose = match path.extension() {
            Some(extension) if extension == "klog" => Purpose::Log,
            Some(extension) if extension == "rdb" => Purpose::Snapshot,
            _ => Purpose::Other,
        };
        Box::new(TimedFile { file, purpose, times: Arc::clone(&self.times) })
    }
}

impl<D: Disk> Disk for TimedDisk<D> {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, self.disk.create_new(path)?))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open_read(path)
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, self.disk.open_append(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn lock_dir(&self, dir: &Path) -> io::Result<Box<dyn DirLock>> {
        self.disk.lock_dir(dir)
    }
}

#[derive(Debug)]
struct TimedFile {
    file: Box<dyn DiskFile>,
    purpose: Purpose,
    times: Arc<DiskTimes>,
}

impl DiskFile for TimedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = &mut self.file;
        timed(self.times.writes(self.purpose), || file.write(bytes))
    }

    fn rewrite_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.rewrite_at(bytes, offset)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let file = &mut self.file;
        timed(self.times.syncs(self.purpose), || file.sync_data())
    }

    fn sync_handle(&self) -> Box<dyn SyncHandle> {
        let (handle, times) = (self.file.sync_handle(), Arc::clone(&self.times));
        Box::new(TimedSync { handle, purpose: self.purpose, times })
    }

    fn has_name(&self) -> io::Result<bool> {
        self.file.has_name()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

#[derive(Debug)]
struct TimedSync {
    handle: Box<dyn SyncHandle>,
    purpose: Purpose,
    times: Arc<DiskTimes>,
}

impl SyncHandle for TimedSync {
    fn sync_data(&self) -> io::Result<()> {
        timed(self.times.syncs(self.purpose), || self.handle.sync_data())
    }
}

#[cfg(test)]
mod tests {
    use kora_storage::disk::RealDisk;

    use super::*;

    #[test]
    fn the_log_and_snapshots_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let times = Arc::new(DiskTimes::default());
        let disk = TimedDisk::new(RealDisk, Arc::clone(&times));
        for (name, writes) in [("a.klog", 3), ("b.rdb", 2), ("log.newest", 1)] {
            let mut file = disk.create_new(&dir.path().join(name)).unwrap();
            (0..writes).for_each(|_| assert_eq!(file.write(b"bytes").unwrap(), 5));
            file.sync_data().unwrap();
            file.sync_handle().sync_data().unwrap();
        }
        let count = |times: &Times| times.read().map_or(0, |(distribution, _)| distribution.total());
        assert_eq!((count(&times.log_writes), count(&times.log_syncs)), (3, 2));
        assert_eq!((count(&times.snapshot_writes), count(&times.snapshot_syncs)), (2, 2));
        assert!(times.log_syncs.read().unwrap().1 > 0);
    }
}
