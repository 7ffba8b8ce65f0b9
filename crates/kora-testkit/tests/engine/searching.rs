//! A fixed slice of the random queries. `cargo xtask differential --search` runs the long one.

use kora_testkit::searching::{Options, Tally, search};

/// Each kind of situation must occur: else nothing is proved about it.
fn search_all(seeds: std::ops::Range<u64>, options: &Options) {
    let mut total = Tally::default();
    let mut differences = String::new();
    for seed in seeds {
        match search(seed, options) {
            Ok(tally) => total = total.plus(tally),
            Err(difference) => differences += &format!("{difference}\n"),
        }
    }
    assert!(differences.is_empty(), "{options:?}: {differences}");
    let Tally { aside, building, within, found, kills, .. } = total;
    assert!(found > total.queries, "{total:?}");
    assert!([aside, building, within, kills].iter().all(|count| *count > 0), "{total:?}");
}

#[test]
fn queries_find_what_the_keys_hold_with_one_worker() {
    search_all(0..16, &Options { worker_count: 1, shard_count: 1, query_count: 400 });
}

#[test]
fn queries_find_what_the_keys_hold_with_four_workers() {
    search_all(0..16, &Options { worker_count: 4, shard_count: 6, query_count: 400 });
}
