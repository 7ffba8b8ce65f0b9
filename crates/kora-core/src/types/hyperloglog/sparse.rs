//! Registers as a run-length code:
//!
//! | bytes | registers |
//! |---|---|
//! | `00llllll` | `l + 1` that hold 0 |
//! | `01llllll llllllll` | `l + 1` that hold 0 |
//! | `1vvvvvll` | `l + 1` that hold `v + 1` |
//!
//! Values above 32 have no code. A register is raised by cutting its run into up to three; then neighbours of one value
//! are joined where they are next to the cut. Which neighbours are joined, and which are left, is part of the format: two
//! servers must write the same bytes after the same commands.

use super::{Invalid, REGISTERS};

/// The code of registers that all hold 0.
pub(super) const EMPTY: [u8; 2] = [0x7F, 0xFF];

const VALUE_BIT: u8 = 0x80;
const LONG_BIT: u8 = 0x40;
/// Longest run of zeros in one byte.
const SHORT_LEN_MAX: usize = 64;
/// Longest run of a value above 0.
const VALUE_LEN_MAX: usize = 4;
/// Highest value that has a code.
const VALUE_MAX: u8 = 32;
/// Runs looked at, from the one before the cut on, for neighbours to join.
const JOIN_STEPS: usize = 5;

/// Registers in a row that hold the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// What they hold.
    pub value: u8,
    /// How many they are.
    pub len: usize,
    /// Whether it is written in two bytes.
    pub is_long: bool,
}

impl Run {
    /// Reads the run at the front of `code`.
    #[inline]
    fn read(code: &[u8]) -> Result<Self, Invalid> {
        match *code {
            [byte, ..] if byte & VALUE_BIT != 0 => {
                Ok(Self { value: (byte >> 2 & 0x1F) + 1, len: usize::from(byte & 3) + 1, is_long: false })
            }
            [byte, ..] if byte & LONG_BIT == 0 => {
                Ok(Self { value: 0, len: usize::from(byte) + 1, is_long: false })
            }
            [high, low, ..] => {
                let len = usize::from(high & !LONG_BIT) << 8 | usize::from(low);
                Ok(Self { value: 0, len: len + 1, is_long: true })
            }
            _ => Err(Invalid::Code),
        }
    }

    fn bytes(self) -> usize {
        if self.is_long { 2 } else { 1 }
    }
}

/// The runs of a code, up to where it can't be read.
pub(super) fn runs(code: &[u8]) -> impl Iterator<Item = Result<Run, Invalid>> {
    let mut rest = code;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let run = Run::read(rest);
        rest = run.map_or(&[], |run| &rest[run.bytes()..]);
        Some(run)
    })
}

/// Visits the runs of a code. They never cover more registers than there are.
///
/// # Errors
/// [`Invalid::Code`] if they cover fewer, or would cover more.
pub(super) fn each(code: &[u8], mut visit: impl FnMut(Run)) -> Result<(), Invalid> {
    let mut covered = 0;
    for run in runs(code) {
        let run = run?;
        covered += run.len;
        if covered > REGISTERS {
            return Err(Invalid::Code);
        }
        visit(run);
    }
    if covered == REGISTERS { Ok(()) } else { Err(Invalid::Code) }
}

/// A place in a code from where to look for a register, when registers are raised in ascending order: the start of a run
/// before that of the register raised last, and the run's first register.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hint {
    at: usize,
    register: usize,
}

/// What became of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was as high already.
    No,
    /// It rose.
    Yes,
    /// The code has no place for it; nothing is changed.
    TooLong,
}

/// A run in a code, and the one before it.
struct Found {
    at: usize,
    before: Option<Hint>,
    first: usize,
    run: Run,
}

/// Raises a register in the code that begins at `start` in `bytes`.
///
/// # Errors
/// [`Invalid::Code`] if the code ends before the register.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    start: usize,
    code_bytes_max: usize,
    register: usize,
    value: u8,
    hint: &mut Hint,
) -> Result<Raised, Invalid> {
    if value > VALUE_MAX {
        return Ok(Raised::TooLong);
    }
    let found = find(&bytes[start..], register, *hint)?;
    if found.run.value >= value {
        return Ok(Raised::No);
    }
    let mut parts = Parts::default();
    parts.push(found.run.value, register - found.first);
    parts.push(value, 1);
    parts.push(found.run.value, found.first + found.run.len - 1 - register);
    let (old, new) = (found.run.bytes(), parts.bytes());
    let present = bytes.len() - start;
    if new.len() > old && present + new.len() - old > code_bytes_max {
        return Ok(Raised::TooLong);
    }
    let at = start + found.at;
    bytes.splice(at..at + old, new.iter().copied());
    *hint = found.before.unwrap_or_default();
    join(bytes, start + hint.at);
    Ok(Raised::Yes)
}

/// Finds the run of a register. The look-up begins at the hint, unless the run is there: then what is before it has to be
/// found too.
fn find(code: &[u8], register: usize, hint: Hint) -> Result<Found, Invalid> {
    let (mut at, mut first, mut before) = (hint.at, hint.register, None);
    loop {
        let run = Run::read(&code[at..])?;
        if register < first + run.len {
            if before.is_none() && at > 0 {
                return find(code, register, Hint::default());
            }
            return Ok(Found { at, before, first, run });
        }
        before = Some(Hint { at, register: first });
        at += run.bytes();
        first += run.len;
    }
}

/// Up to three runs to write.
#[derive(Default)]
struct Parts {
    bytes: [u8; 5],
    len: usize,
}

impl Parts {
    fn push(&mut self, value: u8, len: usize) {
        let Some(low) = len.checked_sub(1) else { return };
        let low_byte = low.to_le_bytes()[0];
        if value > 0 {
            self.push_byte(value_byte(value, len));
        } else if len > SHORT_LEN_MAX {
            self.push_byte(LONG_BIT | low.to_le_bytes()[1]);
            self.push_byte(low_byte);
        } else {
            self.push_byte(low_byte);
        }
    }

    fn push_byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The code of up to four registers that hold a value above 0.
fn value_byte(value: u8, len: usize) -> u8 {
    VALUE_BIT | (value - 1) << 2 | (len - 1).to_le_bytes()[0]
}

/// Joins neighbours of one value, as far as one run may be long, among the runs from `at` on.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOIN_STEPS {
        let Some(&byte) = bytes.get(at) else { break };
        if byte & VALUE_BIT == 0 {
            at += if byte & LONG_BIT == 0 { 1 } else { 2 };
            continue;
        }
        if let Some(joined) = bytes.get(at + 1).and_then(|next| joined(byte, *next)) {
            bytes[at] = joined;
            bytes.remove(at + 1);
        } else {
            at += 1;
        }
    }
}

/// Two runs of a value above 0 as one.
fn joined(byte: u8, next: u8) -> Option<u8> {
    let (run, next) = (Run::read(&[byte]).ok()?, Run::read(&[next]).ok()?);
    let len = run.len + next.len;
    (next.value == run.value && len <= VALUE_LEN_MAX).then(|| value_byte(run.value, len))
}
