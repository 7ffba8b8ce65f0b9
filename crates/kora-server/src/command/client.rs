//! CLIENT and its subcommands.

use kora_core::error::{CommandError, CommandResult};

/// Whether a client may call itself `name`.
pub(super) fn check_name(name: &[u8]) -> CommandResult {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        Ok(())
    } else {
        Err(CommandError::text("ERR Client names cannot contain spaces, newlines or special characters."))
    }
}
