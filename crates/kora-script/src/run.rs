//! One run of a script: the stores it has in hand, and the commands it runs on them.
//!
//! A script whose keys are on some of the shards begins with the stores of these alone. What its commands change is saved
//! first. When it asks for a key elsewhere, or is about to change what can't be saved, all that it did is taken back, and it
//! runs again with all stores in hand. A script that has done so once is given all from the start.

use std::sync::Arc;
use std::time::Duration;

use crate::bodies::Body;
use crate::busy::{Busy, BusyRun};
use crate::flags::ScriptFlags;
use crate::host::{Callee, Caller, Host, NoCallee, Runs};
use crate::library::FunctionFacts;
use crate::looks::Looks;
use crate::subject::Subject;
use crate::tally::Tally;
use kora_core::command::reads::note_reads;
use kora_core::command::spec::{Facts, Flags, Route};
use kora_core::context::moved::MovedContext;
use kora_core::context::{CoreHandler, Ctx};
use kora_core::db::DbIndex;
use kora_core::error::{CommandError, CommandResult};
use kora_core::journal::meter::{Ended, Seen, Whose};
use kora_core::reply::Reply;
use kora_core::shard::probe::Rule;
use kora_core::shard::route::{Placement, place};
use kora_core::time::UnixMs;
use kora_core::undo::Undo;

/// Why a script does not run to its end, whatever it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It needs stores that are not in hand.
    NeedsAll,
    /// Somebody has asked to end it.
    Killed,
}

/// Why a script's command was not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// With this error.
    Error(CommandError),
    /// The script is at its end.
    End,
}

impl From<CommandError> for CallError {
    fn from(error: CommandError) -> Self {
        Self::Error(error)
    }
}

/// What a script may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights {
    pub(crate) flags: ScriptFlags,
    /// It was called by a command that only reads.
    pub(crate) is_read_only: bool,
}

/// The state of a run, and the room for the next one.
pub(crate) struct Run {
    host: Arc<dyn Host>,
    busy: Arc<Busy>,
    watching: Watching,
    /// What runs, for those who ask.
    subject: Option<Subject>,
    command: Words,
    /// When the hook saw it first.
    seen: Option<Duration>,
    /// What others see of it once it takes long.
    busy_run: Option<Arc<BusyRun>>,
    hand: MovedContext,
    db: DbIndex,
    now: UnixMs,
    no_touch: bool,
    /// The protocol that replies of commands are given in.
    pub(crate) is_resp3: bool,
    is_read_only: bool,
    /// Commands that need memory are refused, until it has written.
    is_short_of_memory: bool,
    has_written: bool,
    /// Its effects have a number of their own: it belongs to nothing larger that has one.
    is_unit: bool,
    /// What it did, while it has not all stores in hand.
    undo: Option<Undo>,
    pub(crate) end: Option<End>,
    /// What its commands came to.
    pub(crate) tally: Tally,
    /// While a library is loaded.
    loading: Option<Loading>,
}

/// How runs are looked at, and who stands aside.
pub(crate) struct Watching {
    pub(crate) looks: Looks,
    /// Of the workers that share this thread, the one whose scripts these are.
    pub(crate) seat: usize,
}

/// The loading of a library.
struct Loading {
    /// The functions registered so far.
    registered: Vec<Registered>,
    time_max: Duration,
}

/// The words of a command but the second, which may be long, in room that is used again.
#[derive(Default)]
struct Words {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Words {
    fn set(&mut self, command: &[&[u8]]) {
        self.bytes.clear();
        self.ends.clear();
        for word in command.iter().take(1).chain(command.iter().skip(2)) {
            self.bytes.extend_from_slice(word);
            self.ends.push(self.bytes.len());
        }
    }

    fn with_second(&self, second: &[u8]) -> Box<[Box<[u8]>]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let mut words: Vec<Box<[u8]>> =
            starts.zip(&self.ends).map(|(start, &end)| self.bytes[start..end].into()).collect();
        words.insert(1, second.into());
        words.into()
    }
}

