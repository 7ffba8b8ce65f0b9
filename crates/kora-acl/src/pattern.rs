//! Which keys a rule is about, and what may be done with them.

use kora_core::command::spec::KeyFlags;
use kora_core::glob;

/// What may be done with keys, or what a command does with one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Their values may be read.
    pub reads: bool,
    /// Their values may be changed.
    pub writes: bool,
}

impl Access {
    /// Everything.
    pub const ALL: Self = Self { reads: true, writes: true };
    /// Reading alone.
    pub const READ: Self = Self { reads: true, writes: false };

    /// What a command does with a key of these flags.
    #[must_use]
    pub fn of(flags: KeyFlags) -> Self {
        let changes = KeyFlags::INSERT.with(KeyFlags::DELETE).with(KeyFlags::UPDATE);
        Self { reads: flags.has(KeyFlags::ACCESS), writes: flags.has_any(changes) }
    }

    /// Whether this allows all that `asked` needs.
    #[must_use]
    pub fn allows(self, asked: Self) -> bool {
        (self.reads || !asked.reads) && (self.writes || !asked.writes)
    }

    fn with(self, other: Self) -> Self {
        Self { reads: self.reads || other.reads, writes: self.writes || other.writes }
    }
}

/// How rules are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As Redis shows them.
    Shown,
    /// So that they are read again as what they are.
    File,
}

/// A pattern of keys with what may be done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPattern {
    pub(crate) access: Access,
    pub(crate) pattern: Box<[u8]>,
}

impl KeyPattern {
    /// Reads what stands in a rule: `~x`, `%R~x`, `%W~x`, `%RW~x`; `None` if that is not its form.
    pub(crate) fn parse(rule: &[u8]) -> Option<Self> {
        let (access, pattern) = match rule {
            [b'~', pattern @ ..] => (Access::ALL, pattern),
            [b'%', rest @ ..] => with_letters(rest)?,
            _ => return None,
        };
        has_no_space(pattern).then(|| Self { access, pattern: pattern.into() })
    }

    /// Adds what `other` allows, which has the same pattern.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.access = self.access.with(other.access);
    }

    /// Whether it allows this of a key.
    pub(crate) fn allows(&self, key: &[u8], asked: Access) -> bool {
        self.access.allows(asked) && glob::matches(&self.pattern, key)
    }

    /// Whether it allows this of every key that begins with `prefix`.
    pub(crate) fn allows_prefix(&self, prefix: &[u8], asked: Access) -> bool {
        // The part in front of a last star matches all that the prefix does, and the star the rest.
        let Some((b'*', head)) = self.pattern.split_last() else { return false };
        if !self.access.allows(asked) {
            return false;
        }
        head.is_empty() || !prefix.is_empty() && glob::matches(&self.pattern, prefix) && covers(head, prefix)
    }

    /// Whether it allows this of all keys there may be.
    pub(crate) fn allows_all(&self, asked: Access) -> bool {
        self.access.allows(asked) && *self.pattern == *b"*"
    }

    /// Writes it as a rule.
    pub(crate) fn write(&self, out: &mut Vec<u8>, form: Form) {
        out.extend_from_slice(match self.access {
            // `~*` would say more: the star matches no empty key, and all keys are all.
            Access { reads: true, writes: true } if form == Form::File && *self.pattern == *b"*" => b"%RW~",
            Access { reads: true, writes: true } => b"~",
            Access { reads: false, .. } => b"%W~",
            Access { writes: false, .. } => b"%R~",
        });
        out.extend_from_slice(&self.pattern);
    }
}

/// Whether all that begins with `prefix` matches `head` and a star behind it: some beginning of `prefix` matches `head`.
fn covers(head: &[u8], prefix: &[u8]) -> bool {
    if head.ends_with(b"\\") || ends_in_class(head) {
        // The star was taken as it is, or as one of several characters.
        return false;
    }
    (0..=prefix.len()).any(|end| glob::matches(head, &prefix[..end]))
}

/// Whether a pattern ends within brackets that are not closed.
fn ends_in_class(pattern: &[u8]) -> bool {
    let (mut is_within, mut bytes) = (false, pattern.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'[' if !is_within => is_within = true,
            b']' if is_within => is_within = false,
            _ => {}
        }
    }
    is_within
}

/// Reads letters and the pattern behind them.
fn with_letters(mut rest: &[u8]) -> Option<(Access, &[u8])> {
    let mut access = Access::default();
    loop {
        match rest {
            [b'R' | b'r', behind @ ..] if !access.reads => {
                access.reads = true;
                rest = behind;
            }
            [b'W' | b'w', behind @ ..] if !access.writes => {
                access.writes = true;
                rest = behind;
            }
            [b'~', pattern @ ..] if access != Access::default() => return Some((access, pattern)),
            // A pattern may be missing altogether: it is empty then.
            [] if access != Access::default() => return Some((access, rest)),
            _ => return None,
        }
    }
}

/// Whether a pattern can be written in a line of words: it has no white space and no NUL.
pub(crate) fn has_no_space(text: &[u8]) -> bool {
    !text.iter().any(|byte| matches!(byte, 0 | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c))
}
