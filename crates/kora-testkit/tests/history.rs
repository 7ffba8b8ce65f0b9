//! A slice of the history checker over the real server. `cargo xtask history` runs the long one.

use kora_server::Server;
use kora_server::config::command_line::{Invocation, read};
use kora_testkit::history::{Options, check};
use kora_testkit::process::free_port;

fn check_workers(workers: u16, command_count: u64) {
    let port = free_port().expect("a port is free").to_string();
    let workers = workers.to_string();
    let args = ["--port", &port, "--bind", "127.0.0.1", "--workers", &workers];
    let Ok(Invocation::Run(loaded)) = read(&args, &mut std::io::empty()) else {
        panic!("the options are well-formed");
    };
    let server = Server::start(loaded.config, None).expect("the port is free");
    let address = server.addresses()[0].to_string();
    let options = Options { command_count, client_count: 8, seed: 1 };
    check(&address, &options).unwrap_or_else(|anomaly| panic!("{workers} workers: {anomaly}"));
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
