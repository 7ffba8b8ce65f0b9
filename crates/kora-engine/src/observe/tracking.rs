//! HOTKEYS: which keys cost most processor time and network bytes, while somebody asks.
//!
//! While a session runs every command is timed, and what it costs is added to its keys in sketches that do not decay. A command on several keys costs
//! each of them an equal share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::command::keys::extract_keys;
use kora_core::command::spec::{Facts, KeyFlags};
use kora_core::hash::hash_key;
use kora_core::journal::meter::{Demand, Seen};
use kora_core::slot::Slot;
use kora_core::time::UnixMs;
use kora_locks::{RankedMutex, rank};

use super::sketch::{self, Sketch};

/// Time as the sketches see it: it stands still.
const NEVER: UnixMs = UnixMs(0);

/// What a session looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackingOptions {
    /// Processor time.
    pub times: bool,
    /// Bytes of requests and replies.
    pub bytes: bool,
    /// How many keys are shown.
    pub count: usize,
    /// After how many milliseconds it ends by itself; 0: it does not.
    pub duration_ms: i64,
    /// One key in so many is looked at.
    pub sample: u64,
    /// Slots looked at, ascending; all if there is none.
    pub slots: Vec<u16>,
}

/// What a command cost.
#[derive(Clone, Copy, Debug)]
enum Cost {
    /// Nanoseconds.
    Time(u64),
    /// Bytes of its request and reply.
    Bytes(u64),
}

/// What commands came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// All commands.
    pub all: u64,
    /// Those with keys in the slots looked at.
    pub of_slots: u64,
    /// Those of these with keys that are looked at.
    pub sampled: u64,
}

/// What a session has found.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it looks at.
    pub options: TrackingOptions,
    /// Whether it runs.
    pub is_active: bool,
    /// When it began.
    pub began: UnixMs,
    /// How long it has run, in milliseconds.
    pub ran_ms: i64,
    /// Nanoseconds of commands.
    pub times_ns: Sums,
    /// Bytes of requests and replies.
    pub bytes: Sums,
    /// The keys that took most time, with the nanoseconds.
    pub by_time: Vec<(Box<[u8]>, u64)>,
    /// The keys with most bytes.
    pub by_bytes: Vec<(Box<[u8]>, u64)>,
    /// Milliseconds that the process had run in user mode and in the system when the session began.
    pub cpu_began_ms: (u64, u64),
    /// The same when it ended, if it has.
    pub cpu_ended_ms: Option<(u64, u64)>,
}

#[derive(Debug)]
struct Session {
    options: TrackingOptions,
    began: UnixMs,
    ended: Option<UnixMs>,
    cpu_began_ms: (u64, u64),
    cpu_ended_ms: Option<(u64, u64)>,
    times_ns: Sums,
    bytes: Sums,
    by_time: Sketch,
    by_bytes: Sketch,
}

/// See the module.
#[derive(Debug)]
pub struct Tracking {
    demand: Arc<Demand>,
    counts_bytes: AtomicBool,
    session: RankedMutex<{ rank::TRACKING }, Option<Session>>,
}

impl Tracking {
    pub(super) fn new(demand: Arc<Demand>) -> Self {
        Self { demand, counts_bytes: AtomicBool::new(false), session: RankedMutex::new(None) }
    }

    /// Whether bytes of requests and replies are to be told.
    #[inline]
    pub(crate) fn counts_bytes(&self) -> bool {
        self.counts_bytes.load(Ordering::Relaxed)
    }

    /// Begins a session; `false` if one runs.
    pub fn start(&self, options: TrackingOptions, now: UnixMs, cpu_ms: (u64, u64)) -> bool {
        let mut session = self.session.lock();
        if session.as_mut().is_some_and(|session| session.is_active(now)) {
            return false;
        }
        self.demand.set(Demand::TIMES, true);
        self.counts_bytes.store(true, Ordering::Relaxed);
        *session = Some(Session {
            options,
            began: now,
            ended: None,
            cpu_began_ms: cpu_ms,
            cpu_ended_ms: None,
            times_ns: Sums::default(),
            bytes: Sums::default(),
            by_time: Sketch::default(),
            by_bytes: Sketch::default(),
        });
        true
    }

