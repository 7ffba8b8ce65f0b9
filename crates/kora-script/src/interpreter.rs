//! The interpreter of one worker's thread: it compiles scripts once, and runs them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::context::{Ctx, Resumed};
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use kora_core::reply::Reply;

use mlua::Value;

use crate::api::{Failure, KILLED, counted_error, outcome};
use crate::commons::{Commons, StateKind};
use crate::environment::{self, error_text};
use crate::functions::Functions;
use crate::pause::{Progress, Returned, SEATS_MAX, Stage};
use crate::render::{internal_error, one_line, render};
use crate::run::{End, Rights, Run, Watching};
use crate::script::{Script, Sha};
use crate::service::{Origin, Scripts, VmUsage};
use crate::subject::{Compiled, Subject};
use crate::vm::{Arguments, Vm};

/// Compiled functions that a worker keeps; those used longest ago go first.
const COMPILED_MAX: usize = 1000;

/// What scripts are called in Lua's messages.
const CHUNK: &str = "@user_script";

thread_local! {
    /// Of the worker whose step it is. A thread serves one engine and one worker, but for simulations.
    static SEAT: RefCell<Seat> = const { RefCell::new(Seat { number: 0, interpreter: None }) };
}

/// Where the interpreter of a worker is: a driver that takes steps of several workers in one thread has one for each, and
/// exchanges it for the thread's own before a step and behind it.
pub struct Seat {
    number: usize,
    interpreter: Option<Interpreter>,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Seat {
    /// The seat of a worker of this number, below 8 and not another's in this thread.
    ///
    /// # Panics
    /// If it is 8 or more.
    #[must_use]
    pub fn new(number: usize) -> Self {
        assert!(number < SEATS_MAX, "so many workers do not share a thread");
        Self { number, interpreter: None }
    }

    /// Exchanges it for that of this thread.
    pub fn exchange(&mut self) {
        SEAT.with_borrow_mut(|seat| std::mem::swap(seat, self));
    }
}

/// Runs `body` with the interpreter of this thread for `scripts`.
///
/// # Errors
/// If there is no memory for an interpreter.
pub(crate) fn with<R>(
    scripts: &Scripts,
    body: impl FnOnce(&mut Interpreter) -> CommandResult<R>,
) -> CommandResult<R> {
    SEAT.with_borrow_mut(|Seat { number, interpreter: place }| {
        if place.as_ref().is_none_or(|interpreter| interpreter.service != scripts.id()) {
            *place = Some(Interpreter::new(scripts, *number).map_err(|error| internal_error(&error))?);
        }
        body(place.as_mut().expect("it was made where it was missing"))
    })
}

/// What a worker does now and then for its interpreter while nothing runs there. One whose scripts were flushed goes, and its functions with it,
/// which are compiled again when they are called. Else garbage is collected once nothing has run since the last look.
pub fn rest(scripts: &Scripts) {
    SEAT.with_borrow_mut(|Seat { interpreter: place, .. }| {
        let Some(interpreter) = place.as_mut().filter(|interpreter| interpreter.may_rest(scripts)) else {
            return;
        };
        if interpreter.flushes != scripts.flushes() {
            *place = None;
        } else if std::mem::replace(&mut interpreter.runs_seen, interpreter.runs) == interpreter.runs {
            interpreter.collect();
        }
    });
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The reply is written.
    Replied,
    /// It has done nothing, and is to run with all stores in hand.
    NeedsAll,
    /// It stands aside; the context knows.
    Paused,
}

/// See the module.
pub(crate) struct Interpreter {
    service: u64,
    run: Rc<RefCell<Run>>,
    stage: Stage,
    scripts: Rc<Vm>,
    compiled: HashMap<Sha, Rc<Compiled>, ahash::RandomState>,
    /// The same by hash of the text: where two texts have one hash, only the later is here.
    by_text: HashMap<u64, Rc<Compiled>, ahash::RandomState>,
    hasher: ahash::RandomState,
    clock: u64,
    /// Runs of scripts and functions, and how many they were at the last look of [`rest`].
    runs: u64,
    runs_seen: u64,
    /// How often scripts or functions had been flushed when it was made.
    flushes: u64,
    usage: Arc<VmUsage>,
    commons: Commons,
    /// Made when the first library is loaded or the first function runs.
    functions: Option<Functions>,
}

impl Interpreter {
    fn new(scripts: &Scripts, seat: usize) -> mlua::Result<Self> {
        let (host, busy) = (Arc::clone(scripts.host()), Arc::clone(&scripts.busy));
        let watching = Watching { looks: scripts.commons().looks.clone(), seat };
        let run = Rc::new(RefCell::new(Run::new(host, busy, watching)));
        Ok(Self {
            service: scripts.id(),
            stage: Stage::of_seat(seat),
            scripts: Rc::new(Vm::new(&run, scripts.commons(), StateKind::Scripts)?),
            run,
            compiled: HashMap::with_hasher(ahash::RandomState::new()),
            by_text: HashMap::with_hasher(ahash::RandomState::new()),
            hasher: ahash::RandomState::new(),
            clock: 0,
            runs: 0,
            runs_seen: 0,
            flushes: scripts.flushes(),
            usage: scripts.add_usage(),
            commons: scripts.commons().clone(),
            functions: None,
        })
    }

