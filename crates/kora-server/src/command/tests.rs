use kora_core::command::later::{is_later_command, is_later_subcommand};
use kora_core::command::spec::Flags;
use kora_core::command::table::Handler;

use super::{AT_DESK, table};

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
    let has_form = |name| AT_DESK.iter().copied().flatten().any(|(known, _)| *known == name);
    for command in table().all() {
        let is_called = matches!(command.handler, Handler::Driver(_))
            && !command.facts.flags.has(Flags::NOSCRIPT)
            && command.subcommands.is_empty()
            && command.facts.name != "select";
        if is_called {
            assert!(has_form(command.facts.name), "{}", command.facts.name);
        }
    }
}
