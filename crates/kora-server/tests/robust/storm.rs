//! A short storm of random commands, always the same: see [`kora_testkit::storm`].

use std::time::Duration;

use kora_testkit::storm::{self, Options};
use kora_testkit::subject::program_under_test;

use crate::size;

#[test]
fn the_server_lives_through_a_storm() {
    let program = program_under_test(env!("CARGO_BIN_EXE_kora-server"));
    for workers in [1, 4] {
        let time = Duration::from_secs(size(60, 600));
        let options = Options { program, workers, seed: 20, epochs: size(1, 100), time };
        let tally = storm::run(&options, &mut |_| {}).unwrap_or_else(|violation| panic!("{violation:#}"));
        println!("{workers} workers: {tally}");
        assert!(tally.replies > tally.sent / 2 && tally.errors < tally.replies, "{tally}");
    }
}