    /// The functions of this worker, and the state of what runs.
    ///
    /// # Errors
    /// If a script stands aside, which `run` is the state of.
    pub(crate) fn functions(
        &mut self,
        scripts: &Scripts,
    ) -> CommandResult<(&mut Functions, &Rc<RefCell<Run>>)> {
        if self.stage.is_taken() {
            return Err(scripts.busy_error());
        }
        if self.functions.is_none() {
            self.functions =
                Some(Functions::new(&self.run, &self.commons).map_err(|error| internal_error(&error))?);
        }
        let functions = self.functions.as_mut().expect("it was made where it was missing");
        Ok((functions, &self.run))
    }

    /// Whether nothing runs in it, and it is that of these scripts.
    fn may_rest(&self, scripts: &Scripts) -> bool {
        self.service == scripts.id() && !self.stage.is_taken()
    }

    /// Collects what runs left behind.
    fn collect(&self) {
        self.scripts.collect();
        if let Some(functions) = &self.functions {
            functions.vm().collect();
        }
        self.note_usage();
    }

    /// Says how much Lua has allocated.
    fn note_usage(&self) {
        self.usage.scripts.store(self.scripts.memory_bytes(), Ordering::Relaxed);
        if let Some(functions) = &self.functions {
            self.usage.functions.store(functions.memory_bytes(), Ordering::Relaxed);
        }
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
            let text = one_line(&error_text(&error));
            CommandError::Other(format!("ERR Error compiling script (new function): {text}").into())
        })?;
        if self.compiled.len() >= COMPILED_MAX {
            self.forget_some();
        }
        let used = Cell::new(self.clock);
        let body = self.scripts.keep(&function).map_err(|error| internal_error(&error))?;
        let compiled = Rc::new(Compiled { script, body, used });
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

    /// Runs a script or function with what `ctx` has in hand, and replies with what it returns.
    pub(crate) fn run(
        &mut self,
        scripts: &Scripts,
        ctx: &mut Ctx<'_>,
        (subject, is_read_only): (Subject, bool),
        command: &[&[u8]],
        out: &mut dyn Reply,
    ) -> CommandResult<Outcome> {
        self.runs += 1;
        if subject.wanders().load(Ordering::Relaxed) && !ctx.has_all() {
            return Ok(Outcome::NeedsAll);
        }
        if self.stage.is_taken() {
            return Err(scripts.busy_error());
        }
        let arguments = arguments(command, &subject)?;
        let body = self.body(&subject, &arguments).map_err(|error| internal_error(&error))?;
        {
            let mut run = self.run.borrow_mut();
            run.begin(ctx, Rights { flags: subject.flags(), is_read_only })?;
            run.set_subject(subject, command);
        }
        if !ctx.may_pause() {
            return self.finish(scripts, ctx, body(), out);
        }
        match self.stage.start(body) {
            Ok(Progress::Done(returned)) => self.finish(scripts, ctx, returned, out),
            Ok(Progress::Paused) => {
                ctx.pause(resume);
                Ok(Outcome::Paused)
            }
            Err(error) => {
                self.run.borrow_mut().finish(ctx);
                Err(CommandError::Other(format!("ERR no stack for a script: {error}").into()))
            }
        }
    }

