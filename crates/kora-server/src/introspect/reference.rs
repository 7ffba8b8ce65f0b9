//! The command reference in Markdown, made from the command table: `docs/commands.md`.

use super::commands::{is_admin, listed, listed_subcommands};
use kora_core::command::spec::{Arg, ArgType, Facts};
use kora_core::command::table::CommandTable;
use std::fmt::Write;

/// All commands by group, each with its form, age, cost and summary.
#[must_use]
pub fn markdown<H: Copy>(table: &CommandTable<H>) -> String {
    let mut commands: Vec<&'static Facts> = Vec::new();
    for command in listed(table) {
        let subcommands = listed_subcommands(table, command);
        if subcommands.is_empty() {
            commands.push(command.facts);
        }
        commands.extend(subcommands.iter().map(|subcommand| subcommand.facts));
    }
    commands.sort_by_key(|facts| (facts.group.name(), facts.name));
    let mut text = String::from(
        "# Commands\n\nMade from the command table by `cargo xtask docs`. *since* is the version of Redis that \
         introduced the command;\ncommands marked with * are for administrators.\n",
    );
    for group in commands.chunk_by(|a, b| a.group == b.group) {
        let _ = write!(text, "\n## {}\n\n", group[0].group.name());
        text.push_str("| command | since | cost | what it does |\n|---|---|---|---|\n");
        for facts in group {
            let star = if is_admin(facts) { " *" } else { "" };
            let row = [&format!("`{}`{star}", syntax(facts)), facts.since, facts.complexity, facts.summary];
            let cells = row.map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    text
}

/// A command's form, such as `GETEX key [EX seconds | PERSIST]`.
#[must_use]
pub fn syntax(facts: &Facts) -> String {
    let name = facts.name.to_ascii_uppercase().replace('|', " ");
    std::iter::once(name).chain(facts.args.iter().map(form)).collect::<Vec<_>>().join(" ")
}

fn form(arg: &Arg) -> String {
    let joined = |separator: &str| arg.parts.iter().map(form).collect::<Vec<_>>().join(separator);
    let value = match arg.kind {
        ArgType::PureToken => None,
        ArgType::OneOf => Some(joined(" | ")),
        ArgType::Block => Some(joined(" ")),
        _ => Some(arg.display.unwrap_or(arg.name).to_owned()),
    };
    // A choice behind a word, or one that must be made, needs a bracket of its own.
    let value = value.map(|value| {
        let is_open = arg.kind == ArgType::OneOf && (arg.token.is_some() || !arg.is_optional);
        if is_open { format!("<{value}>") } else { value }
    });
    let token = arg.token.map(|token| if token.is_empty() { "\"\"" } else { token });
    let words: Vec<&str> = token.into_iter().chain(value.as_deref()).collect();
    let once = words.join(" ");
    let repeated = match (arg.is_multiple, arg.is_token_multiple) {
        (false, _) => once.clone(),
        (true, true) => format!("{once} [{once} ...]"),
        (true, false) => format!("{once} [{} ...]", value.as_deref().unwrap_or(&once)),
    };
    if arg.is_optional { format!("[{repeated}]") } else { repeated }
}
