//! Arguments that commands of several families read alike.

use crate::config::CoreConfig;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::shard::store::DbIndex;

/// A database's number.
///
/// # Errors
/// `NotInteger`; a text of its own if it is none of 32 bits; `DbIndex` if there is no such database.
pub(crate) fn parse_db(text: &[u8], config: &CoreConfig) -> CommandResult<DbIndex> {
    let index = parse_i64(text).ok_or(CommandError::NotInteger)?;
    i32::try_from(index).map_err(|_| {
        CommandError::text("ERR value is out of range, value must between -2147483648 and 2147483647")
    })?;
    existing_db(index, config)
}

/// The database of a number, if there is one.
///
/// # Errors
/// `DbIndex` if there is none.
pub(crate) fn existing_db(index: i64, config: &CoreConfig) -> CommandResult<DbIndex> {
    match u16::try_from(index) {
        Ok(index) if index < config.database_count => Ok(DbIndex(index)),
        _ => Err(CommandError::DbIndex),
    }
}
