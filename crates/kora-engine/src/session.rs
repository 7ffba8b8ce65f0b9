//! What the engine keeps of one client: what it has chosen, what it has begun, what it waits for, and its output.

mod identity;
mod wait;

use std::fmt;
use std::sync::Arc;

use kora_core::db::DbIndex;
use kora_core::shard::operation::{Operation, Part, Setting};
use kora_core::store::watch::Watched;
use kora_core::time::UnixMs;

use crate::access::Identity;
use crate::caching::Caching;
use crate::client::{Origin, SessionPlace};
use crate::front::{Front, Output, SessionFigures, Style, Workers};
use crate::observe::monitors::Monitor;
use crate::persistence::LogPosition;
use crate::pubsub::subscriptions::Subscriptions;
use crate::queue::Queue;
pub use wait::{PendingParts, TimedReply, Wait};

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// All commands are answered.
    #[default]
    On,
    /// None is.
    Off,
    /// The command that comes gets no reply.
    SkipNext,
    /// This command gets no reply.
    Skip,
}

/// What a client has chosen, and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Choice<S> {
    /// The selected database.
    pub db: DbIndex,
    /// How it reads replies.
    pub style: S,
    /// Whether it has proved who it is, or need not.
    pub is_authenticated: bool,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// Whether the client is on this machine.
    pub is_local: bool,
}

impl Choice<bool> {
    /// What a client within the process begins with: it may do everything, and reads values as RESP3 has them.
    #[must_use]
    pub fn of_program(db: DbIndex) -> Self {
        Self {
            db,
            style: true,
            is_authenticated: true,
            no_touch: false,
            reply_mode: ReplyMode::On,
            is_local: true,
        }
    }
}

/// What of a session's output waits until the log covers what it tells of.
#[derive(Debug, Default)]
pub struct Cover {
    /// The record that must be covered before its output may be sent; 0: none.
    pub held_for: u64,
    /// Its last commands were begun while writes were refused, after they had been taken again so many times.
    pub(crate) only_reads: Option<u64>,
    /// What is unsent beyond `released` may tell of a write. Kept only while replies wait for the log.
    pub(crate) may_have_written: bool,
    /// The same may tell of data. What does not, such as that the server is busy, waits for no log.
    pub(crate) may_have_seen: bool,
    /// Bytes of output that may be sent whatever becomes of the log.
    released: usize,
    /// The round of its worker in which it last sent a command that writes, since `written` was found out; 0: none.
    pub(crate) wrote_in: u64,
    /// How far the log has to be for what it wrote before that. Kept only while there is a log.
    pub(crate) written: Option<LogPosition>,
    /// WAITAOF, while it waits.
    pub(crate) log_wait: Option<Box<LogWait>>,
}

/// What WAITAOF waits for.
#[derive(Clone, Copy, Debug)]
pub struct LogWait {
    /// How far the log has to be; none while it has not begun.
    pub position: Option<LogPosition>,
    /// Whether it waits for the log at all, and not only tells of it.
    pub is_wanted: bool,
    /// Whether it waits for nothing else.
    pub is_all: bool,
}

/// See the module.
pub struct Session<F: Front> {
    /// What others may know of the client.
    pub client: Arc<F::Client>,
    /// The front's part: its connection.
    pub link: F::Link,
    /// Replies and messages that were not taken yet.
    pub output: F::Output,
    /// What the client has chosen.
    pub choice: Choice<Style<F>>,
    /// Who it is.
    pub identity: Identity,
    /// What MULTI has begun.
    pub queue: Option<Box<Queue<F>>>,
    /// What the next EXEC depends on.
    pub watched: Option<Box<Watched>>,
    /// What it is subscribed to.
    pub subscriptions: Subscriptions,
    /// What it has chosen as one that keeps copies of what it reads.
    pub caching: Option<Box<Caching>>,
    /// MONITOR: it is told of all commands.
    pub monitor: Option<Box<Monitor>>,
    /// What it waits for before its next command runs.
    pub wait: Wait<F>,
    /// WATCH that was answered while the engine was busy and has not taken place, with the number of parts to come.
    pub(crate) watching: Vec<(Arc<Operation<Workers<F>>>, usize)>,
    /// What of its output waits for the log.
    pub cover: Cover,
    /// A command runs as part of EXEC: it must not wait.
    pub is_executing: bool,
    /// No more commands; to be closed once the output is sent.
    pub is_closing: bool,
    /// It is to be closed at once.
    pub is_broken: bool,
    /// Its client will send nothing more.
    pub has_ended: bool,
    /// Its output holds messages that must not wait for anything else.
    pub has_pushes: bool,
    /// Whether it stands in the worker's list of sessions with something to do.
    pub(crate) is_queued: bool,
    /// Whether it stands in the worker's list of sessions with something to send.
    pub is_dirty: bool,
}

