//! Options that are refused, with the reason; and errors in redis-cli's words.

use std::error::Error as _;

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

/// Why the command line is not run.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It asks for help or the version, or clap says what is wrong.
    Shown(clap::Error),
    /// In redis-cli's words, or with a reason of our own.
    Told(String),
}

impl From<clap::Error> for Refused {
    /// What is wrong, without guesses at what else might have been meant.
    fn from(error: clap::Error) -> Self {
        let text = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => text.as_str(),
            _ => "",
        };
        let option = text(ContextKind::InvalidArg).split(' ').next().unwrap_or_default();
        let value = text(ContextKind::InvalidValue);
        match error.kind() {
            ErrorKind::UnknownArgument => Self::Told(unknown(option)),
            ErrorKind::InvalidValue if value.is_empty() => Self::Told(unrecognised(option)),
            ErrorKind::ValueValidation => {
                let reason = error.source().map(ToString::to_string).unwrap_or_default();
                Self::Told(invalid(option, value, &reason))
            }
            _ => Self::Shown(error),
        }
    }
}

fn unknown(option: &str) -> String {
    match UNAVAILABLE.into_iter().find(|(name, _)| *name == option) {
        Some((_, reason)) => format!("{option} is not available: {reason}"),
        None => unrecognised(option),
    }
}

fn unrecognised(option: &str) -> String {
    format!("Unrecognized option or bad number of args for: '{option}'")
}

/// Why an option does not take this value.
fn invalid(option: &str, value: &str, reason: &str) -> String {
    match option {
        "-t" => "Invalid connection timeout for -t.".to_owned(),
        "-u" => reason.to_owned(),
        "--show-pushes" => format!("Unknown --show-pushes value '{value}' (valid: '[y]es', '[n]o')"),
        "--cursor" | "--top" | "--memkeys-samples" | "--keystats-samples" => {
            format!("{option} conversion error.")
        }
        _ => format!("{option} does not take '{value}': {reason}"),
    }
}
