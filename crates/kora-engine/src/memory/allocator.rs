//! What the allocator says of itself.

use std::sync::OnceLock;

use tikv_jemalloc_ctl::{Access, AsName, Error, Mib, epoch, epoch_mib, stats};

/// The number that stands for all arenas in the allocator's names.
const ALL_ARENAS: &str = "stats.arenas.4096";

/// Numbers of the allocator, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllocatorBytes {
    /// Given out to the program and not taken back: what the allocator keeps for itself and for threads that will ask
    /// for more does not count.
    pub allocated: u64,
    /// In pages of which at least a part is given out.
    pub active: u64,
    /// Held in memory.
    pub resident: u64,
    /// In pages that hold nothing and that the system may take back.
    pub muzzy: u64,
}

/// Names that are looked up once.
struct Names {
    epoch: epoch_mib,
    allocated: stats::allocated_mib,
    active: stats::active_mib,
    resident: stats::resident_mib,
    /// Of what counts as allocated, what lies ready for threads that ask for more: up to two megabytes for each.
    cached: Mib<[usize; 4]>,
    /// Of what counts as allocated, what the allocator has for itself.
    internal: Mib<[usize; 4]>,
    muzzy_pages: Mib<[usize; 4]>,
    page_bytes: usize,
}

impl Names {
    fn find() -> Result<Self, Error> {
        let of_all = |name: &str| format!("{ALL_ARENAS}.{name}\0").name().mib();
        Ok(Self {
            epoch: epoch::mib()?,
            allocated: stats::allocated::mib()?,
            active: stats::active::mib()?,
            resident: stats::resident::mib()?,
            cached: of_all("tcache_bytes")?,
            internal: of_all("internal")?,
            muzzy_pages: of_all("pmuzzy")?,
            page_bytes: "arenas.page\0".name().read()?,
        })
    }
}

/// The allocator's numbers as they are now; `None` if it can't tell.
pub(super) fn read() -> Option<AllocatorBytes> {
    static NAMES: OnceLock<Option<Names>> = OnceLock::new();
    let names = NAMES.get_or_init(|| Names::find().ok()).as_ref()?;
    let read = || {
        names.epoch.advance()?;
        let (cached, internal): (usize, usize) = (names.cached.read()?, names.internal.read()?);
        let muzzy_pages: usize = names.muzzy_pages.read()?;
        Ok::<_, Error>(AllocatorBytes {
            allocated: names.allocated.read()?.saturating_sub(cached + internal) as u64,
            active: names.active.read()? as u64,
            resident: names.resident.read()? as u64,
            muzzy: (muzzy_pages * names.page_bytes) as u64,
        })
    };
    read().ok()
}

/// Name and version, such as `jemalloc-5.3.0`.
pub fn name() -> String {
    let version = tikv_jemalloc_ctl::version::read().unwrap_or("unknown");
    let number = version.split('-').next().unwrap_or(version);
    format!("jemalloc-{number}")
}

/// The allocator's report on itself, in its own words.
pub fn report() -> Vec<u8> {
    let mut report = Vec::new();
    // A vector takes whatever is written.
    let _ = tikv_jemalloc_ctl::stats_print::stats_print(
        &mut report,
        tikv_jemalloc_ctl::stats_print::Options::default(),
    );
    report
}

/// Gives pages back to the system that hold nothing: an arena that may keep none for any time gives all up.
pub fn purge() -> Result<(), Error> {
    use tikv_jemalloc_ctl::arenas;
    for arena in 0..arenas::narenas::read()? {
        for kind in ["dirty", "muzzy"] {
            let name = format!("arena.{arena}.{kind}_decay_ms\0");
            let name = name.as_bytes().name();
            let kept: isize = match name.read() {
                Ok(kept) => kept,
                // Not every number names an arena.
                Err(_) => continue,
            };
            name.write(0isize)?;
            name.write(kept)?;
        }
    }
    Ok(())
}
