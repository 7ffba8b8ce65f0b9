//! What a script or a function says about itself: `#!lua flags=no-writes,allow-stale` in its first line, or the flags it
//! is registered with.
//!
//! Source: Redis documentation, "Script flags".

use kora_core::error::CommandError;

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

/// The first line of a script, if it is a shebang: what stands behind the engine's name, and how long the line is.
pub(crate) struct Shebang<'a> {
    /// The words behind the engine.
    pub(crate) words: Vec<&'a [u8]>,
    /// Bytes of the line, without its end.
    pub(crate) len: usize,
}

/// Reads the engine's name and the words behind it from the first line of `body`; `None` if that is no shebang.
///
/// # Errors
/// If it has no end, or names another engine than Lua.
pub(crate) fn shebang(body: &[u8]) -> Result<Option<Shebang<'_>>, CommandError> {
    let Some(rest) = body.strip_prefix(b"#!") else { return Ok(None) };
    let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
        return Err(CommandError::text("ERR Invalid script shebang"));
    };
    let line = &rest[..end];
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let engine = words.next().unwrap_or_default();
    if engine != b"lua" {
        let engine = String::from_utf8_lossy(engine);
        return Err(CommandError::Other(
            format!("ERR Unexpected engine in script shebang: #!{engine}").into(),
        ));
    }
    Ok(Some(Shebang { words: words.collect(), len: end + 2 }))
}

/// The flags of a script, and the number of bytes at its beginning that are no Lua.
///
/// # Errors
/// As Redis words them.
pub(crate) fn script_flags(body: &[u8]) -> Result<(ScriptFlags, usize), CommandError> {
    let Some(shebang) = shebang(body)? else { return Ok((ScriptFlags::UNDECLARED, 0)) };
    let mut flags = ScriptFlags::default();
    for word in shebang.words {
        let Some(list) = word.strip_prefix(b"flags=") else {
            let word = String::from_utf8_lossy(word);
            return Err(CommandError::Other(format!("ERR Unknown lua shebang option: {word}").into()));
        };
        for name in list.split(|&byte| byte == b',').filter(|name| !name.is_empty()) {
            let flag = ScriptFlags::named(name).ok_or_else(|| {
                let name = String::from_utf8_lossy(name);
                CommandError::Other(format!("ERR Unexpected flag in script shebang: {name}").into())
            })?;
            flags = flags.with(flag);
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
        assert_eq!(error(b"#!lua x=1\n"), "ERR Unknown lua shebang option: x=1");
        assert_eq!(error(b"#!lua flags=x\n"), "ERR Unexpected flag in script shebang: x");
    }
}
