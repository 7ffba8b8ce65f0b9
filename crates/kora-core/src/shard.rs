//! Shards: each owns one store and runs commands on it, alone or together with others.

pub mod store;
