//! The commands of every transcript as transactions, with and without commands of the server's own among them: a server of
//! one worker and one of four answer the same.

use kora_server::Server;
use kora_server::config::command_line::{Invocation, read};
use kora_testkit::process::free_port;
use kora_testkit::session::Report;
use kora_testkit::target::Resp;
use kora_testkit::target::tcp::TcpTarget;
use kora_testkit::transcript::{Transcript, transcripts_dir};
use kora_testkit::wrapped::compare;

fn start(workers: &str) -> (Server, TcpTarget) {
    let port = free_port().expect("a port is free").to_string();
    let args = [
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--workers",
        workers,
        "--gather-connections",
        "no",
        "--save",
        "",
    ];
    let Ok(Invocation::Run(loaded)) = read(&args, &mut std::io::empty()) else {
        panic!("the options are well-formed");
    };
    let server = Server::start(loaded.config, None).expect("a port is free");
    let target = TcpTarget::new(&server.addresses()[0].to_string()).expect("the server has an address");
    (server, target)
}

#[test]
fn transactions_do_not_depend_on_the_number_of_workers() {
    let ((_one, mut one), (_four, mut four)) = (start("1"), start("4"));
    let transcripts = Transcript::load_all(&transcripts_dir()).expect("the transcripts are well-formed");
    let mut report = Report::default();
    for transcript in transcripts.iter().filter(|transcript| !transcript.is_later()) {
        for resp in Resp::ALL {
            let played = compare(transcript, [&mut one, &mut four], resp);
            report.add(played.unwrap_or_else(|error| panic!("{}: {error:#}", transcript.path.display())));
        }
    }
    assert!(report.mismatches.is_empty(), "{report}");
    assert!(report.compared > 5000, "{report}");
}
