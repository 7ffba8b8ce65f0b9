//! A Lua state with the `redis` table: one for scripts, one for functions.

use std::cell::RefCell;
use std::rc::Rc;

use mlua::{Function, Lua, Table, Value};

use crate::api::{self, Failure};
use crate::environment::{self, Globals};
use crate::interpreter::Arguments;
use crate::run::Run;

/// Memory of the scripts of one worker, and of its functions.
const MEMORY_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// What a state is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Scripts: keys and arguments are globals.
    Scripts,
    /// Libraries of functions: keys and arguments are those of the function.
    Functions,
}

/// See the module.
pub(crate) struct Vm {
    pub(crate) lua: Lua,
    globals: Globals,
    /// Calls a function, and makes of what it raises a table.
    protect: Function,
}

impl Vm {
    pub(crate) fn new(run: &Rc<RefCell<Run>>, purpose: Purpose) -> mlua::Result<Self> {
        let lua = environment::new_state(MEMORY_BYTES_MAX)?;
        let protect = api::install(&lua, run, purpose)?;
        environment::freeze(&lua)?;
        Ok(Self { globals: Globals::of(&lua)?, lua, protect })
    }

    /// Runs a script, with keys and arguments as globals.
    pub(crate) fn call_script(
        &self,
        function: &Function,
        arguments: &Arguments<'_>,
    ) -> mlua::Result<Result<Value, Failure>> {
        self.globals.reset_random();
        let fields = self.globals.fields();
        fields.raw_set("KEYS", self.list(arguments.keys)?)?;
        fields.raw_set("ARGV", self.list(arguments.args)?)?;
        api::outcome(self.protect.call(function)?)
    }

    /// Runs a function, with keys and arguments as its own.
    pub(crate) fn call_function(
        &self,
        function: &Function,
        arguments: &Arguments<'_>,
    ) -> mlua::Result<Result<Value, Failure>> {
        self.globals.reset_random();
        let (keys, args) = (self.list(arguments.keys)?, self.list(arguments.args)?);
        api::outcome(self.protect.call((function, keys, args))?)
    }

    /// Runs the text of a library.
    pub(crate) fn call_library(&self, function: &Function) -> mlua::Result<Result<Value, Failure>> {
        api::outcome(self.protect.call(function)?)
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