/// What Lua's hook is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Nothing.
    GoOn,
    /// Let the worker do other things.
    StandAside,
    /// End the script.
    End,
    /// End the loading of a library.
    LoadingTimeout,
}

/// A function that a library has registered.
pub(crate) struct Registered {
    pub(crate) facts: FunctionFacts,
    pub(crate) body: Body,
}

impl Run {
    pub(crate) fn new(host: Arc<dyn Host>, busy: Arc<Busy>, watching: Watching) -> Self {
        Self {
            host,
            busy,
            watching,
            subject: None,
            command: Words::default(),
            seen: None,
            busy_run: None,
            hand: MovedContext::default(),
            db: DbIndex::default(),
            now: UnixMs(0),
            no_touch: false,
            is_resp3: false,
            is_read_only: false,
            is_short_of_memory: false,
            has_written: false,
            is_unit: false,
            undo: None,
            end: None,
            tally: Tally::default(),
            loading: None,
        }
    }

    /// Of the workers that share this thread, the one whose scripts these are.
    pub(crate) fn seat(&self) -> usize {
        self.watching.seat
    }

    pub(crate) fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// Begins a run with what `ctx` has in hand.
    ///
    /// # Errors
    /// If the script may not run now.
    pub(crate) fn begin(&mut self, ctx: &mut Ctx<'_>, rights: Rights) -> Result<(), CommandError> {
        let Rights { flags, is_read_only } = rights;
        let is_undeclared = flags.has(ScriptFlags::UNDECLARED);
        let writes = !flags.has(ScriptFlags::NO_WRITES);
        if is_read_only && writes && !is_undeclared {
            return Err(CommandError::text(
                "ERR Can not execute a script with write flag using *_ro command.",
            ));
        }
        self.is_short_of_memory = !flags.has(ScriptFlags::ALLOW_OOM) && self.host.is_short_of_memory();
        if self.is_short_of_memory && writes && !is_undeclared {
            return Err(CommandError::text(
                "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
            ));
        }
        (self.db, self.now, self.no_touch) = (ctx.db, ctx.now, ctx.no_touch);
        self.is_read_only = is_read_only || !writes;
        self.is_resp3 = false;
        self.has_written = false;
        self.end = None;
        self.seen = None;
        self.tally.clear();
        self.is_unit = ctx.journal.begin_unit();
        self.hand.fill(ctx);
        let setting = (self.db, self.now, self.no_touch);
        self.undo = (!self.hand.has_all()).then(|| Undo::begin(&mut self.hand.ctx(setting)));
        Ok(())
    }

    /// Ends the run and gives back to `ctx` what was in hand.
    pub(crate) fn finish(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(busy_run) = self.busy_run.take() {
            self.busy.leave(&busy_run);
            // Nobody finds it any more. It may have come to its end by itself, or begin anew with all stores.
            if busy_run.is_killed() {
                self.end = Some(End::Killed);
            }
        }
        if let Some(undo) = self.undo.take() {
            let mut ctx = self.hand.ctx((self.db, self.now, self.no_touch));
            if self.end == Some(End::NeedsAll) {
                undo.roll_back(&mut ctx);
            } else {
                undo.keep(&mut ctx);
            }
        }
        self.hand.empty(ctx);
        if self.end == Some(End::Killed) && self.busy.is_ending() {
            ctx.journal.abandon_unit();
        }
        if self.is_unit {
            ctx.journal.end_unit();
        }
        if self.seen.take().is_some() {
            self.busy.forget_seen();
        }
    }

    /// Begins to load a library, which may take so long.
    pub(crate) fn begin_loading(&mut self, time_max: Duration) {
        (self.seen, self.end) = (None, None);
        self.loading = Some(Loading { registered: Vec::new(), time_max });
    }

    /// The functions registered so far; `None` while no library is loaded.
    pub(crate) fn registered(&mut self) -> Option<&mut Vec<Registered>> {
        self.loading.as_mut().map(|loading| &mut loading.registered)
    }

