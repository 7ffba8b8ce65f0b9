use kora_core::command::later::{is_later_command, is_later_subcommand};
use kora_core::command::spec::Flags;
use kora_core::command::table::Handler as Runner;

use super::table;

/// What is said to come later is not there yet.
#[test]
fn no_command_is_both_there_and_missing() {
    for command in table().all() {
        let name = command.facts.name;
        let is_later = match name.split_once('|') {
            Some((container, name)) => is_later_subcommand(container, name.as_bytes()),
            None => is_later_command(name.as_bytes()),
        };
        assert!(!is_later, "{name}");
    }
}

/// A command that scripts may call runs for them too, but for SELECT, which is the interpreter's.
#[test]
fn every_command_that_scripts_may_call_has_a_form_for_them() {
    for command in table().all() {
        let Runner::Driver(handler) = command.handler else { continue };
        let is_called = !command.facts.flags.has(Flags::NOSCRIPT)
            && command.subcommands.is_empty()
            && command.facts.name != "select";
        assert!(!is_called || handler.in_script().is_some(), "{}", command.facts.name);
    }
}
