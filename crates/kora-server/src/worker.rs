//! A worker: one thread with one poller, one shard, and the connections assigned to it.
//!
//! Each round it waits for readiness or mail, takes the time once, runs what has arrived (mail first, then each ready
//! connection once), hands the round's effects over and only then sends replies. No round blocks on another worker.

mod accept;
mod batch;
mod busy;
mod cron;
mod execute;
mod expiry;
mod finish;
mod flush;
mod mail;
mod meter;
mod persist;
mod publish;
mod room;
mod thrift;
mod transaction;
mod wait;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kora_core::shard::runner::Shard;
use kora_core::time::UnixMs;
use kora_protocol::Limits;

use crate::client::add;
use crate::config::Config;
use crate::connection::{BUFFER_BYTES_KEPT, Connection, OUTPUT_HIGH_WATER_BYTES, Received, Wait};
use crate::driver::ServerDriver;
use crate::net::{Listener, Poller, Ready};
use crate::shared::{PauseMode, Shared, WorkerCounters};
use crate::transaction::Queue;
use accept::Listening;
use batch::Batch;
use execute::Resolved;
pub(crate) use expiry::ExpiryCounters;
use expiry::Sweeping;
use persist::{Held, LogWait};
pub(crate) use thrift::note_memory;
use transaction::HaltedExec;
use wait::Deadlines;

/// Bytes read at once into the worker's buffer.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// Empty output buffers kept for the next replies.
const SPARE_BUFFERS_MAX: usize = 256;

/// Tokens from here on are listeners'; smaller ones are places of connections.
const LISTENER_TOKENS: usize = 1 << 48;

