//! Every transcript, replayed on Kora: on one shard in this process, and on servers of one and of four workers.

use std::collections::BTreeSet;
use std::sync::Mutex;

use kora_server::Server;
use kora_server::config::command_line::{Invocation, read};
use kora_testkit::process::free_port;
use kora_testkit::session::{Report, replay};
use kora_testkit::target::shard::ShardTarget;
use kora_testkit::target::tcp::TcpTarget;
use kora_testkit::target::{Resp, Target};
use kora_testkit::transcript::{Action, Arg, Transcript, transcripts_dir};

/// The allocator of the program: its figures are what `maxmemory` is held against.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Servers of one process share what DEBUG QUICKLIST-PACKED-THRESHOLD sets: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Replays every transcript on a target of its own, in both protocols.
fn check<T: Target>(mut target: impl FnMut() -> T) {
    let _alone = ONE_AT_A_TIME.lock();
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
    with_server(workers, |target| check(|| target.clone()));
}

fn with_server(workers: u16, body: impl FnOnce(TcpTarget)) {
    let (workers, port) = (workers.to_string(), free_port().expect("a port is free").to_string());
    let dir = tempfile::tempdir().expect("a folder for snapshots");
    let dir = dir.path().to_str().expect("its name is text");
    let args = ["--port", &port, "--bind", "127.0.0.1", "--dir", dir];
    let args =
        [&args[..], &["--enable-debug-command", "yes", "--workers", &workers, "--gather-connections", "no"]]
            .concat();
    let Ok(Invocation::Run(loaded)) = read(&args, &mut std::io::empty()) else {
        panic!("the options are well-formed");
    };
    let server = Server::start(loaded.config, None).expect("a port is free");
    body(TcpTarget::new(&server.addresses()[0].to_string()).expect("the server has an address"));
}

/// Commands whose facts no real server of the versions recorded can tell, and why.
const FACTS_NOT_COMPARED: &[(&str, &str)] = &[
    ("hotkeys", "came with Redis 8.6"),
    ("hotkeys|get", "came with Redis 8.6"),
    ("hotkeys|help", "came with Redis 8.6"),
    ("hotkeys|reset", "came with Redis 8.6"),
    ("hotkeys|start", "came with Redis 8.6"),
    ("hotkeys|stop", "came with Redis 8.6"),
    ("script", "has SHOW, which is Valkey's"),
    ("script|show", "is Valkey's"),
    ("xackdel", "came with Redis 8.2"),
    ("xdelex", "came with Redis 8.2"),
];

/// Commands of modules whose facts are not compared, by how their names begin: vector sets and RedisJSON declare neither categories nor what becomes of keys, and one key for commands
/// that have several. See docs/documents.md. Nobody else has DOC and STATS.
const FACTS_OF_MODULES: [&str; 5] = ["doc.", "json.", "ft.", "stats.", "v"];

#[test]
fn the_facts_of_every_command_are_compared() {
    let transcripts = Transcript::load_all(&transcripts_dir()).expect("the transcripts are well-formed");
    let mut asked = BTreeSet::new();
    for step in transcripts.iter().filter(|transcript| !transcript.is_later()).flat_map(Transcript::steps) {
        if let Action::Command(args) = &step.action
            && let [Arg::Bytes(command), Arg::Bytes(info), names @ ..] = &args[..]
            && command.eq_ignore_ascii_case(b"command")
            && info.eq_ignore_ascii_case(b"info")
        {
            asked.extend(names.iter().map(|name| name.bytes(0).to_ascii_lowercase()));
        }
    }
    asked.extend(FACTS_NOT_COMPARED.iter().map(|(name, _)| name.as_bytes().to_vec()));
    with_server(1, |mut target| {
        let mut client = target.connect(Resp::V2).expect("the server takes connections");
        let list = client.call(&["COMMAND", "LIST"]).expect("the server replies");
        let missing: Vec<_> = list
            .items()
            .iter()
            .map(|name| String::from_utf8_lossy(name.bytes()).into_owned())
            .filter(|name| {
                !asked.contains(name.as_bytes())
                    && !FACTS_OF_MODULES.iter().any(|prefix| name.starts_with(prefix))
            })
            .collect();
        assert!(list.items().len() > 200 && missing.is_empty(), "no transcript asks for {missing:?}");
    });
}