impl<F: Front> fmt::Debug for Session<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("client", &self.client)
            .field("link", &self.link)
            .field("choice", &self.choice)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<F: Front> Session<F> {
    /// The session of a new client.
    pub fn new(client: Arc<F::Client>, link: F::Link, choice: Choice<Style<F>>) -> Self {
        Self {
            client,
            link,
            output: F::Output::default(),
            choice,
            identity: Identity::default(),
            queue: None,
            watched: None,
            subscriptions: Subscriptions::default(),
            caching: None,
            monitor: None,
            wait: Wait::Nothing,
            watching: Vec::new(),
            cover: Cover::default(),
            is_executing: false,
            is_closing: false,
            is_broken: false,
            has_ended: false,
            has_pushes: false,
            is_queued: false,
            is_dirty: false,
        }
    }

    /// Who waits when it waits.
    pub fn origin(&self) -> Origin {
        self.client.origin()
    }

    /// Where it is served.
    pub fn place(&self) -> SessionPlace {
        self.client.place()
    }

    /// Where a reply to it goes.
    #[inline]
    pub fn reply(&mut self) -> <F::Output as Output<Style<F>>>::Sink<'_> {
        self.output.sink(self.choice.style)
    }

    /// What its commands run with at `now`.
    #[inline]
    pub(crate) fn setting(&self, now: UnixMs) -> Setting<Style<F>> {
        let Choice { db, style, no_touch, .. } = self.choice;
        let reader = self.caching.as_ref().map(|caching| caching.reader(self.client.id));
        let guard = self.identity.guard();
        let client = self.client.id.0;
        Setting { no_touch, reader, client, guard, ..Setting::plain(db, now, style) }
    }

    /// Whether it is subscribed to anything.
    #[inline]
    pub fn is_subscriber(&self) -> bool {
        self.subscriptions.count() > 0
    }

    /// Whether it is told of what others do, without asking.
    #[inline]
    pub(crate) fn is_listener(&self) -> bool {
        self.is_subscriber() | self.caching.is_some()
    }

    /// Whether it is subscribed and can't tell replies from messages: few commands are allowed then.
    #[inline]
    pub fn is_in_subscribe_mode(&self) -> bool {
        self.is_subscriber() && !F::tells_messages_apart(self.choice.style)
    }

    /// Whether its next command may run.
    #[inline]
    pub fn may_run(&self) -> bool {
        matches!(self.wait, Wait::Nothing)
            && self.cover.held_for == 0
            && !self.is_closing
            && !self.is_broken
            && self.output.has_room()
    }

    /// Takes a part of a WATCH that was answered early; `false` if it is none.
    #[cold]
    pub(crate) fn take_watch_part(&mut self, part: &Part<Workers<F>>) -> bool {
        let Some(at) = self.watching.iter().position(|(watch, _)| Arc::ptr_eq(watch, &part.operation)) else {
            return false;
        };
        self.watching[at].1 -= 1;
        if self.watching[at].1 == 0 {
            self.watching.remove(at);
        }
        true
    }

    /// Whether its client waits for keys.
    pub fn is_blocked(&self) -> bool {
        matches!(&self.wait, Wait::Operation(pending) if pending.waiter.is_some())
    }

    /// Whether its command goes on as an errand.
    pub fn is_aside(&self) -> bool {
        matches!(&self.wait, Wait::Operation(pending) if pending.is_aside)
    }

    /// Whether it waits for something that its end is the end of, too.
    pub fn waits_in_vain(&self) -> bool {
        self.has_ended
            && (self.is_blocked()
                || self.is_aside()
                || matches!(self.wait, Wait::Until(..) | Wait::Freeing { .. } | Wait::Pause | Wait::Watches))
    }

    /// When what it waits for is over at the latest.
    pub(crate) fn deadline(&self) -> Option<UnixMs> {
        match &self.wait {
            Wait::Until(until, _) => *until,
            Wait::Operation(pending) => pending.waiter.as_ref()?.until(),
            Wait::Nothing | Wait::Freeing { .. } | Wait::Pause | Wait::Watches => None,
        }
    }

    /// Whether a watched key has changed.
    pub(crate) fn has_failed_watch(&self) -> bool {
        self.watched.as_ref().is_some_and(|watched| watched.watch().is_dirty())
    }

    /// Takes what is watched out of the session; its shards are to be told.
    pub(crate) fn take_watched(&mut self) -> Option<Box<Watched>> {
        let watched = self.watched.take()?;
        *self.client.watch.lock() = None;
        Some(watched)
    }

    /// Bytes that what MULTI has begun takes.
    #[inline]
    pub fn queued_bytes(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.byte_count())
    }

    /// What others may know of it.
    #[inline]
    pub fn figures(&self) -> SessionFigures {
        SessionFigures {
            db: self.choice.db,
            queued: self.queue.as_ref().map(|queue| queue.command_count()),
            queued_bytes: self.queued_bytes(),
            watched: self.watched.as_ref().map_or(0, |watched| watched.key_count()),
            awaited_bytes: self.awaited_argument_bytes(),
        }
    }

    /// Bytes of the arguments of what it waits for.
    #[inline]
    fn awaited_argument_bytes(&self) -> usize {
        if let Wait::Operation(pending) = &self.wait { pending.argument_bytes } else { 0 }
    }

    /// What is unsent may be sent.
    #[inline]
    pub fn note_released(&mut self) {
        self.cover.released = self.output.unsent();
        self.cover.may_have_written = false;
        self.cover.may_have_seen = false;
    }

    /// Puts an error in the place of each reply that may not be sent, since what it tells of is not kept. Messages stay, and
    /// so does all that a subscriber gets who can't tell replies from messages: it tells of no write.
    #[cold]
    pub(crate) fn refuse_unsent(&mut self, error: &str) {
        if !self.is_in_subscribe_mode()
            && !self.output.refuse_from(self.cover.released, self.choice.style, error)
        {
            // It would be the front's own fault: nothing that follows could be understood.
            self.is_broken = true;
        }
    }
}
