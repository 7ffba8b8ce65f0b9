//! What a round of commands did: its effects (deterministic commands that reproduce every change) and its keyspace
//! events. The log, replicas, change-data cursors and notifications read from here; nothing else records a change.

mod effects;
pub mod meter;

use meter::{Meter, Timing};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::command::spec::Facts;
use crate::shard::store::DbIndex;
use crate::slot::ShardId;
pub use effects::{Effect, EffectRef, Effects, PartMark};

/// Marks the numbers of operations that have no ticket.
const WITHOUT_TICKET: u64 = 1 << 63;

/// Where such a number has the shard; below it is the count.
const UNIT_SHARD_BIT: u32 = 48;

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
    /// Those of the changes that no command made: keys that expired or were evicted.
    incidental_changes: u64,
    /// Effects that commands recorded themselves.
    recorded: u64,
    operation: u64,
    /// Operations without a ticket that have got a number.
    units: u64,
    effects: Effects,
    announcements: Vec<Announcement>,
    /// Times the commands, if anybody wants to know.
    meter: Option<Box<Meter>>,
}

/// A place in a journal, to tell what a command added.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    changes: u64,
    recorded: u64,
}

/// A place in a journal to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    mark: Mark,
    effects: usize,
    announcements: usize,
}

impl Journal {
    /// Times commands from now on.
    pub fn set_meter(&mut self, meter: Meter) {
        self.meter = Some(Box::new(meter));
    }

    /// A command begins; to be told to [`Journal::end_command`] if it is timed.
    #[inline]
    pub fn begin_command(&mut self, facts: &'static Facts) -> Option<Timing> {
        self.meter.as_mut()?.begin(facts)
    }

    /// A command has ended that was timed.
    #[inline]
    pub fn end_command(&mut self, facts: &'static Facts, timing: Option<Timing>) {
        if let (Some(timing), Some(meter)) = (timing, self.meter.as_mut()) {
            meter.end(facts, timing);
        }
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
        self.recording.load(Ordering::Acquire)
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

    /// Counts and records that fields of the hash at `key` expired, likewise.
    pub fn fields_expired(&mut self, db: DbIndex, key: &[u8], fields: &[Box<[u8]>]) {
        self.changes += 1;
        self.incidental_changes += 1;
        if self.is_recording() {
            let args = [b"HDEL", key].into_iter().chain(fields.iter().map(|field| &field[..]));
            self.push_effect(db, &args.collect::<Vec<_>>(), true);
        }
    }

    #[cold]
    fn push_effect(&mut self, db: DbIndex, args: &[&[u8]], is_incidental: bool) {
        self.effects.push(db, self.operation, is_incidental, args);
    }

    /// Notes that this shard has run its part of the present operation, which `parts` shards run a part of, each by itself.
    pub fn end_part(&mut self, parts: u16) {
        if self.is_recording() {
            self.effects.push_part(PartMark { operation: self.operation, parts });
        }
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
        self.announcements.push(Announcement::Message(message));
    }

    /// Names the operation whose effects follow.
    pub fn begin_operation(&mut self, operation: u64) {
        self.operation = operation;
    }

    /// Gives the effects that follow one number, other than any ticket's: those of several commands that have no ticket and
    /// belong together. `shard` is where this journal lives.
    pub fn begin_unit(&mut self, shard: ShardId) {
        self.units += 1;
        self.operation = WITHOUT_TICKET | u64::from(shard.0) << UNIT_SHARD_BIT | self.units;
    }

    /// The number of the operation whose effects follow; 0 if each command is one of its own.
    #[must_use]
    pub fn operation(&self) -> u64 {
        self.operation
    }

    /// The present place.
    #[inline]
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { changes: self.changes - self.incidental_changes, recorded: self.recorded }
    }

    /// The present place, to go back to.
    pub(crate) fn place(&self) -> Place {
        let (effects, announcements) = (self.effects.len(), self.announcements.len());
        Place { mark: self.mark(), effects, announcements }
    }

    /// Takes back what commands recorded and announced since they were at `place`; what they met by the way stays. Nothing
    /// must have been taken since.
    pub(crate) fn roll_back(&mut self, place: Place) {
        self.changes = place.mark.changes + self.incidental_changes;
        self.recorded = place.mark.recorded;
        self.effects.retain_incidental(place.effects);
        let announcements = self.announcements.split_off(place.announcements);
        let is_incidental = |announcement: &Announcement| match announcement {
            Announcement::Event(event) => event.is_incidental,
            Announcement::Message(_) => false,
        };
        self.announcements.extend(announcements.into_iter().filter(is_incidental));
    }

    /// Records `args` as they were sent if changes were counted since `mark` and no effect was recorded since.
    #[inline]
    pub fn close_command(&mut self, mark: Mark, db: DbIndex, args: &[&[u8]]) {
        let present = self.mark();
        if self.is_recording() && present.changes != mark.changes && present.recorded == mark.recorded {
            self.push_effect(db, args, false);
        }
    }

    /// What was recorded so far.
    #[inline]
    #[must_use]
    pub fn effects(&self) -> &Effects {
        &self.effects
    }

    /// Forgets the effects recorded so far.
    pub fn clear_effects(&mut self) {
        self.effects.clear();
    }

    /// Takes the effects recorded so far.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        let effects = self.effects.iter().map(|effect| effect.to_owned()).collect();
        self.effects.clear();
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
                Announcement::Message(_) => None,
            })
            .collect()
    }
}
