//! What a round of commands did: its effects (deterministic commands that reproduce every change), encoded as one record,
//! and its keyspace events. The log, replicas, change-data cursors and notifications read from here; nothing else records a
//! change.

pub mod meter;

use meter::{Ended, Meter, Seen, Timing};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kora_stream::order::Stamp;
use kora_stream::record::{Checkpoint, Item, Items, RecordBuilder, Scope};

use crate::db::DbIndex;
use crate::reader::{Invalidation, ReaderId};
use crate::time::UnixMs;

/// Classes of keyspace events, as `notify-keyspace-events` names them. Values are bits of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventClass(pub u32);

impl EventClass {
    /// `g`: commands that work on any type (DEL, EXPIRE, RENAME ...).
    pub const GENERIC: Self = Self(1 << 2);
    /// `$`: string commands.
    pub const STRING: Self = Self(1 << 3);
    /// `l`: list commands.
    pub const LIST: Self = Self(1 << 4);
    /// `s`: set commands.
    pub const SET: Self = Self(1 << 5);
    /// `h`: hash commands.
    pub const HASH: Self = Self(1 << 6);
    /// `z`: sorted set commands.
    pub const ZSET: Self = Self(1 << 7);
    /// `x`: a key expired.
    pub const EXPIRED: Self = Self(1 << 8);
    /// `e`: a key was evicted.
    pub const EVICTED: Self = Self(1 << 9);
    /// `t`: stream commands.
    pub const STREAM: Self = Self(1 << 10);
    /// `m`: a command looked for a key that is not there.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// `d`: commands of types that are not built in.
    pub const MODULE: Self = Self(1 << 13);
    /// `n`: a key was created.
    pub const NEW: Self = Self(1 << 14);
}

/// A keyspace event: something happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    /// Its class.
    pub class: EventClass,
    /// Its name, such as `set` or `expired`.
    pub name: &'static str,
    /// The database.
    pub db: DbIndex,
    /// The key.
    pub key: Box<[u8]>,
    /// Whether no command made it: a key or a field expired, or a key was evicted.
    pub is_incidental: bool,
}

/// A message to the subscribers of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether the channel is one of those that belong to slots (SPUBLISH).
    pub is_sharded: bool,
    /// The channel.
    pub channel: Box<[u8]>,
    /// What is said.
    pub payload: Box<[u8]>,
    /// Which state of the audience its receivers were counted in: whoever joined later is not meant. The number is the
    /// business of whoever keeps the audience.
    pub as_of: u64,
}

/// What others are to be told, once the effects before it were handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// Something happened to a key.
    Event(KeyEvent),
    /// Something was published.
    Message(Message),
    /// A key has changed of which clients may keep copies.
    Invalidation(Invalidation),
    /// All keys of some database have gone: copies of any key may be void.
    Flush {
        /// The client whose command did it, if it is one that keeps copies.
        author: Option<ReaderId>,
    },
}

/// Collects effects and announcements until the driver takes them.
///
/// Recording costs one branch while nobody listens.
#[derive(Debug, Default)]
pub struct Journal {
    /// Whether effects are recorded; shared, so that it changes for all shards at once.
    recording: Arc<AtomicBool>,
    /// Shared with whoever knows which events are wanted, so that a change holds for all shards at once.
    event_mask: Arc<AtomicU32>,
    changes: u64,
    /// Those of the changes that were told to [`Journal::take_changes`].
    told_changes: u64,
    /// Those of the changes that no command made: keys that expired or were evicted.
    incidental_changes: u64,
    /// Effects that commands recorded themselves.
    recorded: u64,
    /// Where and when the effects come about that follow.
    scope: Scope,
    /// Which of them belong together.
    unit: Unit,
    /// The unit will not be finished: nothing of it is recorded.
    is_abandoned: bool,
    record: RecordBuilder,
    announcements: Vec<Announcement>,
    /// Whose command runs, if it is a client that keeps copies of what it reads.
    author: Option<ReaderId>,
    /// Times the commands, if anybody wants to know.
    meter: Option<Box<Meter>>,
    /// An argument of the command that runs, in memory that may be kept.
    given: Option<Arc<Vec<u8>>>,
}

/// Arguments from this length on may be given: to copy a shorter one costs less than to take its request apart.
pub const GIVEN_BYTES_MIN: usize = 256 * 1024;

