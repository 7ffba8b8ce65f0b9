//! DEBUG subcommands of Redis 8.0 and Valkey 8.1 that can't be done here, each with the reason. docs/info.md lists them.

use crate::error::CommandError;

const BUFFERS: &str =
    "connections have no reply buffers of their own: they borrow them while there is something to send";
const CLUSTER: &str = "there is no cluster";
const REPLICAS: &str = "there are no replicas";
const ALLOCATOR: &str = "the allocator's settings stay as they are; MEMORY MALLOC-STATS shows them";
const PROCESS: &str = "the server does not start itself anew; whoever started it does";
const LAYOUT: &str = "values do not lie in Redis's structures";

/// Names and reasons, by name.
const MISSING: &[(&str, &str)] = &[
    ("AOF-FLUSH-SLEEP", "the log is written by a thread for which no command waits"),
    ("CLIENT-ENFORCE-REPLY-LIST", BUFFERS),
    ("CLIENT-EVICTION", "there are no pools of connections by size; CLIENT LIST shows tot-mem"),
    ("CLOSE-CLUSTER-LINK-ON-PACKET-DROP", CLUSTER),
    ("CLUSTERLINK", CLUSTER),
    ("CONFIG-REWRITE-FORCE-ALL", "CONFIG REWRITE writes what is not as by default; --print-config shows all"),
    ("CRASH-AND-RECOVER", PROCESS),
    ("DELAY-RDB-CLIENT-FREE-SECOND", REPLICAS),
    ("DICT-RESIZING", "tables grow a piece at a time with their keys, which can't be put off"),
    ("DISABLE-CLUSTER-RANDOM-PING", CLUSTER),
    ("DROP-CLUSTER-PACKET-FILTER", CLUSTER),
    ("INTERNAL_SECRET", CLUSTER),
    ("LEAK", "memory can't be lost"),
    ("MALLCTL", ALLOCATOR),
    ("MALLCTL-STR", ALLOCATOR),
    ("MARK-INTERNAL-CLIENT", "there are no internal connections"),
    ("PAUSE-AFTER-FORK", "nothing is forked"),
    ("PAUSE-CRON", "there is no such cron; SET-ACTIVE-EXPIRE ends that expired keys go by themselves"),
    ("REPL-PAUSE", REPLICAS),
    ("REPLICATE", REPLICAS),
    ("REPLYBUFFER", BUFFERS),
    ("RESTART", PROCESS),
    ("SCRIPT", "scripts are not shown; SCRIPT EXISTS tells which are known"),
    ("SDSLEN", LAYOUT),
    ("STRINGMATCH-TEST", "patterns are tested by the tests of the source"),
    ("STRUCTSIZE", LAYOUT),
];

/// The error for a subcommand that can't be done here; none for one that nobody knows.
#[cold]
pub(super) fn refusal(name: &[u8]) -> Option<CommandError> {
    let (name, reason) = MISSING.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))?;
    Some(CommandError::Other(format!("ERR DEBUG {name} can't be done here: {reason}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_tells_its_reason() {
        assert!(MISSING.is_sorted());
        for (name, reason) in MISSING {
            let error = refusal(name.to_ascii_lowercase().as_bytes()).expect("it is in the list").to_string();
            assert!(
                error.starts_with("ERR DEBUG ") && error.contains(name) && error.ends_with(reason),
                "{error}"
            );
        }
        assert!(refusal(b"sleep").is_none());
    }

    #[test]
    fn the_documentation_lists_each() {
        let page = include_str!("../../../../../../docs/info.md");
        for (name, _) in MISSING {
            assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/info.md");
        }
    }
}
