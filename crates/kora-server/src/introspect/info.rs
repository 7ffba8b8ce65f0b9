//! INFO: which sections are asked for, and their text.
//!
//! Names and order of fields are those of Redis, which monitoring reads. A field of Redis's shows the metric of its name; where
//! there is none, it holds what Redis shows when that is off. Metrics that Redis does not have follow at the end of
//! their section, in the order of their declarations, unless they have a place among Redis's.

mod keysizes;
mod sections;
pub mod snapshot;

use kora_core::reply::Reply;
use kora_engine::metrics::Section;
use snapshot::InfoSnapshot;

use super::modules::MODULES;

/// All sections, in the order they are shown.
const SECTIONS: [Section; 16] = [
    Section::Server,
    Section::Clients,
    Section::Memory,
    Section::Persistence,
    Section::Threads,
    Section::Stats,
    Section::Replication,
    Section::Cpu,
    Section::Modules,
    Section::Commandstats,
    Section::Errorstats,
    Section::Latencystats,
    Section::Cluster,
    Section::Keyspace,
    Section::Keysizes,
    Section::Debug,
];

/// The name in a section's heading; in lower case it is also the argument that asks for it.
pub(crate) const fn heading(section: Section) -> &'static str {
    match section {
        Section::Server => "Server",
        Section::Clients => "Clients",
        Section::Memory => "Memory",
        Section::Persistence => "Persistence",
        Section::Threads => "Threads",
        Section::Stats => "Stats",
        Section::Replication => "Replication",
        Section::Cpu => "CPU",
        Section::Modules => "Modules",
        Section::Commandstats => "Commandstats",
        Section::Errorstats => "Errorstats",
        Section::Latencystats => "Latencystats",
        Section::Cluster => "Cluster",
        Section::Keyspace => "Keyspace",
        Section::Keysizes => "Keysizes",
        Section::Debug => "Debug",
    }
}

/// Whether a section is shown when none is asked for.
const fn is_default(section: Section) -> bool {
    !matches!(section, Section::Commandstats | Section::Latencystats | Section::Debug)
}

/// Whether a section is shown only to those who ask for it by name.
const fn is_by_name(section: Section) -> bool {
    matches!(section, Section::Debug)
}

/// A choice of sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections(u16);

impl Sections {
    /// Reads the arguments of INFO; unknown names choose nothing.
    #[must_use]
    pub fn parse(args: &[&[u8]]) -> Self {
        let all_where = |is_wanted: &dyn Fn(Section) -> bool| {
            SECTIONS
                .into_iter()
                .filter(|section| is_wanted(*section))
                .fold(0, |bits, section| bits | bit(section))
        };
        if args.is_empty() {
            return Self(all_where(&is_default));
        }
        Self(args.iter().fold(0, |bits, arg| {
            bits | match arg.to_ascii_lowercase().as_slice() {
                b"default" => all_where(&is_default),
                b"all" | b"everything" => all_where(&|section| !is_by_name(section)),
                name => all_where(&|section| heading(section).as_bytes().eq_ignore_ascii_case(name)),
            }
        }))
    }

    /// All but some.
    #[must_use]
    pub fn without(some: &[Section]) -> Self {
        let others = SECTIONS.into_iter().filter(|section| !some.contains(section));
        Self(others.fold(0, |bits, section| bits | bit(section)))
    }

    /// Whether `section` is among them: what is costly to find out need not be in a snapshot that does not show it.
    #[must_use]
    pub const fn has(self, section: Section) -> bool {
        self.0 & bit(section) != 0
    }
}

const fn bit(section: Section) -> u16 {
    1 << section as u16
}

/// The text of the chosen sections.
#[must_use]
pub fn text(snapshot: &InfoSnapshot, sections: Sections) -> String {
    let mut fields = sections::Fields::of(&snapshot.metrics);
    for section in SECTIONS.into_iter().filter(|section| sections.has(*section)) {
        fields.section(heading(section));
        match section {
            Section::Server => sections::server(snapshot, &mut fields),
            Section::Clients => sections::clients(&mut fields),
            Section::Memory => sections::memory(&snapshot.memory, snapshot.memory_policy, &mut fields),
            Section::Persistence => sections::persistence(&snapshot.persistence, &mut fields),
            Section::Threads => sections::threads(&snapshot.threads, &mut fields),
            Section::Stats => sections::stats(&mut fields),
            Section::Replication => sections::replication(&snapshot.server, &mut fields),
            Section::Cpu => sections::cpu(&snapshot.cpu, &mut fields),
            Section::Commandstats => sections::commandstats(&snapshot.commands, &mut fields),
            Section::Errorstats => sections::errorstats(&snapshot.errors, &mut fields),
            Section::Cluster => fields.put("cluster_enabled", 0),
            Section::Keyspace => sections::keyspace(&snapshot.keyspace, &mut fields),
            Section::Keysizes => keysizes::section(&snapshot.keysizes, snapshot.extensions, &mut fields),
            Section::Latencystats => sections::latencystats(&snapshot.latencies, &mut fields),
            Section::Modules => sections::modules(MODULES, &mut fields),
            Section::Debug => sections::debug(&mut fields),
        }
        fields.rest(section);
    }
    fields.text
}

/// INFO.
pub fn info(snapshot: &InfoSnapshot, sections: Sections, out: &mut dyn Reply) {
    // The first words of errors may be any bytes.
    out.verbatim("txt", &kora_core::text::bytes(&text(snapshot, sections)));
}

#[cfg(test)]
mod tests;
