//! An operation: one or more commands of one connection that run as a unit on one shard or several.
//!
//! A [`Request`] is built by the driver: it copies the commands' bytes, splits commands whose keys are independent
//! into items, one shard each, and remembers how the items' replies become the commands' replies (groups). Once it
//! is submitted it is shared and immutable; every shard runs its own items and answers with one [`Part`].

mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kora_locks::{RankedMutex, rank};
use smallvec::SmallVec;

use super::claim::{Abandoned, Claim};
use super::hub::Hub;
use super::probe::{Note, Rule};
use super::replies::Replies;
use super::serve::Blocked;
use super::turn::Turn;
use crate::command::Run;
use crate::command::spec::{Facts, Flags, Merge};
use crate::context::errand::Errand;
use crate::context::guard::Guard;
use crate::context::{CoreHandler, Onward};
use crate::db::DbIndex;
use crate::journal::meter::Whose;
use crate::reader::Reader;
use crate::reply::Reply;
use crate::slot::{ShardId, WorkerId};
use crate::store::ShardStore;
use crate::store::watch::{Watch, Watched};
use crate::time::UnixMs;

/// The moment of an operation that has not run.
const NO_MOMENT: u64 = 0;

/// Count that stands for "this item is an error, not a number of things".
pub(super) const COUNT_OF_ERROR: i64 = i64::MIN;

/// Who drives the shards: the server's workers, the library, a simulation.
pub trait Driver: Sized + 'static {
    /// Collects replies.
    type Replies: Replies;
    /// Who waits for an operation.
    type Origin: Clone + Send + Sync + std::fmt::Debug;
    /// The driver's own messages between workers.
    type Mail: Send;

    /// The worker that serves `origin`, if one does: parts go to its mailbox.
    fn home(origin: &Self::Origin) -> Option<WorkerId>;

    /// Hands a part to an origin that no worker serves.
    fn deliver(part: Part<Self>);

    /// Tells an origin that no worker serves that its operation has to wait.
    fn blocked(blocked: Blocked<Self>);

    /// Whether a test has this rule broken.
    #[inline]
    fn breaks(_: Rule) -> bool {
        false
    }

    /// Tells a test what a shard does.
    #[inline]
    fn note(_: Note<'_, Self::Origin>) {}

    /// Submits an operation, or gives it to a test that submits it later, step by step.
    #[inline]
    fn submit(hub: &Hub<Self>, operation: Arc<Operation<Self>>) {
        hub.submit(operation);
    }
}

/// The form in which a driver's connection reads replies.
pub type Style<D> = <<D as Driver>::Replies as Replies>::Style;

/// A range of bytes in a request. All commands of a transaction may be more than 4 GiB.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Stands for the argument that the request keeps beside its bytes.
    const KEPT: Self = Self { start: usize::MAX, end: 0 };
}

/// The shard of a key, and the arguments that belong to the key.
type KeyAt<'a> = (ShardId, &'a [&'a [u8]]);

/// A command, or one shard's share of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) facts: &'static Facts,
    pub(super) handler: CoreHandler,
    pub(super) shard: ShardId,
    pub(super) merge: Option<Merge>,
    /// Which command of the request it is, or is a share of.
    pub(super) command: u32,
    first_span: u32,
    span_count: u32,
}

/// One command of the connection: this many items, whose replies merge so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) item_count: u32,
    pub(super) merge: Option<Merge>,
}

/// What the commands of a request are to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RequestKind {
    /// Each for itself; those that concern one shard run there in order.
    #[default]
    Pipeline,
    /// It is one command that needs several stores together.
    Lend,
    /// They run one after the other with all stores in hand, or not at all: see [`super::transaction`].
    Transaction,
}

