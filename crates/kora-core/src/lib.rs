//! Kora's engine: data types, keyspace, commands and shards. No I/O, no clock, no entropy: time, seeds and
//! wake-ups are passed in, so that the whole engine can run in one thread from one seed.

pub mod catalog;
pub mod codec;
pub mod command;
pub mod config;
pub mod context;
pub mod db;
pub mod digest;
pub mod entry;
pub mod error;
mod extendible;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod glob;
pub mod hash;
pub mod idle;
pub mod journal;
pub mod number;
pub mod packed;
pub mod rdb;
pub mod reader;
pub mod reply;
pub mod services;
pub mod shard;
pub mod slot;
pub mod store;
pub mod table;
pub mod time;
pub mod types;
pub mod undo;

pub use kora_format::text;
