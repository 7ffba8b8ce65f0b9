//! What a session waits for before its next command runs.

use std::fmt;
use std::sync::Arc;

use kora_core::reply::Reply;
use kora_core::shard::operation::{Operation, Part};
use kora_core::store::waiters::Waiter;
use kora_core::time::UnixMs;
use smallvec::SmallVec;

use crate::front::{Front, Workers};
use crate::queue::Queued;

/// See the module.
#[derive(Default)]
pub enum Wait<F: Front> {
    /// Nothing.
    #[default]
    Nothing,
    /// The parts of an operation, which may itself wait for keys.
    Operation(Box<PendingParts<F>>),
    /// A time, if it ever comes, with the reply that is due then: WAIT.
    Until(Option<UnixMs>, TimedReply),
    /// That the memory of what was deleted is free, with the reply OK if it is to be told: FLUSHALL and FLUSHDB.
    Freeing {
        /// Whether it is.
        is_told: bool,
    },
    /// The end of a pause.
    Pause,
    /// That WATCH takes place, which was answered while the engine was busy.
    Watches,
}

impl<F: Front> fmt::Debug for Wait<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Operation(pending) => f.debug_tuple("Operation").field(&pending.commands).finish(),
            Self::Until(until, reply) => f.debug_tuple("Until").field(until).field(reply).finish(),
            Self::Freeing { is_told } => f.debug_struct("Freeing").field("is_told", is_told).finish(),
            Self::Pause => f.write_str("Pause"),
            Self::Watches => f.write_str("Watches"),
        }
    }
}

/// What a client is told when the time it waited for has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimedReply {
    /// OK.
    Ok,
    /// An integer.
    Integer(i64),
    /// Two integers.
    Pair(i64, i64),
    /// Nothing at all, whatever ends the wait: CLIENT REPLY.
    Nothing,
}

impl TimedReply {
    /// Writes it.
    pub fn write(self, out: &mut dyn Reply) {
        match self {
            Self::Ok => out.ok(),
            Self::Integer(value) => out.integer(value),
            Self::Pair(one, other) => {
                out.array(2);
                out.integer(one);
                out.integer(other);
            }
            Self::Nothing => {}
        }
    }
}

/// An operation's parts as they arrive.
pub struct PendingParts<F: Front> {
    pub(crate) parts: SmallVec<[Part<Workers<F>>; 4]>,
    pub(crate) keeps_reply: bool,
    /// Places in the command table of the commands it consists of.
    pub(crate) commands: SmallVec<[u16; 32]>,
    /// Bytes of their arguments.
    pub(crate) argument_bytes: usize,
    /// The operation itself, once it is submitted.
    pub(crate) submitted: Option<Arc<Operation<Workers<F>>>>,
    /// Whether it may have to wait for keys.
    pub(crate) may_block: bool,
    /// Whether some of its commands were refused, since the engine is busy.
    pub(crate) is_refused: bool,
    /// Where it stands, once it waits.
    pub(crate) waiter: Option<Arc<Waiter>>,
    /// Whether it goes on as an errand, which ends with its client.
    pub(crate) is_aside: bool,
    /// Whether it is answered only when what it deleted is free.
    pub(crate) frees_first: bool,
    /// The commands of EXEC, if it is that.
    pub(crate) exec: Option<Vec<Queued>>,
}

impl<F: Front> Default for PendingParts<F> {
    fn default() -> Self {
        Self {
            parts: SmallVec::new(),
            keeps_reply: false,
            commands: SmallVec::new(),
            argument_bytes: 0,
            submitted: None,
            may_block: false,
            is_refused: false,
            waiter: None,
            is_aside: false,
            frees_first: false,
            exec: None,
        }
    }
}

impl<F: Front> PendingParts<F> {
    /// The operation, if it may have to wait for keys.
    pub(crate) fn blocking(&self) -> Option<&Arc<Operation<Workers<F>>>> {
        self.submitted.as_ref().filter(|_| self.may_block)
    }

    /// The operation, once a part has arrived.
    pub(crate) fn operation(&self) -> Option<Arc<Operation<Workers<F>>>> {
        self.parts.first().map(|part| Arc::clone(&part.operation))
    }
}
