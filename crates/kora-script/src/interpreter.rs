//! The interpreter of one worker's thread: it compiles scripts once, and runs them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use mlua::{Function, Value};

use crate::api::Failure;
use crate::environment::{self, error_text};
use crate::flags::ScriptFlags;
use crate::functions::Functions;
use crate::render::{line, render};
use crate::run::{End, Rights, Run};
use crate::script::{Script, Sha};
use crate::service::{Origin, Scripts};
use crate::vm::{Purpose, Vm};

/// Compiled functions that a worker keeps; those used longest ago go first.
const COMPILED_MAX: usize = 1000;

/// What scripts are called in Lua's messages.
const CHUNK: &str = "@user_script";

thread_local! {
    /// The interpreter of this thread. A thread serves one engine, but for simulations.
    static INTERPRETER: RefCell<Option<Interpreter>> = const { RefCell::new(None) };
}

/// Runs `body` with the interpreter of this thread for `scripts`.
///
/// # Errors
/// If there is no memory for an interpreter.
pub(crate) fn with<R>(
    scripts: &Scripts,
    body: impl FnOnce(&mut Interpreter) -> CommandResult<R>,
) -> CommandResult<R> {
    INTERPRETER.with_borrow_mut(|place| {
        if place.as_ref().is_none_or(|interpreter| interpreter.service != scripts.id()) {
            *place = Some(Interpreter::new(scripts).map_err(|error| internal(&error))?);
        }
        body(place.as_mut().expect("it was made where it was missing"))
    })
}

/// An error of Lua's that no script has raised.
pub(crate) fn internal(error: &mlua::Error) -> CommandError {
    CommandError::Other(format!("ERR {}", line(error_text(error).as_bytes())).into())
}

/// Arguments of a script.
pub(crate) struct Arguments<'a> {
    pub(crate) keys: &'a [&'a [u8]],
    pub(crate) args: &'a [&'a [u8]],
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The reply is written.
    Replied,
    /// It has done nothing, and is to run with all stores in hand.
    NeedsAll,
}

/// What is run.
pub(crate) struct Subject<'a> {
    /// The digest of a script, the name of a function.
    pub(crate) name: &'a dyn std::fmt::Display,
    pub(crate) flags: ScriptFlags,
    pub(crate) is_read_only: bool,
    pub(crate) wanders: &'a AtomicBool,
}

/// A script that was compiled here.
pub(crate) struct Compiled {
    script: Arc<Script>,
    function: Function,
    used: Cell<u64>,
}

/// See the module.
pub(crate) struct Interpreter {
    service: u64,
    run: Rc<RefCell<Run>>,
    scripts: Vm,
    compiled: HashMap<Sha, Rc<Compiled>>,
    /// The same by hash of the text: where two texts have one hash, only the later is here.
    by_text: HashMap<u64, Rc<Compiled>>,
    hasher: ahash::RandomState,
    clock: u64,
    /// Made when the first library is loaded or the first function runs.
    functions: Option<Functions>,
}

impl Interpreter {
    fn new(scripts: &Scripts) -> mlua::Result<Self> {
        let run = Rc::new(RefCell::new(Run::new(Arc::clone(scripts.host()))));
        Ok(Self {
            service: scripts.id(),
            scripts: Vm::new(&run, Purpose::Scripts)?,
            run,
            compiled: HashMap::new(),
            by_text: HashMap::new(),
            hasher: ahash::RandomState::new(),
            clock: 0,
            functions: None,
        })
    }

    /// The functions of this worker, and the state of what runs.
    pub(crate) fn functions(&mut self) -> CommandResult<(&mut Functions, &Rc<RefCell<Run>>)> {
        if self.functions.is_none() {
            self.functions = Some(Functions::new(&self.run).map_err(|error| internal(&error))?);
        }
        let functions = self.functions.as_mut().expect("it was made where it was missing");
        Ok((functions, &self.run))
    }

    /// Bytes that Lua has allocated for scripts, and for functions.
    pub(crate) fn memory_bytes(&self) -> (usize, usize) {
        (self.scripts.memory_bytes(), self.functions.as_ref().map_or(0, Functions::memory_bytes))
    }

    /// The script of a text, made known if it was not.
    pub(crate) fn script_of_text(&mut self, scripts: &Scripts, text: &[u8]) -> CommandResult<Rc<Compiled>> {
        let hash = self.hasher.hash_one(text);
        if let Some(compiled) = self.by_text.get(&hash)
            && *compiled.script.body == *text
            && !compiled.script.is_gone.load(Ordering::Relaxed)
        {
            return Ok(Rc::clone(compiled));
        }
        let compiled = match self.script_of_sha(scripts, &Sha::of(text))? {
            Some(compiled) => compiled,
            None => self.introduce(scripts, text, Origin::Evaluated)?,
        };
        self.by_text.insert(hash, Rc::clone(&compiled));
        Ok(compiled)
    }

