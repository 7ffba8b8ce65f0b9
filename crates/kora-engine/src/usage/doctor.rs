//! MEMORY DOCTOR: what looks wrong with the use of memory, in words.

use super::MemoryInfo;

/// With less than this in use beyond what an empty server takes there is too little to judge.
const LITTLE_BYTES: u64 = 5 << 20;

/// Differences below this are no harm.
const HARMLESS_BYTES: u64 = 10 << 20;

/// What a report says of a finding.
struct Finding {
    name: &'static str,
    advice: &'static str,
}

const PEAK: Finding = Finding {
    name: "Peak",
    advice: "much more memory was in use in the past than is now. Its pages may be slow to return to the system; \
             MEMORY PURGE returns those that are empty.",
};

const FRAGMENTATION: Finding = Finding {
    name: "Fragmentation",
    advice: "pages in use are only partly filled, as happens when many values of one size go and others of another \
             size come. New values of the old sizes will fill them; a restart packs everything anew.",
};

const UNUSED_PAGES: Finding = Finding {
    name: "Unused pages",
    advice: "the allocator holds many pages that nothing uses. It returns them within seconds; MEMORY PURGE does at \
             once.",
};

const OUTSIDE: Finding = Finding {
    name: "Other memory",
    advice: "much resident memory is not the allocator's. Libraries or the system take it.",
};

const CLIENTS: Finding = Finding {
    name: "Client buffers",
    advice: "connections hold 200 KB each on average. Some reader may be slow, or pipelines very long; CLIENT LIST shows \
             which, maxmemory-clients and client-output-buffer-limit bound them.",
};

const LIMIT: Finding = Finding {
    name: "Limit",
    advice: "memory in use exceeds maxmemory: keys are evicted now, or writes refused.",
};

/// The report on `memory`, with so many connections open.
#[must_use]
pub(crate) fn report(memory: &MemoryInfo, connections: u64) -> String {
    if memory.used.saturating_sub(memory.startup) < LITTLE_BYTES {
        return "There is too little in memory to judge how it is used. Ask again when there is more.".into();
    }
    let is_far = |more: u64, less: u64, percent: u64| {
        more.saturating_sub(less) > HARMLESS_BYTES && more / 100 * 100 > less / 100 * percent
    };
    let findings = [
        (is_far(memory.peak, memory.used, 150), PEAK),
        (is_far(memory.allocator_active, memory.allocator_allocated, 140), FRAGMENTATION),
        (is_far(memory.allocator_resident, memory.allocator_active, 110), UNUSED_PAGES),
        (is_far(memory.resident.saturating_sub(memory.file_pages), memory.allocator_resident, 110), OUTSIDE),
        (memory.clients / connections.max(1) > 200 << 10, CLIENTS),
        (memory.limit > 0 && memory.used > memory.limit, LIMIT),
    ];
    let found: Vec<_> =
        findings.iter().filter(|(is_found, _)| *is_found).map(|(_, finding)| finding).collect();
    if found.is_empty() {
        return "Nothing looks wrong with the use of memory.".into();
    }
    let lines: Vec<_> =
        found.iter().map(|finding| format!(" * {}: {}\n", finding.name, finding.advice)).collect();
    format!("Found in the use of memory:\n\n{}", lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> MemoryInfo {
        let mb = |count: u64| count << 20;
        MemoryInfo {
            used: mb(100),
            peak: mb(110),
            allocator_allocated: mb(100),
            allocator_active: mb(105),
            allocator_resident: mb(110),
            resident: mb(132),
            file_pages: mb(20),
            startup: mb(5),
            ..MemoryInfo::default()
        }
    }

    #[test]
    fn a_report_names_what_is_wrong_and_nothing_else() {
        assert!(report(&MemoryInfo { used: 9 << 20, ..healthy() }, 1).contains("too little"));
        assert!(report(&healthy(), 1).contains("Nothing"));
        let active = 200 << 20;
        let fragmented = MemoryInfo {
            allocator_active: active,
            allocator_resident: active,
            resident: active,
            ..healthy()
        };
        let text = report(&fragmented, 1);
        assert!(text.contains("Fragmentation") && text.matches(" * ").count() == 1, "{text}");
        let exceeded = MemoryInfo { limit: 1 << 20, clients: 1 << 20, ..healthy() };
        let text = report(&exceeded, 2);
        assert!(text.contains("Limit") && text.contains("Client buffers"), "{text}");
    }
}
