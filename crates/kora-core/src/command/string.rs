//! The string commands.

use crate::command::spec::CommandSpec;

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[];
