//! The commands of the core, one file per family, and their one table.

pub mod generic;
pub mod help;
pub mod keys;
pub mod list;
pub(crate) mod options;
pub mod server;
pub mod spec;
pub mod string;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;

use spec::CommandSpec;

/// All families of the core.
pub const FAMILIES: &[&[CommandSpec]] =
    &[string::COMMANDS, generic::COMMANDS, list::COMMANDS, server::COMMANDS];

/// A command of the core ready to run: what is known of it, and what runs it.
pub type Run = (&'static spec::Facts, spec::CoreHandler);
