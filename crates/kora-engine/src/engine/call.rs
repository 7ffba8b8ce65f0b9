//! What a command runs in that is about a session or the engine as a whole.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::error::CommandResult;
use kora_core::slot::ShardId;
use kora_core::store::watch::Watched;
use kora_core::time::UnixMs;

use super::{Engine, ServerCall, ServerHandler};
use crate::front::{Front, Output, Style};
use crate::queue::Queue;
use crate::session::{Session, TimedReply, Wait};

/// Runs a command about a session: writes one reply to [`Call::reply`], or refuses before writing any.
pub type SessionHandler<F> = fn(&mut Call<'_, F>, &[&[u8]]) -> CommandResult;

/// What runs a command that is not on keys.
pub enum Handler<F: Front> {
    /// It is about the session it comes through: scripts have none.
    Session(SessionHandler<F>),
    /// It is about the engine: scripts may call it, unless its flags say otherwise.
    Server(ServerHandler<F>),
    /// It is about the session it comes through; scripts call the second, which is about the engine alone.
    Either(SessionHandler<F>, ServerHandler<F>),
}

impl<F: Front> Clone for Handler<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Front> Copy for Handler<F> {}

impl<F: Front> fmt::Debug for Handler<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Session(_) => "Session",
            Self::Server(_) => "Server",
            Self::Either(..) => "Either",
        })
    }
}

impl<F: Front> Handler<F> {
    /// What runs the command when a script calls it, if anything does.
    #[must_use]
    pub fn in_script(self) -> Option<ServerHandler<F>> {
        match self {
            Self::Session(_) => None,
            Self::Server(handler) | Self::Either(_, handler) => Some(handler),
        }
    }

    /// Runs the command for a session.
    ///
    /// # Errors
    /// As the command does.
    pub(crate) fn run(self, call: &mut Call<'_, F>, args: &[&[u8]]) -> CommandResult {
        match self {
            Self::Session(handler) | Self::Either(handler, _) => handler(call, args),
            Self::Server(handler) => call.run_server(args, handler),
        }
    }
}

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
    /// Look after the session's wait for the log.
    WaitForLog,
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
    pub fn run_server(&mut self, args: &[&[u8]], handler: ServerHandler<F>) -> CommandResult {
        let call = ServerCall { engine: self.engine, front: &**self.front, now: self.now };
        handler(call, args, &mut self.session.reply())
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