impl Journal {
    /// Whoever stores just this argument of the command that runs next may keep the memory that it is in; none: no more. Returns what
    /// held before.
    pub fn give(&mut self, argument: Option<Arc<Vec<u8>>>) -> Option<Arc<Vec<u8>>> {
        std::mem::replace(&mut self.given, argument)
    }

    /// The argument whose memory may be kept, for a command that has to wait for its turn.
    #[must_use]
    pub fn given_argument(&self) -> Option<&Arc<Vec<u8>>> {
        self.given.as_ref()
    }

    /// The memory that `argument` is in, if it may be kept as it is.
    pub(crate) fn given(&self, argument: &[u8]) -> Option<Arc<Vec<u8>>> {
        let given = self.given.as_ref()?;
        std::ptr::eq(given.as_slice(), argument).then(|| Arc::clone(given))
    }
}

/// The effects that a record holds.
///
/// # Panics
/// If the record can't be read.
#[must_use]
pub fn effects_of(record: &[u8]) -> Vec<Effect> {
    let effects =
        Items::new(record).filter_map(|item| match item.expect("a record can be read that was built") {
            Item::Effect(effect) => Some(Effect {
                db: DbIndex(effect.db),
                scope: effect.scope,
                is_further: effect.is_further,
                args: effect.arguments.map(Box::from).collect(),
            }),
            Item::Part(_) | Item::Life | Item::Step(_) => None,
        });
    effects.collect()
}

/// Which effects the next one is atomic with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unit {
    /// Nothing: no command runs.
    #[default]
    None,
    /// The other effects of a command, if there are any so far.
    Command { has_effect: bool },
    /// Those of several commands, likewise.
    Commands { has_effect: bool },
}

/// An effect that was recorded: a command that reproduces a change, whenever and wherever it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The database it applies to.
    pub db: DbIndex,
    /// Where and when it came about.
    pub scope: Scope,
    /// Whether it belongs to one unit with the effect before it.
    pub is_further: bool,
    /// Command name and arguments.
    pub args: Box<[Box<[u8]>]>,
}

/// A place in a journal, to tell what a command added.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    changes: u64,
    recorded: u64,
}

/// Where a journal may be rolled back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RollbackPoint {
    mark: Mark,
    record: Checkpoint,
    announcements: usize,
}

impl Journal {
    /// Times commands from now on.
    pub fn set_meter(&mut self, meter: Meter) {
        self.meter = Some(Box::new(meter));
    }

    /// The command of this name begins, which other commands may run in if it `encloses` some; to be told to [`Journal::end_command`].
    #[inline]
    pub fn begin_command(&mut self, name: &'static str, encloses: bool) -> Option<Timing> {
        self.meter.as_mut()?.begin(name, encloses)
    }

    /// The command of this name begins, which a script runs.
    #[inline]
    pub fn begin_scripted(&mut self, name: &'static str) -> Option<Timing> {
        let meter = self.meter.as_mut()?;
        meter.refresh();
        meter.begin(name, false)
    }

