use super::*;

#[test]
fn every_fault_at_every_call() {
    let mut total = Tally::default();
    for seed in 0..3 {
        total = total.plus(run_everywhere(seed, 1).unwrap_or_else(|anomaly| panic!("{anomaly}")));
    }
    println!("{total}");
    assert!(total.runs > 3000 && total.torn > 100 && total.retried > 100, "{total}");
}

#[test]
fn a_power_cut_while_the_next_process_starts() {
    let mut total = Tally::default();
    for seed in 0..8 {
        total = total.plus(run_in_pairs(seed, 5).unwrap_or_else(|anomaly| panic!("{anomaly}")));
    }
    println!("{total}");
    assert!(total.retried > 1000, "{total}");
}

#[test]
fn several_faults_anywhere() {
    let mut total = Tally::default();
    for seed in 0..3000 {
        total = total.plus(run_anyhow(seed).unwrap_or_else(|anomaly| panic!("{anomaly}")));
    }
    println!("{total}");
    let Tally { snapshots, failures, healed, torn, incomplete, discarded, .. } = total;
    for count in [snapshots, failures, healed, torn, incomplete, discarded] {
        assert!(count > 50, "{total}");
    }
}

#[test]
fn what_was_durable_is_refused_whatever_byte_changes() {
    let mut total = Flips::default();
    for seed in 0..60 {
        total = total.plus(flips(seed, 5).unwrap_or_else(|anomaly| panic!("{anomaly}")));
    }
    println!("{total:?}");
    for count in [total.refused, total.same, total.cut, total.ends, total.refused_ends] {
        assert!(count > 100, "{total:?}");
    }
    assert!(total.traced > 10, "{total:?}");
}
