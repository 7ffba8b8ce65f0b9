//! The crash test of all commands with documents, searches and vectors: what indexes find is recovered, too. `cargo xtask crash --commands`
//! runs the long one.

use std::collections::BTreeSet;

use kora_core::command::spec::Flags;
use kora_engine::crash::{Pool, Tally, run, run_everywhere};
use kora_testkit::crash::COMPANY;

#[test]
fn indexes_are_reproduced_by_effects_and_found_after_a_crash() {
    let mut pool = Pool::with(COMPANY);
    let mut total = Tally::default();
    for seed in 0..250 {
        let outcome = run(&mut pool, seed, &[], false);
        total = total.plus(outcome.unwrap_or_else(|anomaly| panic!("{anomaly}")).0);
    }
    println!("{total}");
    let facts = COMPANY.families.iter().copied().flatten().map(|command| &command.facts);
    let writes = facts.filter(|facts| facts.flags.has(Flags::WRITE));
    let missing: BTreeSet<&str> =
        writes.map(|facts| facts.name).filter(|name| !total.changed.contains(name)).collect();
    assert_eq!(missing, BTreeSet::new(), "no change was made with these");
}

#[test]
fn indexes_survive_every_end_at_every_call() {
    let mut pool = Pool::with(COMPANY);
    let mut total = Tally::default();
    for seed in 0..3 {
        total = total.plus(run_everywhere(&mut pool, seed, 19).unwrap_or_else(|anomaly| panic!("{anomaly}")));
    }
    println!("{total}");
    assert!(total.states > 500 && total.snapshots > 1 && total.shortened > 1, "{total}");
}
