//! How long commands run, noted with the worker that ran them: the sum over all workers is what INFO shows.
//!
//! A command that several shards run in parts is noted once for each part; its calls are counted where its client is.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::journal::meter::Meter;
use kora_core::shard::executor::Executor;
use kora_core::slot::WorkerId;

use crate::counters::{LONG_NS, add};
use crate::engine::Engine;
use crate::front::{Front, Workers};

/// Has an executor's commands timed.
pub(super) fn connect<F: Front>(executor: &mut Executor<Workers<F>>, engine: &Arc<Engine<F>>) {
    let (owner, here) = (Arc::clone(engine), executor.worker());
    let places: HashMap<&'static str, usize> =
        owner.table.all().iter().map(|command| (command.facts.name, command.id)).collect();
    let places = Arc::new(places);
    executor.set_up_journals(|journal| {
        let sink = sink(Arc::clone(&owner), here, Arc::clone(&places));
        journal.set_meter(Meter::new(F::nanoseconds, Box::new(sink)));
    });
}

/// Notes how long commands of a worker took.
fn sink<F: Front>(
    owner: Arc<Engine<F>>,
    here: WorkerId,
    places: Arc<HashMap<&'static str, usize>>,
) -> impl FnMut(&'static str, u64, u64) + Send {
    move |name: &'static str, nanoseconds: u64, calls: u64| {
        let Some(&place) = places.get(name) else { return };
        let here = owner.counters.of(here);
        if nanoseconds > LONG_NS {
            add(&here.long_commands, 1);
        }
        let counters = &here.commands[place];
        add(&counters.nanoseconds, nanoseconds.saturating_mul(calls));
        if owner.tracks_latency.load(Ordering::Relaxed) {
            counters.latency.note(nanoseconds, calls);
        }
    }
}
