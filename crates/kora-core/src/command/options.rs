//! Arguments that commands of several families read alike.

use crate::config::CoreConfig;
use crate::db::DbIndex;
use crate::error::{CommandError, CommandResult};
use crate::number::{LongDouble, parse_i64};
use crate::time::UnixMs;

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

/// A time-out in seconds, as the moment at which it ends; `None` if it never does. Fractions are rounded up to
/// milliseconds.
///
/// # Errors
/// A text of its own if it is no number, negative or too far away.
pub(crate) fn timeout_seconds(text: &[u8], now: UnixMs) -> CommandResult<Option<UnixMs>> {
    let seconds = LongDouble::parse(text);
    let seconds = seconds.ok_or(CommandError::text("ERR timeout is not a float or out of range"))?;
    timeout(seconds.times_rounded_up(1000), now)
}

/// A time-out in milliseconds, as the moment at which it ends; `None` if it never does.
///
/// # Errors
/// A text of its own if it is no integer, negative or too far away.
pub fn timeout_ms(text: &[u8], now: UnixMs) -> CommandResult<Option<UnixMs>> {
    let ms = parse_i64(text).ok_or(CommandError::text("ERR timeout is not an integer or out of range"))?;
    timeout(Some(ms), now)
}

fn timeout(ms: Option<i64>, now: UnixMs) -> CommandResult<Option<UnixMs>> {
    const TOO_FAR: CommandError = CommandError::text("ERR timeout is out of range");
    match ms.ok_or(TOO_FAR)? {
        ..0 => Err(CommandError::text("ERR timeout is negative")),
        0 => Ok(None),
        ms => now.0.checked_add(ms).map(|until| Some(UnixMs(until))).ok_or(TOO_FAR),
    }
}
