//! How string commands are told how long a value lives: `EX`, `PX`, `EXAT`, `PXAT`, `KEEPTTL` and `PERSIST`, shared
//! by SET, GETEX, SETEX and PSETEX.
//!
//! Parsing keeps the amount as text: Redis reads it only after it has seen that the options fit together, and GETEX
//! not before it has found its key, and which error a client sees depends on that order.

use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::time::UnixMs;

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

impl Unit {
    fn named(word: &[u8]) -> Option<Self> {
        let units = [("EX", Self::Ex), ("PX", Self::Px), ("EXAT", Self::ExAt), ("PXAT", Self::PxAt)];
        units.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, unit)| unit)
    }
}

/// A deadline as the client wrote it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline<'a> {
    pub(super) unit: Unit,
    pub(super) amount: &'a [u8],
}

impl Deadline<'_> {
    /// The moment meant. It may be in the past, but only an absolute one.
    ///
    /// # Errors
    ///
    /// `NotInteger`; `InvalidExpire` of `command` if the amount is not positive or the moment beyond 64 bits.
    pub(super) fn resolve(self, now: UnixMs, command: &'static str) -> CommandResult<UnixMs> {
        let amount = parse_i64(self.amount).ok_or(CommandError::NotInteger)?;
        let ms = match self.unit {
            _ if amount <= 0 => None,
            Unit::Ex => amount.checked_mul(1000).and_then(|ms| ms.checked_add(now.0)),
            Unit::Px => amount.checked_add(now.0),
            Unit::ExAt => amount.checked_mul(1000),
            Unit::PxAt => Some(amount),
        };
        ms.map(UnixMs).ok_or(CommandError::InvalidExpire(command))
    }
}

/// What is to become of a key's deadline.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Lifetime<'a> {
    /// Nothing was said.
    #[default]
    Unsaid,
    /// `KEEPTTL`: it stays.
    Keep,
    /// `PERSIST`: it goes.
    Persist,
    /// It is replaced.
    Until(Deadline<'a>),
}

impl<'a> Lifetime<'a> {
    /// Takes a unit and its amount from the front of `args`; returns what follows, or `None` if `args` begin with
    /// another word.
    ///
    /// # Errors
    ///
    /// `Syntax` if the amount is missing, or something else was said before. The same unit may be repeated: the last
    /// amount counts.
    pub(super) fn take_deadline<'s>(
        &mut self,
        args: &'s [&'a [u8]],
    ) -> CommandResult<Option<&'s [&'a [u8]]>> {
        let Some(unit) = args.first().and_then(|word| Unit::named(word)) else { return Ok(None) };
        let [_, amount, rest @ ..] = args else { return Err(CommandError::Syntax) };
        match self {
            Self::Unsaid => {}
            Self::Until(said) if said.unit == unit => {}
            _ => return Err(CommandError::Syntax),
        }
        *self = Self::Until(Deadline { unit, amount });
        Ok(Some(rest))
    }

    /// Notes `KEEPTTL`.
    ///
    /// # Errors
    ///
    /// `Syntax` if something else was said before.
    pub(super) fn keep(&mut self) -> CommandResult {
        match self {
            Self::Unsaid | Self::Keep => *self = Self::Keep,
            Self::Persist | Self::Until(_) => return Err(CommandError::Syntax),
        }
        Ok(())
    }

    /// Notes `PERSIST`.
    ///
    /// # Errors
    ///
    /// `Syntax` if something else was said before.
    pub(super) fn persist(&mut self) -> CommandResult {
        match self {
            Self::Unsaid | Self::Persist => *self = Self::Persist,
            Self::Keep | Self::Until(_) => return Err(CommandError::Syntax),
        }
        Ok(())
    }
}
