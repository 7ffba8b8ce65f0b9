//! What a command runs in that is about a session or the engine as a whole.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::error::CommandResult;
use kora_core::slot::ShardId;
use kora_core::store::watch::Watched;
use kora_core::time::UnixMs;

use crate::desk::{Desk, DeskHandler};
use crate::engine::Engine;
use crate::front::{Front, Output, Style};
use crate::queue::Queue;
use crate::session::{Session, TimedReply, Wait};

/// Runs a command that is not on keys: writes one reply to [`Call::reply`], or refuses before writing any.
pub type Handler<F> = fn(&mut Call<'_, F>, &[&[u8]]) -> CommandResult;

/// See the module.
#[derive(Debug)]
pub struct Call<'a, F: Front> {
    /// The engine.
    pub engine: &'a Arc<Engine<F>>,
    /// Its front.
    pub front: &'a Arc<F>,
    /// The session that the command came through.
    pub session: &'a mut Session<F>,
    /// The worker it runs on.
    pub worker: ShardId,
    /// The time.
    pub now: UnixMs,
    /// What the worker has to do when the command has run.
    pub follow_up: Option<FollowUp<F>>,
}

/// What a command leaves to its worker, which has the shard.
#[derive(Debug)]
pub enum FollowUp<F: Front> {
    /// Begin to queue commands.
    Multi,
    /// Run these as a unit, and reply.
    Exec(Box<Queue<F>>),
    /// Watch the keys among the arguments, and reply.
    Watch,
    /// Have the shards forget these.
    Unwatch(Box<Watched>),
    /// Start all counts anew.
    ResetStats,
    /// Save, and end the engine.
    ShutDown,
    /// Have the session's wait end when a record of the log is durable, or, if that is not all it waits for, change what it
    /// will be told.
    WaitForLog {
        /// The record.
        record: u64,
        /// Whether that is all.
        is_all: bool,
    },
}

impl<F: Front> Call<'_, F> {
    /// Where the reply goes.
    pub fn reply(&mut self) -> <F::Output as Output<Style<F>>>::Sink<'_> {
        self.session.reply()
    }

    /// Runs a command that needs no session.
    ///
    /// # Errors
    /// As the command does.
    pub fn at_desk(&mut self, args: &[&[u8]], handler: DeskHandler<F>) -> CommandResult {
        let desk = Desk { engine: self.engine, front: &**self.front, now: self.now };
        handler(desk, args, &mut self.session.reply())
    }

    /// Replies at once if no replica is asked for, or as part of EXEC; else the time-out is waited for, since there are none.
    pub fn wait_for_replicas(&mut self, replicas: i64, until: Option<UnixMs>, reply: TimedReply) {
        if replicas <= 0 || self.session.is_executing {
            reply.write(&mut self.session.reply());
            return;
        }
        let client = &self.session.client;
        client.set_blocked(true);
        client.is_unblockable.store(true, Ordering::Release);
        self.session.wait = Wait::Until(until, reply);
    }
}
