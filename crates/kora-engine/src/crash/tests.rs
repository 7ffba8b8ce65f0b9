use std::collections::BTreeSet;

use kora_core::command::spec::Flags;
use kora_core::command::table::CommandTable;
use kora_core::shard::probe::Rule;

use super::*;
use crate::command::SHARD_FAMILIES;

#[test]
fn each_write_command_is_reproduced_by_its_effects() {
    let mut pool = Pool::default();
    let mut total = Tally::default();
    for seed in 0..600 {
        let outcome = run(&mut pool, seed, &[], false);
        total = total.plus(outcome.unwrap_or_else(|anomaly| panic!("{anomaly}")).0);
    }
    println!("{total}");
    assert!(total.evicted > 300, "{total}");
    let table = CommandTable::<()>::new(SHARD_FAMILIES, &[]);
    let writes =
        table.all().iter().map(|command| command.facts).filter(|facts| facts.flags.has(Flags::WRITE));
    let missing: BTreeSet<&str> =
        writes.map(|facts| facts.name).filter(|name| !total.changed.contains(name)).collect();
    assert_eq!(missing, BTreeSet::new(), "no change was made with these");
}

#[test]
fn every_fault_at_some_calls_and_every_end_at_all() {
    let mut pool = Pool::default();
    let mut total = Tally::default();
    for seed in 0..6 {
        total = total.plus(run_everywhere(&mut pool, seed, 9).unwrap_or_else(|anomaly| panic!("{anomaly}")));
    }
    println!("{total}");
    let Tally { snapshots, failures, healed, retried, shortened, .. } = total;
    assert!(total.states > 1500, "{total}");
    for count in [snapshots, failures, healed, retried, shortened] {
        assert!(count > 3, "{total}");
    }
}

#[test]
fn a_flipped_byte_is_noticed_or_makes_no_difference() {
    let mut pool = Pool::default();
    for (flips, name, has_unsynced) in [
        (flip_log(&mut pool, 1, 61), "log", false),
        (flip_idle_log(&mut pool, 2, 61), "log after some idle time", true),
        (flip_snapshot(&mut pool, 3, 331), "snapshot", false),
    ] {
        let flips = flips.unwrap_or_else(|what| panic!("{what}"));
        println!("{name}: {flips:?}");
        assert!(flips.bytes >= 64 * 1024 && flips.refused > flips.same + flips.cut, "{flips:?}");
        assert_eq!(flips.cut > 0, has_unsynced, "{flips:?}");
    }
}

/// Rules of a turn and of its shard that the test must find broken within a few seeds: else it would prove nothing.
#[test]
fn broken_rules_are_noticed() {
    for rule in [Rule::HandOverFirst, Rule::EvictionRecorded] {
        set_broken(Some(rule));
        let mut pool = Pool::default();
        let noticed = (0..100).find_map(|seed| run(&mut pool, seed, &[], false).err());
        set_broken(None);
        let anomaly = noticed.unwrap_or_else(|| panic!("{rule:?} was not noticed"));
        println!("{rule:?}: seed {}", anomaly.seed);
    }
}
