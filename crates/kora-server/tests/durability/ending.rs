//! Servers ended under load: a slice of what `cargo xtask durability kill` does.

use kora_testkit::durability::{Ending, Options, run};

use crate::{launch, line, program};

fn check(ending: Ending, fsync: &str, cycles: usize, life_ms_max: usize) {
    let options = Options {
        program: program().to_owned(),
        cycles,
        workers: 4,
        ending,
        fsync: fsync.to_owned(),
        clients: 6,
        seed: 1,
        life_ms_max,
    };
    let dir = tempfile::tempdir().unwrap();
    let totals = run(&options, dir.path(), &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(totals.acknowledged > 0, "nothing was put to the test");
}

#[test]
fn what_was_acknowledged_survives_kill_under_always() {
    check(Ending::Kill, "always", 4, 800);
}

#[test]
fn what_is_two_seconds_old_survives_kill_under_everysec() {
    check(Ending::Kill, "everysec", 2, 3000);
}

#[test]
fn everything_survives_sigterm() {
    check(Ending::Terminate, "everysec", 2, 500);
    check(Ending::Terminate, "no", 2, 500);
}

#[test]
fn a_snapshot_is_one_instant() {
    check(Ending::SaveAndKill, "no", 4, 500);
}

/// Wherever the expired ones stand in the file, the others are loaded.
#[test]
fn keys_that_expired_meanwhile_take_no_others_with_them() {
    let home = tempfile::tempdir().unwrap();
    let options = ["--appendonly", "no", "--save", "", "--workers", "1"];
    let launch = launch(&home.path().join("data"), &options);
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    for db in 0..16 {
        line(&mut client, &format!("SELECT {db}"));
        for number in 0..10 {
            line(&mut client, &format!("SET stays:{number} v"));
            line(&mut client, &format!("SET goes:{number} v PX 1500"));
        }
    }
    line(&mut client, "SAVE");
    program.kill().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1600));
    let again = launch.start().unwrap();
    let mut client = again.connect().unwrap();
    for db in 0..16 {
        line(&mut client, &format!("SELECT {db}"));
        assert_eq!(line(&mut client, "DBSIZE").number(), Some(10), "database {db}");
    }
}
