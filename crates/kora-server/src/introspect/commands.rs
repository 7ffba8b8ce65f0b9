//! COMMAND and its subcommands: the command table, told to clients.
//!
//! The shapes and the order of fields are those of Redis 8.0.2, in RESP2 and RESP3.

use super::getkeys::legacy_range;
use super::modules::module_of;
use kora_core::command::spec::{Arg, ArgType, BeginSearch, Categories, Facts, FindKeys, Flags, KeySpec};
use kora_core::command::table::{Command, CommandTable};
use kora_core::error::{CommandError, CommandResult};
use kora_core::glob;
use kora_core::reply::Reply;

/// Lines of COMMAND HELP.
pub const HELP: &[&str] = &[
    "(no subcommand)",
    "    Return details about all Redis commands.",
    "COUNT",
    "    Return the total number of commands in this Redis server.",
    "LIST",
    "    Return a list of all commands in this Redis server.",
    "INFO [<command-name> ...]",
    "    Return details about multiple Redis commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "DOCS [<command-name> ...]",
    "    Return documentation details about multiple Redis commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "GETKEYS <full-command>",
    "    Return the keys from a full Redis command.",
    "GETKEYSANDFLAGS <full-command>",
    "    Return the keys and the access flags from a full Redis command.",
];

/// COMMAND COUNT.
pub fn count<H: Copy>(table: &CommandTable<H>, out: &mut dyn Reply) {
    let count = listed(table).count();
    out.integer(i64::try_from(count).expect("commands are few"));
}

/// COMMAND, and COMMAND INFO with the names asked for; none means all.
pub fn info<H: Copy>(table: &CommandTable<H>, names: &[&[u8]], out: &mut dyn Reply) {
    if names.is_empty() {
        let all: Vec<_> = listed(table).collect();
        out.array(all.len());
        for command in all {
            describe(table, command, out);
        }
        return;
    }
    out.array(names.len());
    for name in names {
        match visible(table, name) {
            Some(command) => describe(table, command, out),
            None => out.null(),
        }
    }
}

/// COMMAND DOCS with the names asked for; none means all. Unknown names are left out.
pub fn docs<H: Copy>(table: &CommandTable<H>, names: &[&[u8]], out: &mut dyn Reply) {
    let commands: Vec<_> = if names.is_empty() {
        listed(table).collect()
    } else {
        names.iter().filter_map(|name| visible(table, name)).collect()
    };
    out.map(commands.len());
    for command in commands {
        document(table, command, out);
    }
}

/// Chooses commands for COMMAND LIST.
type Filter = Box<dyn Fn(&Facts) -> bool>;

/// COMMAND LIST with the arguments that follow it.
///
/// # Errors
/// If they are not a filter.
pub fn list<H: Copy>(table: &CommandTable<H>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let is_listed: Filter = match args {
        [] => Box::new(|_| true),
        [filter_by, filter, value] if filter_by.eq_ignore_ascii_case(b"filterby") => {
            filter_of(filter, value.to_vec())?
        }
        _ => return Err(CommandError::Syntax),
    };
    let names: Vec<_> = every(table).map(|command| command.facts).filter(|facts| is_listed(facts)).collect();
    out.array(names.len());
    for facts in names {
        out.bulk(facts.name.as_bytes());
    }
    Ok(())
}

fn filter_of(filter: &[u8], value: Vec<u8>) -> CommandResult<Filter> {
    match filter.to_ascii_lowercase().as_slice() {
        b"module" => Ok(Box::new(move |facts| {
            module_of(facts).is_some_and(|module| module.as_bytes().eq_ignore_ascii_case(&value))
        })),
        b"aclcat" => Ok(Box::new(move |facts| {
            facts.all_categories().names().any(|name| name.as_bytes().eq_ignore_ascii_case(&value))
        })),
        b"pattern" => Ok(Box::new(move |facts| glob::matches_ignore_case(&value, facts.name.as_bytes()))),
        _ => Err(CommandError::Syntax),
    }
}

/// All commands and subcommands that clients are told of.
fn every<H: Copy>(table: &CommandTable<H>) -> impl Iterator<Item = &Command<H>> {
    table.all().iter().filter(|command| !command.facts.hidden)
}

