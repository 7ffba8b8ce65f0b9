//! The Lua environment that scripts see, without the `redis` API.
//!
//! LuaJIT's interpreter with its libraries cut down to the names that Redis 8.0 shows, the libraries Redis adds, and
//! a freeze that makes every shared table read-only. `environment/prelude.lua` does what is best said in Lua;
//! the libraries that LuaJIT lacks are Rust.
//!
//! Lua has no read-only tables. A frozen table is an empty one whose metatable leads to the fields and refuses
//! assignments; the functions that look past metatables (`next`, `pairs`, `rawget`, `rawset`, ...) are wrapped and know
//! the frozen tables. Reading a global is then two table look-ups inside the interpreter, with no call.

mod error;
mod json;
mod messagepack;
mod native;
mod number;
mod random;
mod source;
mod structure;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, LuaOptions, StdLib, Table};

pub use error::error_text;
pub use random::Random;
use source::Scope;

/// What the environment keeps beside the Lua state.
struct Hidden {
    /// Holds the fields of the globals, before and after the freeze.
    globals: Table,
    freeze: Function,
    limit_bytes: usize,
}

/// The way past the freeze, for the code that runs scripts.
#[derive(Clone, Debug)]
pub struct Globals {
    fields: Table,
    limit_bytes: usize,
    /// What was left by the last collection that [`Globals::make_room`] asked for.
    left_bytes: Cell<usize>,
}

/// So much garbage, and as much again as is alive, may stay in a state between two runs.
const GARBAGE_BYTES_KEPT: usize = 4 << 20;

/// So much garbage may stay in a state while nothing runs.
const GARBAGE_BYTES_AT_REST: usize = 64 << 10;

impl Globals {
    /// The globals of `lua`, a state made by [`new_state`].
    ///
    /// # Errors
    ///
    /// A runtime error if the state was made otherwise.
    pub fn of(lua: &Lua) -> mlua::Result<Self> {
        let hidden = hidden(lua)?;
        let left_bytes = Cell::new(lua.used_memory());
        Ok(Self { fields: hidden.globals.clone(), limit_bytes: hidden.limit_bytes, left_bytes })
    }

    /// The table that holds the globals' fields: a raw set here defines a global in spite of the freeze.
    ///
    /// Must not reach a script.
    #[must_use]
    pub fn fields(&self) -> &Table {
        &self.fields
    }

    /// Collects garbage if more than half of the memory is taken, or much more than was left by the last collection; to be
    /// called after each run.
    ///
    /// LuaJIT collects in proportion to what is alive and not because an allocation fails: the garbage of a script that
    /// met the limit would make the next one fail, or the preparations for it, and would stay until then.
    ///
    /// # Errors
    ///
    /// None that a script can cause: no finalizer runs but those of Rust.
    pub fn make_room(&self, lua: &Lua) -> mlua::Result<()> {
        let most = (2 * self.left_bytes.get() + GARBAGE_BYTES_KEPT).min(self.limit_bytes / 2);
        self.leave(most, lua)
    }

    /// Collects garbage if there is more than little of it; to be called when nothing has run for a while.
    ///
    /// # Errors
    ///
    /// Those of [`Globals::make_room`].
    pub fn leave_little(&self, lua: &Lua) -> mlua::Result<()> {
        if lua.used_memory() <= self.left_bytes.get() + GARBAGE_BYTES_AT_REST {
            return Ok(());
        }
        loop {
            let before = lua.used_memory();
            self.leave(0, lua)?;
            // Each collection takes only half of the room in which strings are built.
            if before.saturating_sub(lua.used_memory()) < GARBAGE_BYTES_AT_REST {
                return Ok(());
            }
        }
    }

    fn leave(&self, most: usize, lua: &Lua) -> mlua::Result<()> {
        if lua.used_memory() > most {
            lua.gc_collect()?;
            self.left_bytes.set(lua.used_memory());
        }
        Ok(())
    }
}

