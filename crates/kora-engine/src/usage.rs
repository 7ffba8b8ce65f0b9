//! What memory is used for, and how many keys there are: what MEMORY and INFO tell.

pub(crate) mod doctor;

use std::sync::atomic::{AtomicU64, Ordering};

use kora_script::ScriptFigures;

use crate::engine::ServerCall;
use crate::front::Front;
use crate::memory;

/// Memory, in bytes.
// Many fields: one for each line of the section.
#[derive(Clone, Debug, Default)]
pub struct MemoryInfo {
    /// Allocated by the program.
    pub used: u64,
    /// Resident in memory.
    pub resident: u64,
    /// Of that, pages of files: the program itself, above all.
    pub file_pages: u64,
    /// Most that was ever allocated.
    pub peak: u64,
    /// Allocated for other things than keys and values.
    pub overhead: u64,
    /// Of tables, as far as it can be told from the number of keys.
    pub tables: u64,
    /// Of keys, values, their tables and deadlines, and of indexes, on all shards.
    pub shards: u64,
    /// Allocated when the server had started.
    pub startup: u64,
    /// Of the machine.
    pub system: u64,
    /// `maxmemory`.
    pub limit: u64,
    /// The allocator's account: given out.
    pub allocator_allocated: u64,
    /// The allocator's account: in pages that are in use.
    pub allocator_active: u64,
    /// The allocator's account: held in memory.
    pub allocator_resident: u64,
    /// The allocator's account: in pages that hold nothing and that the system may take back.
    pub allocator_muzzy: u64,
    /// What the allocator has given out, less what threads have told: they tell of all that is worth it.
    pub untold: i64,
    /// On its way to files, and not held against the limit.
    pub exempt: u64,
    /// Of connections' buffers.
    pub clients: u64,
    /// Of records on their way to the log.
    pub log_buffer: u64,
    /// Name and version of the allocator.
    pub allocator: String,
    /// Scripts and functions.
    pub scripts: ScriptFigures,
}

/// One database; those without keys are left out.
#[derive(Clone, Debug, Default)]
pub struct DatabaseInfo {
    /// Its number.
    pub db: u16,
    /// Its keys.
    pub keys: u64,
    /// Its keys with a deadline.
    pub expires: u64,
    /// Mean time until the deadline of those, in milliseconds.
    pub average_ttl_ms: u64,
    /// Its hashes that have fields with a deadline.
    pub expiring_hashes: u64,
}

/// Bytes of table for each key, as a rule: seven share a cache line, three quarters of which are in use.
const TABLE_BYTES_PER_KEY: u64 = 12;

/// About how much of memory the table of so many keys is.
pub(crate) fn table_bytes(keys: u64) -> u64 {
    keys * TABLE_BYTES_PER_KEY
}

/// About how many bytes the calendars of so many keys with a deadline take.
pub(crate) fn calendar_bytes(expires: u64) -> u64 {
    expires * 8
}

/// What memory is used for now.
pub fn memory<F: Front>(call: ServerCall<'_, F>) -> MemoryInfo {
    // Both figures are of one moment: what is shown as used is what the limit is held against.
    memory::tell();
    let allocator = memory::judge().unwrap_or_default();
    let account = &call.engine.account;
    let used = account.used();
    let page_bytes = rustix::param::page_size() as u64;
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut pages = pages.split_whitespace().skip(1).map_while(|pages| pages.parse::<u64>().ok());
    let (resident_pages, file_pages) = (pages.next(), pages.next());
    let system = rustix::system::sysinfo();
    let clients = call.front.client_bytes();
    let log_buffer = call.engine.persistence.log_buffer_bytes();
    let scripts = call.engine.scripts.figures();
    let script_bytes = scripts.cached_bytes
        + scripts.libraries_bytes
        + scripts.vm_scripts_bytes
        + scripts.vm_functions_bytes;
    let databases = keyspace(call);
    let bytes = |database: &DatabaseInfo| table_bytes(database.keys) + calendar_bytes(database.expires);
    let tables = databases.iter().map(bytes).sum();
    // A long value that a client is being sent is the data set's own, and there once.
    let own_clients = clients.saturating_sub(call.front.shared_client_bytes());
    MemoryInfo {
        used,
        resident: resident_pages.map_or(allocator.resident, |pages| pages * page_bytes),
        file_pages: file_pages.unwrap_or_default() * page_bytes,
        peak: account.peak().max(used),
        overhead: account.startup_bytes() + tables + own_clients + log_buffer + script_bytes as u64,
        tables,
        shards: call.engine.hub.shards().map(|shard| call.engine.hub.memory_bytes(shard)).sum(),
        startup: account.startup_bytes(),
        system: system.totalram * u64::from(system.mem_unit),
        limit: call.engine.settings.get().max_memory,
        exempt: call.engine.persistence.exempt_bytes(),
        allocator_allocated: allocator.allocated,
        allocator_active: allocator.active,
        allocator_resident: allocator.resident,
        allocator_muzzy: allocator.muzzy,
        untold: allocator.allocated.cast_signed().wrapping_sub(memory::told()),
        clients,
        log_buffer,
        allocator: memory::allocator_name(),
        scripts,
    }
}

/// The databases that have keys.
pub fn keyspace<F: Front>(call: ServerCall<'_, F>) -> Vec<DatabaseInfo> {
    let usages: Vec<_> = call.engine.hub.shards().map(|shard| call.engine.hub.usage(shard)).collect();
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    (0..call.engine.settings.get().core.database_count)
        .map(|db| {
            let on_shards = || usages.iter().map(|usage| &usage[usize::from(db)]);
            let expires: u64 = on_shards().map(|usage| read(&usage.expires)).sum();
            let deadlines_ms: i128 = on_shards()
                .map(|usage| {
                    i128::from(read(&usage.expires))
                        * i128::from(usage.mean_deadline_ms.load(Ordering::Relaxed))
                })
                .sum();
            let mean_ms = deadlines_ms.checked_div(expires.into()).unwrap_or(0);
            let ttl_ms = if expires == 0 { 0 } else { (mean_ms - i128::from(call.now.0)).max(0) };
            DatabaseInfo {
                db,
                keys: on_shards().map(|usage| read(&usage.keys)).sum(),
                expires,
                average_ttl_ms: u64::try_from(ttl_ms).unwrap_or(u64::MAX),
                expiring_hashes: on_shards().map(|usage| read(&usage.expiring_hashes)).sum(),
            }
        })
        .filter(|database| database.keys > 0)
        .collect()
}