/// The commands that clients are told of, without subcommands.
pub(super) fn listed<H: Copy>(table: &CommandTable<H>) -> impl Iterator<Item = &Command<H>> {
    table.top_level().filter(|command| !command.facts.hidden)
}

/// The subcommands of `command` that clients are told of.
pub(super) fn listed_subcommands<'a, H: Copy>(
    table: &'a CommandTable<H>,
    command: &'a Command<H>,
) -> Vec<&'a Command<H>> {
    table.subcommands(command).filter(|subcommand| !subcommand.facts.hidden).collect()
}

fn visible<'a, H: Copy>(table: &'a CommandTable<H>, name: &[u8]) -> Option<&'a Command<H>> {
    table.find_by_full_name(name).filter(|command| !command.facts.hidden)
}

/// One entry of COMMAND INFO.
fn describe<H: Copy>(table: &CommandTable<H>, command: &Command<H>, out: &mut dyn Reply) {
    let facts = command.facts;
    let (first, last, step) = legacy_range(facts);
    out.array(10);
    out.bulk(facts.name.as_bytes());
    out.integer(i64::from(facts.arity));
    // Redis keeps this one to itself.
    words(facts.flags.names().filter(|name| *name != "may_replicate").collect(), out);
    for number in [first, last, step] {
        out.integer(number);
    }
    categories(facts.all_categories(), out);
    out.set(facts.tips.len());
    for tip in facts.tips {
        out.bulk(tip.as_bytes());
    }
    out.set(facts.keys.len());
    for spec in facts.keys {
        key_spec(spec, out);
    }
    let subcommands = listed_subcommands(table, command);
    if subcommands.is_empty() {
        out.set(0);
        return;
    }
    out.array(subcommands.len());
    for subcommand in subcommands {
        describe(table, subcommand, out);
    }
}

/// A set of status replies.
pub(super) fn words(words: Vec<&str>, out: &mut dyn Reply) {
    out.set(words.len());
    for word in words {
        out.simple(word);
    }
}

fn categories(categories: Categories, out: &mut dyn Reply) {
    let names: Vec<String> = categories.names().map(|name| format!("@{name}")).collect();
    words(names.iter().map(String::as_str).collect(), out);
}

fn key_spec(spec: &KeySpec, out: &mut dyn Reply) {
    out.map(3 + usize::from(spec.notes.is_some()));
    if let Some(notes) = spec.notes {
        text("notes", notes, out);
    }
    out.bulk(b"flags");
    words(spec.flags.names().collect(), out);
    out.bulk(b"begin_search");
    out.map(2);
    match spec.begin {
        BeginSearch::Index(index) => {
            text("type", "index", out);
            numbers("spec", &[("index", as_integer(index))], out);
        }
        BeginSearch::Keyword(keyword, from) => {
            text("type", "keyword", out);
            out.bulk(b"spec");
            out.map(2);
            text("keyword", keyword, out);
            number("startfrom", i64::from(from), out);
        }
        BeginSearch::Unknown => {
            text("type", "unknown", out);
            numbers("spec", &[], out);
        }
    }
    out.bulk(b"find_keys");
    out.map(2);
    match spec.find {
        FindKeys::Range { last, step, limit } => {
            text("type", "range", out);
            let fields =
                [("lastkey", i64::from(last)), ("keystep", as_integer(step)), ("limit", as_integer(limit))];
            numbers("spec", &fields, out);
        }
        FindKeys::KeyNum { number_at, first, step } => {
            text("type", "keynum", out);
            let fields = [("keynumidx", number_at), ("firstkey", first), ("keystep", step)];
            numbers("spec", &fields.map(|(name, value)| (name, as_integer(value))), out);
        }
        FindKeys::Unknown(_) => {
            text("type", "unknown", out);
            numbers("spec", &[], out);
        }
    }
}

