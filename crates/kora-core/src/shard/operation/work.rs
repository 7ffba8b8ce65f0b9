//! How long the commands of an operation took, and how they look to those who look on.
//!
//! A command that shards run in shares, or that goes on a slice at a time, is one command to them: its shares add up what they took.

use std::sync::atomic::Ordering;

use smallvec::SmallVec;

use super::{Driver, Item, Operation, Request};
use crate::journal::Journal;
use crate::journal::meter::Seen;

impl Request {
    /// Whether a command of it runs in shares.
    pub(super) fn is_summed(&self) -> bool {
        self.stands_aside() || self.groups.iter().any(|group| group.merge.is_some())
    }

    /// The arguments of a command of it, in the order of its shares if it is split by keys.
    fn whole_args(&self, command: u32) -> SmallVec<[&[u8]; 8]> {
        let mut args: SmallVec<[&[u8]; 8]> = SmallVec::new();
        let mut last = None;
        for item in self.items.iter().filter(|item| item.command == command) {
            match last {
                None => args = self.args(item),
                // All shards are given the same.
                Some(first_span) if first_span == item.first_span => break,
                Some(_) => args.extend_from_slice(&self.args(item)[1..]),
            }
            last = Some(item.first_span);
        }
        args
    }

    /// Whether an item is the first share of its command.
    fn begins_command(&self, item: &Item) -> bool {
        let first = self.items.iter().find(|other| other.command == item.command);
        first.is_some_and(|first| first.shard == item.shard && first.first_span == item.first_span)
    }
}

impl<D: Driver> Operation<D> {
    /// The arguments of one of its items, as it was queued.
    ///
    /// # Panics
    /// If there is no such item.
    #[must_use]
    pub fn args(&self, index: usize) -> SmallVec<[&[u8]; 8]> {
        self.request.args(&self.request.items[index])
    }

    /// Notes how long a share of a command took, if that is one whose shares are added up.
    pub(in crate::shard) fn note_work(&self, command: u32, nanoseconds: u64) {
        let root = self.root.as_deref().unwrap_or(self);
        if let Some(work) = root.work_ns.get(command as usize) {
            work.fetch_add(nanoseconds, Ordering::Relaxed);
        }
    }

    /// Calls with each command whose shares took so long together, in nanoseconds, or longer.
    #[inline]
    pub fn each_slow(&self, least_ns: u64, body: impl FnMut(&Seen<'_>, u64)) {
        let root = self.root.as_deref().unwrap_or(self);
        if !root.work_ns.is_empty() {
            root.each_slow_of_shares(least_ns, body);
        }
    }

    #[cold]
    fn each_slow_of_shares(&self, least_ns: u64, mut body: impl FnMut(&Seen<'_>, u64)) {
        let shares = (0..).zip(&self.work_ns).map(|(command, work)| (command, work.load(Ordering::Relaxed)));
        for (command, nanoseconds) in shares.filter(|(_, nanoseconds)| *nanoseconds >= least_ns) {
            self.with_command(command, |seen| body(seen, nanoseconds));
        }
    }

    /// Calls with a command of it, whole; not of a transaction.
    pub fn with_command(&self, command: u32, body: impl FnOnce(&Seen<'_>)) {
        let Some(item) = self.request.items.iter().find(|item| item.command == command) else { return };
        let args = self.request.whole_args(command);
        body(&Seen { name: item.facts.name, args: &args, whose: self.setting.whose() });
    }

    /// Tells a command of which a share is about to run, if it is the first.
    pub(in crate::shard) fn tell_command(&self, item: &Item, journal: &mut Journal) {
        if journal.tells_each() && self.request.begins_command(item) {
            self.with_command(item.command, |seen| journal.tell(|| *seen));
        }
    }
}
