//! One worker's part of an engine, without its thread: the shard, the sessions, and the rounds in which their commands run.
//!
//! A turn does no input or output and knows no clock. Whoever drives it passes the time in at the beginning of each round, gives it
//! the commands of sessions as slices of its own buffers, sends what the sessions' outputs hold, and sleeps as long as it is
//! told. So the server's loop, a program that has the engine in itself, and tests run the same code.
//!
//! A round: [`Turn::begin_round`], [`Turn::read_mail`], commands ([`Turn::run`]), [`Turn::finish_round`], what may be sent
//! ([`Turn::take_sendable`]), [`Turn::sweep_expired`], and [`Turn::park`] before the worker sleeps. Effects are handed over
//! before anything is sent. No round waits for another worker.

mod access;
mod ahead;
mod books;
mod busy;
mod cover;
mod eviction;
mod expiry;
mod flush;
mod gate;
mod long;
mod mail;
mod meter;
mod monitor;
mod moves;
mod notices;
mod publish;
mod run;
mod shard_set;
mod snapshot;
mod transaction;
mod wait;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kora_core::shard::executor::Executor;
use kora_core::shard::probe::Rule;
use kora_core::shard::slices::RETRY;
use kora_core::slot::WorkerId;
use kora_core::time::UnixMs;

use crate::counters::WorkerCounters;
use crate::engine::Engine;
use crate::front::probe::Probe as _;
use crate::front::{Front, Workers};
use crate::pause::PauseMode;
use crate::queue::Queue;
use crate::session::Session;
use crate::sessions::Sessions;
use crate::settings::Settings;
use cover::Cover;
use eviction::Room;
use expiry::Sweeping;
use meter::SizeLimits;
use notices::Holding;
use run::Scratch;
pub use run::{Args, Commands};
use snapshot::Pace;
use transaction::HaltedExec;
use wait::Deadlines;

/// See the module.
// Many fields: one for each thing that a worker looks after.
pub struct Turn<F: Front> {
    executor: Executor<Workers<F>>,
    engine: Arc<Engine<F>>,
    front: Arc<F>,
    /// The sessions that this worker serves.
    pub sessions: Sessions<F>,
    /// Buffers for their outputs.
    pub buffers: F::Buffers,
    settings: Arc<Settings>,
    versions: Versions,
    time: Time,
    gate: Gate,
    /// When the sessions give up that wait for something no longer than that.
    deadlines: Deadlines,
    /// Sessions that wait for the end of a pause.
    paused: Vec<usize>,
    cover: Cover,
    scratch: Scratch<F>,
    sizes: SizeLimits,
    /// What the journals' clock showed when [`Front::elapsed`] began.
    clock_offset_ns: u64,
    /// For the next MULTI.
    spare_queue: Option<Box<Queue<F>>>,
    /// The EXEC that waits for a command of it that has paused.
    halted_exec: Option<Box<HaltedExec<F>>>,
    /// Transactions submitted whose stores will be brought here.
    driven_to_come: usize,
    /// Notices that wait for replies.
    holding: Holding,
    sweeping: Sweeping,
    pace: Pace,
    /// What room there was when the last round ended.
    room: Room,
    /// What other workers sent that is the front's.
    mail: Vec<F::Mail>,
}

/// Of what is shared, which versions this worker has taken up.
#[derive(Clone, Copy, Debug)]
struct Versions {
    settings: u64,
    users: u64,
}

/// The time of a round. What goes by the clock goes by this, so that a round reads the clock once, and once more behind
/// each command that may have taken long.
#[derive(Clone, Copy, Debug)]
struct Time {
    now: UnixMs,
    /// When the round began.
    round: UnixMs,
    /// The same by [`Front::elapsed`].
    begun: Duration,
}

/// What stands in the way of commands, whatever the session.
#[derive(Clone, Copy, Debug, Default)]
struct Gate {
    pause: Option<PauseMode>,
    /// Some script takes long.
    is_busy: bool,
    /// The number of the last that did when those were told who waited, while it does.
    busy_number: Option<u64>,
    /// The data are being loaded.
    is_loading: bool,
    /// What writes do could not be kept.
    refuses_writes: bool,
    /// Some worker has so much to deliver that those who publish have to wait.
    holds_publishers: bool,
}

