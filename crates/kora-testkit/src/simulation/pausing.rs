//! Scripts that take long: the time passes within a step, whenever a script that runs is looked at, as the seed has it; so it may
//! become busy, pause between any two of its commands, and go on behind steps of others.
//!
//! What must hold then, apart from what holds anyway:
//!
//! - nobody is told BUSY unless a script was busy since the command was sent, and what was refused has done nothing;
//! - while a script is busy, nothing of a client begins to run at once, but for EXEC and WATCH, which may;
//! - a KILL that succeeds ends a script, no other is ended, and who is ended has changed nothing: the model does not run it.
//!
//! KILL comes from clients, and, from within a script, as if another worker had been told of it at that moment.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kora_script::{Looks, Running, Scripts};

use super::random::Random;
use super::record::Record;
use super::{Simulation, Tally};

/// Milliseconds after which a script is busy.
pub(super) const BUSY_MS: i64 = 10;

/// Fewest instructions between two looks at a script: a look for each of its commands, about.
const INSTRUCTIONS_MIN: u32 = 40;

/// Most of them: a look for some commands.
const INSTRUCTIONS_MAX: u32 = 240;

/// In one of so many looks, the time has gone on.
const LOOKS_PER_MOVE: usize = 2;

/// One in so many PINGs of a script is the moment of a KILL.
const MOMENTS_PER_KILL: usize = 2;

thread_local! {
    /// What decides over scripts in the simulation of this thread; in some simulations none takes long.
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
}

/// The time as scripts see it.
#[derive(Debug)]
struct Clock {
    random: Random,
    /// Milliseconds that have passed while scripts ran.
    passed_ms: u64,
    /// The clock of the worker whose step it is.
    shown: Arc<AtomicI64>,
}

/// Whether scripts take long in the simulation of this seed.
pub(super) fn has_long_scripts(seed: u64) -> bool {
    seed / 2 % 2 == 1
}

/// How scripts are looked at in the simulation of this seed, whose workers see the clock `shown`.
pub(super) fn looks(seed: u64, shown: &Arc<AtomicI64>) -> Option<Looks> {
    let mut random = Random::new(!seed);
    let choices: Vec<_> = (INSTRUCTIONS_MIN..=INSTRUCTIONS_MAX).collect();
    let instructions = *random.choose(&choices);
    let clock = || Clock { random, passed_ms: 0, shown: Arc::clone(shown) };
    CLOCK.set(has_long_scripts(seed).then(clock));
    has_long_scripts(seed).then(|| Looks { instructions, elapsed: Arc::new(look) })
}

/// The time passes, or it does not.
fn look() -> Duration {
    CLOCK.with_borrow_mut(|clock| {
        let Some(Clock { random, passed_ms, shown }) = clock else { return Duration::ZERO };
        if random.one_in(LOOKS_PER_MOVE) {
            let by_ms = 1 + random.below(12);
            *passed_ms += by_ms as u64;
            shown.fetch_add(by_ms.cast_signed() as i64, Ordering::Relaxed);
        }
        Duration::from_millis(*passed_ms)
    })
}

/// Another worker is told to kill what takes long, in the midst of a script; whether that is done, if it is.
pub(super) fn kill_meanwhile(scripts: &Scripts) -> bool {
    let is_moment = CLOCK
        .with_borrow_mut(|clock| clock.as_mut().is_some_and(|clock| clock.random.one_in(MOMENTS_PER_KILL)));
    is_moment && scripts.kill(Running::Script).is_ok()
}

/// What has been of scripts that take long.
#[derive(Debug, Default)]
pub(super) struct Pausing {
    /// The last step in which a script was busy.
    last_busy: Option<u64>,
    /// The steps in which a KILL succeeded.
    kills: Vec<u64>,
    /// Scripts that took long so far.
    long_scripts: u64,
    refusals: usize,
}

impl Simulation<'_> {
    /// Notes the end of a step of a worker.
    pub(super) fn end_step(&mut self) {
        self.clock.0 = self.clock.0.max(self.shown_clock.load(Ordering::Relaxed));
        self.note_busy();
    }

    fn note_busy(&mut self) {
        if let Some(number) = self.engine.scripts.busy_number() {
            self.pausing.last_busy = Some(self.step);
            self.pausing.long_scripts = number;
        }
    }

    /// Notes that a KILL has succeeded.
    pub(super) fn note_kill(&mut self) {
        self.pausing.kills.push(self.step);
    }

    /// Notes that a command was refused that was sent in this step.
    pub(super) fn note_refusal(&mut self, invoked: u64) {
        self.note_busy();
        self.pausing.refusals += 1;
        if self.pausing.last_busy.is_none_or(|step| step < invoked) {
            self.wrong.get_or_insert("a client was told BUSY, and no script took long".to_owned());
        }
    }

    /// Adds what has been of scripts that take long.
    pub(super) fn count_long_scripts(&self, tally: &mut Tally) {
        let Pausing { kills, long_scripts, refusals, .. } = &self.pausing;
        (tally.long_scripts, tally.kills, tally.refusals) = (*long_scripts, kills.len(), *refusals);
    }

    /// Checks that each KILL has ended a script, and that no other was ended.
    pub(super) fn check_kills(&self) -> Result<(), String> {
        let killed =
            || self.history.records.iter().enumerate().filter(|(_, record)| !record.killed.is_empty());
        let runs_at = |record: &Record, step: u64| {
            record.invoked <= step && record.responded.is_none_or(|responded| step <= responded)
        };
        let kills = &self.pausing.kills;
        if let Some(step) = kills.iter().find(|step| !killed().any(|(_, record)| runs_at(record, **step))) {
            return Err(format!("what was killed in step {step} has come to its end"));
        }
        match killed().find(|(_, record)| !kills.iter().any(|step| runs_at(record, *step))) {
            None => Ok(()),
            Some((id, _)) => Err(format!("#{id} was killed, and nobody asked for it")),
        }
    }
}

/// Whether a script is told this that was killed.
pub(super) fn is_killed(text: &str) -> bool {
    text.starts_with("ERR Script killed by user")
}
