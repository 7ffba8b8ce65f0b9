//! What is a module in Redis and built in here. Clients decide by it what a server is able to do: MODULE LIST, HELLO and INFO tell it.

use kora_core::command::spec::Facts;

/// Names and versions.
pub(crate) const MODULES: &[(&str, i64)] = &[kora_json::MODULE, kora_search::MODULE, kora_vector::MODULE];

/// The name of the module that a command is of in Redis.
pub(crate) fn module_of(facts: &Facts) -> Option<&'static str> {
    let of = |module: (&'static str, i64)| Some(module.0);
    match facts.name.split_once('.')?.0 {
        "ft" => of(kora_search::MODULE),
        "json" => of(kora_json::MODULE),
        _ => None,
    }
}
