//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use kora_core::time::UnixMs;

/// The time.
pub(crate) fn clock() -> UnixMs {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
