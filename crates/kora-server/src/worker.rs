//! A worker: one thread with one poller, the connections assigned to it, and its turn of the engine.
//!
//! Each round it waits for readiness or mail, takes the time once, runs what has arrived (mail first, then each ready
//! connection once), hands the round's effects over and only then sends replies. No round blocks on another worker.

mod accept;
mod batch;
mod client_memory;
mod cron;
mod end;
mod given;
mod handshakes;
mod load;
mod moves;
mod serve;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kora_core::shard::executor::Executor;
use kora_core::time::UnixMs;
use kora_engine::counters::add;
use kora_engine::front::Workers;
use kora_engine::turn::Turn;
use kora_protocol::Limits;

use crate::config::Config;
use crate::net::links::{self, LINK_TOKENS, Links};
use crate::net::{Listener, Poller, Ready};
use crate::shared::Shared;
use crate::shared::connection::close_after_output;
use crate::shared::mail::WorkerMail;
use crate::traffic::Traffic;
use accept::Listening;
use batch::Batch;
pub(crate) use client_memory::note_memory;
use cron::Cron;
use handshakes::Handshakes;
use load::Window;

/// Bytes read at once into the worker's buffer.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// Tokens from here to [`LINK_TOKENS`] are listeners'; smaller ones are places of connections.
const LISTENER_TOKENS: usize = 1 << 48;

