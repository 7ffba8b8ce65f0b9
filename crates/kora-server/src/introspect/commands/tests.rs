//! Shapes and order of fields were recorded from Redis 8.0.2; the words are Kora's.

use super::super::getkeys::{getkeys, getkeysandflags};
use super::super::reference::{markdown, syntax};
use super::*;
use crate::command::facts;
use kora_core::command::spec::CommandSpec;
use kora_core::reply::Value;
use kora_core::reply::tree::TreeSink;

macro_rules! specs {
    ($($name:ident)+) => {
        &[$(CommandSpec { facts: facts::$name, handler: () }),+]
    };
}

static SPECS: &[CommandSpec<()>] = specs! {
    CLIENT CLIENT_KILL CLIENT_LIST CLIENT_ID COMMAND COMMAND_GETKEYS CONFIG CONFIG_SET PING QUIT
};

fn table() -> CommandTable<()> {
    CommandTable::new(&[], &[SPECS])
}

fn tree(is_resp3: bool, write: impl FnOnce(&CommandTable<()>, &mut dyn Reply)) -> Value {
    let mut sink = TreeSink::new(is_resp3);
    write(&table(), &mut sink);
    let mut values = sink.into_values();
    assert_eq!(values.len(), 1, "one reply");
    values.remove(0)
}

/// A tree in one line: `{}` maps, `<>` sets, `[]` arrays, status replies bare, strings quoted.
fn line(value: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(line).collect::<Vec<_>>().join(" ");
    match value {
        Value::Simple(text) => text.clone(),
        Value::Error(text) => format!("-{text}"),
        Value::Integer(number) => number.to_string(),
        Value::Bulk(bytes) => format!("'{}'", String::from_utf8_lossy(bytes)),
        Value::Null => "null".into(),
        Value::Array(values) => format!("[{}]", list(values)),
        Value::Set(values) => format!("<{}>", list(values)),
        Value::Map(pairs) => {
            let pairs: Vec<_> =
                pairs.iter().map(|(key, value)| format!("{} {}", line(key), line(value))).collect();
            format!("{{{}}}", pairs.join(" "))
        }
        other => panic!("no introspection replies {other:?}"),
    }
}

fn bytes(text: &str) -> Vec<&[u8]> {
    text.split_whitespace().map(str::as_bytes).collect()
}

fn info_line(is_resp3: bool, names: &str) -> String {
    line(&tree(is_resp3, |table, out| info(table, &bytes(names), out)))
}

fn docs_line(is_resp3: bool, names: &str) -> String {
    line(&tree(is_resp3, |table, out| docs(table, &bytes(names), out)))
}

#[test]
fn info_describes_in_both_protocols() {
    assert_eq!(
        info_line(true, "get nosuch MSET"),
        "[['get' 2 <readonly fast> 1 1 1 <@read @string @fast> <> \
         <{'flags' <RO access> 'begin_search' {'type' 'index' 'spec' {'index' 1}} \
         'find_keys' {'type' 'range' 'spec' {'lastkey' 0 'keystep' 1 'limit' 0}}}> <>] \
         null \
         ['mset' -3 <write denyoom> 1 -1 2 <@write @string @slow> \
         <'request_policy:multi_shard' 'response_policy:all_succeeded'> \
         <{'flags' <OW update> 'begin_search' {'type' 'index' 'spec' {'index' 1}} \
         'find_keys' {'type' 'range' 'spec' {'lastkey' -1 'keystep' 2 'limit' 0}}}> <>]]"
    );
    assert_eq!(
        info_line(false, "ping"),
        "[['ping' -1 [fast] 0 0 0 [@fast @connection] \
         ['request_policy:all_shards' 'response_policy:all_succeeded'] [] []]]"
    );
}

#[test]
fn containers_describe_their_subcommands() {
    assert_eq!(
        info_line(true, "config config|set"),
        "[['config' -2 <> 0 0 0 <@slow> <> <> \
         [['config|set' -4 <admin noscript loading stale> 0 0 0 <@admin @slow @dangerous> \
         <'request_policy:all_nodes' 'response_policy:all_succeeded'> <> <>]]] \
         ['config|set' -4 <admin noscript loading stale> 0 0 0 <@admin @slow @dangerous> \
         <'request_policy:all_nodes' 'response_policy:all_succeeded'> <> <>]]"
    );
}

#[test]
fn docs_give_their_fields_in_order() {
    assert_eq!(
        docs_line(true, "quit nosuch config"),
        "{'quit' {'summary' 'Closes the connection.' 'since' '1.0.0' 'group' 'connection' 'complexity' 'O(1)' \
         'doc_flags' <deprecated> 'deprecated_since' '7.2.0' 'replaced_by' 'closing the connection'} \
         'config' {'summary' 'A container for commands about the configuration.' 'since' '2.0.0' \
         'group' 'server' 'complexity' 'That of the subcommand' 'subcommands' \
         {'config|set' {'summary' 'Changes directives of the configuration.' 'since' '2.0.0' 'group' 'server' \
         'complexity' 'O(N) for N directives' 'history' <['7.0.0' 'Takes several directives.']> \
         'arguments' [{'name' 'data' 'type' 'block' 'flags' <multiple> 'arguments' \
         [{'name' 'parameter' 'type' 'string' 'display_text' 'parameter'} \
         {'name' 'value' 'type' 'string' 'display_text' 'value'}]}]}}}}"
    );
    let kill = docs_line(true, "client|kill");
    assert!(kill.contains(
        "{'name' 'old-format' 'type' 'string' 'display_text' 'ip:port' 'deprecated_since' '2.8.12'}"
    ));
    assert!(kill.contains("'display_text' 'client-id' 'token' 'ID' 'since' '2.8.12' 'flags' <optional"));
}