/// A time in nanoseconds.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl<F: Front> fmt::Debug for Turn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("executor", &self.executor)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

impl<F: Front> Turn<F> {
    /// The part of an engine that has this executor; it is `now`.
    #[must_use]
    pub fn new(
        mut executor: Executor<Workers<F>>,
        engine: Arc<Engine<F>>,
        front: Arc<F>,
        now: UnixMs,
    ) -> Self {
        let (configuring, freeing) = (Arc::clone(&engine), Arc::clone(&engine));
        executor.set_config_source(Box::new(move |store| configuring.configure_store(store)));
        executor.set_garbage_sink(Box::new(move |garbage| freeing.reclaimer.free(garbage)));
        executor.set_stats_sink(books::showing(&engine));
        publish::connect(&mut executor, &engine);
        cover::connect(&mut executor, &engine);
        meter::connect(&mut executor, &engine, &front);
        let begun = front.elapsed();
        let clock_offset_ns = F::nanoseconds().saturating_sub(nanoseconds(begun));
        let mut turn = Self {
            executor,
            versions: Versions { settings: engine.settings.version(), users: engine.access.version() },
            settings: engine.settings.get(),
            cover: Cover::new(&engine.table),
            engine,
            front,
            sessions: Sessions::default(),
            buffers: F::Buffers::default(),
            time: Time { now, round: now, begun },
            gate: Gate::default(),
            deadlines: Deadlines::default(),
            paused: Vec::new(),
            scratch: Scratch::default(),
            sizes: SizeLimits::NONE,
            clock_offset_ns,
            spare_queue: None,
            halted_exec: None,
            driven_to_come: 0,
            holding: Holding::default(),
            sweeping: Sweeping::new(begun),
            pace: Pace::new(begun),
            room: Room::Enough,
            mail: Vec::new(),
        };
        turn.load_size_limits();
        turn
    }

    /// The worker's number.
    #[inline]
    #[must_use]
    pub fn id(&self) -> WorkerId {
        self.executor.worker()
    }

    /// What the worker runs commands with.
    pub fn executor(&mut self) -> &mut Executor<Workers<F>> {
        &mut self.executor
    }