    /// Ends the loading of a library: the functions that it registered.
    pub(crate) fn end_loading(&mut self) -> Vec<Registered> {
        self.loading.take().map(|loading| loading.registered).unwrap_or_default()
    }

    /// What runs by which command: for those who ask once it takes long, and for its end.
    pub(crate) fn set_subject(&mut self, subject: Subject, command: &[&[u8]]) {
        self.subject = Some(subject);
        self.command.set(command);
    }

    pub(crate) fn take_subject(&mut self) -> Option<Subject> {
        self.subject.take()
    }

    /// Notes that the hook sees a run for the first time.
    #[cold]
    fn begin_watch(&mut self, now: Duration) -> Duration {
        if self.loading.is_none() {
            self.busy.note_seen();
        }
        *self.seen.insert(now)
    }

    /// What Lua's hook is to do.
    pub(crate) fn watch(&mut self) -> Watch {
        if self.end.is_some() || self.busy.is_ending() {
            self.end.get_or_insert(End::Killed);
            return Watch::End;
        }
        let now = (self.watching.looks.elapsed)();
        let seen = match self.seen {
            Some(seen) => seen,
            None => self.begin_watch(now),
        };
        let ran = now.saturating_sub(seen);
        if let Some(loading) = &self.loading {
            return if ran > loading.time_max { Watch::LoadingTimeout } else { Watch::GoOn };
        }
        if self.busy_run.is_none() && self.busy.threshold().is_some_and(|threshold| ran >= threshold) {
            self.busy_run = self.subject.as_ref().map(|subject| {
                let command = self.command.with_second(subject.text());
                let busy_run = BusyRun::new(subject.kind(), subject.name(), command, ran);
                if self.has_written {
                    // Before anyone can find it.
                    busy_run.begin_to_write();
                }
                let busy_run = Arc::new(busy_run);
                self.busy.enter(&busy_run);
                self.host.note_busy();
                busy_run
            });
        }
        let Some(busy_run) = &self.busy_run else { return Watch::GoOn };
        if busy_run.is_killed() {
            self.end = Some(End::Killed);
            return Watch::End;
        }
        Watch::StandAside
    }

    /// Runs a command for the script; returns its place in the host's table.
    pub(crate) fn call(&mut self, args: &[&[u8]], out: &mut dyn Reply) -> Result<usize, CallError> {
        if self.end.is_some() {
            return Err(CallError::End);
        }
        let Callee { facts, runs, place } = match self.host.resolve(args) {
            Ok(callee) => callee,
            Err(none) => return Err(self.reject_none(none)),
        };
        if let Err(error) = self.permit(facts, args) {
            self.tally.rejected(Some(place), &error.to_string());
            return Err(error.into());
        }
        let timing = self.hand.journal().begin_scripted(facts.name);
        let result = match runs {
            Runs::OnShard(handler) => self.run(facts, handler, args, out),
            Runs::ByHost if facts.name == "select" => self.select(args, out),
            Runs::ByHost => {
                let host = Arc::clone(&self.host);
                host.run(self.hand.services(), (place, args), self.now, out).map_err(CallError::Error)
            }
        };
        self.tally.called(place);
        let whose = Whose { client: 0, db: self.db, now: self.now, is_again: false };
        let seen = || Seen { name: facts.name, args, whose };
        let is_over = !matches!(result, Err(CallError::End));
        let ended = if is_over { Ended::Over } else { Ended::NotYet };
        self.hand.journal().end_command(seen, timing, ended);
        if is_over {
            self.hand.journal().tell(seen);
        }
        match result {
            Ok(()) => Ok(place),
            Err(refusal) => {
                if let CallError::Error(error) = &refusal {
                    self.tally.failed(place, &error.to_string());
                }
                Err(refusal)
            }
        }
    }

