//! Every transcript, replayed over TCP on the program, with one worker and with four, in RESP2 and in RESP3.
//!
//! kora-testkit replays them in its own process too, where debug assertions watch.

use kora_testkit::process::Server;
use kora_testkit::session::{Report, replay};
use kora_testkit::subject::program_under_test;
use kora_testkit::target::Resp;
use kora_testkit::transcript::{Transcript, transcripts_dir};

fn check(workers: &str, resp: Resp) {
    let program = program_under_test(env!("CARGO_BIN_EXE_kora-server"));
    let server = Server::start(program, &["--workers", workers]).expect("the program starts");
    let transcripts = Transcript::load_all(&transcripts_dir()).expect("the transcripts are well-formed");
    let mut report = Report::default();
    for transcript in transcripts.iter().filter(|transcript| !transcript.is_later()) {
        let mut target = server.target().expect("the server has an address");
        report.add(replay(transcript, &mut target, resp));
    }
    assert!(report.mismatches.is_empty(), "{report}");
    assert!(report.compared > 1000, "{report}");
    assert_eq!(report.skipped, 0, "the program has every command: {report}");
}

#[test]
fn one_worker_in_resp2() {
    check("1", Resp::V2);
}

#[test]
fn one_worker_in_resp3() {
    check("1", Resp::V3);
}

#[test]
fn four_workers_in_resp2() {
    check("4", Resp::V2);
}

#[test]
fn four_workers_in_resp3() {
    check("4", Resp::V3);
}
