//! What is a module in Redis and built in here. Clients decide by it what a server is able to do: MODULE LIST, HELLO and INFO tell it.

/// Names and versions.
pub(crate) const MODULES: &[(&str, i64)] = &[kora_json::MODULE, kora_search::MODULE, kora_vector::MODULE];
