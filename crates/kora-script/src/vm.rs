//! A Lua state with the `redis` table: one for scripts, one for functions.

use std::cell::RefCell;
use std::rc::Rc;

use mlua::state::{GcIncParams, GcMode};
use mlua::{Function, HookTriggers, Lua, LuaString, Table, Value};

use crate::api::{self, Failure, Installed};
use crate::bodies::{Bodies, Body};
use crate::commons::{Commons, MemoryLimit, StateKind};
use crate::environment::{self, Globals};
use crate::pause::Returned;
use crate::run::Run;

/// Garbage is collected when there is so much more than was left by the last collection, in per cent: the libraries alone,
/// which every collection walks through, are much more than what a short script leaves behind.
const COLLECTION_PAUSE: i32 = 1000;

/// What a script is given: the keys and the other arguments of the command that runs it.
pub(crate) struct Arguments<'a> {
    pub(crate) keys: &'a [&'a [u8]],
    pub(crate) args: &'a [&'a [u8]],
}

/// See the module.
pub(crate) struct Vm {
    pub(crate) lua: Lua,
    limit: MemoryLimit,
    globals: Globals,
    /// Calls a function by its number, and makes of what it raises a table.
    protect: Function,
    bodies: Rc<Bodies>,
    keys: ListGlobal,
    args: ListGlobal,
}

/// A global that is a list, another one for each script.
struct ListGlobal {
    name: LuaString,
    last: RefCell<Table>,
}

impl ListGlobal {
    fn new(lua: &Lua, name: &str) -> mlua::Result<Self> {
        // Not empty, so that the first script is given one of its own.
        let none = lua.create_sequence_from([true])?;
        Ok(Self { name: lua.create_string(name)?, last: RefCell::new(none) })
    }
}

impl Vm {
    pub(crate) fn new(run: &Rc<RefCell<Run>>, commons: &Commons, kind: StateKind) -> mlua::Result<Self> {
        let limit = commons.limit;
        let lua = environment::new_state(limit.0, &commons.random)?;
        let Installed { protect, bodies } = api::install(&lua, run, (kind, limit))?;
        let watched = Rc::clone(run);
        let hook = move |_: &Lua, _: &mlua::debug::Debug<'_>| api::watch(&watched);
        lua.set_global_hook(HookTriggers::new().every_nth_instruction(commons.looks.instructions), hook)?;
        environment::freeze(&lua)?;
        let collection = GcIncParams::default().pause(COLLECTION_PAUSE);
        lua.gc_set_mode(GcMode::Incremental(collection));
        MemoryLimit::lift(&lua)?;
        let (keys, args) = (ListGlobal::new(&lua, "KEYS")?, ListGlobal::new(&lua, "ARGV")?);
        Ok(Self { globals: Globals::of(&lua)?, lua, limit, protect, bodies, keys, args })
    }

    /// Keeps a function, to be called until it is dropped.
    ///
    /// # Errors
    /// If Lua has no memory for it.
    pub(crate) fn keep(&self, function: &Function) -> mlua::Result<Body> {
        self.bodies.keep(function)
    }

    /// Makes keys and arguments globals, for the next script.
    pub(crate) fn set_globals(&self, arguments: &Arguments<'_>) -> mlua::Result<()> {
        self.set_global(&self.keys, arguments.keys)?;
        self.set_global(&self.args, arguments.args)
    }

    fn set_global(&self, global: &ListGlobal, items: &[&[u8]]) -> mlua::Result<()> {
        let mut last = global.last.borrow_mut();
        if items.is_empty() && last.is_empty() && last.metatable().is_none() {
            // The script before had none either, and has left the table as it was.
            return Ok(());
        }
        *last = self.list(items)?;
        self.globals.fields().raw_set(&global.name, &*last)
    }

    /// Keys and arguments as tables.
    pub(crate) fn lists(&self, arguments: &Arguments<'_>) -> mlua::Result<(Table, Table)> {
        Ok((self.list(arguments.keys)?, self.list(arguments.args)?))
    }

    /// Runs a script.
    pub(crate) fn call_script(&self, body: &Body) -> Returned {
        self.within_limit(|| self.protect.call(body.number()))
    }

    /// Runs a function with its keys and arguments.
    pub(crate) fn call_function(&self, body: &Body, keys: Table, args: Table) -> Returned {
        self.within_limit(|| self.protect.call((body.number(), keys, args)))
    }

    /// Runs the text of a library.
    pub(crate) fn call_library(&self, function: &Function) -> mlua::Result<Result<Value, Failure>> {
        let body = self.keep(function)?;
        api::outcome(self.within_limit(|| self.protect.call(body.number()))?)
    }

    /// Runs what scripts allocate for within the limit of memory.
    fn within_limit(&self, body: impl FnOnce() -> Returned) -> Returned {
        self.limit.set(&self.lua)?;
        let returned = body();
        MemoryLimit::lift(&self.lua)?;
        self.globals.make_room(&self.lua)?;
        returned
    }

    /// Bytes that Lua has allocated.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.lua.used_memory()
    }

    fn list(&self, items: &[&[u8]]) -> mlua::Result<Table> {
        let table = self.lua.create_table_with_capacity(items.len(), 0)?;
        for (index, item) in (1..).zip(items) {
            table.raw_seti(index, self.lua.create_string(item)?)?;
        }
        Ok(table)
    }
}
