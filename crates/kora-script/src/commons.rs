//! What the Lua states of an engine have in common, whichever worker has them: the limit of memory, the random numbers, the kinds.

use mlua::Lua;

use crate::environment::Random;
use crate::looks::Looks;

/// How much memory the scripts of one worker may take, and as much again its functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryLimit(pub(crate) usize);

impl Default for MemoryLimit {
    fn default() -> Self {
        Self(1024 * 1024 * 1024)
    }
}

impl MemoryLimit {
    /// Limits the memory of Lua: what allocates more raises an error.
    pub(crate) fn set(self, lua: &Lua) -> mlua::Result<()> {
        lua.set_memory_limit(self.0).map(drop)
    }

    /// Lifts the limit, for what Rust gives to Lua: with a limit each value costs a protected call. What is too much then makes
    /// the script's next allocation fail.
    pub(crate) fn lift(lua: &Lua) -> mlua::Result<()> {
        lua.set_memory_limit(0).map(drop)
    }
}

/// What all states of an engine have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commons {
    /// What `math.random` gives, whatever worker runs the script.
    pub(crate) random: Random,
    pub(crate) limit: MemoryLimit,
    pub(crate) looks: Looks,
}

/// What runs in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateKind {
    /// Scripts: keys and arguments are globals.
    Scripts,
    /// Libraries of functions: keys and arguments are those of the function.
    Functions,
}
