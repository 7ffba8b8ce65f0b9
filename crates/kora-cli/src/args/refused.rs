//! Options that are refused, with the reason; and errors in redis-cli's words.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Why what needs the stream of changes can't be had.
const NO_REPLICATION: &str =
    "it needs the stream that servers send to their replicas (PSYNC), which is not served yet";

/// Why a cluster can't be managed.
const NO_CLUSTER: &str = "Kora forms no clusters yet; -c follows the redirections of those that there are";

/// Why scripts can't be debugged.
const NO_DEBUGGER: &str = "the server has no debugger of scripts; --eval runs them";

/// Why redis-cli's own tests are not there.
const OTHERS_TESTS: &str = "it is for redis-cli's own tests";

/// Options of redis-cli that this client has not, and why.
const UNAVAILABLE: [(&str, &str); 10] = [
    ("--cluster", NO_CLUSTER),
    ("--cluster-yes", NO_CLUSTER),
    ("--functions-rdb", NO_REPLICATION),
    ("--ldb", NO_DEBUGGER),
    ("--ldb-sync-mode", NO_DEBUGGER),
    ("--rdb", NO_REPLICATION),
    ("--replica", NO_REPLICATION),
    ("--test_hint", OTHERS_TESTS),
    ("--test_hint_file", OTHERS_TESTS),
    (
        "--vset-recall",
        "it measures one implementation of vector sets from outside; VSIM with TRUTH tells the same",
    ),
];

/// An error that says what is wrong, without guesses at what else might have been meant.
pub(super) fn explained(error: clap::Error) -> clap::Error {
    let kind = error.kind();
    let given = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(given)) => given.split(' ').next().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    if kind == ErrorKind::UnknownArgument
        && let Some((_, reason)) = UNAVAILABLE.into_iter().find(|(option, _)| *option == given)
    {
        return clap::Error::raw(kind, format!("{given} is not available: {reason}\n"));
    }
    let is_without_value = kind == ErrorKind::InvalidValue
        && matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(value)) if value.is_empty());
    if kind == ErrorKind::UnknownArgument || is_without_value {
        return clap::Error::raw(kind, format!("Unrecognized option or bad number of args for: '{given}'\n"));
    }
    error
}