#[test]
fn system_commands_are_flagged() {
    let debug = docs_line(false, "debug");
    assert!(debug.contains("'doc_flags' [syscmd]"), "{debug}");
}

#[test]
fn keys_of_several_specifications_join_to_one_range() {
    for (name, range) in
        [("rename", "1 2 1"), ("copy", "1 2 1"), ("lcs", "1 2 1"), ("del", "1 -1 1"), ("ping", "0 0 0")]
    {
        let info = info_line(true, name);
        assert!(info.contains(&format!("> {range} <")), "{info}");
    }
}

#[test]
fn lists_are_filtered() {
    for (args, names) in [
        ("filterby pattern Cl*", "'client' 'client|id' 'client|kill' 'client|list'"),
        (
            "FILTERBY aclcat Connection",
            "'client|id' 'client|kill' 'client|list' 'command' 'command|getkeys' 'ping' 'quit'",
        ),
        ("filterby module x", ""),
        ("filterby aclcat nosuch", ""),
    ] {
        let found = tree(true, |table, out| list(table, &bytes(args), out).unwrap());
        assert_eq!(line(&found), format!("[{names}]"), "{args}");
    }
    let all = line(&tree(true, |table, out| list(table, &[], out).unwrap()));
    assert!(all.contains("'client'") && all.contains("'client|id'"), "{all}");
    for args in ["x", "filterby", "filterby foo x", "filterby aclcat"] {
        let error = list(&table(), &bytes(args), &mut TreeSink::new(true)).unwrap_err();
        assert_eq!(error, CommandError::Syntax, "{args}");
    }
}

#[test]
fn every_command_is_counted_once_and_hidden_ones_are_not() {
    let count = tree(true, |table, out| count(table, out));
    let Value::Array(all) = tree(true, |table, out| info(table, &[], out)) else { panic!("an array") };
    assert_eq!(line(&count), all.len().to_string());
    let documented = tree(true, |table, out| docs(table, &[], out));
    assert!(matches!(documented, Value::Map(pairs) if pairs.len() == all.len()));
}

#[test]
fn keys_are_found_or_refused_as_redis_does() {
    for (command, expected) in [
        ("get a", "['a']"),
        ("mset a 1 b 2", "['a' 'b']"),
        ("mset a 1 b", "['a' 'b']"),
        ("lcs a b", "['a' 'b']"),
        ("object encoding k", "['k']"),
        ("get", "-ERR Invalid number of arguments specified for command"),
        ("get a b", "-ERR Invalid number of arguments specified for command"),
        ("nosuch a", "-ERR Invalid command specified"),
        ("object foo k", "-ERR Invalid command specified"),
        ("client foo", "-ERR Invalid command specified"),
        ("client", "-ERR The command has no key arguments"),
        ("ping", "-ERR The command has no key arguments"),
    ] {
        let found = tree(true, |table, out| {
            if let Err(error) = getkeys(table, &bytes(command), out) {
                out.refuse(&error);
            }
        });
        assert_eq!(line(&found), expected, "{command}");
    }
    for (command, expected) in [
        ("mset a 1 b 2", "[['a' <OW update>] ['b' <OW update>]]"),
        ("set a 1", "[['a' <OW update>]]"),
        ("set a 1 GET", "[['a' <RW access update>]]"),
        ("copy a b", "[['a' <RO access>] ['b' <OW update>]]"),
    ] {
        let found = tree(true, |table, out| getkeysandflags(table, &bytes(command), out).unwrap());
        assert_eq!(line(&found), expected, "{command}");
    }
}

#[test]
fn syntax_is_made_from_the_arguments() {
    for (facts, expected) in [
        (&facts::PING, "PING [message]"),
        (&facts::CONFIG_SET, "CONFIG SET parameter value [parameter value ...]"),
        (&facts::COMMAND_GETKEYS, "COMMAND GETKEYS command [arg [arg ...]]"),
        (&facts::CLIENT_PAUSE, "CLIENT PAUSE timeout [WRITE | ALL]"),
    ] {
        let found = syntax(facts);
        assert_eq!(found, expected);
    }
    let list = syntax(&facts::CLIENT_LIST);
    let expected = "CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]] ";
    assert!(list.starts_with(expected), "{list}");
}

#[test]
fn the_reference_has_a_row_per_command_and_groups() {
    let text = markdown(&table());
    assert!(text.contains("\n## connection\n"), "{text}");
    assert!(
        text.contains("| `PING [message]` | 1.0.0 | O(1) | Answers PONG, or the message it is given |"),
        "{text}"
    );
    assert!(text.contains("| `CONFIG SET parameter value [parameter value ...]` * |"), "{text}");
    assert!(!text.contains("`CONFIG`"), "containers have no row of their own");
}