/// One entry of COMMAND DOCS: name and facts.
fn document<H: Copy>(table: &CommandTable<H>, command: &Command<H>, out: &mut dyn Reply) {
    let facts = command.facts;
    let subcommands = listed_subcommands(table, command);
    let doc_flags = doc_flags(facts);
    let optional_fields = [
        !facts.complexity.is_empty(),
        module_of(facts).is_some(),
        !doc_flags.is_empty(),
        !facts.history.is_empty(),
        !facts.args.is_empty(),
        !subcommands.is_empty(),
    ];
    let deprecation_fields = if facts.deprecated.is_some() { 2 } else { 0 };
    out.bulk(facts.name.as_bytes());
    out.map(3 + deprecation_fields + optional_fields.into_iter().filter(|is_there| *is_there).count());
    text("summary", &format!("{}.", facts.summary), out);
    text("since", facts.since, out);
    text("group", facts.group.name(), out);
    if !facts.complexity.is_empty() {
        text("complexity", facts.complexity, out);
    }
    if let Some(module) = module_of(facts) {
        text("module", module, out);
    }
    if !doc_flags.is_empty() {
        out.bulk(b"doc_flags");
        words(doc_flags, out);
    }
    if let Some((version, replacement)) = facts.deprecated {
        text("deprecated_since", version, out);
        text("replaced_by", replacement, out);
    }
    if !facts.history.is_empty() {
        history(facts.history, out);
    }
    if !facts.args.is_empty() {
        arguments(facts.args, out);
    }
    if !subcommands.is_empty() {
        out.bulk(b"subcommands");
        out.map(subcommands.len());
        for subcommand in subcommands {
            document(table, subcommand, out);
        }
    }
}

fn doc_flags(facts: &Facts) -> Vec<&'static str> {
    let deprecated = facts.deprecated.is_some().then_some("deprecated");
    deprecated.into_iter().chain(facts.is_syscmd.then_some("syscmd")).collect()
}

fn history(changes: &[(&str, &str)], out: &mut dyn Reply) {
    out.bulk(b"history");
    out.set(changes.len());
    for (version, change) in changes {
        out.array(2);
        out.bulk(version.as_bytes());
        out.bulk(change.as_bytes());
    }
}

fn arguments(args: &[Arg], out: &mut dyn Reply) {
    out.bulk(b"arguments");
    out.array(args.len());
    for arg in args {
        argument(arg, out);
    }
}

fn argument(arg: &Arg, out: &mut dyn Reply) {
    let is_group = matches!(arg.kind, ArgType::OneOf | ArgType::Block);
    let display = arg.display.or((!is_group).then_some(arg.name));
    let flags: Vec<&str> = [
        (arg.is_optional, "optional"),
        (arg.is_multiple, "multiple"),
        (arg.is_token_multiple, "multiple_token"),
    ]
    .into_iter()
    .filter_map(|(is_set, flag)| is_set.then_some(flag))
    .collect();
    let has_key_spec = arg.kind == ArgType::Key || arg.key_spec > 0;
    let texts = [
        ("display_text", display),
        ("token", arg.token),
        ("since", arg.since),
        ("deprecated_since", arg.deprecated),
    ];
    let text_count = texts.iter().filter(|(_, value)| value.is_some()).count();
    out.map(
        2 + text_count + usize::from(has_key_spec) + usize::from(!flags.is_empty()) + usize::from(is_group),
    );
    text("name", arg.name, out);
    text("type", arg.kind.name(), out);
    for (name, value) in texts {
        if let Some(value) = value {
            text(name, value, out);
        }
        if has_key_spec && name == "display_text" {
            number("key_spec_index", as_integer(arg.key_spec), out);
        }
    }
    if !flags.is_empty() {
        out.bulk(b"flags");
        words(flags, out);
    }
    if is_group {
        arguments(arg.parts, out);
    }
}

fn text(name: &str, value: &str, out: &mut dyn Reply) {
    out.bulk(name.as_bytes());
    out.bulk(value.as_bytes());
}

fn number(name: &str, value: i64, out: &mut dyn Reply) {
    out.bulk(name.as_bytes());
    out.integer(value);
}

fn numbers(name: &str, fields: &[(&str, i64)], out: &mut dyn Reply) {
    out.bulk(name.as_bytes());
    out.map(fields.len());
    for (field, value) in fields {
        number(field, *value, out);
    }
}

fn as_integer(value: usize) -> i64 {
    i64::try_from(value).expect("declared positions are small")
}

/// Whether a command runs only where administrators may: used by the command reference.
pub(super) fn is_admin(facts: &Facts) -> bool {
    facts.flags.has(Flags::ADMIN)
}

#[cfg(test)]
mod tests;