/// Commands on their way to an operation.
#[derive(Debug, Default)]
pub struct Request {
    bytes: Vec<u8>,
    /// A large argument that was not copied: see [`Journal::give`](crate::journal::Journal::give).
    kept: Option<Arc<Vec<u8>>>,
    spans: Vec<Span>,
    pub(super) items: Vec<Item>,
    pub(super) groups: Vec<Group>,
    /// Shards with at least one item, or whose stores are lent; ascending.
    pub(super) shards: SmallVec<[ShardId; 8]>,
    pub(super) kind: RequestKind,
    /// What a transaction depends on.
    pub(super) watched: Option<Watched>,
    /// Its driver's worker runs it, between commands of the driver's own, with all its stores in hand.
    pub(super) is_driven: bool,
    /// The command that runs a transaction, for those who look on: its full name, and as it was sent.
    pub(super) told_as: Option<(&'static str, Box<[u8]>)>,
}

impl Request {
    /// Whether it is one command that may wait for keys.
    #[must_use]
    pub fn may_block(&self) -> bool {
        matches!(self.items[..], [item] if item.merge.is_none() && item.facts.flags.has(Flags::BLOCKING))
            && self.kind != RequestKind::Transaction
    }

    /// Whether it is one command that may put itself off.
    pub(super) fn may_defer(&self) -> bool {
        matches!(self.items[..], [item] if item.merge.is_none() && item.facts.may_defer())
            && self.kind != RequestKind::Transaction
    }

    /// Whether it is one command that runs in slices.
    pub(super) fn runs_in_slices(&self) -> bool {
        let [Group { merge: Some(_), .. }] = self.groups[..] else { return false };
        self.kind == RequestKind::Pipeline && self.items[0].facts.runs_in_slices()
    }

    /// Whether it is one command that may go on as an errand.
    fn stands_aside(&self) -> bool {
        self.kind != RequestKind::Transaction && matches!(self.items[..], [item] if item.facts.stands_aside())
    }

    /// Whether shards run parts of one command that must not be refused when others have run.
    fn has_parts_that_write(&self) -> bool {
        let writes = |item: &Item| match item.merge {
            None => false,
            Some(Merge::First) => true,
            Some(Merge::Sum | Merge::Concat) => item.facts.flags.has(Flags::WRITE),
        };
        self.items.iter().any(writes)
    }

    /// Whether a command of it may pause: a script.
    pub(super) fn may_pause(&self) -> bool {
        self.items.iter().any(|item| item.facts.may_pause())
    }

    /// A copy that needs the stores of all shards together. It must be one command.
    pub(super) fn on_all(&self, shard_count: u16) -> Self {
        Self {
            bytes: self.bytes.clone(),
            kept: self.kept.clone(),
            spans: self.spans.clone(),
            items: self.items.clone(),
            groups: self.groups.clone(),
            shards: (0..shard_count).map(ShardId).collect(),
            kind: RequestKind::Lend,
            watched: None,
            is_driven: false,
            told_as: None,
        }
    }

    /// This request once more.
    fn again(&self) -> Self {
        Self { shards: self.shards.clone(), kind: self.kind, ..self.on_all(0) }
    }

    /// What a command, this one, goes on as.
    fn onward(&self, onward: &Onward) -> Self {
        let args: SmallVec<[&[u8]; 16]> = onward.args.iter().map(|arg| &arg[..]).collect();
        let mut request = Self::default();
        request.push_whole(self.items[0].facts, onward.handler, &args, onward.shard);
        request
    }

    /// Makes room for so many commands with so many arguments and bytes in all, so that it need not grow.
    pub fn reserve(&mut self, command_count: usize, argument_count: usize, byte_count: usize) {
        self.items.reserve(command_count);
        self.groups.reserve(command_count);
        self.spans.reserve(argument_count);
        self.bytes.reserve(byte_count);
    }

    /// Whether there is no command in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// An empty one whose commands are to run as a unit.
    pub(super) fn for_transaction() -> Self {
        Self { kind: RequestKind::Transaction, ..Self::default() }
    }

    /// Takes all commands out, and keeps the memory and the form.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.kept = None;
        self.spans.clear();
        self.items.clear();
        self.groups.clear();
        self.shards.clear();
        self.watched = None;
        self.is_driven = false;
        self.told_as = None;
    }

