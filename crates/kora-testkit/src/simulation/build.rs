//! The engine that is simulated, built as for a program, but for its clock, its wakers and its effects' way.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kora_core::config::{EvictionConfig, EvictionOrder, EvictionScope};
use kora_core::entry::data_type::Extensions;
use kora_core::journal::{Effect, effects_of};
use kora_core::shard::hub::Wake;
use kora_core::shard::runner::Shard;
use kora_engine::assembly::{self, Assembly, assemble};
use kora_engine::front::Workers;
use kora_engine::front::probe::BYTES_PER_KEY;
use kora_engine::persistence::Drive;
use kora_engine::settings::Settings;
use kora_engine::turn::Turn;
use kora_storage::disk::RealDisk;
use kora_stream::record::RecordBuilder;

use super::front::{Bell, OWN_COMMANDS, SimulationFront};
use super::worker::{State, Worker};
use super::{START, model};

/// An engine and its workers, whose effects go to `effects`. In some simulations memory is short.
pub(super) fn build(
    seed: u64,
    shard_count: u16,
    clock: &Arc<AtomicI64>,
    effects: &Arc<Mutex<Vec<Effect>>>,
) -> (Assembly<SimulationFront>, Vec<Worker>) {
    let bells: Vec<_> = (0..shard_count).map(|_| Bell::default()).collect();
    let mut assembly = assemble(assembly::Options {
        settings: settings(seed),
        wakers: bells.iter().map(|bell| Box::new(bell.clone()) as Box<dyn Wake>).collect(),
        seed,
        started: START,
        disk: Arc::new(RealDisk),
        drive: Drive::Thread { begin: Instant::now(), entropy: || Ok(0) },
        extensions: Extensions::default(),
        shard_families: &[],
        families: &[OWN_COMMANDS],
        script_bytes_max: None,
    })
    .expect("an engine without a disk asks the system for nothing");
    let elapsed = Arc::clone(clock);
    let front = Arc::new(SimulationFront::new(move || {
        Duration::from_millis(elapsed.load(Ordering::Relaxed).unsigned_abs())
    }));
    let services = Arc::new(std::mem::take(&mut assembly.services).with(Arc::clone(&front)));
    let is_recording = Arc::new(AtomicBool::new(true));
    let worker = |(mut shard, bell): (Shard<Workers<SimulationFront>>, Bell)| {
        shard.set_services(Arc::clone(&services));
        let mut turn = Turn::new(shard, Arc::clone(&assembly.engine), Arc::clone(&front), START);
        let effects = Arc::clone(effects);
        turn.shard().journal().share_recording(Arc::clone(&is_recording));
        turn.shard().set_effect_sink(Box::new(move |record: &RecordBuilder| {
            effects.lock().expect("one thread").extend(effects_of(record.bytes()));
        }));
        Worker { turn, bell, state: State::Awake }
    };
    let workers = std::mem::take(&mut assembly.shards).into_iter().zip(bells).map(worker).collect();
    (assembly, workers)
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
    Settings { core, max_memory: keys_max * BYTES_PER_KEY, ..Settings::default() }
}