    /// What runs a script or function: it borrows nothing, and may stand aside.
    fn body(
        &mut self,
        subject: &Subject,
        arguments: &Arguments<'_>,
    ) -> mlua::Result<Box<dyn FnOnce() -> Returned>> {
        Ok(match subject {
            Subject::Script(compiled) => {
                self.clock += 1;
                compiled.used.set(self.clock);
                let given = self.scripts.give(arguments)?;
                let (vm, compiled) = (Rc::clone(&self.scripts), Rc::clone(compiled));
                Box::new(move || vm.call_script(&compiled.body, given))
            }
            Subject::Function(callable) => {
                let functions = self.functions.as_ref().expect("it has found the function");
                let vm = Rc::clone(functions.vm());
                let (keys, args) = vm.lists(arguments)?;
                let body = Rc::clone(&callable.body);
                Box::new(move || vm.call_function(&body, keys, args))
            }
        })
    }

    /// Hands over what the commands of a run came to.
    fn count(&self, returned: &Returned) {
        let mut run = self.run.borrow_mut();
        if run.tally.is_empty() {
            return;
        }
        if let Ok((true, Value::Table(table))) = returned
            && let Some(text) = counted_error(table)
        {
            run.tally.take_back(&text);
        }
        run.host().count(&run.tally);
    }

    /// Ends a run: gives back to `ctx` what was in hand, and replies.
    fn finish(
        &mut self,
        scripts: &Scripts,
        ctx: &mut Ctx<'_>,
        returned: Returned,
        out: &mut dyn Reply,
    ) -> CommandResult<Outcome> {
        let (end, is_resp3, subject) = {
            let mut run = self.run.borrow_mut();
            run.finish(ctx);
            (run.end, run.is_resp3, run.take_subject())
        };
        self.note_usage();
        let subject = subject.expect("it was told when the run began");
        if end == Some(End::NeedsAll) {
            subject.wanders().store(true, Ordering::Relaxed);
            return Ok(Outcome::NeedsAll);
        }
        self.count(&returned);
        if ctx.shard_count() > 1 && ctx.has_all() {
            scripts.runs_on_all.fetch_add(1, Ordering::Relaxed);
        }
        let mut outcome = match returned.and_then(outcome) {
            // Its end came while it was given its arguments.
            Err(_) if end.is_some() => Err(Failure::default()),
            returned => returned.map_err(|error| internal_error(&error))?,
        };
        if end == Some(End::Killed) {
            // It may have caught that as an error in a handler of errors, and ended before the next look at the clock.
            outcome = Err(Failure { text: KILLED.into(), ..outcome.err().unwrap_or_default() });
        }
        let value = outcome.map_err(|failure| {
            let Failure { text, source, line } = failure;
            let place = if line > 0 { format!(", on {source}:{line}.") } else { String::new() };
            CommandError::Other(format!("{text} script: {}{place}", subject.name()).into())
        })?;
        render(&value, is_resp3, out).map_err(|error| internal_error(&error))?;
        Ok(Outcome::Replied)
    }
}

/// Goes on with the script that stands aside.
fn resume(ctx: &mut Ctx<'_>, out: &mut dyn Reply) -> Resumed {
    let services = Arc::clone(ctx.services);
    let scripts = services.get::<Scripts>().expect("they were there when the script began");
    let resumed = with(scripts, |interpreter| match interpreter.stage.go_on() {
        None | Some(Progress::Paused) => Ok(None),
        Some(Progress::Done(returned)) => interpreter.finish(scripts, ctx, returned, out).map(Some),
    });
    match resumed {
        Ok(None) => Resumed::Paused,
        Ok(Some(Outcome::NeedsAll)) => Resumed::NeedsAll,
        Ok(Some(Outcome::Replied | Outcome::Paused)) => Resumed::Done(Ok(())),
        Err(error) => Resumed::Done(Err(error)),
    }
}

/// The keys and the other arguments of a command that runs a script or function.
fn arguments<'a>(command: &'a [&'a [u8]], subject: &Subject) -> CommandResult<Arguments<'a>> {
    let count = key_count(command).map_err(|error| match (error, subject) {
        (CommandError::NotInteger, Subject::Function(_)) => {
            CommandError::text("ERR Bad number of keys provided")
        }
        (error, _) => error,
    })?;
    let (keys, args) = command[3..].split_at(count);
    Ok(Arguments { keys, args })
}

/// The number of keys behind a script's name, checked against what follows.
pub(crate) fn key_count(command: &[&[u8]]) -> CommandResult<usize> {
    let count = parse_i64(command[2]).ok_or(CommandError::NotInteger)?;
    match usize::try_from(count) {
        Err(_) => Err(CommandError::text("ERR Number of keys can't be negative")),
        Ok(count) if count > command.len() - 3 => {
            Err(CommandError::text("ERR Number of keys can't be greater than number of args"))
        }
        Ok(count) => Ok(count),
    }
}