    /// The time of this round.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        self.time.now
    }

    /// Goes on with a snapshot if one is being taken, and says how long the worker may sleep: not at all if there is something to
    /// do. Behind the sleep comes [`Turn::unpark`].
    pub fn park(&mut self) -> Duration {
        let until_slice = self.snapshot_some();
        let until_room = self.until_more_room();
        let is_idle = !self.sessions.has_runnable()
            && !until_room.is_zero()
            && self.mail.is_empty()
            && self.executor.park()
            && !self.has_publications()
            && !self.has_monitor_lines()
            && !self.may_release();
        if !is_idle {
            return Duration::ZERO;
        }
        let is_short = self.executor.awaits_slices() || self.holds_for_a_moment();
        let until_retry = if is_short { RETRY } else { until_room };
        let until_event = self.deadlines.from(self.time.now).min(self.until_told_dropped());
        until_slice.min(until_event).min(self.until_sweep()).min(until_retry)
    }

    /// The worker is awake.
    pub fn unpark(&self) {
        self.executor.unpark();
    }

    /// Begins a round at `now`; `has_events`: something has come for the front.
    pub fn begin_round(&mut self, now: UnixMs, has_events: bool) {
        self.time = Time { now, round: now, begun: self.front.elapsed() };
        let begun_ns = self.clock_offset_ns + nanoseconds(self.time.begun);
        self.executor.journal().mark_time(begun_ns);
        self.cover.notes = self.engine.persistence.notes();
        self.cover.round += 1;
        self.take_up_settings();
        self.take_up_users();
        self.hold_publishers();
        if has_events || self.sessions.has_runnable() {
            self.pace.note_work(self.time.begun);
        }
        self.release();
        self.end_log_waits();
    }

    /// Whether nothing has come for the front for so long.
    pub fn has_rested(&self, time: Duration) -> bool {
        self.pace.has_rested(self.time.begun, time)
    }

    /// Ends a round: after it the effects of what ran are with the log, and replies may be sent.
    pub fn finish_round(&mut self) {
        self.end_due_waits();
        self.read_last_mail();
        self.keep_room();
        self.note_late();
        self.publish_counters();
        self.executor.dispose();
        self.executor.hand_over_first();
        self.executor.release();
        self.deliver(None);
        self.release_held();
        self.deliver_lines();
    }

    /// Reads the clock anew, behind a command that may have taken long: what was sent behind it must not see a past that it has
    /// outlived.
    fn catch_up(&mut self) {
        let passed = self.front.elapsed().saturating_sub(self.time.begun);
        let passed = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        self.time.now = UnixMs(self.time.round.0.saturating_add(passed)).max(self.time.now);
    }

    /// Takes up the settings and the pause if they have changed.
    #[inline]
    fn take_up_settings(&mut self) {
        if self.engine.settings.version() != self.versions.settings {
            self.load_settings();
        }
        let pause = self.engine.pause.at(self.time.now);
        if pause != self.gate.pause {
            self.gate.pause = pause;
            self.resume_paused();
        }
    }

    fn load_settings(&mut self) {
        self.versions.settings = self.engine.settings.version();
        self.settings = self.engine.settings.get();
        self.executor.configure();
        self.load_size_limits();
        self.warn_of_limit();
    }

    /// What this worker counts.
    #[inline]
    pub fn counters(&self) -> &WorkerCounters {
        self.engine.counters.of(self.id())
    }

    /// Gives an output a buffer.
    fn prepare(&mut self, session: &mut Session<F>) {
        F::prepare(&mut self.buffers, &mut session.output, false);
    }

    /// Ends a session. Parts of an operation that arrive later find its place empty or another's. `None` if there is none, or it
    /// can't end yet.
    pub fn close(&mut self, slot: usize) -> Option<Box<Session<F>>> {
        if self.has_halted_exec(slot) {
            // It is closed when its transaction has ended, which runs to its end whoever leaves.
            if let Some(session) = self.sessions.get_mut(slot) {
                session.is_broken = true;
            }
            return None;
        }
        let mut session = self.sessions.remove(slot)?;
        if let Some(watched) = session.take_watched().filter(|_| !F::Probe::breaks(Rule::LeaveEndsWatch)) {
            self.executor.unwatch(*watched);
        }
        if !F::Probe::breaks(Rule::LeaveEndsWait) {
            self.leave_wait(&session);
        }
        self.end_subscriptions(&session);
        session.client.note_left();
        self.end_monitor(&session);
        if session.caching.is_some() {
            self.engine.broker.readers.end(session.client.id);
        }
        Some(session)
    }

    /// Whether something has come from other workers, or waits to be run.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        let is_idle = self.executor.park();
        self.executor.unpark();
        !is_idle
    }

    /// Takes what other workers sent that is the front's.
    pub fn take_mail(&mut self) -> Vec<F::Mail> {
        std::mem::take(&mut self.mail)
    }

    /// Whether the shards that this worker looks after have run their parts of every operation that was submitted, once the engine is ending. Where others have run
    /// theirs, the log is whole only with all parts: what was acknowledged behind it would be cut off otherwise.
    pub fn is_settled(&mut self) -> bool {
        if self.engine.persistence.loading.is_on() {
            // Nothing has run, and no store will come any more.
            return true;
        }
        let is_idle = self.executor.park();
        self.executor.unpark();
        // Stores that are on their way here must be sent home, and so must those that a command has which has paused.
        let is_quiet = is_idle && self.driven_to_come == 0 && !self.executor.has_paused();
        let executor = &mut self.executor;
        let are_settled = executor.kept().all(|shard| {
            // What was not run before the last snapshot is not run any more.
            executor.hold(shard)
                && executor.held(shard).is_some_and(|shard| shard.has_retired() || shard.store().is_some())
        });
        self.executor.release();
        is_quiet && are_settled
    }

    /// A round of a worker that ends: what others still need of it is done, and the effects of that are handed over.
    pub fn wind_up(&mut self) {
        self.read_mail();
        self.executor.drop_errands();
        self.executor.hand_over();
        self.executor.release();
        self.release();
    }
}
