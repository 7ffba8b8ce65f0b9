//! What a server tells of its commands: COMMAND and COMMAND DOCS.

use std::collections::BTreeMap;

use anyhow::ensure;

use crate::frame::Frame;
use crate::target::Connection;

/// What would end the server, stop it for long, write files elsewhere, or reach another machine; and what only a test's own server
/// could bear.
const LEFT_OUT: &[&str] = &[
    "shutdown",
    "debug",
    "migrate",
    "replicaof",
    "slaveof",
    "psync",
    "sync",
    "failover",
    "monitor",
    "save",
    "bgsave",
    "bgrewriteaof",
    "client|pause",
    "config|set",
    "config|rewrite",
    "acl|save",
    "acl|load",
    "module|load",
    "module|loadex",
    "wait",
    "waitaof",
];

/// An argument as COMMAND DOCS tells it.
#[derive(Clone, Debug, Default)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) token: Option<String>,
    pub(super) is_optional: bool,
    pub(super) is_multiple: bool,
    pub(super) parts: Vec<Argument>,
}

/// A command.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// Its name, and that of the subcommand.
    pub(super) words: Vec<String>,
    /// What it is about, such as `list`.
    pub(super) group: String,
    /// Arguments that it has at least, the name included.
    pub(super) least: usize,
    pub(super) arguments: Vec<Argument>,
}

/// All commands that are not left out.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) commands: Vec<Command>,
}

impl Table {
    pub(super) fn ask(connection: &mut dyn Connection) -> anyhow::Result<Self> {
        let mut arities = BTreeMap::new();
        for entry in connection.call(&["COMMAND"])?.items() {
            note_arities(entry, &mut arities);
        }
        let docs = connection.call(&["COMMAND", "DOCS"])?;
        let mut commands = Vec::new();
        take_commands(&docs, "", &arities, &mut commands);
        ensure!(commands.len() > 200, "{} commands are known", commands.len());
        Ok(Self { commands })
    }
}

fn text(frame: &Frame) -> String {
    String::from_utf8_lossy(frame.bytes()).into_owned()
}

fn note_arities(entry: &Frame, arities: &mut BTreeMap<String, usize>) {
    let [name, arity, .., subcommands] = entry.items() else { return };
    let least = arity.number().map_or(1, i64::unsigned_abs);
    arities.insert(text(name), usize::try_from(least).unwrap_or(1));
    subcommands.items().iter().for_each(|entry| note_arities(entry, arities));
}

/// The value behind a name in an array of names and values.
fn field<'a>(map: &'a Frame, name: &str) -> Option<&'a Frame> {
    map.items().chunks_exact(2).find(|pair| pair[0].bytes() == name.as_bytes()).map(|pair| &pair[1])
}

fn take_commands(docs: &Frame, group: &str, arities: &BTreeMap<String, usize>, commands: &mut Vec<Command>) {
    for pair in docs.items().chunks_exact(2) {
        let (name, facts) = (text(&pair[0]), &pair[1]);
        let group = field(facts, "group").map_or_else(|| group.to_owned(), text);
        if LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        if let Some(subcommands) = field(facts, "subcommands") {
            take_commands(subcommands, &group, arities, commands);
            continue;
        }
        let arguments = field(facts, "arguments").map_or(&[][..], Frame::items);
        commands.push(Command {
            words: name.split('|').map(str::to_owned).collect(),
            group,
            least: arities.get(&name).copied().unwrap_or(1),
            arguments: arguments.iter().map(argument).collect(),
        });
    }
}

fn argument(facts: &Frame) -> Argument {
    let flags: Vec<String> = field(facts, "flags").map_or(&[][..], Frame::items).iter().map(text).collect();
    let has = |name: &str| flags.iter().any(|flag| flag == name);
    Argument {
        name: field(facts, "name").map_or_else(String::new, text),
        kind: field(facts, "type").map_or_else(String::new, text),
        token: field(facts, "token").map(text),
        is_optional: has("optional"),
        is_multiple: has("multiple"),
        parts: field(facts, "arguments").map_or(&[][..], Frame::items).iter().map(argument).collect(),
    }
}
