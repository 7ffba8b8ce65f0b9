//! Whom a command runs for, where that is somebody who may not do everything.
//!
//! Whether a client may run a command is judged before it runs. Some commands ask more while they run: scripts call others,
//! SORT reads keys that others name, searches read whole indexes. And what has waited for a key is asked again when it is
//! served. Whoever may do everything has no guard, and is asked nothing.

use std::fmt;

use crate::error::{CommandError, CommandResult};
use crate::time::UnixMs;

/// How it comes that a command is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A script calls it.
    Script,
    /// It has waited, and can be served.
    Waiter,
}

/// See the module.
pub trait Guard: fmt::Debug + Send + Sync {
    /// Whether the command of this full name may run with these arguments, which fit its arity. A refusal is noted.
    ///
    /// # Errors
    /// What the client or the script is told if it may not.
    fn permit(&self, name: &str, args: &[&[u8]], asker: Asker, now: UnixMs) -> CommandResult;

    /// The same for somebody who only wants to know.
    fn would_permit(&self, name: &str, args: &[&[u8]]) -> bool;

    /// Whether a command that may run may besides read all keys that there are.
    fn reads_all_keys(&self, name: &str, args: &[&[u8]]) -> bool;

    /// Whether the command of this full name may run, and read all keys that begin with one of `prefixes`; and change them, if that
    /// is asked, too. One set of rules must allow all of it.
    fn has_prefixes(&self, name: &str, prefixes: &[&[u8]], writes: bool) -> bool;
}

impl super::Ctx<'_> {
    /// Whether the command, which these are the full name and the arguments of, may read all keys there are.
    #[must_use]
    pub fn reads_all_keys(&self, name: &str, args: &[&[u8]]) -> bool {
        self.guard.is_none_or(|guard| guard.reads_all_keys(name, args))
    }

    /// Refuses a command on an index over all keys that begin with one of `prefixes`, or over all if there are none, some of
    /// which the client may not read; or not change, if the command `writes` them.
    ///
    /// # Errors
    /// If it may not.
    pub fn permit_index<P: AsRef<[u8]>>(&self, prefixes: &[P], writes: bool) -> CommandResult {
        let Some(guard) = self.guard else { return Ok(()) };
        let mut all: Vec<&[u8]> = prefixes.iter().map(AsRef::as_ref).collect();
        if all.is_empty() {
            all.push(b"");
        }
        if guard.has_prefixes(self.command, &all, writes) { Ok(()) } else { Err(NO_INDEX) }
    }
}

/// What a client is told that may not read all keys of an index.
const NO_INDEX: CommandError =
    CommandError::text("NOPERM User does not have the required permissions to query the index");
