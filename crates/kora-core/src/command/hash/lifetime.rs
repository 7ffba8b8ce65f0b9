//! How long a field lives, as commands are told it.
//!
//! Unlike a key's, a field's deadline may not be negative, and not after the year 4199: Redis keeps it in few bits.

use crate::command::spec::{Arg, ArgType};
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::time::UnixMs;

/// The latest deadline of a field.
const LATEST: UnixMs = UnixMs((1 << 46) - 1);

/// Unit and origin of a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Seconds from now.
    Ex,
    /// Milliseconds from now.
    Px,
    /// Seconds since the Unix epoch.
    ExAt,
    /// Milliseconds since the Unix epoch.
    PxAt,
}

/// The words for a deadline and its amount, in COMMAND DOCS.
pub(super) const EX_ARG: Arg = Arg::integer("seconds").token("EX");
/// As above.
pub(super) const PX_ARG: Arg = Arg::integer("milliseconds").token("PX");
/// As above.
pub(super) const EXAT_ARG: Arg = Arg::new("unix-time-seconds", ArgType::UnixTime).token("EXAT");
/// As above.
pub(super) const PXAT_ARG: Arg = Arg::new("unix-time-milliseconds", ArgType::UnixTime).token("PXAT");

impl Unit {
    /// The unit that an option names.
    pub(super) fn named(word: &[u8]) -> Option<Self> {
        let units = [("EX", Self::Ex), ("PX", Self::Px), ("EXAT", Self::ExAt), ("PXAT", Self::PxAt)];
        units.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, unit)| unit)
    }

    /// The moment that `amount` means, which may be past.
    ///
    /// # Errors
    /// `NotInteger`; a text of its own if it is negative; `InvalidExpire` of `command` if it is too late.
    pub(super) fn deadline(self, amount: &[u8], now: UnixMs, command: &'static str) -> CommandResult<UnixMs> {
        let amount = parse_i64(amount).ok_or(CommandError::NotInteger)?;
        if amount < 0 {
            return Err(CommandError::text("ERR invalid expire time, must be >= 0"));
        }
        let ms = if matches!(self, Self::Ex | Self::ExAt) { amount.checked_mul(1000) } else { Some(amount) };
        let origin = if matches!(self, Self::Ex | Self::Px) { now.0 } else { 0 };
        ms.and_then(|ms| ms.checked_add(origin))
            .map(UnixMs)
            .filter(|at| *at <= LATEST)
            .ok_or(CommandError::InvalidExpire(command))
    }
}
