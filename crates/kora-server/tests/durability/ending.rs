//! Servers ended under load: a slice of what `cargo xtask durability kill` does.

use kora_testkit::durability::{Ending, Options, run};

use kora_testkit::target::Connection as _;

use crate::{launch, line, program, text};

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

/// Without a log, the last snapshot has what was acknowledged: nothing is run behind it.
#[test]
fn everything_acknowledged_is_in_the_last_snapshot() {
    for (workers, ends_by_command) in [("1", false), ("4", false), ("4", true)] {
        let home = tempfile::tempdir().unwrap();
        let options = ["--appendonly", "no", "--save", "3600 1", "--workers", workers];
        let launch = launch(&home.path().join("data"), &options);
        let mut program = launch.start().unwrap();
        let acknowledged = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..6)
                .map(|number| {
                    let mut client = program.connect().unwrap();
                    scope.spawn(move || {
                        let requests = ["INCR", &format!("counter:{number}")].map(str::to_owned);
                        let words: Vec<&str> = requests.iter().map(String::as_str).collect();
                        let mut last = 0;
                        // Until the server closes the connection.
                        while (0..50).all(|_| client.send(&words_of(&words)).is_ok()) {
                            for _ in 0..50 {
                                match client.receive().ok().and_then(|reply| reply.number()) {
                                    Some(value) => last = value,
                                    None => return last,
                                }
                            }
                        }
                        last
                    })
                })
                .collect();
            std::thread::sleep(std::time::Duration::from_millis(300));
            if ends_by_command {
                // There is no reply but the end.
                let _ = program.connect().unwrap().call(&["SHUTDOWN"]);
                program.wait().unwrap();
            } else {
                program.terminate().unwrap();
            }
            clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<i64>>()
        });
        let again = launch.start().unwrap();
        let mut client = again.connect().unwrap();
        for (number, acknowledged) in acknowledged.into_iter().enumerate() {
            let kept = text(&line(&mut client, &format!("GET counter:{number}"))).parse::<i64>().unwrap_or(0);
            assert!(kept >= acknowledged, "{workers} workers: {kept} of {acknowledged} are left");
        }
    }
}

fn words_of(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// A log that was begun while the server ran counts only behind its first snapshot.
#[test]
fn a_log_without_its_first_snapshot_counts_for_nothing() {
    for workers in ["1", "4"] {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("data");
        let fixed = ["--save", "", "--workers", workers, "--enable-debug-command", "yes"];
        let first = launch(&dir, &[&fixed[..], &["--appendonly", "no"]].concat());
        let mut program = first.start().unwrap();
        let mut client = program.connect().unwrap();
        line(&mut client, "DEBUG POPULATE 200000");
        line(&mut client, "SET balance 1000");
        assert_eq!(text(&line(&mut client, "SAVE")), "OK");
        assert_eq!(text(&line(&mut client, "CONFIG SET appendonly yes")), "OK");
        for _ in 0..200 {
            line(&mut client, "INCR balance");
        }
        // The first snapshot may be there by then, or not.
        program.kill().unwrap();
        let again = launch(&dir, &[&fixed[..], &["--appendonly", "yes"]].concat()).start().unwrap();
        let mut client = again.connect().unwrap();
        let kept = text(&line(&mut client, "GET balance")).parse::<i64>().unwrap();
        assert!((1000..=1200).contains(&kept), "{workers} workers: {kept}");
        assert_eq!(line(&mut client, "DBSIZE").number(), Some(200_001), "{workers} workers");
    }
}
