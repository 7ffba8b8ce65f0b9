//! Every transcript, replayed on Kora: on one shard in this process, and on servers of one and of four workers.

use kora_server::Server;
use kora_server::config::command_line::{Invocation, read};
use kora_testkit::process::free_port;
use kora_testkit::session::{Report, replay};
use kora_testkit::target::shard::ShardTarget;
use kora_testkit::target::tcp::TcpTarget;
use kora_testkit::target::{Resp, Target};
use kora_testkit::transcript::{Transcript, transcripts_dir};

/// Replays every transcript on a target of its own, in both protocols.
fn check<T: Target>(mut target: impl FnMut() -> T) {
    let transcripts = Transcript::load_all(&transcripts_dir()).expect("the transcripts are well-formed");
    let mut report = Report::default();
    for transcript in transcripts.iter().filter(|transcript| !transcript.is_later()) {
        for resp in Resp::ALL {
            report.add(replay(transcript, &mut target(), resp));
        }
    }
    assert!(report.mismatches.is_empty(), "{report}");
    assert!(report.compared > 1000, "{report}");
}

#[test]
fn bare_shard() {
    check(ShardTarget::default);
}

#[test]
fn one_worker() {
    check_server(1);
}

#[test]
fn four_workers() {
    check_server(4);
}

fn check_server(workers: u16) {
    let (workers, port) = (workers.to_string(), free_port().expect("a port is free").to_string());
    let dir = tempfile::tempdir().expect("a folder for snapshots");
    let dir = dir.path().to_str().expect("its name is text");
    let args = ["--port", &port, "--bind", "127.0.0.1", "--dir", dir];
    let args = [&args[..], &["--enable-debug-command", "yes", "--workers", &workers]].concat();
    let Ok(Invocation::Run(loaded)) = read(&args, &mut std::io::empty()) else {
        panic!("the options are well-formed");
    };
    let server = Server::start(loaded.config, None).expect("a port is free");
    let target = TcpTarget::new(&server.addresses()[0].to_string()).expect("the server has an address");
    check(|| target.clone());
}
