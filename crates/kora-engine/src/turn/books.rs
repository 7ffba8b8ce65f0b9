//! The books a worker keeps.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::shard::executor::StatsSink;

use super::Turn;
use crate::counters::add;
use crate::engine::Engine;
use crate::front::Front;

/// Shows to everyone what stores count.
pub(super) fn showing<F: Front>(engine: &Arc<Engine<F>>) -> StatsSink {
    let engine = Arc::clone(engine);
    Box::new(move |store| {
        let counters = engine.counters.of_shard(store.id());
        counters.show(store);
        if engine.has_limit.load(Ordering::Relaxed) {
            counters.evictable.store(store.evictable() as u64, Ordering::Relaxed);
        }
    })
}

impl<F: Front> Turn<F> {
    /// Counts the commands executed since the last account. How long they took is noted where they ran: see [`super::meter`].
    pub(super) fn account(&mut self) {
        let count = self.scratch.executed.len() as u64;
        if count == 0 {
            return;
        }
        let counters = self.engine.counters.of(self.executor.worker());
        for id in self.scratch.executed.drain(..) {
            add(&counters.commands[usize::from(id)].calls, 1);
        }
        add(&counters.commands_processed, count);
    }

    /// Counts a command whose reply is an error.
    #[cold]
    pub(super) fn count_failure(&mut self, id: u16, text: &[u8]) {
        if self.engine.table.get(usize::from(id)).facts.errs_on_demand {
            return;
        }
        add(&self.counters().commands[usize::from(id)].failed, 1);
        self.count_error_text(text);
    }

    /// Counts a command that was refused before it ran.
    #[cold]
    pub(super) fn count_rejection(&mut self, id: u16, text: &[u8]) {
        add(&self.counters().commands[usize::from(id)].rejected, 1);
        self.count_error_text(text);
    }

    /// Counts an error reply by its prefix.
    pub(super) fn count_error_text(&mut self, text: &[u8]) {
        let end = text.iter().position(|byte| b" \r\n".contains(byte)).unwrap_or(text.len());
        self.count_error(&kora_core::text::of(&text[..end]));
    }

    /// Counts an error reply of this prefix.
    pub fn count_error(&mut self, prefix: &str) {
        self.counters().count_error(prefix, 1);
    }

    /// CONFIG RESETSTAT came through one of this worker's sessions: what it did before counts no more, whatever other
    /// workers are doing.
    pub(super) fn reset_all_stats(&mut self) {
        self.engine.reset_stats();
        self.front.reset_stats();
        self.executor.journal().read_time();
        self.scratch.executed.clear();
        self.counters().reset();
        // What is in hand is not taken anew, which is when the others learn of it.
        self.executor.configure();
        self.publish_counters();
    }

    /// Shows this round's counts to the other workers.
    pub fn publish_counters(&mut self) {
        let changes = self.executor.take_changes();
        let counters = self.counters();
        add(&counters.changes, changes);
        counters.timed_waits.store(self.deadlines.len() as u64, Ordering::Relaxed);
        self.executor.publish_usage();
    }
}
