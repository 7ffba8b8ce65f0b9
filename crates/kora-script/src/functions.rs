//! The functions of one worker: libraries that were loaded into its Lua state.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::api::register::Loading;
use crate::commons::{Commons, StateKind};
use crate::environment::{compile_in, error_text};
use crate::library::{Libraries, Library, metadata};
use crate::render::{internal_error, one_line};
use crate::run::{Registered, Run};
use crate::subject::Callable;
use crate::vm::Vm;
use kora_core::error::{CommandError, CommandResult};

/// What libraries are called in Lua's messages.
const CHUNK: &str = "@user_function";

/// How long the text of a library may run while it is loaded, as in Redis.
const LOADING_TIME_MAX: Duration = Duration::from_millis(500);

/// The same for a worker that loads a library which is known: it has ended in time once, and a busy machine is no reason to
/// refuse a call.
const KNOWN_LOADING_TIME_MAX: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct Functions {
    vm: Rc<Vm>,
    loading: Loading,
    /// The version of the libraries that `callables` were taken from.
    version: u64,
    /// By name in lower case.
    callables: HashMap<Box<[u8]>, Callable>,
}

impl Functions {
    pub(crate) fn new(run: &Rc<RefCell<Run>>, commons: &Commons) -> mlua::Result<Self> {
        let vm = Rc::new(Vm::new(run, commons, StateKind::Functions)?);
        let loading = vm.lua.app_data_ref::<Loading>().map(|loading| loading.clone());
        let loading = loading.ok_or_else(|| mlua::Error::runtime("not a state for functions"))?;
        Ok(Self { vm, loading, version: 0, callables: HashMap::new() })
    }

    /// The state that they run in.
    pub(crate) fn vm(&self) -> &Rc<Vm> {
        &self.vm
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.vm.memory_bytes()
    }

    /// Loads the text of a library: what it is called and which functions it registers.
    pub(crate) fn load(&mut self, run: &Rc<RefCell<Run>>, code: &[u8]) -> CommandResult<Library> {
        let (name, _) = metadata(code)?;
        let functions = self.register(run, code, LOADING_TIME_MAX)?;
        if functions.is_empty() {
            return Err(CommandError::text("ERR No functions registered"));
        }
        let functions = functions.into_iter().map(|function| function.facts).collect();
        Ok(Library { name, code: code.into(), functions })
    }

    /// Runs the text of a library for no longer than `time_max`, and returns what it registers.
    fn register(
        &mut self,
        run: &Rc<RefCell<Run>>,
        code: &[u8],
        time_max: Duration,
    ) -> CommandResult<Vec<Registered>> {
        let (_, code_at) = metadata(code)?;
        // The end of the shebang's line is left, so that lines are counted from there.
        let function =
            compile_in(&self.vm.lua, &code[code_at..], CHUNK, &self.loading.globals).map_err(|error| {
                let text = one_line(&error_text(&error));
                CommandError::Other(format!("ERR Error compiling function: {text}").into())
            })?;
        run.borrow_mut().begin_loading(time_max);
        let shown = self.loading.show(&self.vm.lua, true);
        let ran = shown.and_then(|()| self.vm.call_library(&function));
        let registered = run.borrow_mut().end_loading();
        let hidden = self.loading.show(&self.vm.lua, false);
        let ran = hidden.and(ran).map_err(|error| internal_error(&error))?;
        match ran {
            Ok(_) => Ok(registered),
            Err(failure) => {
                Err(CommandError::Other(format!("ERR Error registering functions: {}", failure.text).into()))
            }
        }
    }

    /// The function of a name, if a library has it.
    pub(crate) fn find(
        &mut self,
        run: &Rc<RefCell<Run>>,
        libraries: &Libraries,
        version: u64,
        name: &[u8],
    ) -> CommandResult<Option<Callable>> {
        if self.version != version {
            self.callables.retain(|_, callable| libraries.holds(&callable.library));
            self.version = version;
        }
        if let Some(callable) = self.callables.get(name) {
            return Ok(Some(callable.clone()));
        }
        let name = name.to_ascii_lowercase();
        if let Some(callable) = self.callables.get(&*name) {
            return Ok(Some(callable.clone()));
        }
        let Some(library) = libraries.of_function(&name) else { return Ok(None) };
        let functions = self.register(run, &library.code, KNOWN_LOADING_TIME_MAX)?;
        for (place, Registered { facts, body }) in functions.into_iter().enumerate() {
            let callable = Callable { body: Rc::new(body), library: Arc::clone(library), place };
            self.callables.insert(facts.name.to_ascii_lowercase().into(), callable);
        }
        Ok(self.callables.get(&*name).cloned())
    }
}