    /// A command has come back from its handler.
    #[inline]
    pub fn end_command<'a>(&mut self, seen: impl FnOnce() -> Seen<'a>, timing: Option<Timing>, ended: Ended) {
        if let Some(meter) = &mut self.meter {
            meter.end(seen, timing, ended);
        }
    }

    /// Lines about commands stand together from now on, until [`Journal::end_block`]. Blocks may lie in blocks.
    #[inline]
    pub fn begin_block(&mut self) {
        if let Some(meter) = &mut self.meter {
            meter.begin_block();
        }
    }

    /// Ends the innermost block; `is_kept`: what was told of it stands, and will not run anew.
    #[inline]
    pub fn end_block(&mut self, is_kept: bool) {
        if let Some(meter) = &mut self.meter {
            meter.end_block(is_kept);
        }
    }

    /// A command has come to its end whose time was added up, and that was not counted yet.
    pub fn end_summed(&mut self, seen: &Seen<'_>, nanoseconds: u64) {
        if let Some(meter) = &mut self.meter {
            meter.end_summed(seen, nanoseconds);
        }
    }

    /// Whether every command is to be told.
    #[inline]
    #[must_use]
    pub fn tells_each(&self) -> bool {
        self.meter.as_ref().is_some_and(|meter| meter.tells_each())
    }

    /// Tells a command, if that has been asked for and it was not told before.
    #[inline]
    pub fn tell<'a>(&mut self, seen: impl FnOnce() -> Seen<'a>) {
        if let Some(meter) = self.meter.as_mut().filter(|meter| meter.tells_each()) {
            meter.tell(&seen());
        }
    }

    /// What runs from now on is a share of a command, or not any more.
    pub fn set_share(&mut self, is_share: bool) {
        if let Some(meter) = &mut self.meter {
            meter.set_share(is_share);
        }
    }

    /// Says what the clock of the meter shows.
    #[inline]
    pub fn mark_time(&mut self, now_ns: u64) {
        if let Some(meter) = &mut self.meter {
            meter.mark_at(now_ns);
        }
    }

    /// What runs from now on is not to be held responsible for what came before.
    #[inline]
    pub fn refresh_time(&mut self) {
        if let Some(meter) = &mut self.meter {
            meter.refresh();
        }
    }

    /// What the meter's clock shows; 0 if there is none.
    pub fn read_time(&mut self) -> u64 {
        self.meter.as_mut().map_or(0, |meter| meter.read())
    }

    /// What the meter's clock showed when it was read last.
    pub(crate) fn marked_time(&self) -> u64 {
        self.meter.as_ref().map_or(0, |meter| meter.mark())
    }

    /// How many nanoseconds what has ended last took, as far as is known; to be asked once.
    pub(crate) fn take_spent(&mut self) -> u64 {
        self.meter.as_mut().map_or(0, |meter| meter.take_spent())
    }

    /// Starts or stops the recording of effects.
    pub fn set_recording(&mut self, recording: bool) {
        self.recording.store(recording, Ordering::Release);
    }

    /// Records effects from now on while `recording` says so.
    pub fn share_recording(&mut self, recording: Arc<AtomicBool>) {
        self.recording = recording;
    }

    /// Whether effects are recorded: a handler may skip the building of an effect when not.
    #[inline]
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Acquire) && !self.is_abandoned
    }

    /// Chooses the classes of events to collect, as bits of [`EventClass`].
    pub fn set_event_mask(&mut self, mask: u32) {
        self.event_mask.store(mask, Ordering::Release);
    }

    /// Collects from now on the classes of events in `mask`, as it is at any time.
    pub fn share_event_mask(&mut self, mask: Arc<AtomicU32>) {
        self.event_mask = mask;
    }

    /// Counts `count` changes. A command that changed something and recorded no effect of its own is recorded as
    /// it was sent.
    #[inline]
    pub fn changed(&mut self, count: u64) {
        self.changes += count;
    }

    /// Changes since the journal was made.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// How many changes commands have made since it was last asked; what expired or was evicted is not among them.
    pub fn take_changes(&mut self) -> u64 {
        // What is taken back was counted before it is taken back.
        let changes = (self.changes - self.incidental_changes).saturating_sub(self.told_changes);
        self.told_changes += changes;
        changes
    }

    /// Records an effect that differs from the command as it was sent.
    #[inline]
    pub fn effect(&mut self, db: DbIndex, args: &[&[u8]]) {
        if self.is_recording() {
            self.recorded += 1;
            self.push_effect(db, args, false);
        }
    }

    /// Counts and records that `key` expired or was evicted. This is no effect of the command that met the key: what
    /// that did itself is still recorded as it was sent.
    pub fn lapsed(&mut self, db: DbIndex, key: &[u8]) {
        self.changes += 1;
        self.incidental_changes += 1;
        if self.is_recording() {
            self.push_effect(db, &[b"DEL", key], true);
        }
    }

    /// Counts and records that parts of the value at `key` expired, likewise; `command` deletes them.
    pub fn parts_expired(&mut self, db: DbIndex, command: &'static str, key: &[u8], parts: &[Box<[u8]>]) {
        self.changes += 1;
        self.incidental_changes += 1;
        if self.is_recording() {
            let args = [command.as_bytes(), key].into_iter().chain(parts.iter().map(|part| &part[..]));
            self.push_effect(db, &args.collect::<Vec<_>>(), true);
        }
    }

    #[cold]
    fn push_effect(&mut self, db: DbIndex, args: &[&[u8]], is_incidental: bool) {
        let is_further = match &mut self.unit {
            Unit::None => false,
            Unit::Command { has_effect } | Unit::Commands { has_effect } => {
                std::mem::replace(has_effect, true)
            }
        };
        self.record.push_effect(&self.scope, db.0, args, is_further, is_incidental);
    }

    /// Reports a keyspace event.
    #[inline]
    pub fn event(&mut self, class: EventClass, name: &'static str, db: DbIndex, key: &[u8]) {
        if self.event_mask.load(Ordering::Acquire) & class.0 != 0 {
            self.push_event(class, name, db, key, false);
        }
    }

    /// Reports an event that no command made: a key or a field expired, or a key was evicted.
    pub fn incidental_event(&mut self, class: EventClass, name: &'static str, db: DbIndex, key: &[u8]) {
        if self.event_mask.load(Ordering::Acquire) & class.0 != 0 {
            self.push_event(class, name, db, key, true);
        }
    }

    #[cold]
    fn push_event(
        &mut self,
        class: EventClass,
        name: &'static str,
        db: DbIndex,
        key: &[u8],
        is_incidental: bool,
    ) {
        let event = KeyEvent { class, name, db, key: key.into(), is_incidental };
        self.announcements.push(Announcement::Event(event));
    }

    /// Announces a message.
    pub fn publish(&mut self, message: Message) {
        self.announce(Announcement::Message(message));
    }

    /// Announces something.
    pub fn announce(&mut self, announcement: Announcement) {
        self.announcements.push(announcement);
    }

    /// Says whose command runs from now on, if it is a client that keeps copies of what it reads.
    #[inline]
    pub fn set_author(&mut self, author: Option<ReaderId>) {
        self.author = author;
    }

    /// Whose command runs, if it is a client that keeps copies of what it reads.
    #[must_use]
    pub fn author(&self) -> Option<ReaderId> {
        self.author
    }

    /// Says how many tickets had been published when the shard last received work; it has run those that concern it. Changes
    /// nothing within an operation that has a ticket.
    #[inline]
    pub fn set_position(&mut self, position: u64) {
        if self.scope.parts == 0 {
            self.scope.stamp = Stamp::of_position(position);
        }
    }

    /// Where the effects that follow stand in the order.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.scope.stamp
    }

    /// Begins an operation with a ticket, of which `parts` shards record a part: until [`Journal::end_operation`].
    pub fn begin_operation(&mut self, ticket: u64, parts: u16) {
        self.scope.stamp = Stamp::of_ticket(ticket);
        self.scope.parts = parts.max(1);
        self.scope.command = 0;
    }

    /// Begins an operation that others may have to go on with: at its place in the order. Until [`Journal::end_operation`].
    pub fn begin_at(&mut self, stamp: Stamp) {
        match stamp.ticket() {
            Some(ticket) => self.begin_operation(ticket, 1),
            None => self.scope.stamp = stamp,
        }
    }

    /// Goes on with the command `index` of the operation, counted from 0 in the order in which they were sent. Where one shard
    /// runs them all, they stand in that order anyway.
    #[inline]
    pub fn set_command(&mut self, index: u32) {
        if self.scope.parts > 1 {
            self.scope.command = index;
        }
    }

    /// Notes that this shard runs a part of the operation, whether that changes anything or not.
    pub fn note_part(&mut self) {
        if self.is_recording() {
            self.record.push_part(&self.scope);
        }
    }

    /// Ends an operation: what follows is none of it, and stands behind all tickets below `position`.
    pub fn end_operation(&mut self, position: u64) {
        self.scope = Scope { stamp: Stamp::of_position(position), parts: 0, command: 0, ..self.scope };
    }

    /// Makes the effects of all commands that follow one unit, until [`Journal::end_unit`]; `false` if they are so already.
    pub fn begin_unit(&mut self) -> bool {
        let begins = !matches!(self.unit, Unit::Commands { .. });
        if begins {
            self.unit = Unit::Commands { has_effect: false };
        }
        begins
    }

    /// Ends the unit that was begun.
    pub fn end_unit(&mut self) {
        self.unit = Unit::None;
        self.is_abandoned = false;
    }

    /// Forgets what was recorded of the unit, and records no more of it: half of it must not survive the process. Nothing that
    /// came before it is still here.
    pub fn abandon_unit(&mut self) {
        self.record.clear();
        self.is_abandoned = true;
    }

    /// A command begins that runs at `now`. To be given to [`Journal::close_command`].
    #[inline]
    pub fn open_command(&mut self, now: UnixMs) -> Mark {
        self.scope.time_ms = now.0.cast_unsigned();
        if !matches!(self.unit, Unit::Commands { .. }) {
            self.unit = Unit::Command { has_effect: false };
        }
        self.mark()
    }

    fn mark(&self) -> Mark {
        Mark { changes: self.changes - self.incidental_changes, recorded: self.recorded }
    }

    /// A command has ended that may have written: records `args` as they were sent if changes were counted since `mark` and no
    /// effect was recorded since. The command's own name, `name`, takes the place of another that its client knows it by.
    #[inline]
    pub fn close_command(&mut self, mark: Mark, db: DbIndex, name: &'static str, args: &[&[u8]]) {
        let present = self.mark();
        if self.is_recording() && present.changes != mark.changes && present.recorded == mark.recorded {
            let own = name.split_once('|').map_or(name, |(container, _)| container).as_bytes();
            if args[0].eq_ignore_ascii_case(own) {
                self.push_effect(db, args, false);
            } else {
                self.push_effect(db, &[&[own], &args[1..]].concat(), false);
            }
        }
    }

    /// No command runs: what lapses at `now` is recorded by itself.
    #[inline]
    pub fn begin_sweep(&mut self, now: UnixMs) {
        self.scope.time_ms = now.0.cast_unsigned();
        self.unit = Unit::None;
        self.author = None;
    }

    /// The present point, to go back to.
    pub(crate) fn rollback_point(&self) -> RollbackPoint {
        RollbackPoint {
            mark: self.mark(),
            record: self.record.checkpoint(),
            announcements: self.announcements.len(),
        }
    }

    /// Takes back what commands recorded and announced since `point`; what they met by the way stays. Nothing
    /// must have been taken since. Returns the changes of keys that nobody will be told of.
    pub(crate) fn roll_back(&mut self, point: &RollbackPoint) -> Vec<Invalidation> {
        self.changes = point.mark.changes + self.incidental_changes;
        self.recorded = point.mark.recorded;
        self.record.roll_back(&point.record);
        if let Unit::Command { has_effect } | Unit::Commands { has_effect } = &mut self.unit {
            *has_effect = false;
        }
        let announcements = self.announcements.split_off(point.announcements);
        let is_incidental = |announcement: &Announcement| match announcement {
            Announcement::Event(event) => event.is_incidental,
            Announcement::Invalidation(invalidation) => invalidation.is_incidental,
            Announcement::Message(_) | Announcement::Flush { .. } => false,
        };
        let (kept, undone): (Vec<_>, Vec<_>) = announcements.into_iter().partition(is_incidental);
        self.announcements.extend(kept);
        let of_keys = undone.into_iter().filter_map(|announcement| match announcement {
            Announcement::Invalidation(invalidation) => Some(invalidation),
            _ => None,
        });
        of_keys.collect()
    }

    /// What was recorded so far.
    #[inline]
    #[must_use]
    pub fn record(&self) -> &RecordBuilder {
        &self.record
    }

    /// Forgets what was recorded so far.
    pub fn clear_record(&mut self) {
        self.record.clear();
    }

    /// Takes the effects recorded so far.
    ///
    /// # Panics
    /// If the record can't be read.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        let effects = effects_of(self.record.bytes());
        self.record.clear();
        effects
    }

    /// Whether there is anything to announce.
    #[inline]
    #[must_use]
    pub fn has_announcements(&self) -> bool {
        !self.announcements.is_empty()
    }

    /// What is to be announced so far: events and messages, in the order they came about.
    #[must_use]
    pub fn announcements(&self) -> &[Announcement] {
        &self.announcements
    }

    /// Takes what is to be announced so far: events and messages, in the order they came about.
    pub fn take_announcements(&mut self) -> Vec<Announcement> {
        std::mem::take(&mut self.announcements)
    }

    /// Takes the events among what is to be announced, and drops the rest.
    #[cfg(test)]
    pub(crate) fn take_events(&mut self) -> Vec<KeyEvent> {
        let announcements = self.take_announcements().into_iter();
        announcements
            .filter_map(|announcement| match announcement {
                Announcement::Event(event) => Some(event),
                _ => None,
            })
            .collect()
    }
}
