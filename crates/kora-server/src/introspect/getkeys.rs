//! COMMAND GETKEYS and GETKEYSANDFLAGS, and the first-last-step form of a command's key positions.

use super::commands::words;
use kora_core::command::keys::{KeyAt, Keys, extract_keys};
use kora_core::command::spec::{BeginSearch, Facts, FindKeys, Flags, KeyFlags};
use kora_core::command::table::CommandTable;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

/// COMMAND GETKEYS for a whole command.
///
/// # Errors
/// If the command is unknown, has no keys, or its arguments contradict its form.
pub fn getkeys<H: Copy>(table: &CommandTable<H>, command: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (_, keys) = find(table, command)?;
    out.array(keys.len());
    for key in keys {
        out.bulk(argument(command, key));
    }
    Ok(())
}

/// COMMAND GETKEYSANDFLAGS for a whole command.
///
/// # Errors
/// As [`getkeys`].
pub fn getkeysandflags<H: Copy>(
    table: &CommandTable<H>,
    command: &[&[u8]],
    out: &mut dyn Reply,
) -> CommandResult {
    let (facts, keys) = find(table, command)?;
    out.array(keys.len());
    for key in keys {
        out.array(2);
        out.bulk(argument(command, key));
        words(key.flags(facts, command).names().collect(), out);
    }
    Ok(())
}

fn argument<'a>(command: &[&'a [u8]], key: KeyAt) -> &'a [u8] {
    command[usize::try_from(key.index).expect("an argument's index fits a word")]
}

fn find<H: Copy>(table: &CommandTable<H>, command: &[&[u8]]) -> CommandResult<(&'static Facts, Keys)> {
    let refuse = |text| Err(CommandError::text(text));
    let Some(facts) = lookup(table, command) else { return refuse("ERR Invalid command specified") };
    if facts.keys.iter().all(|spec| spec.flags.has(KeyFlags::NOT_KEY)) {
        return refuse("ERR The command has no key arguments");
    }
    if !facts.takes(command.len()) {
        return refuse("ERR Invalid number of arguments specified for command");
    }
    match extract_keys(facts, command) {
        Ok(keys) => Ok((facts, keys)),
        Err(_) if facts.flags.has(Flags::NO_MANDATORY_KEYS) => Ok((facts, Keys::new())),
        Err(_) => refuse("ERR Invalid arguments specified for command"),
    }
}

/// The command that `command` would run; a container followed by an unknown subcommand would run none.
fn lookup<H: Copy>(table: &CommandTable<H>, command: &[&[u8]]) -> Option<&'static Facts> {
    let container = table.find(command.first()?).filter(|found| !found.facts.hidden)?;
    let is_container = table.subcommands(container).any(|subcommand| !subcommand.facts.hidden);
    match command.get(1) {
        Some(subcommand) if is_container => {
            table.find_subcommand(container, subcommand).map(|found| found.facts)
        }
        _ => Some(container.facts),
    }
}

/// First key, last key (negative: from the end) and step, as COMMAND INFO gave them before key specifications.
///
/// Specifications that have no such form are left out; adjoining ones are joined.
pub(super) fn legacy_range(facts: &Facts) -> (i64, i64, i64) {
    let ranges = facts.keys.iter().filter_map(|spec| match (spec.begin, spec.find) {
        (BeginSearch::Index(first), FindKeys::Range { last, step, .. }) => {
            Some((i64::try_from(first).ok()?, i64::from(last), i64::try_from(step).ok()?))
        }
        _ => None,
    });
    let absolute =
        |(first, last, step): (i64, i64, i64)| (first, if last < 0 { last } else { first + last }, step);
    if let [_] = facts.keys {
        return ranges.map(absolute).next().unwrap_or((0, 0, 0));
    }
    let mut joined: Option<(i64, i64, i64)> = None;
    for (first, last, step) in ranges.map(absolute) {
        joined = match joined {
            None if step == 1 => Some((first, last, step)),
            Some((begin, end, 1)) if step == 1 && first == end + 1 => Some((begin, last, 1)),
            unchanged => unchanged,
        };
    }
    joined.unwrap_or((0, 0, 0))
}
