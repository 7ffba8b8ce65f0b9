//! What a session keeps of a transaction between MULTI and EXEC.

use std::fmt;

use kora_core::command::Run;
use kora_core::command::spec::{Facts, Flags};
use kora_core::shard::operation::Setting;
use kora_core::shard::transaction::Transaction;

use crate::front::{Front, Style};
use crate::pubsub::subscribes;

/// The commands queued since MULTI.
pub struct Queue<F: Front> {
    /// Those of the core.
    pub(crate) transaction: Transaction<Style<F>>,
    /// All of them, in order.
    pub commands: Vec<Queued>,
    /// All flags of the commands together.
    pub(crate) flags: Flags,
    /// A command was refused: EXEC will be, too.
    pub(crate) is_aborted: bool,
    /// Bytes of arguments of another kind's commands.
    own_bytes: usize,
}

/// A command that waits for EXEC.
pub struct Queued {
    /// Place in the command table.
    pub(crate) id: u16,
    /// How it runs if it is another kind's; else it is the next of the [`Queue::transaction`].
    pub(crate) own: Option<Box<OwnCommand>>,
}

/// A command that is not the core's.
pub(crate) struct OwnCommand {
    pub(crate) facts: &'static Facts,
    pub(crate) args: Box<[Box<[u8]>]>,
}

impl<F: Front> fmt::Debug for Queue<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("commands", &self.commands.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<F: Front> Queue<F> {
    pub(crate) fn new(setting: Setting<Style<F>>) -> Self {
        Self {
            transaction: Transaction::new(setting),
            commands: Vec::new(),
            flags: Flags(0),
            is_aborted: false,
            own_bytes: 0,
        }
    }

    /// Makes it an empty one: its memory is used again.
    pub(crate) fn reset(&mut self, setting: Setting<Style<F>>) {
        self.transaction.reset(setting);
        self.commands.clear();
        self.flags = Flags(0);
        self.is_aborted = false;
        self.own_bytes = 0;
    }

    /// Queues a command of the core.
    pub(crate) fn push(&mut self, id: u16, run: Run, args: &[&[u8]], shard_count: u16) {
        self.transaction.queue(run, args, shard_count);
        self.commands.push(Queued { id, own: None });
        self.flags = self.flags.with(run.0.flags);
    }

    /// Queues a command of another kind's: the connection's worker runs the transaction then.
    pub(crate) fn push_own(&mut self, id: u16, facts: &'static Facts, args: &[&[u8]]) {
        let args: Box<[Box<[u8]>]> = args.iter().map(|arg| Box::from(*arg)).collect();
        let word_bytes: usize = args.iter().map(|arg| arg.len() + size_of::<Box<[u8]>>()).sum();
        self.own_bytes += size_of::<OwnCommand>() + word_bytes;
        self.commands.push(Queued { id, own: Some(Box::new(OwnCommand { facts, args })) });
        self.flags = self.flags.with(facts.flags);
        self.transaction.be_driven();
    }

    /// Whether one of its commands changes what the connection is subscribed to.
    pub(crate) fn subscribes(&self) -> bool {
        self.commands.iter().filter_map(|queued| queued.own.as_ref()).any(|own| subscribes(own.facts))
    }

    /// How many commands there are.
    #[must_use]
    pub fn command_count(&self) -> usize {
        self.commands.len()
    }

    /// Bytes allocated for it.
    pub fn byte_count(&self) -> usize {
        let commands_bytes = self.commands.capacity() * size_of::<Queued>();
        size_of::<Self>() + self.transaction.byte_count() + commands_bytes + self.own_bytes
    }
}
