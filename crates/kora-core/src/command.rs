//! The commands of the core, one file per family, and their one table.

pub mod bitmap;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod help;
pub mod hyperloglog;
pub mod keys;
pub mod later;
pub mod list;
pub mod options;
mod pop;
pub mod reads;
pub mod repeats;
pub(crate) mod scan_options;
pub mod server;
pub mod set;
pub mod sort;
pub mod spec;
pub mod stream;
pub mod string;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod texts;
pub mod transaction;
pub mod zset;

use spec::CommandSpec;

/// All families of the core.
pub const FAMILIES: &[&[CommandSpec]] = &[
    string::COMMANDS,
    generic::COMMANDS,
    hash::COMMANDS,
    list::COMMANDS,
    set::COMMANDS,
    zset::COMMANDS,
    geo::COMMANDS,
    sort::COMMANDS,
    server::COMMANDS,
    bitmap::COMMANDS,
    hyperloglog::COMMANDS,
    stream::COMMANDS,
];

/// A command of the core ready to run: what is known of it, and what runs it.
pub type Run = (&'static spec::Facts, spec::CoreHandler);