    /// Ends the session that runs; `false` if none does. What it has found stays.
    pub fn stop(&self, now: UnixMs, cpu_ms: (u64, u64)) -> bool {
        let mut session = self.session.lock();
        let Some(session) = session.as_mut() else { return false };
        if !session.is_active(now) {
            return false;
        }
        session.ended = Some(now);
        session.cpu_ended_ms = Some(cpu_ms);
        self.listen_no_more();
        true
    }

    /// Forgets what a session that has ended found; `false` if it runs.
    pub fn reset(&self, now: UnixMs) -> bool {
        let mut session = self.session.lock();
        let may = !session.as_mut().is_some_and(|session| session.is_active(now));
        if may {
            *session = None;
        }
        may
    }

    fn listen_no_more(&self) {
        self.demand.set(Demand::TIMES, false);
        self.counts_bytes.store(false, Ordering::Relaxed);
    }

    /// What the last session has found; none if there was none.
    #[must_use]
    pub fn found(&self, now: UnixMs) -> Option<Found> {
        let mut session = self.session.lock();
        let session = session.as_mut()?;
        let is_active = session.is_active(now);
        let count = session.options.count;
        Some(Found {
            is_active,
            began: session.began,
            ran_ms: session.ended.unwrap_or(now).0.saturating_sub(session.began.0),
            times_ns: session.times_ns,
            bytes: session.bytes,
            by_time: most(&mut session.by_time, count),
            by_bytes: most(&mut session.by_bytes, count),
            options: session.options.clone(),
            cpu_began_ms: session.cpu_began_ms,
            cpu_ended_ms: session.cpu_ended_ms,
        })
    }

    /// A command took so many nanoseconds.
    pub(crate) fn note_time(&self, facts: &Facts, seen: &Seen<'_>, nanoseconds: u64) {
        self.note(facts, seen, Cost::Time(nanoseconds));
    }

    /// A command's request and reply took so many bytes.
    pub(crate) fn note_bytes(&self, facts: &Facts, seen: &Seen<'_>, bytes: u64) {
        self.note(facts, seen, Cost::Bytes(bytes));
    }

    fn note(&self, facts: &Facts, seen: &Seen<'_>, cost: Cost) {
        let mut session = self.session.lock();
        let Some(session) = session.as_mut() else { return };
        if !session.is_active(seen.whose.now) {
            return self.listen_no_more();
        }
        let Session { options, times_ns, bytes, by_time, by_bytes, .. } = session;
        let TrackingOptions { slots, sample, .. } = options;
        let (sums, sketch, cost) = match cost {
            Cost::Time(cost) => (times_ns, by_time, cost),
            Cost::Bytes(cost) => (bytes, by_bytes, cost),
        };
        sums.all += cost;
        let Ok(keys) = extract_keys(facts, seen.args) else { return };
        let texts = keys.iter().filter(|key| !key.flags(facts, seen.args).has(KeyFlags::NOT_KEY));
        let in_slots = |key: &&[u8]| slots.is_empty() || slots.binary_search(&Slot::of(key).0).is_ok();
        let meant: Vec<&[u8]> = texts.map(|key| seen.args[key.index as usize]).filter(in_slots).collect();
        if meant.is_empty() {
            return;
        }
        sums.of_slots += cost;
        let hasher = sketch::hasher();
        let sampled: Vec<&[u8]> =
            meant.iter().copied().filter(|key| hash_key(&hasher, key).is_multiple_of(*sample)).collect();
        if !sampled.is_empty() {
            sums.sampled += cost;
        }
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds and bytes of commands")]
        let share = cost as f64 / meant.len() as f64;
        sampled.into_iter().for_each(|key| sketch.add((seen.whose.db, key), false, share, NEVER));
    }
}

impl Session {
    /// Whether it runs; one whose time is over has ended.
    fn is_active(&mut self, now: UnixMs) -> bool {
        let duration_ms = self.options.duration_ms;
        let end = UnixMs(self.began.0.saturating_add(duration_ms));
        if self.ended.is_none() && duration_ms > 0 && now >= end {
            self.ended = Some(end);
        }
        self.ended.is_none()
    }
}

/// The keys of a sketch that have most.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of nanoseconds or bytes")]
fn most(sketch: &mut Sketch, count: usize) -> Vec<(Box<[u8]>, u64)> {
    let mut keys: Vec<_> =
        sketch.keys(NEVER).iter().map(|tracked| (tracked.key.clone(), tracked.total() as u64)).collect();
    keys.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    keys.truncate(count);
    keys
}
