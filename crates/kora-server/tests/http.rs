//! The port of an operator: metrics, health and the console, over real connections to the program.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "robust/client.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod client;
#[path = "http/console.rs"]
mod console;
#[path = "http/figures.rs"]
mod figures;
#[path = "http/hostile.rs"]
mod hostile;
#[path = "http/names.rs"]
mod names;
#[path = "http/of_shards.rs"]
mod of_shards;
#[path = "robust/server.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod server;
#[path = "http/visitor.rs"]
mod visitor;
