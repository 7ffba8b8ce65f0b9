//! Every transcript, replayed over TCP on the program, with one worker and with four, in RESP2 and in RESP3.
//!
//! kora-testkit replays them in its own process too, where debug assertions watch.

use kora_testkit::process::Server;
use kora_testkit::session::{Report, replay};
use kora_testkit::subject::program_under_test;
use kora_testkit::target::Resp;
use kora_testkit::transcript::{Transcript, transcripts_dir};

/// Each transcript runs in one protocol and then in the other on the same server, as when it was recorded.
fn check(workers: &str) {
    let program = program_under_test(env!("CARGO_BIN_EXE_kora-server"));
    let server = Server::start(program, &["--workers", workers, "--gather-connections", "no"])
        .expect("the program starts");
    let transcripts = Transcript::load_all(&transcripts_dir()).expect("the transcripts are well-formed");
    let mut report = Report::default();
    for transcript in transcripts.iter().filter(|transcript| !transcript.is_later()) {
        for resp in [Resp::V2, Resp::V3] {
            let mut target = server.target().expect("the server has an address");
            report.add(replay(transcript, &mut target, resp));
        }
    }
    assert!(report.mismatches.is_empty(), "{report}");
    assert!(report.compared > 2000, "{report}");
    assert_eq!(report.skipped, 0, "the program has every command: {report}");
}

#[test]
fn one_worker() {
    check("1");
}

#[test]
fn four_workers() {
    check("4");
}
