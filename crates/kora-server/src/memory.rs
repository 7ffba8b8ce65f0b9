//! The process's memory: how much is in use, and a thread that frees what the shards throw away.

use kora_core::keyspace::garbage::Garbage;
use tikv_jemalloc_ctl::{epoch, stats};

/// Items freed before the thread looks for more work.
const FREE_ITEMS_MAX: usize = 10_000;

/// Numbers of the allocator, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AllocatorBytes {
    pub(crate) allocated: u64,
    pub(crate) active: u64,
    pub(crate) resident: u64,
}

/// The allocator's numbers as they are now; zeros if it can't tell.
pub(crate) fn allocator_bytes() -> AllocatorBytes {
    let read = || {
        epoch::advance()?;
        Ok::<_, tikv_jemalloc_ctl::Error>(AllocatorBytes {
            allocated: stats::allocated::read()? as u64,
            active: stats::active::read()? as u64,
            resident: stats::resident::read()? as u64,
        })
    };
    read().unwrap_or_default()
}

/// Bytes that the process has allocated.
pub(crate) fn allocated_bytes() -> u64 {
    allocator_bytes().allocated
}

/// A thread that frees tables and large values, so that no worker pauses to do it.
#[derive(Debug)]
pub(crate) struct Reclaimer {
    sender: crossbeam_channel::Sender<Garbage>,
}

impl Reclaimer {
    /// Starts the thread; it ends when this is dropped.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (sender, receiver) = crossbeam_channel::unbounded::<Garbage>();
        std::thread::Builder::new().name("kora-reclaim".to_owned()).spawn(move || {
            for mut garbage in receiver {
                while garbage.free_some(FREE_ITEMS_MAX) {}
            }
        })?;
        Ok(Self { sender })
    }

    /// Frees `garbage` soon.
    pub(crate) fn free(&self, garbage: Garbage) {
        // If the thread has died, the garbage comes back with the error and is freed here.
        let _ = self.sender.send(garbage);
    }
}
