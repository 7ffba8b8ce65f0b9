//! Commands of Redis and Valkey that this version of Kora does not have.
//!
//! The error says so, but starts like the error for any unknown command: clients that try a command to see whether the server
//! has it still recognise the answer.

/// The rest of the error, after the command's name.
pub(crate) const REASON: &str = ", which is not available in this version of Kora";

/// Families of modules, by how their names begin.
const FAMILIES: &[&str] = &["bf.", "cf.", "cms.", "tdigest.", "topk.", "ts."];

/// Commands by name, in order.
const COMMANDS: &[&str] = &[
    "arcount",
    "ardel",
    "ardelrange",
    "arget",
    "argetrange",
    "argrep",
    "arinfo",
    "arinsert",
    "arlastitems",
    "arlen",
    "armget",
    "armset",
    "arnext",
    "arop",
    "arring",
    "arscan",
    "arseek",
    "arset",
    "asking",
    "backup",
    "blmovem",
    "cluster",
    "clusterscan",
    "delex",
    "delifeq",
    "digest",
    "failover",
    "ft.add",
    "ft.addhash",
    "ft.aliaslist",
    "ft.drop",
    "ft.safeadd",
    "ft.synadd",
    "himport",
    "increx",
    "lmovem",
    "msetex",
    "psync",
    "readonly",
    "readwrite",
    "replconf",
    "replicaof",
    "sdiffcard",
    "sentinel",
    "sflush",
    "slaveof",
    "sunioncard",
    "sync",
    "trimslots",
    "xcfgset",
    "xidmprecord",
    "xnack",
];

/// Subcommands by full name, in order.
const SUBCOMMANDS: &[&str] = &[
    "cluster|addslots",
    "cluster|addslotsrange",
    "cluster|bumpepoch",
    "cluster|count-failure-reports",
    "cluster|countkeysinslot",
    "cluster|delslots",
    "cluster|delslotsrange",
    "cluster|failover",
    "cluster|flushslots",
    "cluster|forget",
    "cluster|getkeysinslot",
    "cluster|help",
    "cluster|info",
    "cluster|keyslot",
    "cluster|links",
    "cluster|meet",
    "cluster|myid",
    "cluster|myshardid",
    "cluster|nodes",
    "cluster|replicas",
    "cluster|replicate",
    "cluster|reset",
    "cluster|saveconfig",
    "cluster|set-config-epoch",
    "cluster|setslot",
    "cluster|shards",
    "cluster|slaves",
    "cluster|slot-stats",
    "cluster|slots",
];

/// Whether Redis or Valkey has the command `name`, in any case, and this version of Kora has not.
pub fn is_later_command(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    COMMANDS.binary_search_by(|known| known.as_bytes().cmp(&name)).is_ok()
        || FAMILIES.iter().any(|family| name.starts_with(family.as_bytes()) && name.len() > family.len())
}

/// Whether the subcommand `name` of `container` belongs to Redis or Valkey, but not to this version of Kora.
pub fn is_later_subcommand(container: &str, name: &[u8]) -> bool {
    let full = [container.as_bytes(), b"|", name].concat().to_ascii_lowercase();
    SUBCOMMANDS.binary_search_by(|known| known.as_bytes().cmp(&full)).is_ok()
}

/// Whether the command `name`, in any case, is one of Redis or Valkey that has subcommands, none of which this version of Kora has.
pub fn is_later_container(name: &[u8]) -> bool {
    let begin = [name, b"|"].concat().to_ascii_lowercase();
    is_later_command(name) && SUBCOMMANDS.iter().any(|known| known.as_bytes().starts_with(&begin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::CommandTable;

    #[test]
    fn the_lists_are_in_order() {
        assert!(COMMANDS.is_sorted() && SUBCOMMANDS.is_sorted());
    }

    #[test]
    fn what_comes_later_is_told_from_what_nobody_knows() {
        for name in ["DIGEST", "asking", "CMS.INCRBY", "ft.aliaslist", "BF.ADD"] {
            assert!(is_later_command(name.as_bytes()), "{name}");
        }
        for name in ["", "nosuch", "ft.search", "vadd", "json.foo", "get", "acl|cat"] {
            assert!(!is_later_command(name.as_bytes()), "{name}");
        }
        assert!(is_later_subcommand("cluster", b"Slots"));
        assert!(!is_later_subcommand("client", b"foo"));
    }

    #[test]
    fn the_errors_say_so_behind_the_words_that_clients_look_for() {
        let table = CommandTable::<()>::new(&[], &[]);
        let error = |args: &[&[u8]]| table.resolve(args).unwrap_err().to_string();
        assert_eq!(
            error(&[b"Digest", b"x"]),
            "ERR unknown command 'Digest', which is not available in this version of Kora"
        );
        assert_eq!(error(&[b"nosuch", b"x"]), "ERR unknown command 'nosuch', with args beginning with: 'x' ");
    }
}
