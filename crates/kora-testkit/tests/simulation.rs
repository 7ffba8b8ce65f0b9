//! A fixed slice of the seeded simulation, and the proof that it would notice. `cargo xtask sim` runs the long one.
#![expect(clippy::print_stdout, reason = "what a test did is shown when it fails, or on request")]

use kora_testkit::simulation::{Options, Rule, Tally, simulate};

fn simulate_all(seeds: std::ops::Range<u64>, options: &Options) {
    let mut total = Tally::default();
    for seed in seeds {
        match simulate(seed, options) {
            Ok(tally) => total = total.plus(tally),
            Err(anomaly) => panic!("{options:?}, {anomaly}"),
        }
    }
    println!("{options:?}: {total:?}");
}

#[test]
fn four_workers_are_strictly_serialisable() {
    simulate_all(0..1500, &Options::default());
}

#[test]
fn fewer_workers_are_strictly_serialisable() {
    for (worker_count, shard_count) in [(1, 1), (1, 3), (2, 2), (2, 5), (3, 3)] {
        simulate_all(0..200, &Options { worker_count, shard_count, ..Options::default() });
    }
}

/// A push to a key of one shard met a waiter that another shard had promised to serve, and had not submitted that yet: who came
/// later took the element.
#[test]
fn nobody_overtakes_behind_a_promise_of_another_shard() {
    simulate_all(58_725..58_726, &Options::default());
}

/// A script that may be killed, and kills: each of them happens in these seeds.
#[test]
fn scripts_take_long_and_are_killed() {
    let tallies = (0..300).map(|seed| simulate(seed, &Options::default()).expect("these are explained"));
    let total = tallies.fold(Tally::default(), Tally::plus);
    println!("{total:?}");
    assert!(total.long_scripts > 300 && total.kills > 20 && total.refusals > 1500, "{total:?}");
    assert!(total.moves > 1000, "{total:?}");
}

/// KEYS is refused because a script takes long; it has begun on a shard, where it has deleted a key that had expired.
#[test]
fn a_refused_command_has_looked_at_keys() {
    simulate_all(22_331..22_332, &Options::default());
}

/// Seeds within which a broken rule must be noticed. It is one seed in 200 in which a script is killed, writes all the same, and somebody
/// sees that.
fn seeds_max(rule: Rule) -> u64 {
    if rule == Rule::KilledWritesNothing { 2000 } else { 200 }
}

/// Each broken rule must be noticed within a few seeds: else the simulation would prove nothing. Stamps that are too low show where
/// the stream is cut, which `stream_order` looks at.
#[test]
fn broken_rules_are_noticed() {
    // Clients that keep copies are not part of it.
    let known = |rule: &Rule| *rule != Rule::ReceiveNotes && !Rule::OF_COPIES.contains(rule);
    for rule in Rule::ALL.into_iter().filter(known) {
        let options = Options { broken: Some(rule), ..Options::default() };
        let noticed = (0..seeds_max(rule)).find_map(|seed| simulate(seed, &options).err());
        let anomaly = noticed.unwrap_or_else(|| panic!("{rule:?} was not noticed"));
        let reason = anomaly.reason.lines().next().unwrap_or_default();
        println!("{rule:?}: seed {}: {reason}", anomaly.seed);
    }
}