    /// Bytes allocated for it.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.bytes.capacity()
            + self.kept_bytes()
            + self.spans.capacity() * size_of::<Span>()
            + self.items.capacity() * size_of::<Item>()
    }

    /// Bytes of arguments.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.bytes.len() + self.kept_bytes()
    }

    fn kept_bytes(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.len())
    }

    /// Has it keep this memory, and not copy it, where it is an argument of a command that is added.
    pub fn keep(&mut self, argument: Arc<Vec<u8>>) {
        self.kept = Some(argument);
    }

    /// The argument that was not copied: whoever stores it may keep its memory.
    pub(super) fn kept(&self) -> Option<&Arc<Vec<u8>>> {
        self.kept.as_ref()
    }

    /// Adds a command that runs whole on `shard`.
    pub fn push_whole(
        &mut self,
        facts: &'static Facts,
        handler: CoreHandler,
        args: &[&[u8]],
        shard: ShardId,
    ) {
        let (first_span, span_count) = self.push_args(args);
        let command = self.command_count();
        self.push_item(Item { facts, handler, shard, merge: None, command, first_span, span_count });
        self.groups.push(Group { item_count: 1, merge: None });
    }

    /// Adds a command of a transaction.
    pub(super) fn push_queued(&mut self, (facts, handler): Run, args: &[&[u8]]) {
        let (first_span, span_count) = self.push_args(args);
        let (shard, merge, command) = (ShardId::default(), None, 0);
        self.items.push(Item { facts, handler, shard, merge, command, first_span, span_count });
    }

    /// Adds a command that every one of `shard_count` shards runs whole.
    pub fn push_on_all(
        &mut self,
        facts: &'static Facts,
        handler: CoreHandler,
        args: &[&[u8]],
        shard_count: u16,
        merge: Merge,
    ) {
        let (first_span, span_count) = self.push_args(args);
        let command = self.command_count();
        for shard in (0..shard_count).map(ShardId) {
            let merge = Some(merge);
            self.push_item(Item { facts, handler, shard, merge, command, first_span, span_count });
        }
        self.groups.push(Group { item_count: u32::from(shard_count), merge: Some(merge) });
    }

    /// Adds a command split by keys at `keys` (first argument index, number of arguments that belong to each key), each on the shard
    /// `shard_of` names: one item per key if it has a reply of its own, else one per shard.
    pub fn push_split(
        &mut self,
        facts: &'static Facts,
        handler: CoreHandler,
        args: &[&[u8]],
        (first_key, step): (usize, usize),
        merge: Merge,
        shard_of: impl Fn(&[u8]) -> ShardId,
    ) {
        let (mut item_count, command) = (0, self.command_count());
        let name = self.push_bytes(args[0]);
        let mut keys: SmallVec<[KeyAt<'_>; 16]> =
            args[first_key..].chunks(step).map(|pair| (shard_of(pair[0]), pair)).collect();
        let is_apart = merge == Merge::Concat;
        if !is_apart {
            // Those of one shard keep their order: a key may be named twice.
            keys.sort_by_key(|(shard, _)| *shard);
        }
        for of_item in keys.chunk_by(|(shard, _), (next, _)| !is_apart && shard == next) {
            let first_span = index_u32(self.spans.len());
            self.spans.push(name);
            for arg in of_item.iter().flat_map(|(_, pair)| pair.iter()) {
                let span = self.push_bytes(arg);
                self.spans.push(span);
            }
            let span_count = index_u32(self.spans.len()) - first_span;
            let (shard, merge) = (of_item[0].0, Some(merge));
            self.push_item(Item { facts, handler, shard, merge, command, first_span, span_count });
            item_count += 1;
        }
        self.groups.push(Group { item_count, merge: Some(merge) });
    }

    /// Makes this request, which must be empty, one command that needs the stores of all `shards` together.
    pub fn push_lend(
        &mut self,
        facts: &'static Facts,
        handler: CoreHandler,
        args: &[&[u8]],
        shards: &[ShardId],
    ) {
        debug_assert!(self.is_empty(), "lending is for one command at a time");
        shards.iter().for_each(|&shard| self.add_shard(shard));
        self.push_whole(facts, handler, args, shards[0]);
        self.kind = RequestKind::Lend;
    }

    /// How many commands it has so far.
    fn command_count(&self) -> u32 {
        index_u32(self.groups.len())
    }

    fn push_args(&mut self, args: &[&[u8]]) -> (u32, u32) {
        let first_span = index_u32(self.spans.len());
        for arg in args {
            let span = self.push_bytes(arg);
            self.spans.push(span);
        }
        (first_span, index_u32(args.len()))
    }

    fn push_bytes(&mut self, arg: &[u8]) -> Span {
        if self.kept.as_ref().is_some_and(|kept| std::ptr::eq(kept.as_slice(), arg)) {
            return Span::KEPT;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(arg);
        Span { start, end: self.bytes.len() }
    }

    fn push_item(&mut self, item: Item) {
        self.add_shard(item.shard);
        self.items.push(item);
    }

    /// Adds a shard to those that take part.
    pub(super) fn add_shard(&mut self, shard: ShardId) {
        if let Err(at) = self.shards.binary_search(&shard) {
            self.shards.insert(at, shard);
        }
    }

    /// The keys of an item, if they stand in fixed places: one, or those of a command that is split by keys.
    #[inline]
    pub(super) fn keys(&self, item: &Item) -> impl Iterator<Item = &[u8]> {
        let places = match item.merge {
            Some(_) => item.facts.keys_to_end(),
            None => item.facts.only_key().map(|at| (at, usize::MAX)),
        };
        let (first, step) = places.unwrap_or((usize::MAX, 1));
        let spans = &self.spans[item.first_span as usize..(item.first_span + item.span_count) as usize];
        let keys = spans.get(first..).unwrap_or_default().iter().step_by(step);
        keys.map(|span| self.argument(*span))
    }

    /// An item's arguments.
    #[inline]
    pub(super) fn args(&self, item: &Item) -> SmallVec<[&[u8]; 8]> {
        let first = item.first_span as usize;
        let spans = &self.spans[first..first + item.span_count as usize];
        spans.iter().map(|span| self.argument(*span)).collect()
    }

    #[inline]
    fn argument(&self, span: Span) -> &[u8] {
        match &self.kept {
            Some(kept) if span.start > span.end => kept,
            _ => &self.bytes[span.start..span.end],
        }
    }
}

/// A number of commands or arguments: the driver bounds their bytes, of which each takes many.
fn index_u32(index: usize) -> u32 {
    u32::try_from(index).expect("commands and arguments are fewer than four thousand millions")
}

/// How an operation runs.
#[derive(Debug)]
pub(super) enum Course {
    /// All items on one shard.
    Single,
    /// Each shard runs its items at its lane position; none waits.
    FanOut,
    /// The shards deposit their stores; the last to arrive runs the only item, or all of a transaction's, with all of them,
    /// or sends them to the worker that does.
    #[expect(clippy::vec_box, reason = "a store keeps its box on the way from shard to shard and home")]
    Lend(RankedMutex<{ rank::LENT_STORES }, Vec<Box<ShardStore>>>),
}

/// What all commands of an operation share.
#[derive(Clone, Debug)]
pub struct Setting<S> {
    /// The selected database.
    pub db: DbIndex,
    /// The time at which the commands run.
    pub now: UnixMs,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// How replies are rendered.
    pub style: S,
    /// What the client watches, for a command that adds to it.
    pub watch: Option<Arc<Watch>>,
    /// The errand that its command runs anew after.
    pub resumed: Option<Arc<dyn Errand>>,
    /// The client, if it keeps copies of what it reads.
    pub reader: Option<Reader>,
    /// The number of the client, for those who look on; 0 for nobody.
    pub client: u64,
    /// The command has run before, and has been told: see [`Whose::is_again`].
    pub is_again: bool,
    /// Whom they run for, if that is somebody who may not do everything, or has to be asked again.
    pub guard: Option<Arc<dyn Guard>>,
}

impl<S> Setting<S> {
    /// That of a client that has chosen nothing.
    pub fn plain(db: DbIndex, now: UnixMs, style: S) -> Self {
        let (no_touch, client, is_again) = (false, 0, false);
        let (watch, resumed, reader, guard) = (None, None, None, None);
        Self { db, now, no_touch, style, watch, resumed, reader, client, is_again, guard }
    }

    /// Whose commands run so.
    #[inline]
    #[must_use]
    pub fn whose(&self) -> Whose {
        let Self { client, db, now, is_again, .. } = *self;
        Whose { client, db, now, is_again }
    }
}

/// An operation under way: shared by the shards it runs on.
#[derive(Debug)]
pub struct Operation<D: Driver> {
    pub(super) request: Request,
    pub(super) course: Course,
    pub(super) setting: Setting<Style<D>>,
    /// Who ends its wait, if it has to wait.
    pub(super) claim: Claim,
    /// Whether it runs.
    turn: Turn,
    /// What its client's worker had been sent when it ran: see [`Operation::moment`].
    moment: AtomicU64,
    /// How many nanoseconds its commands took that run in shares, by command; empty if there is none.
    work_ns: Box<[AtomicU64]>,
    /// The operation that its client waits for, if that goes on as this one.
    root: Option<Arc<Operation<D>>>,
    /// Who waits for it.
    pub origin: D::Origin,
}

/// One shard's share of an operation's replies.
#[derive(Debug)]
pub struct Part<D: Driver> {
    /// The operation.
    pub operation: Arc<Operation<D>>,
    /// The shard that ran this part.
    pub shard: ShardId,
    /// The replies of its items, in order.
    pub replies: D::Replies,
}

impl<D: Driver> Operation<D> {
    /// An operation ready to be submitted.
    #[must_use]
    pub fn new(request: Request, setting: Setting<Style<D>>, origin: D::Origin) -> Self {
        let course = match request.shards.len() {
            1 => Course::Single,
            _ if request.kind != RequestKind::Pipeline => Course::Lend(RankedMutex::default()),
            _ => Course::FanOut,
        };
        let is_apart = matches!(course, Course::FanOut) && !request.has_parts_that_write();
        let turn = Turn::new(if is_apart { request.shards.len() } else { 1 });
        let (claim, moment) = (Claim::default(), AtomicU64::new(NO_MOMENT));
        let summed = if request.is_summed() { request.groups.len() } else { 0 };
        let work_ns = (0..summed).map(|_| AtomicU64::new(0)).collect();
        Self { request, course, setting, claim, turn, moment, work_ns, root: None, origin }
    }

    /// The shards it involves, ascending.
    #[must_use]
    pub fn shards(&self) -> &[ShardId] {
        &self.request.shards
    }

    /// Number of parts that answer it.
    #[must_use]
    pub fn part_count(&self) -> usize {
        match self.course {
            Course::Single | Course::Lend(_) => 1,
            Course::FanOut => self.request.shards.len(),
        }
    }

    /// How many shards record effects of it, each of its own part, if it is one that they run by themselves and that
    /// may change something.
    pub(super) fn effect_parts(&self) -> Option<u16> {
        let may_write = self.request.items.iter().any(|item| item.facts.flags.has(Flags::WRITE));
        (matches!(self.course, Course::FanOut) && may_write)
            .then(|| u16::try_from(self.part_count()).expect("shards are numbered by u16"))
    }

    /// Whether it is one command that may wait for keys.
    #[must_use]
    pub fn may_block(&self) -> bool {
        self.request.may_block()
    }

    /// How many messages had been sent to its client's worker when it ran, if its client keeps copies of what it reads: the changes that these
    /// tell of came before it, those that later ones tell of after it, where they have a key in common with it. 0 if that is not known.
    #[must_use]
    pub fn moment(&self) -> u64 {
        self.moment.load(Ordering::Acquire)
    }

    /// Notes its moment, if it ran somewhere else than an executor runs operations; of several the last counts.
    pub fn note_moment(&self, sent: u64) {
        self.moment.fetch_max(sent, Ordering::AcqRel);
    }

    /// It is about to run anew: its moment is to come.
    pub(super) fn forget_moment(&self) {
        self.moment.store(NO_MOMENT, Ordering::Release);
    }

    /// Whether it waits for keys, and nobody has begun to serve it.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.claim.is_waiting()
    }

    /// This operation, which has changed nothing, as one for all stores together.
    pub(super) fn on_all(self: &Arc<Self>, shard_count: u16) -> Self {
        self.going_on(self.request.on_all(shard_count))
    }

    /// The operation that goes on with this one's command with another shard's store.
    pub(super) fn onward(self: &Arc<Self>, onward: &Onward) -> Self {
        self.going_on(self.request.onward(onward))
    }

    /// The operation that runs this one's command anew, on the same shards, after an errand.
    pub(super) fn resumed(self: &Arc<Self>, errand: Arc<dyn Errand>) -> Self {
        let mut operation = self.going_on(self.request.again());
        operation.setting.resumed = Some(errand);
        // What changed since it began may be in its reply or not.
        operation.moment = AtomicU64::new(self.moment.load(Ordering::Acquire));
        operation
    }

    fn going_on(self: &Arc<Self>, request: Request) -> Self {
        let root = self.root.as_ref().unwrap_or(self);
        root.turn.put_back();
        let root = Some(Arc::clone(root));
        let setting = Setting { is_again: true, ..self.setting.clone() };
        Self { root, ..Self::new(request, setting, self.origin.clone()) }
    }

    /// Begins to run `shard`'s share; `false` if it was refused.
    #[inline]
    pub(super) fn begin(&self, shard: ShardId) -> bool {
        match &self.root {
            Some(root) => root.turn.begin(0),
            None => self.turn.begin(self.request.shards.binary_search(&shard).unwrap_or(0)),
        }
    }

    /// Refuses what has not begun, for its client's worker: the shards whose parts will not come, for which
    /// [`Operation::refused_share`] stands in.
    #[must_use]
    pub fn give_up(&self) -> SmallVec<[ShardId; 8]> {
        let shards = &self.request.shards;
        let refused: SmallVec<[ShardId; 8]> = if !self.turn.is_whole() {
            (0..).zip(shards).filter(|(share, _)| self.turn.refuse(*share)).map(|(_, shard)| *shard).collect()
        } else if self.turn.refuse(0) {
            shards[..self.part_count()].iter().copied().collect()
        } else {
            SmallVec::new()
        };
        if !refused.is_empty()
            && let Some(watched) = &self.request.watched
        {
            watched.watch().end();
        }
        refused
    }

    /// The part of a shard whose share was refused.
    #[must_use]
    pub fn refused_share(self: &Arc<Self>, shard: ShardId, error: &str) -> Part<D> {
        let mut replies = D::Replies::new(self.setting.style);
        let is_fan_out = matches!(self.course, Course::FanOut);
        for item in self.request.items.iter().filter(|item| !is_fan_out || item.shard == shard) {
            if item.merge == Some(Merge::Concat) {
                replies.begin_elements();
            }
            replies.error(error);
            if matches!(item.merge, Some(Merge::Concat | Merge::Sum)) {
                replies.push_count(COUNT_OF_ERROR);
            }
            replies.end_item();
        }
        Part { operation: Arc::clone(self), shard, replies }
    }

    /// Whether its client left before it ran, and it would take something that nobody gets.
    pub(super) fn is_pointless(&self) -> bool {
        self.may_block() && self.claim.is_over()
    }

    /// Ends its wait because its time is over or its client has left. Only after [`Abandoned::Now`] is there no part to
    /// come, and [`Operation::timed_out`] or nothing takes its place.
    pub fn abandon(&self) -> Abandoned {
        let abandoned = self.claim.abandon();
        if abandoned == Abandoned::Now {
            D::note(Note::EndsWait(&self.origin));
        }
        abandoned
    }

    /// Ends its wait, whoever asks; `false` if it does not wait. There is no part to come then: [`Operation::timed_out`]
    /// or [`Operation::refused`] takes its place.
    #[must_use]
    pub fn end_wait(&self) -> bool {
        let is_ended = self.claim.end();
        if is_ended {
            D::note(Note::EndsWait(&self.origin));
        }
        is_ended
    }

    /// Nobody waits for its replies any more: what runs in slices stops.
    pub fn leave(&self) {
        if self.request.runs_in_slices() || self.request.stands_aside() {
            self.claim.abandon();
        }
    }

    /// Whether nobody waits for its replies any more.
    pub(super) fn is_left(&self) -> bool {
        self.root.as_ref().map_or(&self.claim, |root| &root.claim).is_over()
    }

    /// The part that answers a command whose time to wait is over.
    #[must_use]
    pub fn timed_out(self: &Arc<Self>) -> Part<D> {
        self.answered(|replies| replies.null_array())
    }

    /// The part that answers a command whose wait was ended while a shard tried to serve it, in vain.
    pub(super) fn given_up(self: &Arc<Self>) -> Part<D> {
        D::note(Note::EndsWait(&self.origin));
        self.timed_out()
    }

    /// The part that answers a command whose wait was ended with an error.
    #[must_use]
    pub fn refused(self: &Arc<Self>, error: &str) -> Part<D> {
        self.answered(|replies| replies.error(error))
    }

    fn answered(self: &Arc<Self>, reply: impl FnOnce(&mut D::Replies)) -> Part<D> {
        let mut replies = D::Replies::new(self.setting.style);
        reply(&mut replies);
        replies.end_item();
        Part { operation: Arc::clone(self), shard: self.request.shards[0], replies }
    }

    /// Puts the replies of all `parts` back in the order the commands were sent, at the end of `into`; one
    /// [`Replies::end_item`] per command.
    ///
    /// # Panics
    /// If a part is missing.
    pub fn assemble(&self, parts: &mut [Part<D>], into: &mut D::Replies) {
        debug_assert!(
            self.request.kind != RequestKind::Transaction,
            "its driver puts the reply to EXEC together"
        );
        let mut items = self.request.items.iter();
        for group in &self.request.groups {
            let items: SmallVec<[usize; 16]> = items
                .by_ref()
                .take(group.item_count as usize)
                .map(|item| match self.course {
                    Course::FanOut => parts.iter().position(|part| part.shard == item.shard),
                    Course::Single | Course::Lend(_) => Some(0),
                })
                .map(|part| part.expect("every shard of the operation has answered"))
                .collect();
            assemble_group(group.merge, &items, parts, into);
            into.end_item();
        }
    }
}

fn assemble_group<D: Driver>(
    merge: Option<Merge>,
    items: &[usize],
    parts: &mut [Part<D>],
    into: &mut D::Replies,
) {
    match merge {
        None => parts[items[0]].replies.move_item(into),
        Some(Merge::First) => {
            parts[items[0]].replies.move_item(into);
            for &part in &items[1..] {
                parts[part].replies.skip_item();
            }
        }
        Some(merge @ (Merge::Sum | Merge::Concat)) => {
            let counts: SmallVec<[i64; 16]> =
                items.iter().map(|&part| parts[part].replies.next_count()).collect();
            if let Some(error) = counts.iter().position(|&count| count == COUNT_OF_ERROR) {
                for (at, &part) in items.iter().enumerate() {
                    if at == error {
                        parts[part].replies.move_item(into)
                    } else {
                        parts[part].replies.skip_item()
                    }
                }
                return;
            }
            let total: i64 = counts.iter().sum();
            if merge == Merge::Sum {
                into.integer(total);
                items.iter().for_each(|&part| parts[part].replies.skip_item());
            } else {
                into.array(usize::try_from(total).expect("lengths are not negative"));
                items.iter().for_each(|&part| parts[part].replies.move_item(into));
            }
        }
    }
}
