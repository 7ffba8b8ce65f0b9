//! A Lua state with the `redis` table: one for scripts, one for functions.

use std::cell::RefCell;
use std::rc::Rc;

use mlua::state::{GcIncParams, GcMode};
use mlua::{Function, HookTriggers, Lua, LuaString, Table, Value, Variadic};

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
    /// The same, for a script's keys and arguments.
    protect_with: Function,
    bodies: Rc<Bodies>,
}

/// Keys and arguments of a script up to this number go to Lua with the call.
const SHORT_LIST: usize = 16;

/// What a script is given.
pub(crate) enum Given {
    /// So many keys and all arguments, which go to Lua with the call.
    Texts(usize, Variadic<LuaString>),
    /// They are globals already.
    Globals,
}

impl Vm {
    pub(crate) fn new(run: &Rc<RefCell<Run>>, commons: &Commons, kind: StateKind) -> mlua::Result<Self> {
        let limit = commons.limit;
        let lua = environment::new_state(limit.0, &commons.random)?;
        let Installed { protect, protect_with, bodies } = api::install(&lua, run, (kind, limit))?;
        let watched = Rc::clone(run);
        let hook = move |_: &Lua, _: &mlua::debug::Debug<'_>| api::watch(&watched);
        lua.set_global_hook(HookTriggers::new().every_nth_instruction(commons.looks.instructions), hook)?;
        environment::freeze(&lua)?;
        let collection = GcIncParams::default().pause(COLLECTION_PAUSE);
        lua.gc_set_mode(GcMode::Incremental(collection));
        MemoryLimit::lift(&lua)?;
        Ok(Self { globals: Globals::of(&lua)?, lua, limit, protect, protect_with, bodies })
    }

    /// Keeps a function, to be called until it is dropped.
    ///
    /// # Errors
    /// If Lua has no memory for it.
    pub(crate) fn keep(&self, function: &Function) -> mlua::Result<Body> {
        self.bodies.keep(function)
    }

    /// Makes what a script is given ready for [`Vm::call_script`].
    pub(crate) fn give(&self, arguments: &Arguments<'_>) -> mlua::Result<Given> {
        let Arguments { keys, args } = arguments;
        if keys.len() + args.len() <= SHORT_LIST {
            let texts = keys.iter().chain(*args).map(|item| self.lua.create_string(item));
            let texts: Vec<LuaString> = texts.collect::<mlua::Result<_>>()?;
            return Ok(Given::Texts(keys.len(), Variadic::from(texts)));
        }
        let (keys, args) = self.lists(arguments)?;
        let globals = self.globals.fields();
        globals.raw_set("KEYS", keys)?;
        globals.raw_set("ARGV", args)?;
        Ok(Given::Globals)
    }

    /// Keys and arguments as tables.
    pub(crate) fn lists(&self, arguments: &Arguments<'_>) -> mlua::Result<(Table, Table)> {
        Ok((self.list(arguments.keys)?, self.list(arguments.args)?))
    }

    /// Runs a script.
    pub(crate) fn call_script(&self, body: &Body, given: Given) -> Returned {
        self.within_limit(|| match given {
            Given::Texts(keys, texts) => self.protect_with.call((body.number(), keys, texts)),
            Given::Globals => self.protect.call(body.number()),
        })
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

    /// Collects garbage, if there is some worth it.
    pub(crate) fn collect(&self) {
        // Without finalizers of scripts nothing fails in it.
        let _ = self.globals.leave_little(&self.lua);
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
