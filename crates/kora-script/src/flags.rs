//! What a script or a function says about itself: `#!lua flags=no-writes,allow-stale` in its first line, or the flags it
//! is registered with.
//!
//! Source: Redis documentation, "Script flags".

use kora_core::error::CommandError;
use kora_protocol::split_line;

/// Flags of a script or function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScriptFlags(u8);

impl ScriptFlags {
    /// It runs no command that may write.
    pub(crate) const NO_WRITES: Self = Self(1);
    /// It may run when memory is short.
    pub(crate) const ALLOW_OOM: Self = Self(1 << 1);
    /// It may run on a replica with stale data.
    pub(crate) const ALLOW_STALE: Self = Self(1 << 2);
    /// It does not run in a cluster.
    pub(crate) const NO_CLUSTER: Self = Self(1 << 3);
    /// Its keys may be in several slots.
    pub(crate) const ALLOW_CROSS_SLOT_KEYS: Self = Self(1 << 4);
    /// It has said nothing: as scripts were before there were flags.
    pub(crate) const UNDECLARED: Self = Self(1 << 5);

    const NAMED: [(&'static str, Self); 5] = [
        ("no-writes", Self::NO_WRITES),
        ("allow-oom", Self::ALLOW_OOM),
        ("allow-stale", Self::ALLOW_STALE),
        ("no-cluster", Self::NO_CLUSTER),
        ("allow-cross-slot-keys", Self::ALLOW_CROSS_SLOT_KEYS),
    ];

    /// Whether it may write, as far as it says.
    pub(crate) fn may_write(self) -> bool {
        !self.has(Self::NO_WRITES)
    }

    /// Whether it is not to run when memory is short.
    pub(crate) fn needs_memory(self) -> bool {
        self.may_write() && !self.has(Self::ALLOW_OOM)
    }

    /// The flag of a name.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        Self::NAMED.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, flag)| *flag)
    }

    /// The names of those that are set.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMED.into_iter().filter(move |(_, flag)| self.has(*flag)).map(|(name, _)| name)
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The first line of a script, if it is a shebang: the engine, what stands behind it, and how long the line is.
pub(crate) struct Shebang {
    /// The first word, `#!` included.
    pub(crate) first: Vec<u8>,
    /// The words behind it, without their quotes.
    pub(crate) words: Vec<Vec<u8>>,
    /// Bytes of the line, without its end.
    pub(crate) len: usize,
}

/// Why a line that begins like a shebang is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoShebang {
    /// The text ends with it.
    Endless,
    /// A quote is not closed.
    Quotes,
}

impl Shebang {
    /// Reads the first line of `body`; `None` if it does not begin with `#!`.
    ///
    /// # Errors
    /// If it begins so and can't be read.
    pub(crate) fn read(body: &[u8]) -> Result<Option<Self>, NoShebang> {
        if !body.starts_with(b"#!") {
            return Ok(None);
        }
        let len = body.iter().position(|&byte| byte == b'\n').ok_or(NoShebang::Endless)?;
        let mut words = split_line(&body[..len]).map_err(|_| NoShebang::Quotes)?;
        let first = words.remove(0);
        Ok(Some(Self { first, words, len }))
    }

    /// The engine's name.
    pub(crate) fn engine(&self) -> &[u8] {
        self.first.strip_prefix(b"#!").unwrap_or(&self.first)
    }

    /// Whether the engine is Lua, in letters of any case.
    pub(crate) fn is_lua(&self) -> bool {
        self.engine().eq_ignore_ascii_case(b"lua")
    }
}

/// The flags of a script, and the number of bytes at its beginning that are no Lua.
///
/// # Errors
/// As Redis words them.
pub(crate) fn script_flags(body: &[u8]) -> Result<(ScriptFlags, usize), CommandError> {
    let other = |text: &str, word: &[u8]| {
        CommandError::Other(format!("ERR {text}: {}", kora_core::text::of(word)).into())
    };
    let shebang = Shebang::read(body).map_err(|problem| match problem {
        NoShebang::Endless => CommandError::text("ERR Invalid script shebang"),
        NoShebang::Quotes => CommandError::text("ERR Invalid engine in script shebang"),
    })?;
    let Some(shebang) = shebang else { return Ok((ScriptFlags::UNDECLARED, 0)) };
    if !shebang.is_lua() {
        return Err(other("Unexpected engine in script shebang", &shebang.first));
    }
    let mut flags = ScriptFlags::default();
    for word in &shebang.words {
        let list = word.strip_prefix(b"flags=");
        let list = list.ok_or_else(|| other("Unknown lua shebang option", word))?;
        for name in list.split(|&byte| byte == b',').filter(|_| !list.is_empty()) {
            let flag = ScriptFlags::named(name);
            flags = flags.with(flag.ok_or_else(|| other("Unexpected flag in script shebang", name))?);
        }
    }
    Ok((flags, shebang.len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shebangs_are_read() {
        assert_eq!(script_flags(b"return 1"), Ok((ScriptFlags::UNDECLARED, 0)));
        assert_eq!(script_flags(b"#!lua\nreturn 1"), Ok((ScriptFlags::default(), 5)));
        let both = ScriptFlags::NO_WRITES.with(ScriptFlags::ALLOW_STALE);
        assert_eq!(script_flags(b"#!lua flags=no-writes,allow-stale\nreturn 1"), Ok((both, 33)));
        let error = |body: &[u8]| script_flags(body).unwrap_err().to_string();
        assert_eq!(error(b"#!lua"), "ERR Invalid script shebang");
        assert_eq!(error(b"#!js\n"), "ERR Unexpected engine in script shebang: #!js");
        assert_eq!(error(b"#! lua\n"), "ERR Unexpected engine in script shebang: #!");
        assert_eq!(error(b"#!lua x=1\n"), "ERR Unknown lua shebang option: x=1");
        assert_eq!(error(b"#!lua FLAGS=no-writes\n"), "ERR Unknown lua shebang option: FLAGS=no-writes");
        assert_eq!(error(b"#!lua flags=x\n"), "ERR Unexpected flag in script shebang: x");
        assert_eq!(error(b"#!lua flags=no-writes,\n"), "ERR Unexpected flag in script shebang: ");
        assert_eq!(error(b"#!lua flags=\"no-writes\n"), "ERR Invalid engine in script shebang");
    }

    #[test]
    fn shebangs_may_be_quoted_and_in_any_case() {
        let no_writes: [&[u8]; 8] = [
            b"#!LUA flags=no-writes\n",
            b"#!Lua flags=\"no-writes\"\n",
            b"#!lua flags='no-writes'\n",
            b"#!lua \"flags=no-writes\"\n",
            b"#!\"lua\" flags=no-writes\n",
            b"#!\"lu\\x61\"\tflags=no-writes\n",
            b"#!lua flags= flags=no-writes\n",
            b"#!lua flags=no-writes\r\n",
        ];
        for body in no_writes {
            let expected = Ok((ScriptFlags::NO_WRITES, body.len() - 1));
            assert_eq!(script_flags(body), expected, "{}", body.escape_ascii());
        }
    }
}