/// A worker: see the module.
pub(crate) struct Worker {
    shard: Shard<ServerDriver>,
    shared: Arc<Shared>,
    poller: Poller,
    ready: Vec<Ready>,
    listening: Listening,
    connections: Vec<Option<Box<Connection>>>,
    free_slots: Vec<usize>,
    /// Connections with something to do.
    queue: Vec<usize>,
    /// Connections with something to send.
    dirty: Vec<usize>,
    /// When the connections give up that wait for something no longer than that.
    deadlines: Deadlines,
    /// Connections that wait for the end of a pause.
    paused: Vec<usize>,
    config: Arc<Config>,
    config_version: u64,
    limits: Limits,
    clock: fn() -> UnixMs,
    now: UnixMs,
    pause: Option<PauseMode>,
    /// Some script takes long.
    is_busy: bool,
    /// The number of the last that did when those were told who waited, while it does.
    busy_number: Option<u64>,
    /// The data are being loaded.
    is_loading: bool,
    /// What writes do could not be kept.
    refuses_writes: bool,
    /// What replies tell of is noted: they may have to wait for the log.
    notes_replies: bool,
    tidings: persist::Tidings,
    /// When a round last had something to do for clients.
    worked: Instant,
    /// Slices of a snapshot since the last pause.
    slices: u32,
    /// Replies that wait for the log.
    held: Held,
    /// Connections that wait until records of the log are durable.
    log_waits: Vec<LogWait>,
    /// Some worker has so much to deliver that those who publish have to wait.
    holds_publishers: bool,
    /// The memory limit is exceeded, and the next round goes on evicting.
    owes_room: bool,
    read_buffer: Vec<u8>,
    spare_buffers: Vec<Vec<u8>>,
    /// For the next MULTI.
    spare_queue: Option<Box<Queue>>,
    /// The EXEC that waits for a command of it that has paused.
    halted_exec: Option<Box<HaltedExec>>,
    /// Transactions submitted whose stores will be brought here.
    driven_to_come: usize,
    batch: Batch,
    resolved: Vec<Option<Resolved>>,
    hashes: Vec<u64>,
    /// Places in the command table of what ran since the last account.
    executed: Vec<u16>,
    sweeping: Sweeping,
    /// When this round began: what goes by the clock goes by this, so that a round reads the clock once.
    round_begun: Instant,
    next_cron: Instant,
    cron_round: u64,
    /// When rates were last measured, and the counts then.
    rates_since: (Instant, [u64; 5]),
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Worker {
    pub(crate) fn new(
        mut shard: Shard<ServerDriver>,
        shared: Arc<Shared>,
        poller: Poller,
        listeners: Vec<Listener>,
        clock: fn() -> UnixMs,
    ) -> std::io::Result<Self> {
        let config = shared.config();
        let owner = Arc::clone(&shared);
        let settings = Arc::clone(&shared);
        shard.set_config_source(Box::new(move |store| settings.configure_store(store)));
        shard.set_garbage_sink(Box::new(move |garbage| owner.reclaimer.free(garbage)));
        publish::connect(&mut shard, &shared);
        persist::connect(&mut shard, &shared);
        meter::connect(&mut shard, &shared);
        let mut worker = Self {
            shard,
            config_version: shared.config_version(),
            limits: Limits::new(config.max_bulk.0),
            config,
            tidings: persist::Tidings::new(&shared.table),
            shared,
            poller,
            ready: Vec::new(),
            listening: Listening::default(),
            connections: Vec::new(),
            free_slots: Vec::new(),
            queue: Vec::new(),
            dirty: Vec::new(),
            deadlines: Deadlines::default(),
            paused: Vec::new(),
            now: clock(),
            clock,
            pause: None,
            is_busy: false,
            busy_number: None,
            is_loading: false,
            refuses_writes: false,
            notes_replies: false,
            worked: Instant::now(),
            slices: 0,
            held: Held::default(),
            log_waits: Vec::new(),
            holds_publishers: false,
            owes_room: false,
            read_buffer: vec![0; READ_BYTES],
            spare_buffers: Vec::new(),
            spare_queue: None,
            halted_exec: None,
            driven_to_come: 0,
            batch: Batch::default(),
            resolved: Vec::new(),
            hashes: Vec::new(),
            executed: Vec::new(),
            sweeping: Sweeping::default(),
            round_begun: Instant::now(),
            next_cron: Instant::now(),
            cron_round: 0,
            rates_since: (Instant::now(), [0; 5]),
        };
        worker.listen(listeners)?;
        Ok(worker)
    }

    /// Serves until the server ends.
    pub(crate) fn run(mut self) -> std::io::Result<()> {
        crate::command::scripting::set_worker(self.shard.id());
        let thread_id = rustix::thread::gettid().as_raw_nonzero().get();
        self.counters().thread_id.store(thread_id, std::sync::atomic::Ordering::Relaxed);
        while !self.shared.is_ending() {
            self.round()?;
        }
        self.finish();
        Ok(())
    }

    fn round(&mut self) -> std::io::Result<()> {
        let until_slice = self.snapshot_some();
        let is_idle = self.queue.is_empty()
            && !self.owes_room
            && self.shard.park()
            && !self.has_publications()
            && !self.may_release();
        let until_cron = self.next_cron.saturating_duration_since(self.round_begun).min(until_slice);
        let timeout = if is_idle {
            until_cron.min(self.deadlines.from(self.now)).min(self.until_sweep())
        } else {
            Duration::ZERO
        };
        add(&self.counters().round_ns, nanoseconds(self.round_begun.elapsed()));
        let mut ready = std::mem::take(&mut self.ready);
        let waited = self.poller.wait(timeout, &mut ready);
        self.shard.unpark();
        waited?;
        self.begin_round();
        add(&self.counters().rounds, 1);
        if !ready.is_empty() || !self.queue.is_empty() {
            self.worked = self.round_begun;
        }
        self.release();
        if !self.log_waits.is_empty() {
            self.end_log_waits();
        }
        ready.drain(..).for_each(|ready| self.note_ready(ready));
        self.ready = ready;
        self.read_mail();
        self.note_busy();
        for slot in std::mem::take(&mut self.queue) {
            self.serve(slot);
        }
        self.end_due_waits();
        self.read_mail();
        self.keep_room();
        self.publish_counters();
        self.shard.dispose();
        self.shard.hand_over();
        self.deliver(None);
        self.send_covered();
        self.spare_clients();
        self.sweep_expired();
        if self.round_begun >= self.next_cron {
            self.cron();
        }
        Ok(())
    }

    fn begin_round(&mut self) {
        self.now = (self.clock)();
        self.round_begun = Instant::now();
        self.notes_replies = self.shared.persistence.notes_replies();
        self.take_up_config();
        self.hold_publishers();
    }

    /// Takes up the configuration and the pause if they have changed.
    #[inline]
    fn take_up_config(&mut self) {
        if self.shared.config_version() != self.config_version {
            self.load_config();
        }
        let pause = self.shared.pause.at(self.now);
        if pause != self.pause {
            self.pause = pause;
            self.resume_paused();
        }
    }

    fn counters(&self) -> &WorkerCounters {
        &self.shared.counters[self.shard.id().index()]
    }

    fn note_ready(&mut self, ready: Ready) {
        if ready.token >= LISTENER_TOKENS {
            self.accept(ready.token - LISTENER_TOKENS);
            return;
        }
        let Some(Some(connection)) = self.connections.get_mut(ready.token) else { return };
        connection.is_writable |= ready.is_writable;
        connection.is_readable |= ready.is_readable;
        connection.has_ended |= ready.has_ended;
        // Who waits for keys and has left is not to be given any.
        let has_left = connection.waits_in_vain();
        connection.is_broken |= has_left;
        if ready.is_readable {
            self.enqueue(ready.token);
        }
        if ready.is_writable || has_left {
            self.note_dirty(ready.token);
        }
    }

    /// Puts a connection into the list of those with something to do.
    fn enqueue(&mut self, slot: usize) {
        if let Some(Some(connection)) = self.connections.get_mut(slot)
            && !std::mem::replace(&mut connection.is_queued, true)
        {
            self.queue.push(slot);
        }
    }

    /// Puts a connection into the list of those with something to send.
    fn note_dirty(&mut self, slot: usize) {
        if let Some(Some(connection)) = self.connections.get_mut(slot)
            && !std::mem::replace(&mut connection.is_dirty, true)
        {
            self.dirty.push(slot);
        }
    }

    /// Runs what one connection has sent: what it had in store, then one read.
    fn serve(&mut self, slot: usize) {
        let Some(mut connection) = self.connections.get_mut(slot).and_then(Option::take) else { return };
        connection.is_queued = false;
        connection.output.set_limit(self.output_limit(&connection).hard_bytes);
        if !connection.output.has_buffer()
            && let Some(buffer) = self.spare_buffers.pop()
        {
            connection.output.set_buffer(buffer);
        }
        let room = connection.output.room();
        if !connection.input.is_empty() {
            self.execute_stored(&mut connection);
        }
        if connection.may_run() && connection.is_readable {
            self.receive(&mut connection);
        }
        connection.is_broken |= connection.waits_in_vain();
        connection.publish(self.now);
        note_memory(&connection, self.counters());
        if connection.output.room() > room {
            add(&self.counters().reply_buffer_expands, 1);
        }
        let wants_more = connection.may_run() && connection.is_readable;
        self.connections[slot] = Some(connection);
        if wants_more {
            self.enqueue(slot);
        }
        self.note_dirty(slot);
    }

    fn execute_stored(&mut self, connection: &mut Connection) {
        let mut input = std::mem::take(&mut connection.input);
        let used = self.execute(connection, &input);
        input.drain(..used);
        if input.is_empty() && input.capacity() > BUFFER_BYTES_KEPT {
            input = Vec::new();
        }
        connection.input = input;
    }

    fn receive(&mut self, connection: &mut Connection) {
        let received = if connection.input.is_empty() {
            let mut buffer = std::mem::take(&mut self.read_buffer);
            let received = connection.receive(&mut buffer);
            if let Received::Bytes(count) = received {
                let used = self.execute(connection, &buffer[..count]);
                connection.input.extend_from_slice(&buffer[used..count]);
            }
            self.read_buffer = buffer;
            received
        } else {
            let received = connection.receive_more();
            if let Received::Bytes(_) = received {
                self.execute_stored(connection);
            }
            received
        };
        match received {
            Received::Bytes(count) => {
                let counters = self.counters();
                counters.buffer_peaks.note_input(count);
                add(&counters.bytes_in, count as u64);
                add(&counters.reads, 1);
            }
            Received::Nothing => {}
            Received::End => connection.is_broken = true,
        }
        if (connection.input.len() + connection.queued_bytes()) as u64 > self.config.query_buffer_limit.0 {
            add(&self.counters().query_limit_disconnections, 1);
            tracing::warn!(
                client = connection.client.id.0,
                "query buffer limit reached: closing the connection"
            );
            connection.is_broken = true;
        }
    }

    /// Sends what this round's commands replied.
    fn send_all(&mut self) {
        for slot in std::mem::take(&mut self.dirty) {
            self.send(slot);
        }
    }

    fn send(&mut self, slot: usize) {
        let Some(Some(connection)) = self.connections.get_mut(slot) else { return };
        connection.is_dirty = false;
        let has_pushes = std::mem::take(&mut connection.has_pushes);
        if !has_pushes
            && matches!(connection.wait, Wait::Operation(_))
            && !connection.is_blocked()
            && connection.is_calm()
        {
            // The replies of the operation will go out with those before it, in one system call.
            connection.note_released();
            return;
        }
        let count = connection.send();
        let is_sent = connection.unsent_bytes() == 0;
        if is_sent {
            let buffer = connection.output.take_buffer();
            if buffer.capacity() <= BUFFER_BYTES_KEPT && self.spare_buffers.len() < SPARE_BUFFERS_MAX {
                self.spare_buffers.push(buffer);
            } else if buffer.capacity() > BUFFER_BYTES_KEPT {
                add(&self.shared.counters[self.shard.id().index()].reply_buffer_shrinks, 1);
            }
        }
        connection.publish_sent();
        note_memory(connection, &self.shared.counters[self.shard.id().index()]);
        let is_over = connection.is_broken || (connection.is_closing && is_sent);
        let is_released = connection.unsent_bytes() < OUTPUT_HIGH_WATER_BYTES
            && matches!(connection.wait, Wait::Nothing)
            && (connection.is_readable || !connection.input.is_empty())
            && count > 0;
        if count > 0 {
            let counters = self.counters();
            add(&counters.bytes_out, count as u64);
            add(&counters.writes, 1);
        }
        if is_over || self.is_over_output_limit(slot) {
            self.close(slot);
        } else if is_released {
            self.enqueue(slot);
        }
    }
}
