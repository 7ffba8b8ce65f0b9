//! The engine that is simulated, built as for a program, but for its clock, its wakers and its effects' way.

use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex};

use kora_core::config::{EvictionConfig, EvictionOrder, EvictionScope};
use kora_core::journal::{Effect, effects_of};
use kora_core::shard::hub::Wake;
use kora_engine::engine::Engine;
use kora_engine::front::probe::BYTES_PER_KEY;
use kora_engine::settings::Settings;
use kora_engine::turn::Turn;
use kora_script::Seat;
use kora_search::Pace;
use kora_stream::record::RecordBuilder;

use super::front::{Bell, OWN_COMMANDS, SimulationFront};
use super::model;
use super::pausing::{BUSY_MS, looks};
use super::worker::{State, Worker};
use crate::stepped::{self, Setup};

/// An engine and its workers, whose effects go to `effects`. In some simulations memory is short.
pub(super) fn build(
    seed: u64,
    (worker_count, shard_count): (u16, u16),
    clock: &Arc<AtomicI64>,
    effects: &Arc<Mutex<Vec<Effect>>>,
) -> (Arc<Engine<SimulationFront>>, Vec<Worker>) {
    let bells: Vec<_> = (0..worker_count).map(|_| Bell::default()).collect();
    let (engine, turns) = stepped::build(Setup {
        settings: settings(seed),
        wakers: bells.iter().map(|bell| Box::new(bell.clone()) as Box<dyn Wake>).collect(),
        shard_count,
        seed,
        clock: Arc::clone(clock),
        families: &[OWN_COMMANDS],
        script_looks: looks(seed, clock),
        pace: Pace::default(),
        search_clock: None,
    });
    let is_recording = Arc::new(AtomicBool::new(true));
    let worker = |(mut turn, bell): (Turn<SimulationFront>, Bell)| {
        let seat = Seat::new(turn.id().index());
        let effects = Arc::clone(effects);
        turn.executor().set_up_journals(|journal| journal.share_recording(Arc::clone(&is_recording)));
        turn.executor().set_effect_sink(Box::new(move |record: &RecordBuilder| {
            effects.lock().expect("one thread").extend(effects_of(record.bytes()));
        }));
        Worker { turn, bell, state: State::Awake, seat }
    };
    let workers = turns.into_iter().zip(bells).map(worker).collect();
    (engine, workers)
}

/// What the engine goes by.
fn settings(seed: u64) -> Settings {
    let mut core = model::config();
    let orders = [EvictionOrder::Lru, EvictionOrder::Lfu, EvictionOrder::Ttl, EvictionOrder::Random];
    let draw = |count: u64| usize::try_from(seed / 3 % count).expect("it is small");
    let order = orders[draw(4)];
    let scope = if draw(5) == 0 || order == EvictionOrder::Ttl {
        EvictionScope::Volatile
    } else {
        EvictionScope::AllKeys
    };
    core.eviction = EvictionConfig { scope, order, ..EvictionConfig::default() };
    let keys_max = if seed.is_multiple_of(3) { 5 + seed / 3 % 7 } else { 0 };
    Settings {
        core,
        max_memory: keys_max * BYTES_PER_KEY,
        busy_reply_threshold_ms: BUSY_MS,
        ..Settings::default()
    }
}
