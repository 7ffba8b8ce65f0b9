//! Which commands the console takes.
//!
//! What a user may do is the engine's to judge. Here it is decided what a console is for at all: nothing that changes what a connection is or how it
//! talks, since each command stands for itself; and, where nobody has shown a password, nothing but looking.

use kora_core::command::spec::{Categories, Flags};

use crate::shared::Shared;

/// What changes a conversation, or makes it one that does not answer each request once.
const CONVERSATIONAL: [&str; 27] = [
    "asking",
    "auth",
    "client|caching",
    "client|capa",
    "client|no-evict",
    "client|no-touch",
    "client|reply",
    "client|setinfo",
    "client|setname",
    "client|tracking",
    "discard",
    "exec",
    "hello",
    "monitor",
    "multi",
    "psubscribe",
    "psync",
    "punsubscribe",
    "quit",
    "replconf",
    "reset",
    "select",
    "ssubscribe",
    "subscribe",
    "sync",
    "unwatch",
    "watch",
];

/// What may be looked at without a password beside commands that only read data.
const LOOKS: [&str; 40] = [
    "acl|cat",
    "acl|whoami",
    "client|getname",
    "client|id",
    "client|info",
    "client|list",
    "command",
    "command|count",
    "command|docs",
    "command|getkeys",
    "command|getkeysandflags",
    "command|info",
    "command|list",
    "commandlog|get",
    "commandlog|len",
    "echo",
    "ft.info",
    "function|stats",
    "hotkeys|get",
    "info",
    "lastsave",
    "latency|doctor",
    "latency|graph",
    "latency|histogram",
    "latency|history",
    "latency|latest",
    "memory|doctor",
    "memory|stats",
    "memory|usage",
    "module|list",
    "ping",
    "pubsub|channels",
    "pubsub|numpat",
    "pubsub|numsub",
    "role",
    "slowlog|get",
    "slowlog|len",
    "stats.hotkeys",
    "stats.latency",
    "stats.memory",
];

/// Why a command is not taken from a console; none if it is. One that does not exist, or has the wrong number of arguments, is left for the server to
/// say so.
pub(super) fn refusal(shared: &Shared, args: &[Vec<u8>], may_write: bool) -> Option<String> {
    let words: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
    let Ok(command) = shared.engine.table.resolve(&words) else { return None };
    let facts = command.facts;
    let is_among = |names: &[&str]| names.contains(&facts.name);
    if is_among(&CONVERSATIONAL)
        || (facts.flags.has(Flags::PUBSUB)
            && !facts.name.starts_with("pubsub|")
            && facts.flags.has(Flags::NOSCRIPT))
    {
        return Some(format!(
            "{} has no meaning in the console, where each command stands for itself",
            facts.told_name()
        ));
    }
    // Those who have not logged in share a connection.
    if !may_write && facts.flags.has(Flags::BLOCKING) {
        return Some(format!("without a password the console does not wait: {}", facts.told_name()));
    }
    let only_looks = is_among(&LOOKS)
        || (facts.flags.has(Flags::READONLY) && !facts.categories.has(Categories::SCRIPTING));
    (!may_write && !only_looks).then(|| {
        format!(
            "without a password the console only reads: {} is for those who log in (requirepass, or a user with a password)",
            facts.told_name()
        )
    })
}