/// A worker: see the module.
pub(crate) struct Worker {
    turn: Turn<Shared>,
    shared: Arc<Shared>,
    poller: Poller,
    ready: Vec<Ready>,
    listening: Listening,
    handshakes: Handshakes,
    config: Arc<Config>,
    config_version: u64,
    limits: Limits,
    clock: fn() -> UnixMs,
    read_buffer: Vec<u8>,
    batch: Batch,
    /// When this round began.
    round_begun: Instant,
    /// How many commands had run then.
    round_commands: u64,
    cron: Cron,
    window: Window,
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Worker {
    pub(crate) fn new(
        executor: Executor<Workers<Shared>>,
        shared: Arc<Shared>,
        poller: Poller,
        listeners: Vec<Listener>,
        clock: fn() -> UnixMs,
    ) -> std::io::Result<Self> {
        let config = shared.config();
        let mut worker = Self {
            turn: Turn::new(executor, Arc::clone(&shared.engine), Arc::clone(&shared), clock()),
            config_version: shared.config_version(),
            limits: Limits::new(config.max_bulk.0),
            config,
            shared,
            poller,
            ready: Vec::new(),
            listening: Listening::default(),
            handshakes: Handshakes::default(),
            clock,
            read_buffer: vec![0; READ_BYTES],
            batch: Batch::default(),
            round_begun: Instant::now(),
            round_commands: 0,
            cron: Cron::new(),
            window: Window::new(),
        };
        worker.load_config();
        worker.listen(listeners)?;
        Ok(worker)
    }

    /// Serves until the server ends.
    pub(crate) fn run(mut self) -> std::io::Result<()> {
        kora_engine::scripting::set_worker(self.turn.id());
        links::install(Links::new(&self.poller)?);
        let thread_id = rustix::thread::gettid().as_raw_nonzero().get();
        self.traffic().thread_id.store(thread_id, std::sync::atomic::Ordering::Relaxed);
        while !self.shared.engine.ending.is_on() {
            self.round()?;
        }
        self.finish();
        Ok(())
    }

    fn round(&mut self) -> std::io::Result<()> {
        let until_cron = self.cron.until_next(self.round_begun);
        let until_link = self.until_link();
        let mut timeout = self.turn.park().min(until_cron).min(until_link);
        if self.handshakes.are_due() {
            timeout = Duration::ZERO;
        }
        let lasted = nanoseconds(self.round_begun.elapsed());
        self.note_length(lasted);
        self.note_round(lasted);
        let mut ready = std::mem::take(&mut self.ready);
        let waited = self.poller.wait(timeout, &mut ready);
        self.turn.unpark();
        waited?;
        self.round_begun = Instant::now();
        self.begin_window();
        self.turn.begin_round((self.clock)(), !ready.is_empty());
        add(&self.traffic().rounds, 1);
        self.take_up_config();
        ready.drain(..).for_each(|ready| self.note_ready(ready));
        self.ready = ready;
        self.run_links();
        self.turn.read_mail();
        self.turn.note_busy();
        self.take_mail();
        for slot in self.turn.sessions.take_runnable() {
            self.serve(slot);
        }
        self.shake_hands();
        self.turn.finish_round();
        self.take_mail();
        for slot in self.turn.take_sendable() {
            self.send(slot);
        }
        self.spare_clients();
        self.balance();
        self.turn.sweep_expired();
        if self.cron.is_due(self.round_begun) {
            let begun = Instant::now();
            self.run_cron();
            add(&self.traffic().cron_ns, nanoseconds(begun.elapsed()));
        }
        // What was sent is free, and the next round may be far off.
        kora_engine::memory::tell_if_much();
        Ok(())
    }

    /// Notes how long a round took, and how many commands ran in it.
    #[inline]
    fn note_length(&mut self, ns: u64) {
        let executed = self.turn.counters().commands_processed.load(Ordering::Relaxed);
        // CONFIG RESETSTAT may have come between.
        let commands = executed.saturating_sub(self.round_commands);
        self.round_commands = executed;
        let traffic = self.traffic();
        add(&traffic.round_ns, ns);
        for (most, present) in [(&traffic.longest_round_ns, ns), (&traffic.most_round_commands, commands)] {
            if present > most.load(Ordering::Relaxed) {
                most.store(present, Ordering::Relaxed);
            }
        }
    }

    /// Does what is due with links. A command that waits for one goes on in this round.
    #[inline]
    fn run_links(&self) {
        let (now, traffic) = (self.round_begun, self.traffic());
        links::with(|links| {
            if !links.is_empty() {
                links.run(now);
            }
            // The last of them may have gone in an earlier round.
            let kept = links.kept_count() as u64;
            if traffic.kept_links.load(Ordering::Relaxed) != kept {
                traffic.kept_links.store(kept, Ordering::Relaxed);
            }
        });
    }

    /// How long it is until something is due with links.
    #[inline]
    fn until_link(&self) -> Duration {
        links::with(|links| links.until_next(self.round_begun)).unwrap_or(Duration::MAX)
    }

    /// Takes up the configuration if it has changed.
    #[inline]
    fn take_up_config(&mut self) {
        if self.shared.config_version() != self.config_version {
            self.load_config();
        }
    }

    fn load_config(&mut self) {
        self.config_version = self.shared.config_version();
        self.config = self.shared.config();
        self.limits = Limits::new(self.config.max_bulk.0);
        self.turn.buffers.set_message_limit(self.config.output_limits.pubsub.hard_bytes);
    }

    fn traffic(&self) -> &Traffic {
        &self.shared.traffic[self.turn.id().index()]
    }

    fn note_ready(&mut self, ready: Ready) {
        if ready.token >= LINK_TOKENS {
            let now = self.round_begun;
            links::with(|links| links.note_ready(ready, now));
            return;
        }
        if ready.token >= LISTENER_TOKENS {
            self.accept(ready.token - LISTENER_TOKENS);
            return;
        }
        let Some(session) = self.turn.sessions.get_mut(ready.token) else { return };
        session.link.transport.note(ready);
        session.has_ended |= ready.has_ended;
        // Who waits for keys and has left is not to be given any.
        let has_left = session.waits_in_vain();
        session.is_broken |= has_left;
        if ready.is_readable {
            self.turn.sessions.enqueue(ready.token);
        }
        if ready.is_writable || has_left {
            self.turn.sessions.note_dirty(ready.token);
        }
    }

    /// Does what other workers ask for.
    fn take_mail(&mut self) {
        for mail in self.turn.take_mail() {
            match mail {
                WorkerMail::Admit(transport, peer) => self.admit(transport, peer),
                WorkerMail::Adopt(transport, peer) => self.adopt(transport, &peer),
                WorkerMail::TakeOver(session) => self.take_over(session),
                WorkerMail::Kill(client) => {
                    let origin = client.origin();
                    let Some(session) = self.turn.sessions.of(origin) else {
                        self.forward(client, WorkerMail::Kill);
                        continue;
                    };
                    close_after_output(session);
                    // It need not have read what it was sent before.
                    session.is_broken = true;
                    self.turn.sessions.note_dirty(origin.slot);
                }
                WorkerMail::Evict(client) => self.evict_client(client),
                WorkerMail::Sleep(duration) => std::thread::sleep(duration),
                WorkerMail::Listen(change) => {
                    if let Err(error) = self.listen_on(change) {
                        tracing::error!("listening on the new addresses failed: {error}");
                    }
                }
            }
        }
    }
}
