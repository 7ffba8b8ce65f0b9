//! A slice of the history checker over the real server. `cargo xtask history` runs the long one.

use kora_server::Server;
use kora_server::config::command_line::{Invocation, read};
use kora_testkit::caching;
use kora_testkit::history::{Options, check};
use kora_testkit::process::free_port;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpTarget;

/// A server with so many workers, all of which serve connections.
fn start(workers: u16) -> (Server, String) {
    let port = free_port().expect("a port is free").to_string();
    let workers = workers.to_string();
    let args = ["--port", &port, "--bind", "127.0.0.1", "--workers", &workers, "--gather-connections", "no"];
    let Ok(Invocation::Run(loaded)) = read(&args, &mut std::io::empty()) else {
        panic!("the options are well-formed");
    };
    let server = Server::start(loaded.config, None).expect("the port is free");
    let address = server.addresses()[0].to_string();
    (server, address)
}

fn check_workers(workers: u16, command_count: u64) {
    let (_server, address) = start(workers);
    let options = Options { command_count, client_count: 8, seed: 1 };
    check(&address, &options).unwrap_or_else(|anomaly| panic!("{workers} workers: {anomaly}"));
    if workers > 1 {
        assert!(scripts_on_all_shards(&address) > 0, "no script asked for stores that it had not");
    }
}

/// Number of scripts that ran with all stores in hand.
fn scripts_on_all_shards(address: &str) -> i64 {
    let mut connection =
        TcpTarget::new(address).and_then(|target| target.open()).expect("the server listens");
    let info = connection.call(&["INFO", "stats"]).expect("the server answers");
    let info = String::from_utf8_lossy(info.bytes()).into_owned();
    let field = info.lines().find_map(|line| line.strip_prefix("scripts_on_all_shards:"));
    field.and_then(|count| count.parse().ok()).expect("INFO counts such scripts")
}

#[test]
fn four_workers_are_strictly_serialisable() {
    check_workers(4, 300_000);
}

#[test]
fn fewer_workers_are_strictly_serialisable() {
    check_workers(1, 50_000);
    check_workers(2, 50_000);
}

#[test]
fn copies_that_clients_keep_are_void_in_time() {
    for workers in [1, 2, 4] {
        let (_server, address) = start(workers);
        let options = caching::Options { request_count: 30_000, client_count: 8, broadcasts: true, seed: 1 };
        let done = caching::check_server(&address, &options)
            .unwrap_or_else(|anomaly| panic!("{workers} workers: {anomaly}"));
        assert!(done.notices > 1000, "{done:?} shows little");
    }
}
