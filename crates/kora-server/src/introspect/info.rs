//! INFO: which sections are asked for, and their text.
//!
//! Names and order of fields are those of Redis 7.2, which monitoring reads; Kora's own are `kora_version`,
//! `server_name` and `workers`. Fields of what Kora does not have hold what Redis shows when it is off.

mod keysizes;
mod sections;
pub mod snapshot;

use kora_core::reply::Reply;
use snapshot::InfoSnapshot;

/// A section of INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Redis's and explain themselves")]
pub enum Section {
    Server,
    Clients,
    Memory,
    Persistence,
    Threads,
    Stats,
    Replication,
    Cpu,
    Modules,
    Commandstats,
    Errorstats,
    Latencystats,
    Cluster,
    Keyspace,
    Keysizes,
}

impl Section {
    /// All sections, in the order they are shown.
    pub const ALL: [Self; 15] = [
        Self::Server,
        Self::Clients,
        Self::Memory,
        Self::Persistence,
        Self::Threads,
        Self::Stats,
        Self::Replication,
        Self::Cpu,
        Self::Modules,
        Self::Commandstats,
        Self::Errorstats,
        Self::Latencystats,
        Self::Cluster,
        Self::Keyspace,
        Self::Keysizes,
    ];

    /// The name in the section's heading; in lower case it is also the argument that asks for it.
    const fn heading(self) -> &'static str {
        match self {
            Self::Server => "Server",
            Self::Clients => "Clients",
            Self::Memory => "Memory",
            Self::Persistence => "Persistence",
            Self::Threads => "Threads",
            Self::Stats => "Stats",
            Self::Replication => "Replication",
            Self::Cpu => "CPU",
            Self::Modules => "Modules",
            Self::Commandstats => "Commandstats",
            Self::Errorstats => "Errorstats",
            Self::Latencystats => "Latencystats",
            Self::Cluster => "Cluster",
            Self::Keyspace => "Keyspace",
            Self::Keysizes => "Keysizes",
        }
    }

    /// Whether it is shown when no section is asked for.
    const fn is_default(self) -> bool {
        !matches!(self, Self::Commandstats | Self::Latencystats)
    }
}

/// A choice of sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections(u16);

impl Sections {
    /// Reads the arguments of INFO; unknown names choose nothing.
    #[must_use]
    pub fn parse(args: &[&[u8]]) -> Self {
        let all_where = |is_wanted: &dyn Fn(Section) -> bool| {
            Section::ALL
                .into_iter()
                .filter(|section| is_wanted(*section))
                .fold(0, |bits, section| bits | bit(section))
        };
        if args.is_empty() {
            return Self(all_where(&Section::is_default));
        }
        Self(args.iter().fold(0, |bits, arg| {
            bits | match arg.to_ascii_lowercase().as_slice() {
                b"default" => all_where(&Section::is_default),
                b"all" | b"everything" => all_where(&|_| true),
                name => all_where(&|section| section.heading().as_bytes().eq_ignore_ascii_case(name)),
            }
        }))
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
    let mut fields = sections::Fields::default();
    for section in Section::ALL.into_iter().filter(|section| sections.has(*section)) {
        fields.section(section.heading());
        match section {
            Section::Server => sections::server(snapshot, &mut fields),
            Section::Clients => sections::clients(&snapshot.clients, &mut fields),
            Section::Memory => sections::memory(&snapshot.memory, &mut fields),
            Section::Persistence => sections::persistence(&snapshot.persistence, &mut fields),
            Section::Threads => sections::threads(&snapshot.threads, &mut fields),
            Section::Stats => sections::stats(&snapshot.stats, &mut fields),
            Section::Replication => sections::replication(&snapshot.server, &mut fields),
            Section::Cpu => sections::cpu(&snapshot.cpu, &mut fields),
            Section::Commandstats => sections::commandstats(&snapshot.commands, &mut fields),
            Section::Errorstats => sections::errorstats(&snapshot.errors, &mut fields),
            Section::Cluster => fields.put("cluster_enabled", 0),
            Section::Keyspace => sections::keyspace(&snapshot.keyspace, &mut fields),
            Section::Keysizes => keysizes::section(&snapshot.keysizes, &mut fields),
            Section::Latencystats => sections::latencystats(&snapshot.latencies, &mut fields),
            // There are no modules.
            Section::Modules => {}
        }
    }
    fields.text
}

/// INFO.
pub fn info(snapshot: &InfoSnapshot, sections: Sections, out: &mut dyn Reply) {
    out.verbatim("txt", text(snapshot, sections).as_bytes());
}

#[cfg(test)]
mod tests;