    #[cold]
    fn reject_none(&mut self, none: NoCallee) -> CallError {
        let text = none.to_string();
        let place = if let NoCallee::Arity(place) = none { Some(place) } else { None };
        self.tally.rejected(place, &text);
        CallError::Error(CommandError::Other(text.into()))
    }

    /// Whether the script's user may call a command, for a script that only wants to know.
    pub(crate) fn would_permit(&self, facts: &Facts, args: &[&[u8]]) -> bool {
        self.hand.guard().is_none_or(|guard| guard.would_permit(facts.name, args))
    }

    fn permit(&self, facts: &'static Facts, args: &[&[u8]]) -> CommandResult {
        let is_short_of_memory = self.is_short_of_memory && !self.has_written;
        let (is_read_only, guard, now) = (self.is_read_only, self.hand.guard(), self.now);
        self.host.admit(facts, args, Caller { is_read_only, is_short_of_memory, guard, now })
    }

    fn run(
        &mut self,
        facts: &Facts,
        handler: CoreHandler,
        args: &[&[u8]],
        out: &mut dyn Reply,
    ) -> Result<(), CallError> {
        let is_write = facts.flags.has(Flags::WRITE);
        if !self.hand.has_all() {
            self.prepare(facts, is_write, args)?;
        }
        if is_write && !self.has_written {
            self.begin_to_write()?;
        }
        let mut ctx = self.hand.ctx((self.db, self.now, self.no_touch));
        ctx.command = facts.name;
        let mark = ctx.journal.open_command(self.now);
        let result = handler(&mut ctx, args, out);
        note_reads(&mut ctx, facts, args);
        if is_write {
            ctx.journal.close_command(mark, self.db, facts.name, args);
        }
        Ok(result?)
    }

    /// Decides that the script writes, and so can't be killed any more.
    ///
    /// # Errors
    /// If it was killed meanwhile.
    fn begin_to_write(&mut self) -> Result<(), CallError> {
        let may_write = self.busy_run.as_ref().is_none_or(|busy_run| busy_run.begin_to_write());
        if !may_write && !self.host.breaks(Rule::KilledWritesNothing) {
            self.end = Some(End::Killed);
            return Err(CallError::End);
        }
        self.has_written = true;
        Ok(())
    }

    /// Makes sure that a command finds its keys in hand, and that what it changes can be taken back.
    fn prepare(&mut self, facts: &Facts, is_write: bool, args: &[&[u8]]) -> Result<(), CallError> {
        let is_in_hand = match place(facts, args, self.hand.shard_count()) {
            Placement::Anywhere => true,
            // It may go on with the stores of the shards behind.
            Placement::One(_) if facts.route == Route::Cursor => false,
            Placement::One(shard) => self.hand.has(shard),
            Placement::Together(shards) => shards.iter().all(|shard| self.hand.has(*shard)),
            Placement::Spread(_) => facts.keys_to_end().is_some_and(|(first, step)| {
                let shard_count = self.hand.shard_count();
                let mut keys = args[first..].iter().step_by(step);
                keys.all(|key| self.hand.has(kora_core::slot::Slot::of(key).shard(shard_count)))
            }),
        };
        let mut ctx = self.hand.ctx((self.db, self.now, self.no_touch));
        let undo = self.undo.as_mut().filter(|_| is_in_hand);
        let is_safe = undo.is_some_and(|undo| !is_write || undo.save(&mut ctx, facts, args).is_ok());
        if is_safe {
            return Ok(());
        }
        self.end = Some(End::NeedsAll);
        Err(CallError::End)
    }

    fn select(&mut self, args: &[&[u8]], out: &mut dyn Reply) -> Result<(), CallError> {
        let db = kora_core::number::parse_i64(args[1]).ok_or(CommandError::NotInteger)?;
        let count = self.hand.ctx((self.db, self.now, self.no_touch)).config().database_count;
        let db = u16::try_from(db).ok().filter(|db| *db < count).ok_or(CommandError::DbIndex)?;
        self.db = DbIndex(db);
        out.ok();
        Ok(())
    }
}