/// A Lua state with every library but `redis`, not yet frozen.
///
/// Memory is counted in the bytes Lua has allocated; beyond the limit allocations fail with Lua's "not enough memory".
/// The compiler stays off, so that hooks see every instruction. `random` is what `math.random` gives.
///
/// # Errors
///
/// What Lua reports while the libraries are installed, a limit too small for them included.
pub fn new_state(memory_limit_bytes: usize, random: &Random) -> mlua::Result<Lua> {
    let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS | StdLib::BIT | StdLib::JIT;
    let lua = Lua::new_with(libraries, LuaOptions::new())?;
    lua.globals().get::<Table>("jit")?.get::<Function>("off")?.call::<()>(())?;
    lua.set_memory_limit(memory_limit_bytes)?;
    let globals = lua.globals();
    let native = lua.create_table()?;
    native.raw_set("failed", native::FAILED)?;
    native.raw_set("random", random::library(&lua, random)?)?;
    native.raw_set("struct", structure::library(&lua)?)?;
    native.raw_set("cmsgpack", messagepack::library(&lua, memory_limit_bytes)?)?;
    native.raw_set("cjson", json::function(&lua, memory_limit_bytes)?)?;
    native.raw_set("count_calls", native::count_calls(&lua)?)?;
    native.raw_set("translate", source::translate_function(&lua)?)?;
    native.raw_set("reword", source::reword_function(&lua)?)?;
    let prelude = lua.load(include_str!("environment/prelude.lua")).set_name("=environment");
    let entry: Table = prelude.set_mode(ChunkMode::Text).call(native)?;
    let freeze = entry.raw_get("freeze")?;
    lua.set_app_data(Hidden { globals, freeze, limit_bytes: memory_limit_bytes });
    Ok(lua)
}

/// See [`Globals::fields`].
///
/// # Errors
///
/// If [`new_state`] did not make the state.
pub fn fields(lua: &Lua) -> mlua::Result<Table> {
    Ok(hidden(lua)?.globals.clone())
}

/// Makes the globals and every table among them read-only.
///
/// To be called once, after the last global has been added.
///
/// # Errors
///
/// Memory, or a state that [`new_state`] did not make.
pub fn freeze(lua: &Lua) -> mlua::Result<()> {
    let freeze = hidden(lua)?.freeze.clone();
    let frozen: Table = freeze.call(())?;
    lua.set_globals(frozen)
}

/// What C sees of `text`: what stands before the first zero.
pub(crate) fn of_c(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Compiles the text of a script, with `chunk_name` in Lua's form (`@user_script`).
///
/// Only the first of the script's results may be used: see `environment/source.rs`.
///
/// # Errors
///
/// A syntax error, whose text is for [`error_text`].
pub fn compile(lua: &Lua, source: &[u8], chunk_name: &str) -> mlua::Result<Function> {
    compile_in(lua, source, chunk_name, &lua.globals())
}

/// The same for a text whose globals are `globals`.
///
/// # Errors
///
/// A syntax error, in the words of [`error_text`].
pub fn compile_in(lua: &Lua, source: &[u8], chunk_name: &str, globals: &Table) -> mlua::Result<Function> {
    let load = |scope| {
        let translation = source::translate(source, scope)
            .map_err(|problem| source::syntax_error(&problem.text(chunk_name.as_bytes())))?;
        let chunk = lua.load(&*translation.text).set_name(chunk_name).set_mode(ChunkMode::Text);
        let chunk = chunk.set_environment(globals.clone());
        chunk.into_function().map_err(|error| match error {
            mlua::Error::SyntaxError { message, .. } => {
                source::syntax_error(&source::reword(message.as_bytes(), translation.foreign))
            }
            other => other,
        })
    };
    // What the translation adds for a script must not show in an error.
    load(Scope::Script).or_else(|_| load(Scope::Loaded))
}

fn hidden(lua: &Lua) -> mlua::Result<mlua::AppDataRef<'_, Hidden>> {
    lua.app_data_ref::<Hidden>().ok_or_else(|| mlua::Error::runtime("not a state for scripts"))
}