    /// The known script of a digest.
    pub(crate) fn script_of_sha(
        &mut self,
        scripts: &Scripts,
        sha: &Sha,
    ) -> CommandResult<Option<Rc<Compiled>>> {
        if let Some(compiled) = self.compiled.get(sha)
            && !compiled.script.is_gone.load(Ordering::Relaxed)
        {
            return Ok(Some(Rc::clone(compiled)));
        }
        let Some(script) = scripts.find(sha) else { return Ok(None) };
        self.compile(script).map(Some)
    }

    /// SCRIPT LOAD.
    pub(crate) fn load(&mut self, scripts: &Scripts, text: &[u8]) -> CommandResult<Sha> {
        let sha = Sha::of(text);
        match self.script_of_sha(scripts, &sha)? {
            Some(compiled) => scripts.add(&compiled.script, Origin::Loaded),
            None => drop(self.introduce(scripts, text, Origin::Loaded)?),
        }
        Ok(sha)
    }

    fn introduce(&mut self, scripts: &Scripts, text: &[u8], origin: Origin) -> CommandResult<Rc<Compiled>> {
        let compiled = self.compile(Arc::new(Script::new(text)?))?;
        scripts.add(&compiled.script, origin);
        Ok(compiled)
    }

    fn compile(&mut self, script: Arc<Script>) -> CommandResult<Rc<Compiled>> {
        let function = environment::compile(&self.scripts.lua, script.code(), CHUNK).map_err(|error| {
            let text = line(error_text(&error).as_bytes());
            CommandError::Other(format!("ERR Error compiling script (new function): {text}").into())
        })?;
        if self.compiled.len() >= COMPILED_MAX {
            self.forget_some();
        }
        let used = Cell::new(self.clock);
        let compiled = Rc::new(Compiled { script, function, used });
        self.compiled.insert(compiled.script.sha, Rc::clone(&compiled));
        Ok(compiled)
    }

    /// Forgets the functions used longest ago: a quarter of all, so that this is done seldom.
    fn forget_some(&mut self) {
        let mut uses: Vec<u64> = self.compiled.values().map(|compiled| compiled.used.get()).collect();
        let (_, oldest_kept, _) = uses.select_nth_unstable(COMPILED_MAX / 4);
        let oldest_kept = *oldest_kept;
        self.compiled.retain(|_, compiled| compiled.used.get() > oldest_kept);
        self.by_text.retain(|_, compiled| compiled.used.get() > oldest_kept);
    }

    /// Runs a script with what `ctx` has in hand, and replies with what it returns.
    pub(crate) fn run(
        &mut self,
        scripts: &Scripts,
        ctx: &mut Ctx<'_>,
        compiled: &Compiled,
        arguments: &Arguments<'_>,
        is_read_only: bool,
        out: &mut dyn Reply,
    ) -> CommandResult<Outcome> {
        let script = &compiled.script;
        self.clock += 1;
        compiled.used.set(self.clock);
        let subject =
            Subject { name: &script.sha, flags: script.flags, is_read_only, wanders: &script.wanders };
        let body = || self.scripts.call_script(&compiled.function, arguments);
        run(&self.run, scripts, ctx, &subject, out, body)
    }
}

/// Runs `body` with what `ctx` has in hand, and replies with what it returns.
pub(crate) fn run(
    run: &Rc<RefCell<Run>>,
    scripts: &Scripts,
    ctx: &mut Ctx<'_>,
    subject: &Subject<'_>,
    out: &mut dyn Reply,
    body: impl FnOnce() -> mlua::Result<Result<Value, Failure>>,
) -> CommandResult<Outcome> {
    if subject.wanders.load(Ordering::Relaxed) && !ctx.has_all() {
        return Ok(Outcome::NeedsAll);
    }
    run.borrow_mut().begin(ctx, Rights { flags: subject.flags, is_read_only: subject.is_read_only })?;
    let ran = body();
    let (end, is_resp3) = {
        let mut run = run.borrow_mut();
        run.finish(ctx);
        (run.end, run.is_resp3)
    };
    if end == Some(End::NeedsAll) {
        subject.wanders.store(true, Ordering::Relaxed);
        return Ok(Outcome::NeedsAll);
    }
    if ctx.shard_count() > 1 && ctx.has_all() {
        scripts.runs_on_all.fetch_add(1, Ordering::Relaxed);
    }
    let value = ran.map_err(|error| internal(&error))?.map_err(|failure| {
        let Failure { text, source, line } = failure;
        let place = if line > 0 { format!(", on {source}:{line}.") } else { String::new() };
        CommandError::Other(format!("{text} script: {}{place}", subject.name).into())
    })?;
    render(&value, is_resp3, out).map_err(|error| internal(&error))?;
    Ok(Outcome::Replied)
}
